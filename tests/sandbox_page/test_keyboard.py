"""The page by keyboard alone."""

import pytest
from playwright.async_api import Browser, expect

from tests.sandbox_page.inbox import NARROW, cascade, opened, phone, send, steady

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_letters_and_arrows_move_enter_opens_and_escape_goes_back(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(50)))
        await expect(inbox.row(phone(49))).to_be_visible()
        press = inbox.page.keyboard.press
        await press("j")
        assert await inbox.focused() == "list"
        await expect(inbox.row(phone(49))).to_have_attribute("aria-selected", "true")
        await press("j")
        await press("ArrowDown")
        await press("k")
        await expect(inbox.one("#detail h2")).to_have_text(phone(48))
        active = await inbox.one("#list").get_attribute("aria-activedescendant")
        assert active == await inbox.row(phone(48)).get_attribute("id")
        await press("Enter")
        assert await inbox.focused() == "H2"
        await press("j")
        await expect(inbox.one("#detail h2")).to_have_text(phone(47))
        await press("Escape")
        assert await inbox.focused() == "list"
        await press("End")
        await expect(inbox.one("#detail h2")).to_have_text(phone(0))
        await press("PageUp")
        await press("Home")
        await expect(inbox.one("#detail h2")).to_have_text(phone(49))
        assert await inbox.scrolled() == 0


async def test_the_marked_row_stays_in_view_and_marked_while_messages_come(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(50)))
        await expect(inbox.row(phone(49))).to_be_visible()
        for _ in range(20):
            await inbox.page.keyboard.press("j")
        await expect(inbox.one("#detail h2")).to_have_text(phone(30))
        assert phone(30) in await inbox.phones()
        await send(sandbox, map(cascade, range(50, 60)))
        await expect(inbox.one("#newer")).to_have_text("10 new")
        await expect(inbox.row(phone(30))).to_have_attribute("aria-selected", "true")
        await inbox.page.keyboard.press("j")
        await expect(inbox.one("#detail h2")).to_have_text(phone(29))


async def test_a_slash_searches_and_escape_clears_and_leaves(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(20)))
        await expect(inbox.row(phone(19))).to_be_visible()
        await inbox.page.keyboard.press("/")
        assert await inbox.focused() == "search"
        await inbox.page.keyboard.type("order 7/jk")
        await expect(inbox.one("#search")).to_have_value("order 7/jk")
        await expect(inbox.one("#none")).to_be_visible()
        await inbox.page.keyboard.press("Escape")
        await expect(inbox.one("#found")).to_have_text("20 messages")
        await expect(inbox.one("#search")).to_have_value("")
        await inbox.page.keyboard.press("Escape")
        assert await inbox.focused() == "list"


async def test_on_a_narrow_screen_moving_only_marks_and_opening_makes_room(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox, size=NARROW) as inbox:
        await send(sandbox, map(cascade, range(20)))
        await expect(inbox.row(phone(19))).to_be_visible()
        await inbox.page.keyboard.press("j")
        await expect(inbox.one("#detail")).to_be_hidden()
        await inbox.page.keyboard.press("Enter")
        await expect(inbox.one("#detail h2")).to_be_in_viewport()
        below = await inbox.page.evaluate(
            """() => document.getElementById("detail").getBoundingClientRect().top
                >= document.getElementById("list").getBoundingClientRect().bottom"""
        )
        assert below
        await inbox.button("Back to the list").click()
        await expect(inbox.one("#detail")).to_be_hidden()
        assert await inbox.focused() == "list"


async def test_everything_that_acts_is_reached_by_tab_has_a_name_and_shows_its_focus(
    browser: Browser,
) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [cascade(1)])
        await inbox.row(phone(1)).click()
        await expect(inbox.button("Deliver")).to_be_visible()
        await inbox.one(".skip").focus()
        reached: list[str] = []
        for _ in range(60):
            await inbox.page.keyboard.press("Tab")
            name = await inbox.page.evaluate(
                """() => {
                    const at = document.activeElement;
                    if (at === document.body) return null;
                    const style = getComputedStyle(at);
                    const row = at.querySelector('[aria-selected="true"]');
                    const shown = [style, ...(row ? [getComputedStyle(row)] : [])].some(
                        ({outlineStyle, outlineWidth}) =>
                            outlineStyle !== "none" && parseFloat(outlineWidth) >= 2);
                    const label = at.getAttribute("aria-label") || at.textContent.trim()
                        || [...at.labels ?? []].map(label => label.textContent.trim()).join();
                    return `${shown ? "" : "unseen "}${label ? "" : "unnamed "}${at.id || label}`;
                }"""
            )
            if name is None:
                break
            reached.append(name)
        assert not [name for name in reached if name.startswith(("unseen", "unnamed"))]
        for name in ("steer", "search", "channel", "vendor", "list", "by"):
            assert name in reached
        for name in ("Deliver", "Undeliverable", "Permanent error", "Never ends", "Copy the message id"):
            assert name in reached
        assert sum(name.startswith(("All", "Scheduled", "Processing", "Delivered")) for name in reached) == 4


async def test_the_steering_menu_opens_and_closes_by_keyboard(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await inbox.one("#steer").focus()
        await inbox.page.keyboard.press("Enter")
        await expect(inbox.one("#steering")).to_be_visible()
        await expect(inbox.one("#steer")).to_have_attribute("aria-expanded", "true")
        await inbox.page.keyboard.press("Tab")
        await inbox.page.keyboard.press("Enter")
        await expect(inbox.one("#toast")).to_contain_text("In the sandbox it is")
        await inbox.page.keyboard.press("Escape")
        await expect(inbox.one("#steering")).to_be_hidden()
        assert await inbox.focused() == "steer"
