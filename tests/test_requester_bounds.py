"""One call: its bounds on time, the retry budget, the circuit, and what hooks hear; in virtual time."""

import asyncio

import pytest

from smsbat_async import (
    NotSentError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    SessionPool,
    SmsBatError,
    TransportError,
)
from smsbat_async.hooks import CallFinished, CallStarted, Paused, RequestFinished, RetryScheduled
from smsbat_async.http import Response
from tests.support.fake import (
    HANG,
    Call,
    FakeTransport,
    Heard,
    Reply,
    client_of,
    dropped,
    http,
    refused,
    status,
    too_many,
)
from tests.test_requester import AT_ONCE, MESSAGE, ONCE, Fixed, failure, now

# -- bounds on time -------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_the_total_timeout_covers_attempts_and_waits() -> None:
    transport = FakeTransport([HANG])
    async with client_of(transport, timeout=8.0, total_timeout=20.0, random=Fixed(1.0)) as client:
        began = now()
        error = await failure(client.status("a"))
        assert isinstance(error, TransportError)
        assert now() - began == pytest.approx(20.0, abs=1e-4)
    # 8 s, 0.5 s of waiting, 8 s, 1 s of waiting, and what was left.
    assert [call.timeout for call in transport.calls] == pytest.approx([8.0, 8.0, 2.5], abs=1e-4)


@pytest.mark.looptime
async def test_the_total_timeout_covers_the_wait_for_a_slot() -> None:
    transport = FakeTransport([Reply(status(), 6.0), HANG])
    pool = SessionPool(1, transport=transport)
    async with client_of(transport, pool=pool, retry=ONCE, timeout=None, total_timeout=10.0) as client:
        began = now()
        first = asyncio.create_task(client.status("a"))
        await asyncio.sleep(0)
        error = await failure(client.status("b"))
        await first
        assert isinstance(error, TransportError)
        assert now() - began == pytest.approx(10.0, abs=1e-4)
    assert transport.calls[1].timeout == pytest.approx(4.0, abs=1e-4)


@pytest.mark.looptime
async def test_the_total_timeout_covers_pauses() -> None:
    transport = FakeTransport([too_many("9"), HANG])
    async with client_of(transport, timeout=None, total_timeout=10.0) as client:
        began = now()
        await failure(client.status("a"))
        assert now() - began == pytest.approx(10.0, abs=1e-4)
    assert len(transport.calls) == 2


@pytest.mark.looptime
async def test_the_timeout_of_an_attempt_counts_from_its_slot() -> None:
    transport = FakeTransport([Reply(status(), 4.0)])
    pool = SessionPool(1, transport=transport)
    async with client_of(transport, pool=pool, timeout=5.0, total_timeout=None) as client:
        began = now()
        await asyncio.gather(*(client.status(f"a-{n}") for n in range(10)))
        assert now() - began == pytest.approx(40.0, abs=1e-3)
    assert [call.timeout for call in transport.calls] == [5.0] * 10


@pytest.mark.looptime
async def test_without_bounds_a_call_waits_as_long_as_it_takes() -> None:
    transport = FakeTransport([Reply(status(), 86_400.0)])
    async with client_of(transport, timeout=None, total_timeout=None) as client:
        assert (await client.status("a")).is_terminal
    assert transport.calls[0].timeout is None


# -- the retry budget and the circuit -------------------------------------------------------------


@pytest.mark.looptime
async def test_row_70_with_the_retry_budget_empty_an_error_comes_at_once() -> None:
    transport = FakeTransport([dropped()])
    async with client_of(transport, retry=AT_ONCE) as client:
        for _ in range(50):
            await failure(client.status("a"))
        assert len(transport.calls) == 150
        began = now()
        for _ in range(100):
            await failure(client.with_options(retry=RetryPolicy()).status("a"))
        assert (len(transport.calls), now()) == (250, began)


@pytest.mark.looptime
async def test_row_70_successes_fill_the_budget_again() -> None:
    good = False
    transport = FakeTransport(lambda _call: status() if good else dropped())
    async with client_of(transport, retry=AT_ONCE) as client:
        for _ in range(60):
            await failure(client.status("a"))
        good = True
        for _ in range(31):
            await client.status("a")
        good = False
        transport.calls.clear()
        for _ in range(10):
            await failure(client.status("a"))
    assert len(transport.calls) == 13


@pytest.mark.looptime
async def test_row_71_after_ten_missed_connections_calls_fail_at_once_but_for_a_probe_each_5_seconds() -> (
    None
):
    heard = Heard()
    transport = FakeTransport([refused()])
    async with client_of(transport, hooks=[heard]) as client:
        for _ in range(10):
            await failure(client.with_options(retry=ONCE).status("a"))
        assert len(transport.calls) == 10
        opened_at = now()
        transport.calls.clear()
        heard.events.clear()
        for _ in range(50):
            error = await failure(client.status("a"))
            assert isinstance(error, NotSentError)
            assert error.kind == "circuit_open"
        assert now() == opened_at
        assert heard.of(RetryScheduled) == []
        once = client.with_options(retry=ONCE)
        for _ in range(200):
            await failure(once.status("a"))
            await asyncio.sleep(0.1)
        assert [at - opened_at for at in transport.times] == pytest.approx([5.0, 10.0, 15.0], abs=0.2)


@pytest.mark.looptime
async def test_row_71_a_send_to_a_host_out_of_reach_fails_at_once_as_not_sent() -> None:
    transport = FakeTransport([refused()])
    async with client_of(transport, retry=ONCE) as client:
        for _ in range(10):
            await failure(client.status("a"))
        began = now()
        error = await failure(client.with_options(retry=RetryPolicy()).send(MESSAGE))
        assert isinstance(error, NotSentError)
        assert (error.kind, now()) == ("circuit_open", began)
    assert len(transport.calls) == 10


@pytest.mark.looptime
async def test_row_71_a_probe_that_gets_through_opens_the_road_again() -> None:
    up = False
    transport = FakeTransport(lambda _call: status() if up else refused())
    async with client_of(transport, retry=ONCE) as client:
        for _ in range(10):
            await failure(client.status("a"))
        up = True
        assert isinstance(await failure(client.status("a")), NotSentError)
        await asyncio.sleep(5.0)
        for _ in range(20):
            assert (await client.status("a")).is_terminal


@pytest.mark.looptime
@pytest.mark.parametrize("what", [http(500), http(404), too_many("0"), http(200, b"x")], ids=repr)
async def test_row_71_any_answer_shows_that_a_host_is_in_reach(what: Response) -> None:
    def plan(_call: Call) -> Response | SmsBatError:
        return what if len(transport.calls) % 10 == 0 else refused()

    transport = FakeTransport(plan)
    async with client_of(transport, retry=ONCE) as client:
        for _ in range(40):
            await failure(client.status("a"))
    assert len(transport.calls) == 40


# -- hooks ----------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_hooks_hear_of_every_attempt_retry_and_pause() -> None:
    heard = Heard()
    transport = FakeTransport([Reply(http(500), 0.25), too_many("3"), Reply(status(), 0.5)])
    async with client_of(transport, random=Fixed(1.0), hooks=[heard]) as client:
        await client.status("a")
    host = "https://restapi.smsbat.com:443"
    begun, first, retry, second, paused, again, third, over = heard.events
    assert (type(begun), type(over)) == (CallStarted, CallFinished)
    assert isinstance(first, RequestFinished)
    assert (first.kind, first.host, first.method, first.template) == (
        "status",
        host,
        "GET",
        "/bat/message/{message_id}",
    )
    assert (first.attempt, first.status_code, type(first.error)) == (1, 500, ServerError)
    assert first.elapsed == pytest.approx(0.25, abs=1e-4)
    assert isinstance(retry, RetryScheduled)
    assert (retry.kind, retry.host, retry.attempt, retry.delay) == ("status", host, 1, 0.5)
    assert retry.error is first.error
    assert (second.attempt, second.status_code, type(second.error)) == (2, 429, RateLimitError)
    assert isinstance(paused, Paused)
    assert (paused.kind, paused.host, paused.seconds, paused.per_second) == ("status", host, 3.0, None)
    assert (again.attempt, type(again.error)) == (2, RateLimitError)
    assert again.delay == pytest.approx(3.0, abs=1e-4)
    assert (third.attempt, third.status_code, third.error) == (3, 200, None)
    assert third.elapsed == pytest.approx(0.5, abs=1e-4)


@pytest.mark.looptime
async def test_hooks_hear_once_of_a_pause_that_many_requests_met() -> None:
    heard = Heard()
    transport = FakeTransport(
        lambda _call: Reply(too_many("2") if len(transport.calls) <= 10 else status(), 0.1)
    )
    async with client_of(transport, hooks=[heard]) as client:
        await asyncio.gather(*(client.status(f"a-{n}") for n in range(10)))
    assert heard.names == {
        "CallStarted": 10,
        "RequestFinished": 20,
        "RetryScheduled": 10,
        "Paused": 1,
        "CallFinished": 10,
    }


@pytest.mark.looptime
async def test_without_hooks_everything_goes_the_same_way() -> None:
    transport = FakeTransport([http(500), too_many("1"), status()])
    async with client_of(transport) as client:
        assert (await client.status("a")).is_terminal
