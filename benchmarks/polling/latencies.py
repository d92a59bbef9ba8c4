"""How long messages take to come to their end, in a few made-up worlds."""

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

NEVER = math.inf

Draw = Callable[[Random], float]


class Latency(NamedTuple):
    """A distribution of seconds from the send to the end.

    Args:
        name: One word.
        title: What it is.
        draw: Draws one; `NEVER` for a message that does not end.
    """

    name: str
    title: str
    draw: Draw

    def sample(self, count: int, seed: int) -> list[float]:
        """Return some, in the order they were drawn."""
        random = Random(seed)
        return [self.draw(random) for _ in range(count)]

    def strata(self, count: int) -> list[float]:
        """Return some in ascending order, one from each of as many equally likely parts.

        They are much nearer to the distribution than a sample of that size.
        """
        return sorted(self.sample(5 * count, 1))[2::5]


def lognormal(median: float, sigma: float, after: float = 0.0) -> Draw:
    """Return a lognormal, after a fixed time."""
    return lambda random: after + random.lognormvariate(math.log(median), sigma)


def mix(*parts: tuple[float, Draw]) -> Draw:
    """Return a mixture; what the weights lack of 1 never ends."""

    def draw(random: Random) -> float:
        at = random.random()
        for weight, part in parts:
            at -= weight
            if at < 0.0:
                return part(random)
        return NEVER

    return draw


MIXED = Latency(
    "a",
    "85 % lognormal, median 5 s, sigma 0.8; 10 % lognormal, median 90 s, sigma 1; 5 % never",
    mix((0.85, lognormal(5.0, 0.8)), (0.10, lognormal(90.0, 1.0))),
)
CASCADE = Latency(
    "b",
    "60 % near 3 s (lognormal, sigma 0.3), 35 % the same 42 s later, 5 % never",
    mix((0.60, lognormal(3.0, 0.3)), (0.35, lognormal(3.0, 0.3, after=42.0))),
)
SLOW = Latency("c", "lognormal, median 60 s, sigma 0.8", lognormal(60.0, 0.8))

MAIN = (MIXED, CASCADE, SLOW)

OTHERS = (
    Latency("exponential", "exponential, mean 20 s", lambda random: random.expovariate(1 / 20)),
    Latency("uniform", "even from 0 to 60 s", lambda random: random.uniform(0.0, 60.0)),
    Latency("fixed", "10 s, give or take a hundredth", lambda random: random.uniform(9.99, 10.01)),
    Latency(
        "heavy",
        "Pareto of index 1, from 0, scale 5 s",
        lambda random: 5.0 * random.paretovariate(1.0) - 5.0,
    ),
    Latency(
        "three",
        "40 % near 2 s, 30 % near 20 s, 30 % near 120 s (sigma 0.2, 0.1, 0.1)",
        mix((0.4, lognormal(2.0, 0.2)), (0.3, lognormal(20.0, 0.1)), (0.3, lognormal(120.0, 0.1))),
    ),
    Latency(
        "spread",
        "95 % lognormal, median 60 s, sigma 0.5; 5 % never",
        mix((0.95, lognormal(60.0, 0.5))),
    ),
    Latency("instant", "0.05 s", lambda _: 0.05),
    Latency("never", "never", lambda _: NEVER),
)
