"""AiohttpTransport when a middleware of the user's session makes one attempt within another, in one task."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from smsbat_async import NotSentError
from smsbat_async.transport.aiohttp import AiohttpTransport
from tests.support.attempts import Try, attempt
from tests.support.calls import check_error

OUTER, INNER = "http://127.0.0.1:9/outer", "http://127.0.0.1:9/inner"

pytestmark = pytest.mark.looptime


class Nesting:
    """A middleware that answers nothing: the outer attempt makes an inner one, and then waits for ever.

    Args:
        timeout: The bound on the inner attempt, in seconds.
        after: When the inner attempt begins, in seconds from the outer one.
        takes: After how many seconds the inner attempt fails.

    Attributes:
        ends: What came of the inner attempt: an error's kind, or that it was cancelled.
    """

    def __init__(self, timeout: float, *, after: float = 0.0, takes: float = math.inf) -> None:
        self._timeout = timeout
        self._after = after
        self._takes = takes
        self._transport: AiohttpTransport | None = None
        self.ends: list[str] = []

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[AiohttpTransport]:
        async with aiohttp.ClientSession(middlewares=[self._meet]) as session:
            self._transport = AiohttpTransport(session=session)
            yield self._transport
            await self._transport.aclose()

    async def _meet(self, request: ClientRequest, _handler: ClientHandlerType) -> ClientResponse:
        if "inner" in request.url.path:
            await wait(self._takes)
            raise aiohttp.ClientConnectionError
        await wait(self._after)
        assert self._transport is not None
        try:
            inner = await attempt(self._transport, INNER, b"[]", self._timeout)
        except asyncio.CancelledError:
            self.ends.append("cancelled")
            raise
        assert isinstance(inner.error, NotSentError)
        self.ends.append(inner.error.kind)
        await wait(math.inf)
        raise AssertionError


async def wait(seconds: float) -> None:
    if math.isinf(seconds):
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(seconds)


async def outer(nesting: Nesting, timeout: float) -> tuple[Try, float]:
    """Make the outer attempt, and return what came of it and after how many seconds."""
    loop = asyncio.get_running_loop()
    async with nesting.opened() as transport:
        began = loop.time()
        task = asyncio.create_task(attempt(transport, OUTER, b"[]", timeout))
        done, _ = await asyncio.wait([task], timeout=60.0)
        assert done, "the outer attempt has lost its bound"
        return await task, round(loop.time() - began, 3)


@pytest.mark.parametrize("timeout", [1.0, 5.0])
async def test_the_end_of_an_attempt_within_leaves_the_outer_one_its_bound(timeout: float) -> None:
    nesting = Nesting(timeout, takes=0.5)
    tried, took = await outer(nesting, 5.0)
    check_error(tried.error, NotSentError, "timeout")
    assert (nesting.ends, took) == (["disconnected"], 5.0)


async def test_an_attempt_within_that_takes_too_long_ends_alone() -> None:
    nesting = Nesting(1.0, after=0.5)
    tried, took = await outer(nesting, 5.0)
    check_error(tried.error, NotSentError, "timeout")
    assert (nesting.ends, took) == (["timeout"], 5.0)


@pytest.mark.parametrize("timeout", [5.0, 20.0])
async def test_an_outer_attempt_that_takes_too_long_ends_while_one_within_is_under_way(
    timeout: float,
) -> None:
    nesting = Nesting(timeout, after=2.0)
    tried, took = await outer(nesting, 5.0)
    check_error(tried.error, NotSentError, "timeout")
    assert (nesting.ends, took) == (["cancelled"], 5.0)


@pytest.mark.parametrize(("after", "timeout"), [(0.0, 5.0), (2.0, 3.0)])
async def test_of_two_whose_time_is_over_at_one_moment_it_is_the_outer_one_that_ends(
    after: float, timeout: float
) -> None:
    nesting = Nesting(timeout, after=after)
    tried, took = await outer(nesting, 5.0)
    check_error(tried.error, NotSentError, "timeout")
    assert took == 5.0
    assert nesting.ends == ["cancelled"]


async def test_a_cancellation_from_elsewhere_ends_both_and_stays_one() -> None:
    nesting = Nesting(5.0)
    async with nesting.opened() as transport:
        task = asyncio.create_task(attempt(transport, OUTER, b"[]", 5.0))
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert task.cancelling() == 1
        assert nesting.ends == ["cancelled"]
