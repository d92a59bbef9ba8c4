"""Home: the event loop that something lives on, as seen from other loops and from none."""

import asyncio
import concurrent.futures
import itertools
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from smsbat_async.errors import ConfigurationError

T = TypeVar("T")

PATIENCE: Final = 10.0
"""How long another thread's loop may take to do something small, in seconds of real time."""

STANDSTILL: Final = 1.0
"""How long another thread's loop may stand still, between two things that it is run for, in seconds."""

_GLANCE: Final = 0.05
"""How often it is looked at; times are counted in glances, since a test may have put the clock forward."""

_STOPPED: Final = (
    "the event loop on which this was under way stopped before it was done: keep it running until then,"
    " for instance until settle() has returned"
)
_CANCELLED: Final = "this was cancelled on the event loop on which it was under way: did that loop end?"


class Home:
    """The loop that something lives on: the one it was last used on, unless that runs in another thread.

    Tests reach what they test from many sides: an async test, a sync one whose application runs in a thread
    of its own, fixtures before and after. What lives on a loop is touched on that loop alone.

    Args:
        loop: The loop, if it is known.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    def move_to(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Live on a loop from now on.

        Args:
            loop: The loop; None for whichever comes first.
        """
        self._loop = loop

    async def reach(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run something at home, from a loop.

        Args:
            make: Makes the coroutine.

        Returns:
            What it returns.

        Raises:
            ConfigurationError: If home is another thread's loop, and stops before it is done.
        """
        here = asyncio.get_running_loop()
        home = self._loop
        if home is here or home is None or not home.is_running():
            self._loop = here
            return await make()
        away = _Away(make(), home)
        try:
            while not away.future.done():
                # In a thread, since a timer would put the clock of a test in virtual time forward.
                await asyncio.to_thread(concurrent.futures.wait, [away.future], _GLANCE)
                away.check()
        except asyncio.CancelledError:
            away.give_up()
            raise
        return _result(away.future)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function at home, from anywhere; right here where there is no home.

        Args:
            function: Does something that takes no time.

        Returns:
            What it returns.
        """

        async def at_home() -> T:
            return function()

        return self.run(at_home) if self._is_away() else function()

    def close(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something at home unless home is no more, from where no loop runs.

        Args:
            make: Makes the coroutine; what it would close ended with its loop.
        """
        if self._is_away():
            self.run(make)

    def run(self, make: Callable[[], Coroutine[Any, Any, T]], patience: float | None = PATIENCE) -> T:
        """Run something at home from where no loop runs, or another than home, and wait for it.

        Args:
            make: Makes the coroutine.
            patience: For how long, in seconds; None for as long as it takes.

        Returns:
            What it returns.

        Raises:
            ConfigurationError: If home has ended, stops before it is done, or is the loop that runs right
                here.
            TimeoutError: If patience is at its end.
        """
        home = self._loop
        if home is None or not self._is_away():
            raise ConfigurationError(self._no_loop())
        if home.is_running():
            away = _Away(make(), home)
            glances = itertools.count() if patience is None else range(math.ceil(patience / _GLANCE))
            for _ in glances:
                concurrent.futures.wait([away.future], timeout=_GLANCE)
                if away.future.done():
                    break
                away.check()
            else:
                away.give_up()
                raise TimeoutError(f"the event loop did not do this within {patience:g} seconds")
            return _result(away.future)
        return home.run_until_complete(make())

    def _no_loop(self) -> str:
        if running_loop() is not None:
            return "the event loop that runs right here cannot be waited for: in an async test await settle()"
        if self._loop is None:
            return "no event loop is there to wait for: nothing was sent yet, or not through this object"
        return (
            "the event loop that was sent from has ended, and what was under way there with it: send and"
            " await settle() in one asyncio.run(), or use smsbat_sandbox_server, which lives in a thread"
        )

    def _is_away(self) -> bool:
        """Return whether home is a loop that has not ended, and is not the one that runs right here."""
        home = self._loop
        if home is None or home.is_closed():
            return False
        here = running_loop()
        # A loop that stands still can be run from where none runs.
        return here is None or (here is not home and home.is_running())


class _Away(Generic[T]):
    """Something that runs on another thread's loop, which may stop meanwhile."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._still = 0
        self.future = asyncio.run_coroutine_threadsafe(coroutine, loop)

    def check(self) -> None:
        """Raise an error if it will never be done."""
        if self._has_stopped() and not self.future.done():
            self.give_up()
            raise ConfigurationError(_STOPPED)

    def give_up(self) -> None:
        """Have it cancelled, if its loop can still do that."""
        if not self._loop.is_closed():
            self.future.cancel()

    def _has_stopped(self) -> bool:
        self._still = 0 if self._loop.is_running() else self._still + 1
        return self._loop.is_closed() or self._still * _GLANCE > STANDSTILL


def _result(done: "concurrent.futures.Future[T]") -> T:
    if done.cancelled():
        raise ConfigurationError(_CANCELLED)
    return done.result()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs right here, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
