"""A call within a call: a transport may ask the same client, in the same task; in virtual time."""

import asyncio
import functools
import math
from collections.abc import Awaitable, Callable

import pytest

from smsbat_async import ClientClosedError, OutcomeUnknownError, SessionPool, SmsBatError
from smsbat_async.hooks import RequestFinished
from smsbat_async.http import Request, Response
from smsbat_async.transport.protocol import Attempt
from tests.support.fake import Call, FakeTransport, Heard, Reply, client_of, status
from tests.test_requester import MESSAGE, failure, now
from tests.test_requester_closing import ask, requester_of

pytestmark = pytest.mark.looptime


class Asking(FakeTransport):
    """Asks the client for `inner` whenever it is asked for something else, whatever comes of that.

    Args:
        inner: How many seconds the inner call takes.
        outer: How many seconds the other one takes after it.
        pool: The pool, or None for one of its own.
    """

    def __init__(self, *, inner: float, outer: float, pool: int = 50) -> None:
        super().__init__(lambda call: Reply(status(), inner if is_inner(call) else outer))
        self.heard = Heard()
        self.pool = SessionPool(pool, transport=self)
        self.client = client_of(self, pool=self.pool, timeout=None, total_timeout=None, hooks=[self.heard])
        self.ask: Callable[[str], Awaitable[object]] = self.client.status
        self.ends: list[str] = []

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        if not request.url.endswith("inner"):
            try:
                await self.ask("inner")
            except (SmsBatError, asyncio.CancelledError) as error:
                self.ends.append(type(error).__name__)
                if isinstance(error, asyncio.CancelledError):
                    raise
            else:
                self.ends.append("answered")
        return await super().send(request, timeout, attempt)


def is_inner(call: Call) -> bool:
    return call.request.url.endswith("inner")


async def end_of(call: asyncio.Task[object]) -> BaseException | None:
    """Return what a call ends with, if it does."""
    done, _ = await asyncio.wait([call], timeout=100.0)
    assert done, "the call does not end"
    return await failure(call)


async def test_closing_waits_for_a_call_within_which_another_has_ended() -> None:
    transport = Asking(inner=1.0, outer=5.0)
    call = asyncio.create_task(transport.client.status("outer"))
    await asyncio.sleep(2.0)
    began = now()
    await transport.client.aclose(grace=10.0)
    assert now() - began == pytest.approx(4.0, abs=1e-3)
    assert (await call).is_terminal


async def test_closing_breaks_off_a_call_within_which_another_has_ended() -> None:
    transport = Asking(inner=1.0, outer=math.inf)
    call = asyncio.create_task(transport.client.status("outer"))
    await asyncio.sleep(2.0)
    await transport.client.aclose(grace=1.0)
    assert isinstance(await end_of(call), ClientClosedError)
    assert call.cancelling() == 0
    assert transport.pool.in_flight == 0
    assert transport.ends == ["answered"]


async def test_closing_breaks_off_a_call_and_the_one_within() -> None:
    transport = Asking(inner=math.inf, outer=math.inf)
    call = asyncio.create_task(transport.client.status("outer"))
    await asyncio.sleep(1.0)
    await transport.client.aclose(grace=1.0)
    assert isinstance(await end_of(call), ClientClosedError)
    assert call.cancelling() == 0
    assert transport.pool.in_flight == 0
    assert transport.ends == ["CancelledError"]
    assert len(transport.heard.of(RequestFinished)) == 2


async def test_closing_tells_the_truth_about_a_send_within_which_a_call_is_broken_off() -> None:
    class Started(Asking):
        async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
            attempt.started = True
            return await super().send(request, timeout, attempt)

    transport = Started(inner=math.inf, outer=math.inf)
    call = asyncio.create_task(transport.client.send(MESSAGE))
    await asyncio.sleep(1.0)
    await transport.client.aclose(grace=1.0)
    assert isinstance(await end_of(call), OutcomeUnknownError)
    assert call.cancelling() == 0


async def test_closing_refuses_a_call_within_that_waits_for_a_slot_and_lets_the_outer_one_finish() -> None:
    transport = Asking(inner=1.0, outer=3.0, pool=1)
    call = asyncio.create_task(transport.client.status("outer"))
    await asyncio.sleep(1.0)
    await transport.client.aclose(grace=10.0)
    assert (await call).is_terminal
    assert transport.ends == ["ClientClosedError"]
    assert transport.ids == ["outer"]


@pytest.mark.parametrize("waiting", [False, True], ids=["under way", "waiting for a slot"])
@pytest.mark.parametrize("users_first", [True, False])
async def test_a_cancellation_by_the_user_wins_over_breaking_off_both(
    users_first: bool, waiting: bool
) -> None:
    transport = Asking(inner=math.inf, outer=math.inf, pool=1 if waiting else 50)
    requester = requester_of(transport.pool)
    transport.ask = functools.partial(ask, requester)
    call = asyncio.create_task(ask(requester, "outer"))
    await asyncio.sleep(1.0)
    for cancel in (call.cancel, requester.abort) if users_first else (requester.abort, call.cancel):
        cancel()
    assert isinstance(await end_of(call), asyncio.CancelledError)
    assert call.cancelled()
    assert call.cancelling() == 1
    assert transport.pool.in_flight == 0
