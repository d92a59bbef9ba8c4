"""What a policy cost, and how late the news was."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple


class Outcome(NamedTuple):
    """What became of one message.

    Args:
        polls: How often it was asked about.
        lag: Seconds between its end and the news of it, or None if it did not end in time.
        first: Its age at the first poll, in seconds.
    """

    polls: int
    lag: float | None
    first: float


class Figures(NamedTuple):
    """What became of many messages.

    Args:
        polls: How often each was asked about, on average.
        mean: The mean lag, in seconds, of those that ended.
        median: The median lag.
        p95: The lag of which 95 % are lower.
        p99: The lag of which 99 % are lower.
        first: The greatest age at a first poll, in seconds.
    """

    polls: float
    mean: float
    median: float
    p95: float
    p99: float
    first: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Figures":
        """Return the figures of some messages."""
        lags = sorted(it.lag for it in outcomes if it.lag is not None)
        return cls(
            sum(it.polls for it in outcomes) / len(outcomes),
            math.fsum(lags) / len(lags) if lags else 0.0,
            quantile(lags, 0.5),
            quantile(lags, 0.95),
            quantile(lags, 0.99),
            max(it.first for it in outcomes),
        )


def quantile(ascending: Sequence[float], part: float) -> float:
    """Return the value below which that part lies, or 0 if there is none."""
    return ascending[min(len(ascending) - 1, int(part * len(ascending)))] if ascending else 0.0


class Ends:
    """The ages at which messages end, ready to be asked of often.

    Args:
        ascending: The ages; infinite ones never end.
    """

    def __init__(self, ascending: Sequence[float]) -> None:
        self.ages = ascending
        self.count = len(ascending)
        self._sums = [0.0, *accumulate(age for age in ascending if age < math.inf)]

    def by(self, age: float) -> tuple[float, float]:
        """Return which part of the messages has ended by an age, and the sum of their ages per message."""
        number = bisect_left(self.ages, age)
        return number / self.count, self._sums[number] / self.count

    def cost_of(self, polls: Sequence[float]) -> tuple[float, float]:
        """Return polls per message and the mean lag, if all are asked about at the same ages."""
        asked = lag = before = sum_before = 0.0
        for age in polls:
            asked += 1.0 - before
            ended, total = self.by(age)
            lag += age * (ended - before) - (total - sum_before)
            before, sum_before = ended, total
        return asked, lag / before if before else 0.0

    def p99_of(self, polls: Sequence[float]) -> float:
        """Return the lag of which 99 % are lower, if all are asked about at the same ages."""
        lags = []
        start = 0
        for age in polls:
            stop = bisect_left(self.ages, age)
            lags += [age - end for end in self.ages[start:stop]]
            start = stop
        return quantile(sorted(lags), 0.99)
