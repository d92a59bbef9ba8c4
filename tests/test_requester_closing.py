"""One call when its client is closed or its caller gives up; in virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest

from smsbat_async import (
    ClientClosedError,
    OutcomeUnknownError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    SessionPool,
    SmsBatClient,
    SmsBatError,
    TransportError,
)
from smsbat_async.hooks import ChunkSent, Hooks, RequestFinished
from smsbat_async.http import Response
from smsbat_async.requester import Requester, Terms
from smsbat_async.vendors.smsbat import SmsBat
from tests.support.fake import (
    HANG,
    NO_CONNECTION,
    FakeTransport,
    Heard,
    Reply,
    client_of,
    dropped,
    http,
    status,
    too_many,
)
from tests.test_requester import MESSAGE, ONCE, failure, now

# -- closing and cancelling -----------------------------------------------------------------------


@contextlib.asynccontextmanager
async def closing(client: SmsBatClient, grace: float) -> AsyncIterator[None]:
    await asyncio.sleep(0.1)
    closer = asyncio.create_task(client.aclose(grace))
    yield
    await closer


@pytest.mark.looptime
async def test_closing_lets_what_is_under_way_finish_within_the_grace() -> None:
    transport = FakeTransport([Reply(status(), 3.0)])
    client = client_of(transport)
    call = asyncio.create_task(client.status("a"))
    async with closing(client, 10.0):
        assert (await call).is_terminal
        assert isinstance(await failure(client.status("b")), ClientClosedError)
    assert now() < 4.0


@pytest.mark.looptime
async def test_closing_breaks_a_status_request_off_after_the_grace() -> None:
    heard = Heard()
    transport = FakeTransport([HANG])
    pool = SessionPool(transport=transport)
    client = client_of(transport, pool=pool, timeout=None, total_timeout=None, hooks=[heard])
    call = asyncio.create_task(client.status("a"))
    began = now()
    async with closing(client, 5.0):
        assert isinstance(await failure(call), ClientClosedError)
        assert now() - began == pytest.approx(5.1, abs=1e-3)
    assert call.cancelling() == 0
    assert pool.in_flight == 0
    assert [type(event.error) for event in heard.of(RequestFinished)] == [ClientClosedError]


@pytest.mark.looptime
@pytest.mark.parametrize(("reply", "kind"), [(HANG, OutcomeUnknownError), (NO_CONNECTION, ClientClosedError)])
async def test_closing_breaks_a_send_off_as_unknown_once_it_may_have_left(
    reply: Reply, kind: type[SmsBatError]
) -> None:
    transport = FakeTransport([reply])
    client = client_of(transport, timeout=None, total_timeout=None)
    call = asyncio.create_task(client.send(MESSAGE))
    async with closing(client, 1.0):
        error = await failure(call)
    assert type(error) is kind
    if isinstance(error, OutcomeUnknownError):
        assert isinstance(error.error, TransportError)
        assert error.error.kind == "closed"


@pytest.mark.looptime
async def test_closing_fails_who_waits_for_a_slot_at_once() -> None:
    transport = FakeTransport([Reply(status(), 5.0)])
    pool = SessionPool(1, transport=transport)
    client = client_of(transport, pool=pool)
    first = asyncio.create_task(client.status("a"))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(client.send(MESSAGE))
    async with closing(client, 10.0):
        assert isinstance(await failure(second), ClientClosedError)
        assert now() < 1.0
        assert (await first).is_terminal
    assert transport.ids == ["a"]


VENDOR = SmsBat(api_key="k")


async def ask(requester: Requester, message_id: str, retry: RetryPolicy = ONCE) -> Any:
    request = VENDOR.status_request(message_id)
    terms = Terms(retry, None, None)
    return await requester.read("status", request, VENDOR.read_status, message_id, terms)


def requester_of(pool: SessionPool, *hooks: Callable[..., None]) -> Requester:
    return Requester(pool, VENDOR.host, VENDOR.credential, Hooks(hooks), Random(1))


@pytest.mark.looptime
async def test_breaking_off_hits_who_was_just_let_in_and_gives_the_slot_back() -> None:
    transport = FakeTransport([Reply(status(), 1.0)])
    pool = SessionPool(1, transport=transport)

    def abort(_event: object) -> None:
        requester.abort()  # the end of the first has let the second in, which has not run yet
        requester.abort()

    requester = requester_of(pool, abort)
    first, second = (asyncio.create_task(ask(requester, message_id)) for message_id in "ab")
    assert (await first).is_terminal
    assert isinstance(await failure(second), ClientClosedError)
    assert second.cancelling() == 0
    assert transport.ids == ["a"]
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_draining_refuses_new_calls_and_passes_over_who_was_just_cancelled() -> None:
    transport = FakeTransport([http(503, retry_after="50")])
    requester = requester_of(SessionPool(transport=transport))
    calls = [asyncio.create_task(ask(requester, name, RetryPolicy())) for name in "ab"]
    await asyncio.sleep(1)
    calls[0].cancel()
    assert await requester.drain(1.0) is True
    assert isinstance(await failure(calls[0]), asyncio.CancelledError)
    assert isinstance(await failure(calls[1]), ServerError)
    assert isinstance(await failure(ask(requester, "c")), ClientClosedError)
    assert transport.ids == ["a", "b"]


@pytest.mark.looptime
async def test_closing_ends_the_wait_before_a_retry() -> None:
    transport = FakeTransport([http(503, retry_after="50"), http(503, retry_after="50"), status()])
    client = client_of(transport)
    call = asyncio.create_task(client.status("a"))
    async with closing(client, 1.0):
        assert isinstance(await failure(call), ServerError)
    assert now() < 2.0
    assert len(transport.calls) == 1


@pytest.mark.looptime
@pytest.mark.parametrize("users_first", [True, False])
async def test_a_cancellation_by_the_user_stays_one_when_it_races_with_closing(users_first: bool) -> None:
    transport = FakeTransport([HANG])
    client = client_of(transport, timeout=None, total_timeout=None)
    call = asyncio.create_task(client.status("a"))
    await asyncio.sleep(0.1)
    closer = asyncio.create_task(client.aclose(grace=1.0))
    loop = asyncio.get_running_loop()
    if users_first:
        loop.call_at(loop.time() + 1.0, call.cancel)
    else:
        await asyncio.sleep(0)
        loop.call_at(loop.time() + 1.0, call.cancel)
    assert isinstance(await failure(call), asyncio.CancelledError)
    assert call.cancelled()
    await closer


@pytest.mark.looptime
@pytest.mark.parametrize("users_first", [True, False])
async def test_a_cancellation_by_the_user_wins_over_one_by_the_closing_at_the_same_moment(
    users_first: bool,
) -> None:
    transport = FakeTransport([HANG])
    pool = SessionPool(transport=transport)
    requester = requester_of(pool)
    call = asyncio.create_task(ask(requester, "a"))
    await asyncio.sleep(1)
    for cancel in (call.cancel, requester.abort) if users_first else (requester.abort, call.cancel):
        cancel()
    assert isinstance(await failure(call), asyncio.CancelledError)
    assert call.cancelled()
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_a_timeout_of_the_users_own_stays_one() -> None:
    transport = FakeTransport([HANG])
    pool = SessionPool(transport=transport)
    async with client_of(transport, pool=pool, timeout=None) as client:

        async def call() -> None:
            async with asyncio.timeout(2.0):
                await client.status("a")

        assert isinstance(await failure(call()), TimeoutError)
        assert pool.in_flight == 0


@pytest.mark.looptime
@pytest.mark.parametrize(("reply", "told"), [(HANG, "unknown"), (NO_CONNECTION, "not_sent")])
async def test_row_45_a_cancelled_send_is_told_to_the_hooks(reply: Reply, told: str) -> None:
    heard = Heard()
    transport = FakeTransport([reply])
    async with client_of(transport, hooks=[heard]) as client:
        call = asyncio.create_task(client.send(MESSAGE))
        await asyncio.sleep(0.1)
        call.cancel()
        assert isinstance(await failure(call), asyncio.CancelledError)
        assert [event.results[0].outcome for event in heard.of(ChunkSent)] == [told]


@pytest.mark.looptime
@pytest.mark.parametrize("what", [dropped(), http(500), too_many("1")], ids=repr)
async def test_a_pool_that_is_closed_too_early_does_not_hide_that_a_send_is_unknown(what: Any) -> None:
    transport = FakeTransport([Reply(what, 1.0)])
    pool = SessionPool(transport=transport)
    async with client_of(transport, pool=pool) as client:
        call = asyncio.create_task(client.send(MESSAGE))
        await asyncio.sleep(0.1)
        await pool.aclose()
        error = await failure(call)
    if isinstance(what, Response) and what.status == 429:
        assert isinstance(error, ClientClosedError | RateLimitError)
    else:
        assert isinstance(error, OutcomeUnknownError)
