"""Parking: news of messages that nobody follows yet."""

from collections import OrderedDict
from typing import Generic

from smsbat_async.statuses import S, is_older

CAPACITY = 100_000
"""Of how many messages news are kept; the oldest make room."""

KEPT = 600.0
"""How long news are kept, in seconds."""


class Parking(Generic[S]):
    """Keeps for some minutes what was told of messages that are not followed yet.

    A webhook may be faster than the answer that gives the message its id.

    Args:
        capacity: Of how many messages news are kept.
        kept: How long, in seconds.
    """

    __slots__ = ("_capacity", "_kept", "_news")

    def __init__(self, capacity: int = CAPACITY, kept: float = KEPT) -> None:
        self._capacity = capacity
        self._kept = kept
        self._news: OrderedDict[str, tuple[float, S]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._news)

    def put(self, status: S, now: float) -> None:
        """Keep what was told of a message, unless the end or something later is known.

        That an id is not known is never kept.

        Args:
            status: What was told.
            now: Seconds of the loop's clock.
        """
        if status.is_terminal and not status.is_lasting:
            return
        self._forget_old(now)
        known = self._news.get(status.message_id)
        if known is not None:
            if known[1].is_terminal or is_older(status, known[1]):
                return
            del self._news[status.message_id]
        elif len(self._news) >= self._capacity:
            self._news.popitem(last=False)
        self._news[status.message_id] = (now, status)

    def take(self, message_id: str, now: float) -> S | None:
        """Return what was told of a message, if anything, and keep it no longer."""
        if not self._news:
            return None
        known = self._news.pop(message_id, None)
        return None if known is None or now - known[0] > self._kept else known[1]

    def _forget_old(self, now: float) -> None:
        # Two for each that comes, so that it never takes long and never falls behind.
        for _ in range(2):
            if not self._news:
                return
            message_id, (came, _) = next(iter(self._news.items()))
            if now - came <= self._kept:
                return
            del self._news[message_id]
