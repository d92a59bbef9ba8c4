"""Who is next, by time."""

import asyncio
import heapq
from array import array
from collections.abc import Callable
from math import inf

TICKS = 64
"""How many narrow buckets a second has."""

NEAR = 64.0
"""How far ahead the narrow buckets reach, in seconds; beyond, a bucket is a second wide."""

LATEST = 1e15
"""A time that never comes, in seconds; no row has a later one."""

SLACK = 16
"""How many dropped rows may lie around in one place before they are swept out."""

HAIR = 1e-6
"""By how much too early a row is taken out, in seconds: a loop may ring a rounding error before the time,
and in virtual time that moment never passes by itself."""

OFF, HEAD, NARROW, WIDE = range(4)
"""Where a row is: not on the schedule, in the heap, in a bucket of one tick, in a bucket of a second."""


class Bucket:
    """The rows of one stretch of time, in no order."""

    __slots__ = ("dropped", "rows")

    def __init__(self) -> None:
        self.rows = array("I")
        self.dropped = 0


class Schedule:
    """Rows of a table in the order of their times.

    A row that is added goes to the bucket of its time, which is an array of numbers; only the bucket whose
    time has come is sorted, as a heap. So adding and dropping take constant time, a row costs 13 bytes in its
    column and 4 in its bucket, and the garbage collector has nothing to walk. Buckets that are swept out when
    the larger half of them was dropped leave nothing behind.
    """

    __slots__ = ("_buckets", "_dropped", "_head", "_keys", "_live", "_opened", "_times", "_where")

    def __init__(self) -> None:
        self._times = array("d")
        self._where = bytearray()
        self._buckets: dict[int, Bucket] = {}
        self._keys: list[int] = []  # a heap of the buckets' keys, and of some that are gone
        self._head: list[tuple[float, int]] = []
        self._dropped = 0  # of those in the head
        self._opened = -1  # up to which tick the head holds whatever is added
        self._live = 0

    def __len__(self) -> int:
        return self._live

    def time_of(self, row: int) -> float:
        """Return the time of a row in seconds of the loop's clock, or infinity if it has none."""
        return self._times[row] if row < len(self._times) else inf

    def add(self, row: int, at: float, now: float) -> None:
        """Add a row that is not on the schedule.

        Args:
            row: The row.
            at: Its time, in seconds of the loop's clock.
            now: The time now.
        """
        times = self._times
        missing = row + 1 - len(times)
        if missing > 0:
            times.extend([inf] * missing)
            self._where.extend(bytes(missing))
        if at > LATEST:
            at = LATEST
        times[row] = at
        self._live += 1
        if int(at * TICKS) <= self._opened:
            self._where[row] = HEAD
            heapq.heappush(self._head, (at, row))
            return
        where = self._where[row] = NARROW if at - now < NEAR else WIDE
        key = _key(at, where)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket()
            heapq.heappush(self._keys, key)
        bucket.rows.append(row)

    def drop(self, row: int) -> None:
        """Take a row out; one that is not on the schedule is left alone."""
        where = self._where[row] if row < len(self._where) else OFF
        if where == OFF:
            return
        at = self._times[row]
        self._forget(row)
        if not self._live:
            self._sweep()
        elif where == HEAD:
            self._dropped += 1
            if self._dropped > len(self._head) // 2 + SLACK:
                self._head = list({first for first in self._head if self._is_head(*first)})
                heapq.heapify(self._head)
                self._dropped = 0
        else:
            key = _key(at, where)
            bucket = self._buckets[key]
            bucket.dropped += 1
            if bucket.dropped == len(bucket.rows):
                del self._buckets[key]
                if len(self._keys) > 2 * len(self._buckets) + SLACK:
                    self._keys = list(self._buckets)
                    heapq.heapify(self._keys)
            elif bucket.dropped > len(bucket.rows) // 2 + SLACK:
                bucket.rows = array("I", self._live_rows(key, bucket))
                bucket.dropped = 0

    def next_time(self, now: float) -> float | None:
        """Return when to look again: at the time of the first row, or earlier; None if there is none."""
        head, keys, buckets = self._head, self._keys, self._buckets
        while True:
            while head and not self._is_head(*head[0]):
                heapq.heappop(head)
                self._dropped -= 1
            while keys and keys[0] not in buckets:
                heapq.heappop(keys)
            if not keys:
                return head[0][0] if head else None
            start = (keys[0] >> 1) / TICKS
            if head and head[0][0] < start:
                return head[0][0]
            if start > now + HAIR:
                return start
            self._open(heapq.heappop(keys))

    def pop(self, now: float) -> tuple[float, int] | None:
        """Take out and return the first row and its time if that has come, else None."""
        at = self.next_time(now)
        if at is None or at > now + HAIR:
            return None
        first = heapq.heappop(self._head)
        self._forget(first[1])
        return first

    def clear(self) -> None:
        """Forget every row, and give back the memory."""
        self._sweep()
        self._live = 0
        del self._times[:]
        del self._where[:]

    def _sweep(self) -> None:
        """Empty all that holds rows."""
        self._buckets.clear()
        self._keys.clear()
        self._head.clear()
        self._dropped = 0

    def _open(self, key: int) -> None:
        """Move a bucket into the head."""
        rows = self._live_rows(key, self._buckets.pop(key))
        times, where = self._times, self._where
        head = self._head
        for row in rows:
            where[row] = HEAD
        if len(rows) > len(head):
            head += [(times[row], row) for row in rows]
            heapq.heapify(head)
        else:
            for row in rows:
                heapq.heappush(head, (times[row], row))
        self._opened = max(self._opened, key >> 1)

    def _live_rows(self, key: int, bucket: Bucket) -> "array[int] | set[int]":
        """Return the rows of a bucket without those that were dropped or moved, each once."""
        if not bucket.dropped:
            return bucket.rows
        times, where, place = self._times, self._where, WIDE if key & 1 else NARROW
        return {row for row in bucket.rows if where[row] == place and _key(times[row], place) == key}

    def _is_head(self, at: float, row: int) -> bool:
        return self._where[row] == HEAD and self._times[row] == at

    def _forget(self, row: int) -> None:
        self._where[row] = OFF
        self._times[row] = inf
        self._live -= 1


def _key(at: float, where: int) -> int:
    """Return the key of the bucket of a time: its first tick, and whether it is a second wide."""
    return int(at * TICKS) << 1 if where == NARROW else int(at) * TICKS << 1 | 1


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
