"""Where a process is killed, and in which order."""

import dataclasses
import enum
from collections.abc import Iterator
from random import Random


class Point(enum.StrEnum):
    """Where a process is killed."""

    EARLY = "at a random moment from its start on"
    RANDOM = "at a random moment while it sends"
    INTENT = "after the intent, before a byte has left"
    WIRE = "after the wire, before the answer"
    ANSWER = "after the answer"
    COMMIT = "right before a commit"
    IN_COMMIT = "in a commit"
    RECOVERY = "in the recovery"

    @property
    def is_within(self) -> bool:
        """Whether the process kills itself."""
        return self in {Point.INTENT, Point.COMMIT, Point.IN_COMMIT, Point.RECOVERY}


IMPORT_COMMITS = 6
"""How many commits bring a new campaign into the middle of its import."""


@dataclasses.dataclass(frozen=True)
class Kill:
    """One kill.

    Args:
        point: Where.
        count: At the how manieth time that the process comes there, from 1.
        delay: How long after that, in seconds; for random moments, after the start or the first send.
    """

    point: Point
    count: int = 1
    delay: float = 0.0


OUTSIDE = (Point.WIRE, Point.ANSWER, Point.RANDOM)
"""Points at which nothing within the process kills it."""


def order(kills: int, random: Random, points: tuple[Point, ...] = tuple(Point)) -> Iterator[Point]:
    """Give the points of so many kills, each of them about as often as the others.

    A recovery is killed when there is something to recover, and so it comes right after a kill on the wire.

    Args:
        kills: How many.
        random: Shuffles them.
        points: Which there are.
    """
    given = 0
    while given < kills:
        these: list[Point] = [point for point in points if point is not Point.RECOVERY]
        random.shuffle(these)
        if Point.RECOVERY in points:
            these.insert(these.index(Point.WIRE) + 1, Point.RECOVERY)
        for point in these[: kills - given]:
            given += 1
            yield point


def kill_at(point: Point, *, share: float, random: Random) -> Kill:
    """Choose when a process is killed at a point.

    Args:
        point: Where.
        share: How many chunks it is to send until then, on average.
        random: Chooses.
    """
    chunks = random.randint(1, max(1, round(2 * share) - 1))
    match point:
        case Point.EARLY:
            return Kill(point, delay=random.uniform(0.1, 1.5))
        case Point.RANDOM:
            return Kill(point, delay=random.uniform(0.0, 2 * share * 0.01))
        case Point.ANSWER:
            return Kill(point, chunks, random.choice((0.0, random.uniform(0.0, 0.003))))
        case Point.COMMIT:
            return Kill(point, random.randint(1, 12) + chunks)
        case Point.IN_COMMIT:
            return Kill(point, random.randint(1, 12) + chunks, random.uniform(0.0, 0.002))
        case Point.RECOVERY:
            return Kill(point, random.randint(1, 4))
        case _:
            return Kill(point, chunks)
