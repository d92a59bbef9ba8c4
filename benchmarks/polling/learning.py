"""How good a plan has become after some messages, against what could be reached."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from benchmarks.polling.bounds import BestExponential, Optimum
from benchmarks.polling.figures import Ends, Figures, Outcome
from benchmarks.polling.latencies import Latency
from smsbat_async.policies import PollPolicy
from smsbat_async.tracking.plan import Plan
from smsbat_async.tracking.plans import plan_for

STREAM = 5.0
"""How many messages a second a plan learns from: a tenth of what the vendor's rate can follow."""

MOMENTS, APART = 10, 20
"""A plan is tried at so many moments, so many ends apart, since the age of first polls is drawn for all at
once."""

PRICES = (0.3, 0.5, 0.7, 1.0, 1.25, 1.5, 1.75, 2.0, 2.3, 2.7, 3.2, 4.0, 5.0, 6.5, 8.0, 12.0, 18.0, 30.0)
"""The prices between which the optimum is drawn, in seconds."""


class Known:
    """A latency whose bounds are known.

    Args:
        latency: The latency.
        timeout: How long messages are followed, in seconds.
        strata: By how many messages it is represented.
    """

    def __init__(self, latency: Latency, timeout: float, strata: int) -> None:
        self.latency = latency
        self.timeout = timeout
        self.ends = Ends(latency.strata(strata))
        self.exponential = BestExponential(self.ends, timeout)
        self.optimum = Optimum(self.ends, timeout, PRICES)


class Score(NamedTuple):
    """How a plan does.

    Args:
        figures: Its polls and lags.
        exponential: The mean lag of the best exponential setting at as many polls, whatever its numbers.
        on_the_grid: The same, of settings in round numbers.
        optimum: The least mean lag at as many polls.
    """

    figures: Figures
    exponential: float
    on_the_grid: float
    optimum: float

    @property
    def closed(self) -> float:
        """Which part of the gap between the best exponential setting and the optimum is closed."""
        return (self.exponential - self.figures.mean) / max(self.exponential - self.optimum, 1e-9)

    @property
    def closed_on_the_grid(self) -> float:
        """The same, against settings in round numbers."""
        return (self.on_the_grid - self.figures.mean) / max(self.on_the_grid - self.optimum, 1e-9)


def teach(plan: Plan, ends: Iterable[float], timeout: float) -> Iterator[int]:
    """Let a plan follow a stream of messages with no limit on the rate.

    Args:
        plan: The plan.
        ends: At which age each message ends.
        timeout: How long each is followed, in seconds.

    Yields:
        The number of each message that ended, when it did.
    """
    coming = enumerate(ends)
    upcoming = next(coming, None)
    schedule: list[tuple[float, int, float, float, float, int]] = []
    while schedule or upcoming is not None:
        if upcoming is not None and (not schedule or upcoming[0] / STREAM <= schedule[0][0]):
            number, end = upcoming
            born = number / STREAM
            heapq.heappush(schedule, (born + plan.delay(0.0, 0), number, born, 0.0, end, 0))
            upcoming = next(coming, None)
            continue
        now, number, born, since, end, polls = heapq.heappop(schedule)
        age = now - born
        plan.started(0.0)
        plan.learn(since, age, end <= age)
        if end <= age:
            yield number
        elif age < timeout - 1e-6:
            again = min(now + plan.delay(age, polls + 1), born + timeout)
            heapq.heappush(schedule, (again, number, born, age, end, polls + 1))


def follow_one(plan: Plan, end: float, timeout: float) -> Outcome:
    """Return what becomes of one message by a plan that does not learn from it."""
    age = first = min(plan.delay(0.0, 0), timeout)
    polls = 1
    while end > age and age < timeout - 1e-6:
        age = min(age + plan.delay(age, polls), timeout)
        polls += 1
    return Outcome(polls, age - end if end <= age else None, first)


def scores(
    price: float, ends: Iterable[float], counted: Sequence[int], known: Known, *, seed: int, after: int = 0
) -> list[Score]:
    """Teach an adaptive plan, and try it now and then.

    Args:
        price: Of a poll, in seconds.
        ends: At which age each message ends that it learns from.
        counted: After how many ends it is tried, ascending.
        known: What it is tried on.
        seed: Of its source of spread.
        after: From which message on ends count.
    """
    plan = plan_for(PollPolicy.adaptive(price=price, timeout=known.timeout), Random(seed))
    found: list[Score] = []
    outcomes: list[Outcome] = []
    ended = 0
    for number in teach(plan, ends, known.timeout):
        ended += number >= after
        if number < after or ended < counted[len(found)] or (ended - counted[len(found)]) % APART:
            continue
        tried = known.ends.ages[len(outcomes) and (ended - counted[len(found)]) // APART :: MOMENTS]
        outcomes += [follow_one(plan, end, known.timeout) for end in tried]
        if len(outcomes) >= known.ends.count:
            found.append(score(Figures.of(outcomes), known))
            outcomes = []
            if len(found) == len(counted):
                return found
    raise ValueError("too few messages to learn from")


def score(figures: Figures, known: Known) -> Score:
    """Return how good some figures are."""
    polls = figures.polls
    on_the_grid = known.exponential.on_the_grid(polls)
    exponential = min(on_the_grid, known.exponential.at(polls))
    return Score(figures, exponential, on_the_grid, known.optimum.at(polls))
