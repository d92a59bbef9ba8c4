"""How fast requests of one kind may start: rates, pauses, and the budget of retries.

Everything here is told the time and never waits by itself.
"""

from collections import deque

from smsbat_async.policies import Rate

WINDOW = 1.001
"""The window of a burst, in seconds: a hair over one, so that a second with both its ends holds too."""

SLOWEST = 1.0
"""A pause never brings the rate under this many starts a second, unless it was lower to begin with."""

RECOVERY = 0.1
"""Which part of the configured rate comes back each second after a pause."""

UNTOLD_PAUSE = 1.0
UNTOLD_PAUSE_MAXIMUM = 8.0
"""Pauses after a 429 that does not say for how long: 1, 2, 4 and then 8 seconds, as SMSBAT advises."""


class Pacer:
    """When the next request of one kind may start.

    Two rules hold together: a bucket refilled at the rate keeps the average, and the times of the last starts
    keep any one second to at most the burst.

    Args:
        rate: What is allowed, or None for no limit.
        now: The time, in seconds of the loop's clock.
    """

    def __init__(self, rate: Rate | None, now: float) -> None:
        self._rate = rate
        self._floor = 0.0
        self._full = 0.0
        self._starts: deque[float] = deque(maxlen=1)
        if rate is not None:
            self._floor = min(SLOWEST, rate.per_second)
            self._full = max(1.0, rate.burst - rate.per_second)
            self._starts = deque(maxlen=rate.burst)
        self._tokens = self._full
        self._filled_at = now
        self._paused_until = now
        self._pauses = 0
        self._slowed_to: float | None = None

    @property
    def paused_until(self) -> float:
        """Until when nothing starts, in seconds of the loop's clock."""
        return self._paused_until

    def per_second(self, now: float) -> float | None:
        """Return the rate at a time: below the configured one for some seconds after a pause."""
        if self._rate is None:
            return None
        if self._slowed_to is None:
            return self._rate.per_second
        back = self._slowed_to + RECOVERY * self._rate.per_second * max(0.0, now - self._paused_until)
        if back >= self._rate.per_second:
            self._slowed_to = None
            return self._rate.per_second
        return back

    def next_start(self, now: float) -> float:
        """Return the earliest time at which a request may start, `now` or later."""
        earliest = max(now, self._paused_until)
        rate = self.per_second(earliest)
        if rate is None:
            return earliest
        self._fill(now, rate)
        if self._tokens < 1.0:
            earliest = max(earliest, self._filled_at + (1.0 - self._tokens) / rate)
        if len(self._starts) == self._starts.maxlen:
            earliest = max(earliest, self._starts[0] + WINDOW)
        return earliest

    def try_start(self, now: float) -> bool:
        """Note the start of a request if one may start now, and return whether it may."""
        if self._rate is None:
            return now >= self._paused_until
        if self.next_start(now) > now:
            return False
        self._tokens -= 1.0
        self._starts.append(now)
        return True

    def _fill(self, now: float, rate: float) -> None:
        if now > self._filled_at:
            # A hair is added, so that a bucket that is full by all but rounding counts as full.
            self._tokens = min(self._full, self._tokens + (now - self._filled_at) * rate + 1e-9)
            self._filled_at = now

    def pause(self, now: float, seconds: float | None, *, started_at: float) -> bool:
        """Stop all starts for a while, because the vendor said "too many requests".

        A pause halves the rate once, however many requests that were under way then are refused as well.

        Args:
            now: The time.
            seconds: For how long, or None where the vendor did not say.
            started_at: When the refused request started.

        Returns:
            Whether this is a pause of its own, and not another refusal of the one before.
        """
        fresh = started_at >= self._paused_until
        if not fresh and seconds is None:
            return False
        if fresh:
            self._pauses += 1
        if seconds is None:
            seconds = min(UNTOLD_PAUSE_MAXIMUM, UNTOLD_PAUSE * 2.0 ** min(self._pauses - 1, 64))
        until = now + seconds
        if fresh:
            before = self.per_second(now)
            if before is not None:
                self._slowed_to = max(self._floor, before / 2.0)
        if until > self._paused_until:
            self._paused_until = until
            # What the bucket held is void, and one request may try the water when the pause is over.
            self._tokens = min(self._tokens, 1.0)
            self._filled_at = max(self._filled_at, until)
        return fresh

    def succeeded(self, started_at: float) -> None:
        """Note that the vendor answered a request that started after the last pause."""
        if self._pauses and started_at >= self._paused_until:
            self._pauses = 0


class RetryBudget:
    """What keeps retries from doubling the load on a vendor that is down.

    Args:
        tokens: How many retries may be made without any success.
        refill: How much of a retry a success gives back; a tenth is at most a tenth more requests.
    """

    __slots__ = ("_maximum", "_refill", "_tokens")

    def __init__(self, tokens: float = 100.0, refill: float = 0.1) -> None:
        self._maximum = self._tokens = tokens
        self._refill = refill

    @property
    def left(self) -> int:
        """How many retries may be made now."""
        return int(self._tokens)

    def spend(self) -> bool:
        """Take one retry out of the budget, and return whether there was one."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def earn(self) -> None:
        """Give something back, since a request succeeded."""
        if self._tokens < self._maximum:
            self._tokens = min(self._maximum, self._tokens + self._refill)
