"""Bounds on attempts, with one timer for all attempts of one length."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

A = TypeVar("A")

REMEMBERED = 8
"""For how many lengths a timer is kept; an attempt of any other length has one of its own."""


class Deadlines(Generic[A]):
    """Ends attempts that take too long.

    A timer per attempt would cost more than anything else that is done around it. Attempts of one length end
    in the order in which they began, so that one timer, at the first of them, is enough.

    Args:
        end: Called with an attempt whose time is over.
    """

    def __init__(self, end: Callable[[A], object]) -> None:
        self._end = end
        self._lengths: dict[float, AttemptsOfOneLength[A]] = {}

    def begin(self, attempt: A, seconds: float) -> "AttemptsOfOneLength[A]":
        """Watch an attempt.

        Args:
            attempt: What stands for it; no two under way are equal.
            seconds: How long it may take.

        Returns:
            What is to be told when the attempt has ended.
        """
        length = self._lengths.get(seconds) or self._make(seconds)
        length.begin(attempt)
        return length

    def _make(self, seconds: float) -> "AttemptsOfOneLength[A]":
        if len(self._lengths) >= REMEMBERED:
            for idle in [known for known, length in self._lengths.items() if not length.under_way]:
                self._lengths.pop(idle).retire()
        lasts = len(self._lengths) < REMEMBERED
        length = AttemptsOfOneLength(asyncio.get_running_loop(), seconds, self._end, lasts=lasts)
        if lasts:
            self._lengths[seconds] = length
        return length

    def close(self) -> None:
        """Leave no timer behind, now or when the last attempt of its length has ended."""
        for length in self._lengths.values():
            length.retire()
        self._lengths.clear()


class AttemptsOfOneLength(Generic[A]):
    """Attempts that may take equally long, in the order in which they began.

    Args:
        loop: Whose clock counts.
        seconds: How long each may take.
        end: Called with an attempt whose time is over.
        lasts: Whether there will be more of them.
    """

    __slots__ = ("_due", "_end", "_lasts", "_loop", "_seconds", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, end: Callable[[A], object], *, lasts: bool
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._end = end
        self._lasts = lasts
        self._due: dict[A, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def under_way(self) -> int:
        """How many attempts are watched now."""
        return len(self._due)

    def begin(self, attempt: A) -> None:
        """Watch an attempt from now on."""
        due = self._due[attempt] = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._ring)

    def end(self, attempt: A) -> bool:
        """Watch an attempt no more, and return whether it was ended for taking too long."""
        was_over = self._due.pop(attempt, None) is None
        if not self._lasts:
            self.retire()
        return was_over

    def retire(self) -> None:
        """Cancel the timer as soon as no attempt is under way, since no other will begin."""
        self._lasts = False
        if self._timer is not None and not self._due:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        now = self._loop.time()
        self._timer = None
        over: list[A] = []
        for attempt, due in self._due.items():
            if due > now:
                # Between two rings the timer stands at an attempt that may long have ended: that costs one
                # ring per length of time, and spares a change of the timer for every attempt.
                self._timer = self._loop.call_at(due, self._ring)
                break
            over.append(attempt)
        for attempt in over:
            del self._due[attempt]
            self._end(attempt)
