"""What is to happen at moments of the sandbox's clock: one heap, and one timer while somebody listens."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from smsbat_async.sandbox.clock import Clock

_T = TypeVar("_T")

_AT_ONCE: Final = 500
# A clock of the user's own may be moved at any time, and says nothing when it is.
_GLANCE: Final = 0.05
_LONGEST_TIMER: Final = 3_600.0
_SHORTEST_TIMER: Final = 0.001


class Agenda:
    """Does things when their time has come.

    Nothing runs by itself before `keep` is called; `run_due` does by hand what is due.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Callable[[Any, float], None], Any]] = []
        self._numbers = itertools.count()
        self._keepers = 0
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        # Where the timer is: on a loop that has ended it never fires.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer_for = 0.0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, moment: float, action: Callable[[_T, float], None], subject: _T) -> None:
        """Have something done at a moment; at the same moment, in the order in which it was added.

        Args:
            moment: Seconds of the sandbox's clock.
            action: Is given the subject and that moment, also if it is late.
            subject: What it is done to.
        """
        heapq.heappush(self._heap, (moment, next(self._numbers), action, subject))
        self._arm()

    def run_due(self) -> bool:
        """Do what is due, though not so much that the loop is held for long.

        Returns:
            Whether more is due.
        """
        now = self._clock.now()
        for _ in range(_AT_ONCE):
            if not self._heap or self._heap[0][0] > now:
                return False
            moment, _, action, subject = heapq.heappop(self._heap)
            action(subject, moment)
        return bool(self._heap) and self._heap[0][0] <= now

    def keep(self) -> None:
        """Have things done by themselves, until `release`."""
        self._keepers += 1
        self._arm()

    def release(self) -> None:
        """Take back one `keep`; after the last, nothing runs by itself any more."""
        self._keepers -= 1
        if not self._keepers:
            self._disarm()

    def start(self) -> None:
        """Let things run by themselves again after `stop`."""
        self._stopped = False
        self.rearm()

    def rearm(self) -> None:
        """Set the timer anew, since the clock was moved."""
        self._disarm()
        self._arm()

    def stop(self) -> None:
        """Let nothing run by itself until `start`."""
        self._stopped = True
        self._disarm()

    def take_back(self, action: Callable[[_T, float], None], is_over: Callable[[_T], bool]) -> None:
        """Drop what was to be done to subjects that are no more.

        Args:
            action: As it was added; what else is to happen stays.
            is_over: Tells whether a subject is no more.
        """
        self._heap = [entry for entry in self._heap if entry[2] != action or not is_over(entry[3])]
        heapq.heapify(self._heap)

    def clear(self) -> None:
        """Drop everything that was to happen."""
        self._heap.clear()
        self._disarm()

    def _arm(self) -> None:
        if self._stopped or not self._keepers or not self._heap:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # Armed by the next thing that is added, within a loop.
        moment = self._heap[0][0]
        if self._timer is not None:
            if self._loop is loop and self._timer_for <= moment:
                return
            self._disarm()
        longest = _GLANCE if self._clock.has_own_source else _LONGEST_TIMER
        delay = min(max(moment - self._clock.now(), _SHORTEST_TIMER), longest)
        self._timer = loop.call_later(delay, self._wake)
        self._timer_for = moment
        self._loop = loop

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop = None

    def _wake(self) -> None:
        self._timer = self._loop = None
        self.run_due()
        self._arm()
