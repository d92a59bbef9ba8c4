"""The steering menu: time, faults, a fresh start."""

import pytest
from playwright.async_api import Browser, expect

from tests.sandbox_page.inbox import cascade, opened, phone, send, steady

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_time_is_moved_by_a_minute_and_by_an_hour(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [cascade(1)])
        before = sandbox.now()
        await inbox.button("Steer").click()
        await inbox.button("Advance 1 minute").click()
        await expect(inbox.chip("Delivered")).to_have_text("Delivered 1")
        assert sandbox.now() == before + 60
        await inbox.button("Advance 1 hour").click()
        await expect(inbox.one("#toast")).to_contain_text("In the sandbox it is")
        assert sandbox.now() == before + 3_660


async def test_faults_are_added_told_and_forgotten(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await inbox.button("Steer").click()
        await inbox.button("Add the fault").click()
        await expect(inbox.one("#faults li")).to_have_text(["Lose the answer: next request"])
        await inbox.page.get_by_role("combobox", name="Fault").select_option("too_many")
        await inbox.page.get_by_role("combobox", name="For").select_option("status")
        await inbox.page.get_by_role("spinbutton", name="Times").fill("3")
        await inbox.button("Add the fault").click()
        await expect(inbox.one("#faults li")).to_have_text(
            ["Lose the answer: next request", "Answer 429: next 3 status requests"]
        )
        waiting = [(fault.fault, fault.on, fault.times) for fault in sandbox.faults]
        assert waiting == [("lose", "all", 1), ("too_many", "status", 3)]
        await inbox.button("Forget these faults").click()
        await expect(inbox.one("#faults li")).to_have_count(0)
        assert sandbox.faults == ()


async def test_messages_are_cleared_only_when_one_is_sure(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [cascade(1)])
        await inbox.button("Steer").click()
        await inbox.button("Clear all messages").click()
        assert await inbox.focused() == "clear-no"
        await inbox.button("Keep them").click()
        await expect(inbox.row(phone(1))).to_be_visible()
        await inbox.button("Clear all messages").click()
        await inbox.button("Yes, clear").click()
        await expect(inbox.one("#first")).to_be_visible()
        assert sandbox.messages == []
