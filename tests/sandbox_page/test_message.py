"""The chosen message: as its recipient sees it, where it went, and what is decided about it."""

import pytest
from playwright.async_api import Browser, Route, expect

from tests.sandbox_page.inbox import Inbox, cascade, opened, phone, send, send_zns, steady

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = '<img src=x onerror="window.broken = 1"><script>window.broken = 1</script> & <b>bold</b>'
TURNED = "שלום \u202eabc\u202c, code\u200b 4821\u2066"


async def show(inbox: Inbox, number: int) -> None:
    await inbox.row(phone(number)).click()
    await expect(inbox.one("#detail h2")).to_have_text(phone(number))


async def test_the_channels_are_told_in_order_with_their_fates_as_they_change(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        channels = inbox.one(".channels li")
        await expect(channels).to_have_text(["TelegramWaiting", "ViberWaiting", "RCSWaiting", "SMSWaiting"])
        await expect(inbox.one(".caption")).to_contain_text("Not on the phone yet")
        await expect(inbox.one(".device")).not_to_have_attribute("data-arrived", "")
        sandbox.advance(message.fate.processing_at)
        await expect(channels.first).to_have_text("TelegramTrying")
        await expect(inbox.one(".caption")).to_have_text("Not on the phone yet: Telegram is being tried")
        sandbox.decide(message.message_id, "delivered", channel="viber")
        await expect(channels).to_have_text(
            ["TelegramFailed", "ViberDelivered", "RCSNot used", "SMSNot used"]
        )
        await expect(inbox.one(".caption")).to_contain_text("Arrived by Viber at")
        await expect(inbox.one(".device")).to_have_attribute("data-arrived", "")
        await expect(inbox.one(".device")).to_have_attribute("data-channel", "viber")
        await expect(inbox.fact("cost")).to_have_text("0.02 USD")


async def test_the_sender_is_the_title_of_the_conversation_and_the_text_is_its_bubble(
    browser: Browser,
) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [cascade(1, fromName="Nova Poshta", text="Line one\nLine two")])
        await show(inbox, 1)
        await expect(inbox.one(".talk-title")).to_have_text("Nova Poshta")
        assert await inbox.one(".bubble .text").inner_text() == "Line one\nLine two"


async def test_figures_and_ids_are_told(browser: Browser) -> None:
    async with steady(outcomes={phone(1): "never"}) as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1, text="Довгий текст " * 12)])
        await show(inbox, 1)
        await expect(inbox.fact("cost")).to_have_text("Not known before the end")
        await expect(inbox.fact("ended")).to_have_text("Not yet")
        await expect(inbox.fact("message")).to_have_text(message.message_id)
        await expect(inbox.fact("tracking")).to_have_text("order-1")
        await expect(inbox.fact("answer")).to_have_text("Yes")
        await expect(inbox.fact("webhooks")).to_have_text("None")
        sandbox.advance(10)
        sandbox.decide(message.message_id, "delivered", channel="sms")
        await expect(inbox.fact("ended")).to_contain_text("after 10 s")
        await expect(inbox.fact("parts")).to_have_text("3")
        await expect(inbox.one(".note")).to_have_text("Sent in 3 parts")
        await expect(inbox.fact("cost")).to_have_text("0.15 USD")


async def test_polls_are_counted_while_one_looks(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        await expect(inbox.fact("polls")).to_have_text("0")
        await inbox.page.evaluate(
            """id => fetch(`/bat/message/${id}`, {headers: {"X-Authorization-Key": "sandbox-key"}})""",
            message.message_id,
        )
        await expect(inbox.fact("polls")).to_have_text("1")


async def test_a_survey_offers_its_answers(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        options = ["Great", "<i>Fine</i>", "Not good"]
        await send(
            sandbox, [cascade(1, messageType="viber_survey", text="How was it?", surveyOptions=options)]
        )
        await show(inbox, 1)
        await expect(inbox.one(".choices li")).to_have_text(options)


async def test_a_flash_call_is_a_call_without_a_text(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1, messageType="flashcall", text=None)])
        await show(inbox, 1)
        await expect(inbox.one(".call .talk-under")).to_have_text("Call")
        sandbox.decide(message.message_id, "delivered")
        await expect(inbox.one(".call .talk-under")).to_have_text("Incoming call")
        await expect(inbox.one(".bubble")).to_have_count(0)


async def test_the_data_of_a_template_is_a_card(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send_zns(sandbox, {"name": "Nguyễn Văn A", "code": "<b>DH-1</b>"})
        await inbox.one(".row").click()
        await expect(inbox.one(".pairs dt")).to_have_text(["name", "code"])
        await expect(inbox.one(".pairs dd")).to_have_text(["Nguyễn Văn A", "<b>DH-1</b>"])
        await expect(inbox.one(".talk-under")).to_have_text("Template 7895417a7d")


async def test_markup_is_text_wherever_it_is_shown(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [cascade(1, fromName=HOSTILE, text=HOSTILE, id=HOSTILE)])
        await show(inbox, 1)
        for place in (".talk-title", ".bubble .text", '[data-fact="tracking"]', '[data-fact="sender"]'):
            await expect(inbox.one(place)).to_have_text(HOSTILE)
        await expect(inbox.row(phone(1)).locator(".said")).to_have_text(HOSTILE)
        assert await inbox.one("main img, main script, main b").count() == 0
        assert await inbox.page.evaluate("window.broken") is None
        assert not any(request.url.endswith("/x") for request in inbox.requests)


async def test_text_that_runs_the_other_way_turns_nothing_around_it(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [cascade(1, text=TURNED, fromName="\u202eShop"), cascade(2, text="Ready")])
        await show(inbox, 1)
        await expect(inbox.one(".note")).to_have_text(
            "4 characters that cannot be seen: U+202E, U+202C, U+200B, U+2066"
        )
        assert await inbox.one(".bubble .text").text_content() == TURNED
        boxes = """row => ["to", "line", "word", "when"].map(
            name => Math.round(row.getElementsByClassName(name)[0].getBoundingClientRect().left))"""
        turned = await inbox.row(phone(1)).evaluate(boxes)
        plain = await inbox.row(phone(2)).evaluate(boxes)
        assert turned == plain
        colon = "getComputedStyle(document.querySelector('.from')).unicodeBidi"
        assert await inbox.page.evaluate(colon) == "isolate"


async def test_a_text_that_is_cut_says_so(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [cascade(1, text="😀" * 1_200)])
        await show(inbox, 1)
        await expect(inbox.one(".note")).to_contain_text("keeps the first 1,000 characters")


@pytest.mark.parametrize(
    ("button", "outcome", "state"),
    [
        ("Deliver", "delivered", "Delivered"),
        ("Undeliverable", "undeliverable", "Undeliverable"),
        ("Permanent error", "permanenterror", "Permanent error"),
    ],
)
async def test_a_button_decides_the_fate(browser: Browser, button: str, outcome: str, state: str) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        await inbox.one(".decide").get_by_role("button", name=button, exact=True).click()
        await expect(inbox.one(".state")).to_have_text(f"{state}Decided by hand")
        assert message.status(sandbox.now()) == outcome
        await expect(inbox.row(phone(1))).to_contain_text(f"{state}, by hand")
        await expect(inbox.one(".decide button")).to_have_count(0)
        assert await inbox.focused() == "H2"


async def test_what_never_ends_may_still_be_delivered_by_a_chosen_channel(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        await inbox.button("Never ends").click()
        await expect(inbox.one(".state")).to_have_text("ProcessingNever ends, decided by hand")
        sandbox.advance(1_000_000)
        await inbox.one("#by").select_option("rcs")
        await inbox.button("Deliver").click()
        await expect(inbox.one(".state")).to_have_text("DeliveredDecided by hand")
        assert message.channel_statuses(sandbox.now())["rcs"] == "delivered"


async def test_a_chosen_channel_stays_chosen_while_others_are_tried(browser: Browser) -> None:
    async with steady(outcomes={phone(1): "undeliverable"}) as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        await inbox.one("#by").select_option("sms")
        await inbox.one("#by").focus()
        sandbox.advance(message.fate.channel_ends[0])
        await expect(inbox.one(".channels li").first).to_have_text("TelegramFailed")
        await expect(inbox.one("#by option")).to_have_count(4)
        await expect(inbox.one("#by")).to_have_value("sms")
        assert await inbox.focused() == "by"
        await inbox.button("Deliver").focus()
        sandbox.advance(message.fate.channel_ends[1] - message.fate.channel_ends[0])
        await expect(inbox.one("#by option")).to_have_count(3)
        await inbox.page.keyboard.press("Enter")
        await expect(inbox.one(".state")).to_have_text("DeliveredDecided by hand")
        assert message.channel_statuses(sandbox.now())["sms"] == "delivered"


async def test_a_channel_that_has_ended_is_no_longer_chosen(browser: Browser) -> None:
    async with steady(outcomes={phone(1): "undeliverable"}) as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        await inbox.one("#by").select_option("telegram")
        sandbox.advance(message.fate.channel_ends[0])
        await expect(inbox.one("#by option")).to_have_count(4)
        await expect(inbox.one("#by")).to_have_value("")


async def test_a_fate_that_was_sealed_meanwhile_is_said(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)

        async def seal(route: Route) -> None:
            sandbox.decide(message.message_id, "delivered")
            await route.continue_()

        await inbox.page.route("**/outcome", seal)
        await inbox.button("Undeliverable").click()
        await expect(inbox.one("#toast")).to_contain_text("ended")
        await expect(inbox.one(".state")).to_contain_text("Delivered")
        inbox.complaints.clear()  # A browser notes every answer that is an error.


async def test_an_id_is_copied(browser: Browser) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    async with steady() as sandbox, opened(browser, sandbox, permissions=permissions) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        await inbox.button("Copy the message id").click()
        await expect(inbox.one("#toast")).to_have_text("The message id is copied")
        assert await inbox.page.evaluate("navigator.clipboard.readText()") == message.message_id


async def test_without_a_clipboard_the_id_is_selected(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        await inbox.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        await inbox.button("Copy the tracking id").click()
        await expect(inbox.one("#toast")).to_contain_text("selected")
        assert await inbox.page.evaluate("getSelection().toString()") == "order-1"


async def test_a_selected_text_outlives_news_of_the_message(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        (message,) = await send(sandbox, [cascade(1)])
        await show(inbox, 1)
        await inbox.page.evaluate(
            "getSelection().selectAllChildren(document.querySelector('[data-fact=message]'))"
        )
        sandbox.advance(message.ends_at - sandbox.now())
        await expect(inbox.one(".state")).to_have_text("Delivered")
        assert await inbox.page.evaluate("getSelection().toString()") == message.message_id
