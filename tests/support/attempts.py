"""Attempts: single ones, made on the aiohttp transport itself, and what came of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from smsbat_async import (
    Attempt,
    Request,
    Response,
    SmsBatError,
)
from smsbat_async.http import headers
from smsbat_async.transport.aiohttp import AiohttpTransport

SECRET = "a-key-that-must-not-show"


def ask(url: str, body: bytes | None = None, **extra: str) -> Request:
    """Make a GET, or a POST where there is a body."""
    return Request(
        "GET" if body is None else "POST",
        f"{url}/x",
        "/x",
        headers(X_Authorization_Key=SECRET, **extra),
        body,
    )


@contextlib.asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[AiohttpTransport]:
    """Open a transport and close it."""
    transport = AiohttpTransport(**options)
    try:
        yield transport
    finally:
        await transport.aclose()


class Try:
    """One attempt and what came of it."""

    def __init__(self) -> None:
        self.attempt = Attempt()
        self.response: Response | None = None
        self.error: SmsBatError | None = None

    @property
    def started(self) -> bool:
        """Whether anything may have left."""
        return self.attempt.started

    async def make(
        self, transport: AiohttpTransport, url: str, body: bytes | None = None, timeout: float | None = 5.0
    ) -> "Try":
        """Make the attempt."""
        try:
            self.response = await transport.send(ask(url, body), timeout, self.attempt)
        except SmsBatError as error:
            self.error = error
            assert_clean(error)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0, "a cancellation of the transport's own is left over"
        return self


def assert_clean(error: BaseException) -> None:
    """Make sure that neither a library's error nor the credential hangs on an error."""
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET not in f"{error!r}{error}{error.args}{error.__dict__}"


async def attempt(
    transport: AiohttpTransport, url: str, body: bytes | None = None, timeout: float | None = 5.0
) -> Try:
    """Make one attempt."""
    return await Try().make(transport, url, body, timeout)
