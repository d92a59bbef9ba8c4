"""From when messages end, and what a poll costs, to when to ask: dynamic programming over ages."""

from collections.abc import Sequence

from smsbat_async.tracking.ages import Ages

PATIENCE = 10.0
"""A second of lag counts twice beyond this many prices: the few that wait longest are the ones noticed."""


class Timetable:
    """When to ask next, for each age at which a message was seen not to have ended.

    A poll costs its price. What ends between two polls costs the seconds until the second one, those beyond
    the patience twice. With F the chance to have ended by an age, and G its integral, asking at t after
    having asked at s costs

        price * (1 - F(s)) + lag(s, t) + lag(s, t - patience),  lag(s, t) = G(t) - G(s) - F(s) * (t - s)

    (the last for t - patience > s), and then what is cheapest from t on; the timeout is the last poll. The
    cross differences of a step's cost in s and t are never positive, since no lag is better than a shorter
    one. So the best next poll never comes earlier for a later s, which bounds the search.

    Args:
        ages: The ages to choose from.
        ends: For each step, the chance to end in it, of those that came to it.
        price: What a poll costs, in seconds of lag.
        patience: The lag beyond which each second counts twice, in seconds.
        gap: The least time between two polls, in seconds.
        slacks: By how much of a price a poll may be off the best one; there is one range of ages for each.

    Attributes:
        best: For each edge, the best age for the next poll.
        ranges: For each slack and each edge, the earliest and the latest age that cost so little more.
        cost: What one message costs in all, in seconds of lag.
        polls: How often one message is asked about, on average.
    """

    __slots__ = ("best", "cost", "polls", "ranges")

    def __init__(
        self,
        ages: Ages,
        ends: Sequence[float],
        *,
        price: float,
        patience: float,
        gap: float,
        slacks: Sequence[float],
    ) -> None:
        edges = ages.edges
        last = len(ages)
        ended, area = _cumulate(ends, ages.widths)
        beyond = _shifted(edges, ended, area, patience)
        twice = [2.0 * edge - patience for edge in edges]
        # What a poll at each edge costs and all after it, but for what depends on the poll before it.
        near = [0.0] * (last + 1)
        far = [0.0] * (last + 1)
        near[last] = area[last]
        far[last] = area[last] + beyond[last]
        best = [edges[last]] * (last + 1)
        ranges = [([edges[last]] * (last + 1), [edges[last]] * (last + 1)) for _ in slacks]
        asked = [0.0] * (last + 1)
        first, turn, stop = last, last + 1, last + 1
        rest = 0.0
        for s in range(last - 1, -1, -1):
            edge, gone = edges[s], ended[s]
            while first > s + 1 and edges[first - 1] >= edge + gap:
                first -= 1
            while turn > s + 1 and edges[turn - 1] > edge + patience:
                turn -= 1
            split = min(max(turn, first), stop)
            # That s itself lies G(s) - F(s) * s up the curve counts once more where seconds count twice.
            again = area[s] - gone * edge
            costs = [base - gone * t for base, t in zip(near[first:split], edges[first:split], strict=True)]
            costs += [
                base - gone * t - again for base, t in zip(far[split:stop], twice[split:stop], strict=True)
            ]
            least = min(costs)
            choice = costs.index(least)
            best[s] = edges[first + choice]
            poll = price * (1.0 - gone)
            asked[s] = 1.0 - gone + asked[first + choice]
            widest = choice
            for slack, (earliest, latest) in zip(slacks, ranges, strict=True):
                limit = least + slack * poll
                low = high = choice
                while low and costs[low - 1] <= limit:
                    low -= 1
                while high + 1 < len(costs) and costs[high + 1] <= limit:
                    high += 1
                earliest[s], latest[s] = edges[first + low], edges[first + high]
                widest = max(widest, high)
            stop = min(last, first + widest) + 1
            rest = least - again + poll
            near[s] = area[s] + rest
            far[s] = near[s] + beyond[s]
        self.best = best
        self.ranges = ranges
        self.cost = rest
        self.polls = asked[0]


def _cumulate(ends: Sequence[float], widths: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the chance to have ended by each edge, and its integral, spread evenly in a step."""
    ended, area = [0.0], [0.0]
    alive, integral = 1.0, 0.0
    for chance, width in zip(ends, widths, strict=True):
        share = alive * chance
        integral += width * (1.0 - alive + share / 2.0)
        alive -= share
        ended.append(1.0 - alive)
        area.append(integral)
    return ended, area


def _shifted(edges: Sequence[float], ended: Sequence[float], area: Sequence[float], by: float) -> list[float]:
    """Return the integral of the chance to have ended, up to each edge less a number of seconds."""
    shifted = []
    step = 0
    for edge in edges:
        at = edge - by
        if at <= 0.0:
            shifted.append(0.0)
            continue
        while edges[step + 1] < at:
            step += 1
        into = at - edges[step]
        slope = (ended[step + 1] - ended[step]) / (edges[step + 1] - edges[step])
        shifted.append(area[step] + into * (ended[step] + slope * into / 2.0))
    return shifted
