"""Bounds on attempts: exact for every attempt, though one timer serves all of one length."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from smsbat_async.transport.deadlines import REMEMBERED, Deadlines

Task = asyncio.Task[Any]

pytestmark = pytest.mark.looptime


async def watched(deadlines: Deadlines[Task], seconds: float, takes: float) -> tuple[str, float]:
    """Sleep under a deadline, and return what came of it and after how many seconds."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    began = loop.time()
    watch = deadlines.begin(task, seconds)
    try:
        await asyncio.sleep(takes)
    except asyncio.CancelledError:
        if not watch.end(task):
            raise
        task.uncancel()
        return "over", round(loop.time() - began, 3)
    return ("late" if watch.end(task) else "done"), round(loop.time() - began, 3)


async def test_an_attempt_that_takes_too_long_is_cancelled_at_its_deadline() -> None:
    assert await watched(Deadlines(asyncio.Task.cancel), 5.0, takes=60.0) == ("over", 5.0)


async def test_an_attempt_that_ends_in_time_is_left_alone() -> None:
    deadlines: Deadlines[Task] = Deadlines(asyncio.Task.cancel)
    assert await watched(deadlines, 5.0, takes=4.0) == ("done", 4.0)
    assert await watched(deadlines, 5.0, takes=4.9) == ("done", 4.9)


async def test_the_deadline_of_each_attempt_is_its_own() -> None:
    deadlines: Deadlines[Task] = Deadlines(asyncio.Task.cancel)

    async def begin_after(wait: float, takes: float) -> tuple[str, float]:
        await asyncio.sleep(wait)
        return await watched(deadlines, 5.0, takes)

    beginnings = [(0.0, 60.0), (1.5, 2.0), (3.0, 60.0), (4.5, 60.0)]
    ends = await asyncio.gather(*(begin_after(wait, takes) for wait, takes in beginnings))
    assert ends == [("over", 5.0), ("done", 2.0), ("over", 5.0), ("over", 5.0)]


async def test_an_attempt_that_begins_when_the_timer_stands_at_an_ended_one_is_bounded_too() -> None:
    deadlines: Deadlines[Task] = Deadlines(asyncio.Task.cancel)
    assert await watched(deadlines, 5.0, takes=0.5) == ("done", 0.5)
    assert await watched(deadlines, 5.0, takes=60.0) == ("over", 5.0)


async def test_attempts_of_several_lengths_do_not_disturb_each_other() -> None:
    deadlines: Deadlines[Task] = Deadlines(asyncio.Task.cancel)
    ends = await asyncio.gather(*(watched(deadlines, float(length), takes=10.0) for length in (3, 12, 1, 9)))
    assert ends == [("over", 3.0), ("done", 10.0), ("over", 1.0), ("over", 9.0)]


async def test_lengths_beyond_those_remembered_are_bounded_and_leave_no_timer() -> None:
    deadlines: Deadlines[Task] = Deadlines(asyncio.Task.cancel)
    lengths = [float(length) for length in range(1, REMEMBERED + 4)]
    ends = await asyncio.gather(*(watched(deadlines, length, takes=60.0) for length in lengths))
    assert ends == [("over", length) for length in lengths]
    assert await watched(deadlines, 99.5, takes=1.0) == ("done", 1.0)
    before = asyncio.get_running_loop().time()
    await asyncio.sleep(200.0)
    assert asyncio.get_running_loop().time() - before == pytest.approx(200.0)


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    deadlines: Deadlines[Task] = Deadlines(asyncio.Task.cancel)
    task = asyncio.create_task(watched(deadlines, 5.0, takes=60.0))
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closing_takes_no_bound_from_what_is_under_way() -> None:
    deadlines: Deadlines[Task] = Deadlines(asyncio.Task.cancel)

    async def begin_after(wait: float, takes: float) -> tuple[str, float]:
        await asyncio.sleep(wait)
        return await watched(deadlines, 5.0, takes)

    beginnings = [(0.0, 3.0), (0.5, 60.0), (1.0, 2.5), (1.5, 60.0)]
    tasks = [asyncio.create_task(begin_after(wait, takes)) for wait, takes in beginnings]
    await asyncio.sleep(2.0)
    deadlines.close()
    assert await asyncio.gather(*tasks) == [("done", 3.0), ("over", 5.0), ("done", 2.5), ("over", 5.0)]


@pytest.mark.parametrize("takes", [0.5, 4.0, 60.0])
async def test_after_closing_no_timer_is_left(takes: float) -> None:
    def end(task: Task) -> None:
        task.cancel()

    deadlines: Deadlines[Task] = Deadlines(end)
    task = asyncio.create_task(watched(deadlines, 5.0, takes))
    await asyncio.sleep(1.0)
    deadlines.close()
    await task
    held = weakref.ref(end)  # by the loop, if it had a timer yet
    del end, deadlines, task
    gc.collect()
    assert held() is None


async def test_lengths_that_nobody_uses_any_more_make_room_for_others() -> None:
    deadlines: Deadlines[Task] = Deadlines(asyncio.Task.cancel)
    for length in range(1, REMEMBERED + 1):
        assert await watched(deadlines, float(length), takes=0.1) == ("done", 0.1)
    task = asyncio.current_task()
    assert task is not None
    first = deadlines.begin(task, 30.0)
    first.end(task)
    second = deadlines.begin(task, 30.0)
    second.end(task)
    assert second is first  # one timer for all of them, not one for each
    deadlines.close()
