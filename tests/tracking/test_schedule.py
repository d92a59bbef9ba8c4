"""Who is next, by time."""

import asyncio
import heapq
import tracemalloc
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async.tracking.schedule import LATEST, NEAR, Alarm, Schedule


def rows_due(schedule: Schedule, now: float) -> list[int]:
    """Take out whatever is due."""
    return [first[1] for first in iter(lambda: schedule.pop(now), None)]


def test_rows_come_in_the_order_of_their_times_and_no_earlier() -> None:
    schedule = Schedule()
    for row, at in enumerate((3.0, 1.0, 2.0)):
        schedule.add(row, at, 0.0)
    assert schedule.pop(0.999) is None
    assert [schedule.pop(2.5) for _ in range(3)] == [(1.0, 1), (2.0, 2), None]
    assert (schedule.next_time(2.5), len(schedule)) == (3.0, 1)


def test_rows_of_one_time_come_one_after_the_other() -> None:
    schedule = Schedule()
    for row in range(100):
        schedule.add(row, 5.0, 0.0)
    assert sorted(rows_due(schedule, 5.0)) == list(range(100))


def test_the_time_of_a_row_is_known_while_it_is_on_the_schedule() -> None:
    schedule = Schedule()
    schedule.add(3, 5.0, 0.0)
    assert [schedule.time_of(row) for row in (2, 3, 4)] == [float("inf"), 5.0, float("inf")]
    schedule.pop(5.0)
    assert schedule.time_of(3) == float("inf")


def test_a_dropped_row_is_passed_over() -> None:
    schedule = Schedule()
    schedule.add(0, 1.0, 0.0)
    schedule.add(1, 2.0, 0.0)
    for row in (0, 0, 7):
        schedule.drop(row)
    assert len(schedule) == 1
    assert schedule.pop(9.0) == (2.0, 1)
    assert schedule.pop(9.0) is None
    assert schedule.next_time(9.0) is None


def test_a_row_that_is_added_anew_counts_once_and_at_its_new_time() -> None:
    schedule = Schedule()
    schedule.add(1, 50.0, 0.0)
    for at in (10.0, 10.0, 10.001, 5.0, 20.0, 20.001):
        schedule.add(0, at, 0.0)
        schedule.drop(0)
    schedule.add(0, 10.0, 0.0)
    assert rows_due(schedule, 9.0) == []
    assert rows_due(schedule, 49.0) == [0]
    assert rows_due(schedule, 51.0) == [1]


def test_a_row_that_is_due_already_comes_before_those_that_were_there() -> None:
    schedule = Schedule()
    for row in range(10):
        schedule.add(row, 5.0 + row, 0.0)
    assert schedule.pop(6.5) == (5.0, 0)
    schedule.add(99, 1.0, 6.5)
    schedule.add(98, 6.2, 6.5)
    assert rows_due(schedule, 6.5) == [99, 1, 98]


def test_a_far_time_is_looked_at_once_more_before_it_comes() -> None:
    schedule = Schedule()
    schedule.add(0, 1000.9, 0.0)
    assert schedule.next_time(0.0) == 1000.0  # the beginning of its second
    assert schedule.pop(1000.0) is None
    assert schedule.next_time(1000.0) == 1000.9


@pytest.mark.parametrize("at", [1e18, 1e300])
def test_a_time_that_never_comes_does_no_harm(at: float) -> None:
    schedule = Schedule()
    schedule.add(0, at, 0.0)
    schedule.add(1, 5.0, 0.0)
    assert schedule.time_of(0) == LATEST
    assert rows_due(schedule, 1e9) == [1]
    schedule.drop(0)
    assert len(schedule) == 0


@pytest.mark.unmeasured
@pytest.mark.parametrize("step", [0.0, 1e-4, 1.0, 100.0])
@pytest.mark.parametrize("ahead", [0.5, NEAR / 2, 10 * NEAR])
def test_dropping_many_leaves_only_a_little_behind(step: float, ahead: float) -> None:
    schedule = Schedule()
    schedule.add(0, ahead / 2, 0.0)
    schedule.add(1, 2 * ahead, 0.0)
    tracemalloc.start()
    try:
        for number in range(20_000):
            schedule.add(2, ahead + step * number, 0.0)
            schedule.drop(2)
        left, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(schedule) == 2
    assert left < 10_000  # bytes; 20,000 rows would be 80,000


@pytest.mark.unmeasured
def test_dropping_what_is_due_leaves_only_a_little_behind() -> None:
    schedule = Schedule()
    schedule.add(0, 5.0, 5.0)
    schedule.next_time(5.0)
    tracemalloc.start()
    try:
        for number in range(20_000):
            schedule.add(1, 1.0 + number / 20_000, 5.0)
            schedule.drop(1)
        left, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 10_000  # bytes; 20,000 entries of a heap would be 2 MB
    assert rows_due(schedule, 5.0) == [0]


@pytest.mark.unmeasured
def test_an_empty_schedule_gives_its_memory_back() -> None:
    schedule = Schedule()
    tracemalloc.start()
    try:
        for row in range(20_000):
            schedule.add(row, row / 100, 0.0)
        for row in range(20_000):
            schedule.drop(row)
        schedule.clear()
        left, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 2_000  # bytes


def test_a_schedule_that_was_cleared_knows_nothing_of_rows_that_were_dropped() -> None:
    schedule = Schedule()
    for row, at in enumerate((5.0, 5.001, 5.002, 7.0, 500.0)):
        schedule.add(row, at, 0.0)
    assert schedule.pop(5.0) == (5.0, 0)
    for row in (2, 3, 4):
        schedule.drop(row)
    assert schedule.pop(6.0) == (5.001, 1)  # the last one is taken out, not dropped
    schedule.clear()
    assert schedule.pop(1_000.0) is None
    assert schedule.next_time(1_000.0) is None
    schedule.add(0, 6.0, 6.0)
    assert rows_due(schedule, 6.0) == [0]


TIMES = st.one_of(
    st.integers(0, 8).map(lambda n: n / 128), st.floats(0, 3), st.floats(60, 70), st.floats(0, 500)
)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), TIMES),
            st.tuples(st.just("drop"), st.integers(0, 60)),
            st.tuples(st.just("pop"), TIMES),
        ),
        max_size=200,
    )
)
def test_a_schedule_does_what_a_plain_sorted_list_would(steps: list[tuple[str, float]]) -> None:
    schedule = Schedule()
    model: list[tuple[float, int]] = []
    free = list(range(9, -1, -1))
    fresh = count(10)
    now = 10.0
    for step, value in steps:
        if step == "add":
            row = free.pop() if free else next(fresh)
            schedule.add(row, now + value - 1.0, now)
            heapq.heappush(model, (now + value - 1.0, row))
        elif step == "drop" and model:
            _at, row = model.pop(int(value) % len(model))
            heapq.heapify(model)
            schedule.drop(row)
            free.append(row)
        elif step == "pop":
            now += value / 10
            expected = heapq.heappop(model) if model and model[0][0] <= now else None
            assert schedule.pop(now) == expected
            if expected is not None:
                free.append(expected[1])
        assert len(schedule) == len(model)
        look = schedule.next_time(now)
        if not model:
            assert look is None
        else:
            assert look is not None
            assert look <= model[0][0]  # never too late
            assert look == model[0][0] or look > now  # and no turn without need


# -- the alarm ------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_an_alarm_rings_once_at_the_earliest_time_it_was_set_to() -> None:
    loop, rings = asyncio.get_running_loop(), []
    alarm = Alarm(lambda: rings.append(loop.time()))
    began = loop.time()
    for seconds in (5.0, 3.0, 9.0):
        alarm.set(began + seconds, loop)
    alarm.set(None, loop)
    await asyncio.sleep(20)
    assert rings == pytest.approx([began + 3.0])


@pytest.mark.looptime
async def test_an_alarm_can_be_set_again_when_it_rings() -> None:
    loop, rings = asyncio.get_running_loop(), []

    def ring() -> None:
        rings.append(loop.time())
        if len(rings) < 3:
            alarm.set(loop.time() + 2.0, loop)

    alarm = Alarm(ring)
    began = loop.time()
    alarm.set(began + 2.0, loop)
    await asyncio.sleep(20)
    assert rings == pytest.approx([began + 2.0, began + 4.0, began + 6.0])


@pytest.mark.looptime
async def test_an_alarm_that_is_cancelled_stays_silent_until_it_is_set_again() -> None:
    loop, rings = asyncio.get_running_loop(), []
    alarm = Alarm(lambda: rings.append(loop.time()))
    alarm.cancel()
    alarm.set(loop.time() + 1.0, loop)
    alarm.cancel()
    await asyncio.sleep(5)
    assert rings == []
    alarm.set(loop.time() + 1.0, loop)
    await asyncio.sleep(5)
    assert len(rings) == 1


async def test_an_alarm_for_a_time_that_is_over_rings_at_once() -> None:
    loop, rang = asyncio.get_running_loop(), asyncio.Event()
    alarm = Alarm(rang.set)
    alarm.set(loop.time() - 5.0, loop)
    alarm.set(loop.time() + 5.0, loop)
    await asyncio.wait_for(rang.wait(), 1)
