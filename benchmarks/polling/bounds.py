"""What could be reached by who knew the distribution: the best exponential waits, and the best of all."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

from benchmarks.polling.figures import Ends

GAP = 1.0
"""The least time between two polls of a message, in seconds."""


class Point(NamedTuple):
    """What a fixed list of ages costs.

    Args:
        polls: Polls per message.
        lag: The mean lag, in seconds.
        ages: The ages, in seconds.
    """

    polls: float
    lag: float
    ages: tuple[float, ...]


def exponential(initial: float, factor: float, maximum: float, timeout: float) -> tuple[float, ...]:
    """Return the ages at which an exponential policy without jitter asks."""
    ages = []
    age, wait = 0.0, initial
    while (age := age + min(wait, maximum)) < timeout:
        ages.append(age)
        wait = min(wait * factor, maximum)
    return (*ages, timeout)


INITIALS = [*(0.5 * half for half in range(2, 21)), *range(11, 31), *range(32, 81, 4)]
FACTORS = (1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)
MAXIMA = (5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0)


class BestExponential:
    """The best exponential setting for a number of polls, found by hindsight.

    Args:
        ends: When messages end.
        timeout: How long they are followed, in seconds.
    """

    def __init__(self, ends: Ends, timeout: float) -> None:
        self._ends = ends
        self._timeout = timeout
        self._settings = [
            (*self._cost((initial, factor, maximum)), (initial, factor, maximum))
            for initial in INITIALS
            for factor in FACTORS
            for maximum in MAXIMA
            if maximum >= initial
        ]

    def _cost(self, setting: tuple[float, float, float]) -> tuple[float, float]:
        return self._ends.cost_of(exponential(*setting, self._timeout))

    def on_the_grid(self, polls: float) -> float:
        """Return the least mean lag at no more than so many polls, of settings in round numbers."""
        return min((lag for asked, lag, _ in self._settings if asked <= polls), default=math.inf)

    def at(self, polls: float, tries: int = 1_500) -> float:
        """Return the least mean lag of any setting, at no more than so many polls per message."""
        random = Random(1)
        within = sorted(it[1:] for it in self._settings if it[0] <= polls)[:5]
        if not within:
            return math.inf
        best = within[0][0]
        for lag, setting in within:
            for number in range(tries // len(within)):
                spread = 0.2 * 0.99**number
                initial = max(GAP, setting[0] * math.exp(random.gauss(0.0, spread)))
                factor = 1.0 + (setting[1] - 1.0) * math.exp(random.gauss(0.0, 3.0 * spread))
                maximum = max(initial, setting[2] * math.exp(random.gauss(0.0, 2.0 * spread)))
                asked, found = self._cost((initial, factor, maximum))
                if asked <= polls and found < lag:
                    lag, setting = found, (initial, factor, maximum)
            best = min(best, lag)
        return best

    def frontier(self) -> list[Point]:
        """Return the settings of the grid that no other beats in both polls and lag."""
        best = math.inf
        points = []
        for asked, lag, setting in sorted(self._settings):
            if lag < best:
                best = lag
                points.append(Point(asked, lag, exponential(*setting, self._timeout)))
        return points

    def tail(self) -> list[tuple[float, float]]:
        """Return polls and 99th percentile of the settings of the grid that no other beats in both."""
        few = Ends(self._ends.ages[5::10])
        best = math.inf
        points = []
        for asked, _, setting in sorted(self._settings):
            p99 = few.p99_of(exponential(*setting, self._timeout))
            if p99 < best:
                best = p99
                points.append((asked, p99))
        return points


class Optimum:
    """The least mean lag for a number of polls, by dynamic programming over the ages of polls.

    Args:
        ends: When messages end.
        timeout: How long they are followed, in seconds.
        prices: What a poll costs, in seconds of lag: each gives one point.
    """

    def __init__(self, ends: Ends, timeout: float, prices: Sequence[float]) -> None:
        self._grid = tuple(_grid(timeout))
        self._by = [ends.by(age) for age in self._grid]
        self.points: list[Point] = []
        for price in prices:
            ages = tuple(self._best_ages(price))
            self.points.append(Point(*ends.cost_of(ages), ages))
        self.points.sort()

    def at(self, polls: float) -> float:
        """Return the least mean lag at so many polls per message."""
        points = self.points
        if polls <= points[0].polls:
            return points[0].lag
        for low, high in pairwise(points):
            if polls <= high.polls:
                part = (polls - low.polls) / max(high.polls - low.polls, 1e-12)
                return low.lag + part * (high.lag - low.lag)
        return points[-1].lag

    def _best_ages(self, price: float) -> Iterator[float]:
        grid, by = self._grid, self._by
        last = len(grid) - 1
        # What is paid from a poll on, but for what depends on the poll before it.
        paid = [0.0] * (last + 1)
        follower = [last] * (last + 1)
        ended, total = by[last]
        paid[last] = grid[last] * ended - total
        stop = last
        for start in range(last - 1, -1, -1):
            first = min(bisect_left(grid, grid[start] + GAP - 1e-9, start + 1), last)
            before, sum_before = by[start]
            costs = [
                base - before * age
                for base, age in zip(paid[first : stop + 1], grid[first : stop + 1], strict=True)
            ]
            least = min(costs)
            # A later poll is never followed by an earlier one.
            follower[start] = stop = first + costs.index(least)
            rest = least + sum_before + price * (1.0 - before)
            paid[start] = rest + grid[start] * before - sum_before
        at = 0
        while at < last:
            at = follower[at]
            yield grid[at]


def _grid(timeout: float) -> Iterator[float]:
    age = 0.0
    while age < timeout:
        yield age
        age = round(age + max(0.05, 0.003 * age), 6)
    yield timeout
