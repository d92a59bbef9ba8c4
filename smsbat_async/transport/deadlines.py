"""Bounds on attempts, with one timer for all attempts of one length."""

import asyncio

REMEMBERED = 8
"""For how many lengths a timer is kept; an attempt of any other length has one of its own."""


class Deadlines:
    """Cancels the task of an attempt that takes too long.

    A timer per attempt would cost more than anything else that is done around it. Attempts of one length end
    in the order in which they began, so that one timer, at the first of them, is enough.
    """

    def __init__(self) -> None:
        self._lengths: dict[float, AttemptsOfOneLength] = {}

    def begin(self, task: asyncio.Task[object], seconds: float) -> "AttemptsOfOneLength":
        """Watch a task.

        Args:
            task: What is cancelled when the time is over.
            seconds: How long it may take.

        Returns:
            What is to be told when the attempt has ended.
        """
        length = self._lengths.get(seconds)
        if length is None:
            lasts = len(self._lengths) < REMEMBERED
            length = AttemptsOfOneLength(asyncio.get_running_loop(), seconds, lasts=lasts)
            if lasts:
                self._lengths[seconds] = length
        length.begin(task)
        return length

    def close(self) -> None:
        """Cancel every timer."""
        for length in self._lengths.values():
            length.stop()


class AttemptsOfOneLength:
    """Attempts that may take equally long, in the order in which they began.

    Args:
        loop: Whose clock counts.
        seconds: How long each may take.
        lasts: Whether there will be more of them.
    """

    __slots__ = ("_due", "_lasts", "_loop", "_seconds", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, *, lasts: bool) -> None:
        self._loop = loop
        self._seconds = seconds
        self._lasts = lasts
        self._due: dict[asyncio.Task[object], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[object]) -> None:
        """Watch a task from now on."""
        due = self._due[task] = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._ring)

    def end(self, task: asyncio.Task[object]) -> bool:
        """Watch a task no more, and return whether it was cancelled for taking too long."""
        was_over = self._due.pop(task, None) is None
        if not self._lasts:
            self.stop()
        return was_over

    def stop(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        now = self._loop.time()
        self._timer = None
        over: list[asyncio.Task[object]] = []
        for task, due in self._due.items():
            if due > now:
                # Between two rings the timer stands at an attempt that may long have ended: that costs one
                # ring per length of time, and spares a change of the timer for every attempt.
                self._timer = self._loop.call_at(due, self._ring)
                break
            over.append(task)
        for task in over:
            del self._due[task]
            task.cancel()
