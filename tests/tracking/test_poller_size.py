"""What many messages cost, and that the event loop gets its turns; in virtual time."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from smsbat_async import Outcome, PollPolicy
from smsbat_async.tracking.poller import AT_A_TIME
from tests.support.fake import FakeTransport, client_of, status

MANY = 20_000
NEVER_ASKED = PollPolicy(initial=10_000.0, maximum=10_000.0, timeout=5_000.0, last_poll_grace=0.0)
WAITING = status("processing")


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - turns of the loop are what is counted here
        await asyncio.sleep(0)


class Turns:
    """Watches by how much a count falls at most between two turns of the loop, until it is down."""

    def __init__(self, count: Callable[[], int], down: int) -> None:
        self._count = count
        self._down = down
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> int:
        most, before = 0, self._count()
        while before > self._down:
            await asyncio.sleep(0)
            after = self._count()
            most, before = max(most, before - after), after
        return most

    async def most(self) -> int:
        return await self._task


@pytest.mark.unmeasured
@pytest.mark.looptime
async def test_a_tracked_message_costs_at_most_450_bytes_its_future_and_id_included() -> None:
    async with client_of(FakeTransport([WAITING]), polling=NEVER_ASKED) as client:
        client.track("first").cancel()
        await asyncio.sleep(1)  # the workers are there
        futures: list[asyncio.Future[Any] | None] = [None] * MANY
        tracemalloc.start()
        try:
            before = traced()
            for number in range(MANY):
                futures[number] = client.track(f"{number:032x}")
            held = traced() - before
            for future in futures:
                assert future is not None
                future.cancel()
            futures.clear()
            del future
            left = traced() - before
        finally:
            tracemalloc.stop()
    assert held / MANY <= 450
    assert left < 20_000


@pytest.mark.unmeasured
@pytest.mark.looptime
async def test_a_message_in_a_window_costs_at_most_350_bytes_its_id_included() -> None:
    async with client_of(FakeTransport([WAITING]), polling=NEVER_ASKED) as client:
        client.track("first").cancel()
        await asyncio.sleep(1)  # the workers are there
        tracemalloc.start()
        try:
            before = traced()
            async with client.deliveries((f"{number:032x}" for number in range(MANY)), window=MANY):
                await until(lambda: client.poller.pending == MANY)
                held = traced() - before
            await until(lambda: client.poller.pending == 0)
            left = traced() - before
        finally:
            tracemalloc.stop()
    assert held / MANY <= 350
    assert left < 30_000


@pytest.mark.looptime
async def test_many_deadlines_at_one_moment_leave_the_loop_its_turns() -> None:
    async with client_of(FakeTransport([WAITING]), polling=NEVER_ASKED) as client:
        futures = [client.track(f"m-{number}") for number in range(5 * AT_A_TIME)]
        begun = asyncio.get_running_loop().create_future()
        futures[0].add_done_callback(lambda _: begun.set_result(Turns(lambda: client.poller.pending, 0)))
        turns: Turns = await begun
        most = await turns.most()
        outcomes = {future.result().outcome for future in futures}
    assert most <= AT_A_TIME
    assert outcomes == {Outcome.TIMED_OUT}


@pytest.mark.looptime
async def test_leaving_a_large_window_leaves_the_loop_its_turns_and_nothing_behind() -> None:
    async with client_of(FakeTransport([WAITING]), polling=NEVER_ASKED) as client:
        kept = client.track("m-1234")
        ids = [f"m-{number}" for number in range(5 * AT_A_TIME)]
        async with client.deliveries(ids, window=len(ids)):
            await until(lambda: client.poller.pending == len(ids))
            turns = Turns(lambda: client.poller.pending, 1)
            await asyncio.sleep(0)
        most = await turns.most()
        assert not kept.done()
        kept.cancel()
    assert 0 < most <= AT_A_TIME
    assert client.poller.pending == 0
