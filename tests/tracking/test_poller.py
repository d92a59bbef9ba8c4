"""When a message that is tracked is asked about, and when that ends; in virtual time."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from smsbat_async import (
    ConfigurationError,
    InvalidMessageError,
    NotSentError,
    Outcome,
    PollPolicy,
    SessionPool,
    TransportError,
)
from tests.support.fake import (
    HANG,
    FakeTransport,
    Reply,
    client_of,
    dropped,
    http,
    status,
    too_many,
)

EXACT = PollPolicy(jitter=0.0)
WAITING = status("processing")


def now() -> float:
    return asyncio.get_running_loop().time()


def near(*times: float) -> Any:
    return pytest.approx(list(times), abs=1e-3)


def gaps(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


# -- when polls are made --------------------------------------------------------------------------


@pytest.mark.looptime
async def test_polls_come_at_the_exact_times_of_the_policy_and_once_more_at_the_deadline() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        began = now()
        delivery = await client.wait_for_delivery("a")
    # 5 s, then 8, 12.8 and 20.48, then 30 each, and the last at the deadline of 120.
    assert [at - began for at in transport.times] == near(5, 13, 25.8, 46.28, 76.28, 106.28, 120)
    assert delivery.outcome is Outcome.TIMED_OUT
    assert delivery.timed_out
    assert (delivery.polls, delivery.source) == (7, "poll")
    assert delivery.elapsed == pytest.approx(120.0, abs=1e-3)
    assert delivery.status is not None
    assert delivery.status.delivery_status == "processing"


@pytest.mark.looptime
async def test_the_first_end_ends_the_tracking() -> None:
    transport = FakeTransport([WAITING, WAITING, status("Delivered", cost=0.05)])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a")
        assert client.poller.pending == 0
        await asyncio.sleep(300)
    assert (delivery.success, delivery.polls, str(delivery.cost)) == (True, 3, "0.05")
    assert delivery.elapsed == pytest.approx(25.8, abs=1e-3)
    assert len(transport.calls) == 3


@pytest.mark.looptime
async def test_jitter_spreads_each_wait_by_its_fraction_either_way() -> None:
    transport = FakeTransport([WAITING])
    policy = PollPolicy(initial=10.0, factor=1.0, maximum=10.0, jitter=0.2, timeout=5_000.0)
    async with client_of(transport, polling=policy, random=Random(1)) as client:
        times = [now()]
        await client.wait_for_delivery("a")
    times += transport.times
    waits = gaps(times[:-1])  # the last comes when the deadline says so
    assert len(waits) > 400
    assert 8.0 <= min(waits) < 8.1
    assert 11.9 < max(waits) <= 12.0


@pytest.mark.looptime
async def test_a_wait_counts_from_the_end_of_the_poll_before() -> None:
    transport = FakeTransport([Reply(WAITING, 2.0)])
    policy = PollPolicy(initial=5.0, factor=1.0, maximum=5.0, jitter=0.0, timeout=20.0)
    async with client_of(transport, polling=policy) as client:
        began = now()
        await client.wait_for_delivery("a")
    assert [at - began for at in transport.times] == near(5, 12, 19)


@pytest.mark.looptime
async def test_a_policy_of_a_copy_rules_what_the_copy_tracks() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        slow = client.with_options(polling=PollPolicy(initial=50.0, maximum=50.0, jitter=0.0))
        began = now()
        await asyncio.gather(client.wait_for_delivery("a", timeout=20), slow.wait_for_delivery("b"))
    assert [at - began for at in transport.times_of("a")] == near(5, 13, 20)
    assert [at - began for at in transport.times_of("b")] == near(50, 100, 120)


@pytest.mark.looptime
async def test_a_poll_is_one_attempt_and_a_failed_one_waits_for_its_next_turn() -> None:
    transport = FakeTransport([http(503, retry_after="1"), dropped(), http(500), status()])
    async with client_of(transport, polling=EXACT) as client:
        began = now()
        delivery = await client.wait_for_delivery("a")
    assert [at - began for at in transport.times] == near(5, 13, 25.8, 46.28)
    assert (delivery.success, delivery.polls) == (True, 4)
    assert getattr(delivery.last_error, "status_code", None) == 500


# -- who waits ------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_there_is_one_poll_however_many_wait() -> None:
    transport = FakeTransport([Reply(WAITING, 0.5), Reply(status(), 0.5)])
    async with client_of(transport, polling=EXACT) as client:
        futures = [client.track("a") for _ in range(1_000)]
        assert client.poller.pending == 1
        assert len(set(map(id, futures))) == 1_000
        deliveries = await asyncio.gather(*futures)
    assert {delivery.outcome for delivery in deliveries} == {Outcome.DELIVERED}
    assert (len(transport.calls), transport.peak) == (2, 1)


@pytest.mark.looptime
async def test_each_has_its_own_timeout_and_its_own_clock() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        first = client.track("a", timeout=10)
        await asyncio.sleep(4)
        second = client.track("a", timeout=30)
        third = client.track("a", timeout=2)
        began = now()
        assert (await third).elapsed == pytest.approx(2.0, abs=1e-3)
        assert now() - began == pytest.approx(2.0, abs=1e-3)
        assert (await first).elapsed == pytest.approx(10.0, abs=1e-3)
        delivery = await second
        assert delivery.elapsed == pytest.approx(30.0, abs=1e-3)
        assert delivery.polls == len(transport.calls)
        assert client.poller.pending == 0


@pytest.mark.looptime
async def test_cancelling_one_harms_no_other() -> None:
    transport = FakeTransport([WAITING, status()])
    async with client_of(transport, polling=EXACT) as client:
        futures = [client.track("a") for _ in range(3)]
        assert futures[0].cancel() is True
        assert futures[0].cancel() is False
        await asyncio.sleep(6)
        futures[2].cancel()
        assert (await futures[1]).success
        assert [future.cancelled() for future in futures] == [True, False, True]
        assert futures[1].cancel() is False


@pytest.mark.looptime
async def test_when_none_is_left_the_tracking_ends() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        futures = [client.track("a") for _ in range(3)]
        await asyncio.sleep(6)
        for future in futures:
            future.cancel()
        assert client.poller.pending == 0
        calls = len(transport.calls)
        await asyncio.sleep(600)
    assert len(transport.calls) == calls == 1


@pytest.mark.looptime
@pytest.mark.parametrize(
    "wait",
    [
        lambda future: asyncio.wait_for(future, 3),
        lambda future: asyncio.wait_for(asyncio.gather(future), 3),
        lambda future: asyncio.wait_for(asyncio.create_task(asyncio.sleep(99, future)), 3),
    ],
    ids=["wait_for", "gather", "not awaited"],
)
async def test_giving_up_in_the_ways_of_asyncio_ends_the_tracking(wait: Callable[[Any], Any]) -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        future = client.track("a")
        with pytest.raises(TimeoutError):
            await wait(future)
        future.cancel()
        assert client.poller.pending == 0
    assert transport.calls == []


@pytest.mark.looptime
async def test_cancelling_a_task_that_waits_for_a_delivery_ends_the_tracking() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        task = asyncio.create_task(client.wait_for_delivery("a"))
        await asyncio.sleep(1)
        assert client.poller.pending == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert client.poller.pending == 0


@pytest.mark.looptime
async def test_cancelling_while_the_poll_is_in_flight_is_heard_when_it_is_back() -> None:
    transport = FakeTransport([Reply(status(), 3.0)])
    async with client_of(transport, polling=EXACT) as client:
        future = client.track("a")
        await asyncio.sleep(6)
        assert transport.in_flight == 1
        future.cancel()
        assert client.poller.pending == 0
        await asyncio.sleep(600)
        assert future.cancelled()
        # What the poll brought is not lost.
        assert (await client.track("a")).source == "cache"
    assert len(transport.calls) == 1


@pytest.mark.looptime
async def test_who_tracks_anew_hears_what_the_poll_under_way_brings() -> None:
    transport = FakeTransport([Reply(WAITING, 3.0), Reply(status(), 3.0)])
    async with client_of(transport, polling=EXACT) as client:
        for outcome in (None, Outcome.DELIVERED):
            first = client.track("a")
            await asyncio.sleep(6)
            first.cancel()
            second = client.track("a")
            await asyncio.sleep(2.5)
            assert (second.result().outcome if second.done() else None) is outcome
            second.cancel()
    assert len(transport.calls) == 2


# -- deadlines ------------------------------------------------------------------------------------


@pytest.mark.looptime
@pytest.mark.parametrize("grace", [0.0, 2.0, 5.0])
async def test_a_hanging_transport_holds_nobody_past_the_deadline_and_its_grace(grace: float) -> None:
    transport = FakeTransport([HANG])
    policy = PollPolicy(jitter=0.0, last_poll_grace=grace)
    async with client_of(transport, polling=policy, timeout=None, total_timeout=None) as client:
        delivery = await client.wait_for_delivery("a", timeout=20)
        assert delivery.outcome is Outcome.TIMED_OUT
        # The poll is broken off a moment before, so that the delivery can tell of it.
        assert 20.0 + grace - 0.02 < delivery.elapsed <= 20.0 + grace
        assert delivery.polls == 1
        assert isinstance(delivery.last_error, TransportError)
        await asyncio.sleep(1)
        assert transport.in_flight == 0


@pytest.mark.looptime
async def test_a_paused_pool_holds_nobody_past_the_deadline_and_its_grace() -> None:
    transport = FakeTransport([too_many("60")])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a", timeout=30)
        assert delivery.outcome is Outcome.TIMED_OUT
        assert 30.0 <= delivery.elapsed <= 35.0
        assert delivery.polls == 1
        assert delivery.last_error is not None


@pytest.mark.looptime
async def test_a_pool_without_a_free_slot_holds_nobody_past_the_deadline_and_its_grace() -> None:
    transport = FakeTransport([HANG])
    pool = SessionPool(1, transport=transport)
    async with client_of(transport, pool=pool, polling=EXACT, timeout=None, total_timeout=None) as client:
        stuck = asyncio.create_task(client.status("stuck"))
        delivery = await client.wait_for_delivery("a", timeout=30)
        assert (delivery.outcome, delivery.polls) == (Outcome.TIMED_OUT, 0)
        assert 34.98 < delivery.elapsed <= 35.0
        assert isinstance(delivery.last_error, NotSentError)
        stuck.cancel()


@pytest.mark.looptime
async def test_the_last_poll_may_bring_the_end_within_the_grace() -> None:
    transport = FakeTransport([Reply(status(), 3.0)])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a", timeout=4)
    assert (delivery.outcome, delivery.polls) == (Outcome.DELIVERED, 1)
    assert delivery.elapsed == pytest.approx(7.0, abs=1e-3)


@pytest.mark.looptime
async def test_a_poll_under_way_at_the_deadline_is_the_last() -> None:
    transport = FakeTransport([Reply(WAITING, 3.0)])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a", timeout=6)
    assert (delivery.outcome, delivery.polls, len(transport.calls)) == (Outcome.TIMED_OUT, 1, 1)
    assert delivery.elapsed == pytest.approx(8.0, abs=1e-3)


@pytest.mark.looptime
async def test_a_deadline_keeps_the_last_status_when_the_last_poll_fails() -> None:
    transport = FakeTransport([WAITING, dropped()])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a", timeout=10)
    assert delivery.outcome is Outcome.TIMED_OUT
    assert delivery.status is not None
    assert delivery.status.delivery_status == "processing"
    assert isinstance(delivery.last_error, TransportError)


@pytest.mark.looptime
@pytest.mark.parametrize("wrong", [0, -1, float("inf"), "5", True], ids=repr)
async def test_a_timeout_that_is_no_time_is_refused(wrong: Any) -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client:
        with pytest.raises(ConfigurationError, match="timeout must be more than 0 seconds"):
            client.track("a", timeout=wrong)
        assert client.poller.pending == 0


@pytest.mark.parametrize("wrong", ["../x", "", "a b", None, 7], ids=repr)
async def test_row_72_an_id_that_is_unfit_for_a_url_is_refused_at_once(wrong: Any) -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client:
        with pytest.raises(InvalidMessageError, match="message_id"):
            client.track(wrong)
        assert client.poller.pending == 0
