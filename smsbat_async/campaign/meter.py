"""Meter: what a run has sent, spent and waited for so far."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Generator
from decimal import Decimal
from typing import Final

from smsbat_async.campaign.prices import EXACT

UNTOLD: Final = 1.0
"""For how many seconds a pause is shown whose length the vendor did not tell."""

SPAN: Final = 10.0
"""Over how many seconds the rate is taken."""


class Meter:
    """Counts for one run.

    Args:
        committed: The expected prices of what left in earlier runs.
        charged: What the vendor said that it cost.

    Attributes:
        sent: How many messages left in this run.
        committed: The expected prices of all that left or may have.
        charged: What the vendor said that messages cost.
        pauses: How often the vendor said "too many requests".
    """

    def __init__(self, committed: Decimal = Decimal(0), charged: Decimal = Decimal(0)) -> None:
        self.sent = 0
        self.committed = committed
        self.charged = charged
        self.pauses = 0
        self._first: float | None = None
        self._last = 0.0
        self._marks: deque[tuple[float, int]] = deque()
        self._paused_until = 0.0
        self._waits: dict[object, tuple[str, float]] = {}

    def add_sent(self, count: int) -> None:
        """Note that some messages left."""
        now = asyncio.get_running_loop().time()
        if self._first is None:
            self._first = now
        self.sent += count
        self._last = now
        self._marks.append((now, count))
        while self._marks[0][0] < now - SPAN:
            self._marks.popleft()

    def add_committed(self, price: Decimal) -> None:
        """Note the expected price of what left."""
        self.committed = EXACT.add(self.committed, price)

    def add_charged(self, cost: Decimal) -> None:
        """Note what the vendor said that a message cost."""
        self.charged = EXACT.add(self.charged, cost)

    @property
    def per_second(self) -> float:
        """How many messages left per second, over the last ten."""
        now = asyncio.get_running_loop().time()
        if self._first is None:
            return 0.0
        lately = sum(count for at, count in self._marks if at >= now - SPAN)
        return lately / min(SPAN, max(now - self._first, 1.0))

    @property
    def average(self) -> float:
        """How many messages left per second, from the first to the last."""
        if self._first is None:
            return 0.0
        return self.sent / max(self._last - self._first, 1.0)

    def add_pause(self, seconds: float | None) -> None:
        """Note that the vendor said "too many requests", and for how many seconds, if it did."""
        self.pauses += 1
        self._paused_until = asyncio.get_running_loop().time() + (UNTOLD if seconds is None else seconds)

    @contextlib.contextmanager
    def waiting(self, why: str, seconds: float) -> Generator[None, None, None]:
        """Note why somebody waits, and for how long, while he does."""
        key = object()
        self._waits[key] = why, asyncio.get_running_loop().time() + seconds
        try:
            yield
        finally:
            del self._waits[key]

    @property
    def wait(self) -> tuple[str, float] | None:
        """Why nothing is sent and for how many seconds yet, or None."""
        now = asyncio.get_running_loop().time()
        if self._waits:
            why, until = max(self._waits.values(), key=lambda wait: wait[1])
            return why, max(until - now, 0.0)
        left = self._paused_until - now
        return ("the vendor says: too many requests", left) if left > 0 else None
