"""Polls under the vendor's rate, without a client: the same plans, the same pacer, no time and no network."""

import heapq
import math
from collections.abc import Sequence
from typing import Protocol

from benchmarks.polling.figures import Outcome
from smsbat_async.pacing import Pacer
from smsbat_async.policies import Rate
from smsbat_async.tracking.plan import Plan

HAIR = 1e-9
"""By how much the sum of two times may be off, in seconds."""


class Follower(Protocol):
    """Who says when to ask: a plan, or somebody who knows more."""

    def delay(self, message: int, age: float, polls: int) -> float:
        """Return how long to wait before the next poll of a message, in seconds."""
        ...

    def learn(self, since: float, age: float, ended: bool) -> None:
        """Take what a poll has shown."""
        ...

    def started(self, late: float) -> None:
        """Take that a poll starts so late."""
        ...


class Planned:
    """Follows a plan.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.learn = plan.learn
        self.started = plan.started

    def delay(self, message: int, age: float, polls: int) -> float:
        """Return how long to wait before the next poll of a message, in seconds."""
        return self._plan.delay(age, polls)


class Oracle:
    """Knows when each message ends, and asks then.

    Args:
        ends: The ages at which messages end.
        timeout: When it asks about those that never do.
    """

    def __init__(self, ends: Sequence[float], timeout: float) -> None:
        self._ends = ends
        self._timeout = timeout

    def delay(self, message: int, age: float, polls: int) -> float:
        """Return how long it is until the message ends, in seconds."""
        return max(0.0, min(self._ends[message], self._timeout) - age)

    def learn(self, since: float, age: float, ended: bool) -> None:
        """Take nothing: it knows already."""

    def started(self, late: float) -> None:
        """Take nothing."""


def simulate(
    follower: Follower,
    arrivals: Sequence[float],
    ends: Sequence[float],
    *,
    timeout: float,
    rate: Rate | None,
) -> list[Outcome]:
    """Follow messages to their end.

    Args:
        follower: Who says when to ask.
        arrivals: When each message is sent, ascending, in seconds.
        ends: At which age each ends.
        timeout: How long each is followed, in seconds.
        rate: How many polls may start, or None for no limit.

    Returns:
        What became of each, in order.
    """
    pacer = Pacer(rate, 0.0)
    count = len(arrivals)
    schedule: list[tuple[float, int, float]] = []
    polls = [0] * count
    firsts = [math.inf] * count
    lags: list[float | None] = [None] * count
    now, arrived = 0.0, 0
    while schedule or arrived < count:
        due = max(schedule[0][0], pacer.next_start(now)) if schedule else math.inf
        if arrived < count and arrivals[arrived] <= due:
            now = max(now, arrivals[arrived])
            due = arrivals[arrived] + follower.delay(arrived, 0.0, 0)
            heapq.heappush(schedule, (min(due, arrivals[arrived] + timeout), arrived, 0.0))
            arrived += 1
            continue
        now = max(now, due)
        due, message, since = heapq.heappop(schedule)
        pacer.try_start(now)
        age = now - arrivals[message]
        follower.started(now - due)
        polls[message] += 1
        firsts[message] = min(firsts[message], age)
        ended = ends[message] <= age + HAIR
        follower.learn(since, age, ended)
        if ended:
            lags[message] = max(0.0, age - ends[message])
        elif age < timeout - 1e-6:
            again = now + follower.delay(message, age, polls[message])
            heapq.heappush(schedule, (min(again, arrivals[message] + timeout), message, age))
    return [Outcome(*it) for it in zip(polls, lags, firsts, strict=True)]
