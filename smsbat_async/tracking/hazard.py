"""When messages end, learned from polls that said "ended by now" or "not yet"."""

import itertools
import math
import operator
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from smsbat_async.tracking.ages import Ages

WINDOW = 3_000.0
"""After how many messages more one counts only 1/e of what it did."""

PRIOR_CHANCE, PRIOR_ONSET, PRIOR_TAIL = 0.8, 2.0, 30.0
"""The prior hazard is CHANCE / (age + ONSET) / (1 + age / TAIL), the last two in prices: there is no scale
to know, so each doubling of the age is about as likely to bring the end, but what is very late may never
come."""

REGION = 0.7
"""Over how much of the logarithm of the age the weight of what is farther away falls to 1/e."""

PRIOR_PULL, PRIOR_PULL_LEAST, PRIOR_PULL_MOST = 200.0, 0.1, 20.0
"""With how many ends the prior counts in a region: the first number over that of the messages seen, and at
least the second, so that the first few surprises do not carry the plan away."""


class Smoothing(NamedTuple):
    """How a step learns from the steps around it.

    Args:
        reach: How far its neighbourhood goes either way, as a fraction of its age.
        pull: With how many ends the neighbourhood counts in the step.
        region_pull: With how many ends the region counts in the neighbourhood.
    """

    reach: float
    pull: float
    region_pull: float


SMOOTHINGS = (Smoothing(0.1, 2.0, 0.1), Smoothing(0.3, 8.0, 0.1), Smoothing(0.5, 20.0, 1.0))
"""From sharp to smooth; those that foretell the answers best are believed most."""

BANDS, SURPRISE = 12, 4.0
"""The ages are divided into so many bands. Where one of them holds more or fewer ends than were believed
likely, by more than so many standard deviations, times have changed, and what is old is worth less."""

FORGOTTEN = 1e-3
"""Under which weight an observation is dropped."""

SURE = 1.0 - 1e-6
"""No belief is held to be surer than this."""


Observation = tuple[int, int, int, float]
"""From which edge to which, whether it ended (0 or 1), and its weight."""


class Hazard:
    """The chance to end in each step of age, of those messages that came to it.

    Every poll is an observation by itself: a message that had not ended at one age had, or had not, at a
    later one. Where in between an end lay is shared out by what is believed, and the belief is formed anew
    from the shares (expectation and maximisation). "Not yet" is time at risk in every step passed. So
    messages that are still followed, and those that never end, teach as much as the others.

    Each step is drawn towards its neighbourhood, that towards its region, and that towards the prior, the
    more the less it has seen itself. This is done in several ways, from sharp to smooth, and each is
    weighed by how likely it held the answers that came after it.

    Args:
        ages: The steps.
        scale: The unit of the prior's times, in seconds.

    Attributes:
        ends: For each step, the chance to end in it.
        messages: How many messages have been seen.
        credits: How much each smoothing is believed; they add up to 1.
    """

    __slots__ = (
        "_ages",
        "_beliefs",
        "_ended",
        "_fading",
        "_fresh",
        "_growth",
        "_likelihoods",
        "_neighbourhoods",
        "_passed",
        "_prior",
        "_size",
        "_weight",
        "credits",
        "ends",
        "messages",
    )

    def __init__(self, ages: Ages, scale: float) -> None:
        self._ages = ages
        self._size = len(ages.edges)
        edges, widths = ages.edges, ages.widths
        middles = [edge + width / 2.0 for edge, width in zip(edges, widths, strict=False)]
        self._prior = [
            PRIOR_CHANCE / (age + PRIOR_ONSET * scale) / (1.0 + age / (PRIOR_TAIL * scale)) for age in middles
        ]
        self.ends = [-math.expm1(-rate * width) for rate, width in zip(self._prior, widths, strict=True)]
        self._beliefs = [self.ends] * len(SMOOTHINGS)
        self._likelihoods = [0.0] * len(SMOOTHINGS)
        self.credits = [1.0 / len(SMOOTHINGS)] * len(SMOOTHINGS)
        self._neighbourhoods: list[list[tuple[int, int]]] = []
        for smoothing in SMOOTHINGS:
            neighbours = []
            for age, width in zip(middles, widths, strict=True):
                half = max(smoothing.reach * age, 1.5 * width)
                low, high = bisect_left(edges, age - half), bisect_left(edges, age + half)
                neighbours.append((low, min(len(ages), high)))
            self._neighbourhoods.append(neighbours)
        onset = scale / 2.0
        self._fading = [
            ((before + onset) / (after + onset)) ** (1.0 / REGION)
            for before, after in itertools.pairwise(middles)
        ]
        self._passed = [0.0] * self._size
        self._ended: dict[int, float] = {}
        self._fresh: dict[int, float] = {}
        self._weight = 1.0
        self._growth = math.exp(1.0 / WINDOW)
        self.messages = 0

    def observe(self, since: float, age: float, ended: bool) -> None:
        """Take one observation.

        Args:
            since: The age at which the message had not ended; 0 for one that is seen for the first time.
            age: The age at which it had ended or not.
            ended: Whether it had.
        """
        nearest = self._ages.nearest
        if since >= self._ages.edges[-1]:
            return
        start = 0
        if since > 0.0:
            start = nearest(since)
        else:
            # Newer observations weigh more, which is the same as older ones weighing less.
            self._weight *= self._growth
            self.messages += 1
        stop = nearest(age)
        if stop <= start:
            if not ended:
                return
            stop = max(stop, 1)
            start = stop - 1
        key = 2 * (start * self._size + stop) + ended
        self._fresh[key] = self._fresh.get(key, 0.0) + self._weight

    def take_in(self) -> None:
        """Weigh the smoothings by the fresh observations, and add these to the old ones, which fade."""
        shrink = 1.0 / self._weight
        self._weight = 1.0
        fresh = [(*divmod(key >> 1, self._size), key & 1, seen * shrink) for key, seen in self._fresh.items()]
        self._fresh = {}
        shrink *= self._worth_of_old(fresh)
        self._likelihoods = [
            likelihood * shrink + _log_likelihood(belief, fresh)
            for likelihood, belief in zip(self._likelihoods, self._beliefs, strict=True)
        ]
        best = max(self._likelihoods)
        odds = [math.exp(likelihood - best) for likelihood in self._likelihoods]
        self.credits = [odd / sum(odds) for odd in odds]
        passed = [weight * shrink for weight in self._passed]
        old = {key: weight * shrink for key, weight in self._ended.items() if weight * shrink >= FORGOTTEN}
        for start, stop, ended, weight in fresh:
            if ended:
                key = start * self._size + stop
                old[key] = old.get(key, 0.0) + weight
            else:
                passed[start] += weight
                passed[stop] -= weight
        self._passed = passed
        self._ended = old

    def revise(self) -> None:
        """Form the belief anew from the observations, shared out by the belief so far."""
        ends, at_risk = self._share_out()
        regions = self._regions(ends, at_risk)
        widths = self._ages.widths
        ends_before = list(itertools.accumulate(ends, initial=0.0))
        risk_before = list(itertools.accumulate(at_risk, initial=0.0))
        self._beliefs = []
        for (_, pull, region_pull), neighbours in zip(SMOOTHINGS, self._neighbourhoods, strict=True):
            belief = []
            for (low, high), region, end, risk, width in zip(
                neighbours, regions, ends, at_risk, widths, strict=True
            ):
                near = (ends_before[high] - ends_before[low] + region_pull) / (
                    risk_before[high] - risk_before[low] + region_pull / region
                )
                belief.append(-math.expm1(-width * (end + pull) / (risk + pull / near)))
            self._beliefs.append(belief)
        self.ends = [
            sum(map(operator.mul, self.credits, chances)) for chances in zip(*self._beliefs, strict=True)
        ]

    def _worth_of_old(self, fresh: Sequence[Observation]) -> float:
        """Return what old observations are worth, by how well they foretold the fresh ones: 1, or less."""
        alive = _log_alive(self.ends)
        excess = [0.0] * BANDS
        variance = [1.0] * BANDS
        for start, stop, ended, weight in fresh:
            chance = -math.expm1(alive[stop] - alive[start])
            band = (stop - 1) * BANDS // self._size
            excess[band] += weight * (ended - chance)
            variance[band] += weight * chance * (1.0 - chance)
        surprise = max(over * over / spread for over, spread in zip(excess, variance, strict=True))
        return min(1.0, SURPRISE**2 / max(surprise, 1e-9))

    def _share_out(self) -> tuple[list[float], list[float]]:
        """Return, for each step, how many are believed to have ended in it, and the seconds at risk in it."""
        alive = [1.0]
        for chance in self.ends:
            alive.append(alive[-1] * (1.0 - chance))
        size = self._size
        opened, reached = [0.0] * size, [0.0] * size
        for key, weight in self._ended.items():
            start, stop = divmod(key, size)
            later = alive[stop]
            share = weight / max(alive[start] - later, 1e-12)
            opened[start] += share
            opened[stop] -= share
            later *= share
            reached[start] += later
            reached[stop] -= later
        ends, at_risk = [], []
        share = later = passed = 0.0
        for opens, reaches, passes, before, after, width in zip(
            opened, reached, self._passed, alive, alive[1:], self._ages.widths, strict=False
        ):
            share += opens
            later += reaches
            passed += passes
            end = max(0.0, share * (before - after))
            ends.append(end)
            at_risk.append(max(passed + share * before - later - end / 2.0, end / 2.0) * width)
        return ends, at_risk

    def _regions(self, ends: list[float], at_risk: list[float]) -> list[float]:
        """Return the hazard around each step, as the prior times how much more ended than the prior says."""
        prior, fading = self._prior, self._fading
        expected = [risk * rate for risk, rate in zip(at_risk, prior, strict=True)]
        seen, due = ends[:], expected[:]
        for step, fade in enumerate(fading):
            seen[step + 1] += seen[step] * fade
            due[step + 1] += due[step] * fade
        seen_later = due_later = 0.0
        for step in range(len(ends) - 2, -1, -1):
            seen_later = (seen_later + ends[step + 1]) * fading[step]
            due_later = (due_later + expected[step + 1]) * fading[step]
            seen[step] += seen_later
            due[step] += due_later
        pull = PRIOR_PULL_LEAST + PRIOR_PULL / (self.messages + PRIOR_PULL / PRIOR_PULL_MOST)
        return [
            rate * (more + pull) / (less + pull) for rate, more, less in zip(prior, seen, due, strict=True)
        ]


def _log_alive(ends: Sequence[float]) -> list[float]:
    """Return the logarithm of the chance not to have ended by each edge."""
    steps = (math.log1p(-min(chance, SURE)) for chance in ends)
    return list(itertools.accumulate(steps, initial=0.0))


def _log_likelihood(ends: Sequence[float], observations: Sequence[Observation]) -> float:
    """Return how likely a belief held some observations, as a logarithm."""
    alive = _log_alive(ends)
    total = 0.0
    for start, stop, ended, weight in observations:
        passed = alive[stop] - alive[start]
        total += weight * (math.log(max(-math.expm1(passed), 1.0 - SURE)) if ended else passed)
    return total
