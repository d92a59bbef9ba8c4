"""Who is next, by time."""

import asyncio
import heapq
import tracemalloc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async.tracking.schedule import SLACK, Alarm, Schedule


class Item:
    """Something that can be watched for being forgotten."""


def test_items_come_in_the_order_of_their_times_and_no_earlier() -> None:
    schedule: Schedule[str] = Schedule()
    for at in (3.0, 1.0, 2.0):
        schedule.add(f"at {at:g}", at)
    assert schedule.next_time() == 1.0
    assert schedule.pop(0.999) is None
    assert [schedule.pop(2.5) for _ in range(3)] == ["at 1", "at 2", None]
    assert (schedule.next_time(), len(schedule)) == (3.0, 1)


def test_items_of_one_time_come_in_the_order_they_were_added() -> None:
    schedule: Schedule[int] = Schedule()
    for number in range(100):
        schedule.add(number, 5.0)
    assert [schedule.pop(5.0) for _ in range(100)] == list(range(100))


def test_a_dropped_item_is_passed_over() -> None:
    schedule: Schedule[str] = Schedule()
    first = schedule.add("first", 1.0)
    schedule.add("second", 2.0)
    schedule.drop(first)
    schedule.drop(first)
    schedule.drop(-1)
    assert (schedule.next_time(), len(schedule)) == (2.0, 1)
    assert schedule.pop(9.0) == "second"
    assert schedule.pop(9.0) is None
    assert schedule.next_time() is None


def test_a_dropped_item_is_forgotten_at_once() -> None:
    schedule: Schedule[Item] = Schedule()
    item = Item()
    ticket = schedule.add(item, 1.0)
    ref = weakref.ref(item)
    del item
    schedule.drop(ticket)
    assert ref() is None


def test_dropping_many_leaves_only_a_little_behind() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add("kept", 0.0)
    tracemalloc.start()
    try:
        for number in range(20_000):
            schedule.drop(schedule.add("dropped", 1.0 + number))
        left, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(schedule) == 1
    assert left < 200 * (SLACK + 4)  # bytes; 20,000 entries of the heap would be 2 MB


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 100)),
            st.tuples(st.just("drop"), st.integers(0, 60)),
            st.tuples(st.just("pop"), st.integers(0, 100)),
        ),
        max_size=300,
    )
)
def test_a_schedule_does_what_a_plain_sorted_list_would(steps: list[tuple[str, float]]) -> None:
    schedule: Schedule[int] = Schedule()
    model: list[tuple[float, int]] = []
    tickets: list[int] = []
    for number, (step, value) in enumerate(steps):
        if step == "add":
            tickets.append(schedule.add(number, value))
            heapq.heappush(model, (value, number))
        elif step == "drop" and tickets:
            place = int(value) % len(tickets)
            ticket = tickets[place]
            schedule.drop(ticket)
            added = [index for index, (kind, _) in enumerate(steps[: number + 1]) if kind == "add"][place]
            model = sorted(entry for entry in model if entry[1] != added)
        elif step == "pop":
            expected = heapq.heappop(model)[1] if model and model[0][0] <= value else None
            assert schedule.pop(value) == expected
        assert len(schedule) == len(model)
        assert schedule.next_time() == (model[0][0] if model else None)


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
