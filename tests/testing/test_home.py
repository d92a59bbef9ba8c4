"""Home: something that lives on one loop is touched on that loop alone, from wherever it is reached."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from blockbuster import BlockBuster

from smsbat_async import ConfigurationError
from smsbat_async.testing.home import Home


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
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


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
