"""Make the pictures of the sandbox's inbox page: `python -m docs.shoot_inbox`.

Needs the extra `dev`, and a Chromium: the one named in SMSBAT_CHROMIUM, Playwright's own, or one on the path.
"""

import asyncio
from pathlib import Path
from typing import Any, Literal

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from smsbat_async.sandbox import Sandbox, SandboxConfig
from tests.sandbox_page.browser import VARIABLE, find_chromium, launched

IMAGES = Path(__file__).parent / "images"
WIDE = (1280, 800)
NARROW = (400, 800)
SMSBAT_PATH = "/api/CascadeMessage/send_message/async"
ZNS_PATH = "/api/message/send"

TEXTS = (
    ("Nova Shop", "transaction", "Order 48213 is ready: Khreshchatyk 22, until 20:00."),
    ("Nova Shop", "transaction", "Ваше замовлення вже в дорозі, кур'єр зателефонує за годину."),
    ("City Clinic", "transaction", "Dr. Bondar expects you tomorrow at 10:40. Reply 1 to confirm."),
    ("Nova Shop", "promo", "This weekend: 20 % off everything, in the shops and online."),
    ("City Clinic", "transaction", "Your results are in. You find them in your account."),
)


def phone(number: int) -> str:
    """Return a phone that nobody has."""
    return f"+3805000{number:05d}"


def message(number: int) -> dict[str, Any]:
    """Return a cascade message of a small shop and a clinic."""
    sender, kind, text = TEXTS[number % len(TEXTS)]
    return {
        "id": f"order-{48_000 + number}",
        "fromName": sender,
        "toPhone": phone(number),
        "messageType": kind,
        "text": text,
    }


def survey(number: int) -> dict[str, Any]:
    """Return a survey."""
    options = ["Very good", "It was fine", "Not good"]
    changes = {"messageType": "viber_survey", "text": "How was your visit?", "surveyOptions": options}
    return message(number) | {"fromName": "City Clinic"} | changes


async def send(sandbox: Sandbox, messages: list[dict[str, Any]]) -> None:
    """Send cascade messages."""
    headers = {"X-Authorization-Key": sandbox.config.api_key}
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:
        for start in range(0, len(messages), 1_000):
            part = messages[start : start + 1_000]
            async with session.post(sandbox.url + SMSBAT_PATH, json=part):
                pass


async def send_zns(sandbox: Sandbox, number: int) -> None:
    """Send a template message."""
    body = {
        "phone": f"849000{number:05d}",
        "template_id": "7895417a7d3f9461cd2e",
        "template_data": {"customer": "Nguyễn Văn An", "order": "DH-48213", "total": "250.000 đ"},
        "tracking_id": f"zns-{number}",
    }
    headers = {sandbox.config.zns_header: sandbox.config.zns_key}
    async with (
        aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
        session.post(sandbox.url + ZNS_PATH, json=body),
    ):
        pass


async def fill(sandbox: Sandbox) -> None:
    """Send an hour of messages; the last few are still under way."""
    for hour in range(6):
        await send(sandbox, [message(number) for number in range(hour * 8, hour * 8 + 8)])
        await send_zns(sandbox, hour)
        sandbox.advance(600)
    await send(sandbox, [survey(90), message(91), survey(92), message(93)])
    sandbox.decide(sandbox.sent_to(phone(92))[0].message_id, "delivered", channel="viber")
    sandbox.advance(4)
    await send(sandbox, [message(94)])


async def shoot(
    browser: Browser,
    sandbox: Sandbox,
    name: str,
    *,
    size: tuple[int, int] = WIDE,
    scheme: Literal["light", "dark"] = "light",
    chosen: str | None = None,
    steering: bool = False,
) -> None:
    """Open the page as a reader would and keep a picture of it."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce",
        timezone_id="UTC",
    )
    page: Page = await context.new_page()
    await page.goto(f"{sandbox.url}/")
    await page.get_by_text("Live", exact=True).wait_for()
    if chosen is not None:
        await page.locator(".row", has_text=chosen).click()
        await page.locator("#detail h2").wait_for()
    elif sandbox.messages:
        await page.locator(".row").first.wait_for()
    if steering:
        await page.locator("#steer").click()
    await page.mouse.move(0, 0)
    await page.screenshot(path=IMAGES / f"inbox-{name}.png")
    await context.close()


async def main() -> None:
    """Make all the pictures."""
    config = SandboxConfig(port=8025, seed=3, send_rate=0.0, send_burst=0)
    async with async_playwright() as playwright:
        program = find_chromium(playwright.chromium.executable_path)
        if program is None:
            raise SystemExit(f"no Chromium was found: name one in {VARIABLE}")
        # The clock stands, so that every picture is of the same moment.
        async with launched(playwright, program) as browser, Sandbox(config, clock=lambda: 0.0) as sandbox:
            await shoot(browser, sandbox, "empty")
            await fill(sandbox)
            await shoot(browser, sandbox, "light", chosen=phone(92))
            await shoot(browser, sandbox, "dark", scheme="dark", chosen=phone(93))
            await shoot(browser, sandbox, "narrow", size=NARROW)
            await shoot(browser, sandbox, "narrow-message", size=NARROW, scheme="dark", chosen=phone(92))


if __name__ == "__main__":
    asyncio.run(main())
