"""Clocks that jump: the wall's, the virtual loop's, and a process that stands still."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from unittest import mock

from looptime import LoopTimeEventLoop


@contextlib.contextmanager
def wall_clock_off_by(seconds: float) -> Iterator[None]:
    """Let `time.time()` and `time.time_ns()` be wrong, as after a correction of the system's clock.

    The loop's clock goes on as before. `datetime.now()` reads the system itself and is not changed, nor
    is a name that was imported with `from time import time`.
    """
    real, real_ns = time.time, time.time_ns

    def wrong() -> float:
        return real() + seconds

    def wrong_ns() -> int:
        return real_ns() + round(seconds * 1e9)

    with mock.patch.multiple(time, time=wrong, time_ns=wrong_ns):
        yield


def jump(seconds: float) -> None:
    """Move the virtual loop's time on, with nothing run in between: an hour of SIGSTOP in no time.

    Works in tests marked `looptime` only. All timers that fall into the gap expire together afterwards.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, LoopTimeEventLoop) or not loop.looptime_on:
        raise RuntimeError("only virtual time can jump: mark the test with looptime, or use stand_still()")
    loop.setup_looptime(start=loop.time() + seconds)


def stand_still(seconds: float) -> None:
    """Stop the whole process's loop for real, on any loop: a short SIGSTOP."""
    time.sleep(seconds)
