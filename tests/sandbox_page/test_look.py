"""What the page looks like, measured: contrast, width, shapes, motion, roles."""

from typing import Any, Literal

import pytest
from playwright.async_api import Browser, expect

from tests.sandbox_page.inbox import NARROW, WIDE, Inbox, cascade, opened, phone, send, send_zns, steady

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENOUGH = 4.5
# Every text that can be seen, with its ratio to the ground under it.
CONTRASTS = """() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext("2d", {willReadFrequently: true});
    const read = colour => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
    const ground = element => {
        const own = read(getComputedStyle(element).backgroundColor);
        if (own[3] === 1 || !element.parentElement) return own.slice(0, 3);
        return over(own, ground(element.parentElement));
    };
    const light = rgb => {
        const [r, g, b] = rgb.map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        const element = walker.currentNode.parentElement;
        if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
        const under = ground(element);
        const ink = over(read(getComputedStyle(element).color), under);
        const [a, b] = [light(under), light(ink)].sort((x, y) => y - x);
        const what = element.className || element.tagName;
        found.push([`${what}: ${text.slice(0, 30)}`, (a + 0.05) / (b + 0.05)]);
    }
    return found;
}"""


async def low_contrasts(inbox: Inbox) -> list[Any]:
    found = await inbox.page.evaluate(CONTRASTS)
    assert len(found) > 20
    return [(what, round(ratio, 2)) for what, ratio in found if ratio < ENOUGH]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_has_enough_contrast(browser: Browser, scheme: Literal["light", "dark"]) -> None:
    outcomes = {phone(1): "undeliverable", phone(2): "permanenterror", phone(3): "never"}
    async with steady(outcomes=outcomes) as sandbox, opened(browser, sandbox, scheme=scheme) as inbox:
        assert await low_contrasts(inbox) == []
        messages = await send(sandbox, map(cascade, range(4)))
        sandbox.decide(messages[0].message_id, "delivered", channel="sms")
        sandbox.advance(3_600)
        await send(
            sandbox, [cascade(4, messageType="viber_survey", text="Well?", surveyOptions=["Yes", "No"])]
        )
        await send_zns(sandbox, {"name": "An"})
        await send(sandbox, [cascade(5, messageType="flashcall", text=None)])
        await expect(inbox.row(phone(5))).to_be_visible()
        for row in range(7):
            await inbox.one(".row").nth(row).click()
            await expect(inbox.one(".row").nth(row)).to_have_attribute("aria-selected", "true")
            assert await low_contrasts(inbox) == []
        for message in sandbox.messages[4:]:
            sandbox.decide(message.message_id, "delivered")
        await expect(inbox.chip("Delivered")).to_have_text("Delivered 4")
        for row in range(3):
            await inbox.one(".row").nth(row).click()
            assert await low_contrasts(inbox) == []
        await inbox.button("Steer").click()
        await inbox.button("Add the fault").click()
        await expect(inbox.one("#faults li")).to_have_count(1)
        await inbox.button("Advance 1 minute").click()
        await expect(inbox.one("#toast")).to_be_visible()
        await inbox.one("#live").evaluate("line => { line.dataset.state = 'lost'; }")
        assert await low_contrasts(inbox) == []


@pytest.mark.parametrize("size", [NARROW, (400, 800), WIDE], ids=["360", "400", "1280"])
async def test_nothing_is_wider_than_the_window(browser: Browser, size: tuple[int, int]) -> None:
    async with steady() as sandbox, opened(browser, sandbox, size=size) as inbox:
        fits = "document.documentElement.scrollWidth <= innerWidth"
        assert await inbox.page.evaluate(fits)
        await send(
            sandbox,
            [cascade(1, text="x" * 900, fromName="Y" * 60, id="z" * 200), *map(cascade, range(2, 30))],
        )
        await inbox.chip("All").click()
        await inbox.one("#search").fill("xxx")
        await inbox.row(phone(1)).click()
        assert await inbox.page.evaluate(fits)
        for place in ("#detail", "#list"):
            assert await inbox.one(place).evaluate("place => place.scrollWidth <= place.clientWidth")
        await expect(inbox.button("Deliver")).to_be_in_viewport()


async def test_states_differ_by_shape_and_word_not_by_colour_alone(browser: Browser) -> None:
    outcomes = {phone(1): "undeliverable", phone(2): "permanenterror", phone(3): "never"}
    async with steady(outcomes=outcomes) as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(4)))
        sandbox.advance(3_600)
        await send(sandbox, [cascade(9)])
        await expect(inbox.row(phone(9))).to_be_visible()
        shapes = await inbox.one(".row .mark use").evaluate_all(
            "marks => marks.map(use => use.getAttribute('href'))"
        )
        words = await inbox.one(".row .word").all_inner_texts()
        assert len(set(shapes)) == len(set(words)) == len(words) == 5
        for shape in shapes:
            assert await inbox.one(f"symbol{shape}").count() == 1


async def test_nothing_moves_for_who_asks_for_that(browser: Browser) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter(element => {
        const {transitionDuration, animationName} = getComputedStyle(element);
        return parseFloat(transitionDuration) > 0 || animationName !== "none";
    }).length"""
    async with steady() as sandbox, opened(browser, sandbox, motion="no-preference") as inbox:
        assert await inbox.page.evaluate(moving) > 0
        await inbox.page.emulate_media(reduced_motion="reduce")
        assert await inbox.page.evaluate(moving) == 0


async def test_the_listbox_has_nothing_but_options_with_their_places(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        await send(sandbox, map(cascade, range(30)))
        await expect(inbox.row(phone(29))).to_be_visible()
        options = inbox.page.get_by_role("listbox").get_by_role("option")
        places = await options.evaluate_all("rows => rows.map(row => Number(row.ariaPosInSet))")
        assert places == list(range(1, len(places) + 1))
        assert await options.count() == await inbox.one(".track > *").count()
