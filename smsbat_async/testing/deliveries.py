"""Deliveries: the sandbox's webhooks, handed over in memory."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import FunctionType, MethodType
from typing import Any, Final, TypeGuard

from smsbat_async.errors import ConfigurationError
from smsbat_async.sandbox.poster import Poster
from smsbat_async.testing.home import Home, running_loop
from smsbat_async.webhooks.receiver import WebhookReceiver

Heard = Callable[[Mapping[str, str], bytes], Awaitable[int | None]]
"""An async function that is given a webhook's headers and body, and returns the HTTP status of its answer;
None is 200."""

Target = WebhookReceiver[Any] | Heard | str
"""Where webhooks go: a receiver, an async function, or a URL."""

# ".invalid" is reserved: should such a URL ever be asked for, nobody is there.
_IN_MEMORY: Final = "http://{vendor}.webhooks.invalid/"


def is_in_memory(url: str) -> bool:
    """Return whether a URL stands for a receiver or a function."""
    return any(url == _IN_MEMORY.format(vendor=vendor) for vendor in ("smsbat", "zns"))


class Deliveries:
    """Hands webhooks to receivers and functions, and posts them to URLs."""

    def __init__(self) -> None:
        self._targets: dict[str, tuple[WebhookReceiver[Any] | Heard, Home]] = {}

    def address(self, vendor: str, target: Target | None) -> str | None:
        """Return the URL by which a target is known to the sandbox.

        Args:
            vendor: Whose webhooks go there.
            target: Where they go, or None.

        Returns:
            A URL, or None.

        Raises:
            ConfigurationError: If it is none of the three, or a function that is not async.
        """
        if target is None or isinstance(target, str):
            return target
        if not isinstance(target, WebhookReceiver) and not callable(target):
            raise ConfigurationError(f"{vendor} must be a WebhookReceiver, an async function or a URL")
        if _is_sync(target):
            raise ConfigurationError(
                f"{vendor} must be an async function: write `async def {target.__name__}(headers, body)`"
            )
        url = _IN_MEMORY.format(vendor=vendor)
        self._targets[url] = target, Home(running_loop())
        return url

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send one webhook.

        Args:
            url: Where; what `address()` returned.
            headers: Name to value.
            body: JSON.

        Returns:
            The HTTP status of the answer.
        """
        if url not in self._targets:
            # A session for each: one that is kept would outlive the loop of a test that just ends.
            poster = Poster()
            try:
                return await poster(url, headers, body)
            finally:
                await poster.aclose()
        target, home = self._targets[url]
        return await home.reach(lambda: _hand_over(target, headers, body))


async def _hand_over(target: WebhookReceiver[Any] | Heard, headers: Mapping[str, str], body: bytes) -> int:
    if isinstance(target, WebhookReceiver):
        return (await target.receive(headers, _piece(body))).status
    answer: object = target(headers, body)
    if not inspect.isawaitable(answer):
        raise ConfigurationError("what takes webhooks must be async, and this returned without being awaited")
    status: int | None = await answer
    return 200 if status is None else status


def _is_sync(target: object) -> TypeGuard[FunctionType | MethodType]:
    """Return whether this is a function that surely is not async: lambdas and wrappers may return what is."""
    if not isinstance(target, FunctionType | MethodType) or target.__name__ == "<lambda>":
        return False
    return not inspect.iscoroutinefunction(inspect.unwrap(target))


async def _piece(body: bytes) -> AsyncIterator[bytes]:
    yield body
