"""The inbox page in a browser, before a sandbox whose time stands still unless it is moved."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from playwright.async_api import Browser, Locator, Page, Request, expect

from smsbat_async.sandbox import Message, Sandbox, SandboxConfig
from tests.sandbox_page.browser import PATIENCE

WIDE = (1280, 800)
NARROW = (360, 640)
_CASCADE = "/api/CascadeMessage/send_message/async"
_ZNS = "/api/message/send"
_AT_ONCE = 1_000
_PHONES = """list => {
    const view = list.getBoundingClientRect();
    const isSeen = row => {
        const box = row.getBoundingClientRect();
        return box.bottom > view.top + 1 && box.top < view.bottom - 1;
    };
    return [...list.querySelectorAll(".row")].filter(isSeen).map(row => row.querySelector(".to").textContent);
}"""

STEADY = SandboxConfig(
    delay_spread=0.0,
    undeliverable_share=0.0,
    permanent_error_share=0.0,
    never_ends_share=0.0,
    send_rate=0.0,
    send_burst=0,
)


@dataclass
class Inbox:
    """An open page, and what happened in it."""

    sandbox: Sandbox
    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def one(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def row(self, phone: str) -> Locator:
        return self.page.locator(".row", has_text=phone)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def chip(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(f"^{name}"))

    def fact(self, name: str) -> Locator:
        return self.page.locator(f'[data-fact="{name}"]')

    async def is_live(self) -> None:
        await expect(self.one("#live")).to_have_text("Live")

    async def scrolled(self) -> int:
        return int(await self.one("#list").evaluate("list => Math.round(list.scrollTop)"))

    async def scroll(self, top: int) -> None:
        await self.one("#list").evaluate("(list, top) => { list.scrollTop = top; }", top)

    async def phones(self) -> list[str]:
        """The phones of the rows that are wholly or partly in view, from the top, when all have come."""
        async with asyncio.timeout(PATIENCE / 1_000):
            while True:
                phones = [str(phone) for phone in await self.one("#list").evaluate(_PHONES)]
                if "Loading" not in phones:
                    return phones

    async def focused(self) -> str:
        return str(await self.page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def phone(number: int) -> str:
    return f"+38050{number:07d}"


def cascade(number: int, **changes: Any) -> dict[str, Any]:
    """A cascade message as the vendor takes it."""
    message = {
        "id": f"order-{number}",
        "fromName": "Shop",
        "toPhone": phone(number),
        "messageType": "transaction",
        "text": f"Order {number} is ready",
    }
    return {key: value for key, value in (message | changes).items() if value is not None}


async def send(sandbox: Sandbox, messages: Iterable[dict[str, Any]]) -> list[Message]:
    """Send cascade messages and find them in the sandbox, oldest first."""
    waiting = list(messages)
    before = len(sandbox.messages)
    headers = {"X-Authorization-Key": sandbox.config.api_key}
    async with aiohttp.ClientSession() as session:
        for start in range(0, len(waiting), _AT_ONCE):
            part = waiting[start : start + _AT_ONCE]
            async with session.post(sandbox.url + _CASCADE, json=part, headers=headers) as response:
                assert response.status == 200, await response.text()
    return sandbox.messages[before:]


async def send_zns(sandbox: Sandbox, data: dict[str, str]) -> Message:
    """Send a template message and find it in the sandbox."""
    body = {
        "phone": "84987654321",
        "template_id": "7895417a7d",
        "template_data": data,
        "tracking_id": "zns-1",
    }
    headers = {sandbox.config.zns_header: sandbox.config.zns_key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(sandbox.url + _ZNS, json=body, headers=headers) as response,
    ):
        assert response.status == 200, await response.text()
    return sandbox.messages[-1]


@asynccontextmanager
async def opened(
    browser: Browser,
    sandbox: Sandbox,
    *,
    size: tuple[int, int] = WIDE,
    scheme: Literal["light", "dark"] = "light",
    motion: Literal["reduce", "no-preference"] = "reduce",
    **options: Any,
) -> AsyncIterator[Inbox]:
    """Open the page, see it live, and see at the end that nothing went wrong in it.

    A new context costs as much as a whole test: without options of its own, a test takes what is there.
    """
    width, height = size
    own = await browser.new_context(**options) if options else None
    context = own or (browser.contexts[0] if browser.contexts else await browser.new_context())
    try:
        page = context.pages[0] if context.pages else await context.new_page()
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme=scheme, reduced_motion=motion)
        inbox = Inbox(sandbox, page)
        heard: dict[str, Callable[[Any], None]] = {
            "console": lambda line: inbox.complaints.append(line.text),
            "pageerror": lambda error: inbox.complaints.append(str(error)),
            "request": lambda request: inbox.requests.append(request),
        }
        for name, hear in heard.items():
            page.on(name, hear)  # type: ignore[call-overload]
        try:
            await page.goto(f"{sandbox.url}/")
            await inbox.is_live()
            yield inbox
            assert inbox.complaints == []
        finally:
            for name, hear in heard.items():
                page.remove_listener(name, hear)
            await page.unroute_all()
            await page.goto("about:blank")
    finally:
        if own is not None:
            await own.close()


def steady(**changes: Any) -> Sandbox:
    """A sandbox in which nothing fails by itself, and time stands still."""
    values: dict[str, Any] = {name: getattr(STEADY, name) for name in STEADY.__dataclass_fields__}
    return Sandbox(SandboxConfig(**{**values, **changes}), clock=lambda: 1_000.0)
