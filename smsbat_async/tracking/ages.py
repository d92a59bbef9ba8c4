"""The ages at which a plan looks at a message: a fine ruler for the young, a coarse one for the old."""

import itertools
import math
from bisect import bisect_left

FINEST = 0.05
"""The shortest step, in units of the scale."""

STEPS_AT_LEAST = 500
"""Into how many of the shortest steps a timeout is divided at least."""

GROWTH = 0.02
"""Which fraction of the age a step is, where that is more than the shortest step."""

STEPS_AT_MOST = 400
"""How many steps there are at most, roughly, however long the timeout."""


class Ages:
    """Edges from 0 to the timeout, that stand closer together where a second matters more.

    Args:
        timeout: The last edge, in seconds.
        scale: The time in seconds under which a twentieth of differences do not matter.

    Attributes:
        edges: The ages, in seconds, ascending.
        widths: The lengths of the steps between them; one fewer.
    """

    __slots__ = ("edges", "widths")

    def __init__(self, timeout: float, scale: float) -> None:
        finest = min(FINEST * scale, timeout / STEPS_AT_LEAST)
        growth = max(GROWTH, math.log(max(1.0, GROWTH * timeout / finest)) / STEPS_AT_MOST)
        edges = [0.0]
        while (edge := edges[-1] + max(finest, growth * edges[-1])) < timeout - finest / 2.0:
            edges.append(edge)
        edges.append(timeout)
        self.edges = edges
        self.widths = [after - before for before, after in itertools.pairwise(edges)]

    def __len__(self) -> int:
        return len(self.widths)

    def nearest(self, age: float) -> int:
        """Return the number of the edge next to an age."""
        edges = self.edges
        above = bisect_left(edges, age)
        if above == len(edges):
            return above - 1
        if above and age - edges[above - 1] < edges[above] - age:
            return above - 1
        return above
