"""The sandbox's agenda: what happens when, and by itself only while somebody wants it."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from smsbat_async.sandbox.agenda import Agenda
from smsbat_async.sandbox.clock import Clock
from tests.support import within
from tests.test_sandbox import FakeClock

LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


def make() -> tuple[Agenda, FakeClock, list[str]]:
    source = FakeClock()
    return Agenda(Clock(source)), source, []


def test_what_is_due_is_done_in_the_order_of_moments_and_then_of_adding() -> None:
    agenda, source, done = make()
    for moment, name in ((103.0, "d"), (101.0, "a"), (102.0, "b"), (102.0, "c")):
        agenda.add(moment, lambda subject, at: done.append(f"{subject}{at:.0f}"), name)
    assert not agenda.run_due()
    assert done == []
    source.seconds = 102.5
    assert not agenda.run_due()
    assert done == ["a101", "b102", "c102"]
    assert len(agenda) == 1
    agenda.clear()
    source.seconds = 200.0
    assert not agenda.run_due()
    assert len(done) == 3


def test_much_that_is_due_is_done_in_parts() -> None:
    agenda, source, done = make()
    for number in range(1200):
        agenda.add(101.0, lambda subject, _: done.append(subject), str(number))
    source.seconds = 101.0
    parts = []
    while agenda.run_due():
        parts.append(len(done))
    assert parts == [500, 1000]
    assert done == [str(number) for number in range(1200)]


def test_what_was_to_be_done_to_some_is_taken_back() -> None:
    agenda, source, done = make()

    def note(subject: str, moment: float) -> None:
        done.append(subject)

    def other(subject: str, moment: float) -> None:
        done.append(f"other {subject}")

    for name in ("d", "a", "c", "b"):
        agenda.add(100.0 + ord(name), note, name)
    agenda.add(300.0, other, "a")
    agenda.take_back(note, lambda subject: subject in ("a", "c"))
    assert len(agenda) == 3
    source.seconds = 300.0
    assert not agenda.run_due()
    assert done == ["b", "d", "other a"]


@pytest.mark.looptime
async def test_things_happen_by_themselves_only_while_it_is_kept() -> None:
    loop = asyncio.get_running_loop()
    agenda = Agenda(Clock())
    done: list[tuple[str, float]] = []
    start = loop.time()

    def note(subject: str, moment: float) -> None:
        done.append((subject, round(loop.time() - start, 2)))

    agenda.add(start + 5.0, note, "first")
    await asyncio.sleep(10.0)
    assert done == []
    agenda.keep()
    agenda.keep()
    agenda.add(start + 20.0, note, "second")
    agenda.add(start + 15.0, note, "sooner")
    agenda.release()
    await asyncio.sleep(20.0)
    assert done == [("first", 10.0), ("sooner", 15.0), ("second", 20.0)]
    agenda.add(start + 40.0, note, "stopped")
    agenda.stop()
    await asyncio.sleep(20.0)
    agenda.start()
    await asyncio.sleep(1.0)
    assert done[3:] == [("stopped", 50.0)]
    agenda.add(start + 60.0, note, "released")
    agenda.release()
    await asyncio.sleep(100.0)
    assert len(done) == 4
    assert len(agenda) == 1


@pytest.mark.looptime
async def test_a_moment_far_away_comes_too() -> None:
    loop = asyncio.get_running_loop()
    agenda = Agenda(Clock())
    done: list[float] = []
    agenda.keep()
    start = loop.time()
    agenda.add(start + 30 * 86400.0, lambda subject, _: done.append(loop.time() - subject), start)
    await asyncio.sleep(31 * 86400.0)
    assert done == [pytest.approx(30 * 86400.0)]
    agenda.release()


@pytest.mark.looptime
async def test_a_clock_of_ones_own_is_glanced_at_since_it_may_jump() -> None:
    agenda, source, done = make()
    agenda.keep()
    agenda.add(source.seconds + 3600.0, lambda subject, _: done.append(subject), "jumped")
    await asyncio.sleep(10.0)
    assert done == []
    source.seconds += 3600.0
    await asyncio.sleep(0.1)
    assert done == ["jumped"]
    agenda.release()


def test_it_can_be_kept_before_there_is_a_loop() -> None:
    agenda, source, done = make()
    agenda.keep()
    agenda.add(101.0, lambda subject, _: done.append(subject), "outside")
    source.seconds = 101.0
    agenda.run_due()
    assert done == ["outside"]
    agenda.release()


@LOOPS
def test_a_timer_of_a_loop_that_has_ended_keeps_none_from_the_next(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    agenda, source, done = make()
    agenda.keep()

    async def begin() -> None:
        agenda.add(101.0, lambda subject, _: done.append(subject), "of the first")

    async def go_on() -> None:
        came = asyncio.Event()

        def note(subject: str, _: float) -> None:
            done.append(subject)
            came.set()

        agenda.add(102.0, note, "of the second")
        source.seconds = 103.0
        await within(came.wait(), "the second")

    for run in (begin, go_on):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run())
    assert done == ["of the first", "of the second"]
    agenda.release()


def test_what_is_added_where_no_loop_runs_leaves_the_timer_to_the_loop_that_stands_still() -> None:
    agenda, source, done = make()
    agenda.keep()
    came = asyncio.Event()

    async def begin() -> None:
        agenda.add(105.0, note, "later")

    def note(subject: str, _: float) -> None:
        done.append(subject)
        came.set()

    with asyncio.Runner() as runner:
        runner.run(begin())
        agenda.add(101.0, note, "sooner")
        source.seconds = 101.0
        runner.run(within(came.wait(), "what was added outside"))
        agenda.release()
    assert done == ["sooner"]
