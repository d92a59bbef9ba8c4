"""The list, the figures above it, and the filters, live."""

import re
from decimal import Decimal

import pytest
from playwright.async_api import Browser, Request, expect

from tests.sandbox_page.inbox import cascade, opened, phone, send, send_zns, steady

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 20_000
MOST_ROWS = 60


def limits(requests: list[Request]) -> list[int]:
    queries = [request.url.partition("?")[2] for request in requests if "/messages?" in request.url]
    pairs = [dict(pair.split("=", 1) for pair in query.split("&")) for query in queries]
    return [int(query["limit"]) for query in pairs]


async def test_messages_appear_by_themselves_newest_first(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await expect(inbox.one("#first")).to_be_visible()
        await send(sandbox, [cascade(1), cascade(2)])
        await expect(inbox.row(phone(1))).to_be_visible()
        assert await inbox.phones() == [phone(2), phone(1)]
        await send(sandbox, [cascade(3)])
        await expect(inbox.row(phone(3))).to_be_visible()
        assert await inbox.phones() == [phone(3), phone(2), phone(1)]
        await expect(inbox.one("#found")).to_have_text("3 messages")


async def test_states_counts_and_cost_follow_without_a_reload(browser: Browser) -> None:
    outcomes = {phone(2): "undeliverable", phone(3): "permanenterror", phone(4): "never"}
    async with steady(outcomes=outcomes) as sandbox, opened(browser, sandbox) as inbox:
        messages = await send(sandbox, map(cascade, range(6)))
        await expect(inbox.chip("Scheduled")).to_have_text("Scheduled 6")
        sandbox.advance(3_600)
        for name, number in {
            "All": 6,
            "Scheduled": 0,
            "Processing": 1,
            "Delivered": 3,
            "Undeliverable": 1,
            "Permanent error": 1,
        }.items():
            await expect(inbox.chip(name)).to_have_text(f"{name} {number}")
        cost = sum((message.cost(sandbox.now()) or Decimal() for message in messages), Decimal())
        assert cost > 0
        await expect(inbox.one("#cost")).to_have_text(f"{cost} USD")
        await expect(inbox.row(phone(2))).to_contain_text("Undeliverable")
        await expect(inbox.row(phone(4))).to_contain_text("Processing")
        assert [request.resource_type for request in inbox.requests].count("document") == 1


async def test_new_messages_do_not_move_what_one_reads(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(100)))
        await expect(inbox.row(phone(99))).to_be_visible()
        await inbox.scroll(2_000)
        await expect(inbox.row(phone(65))).to_be_visible()
        seen, top = await inbox.phones(), await inbox.scrolled()
        await send(sandbox, map(cascade, range(100, 112)))
        await expect(inbox.one("#newer")).to_have_text("12 new")
        await expect(inbox.one("#found")).to_have_text("112 messages")
        assert (await inbox.phones(), await inbox.scrolled()) == (seen, top)
        await inbox.one("#newer").click()
        await expect(inbox.row(phone(111))).to_be_visible()
        await expect(inbox.one("#newer")).to_be_hidden()
        assert (await inbox.phones())[0] == phone(111)


async def test_new_ones_are_shown_when_one_scrolls_back_to_the_top(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(100)))
        await expect(inbox.row(phone(99))).to_be_visible()
        await inbox.scroll(2_000)
        await send(sandbox, [cascade(100)])
        await expect(inbox.one("#newer")).to_have_text("1 new")
        await inbox.scroll(0)
        await expect(inbox.row(phone(100))).to_be_visible()
        await expect(inbox.one("#newer")).to_be_hidden()


async def test_twenty_thousand_messages_are_all_there_and_few_are_in_the_page(browser: Browser) -> None:
    async with steady() as sandbox:
        await send(sandbox, map(cascade, range(MANY)))
        async with opened(browser, sandbox) as inbox:
            rows = inbox.one(".row")
            await expect(inbox.one("#found")).to_have_text("20,000 messages")
            await expect(inbox.row(phone(MANY - 1))).to_be_visible()
            assert await rows.first.get_attribute("aria-setsize") == str(MANY)
            assert await rows.count() < MOST_ROWS
            await inbox.scroll(64 * (MANY // 2))
            await expect(inbox.row(phone(MANY // 2 - 1))).to_be_visible()
            assert await rows.count() < MOST_ROWS
            await inbox.one("#list").press("End")
            await expect(inbox.row(phone(0))).to_be_visible()
            assert (await inbox.phones())[-1] == phone(0)
            assert await inbox.row(phone(0)).get_attribute("aria-posinset") == str(MANY)
            assert await rows.count() < MOST_ROWS
            sandbox.advance(3_600)
            await expect(inbox.chip("Delivered")).to_have_text("Delivered 20,000")
            await expect(inbox.row(phone(0))).to_contain_text("Delivered")

            await inbox.one("#search").fill("order 77")
            matching = sum("order 77" in f"order {number} is ready" for number in range(MANY))
            assert matching == 111
            await expect(inbox.one("#found")).to_have_text(f"20,000 messages, {matching} match")
            await inbox.one("#list").press("End")
            await expect(inbox.row(phone(77))).to_be_visible()
            assert (await inbox.phones())[-1] == phone(77)

            asked = limits(inbox.requests)
            assert max(asked) <= 500
            assert sum(asked) < MANY // 4


async def test_flying_through_the_list_asks_only_for_where_one_lands(browser: Browser) -> None:
    async with steady() as sandbox:
        await send(sandbox, map(cascade, range(5_000)))
        async with opened(browser, sandbox) as inbox:
            await expect(inbox.row(phone(4_999))).to_be_visible()
            before = len(limits(inbox.requests))
            await inbox.one("#list").evaluate(
                """async list => {
                    for (let row = 0; row <= 4000; row += 40) {
                        list.scrollTop = row * 64;
                        await new Promise(requestAnimationFrame);
                    }
                }"""
            )
            await expect(inbox.row(phone(999))).to_be_visible()
            assert len(limits(inbox.requests)) - before < 100
            assert await inbox.one(".row").count() < MOST_ROWS


async def test_filters_are_combined_and_undone(browser: Browser) -> None:
    outcomes = {phone(1): "undeliverable", phone(2): "undeliverable"}
    async with steady(outcomes=outcomes) as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [*map(cascade, range(4)), cascade(4, messageType="flashcall", text=None)])
        await send_zns(sandbox, {"name": "An"})
        sandbox.advance(3_600)
        await expect(inbox.chip("All")).to_have_text("All 6")
        await expect(inbox.chip("All")).to_have_attribute("aria-pressed", "true")
        await inbox.chip("Undeliverable").click()
        await expect(inbox.chip("Undeliverable")).to_have_attribute("aria-pressed", "true")
        await expect(inbox.one("#found")).to_have_text("6 messages, 2 match")
        await expect(inbox.row(phone(1))).to_be_visible()
        assert await inbox.phones() == [phone(2), phone(1)]
        await inbox.one("#search").fill("ORDER-1")
        await expect(inbox.one("#found")).to_have_text("6 messages, 1 match")
        await inbox.one("#vendor").select_option("zns")
        await expect(inbox.one("#none")).to_be_visible()
        await expect(inbox.one("#list")).to_be_hidden()
        await inbox.one("#all").click()
        await expect(inbox.one("#found")).to_have_text("6 messages")
        await expect(inbox.one("#search")).to_have_value("")
        await inbox.one("#channel").select_option("flashcall")
        await expect(inbox.one("#found")).to_have_text("6 messages, 1 match")
        await expect(inbox.row(phone(4))).to_be_visible()


async def test_rows_in_view_stay_while_others_leave_the_filter(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        messages = await send(sandbox, map(cascade, range(100)))
        await inbox.chip("Scheduled").click()
        await expect(inbox.one("#found")).to_have_text("100 messages, 100 match")
        await inbox.scroll(64 * 50)
        await expect(inbox.row(phone(45))).to_be_visible()
        seen = await inbox.phones()
        # Twenty above what is in view, and ten below it.
        for message in [*messages[70:90], *messages[10:20]]:
            sandbox.decide(message.message_id, "delivered")
        await expect(inbox.one("#found")).to_have_text("100 messages, 70 match")
        await expect(inbox.row(seen[0])).to_be_visible()
        assert await inbox.phones() == seen
        assert await inbox.row(seen[0]).get_attribute("aria-setsize") == "70"


async def test_the_list_is_emptied_when_the_messages_are_cleared(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(3)))
        await inbox.row(phone(1)).click()
        await expect(inbox.one("#detail")).to_be_visible()
        sandbox.clear()
        await expect(inbox.one("#first")).to_be_visible()
        await expect(inbox.one("#detail")).to_be_hidden()
        await expect(inbox.chip("All")).to_have_text("All 0")


async def test_the_empty_page_says_how_to_send_the_first_message(browser: Browser) -> None:
    async with steady(api_key="another-key") as sandbox, opened(browser, sandbox) as inbox:
        command = inbox.one("#curl")
        await expect(command).to_contain_text(f"curl {sandbox.url}/api/CascadeMessage/send_message/async")
        await expect(command).to_contain_text("X-Authorization-Key: another-key")
        body = (await command.inner_text()).partition("-d '")[2].removesuffix("'")
        await inbox.page.evaluate(
            """body => fetch("/api/CascadeMessage/send_message/async", {
                method: "POST", body,
                headers: {"Content-Type": "application/json", "X-Authorization-Key": "another-key"},
            })""",
            body,
        )
        await expect(inbox.row("+380501234567")).to_be_visible()


async def test_a_lost_connection_is_said_and_mended(browser: Browser) -> None:
    sandbox = steady()
    async with sandbox, opened(browser, sandbox) as inbox:
        messages = await send(sandbox, map(cascade, range(3)))
        await inbox.row(phone(1)).click()
        await sandbox.__aexit__(None, None, None)
        await expect(inbox.one("#live")).to_have_text("Connection lost, trying again")
        sandbox.decide(messages[1].message_id, "undeliverable")
        async with sandbox:
            await inbox.is_live()
            await expect(inbox.chip("Undeliverable")).to_have_text("Undeliverable 1")
            await expect(inbox.row(phone(1))).to_contain_text("Undeliverable")
            await expect(inbox.one(".detail .pill").first).to_have_text("Undeliverable")
            await send(sandbox, [cascade(7)])
            await expect(inbox.row(phone(7))).to_be_visible()
            inbox.complaints.clear()  # A browser notes every connection that fails.


async def test_another_sandbox_at_the_same_address_is_seen_for_what_it_is(browser: Browser) -> None:
    sandbox = steady()
    async with sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(30)))
        await inbox.row(phone(25)).click()
        await sandbox.__aexit__(None, None, None)
        await expect(inbox.one("#live")).to_have_text("Connection lost, trying again")
        async with steady(port=int(sandbox.url.rpartition(":")[2])) as other:
            await send(other, [cascade(500)])
            await inbox.is_live()
            await expect(inbox.row(phone(500))).to_be_visible()
            assert await inbox.phones() == [phone(500)]
            await expect(inbox.chip("All")).to_have_text("All 1")
            await expect(inbox.one("#detail")).to_be_hidden()
            inbox.complaints.clear()  # A browser notes every connection that fails.


async def test_filters_and_choice_outlive_a_reload(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(20)))
        await inbox.one("#search").fill("order 1")
        await inbox.chip("Scheduled").click()
        await inbox.row(phone(12)).click()
        await expect(inbox.page).to_have_url(re.compile(r"search=order\+1&status=scheduled&message="))
        await inbox.page.reload()
        await inbox.is_live()
        await expect(inbox.one("#search")).to_have_value("order 1")
        await expect(inbox.chip("Scheduled")).to_have_attribute("aria-pressed", "true")
        await expect(inbox.one("#found")).to_have_text("20 messages, 11 match")
        await expect(inbox.one("#detail h2")).to_have_text(phone(12))
        await expect(inbox.row(phone(12))).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("wrong", ["status=constructor", "status=lost", "channel=fax", "vendor=none"])
async def test_a_filter_that_this_sandbox_has_not_filters_nothing(browser: Browser, wrong: str) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(3)))
        await inbox.page.goto("about:blank")
        await inbox.page.goto(f"{sandbox.url}/#{wrong}&search=order")
        await inbox.is_live()
        await expect(inbox.one("#found")).to_have_text("3 messages, 3 match")
        await expect(inbox.one("#channel")).to_have_value("")
        await expect(inbox.chip("All")).to_have_attribute("aria-pressed", "true")
        inbox.complaints.clear()  # A browser notes that the channel was refused.


async def test_a_link_that_is_followed_within_the_page_is_obeyed(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        messages = await send(sandbox, map(cascade, range(3)))
        await inbox.row(phone(0)).click()
        await expect(inbox.one("#detail h2")).to_have_text(phone(0))
        await inbox.page.evaluate(
            "id => { location.hash = `search=order+2&vendor=smsbat&message=${id}`; }", messages[2].message_id
        )
        await expect(inbox.one("#detail h2")).to_have_text(phone(2))
        await expect(inbox.one("#search")).to_have_value("order 2")
        await expect(inbox.one("#vendor")).to_have_value("smsbat")
        await expect(inbox.one("#found")).to_have_text("3 messages, 1 match")
        await expect(inbox.row(phone(2))).to_have_attribute("aria-selected", "true")
        await inbox.page.evaluate("() => { location.hash = ''; }")
        await expect(inbox.one("#found")).to_have_text("3 messages")
        await expect(inbox.one("#detail")).to_be_hidden()


async def test_changes_are_told_to_a_screen_reader_politely_and_seldom(browser: Browser) -> None:
    # Its own context: a clock that was put into one stays there.
    async with steady() as sandbox, opened(browser, sandbox, locale="en-GB") as inbox:
        told = inbox.one("#told")
        assert await told.get_attribute("aria-live") == "polite"
        await expect(told).to_have_text("0 messages")
        await inbox.page.clock.install()
        await inbox.page.reload()
        await inbox.is_live()
        await expect(told).to_have_text("0 messages")
        for number in range(3):
            await send(sandbox, [cascade(number)])
            await expect(inbox.chip("All")).to_have_text(f"All {number + 1}")
        assert await told.inner_text() == "0 messages"
        await inbox.page.clock.fast_forward(10_000)
        await expect(told).to_have_text("3 messages, 3 scheduled")


async def test_forgotten_messages_leave_the_list(browser: Browser) -> None:
    most = 50
    async with steady(max_messages=most) as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(most)))
        await expect(inbox.row(phone(most - 1))).to_be_visible()
        await inbox.scroll(64 * 20)
        await expect(inbox.row(phone(25))).to_be_visible()
        seen = await inbox.phones()
        await send(sandbox, map(cascade, range(most, most + 5)))
        await expect(inbox.one("#newer")).to_have_text("5 new")
        assert await inbox.phones() == seen
        await inbox.one("#list").press("End")
        await expect(inbox.row(phone(5))).to_be_visible()
        assert (await inbox.phones())[-1] == phone(5)


async def test_a_hidden_page_gives_its_connection_back(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await inbox.page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", {value: true, configurable: true});
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        await send(sandbox, [cascade(1)])
        await expect(inbox.chip("All")).to_have_text("All 0")
        await inbox.page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", {value: false, configurable: true});
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        await expect(inbox.row(phone(1))).to_be_visible()
