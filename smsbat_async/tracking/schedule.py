"""Who is next, by time."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SLACK = 64
"""How many dropped items may lie around before they are swept out."""

HAIR = 1e-6
"""By how much too early an item is taken out, in seconds: a loop may ring a rounding error before the time,
and in virtual time that moment never passes by itself."""


class Schedule(Generic[T]):
    """Items in the order of their times; equal times in the order they came.

    An item is dropped by its ticket in constant time. Dropped items are skipped when their turn comes, and
    swept out as soon as they are the larger half.
    """

    __slots__ = ("_heap", "_live", "_tickets")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._live: dict[int, T] = {}
        self._tickets = itertools.count()

    def __len__(self) -> int:
        return len(self._live)

    def add(self, item: T, at: float) -> int:
        """Add an item and return its ticket.

        Args:
            item: The item.
            at: Its time, in seconds of the loop's clock.
        """
        ticket = next(self._tickets)
        self._live[ticket] = item
        heapq.heappush(self._heap, (at, ticket))
        return ticket

    def drop(self, ticket: int) -> None:
        """Take an item out; a ticket that is used up does nothing."""
        if self._live.pop(ticket, None) is not None and len(self._heap) > 2 * len(self._live) + SLACK:
            self._heap = [entry for entry in self._heap if entry[1] in self._live]
            heapq.heapify(self._heap)

    def next_time(self) -> float | None:
        """Return the time of the first item, or None if there is none."""
        heap, live = self._heap, self._live
        while heap and heap[0][1] not in live:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop(self, now: float) -> T | None:
        """Take out and return the first item if its time has come, else None."""
        at = self.next_time()
        if at is None or at > now + HAIR:
            return None
        return self._live.pop(heapq.heappop(self._heap)[1])


class Alarm:
    """One timer that always stands at the earliest time it was set to.

    Args:
        callback: Called when the time has come.
    """

    __slots__ = ("_at", "_callback", "_handle")

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0  # uvloop gives a handle without when() for a time that has come

    def set(self, at: float | None, loop: asyncio.AbstractEventLoop) -> None:
        """Call back at a time in seconds of the loop's clock, unless an earlier one is set."""
        handle = self._handle
        if at is None or (handle is not None and self._at <= at):
            return
        if handle is not None:
            handle.cancel()
        self._at = at
        self._handle = loop.call_at(at, self._ring)

    def cancel(self) -> None:
        """Call back no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ring(self) -> None:
        self._handle = None
        self._callback()
