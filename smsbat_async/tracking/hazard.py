"""When messages end, learned from polls that said "ended by now" or "not yet"."""

import math
from bisect import bisect_left
from collections.abc import Iterator

from smsbat_async.tracking.ages import Ages

WINDOW = 2_000.0
"""After how many messages more one counts only 1/e of what it did."""

PRIOR_MESSAGES = 20.0
"""How many messages the prior is worth."""

PRIOR_RATE, PRIOR_ONSET, PRIOR_TAIL = 0.8, 4.0, 60.0
"""The prior hazard is RATE / (age + ONSET) / (1 + age / TAIL): what has long not ended may never end."""

NEIGHBOURS = 0.2
"""How far the neighbourhood of a step reaches, as a fraction of its age."""

REGION = 0.7
"""Over how much of the logarithm of the age the weight of what is farther away falls to 1/e."""

REGION_WORTH, NEIGHBOURS_WORTH, STEP_WORTH = 0.3, 0.3, 2.0
"""How many ends a hazard must have seen to outweigh the wider hazard that it is drawn towards."""

FORGOTTEN = 1e-3
"""How little weight an observation may have before it is dropped."""


class Hazard:
    """The chance to end in each step of age, of those messages that came to it.

    Every poll is an observation of its own: a message that had not ended at one age had, or had not, at a later
    one. What "ended" means for the steps in between is shared out by what is believed of them, and the belief
    is formed anew from the shares, a few times over (expectation and maximisation). "Not yet" is time at risk.

    Each step is drawn towards its neighbourhood, that towards its region, and that towards the prior, each as
    strongly as it has seen too little itself.

    Args:
        ages: The steps.

    Attributes:
        ends: For each step, the chance to end in it.
        messages: How many messages have been seen.
    """

    __slots__ = (
        "_alive",
        "_ages",
        "_ended",
        "_growth",
        "_near",
        "_prior",
        "_prior_ends",
        "_reach",
        "_weight",
        "ends",
        "messages",
    )

    def __init__(self, ages: Ages) -> None:
        self._ages = ages
        edges, widths = ages.edges, ages.widths
        middles = [edge + width / 2.0 for edge, width in zip(edges, widths, strict=False)]
        self._prior = [
            PRIOR_RATE / (age + PRIOR_ONSET) / (1.0 + age / PRIOR_TAIL) for age in middles
        ]
        self.ends = [-math.expm1(-rate * width) for rate, width in zip(self._prior, widths, strict=True)]
        left = [1.0]
        for chance in self.ends:
            left.append(left[-1] * (1.0 - chance))
        self._near: list[tuple[int, int]] = []
        self._prior_ends: list[float] = []
        for age, width in zip(middles, widths, strict=True):
            half = max(NEIGHBOURS * age, 1.5 * width)
            low, high = bisect_left(edges, max(0.0, age - half)), min(len(ages), bisect_left(edges, age + half))
            self._near.append((low, high))
        self._reach = [
            math.exp(-(math.log1p(after) - math.log1p(before)) / REGION)
            for before, after in zip(middles, middles[1:], strict=False)
        ]
        self._prior_ends = [
            PRIOR_MESSAGES * (before - after) for before, after in zip(left, left[1:], strict=False)
        ]
        self._alive = [0.0] * (len(ages) + 1)
        self._ended: dict[int, float] = {}
        self._weight = 1.0
        self._growth = math.exp(1.0 / WINDOW)
        self.messages = 0
