"""Never twice in a second, and how tracking ends with its client; in virtual time."""

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsbat_async import (
    ClientClosedError,
    ConfigurationError,
    Limits,
    Outcome,
    PollPolicy,
    Rate,
    SessionPool,
)
from tests.support.fake import (
    FREE,
    Call,
    FakeTransport,
    Reply,
    client_of,
    status,
)
from tests.tracking.test_poller import EXACT, WAITING, gaps, near, now

# -- never too fast -------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_the_last_poll_keeps_its_second_from_the_one_before() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        began = now()
        delivery = await client.wait_for_delivery("a", timeout=5.3)
    assert [at - began for at in transport.times] == near(5.0, 6.0)
    assert delivery.elapsed == pytest.approx(6.0, abs=1e-3)


@pytest.mark.looptime
async def test_tracking_anew_does_not_ask_again_within_a_second() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        for _ in range(20):
            await client.wait_for_delivery("a", timeout=0.2)
        assert len(transport.calls) >= 10
        assert min(gaps(transport.times)) >= 1.0 - 1e-6


@pytest.mark.looptime
async def test_tracking_anew_after_a_cancellation_does_not_ask_again_within_a_second() -> None:
    transport = FakeTransport([Reply(WAITING, 0.3)])
    async with client_of(transport, polling=EXACT) as client:
        for pause in (0.1, 0.25, 0.35, 0.5, 0.9):
            for _ in range(4):
                future = client.track("a", timeout=0.15)
                await asyncio.sleep(pause)
                future.cancel()
        assert len(transport.calls) >= 5
        assert transport.peak == 1
        assert min(gaps(transport.times)) >= 1.0 - 1e-6


@settings(max_examples=60)
@given(
    initial=st.floats(1, 6),
    factor=st.floats(1, 3),
    jitter=st.floats(0, 0.9),
    grace=st.floats(0, 5),
    latencies=st.lists(st.sampled_from([0.0, 0.01, 0.4, 1.5, 40.0]), min_size=1, max_size=5),
    rate=st.sampled_from([None, Rate(1, 2), Rate(3, 3)]),
    tracks=st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.floats(0, 20),  # when
            st.floats(0.01, 25),  # its timeout
            st.one_of(st.none(), st.floats(0, 15)),  # when it is cancelled
        ),
        min_size=1,
        max_size=12,
    ),
    seed=st.integers(0, 9),
)
@pytest.mark.looptime
async def test_whatever_is_tracked_no_message_is_asked_about_twice_in_a_second_or_at_once(
    initial: float,
    factor: float,
    jitter: float,
    grace: float,
    latencies: list[float],
    rate: Rate | None,
    tracks: list[tuple[str, float, float, float | None]],
    seed: int,
) -> None:
    random = Random(seed)

    def plan(call: Call) -> Any:
        return Reply(WAITING, random.choice(latencies))

    transport = FakeTransport(plan)
    policy = PollPolicy(initial=initial, factor=factor, maximum=30, jitter=jitter, last_poll_grace=grace)
    limits = FREE if rate is None else Limits(status=rate, send=None)
    async with client_of(transport, polling=policy, limits=limits, random=random) as client:

        async def follow(message_id: str, begin: float, timeout: float, cancel: float | None) -> None:
            await asyncio.sleep(begin)
            began = now()
            future = client.track(message_id, timeout=timeout)
            if cancel is not None:
                asyncio.get_running_loop().call_later(cancel, future.cancel)
            try:
                delivery = await future
            except asyncio.CancelledError:
                return
            assert delivery.outcome is Outcome.TIMED_OUT
            assert timeout - 1e-3 <= now() - began <= timeout + grace + 1e-3

        await asyncio.gather(*(follow(*track) for track in tracks))
        assert client.poller.pending == 0
    for message_id in "abc":
        assert all(gap >= 1.0 - 1e-3 for gap in gaps(transport.times_of(message_id)))


@pytest.mark.looptime
async def test_a_sandbox_may_be_asked_faster() -> None:
    transport = FakeTransport([WAITING])
    policy = PollPolicy(initial=0.01, factor=1.0, maximum=0.01, jitter=0.0, allow_fast=True)
    async with client_of(transport, polling=policy) as client:
        await client.wait_for_delivery("a", timeout=1.0)
    assert 95 <= len(transport.calls) <= 102


# -- closing and draining -------------------------------------------------------------------------


@pytest.mark.looptime
async def test_draining_waits_until_nothing_is_tracked() -> None:
    transport = FakeTransport([WAITING, WAITING, status()])
    async with client_of(transport, polling=EXACT) as client:
        assert await client.poller.drain() is True
        futures = [client.track("a"), client.track("b")]
        assert await client.poller.drain(timeout=6) is False
        assert await client.poller.drain() is True
        assert all(future.done() for future in futures)
        with pytest.raises(ConfigurationError, match="timeout"):
            await client.poller.drain(timeout=0)


@pytest.mark.looptime
async def test_a_drain_that_is_cancelled_just_when_it_would_end_is_cancelled() -> None:
    async with client_of(FakeTransport([WAITING])) as client:
        future = client.track("a")
        drains = [asyncio.create_task(client.poller.drain()) for _ in range(2)]
        await asyncio.sleep(1)
        drains[0].cancel()
        future.cancel()
        ended = await asyncio.gather(*drains, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert ended[1] is True


@pytest.mark.looptime
async def test_closing_fails_who_waits_and_tracks_nothing_more() -> None:
    transport = FakeTransport([WAITING])
    client = client_of(transport)
    futures = [client.track(name) for name in "aab"]
    drain = asyncio.create_task(client.poller.drain())
    await asyncio.sleep(1)
    futures[0].cancel()
    await client.aclose()
    assert futures[0].cancelled()
    assert [type(future.exception()) for future in futures[1:]] == [ClientClosedError] * 2
    assert await drain is True
    assert client.poller.pending == 0
    client.poller.close()
    with pytest.raises(ClientClosedError):
        client.track("c")
    assert transport.calls == []


@pytest.mark.looptime
async def test_closing_in_the_middle_of_a_poll_fails_who_waits_at_once() -> None:
    transport = FakeTransport([Reply(status(), 2.0)])
    client = client_of(transport, polling=EXACT)
    future = client.track("a")
    await asyncio.sleep(6)
    closer = asyncio.create_task(client.aclose())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert isinstance(future.exception(), ClientClosedError)
    await closer
    assert transport.in_flight == 0


@pytest.mark.looptime
async def test_a_pool_that_is_closed_first_does_not_keep_the_client_from_closing() -> None:
    transport = FakeTransport([WAITING])
    pool = SessionPool(transport=transport)
    client = client_of(transport, pool=pool)
    future = client.track("a")
    await asyncio.sleep(6)
    await pool.aclose()
    await client.aclose()
    assert isinstance(future.exception(), ClientClosedError)
