"""Many messages tracked at once, and what is left behind when they are gone; in virtual time."""

import asyncio
import gc
import tracemalloc
import weakref
from collections import Counter
from random import Random
from typing import Any

import pytest

from smsbat_async import Limits, Outcome, PollPolicy, Rate, SessionPool
from smsbat_async.policies import RetryPolicy
from smsbat_async.statuses import MessageStatus
from tests.support.fake import (
    FakeTransport,
    Reply,
    client_of,
    dropped,
    http,
    most_in_one_second,
    refused,
    status,
    too_many,
)

WAITING = status("processing")


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.looptime(noop_cycles=2)
async def test_ten_thousand_at_fifty_a_second_are_all_asked_about_with_few_tasks_and_slots() -> None:
    asked: Counter[str] = Counter()
    tasks_seen: list[int] = []

    def plan(call: Any) -> Reply:
        asked[call.message_id] += 1
        tasks_seen.append(len(asyncio.all_tasks()))
        return Reply(status(), 0.2)

    transport = FakeTransport(plan)
    pool = SessionPool(50, transport=transport)
    limits = Limits(status=Rate(50, 75), send=None)
    tasks_before = len(asyncio.all_tasks())
    async with client_of(transport, pool=pool, limits=limits, random=Random(1)) as client:
        began = now()
        futures = [client.track(f"m-{number}", timeout=3_600) for number in range(10_000)]
        deliveries = await asyncio.gather(*futures)
        took = now() - began
    assert {delivery.outcome for delivery in deliveries} == {Outcome.DELIVERED}
    assert set(asked.values()) == {1}
    assert len(asked) == 10_000
    # 10,000 polls at 50 a second, and hardly a second of it wasted.
    assert 199 <= took <= 206
    assert transport.peak <= pool.host_bulk_maximum == 32
    assert max(tasks_seen) <= tasks_before + pool.host_bulk_maximum + 2
    assert most_in_one_second(transport.times) <= 75


@pytest.mark.looptime(noop_cycles=2)
async def test_when_more_are_due_than_the_rate_allows_nobody_is_left_out() -> None:
    asked: Counter[str] = Counter()

    def plan(call: Any) -> Reply:
        asked[call.message_id] += 1
        return Reply(WAITING, 0.05)

    transport = FakeTransport(plan)
    limits = Limits(status=Rate(10, 10), send=None)
    policy = PollPolicy(initial=1.0, factor=1.0, maximum=1.0)
    async with client_of(transport, limits=limits, polling=policy, random=Random(1)) as client:
        futures = [client.track(f"m-{number}", timeout=300) for number in range(200)]
        await asyncio.sleep(250)
        assert len(asked) == 200
        assert max(asked.values()) - min(asked.values()) <= 1
        assert min(asked.values()) >= 11
        single = now()
        await client.status("somebody-else")
        assert now() - single <= 0.2  # a single call does not queue behind them
        for future in futures:
            future.cancel()


@pytest.mark.looptime(noop_cycles=2)
async def test_a_pause_in_the_middle_of_a_crowd_costs_time_and_nothing_else() -> None:
    paused = False

    def plan(_call: Any) -> Reply:
        nonlocal paused
        if len(transport.calls) > 100 and not paused:
            paused = True
            return Reply(too_many("10"), 0.1)
        return Reply(status(), 0.1)

    transport = FakeTransport(plan)
    limits = Limits(status=Rate(50, 75), send=None)
    async with client_of(transport, limits=limits) as client:
        deliveries = await asyncio.gather(*(client.track(f"m-{number}") for number in range(1_000)))
    assert {delivery.outcome for delivery in deliveries} == {Outcome.DELIVERED}
    assert most_in_one_second(transport.times) <= 75


@pytest.mark.looptime(noop_cycles=2)
async def test_an_unreachable_host_costs_few_connections_however_many_are_tracked() -> None:
    transport = FakeTransport([refused()])
    async with client_of(transport) as client:
        deliveries = await asyncio.gather(*(client.track(f"m-{number}") for number in range(100)))
    assert {delivery.outcome for delivery in deliveries} == {Outcome.TIMED_OUT}
    # Only what was really tried counts as a poll.
    assert sum(delivery.polls for delivery in deliveries) == len(transport.calls)
    assert 10 + 120 / 5 - 2 <= len(transport.calls) <= 10 + 32 + 120 / 5 + 2


# -- nothing is left behind -----------------------------------------------------------------------


@pytest.mark.looptime(noop_cycles=2)
async def test_futures_that_are_cancelled_leave_nothing_behind() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client:
        futures = [client.track(f"m-{number % 500}") for number in range(1_000)]
        refs = [weakref.ref(future) for future in futures]
        await asyncio.sleep(6)
        for future in futures:
            future.cancel()
        assert client.poller.pending == 0
        del future
        futures.clear()
        await asyncio.sleep(2)
        gc.collect()
        assert sum(ref() is not None for ref in refs) == 0


@pytest.mark.looptime(noop_cycles=2)
@pytest.mark.parametrize("word", ["delivered", "processing"])
async def test_futures_that_ended_leave_nothing_behind(word: str) -> None:
    transport = FakeTransport([status(word)])
    async with client_of(transport) as client:
        futures = [client.track(f"m-{number}") for number in range(200)]
        refs = [weakref.ref(future) for future in futures]
        await asyncio.gather(*futures)
        futures.clear()
        await asyncio.sleep(2)
        gc.collect()
        assert sum(ref() is not None for ref in refs) == 0


@pytest.mark.unmeasured
@pytest.mark.looptime(noop_cycles=2)
async def test_tracking_and_cancelling_for_ever_takes_no_more_and_more_memory() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client:

        async def churn(rounds: int) -> None:
            for number in range(rounds):
                client.track(f"m-{number}").cancel()
                if number % 100 == 0:
                    await asyncio.sleep(0.5)

        await churn(2_000)
        gc.collect()
        tracemalloc.start()
        try:
            await churn(6_000)
            gc.collect()
            grown, _peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert grown < 60_000
        assert client.poller.pending == 0


@pytest.mark.unmeasured
@pytest.mark.looptime(noop_cycles=2)
async def test_waiting_for_the_drain_again_and_again_leaves_nothing_behind() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client:
        future = client.track("a")
        await client.poller.drain(timeout=0.001)
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(500):
                assert await client.poller.drain(timeout=0.001) is False
            gc.collect()
            grown, _peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert grown < 20_000
        future.cancel()


@pytest.mark.looptime(noop_cycles=2)
async def test_a_storm_of_tracking_feeding_and_cancelling_ends_with_nothing_pending() -> None:
    random = Random(4)
    words = ["scheduled", "processing", "delivered", "undeliverable"]

    def plan(_call: Any) -> Any:
        what: Any = random.choice(
            [status(random.choice(words)), http(500), http(404), dropped(), too_many("0")]
        )
        return Reply(what, random.choice([0.0, 0.1, 3.0]))

    transport = FakeTransport(plan)
    pool = SessionPool(6, transport=transport)
    async with client_of(transport, pool=pool, retry=RetryPolicy(attempts=1), random=random) as client:
        futures = []
        for _ in range(3_000):
            message_id = f"m-{random.randrange(300)}"
            choice = random.random()
            if choice < 0.6:
                futures.append(client.track(message_id, timeout=random.uniform(0.1, 40)))
            elif choice < 0.8 and futures:
                random.choice(futures).cancel()
            elif choice < 0.9:
                fed = MessageStatus(message_id=message_id, delivery_status=random.choice(words))
                client.poller.feed(fed)
            else:
                await asyncio.sleep(random.uniform(0, 0.5))
        ended = await asyncio.gather(*futures, return_exceptions=True)
        assert client.poller.pending == 0
        assert {type(end).__name__ for end in ended} == {"Delivery", "CancelledError"}
        await asyncio.sleep(60)
        assert (pool.in_flight, transport.in_flight) == (0, 0)
