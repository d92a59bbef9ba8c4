"""What a poll costs: more while more polls are wanted than may start."""

import math

ON_TIME = 0.5
"""Up to how late polls start while the rate is no bound, in seconds."""

RECENT = 0.02
"""The weight of one poll in how late polls start."""

TERM = 64
"""After how many late polls the price changes."""

WINDOW = 1_000
"""Over how many late polls it is counted, roughly, how many each message may have."""

AT_ONCE = 100
"""Up to how many messages that come between two polls count: a burst is not how it will go on."""

LARGEST_STEP = 0.3
"""By how much the logarithm of the price changes at most in one term: what it changes shows only much
later."""

DEAREST = 6.0
"""How many times the price of a poll may rise. Beyond, the queue itself puts polls off, and more evenly."""

RELIEF = 1e-3
"""By which part the price falls with every poll that starts on time."""


class Price:
    """The price of a poll, in seconds of lag.

    While polls start late, the rate allows so many polls for each message that comes. The price moves to
    where the plan wants just as many: it is the multiplier of that constraint. In a burst nothing more
    comes, so the rate allows all that is wanted, in time, and the price stays: the queue alone keeps the
    order.

    Args:
        base: The price while the rate is no bound, in seconds.

    Attributes:
        value: The price now, in seconds.
    """

    __slots__ = ("_admitted", "_base", "_late", "_since", "_started", "value")

    def __init__(self, base: float) -> None:
        self._base = base
        self.value = base
        self._late = 0.0
        self._started = 0
        self._admitted = 0
        self._since = 0

    def admit(self) -> None:
        """Take that one message more is followed."""
        self._since += 1

    def start(self, late: float, wanted: float) -> None:
        """Take that a poll starts.

        Args:
            late: By how much after the time it was due, in seconds.
            wanted: How many polls the plan makes of one message at the price now, on average.
        """
        self._late += RECENT * (late - self._late)
        if self._late < ON_TIME:
            self._started = self._admitted = self._since = 0
            if self.value > self._base:
                self.value = max(self._base, self.value * (1.0 - RELIEF))
            return
        self._started += 1
        self._admitted += min(self._since, AT_ONCE)
        self._since = 0
        if self._started % TERM:
            return
        step = -LARGEST_STEP
        if self._admitted:
            allowed = self._started / self._admitted
            step = min(LARGEST_STEP, max(step, math.log(wanted / allowed)))
        self.value = min(max(self._base, self.value * math.exp(step)), DEAREST * self._base)
        if self._started >= WINDOW:
            self._started //= 2
            self._admitted //= 2
