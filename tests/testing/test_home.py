"""Home: something that lives on one loop is touched on that loop alone, from wherever it is reached."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import pytest
from blockbuster import BlockBuster

from smsbat_async import ConfigurationError
from smsbat_async.testing.home import Home
from tests.support import within

STANDSTILL: Final = "smsbat_async.testing.home.STANDSTILL"


async def where() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def where_or_nowhere() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@contextmanager
def loop_in_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()

    def run() -> None:
        # Cancels what is left when the loop was stopped, waits for it, and closes the loop.
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.get_loop().run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield loop
    finally:
        with suppress(RuntimeError):  # The test itself may have stopped it.
            loop.call_soon_threadsafe(loop.stop)
        thread.join()


class Pausing:
    """A loop in a thread: once it is stopped it stands still until `goes_on`, and then runs again."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stands = threading.Event()
        self.goes_on = threading.Event()
        self.ended: list[str] = []
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.get_loop().run_forever()
            self.stands.set()
            self.goes_on.wait(10)
            self.loop.run_forever()

    async def stop_within(self) -> str:
        """Stop the loop while this runs on it, and be done two turns after it goes on."""
        try:
            self.loop.stop()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        return "done"


@contextmanager
def loop_that_pauses() -> Iterator[Pausing]:
    pausing = Pausing()
    pausing.thread.start()
    try:
        yield pausing
    finally:
        pausing.goes_on.set()
        pausing.loop.call_soon_threadsafe(pausing.loop.stop)
        pausing.thread.join()


@contextmanager
def loop_that_stands_still() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


@pytest.fixture
def waits_a_moment(no_blocking_calls: BlockBuster) -> None:
    no_blocking_calls.functions["threading.Lock.acquire"].can_block_in("testing/home.py", "run")


def test_without_a_loop_all_happens_right_here() -> None:
    home = Home()
    assert home.call(where_or_nowhere) is None
    home.close(where_that_fails)
    with pytest.raises(ConfigurationError, match="no event loop is there to wait for: nothing was sent"):
        home.run(where)


async def where_that_fails() -> None:
    raise AssertionError("there is nothing to close")


def test_a_loop_that_has_ended_is_no_home() -> None:
    with loop_that_stands_still() as loop:
        home = Home(loop)
    assert home.call(where_or_nowhere) is None
    home.close(where_that_fails)


def test_a_loop_that_stands_still_is_run() -> None:
    with loop_that_stands_still() as loop:
        home = Home(loop)
        assert home.call(where_or_nowhere) is loop
        assert home.run(where) is loop
        closed = []

        async def close() -> None:
            closed.append(asyncio.get_running_loop())

        home.close(close)
        assert closed == [loop]


def test_a_loop_in_another_thread_is_asked() -> None:
    with loop_in_a_thread() as loop:
        home = Home(loop)
        assert home.call(where_or_nowhere) is loop
        assert home.run(where, patience=None) is loop
        with pytest.raises(TimeoutError):
            home.run(lambda: asyncio.sleep(30.0), patience=0.01)


def test_what_is_raised_there_is_raised_here() -> None:
    def fail() -> None:
        raise KeyError("m-1")

    with loop_in_a_thread() as loop, pytest.raises(KeyError, match="m-1"):
        Home(loop).call(fail)


async def test_the_loop_that_runs_here_is_home_from_the_first_use() -> None:
    home = Home()
    here = asyncio.get_running_loop()
    assert await home.reach(where) is here
    assert home.call(where_or_nowhere) is here
    with pytest.raises(ConfigurationError, match=r"await settle\(\)"):
        home.run(where)


@pytest.mark.usefixtures("waits_a_moment")
async def test_another_threads_loop_is_reached_from_this_one() -> None:
    with loop_in_a_thread() as loop:
        home = Home(loop)
        assert await home.reach(where) is loop
        assert await asyncio.to_thread(home.call, where_or_nowhere) is loop
        assert home.call(where_or_nowhere) is loop


async def test_it_moves_on_from_a_loop_that_runs_no_more() -> None:
    here = asyncio.get_running_loop()
    with loop_that_stands_still() as loop:
        home = Home(loop)
        assert home.call(where_or_nowhere) is here
        assert await home.reach(where) is here
    home.move_to(None)
    assert await home.reach(where) is here


def test_a_loop_that_stops_meanwhile_is_waited_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STANDSTILL, 0.0)
    with loop_that_pauses() as pausing:
        with pytest.raises(ConfigurationError, match="stopped before it was done: keep it running"):
            Home(pausing.loop).run(pausing.stop_within, patience=None)
        assert pausing.stands.is_set()
    # Nobody waits for it any more when the loop goes on.
    assert pausing.ended == ["cancelled"]


async def test_a_loop_that_stops_meanwhile_is_waited_for_no_more_from_a_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(STANDSTILL, 0.0)
    with loop_that_pauses() as pausing:
        with pytest.raises(ConfigurationError, match="stopped before it was done: keep it running"):
            await within(Home(pausing.loop).reach(pausing.stop_within), "reaching it")
        assert pausing.stands.is_set()
    assert pausing.ended == ["cancelled"]


async def test_a_loop_that_only_stands_still_between_two_runs_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(STANDSTILL, 60.0)
    with loop_that_pauses() as pausing:
        home = Home(pausing.loop)
        reaching = asyncio.create_task(home.reach(pausing.stop_within))
        assert await asyncio.to_thread(pausing.stands.wait, 5)
        await asyncio.sleep(0.06)  # Longer than it takes to look.
        pausing.goes_on.set()
        assert await within(reaching, "reaching it") == "done"


async def stop_and_hang() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.Event().wait()


def test_what_ends_with_its_loop_says_so() -> None:
    with loop_in_a_thread() as loop, pytest.raises(ConfigurationError, match="did that loop end"):
        Home(loop).run(stop_and_hang, patience=None)


async def test_what_ends_with_its_loop_says_so_on_another_loop() -> None:
    with loop_in_a_thread() as loop, pytest.raises(ConfigurationError, match="did that loop end"):
        await within(Home(loop).reach(stop_and_hang), "reaching it")


def test_a_loop_that_is_closed_with_all_that_was_under_way_is_waited_for_no_more() -> None:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # A task that was never ended complains.

    def run() -> None:
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    with pytest.raises(ConfigurationError, match="stopped before it was done"):
        Home(loop).run(stop_and_hang, patience=None)
    thread.join()


class Waiting:
    """Waits on another loop until it is cancelled."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.cancelled = threading.Event()

    async def __call__(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def test_what_took_too_long_is_cancelled() -> None:
    waiting = Waiting()
    with loop_in_a_thread() as loop:
        with pytest.raises(TimeoutError, match=r"within 0\.01 seconds"):
            Home(loop).run(waiting, patience=0.01)
        assert waiting.cancelled.wait(5)


async def test_what_is_cancelled_here_is_cancelled_there() -> None:
    waiting = Waiting()
    with loop_in_a_thread() as loop:
        reaching = asyncio.create_task(Home(loop).reach(waiting))
        assert await asyncio.to_thread(waiting.began.wait, 5)
        reaching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reaching
        assert await asyncio.to_thread(waiting.cancelled.wait, 5)


async def test_what_is_raised_there_is_raised_on_another_loop() -> None:
    async def fail() -> None:
        raise KeyError("m-1")

    with loop_in_a_thread() as loop, pytest.raises(KeyError, match="m-1"):
        await Home(loop).reach(fail)
