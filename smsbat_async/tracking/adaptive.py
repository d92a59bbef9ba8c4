"""A plan that learns when messages end, and asks when the answer is likely to be worth the poll."""

from collections.abc import Iterator
from random import Random

from smsbat_async.policies import AdaptivePollPolicy
from smsbat_async.tracking.ages import Ages
from smsbat_async.tracking.hazard import Hazard
from smsbat_async.tracking.price import Price
from smsbat_async.tracking.timetable import PATIENCE, Timetable

HORIZON = 1e7
"""Over how many seconds a plan looks ahead at most."""

FINEST = 1e-6
"""The least scale of ages, as a part of the horizon, however low the price."""

SLACKS = (0.003, 0.1)
"""How much worse than the best poll a poll may be, in prices, for what its answer teaches: as a rule, and
when the plan looks around."""

CURIOSITY = 0.05
"""Which part of all polls looks around; while a plan is young it is every other one."""

YOUNG = 300
"""Until how many messages a plan is young."""

SAME_FIRST = 16
"""After how many observations the age of first polls is drawn anew. It is one for all, so that many
messages that come at once are asked about in the order they came."""

FIRST_LESSON, LESSON_GROWTH, LONGEST_LESSON = 32, 0.1, 2_000
"""After how many observations the plan is made anew: these, then by that part of all of them, at most so
many."""

ROUNDS = 3
"""How often the belief is revised in one lesson."""

BEYOND = 0.25
"""Past the timeout of the policy, which a single call may outlast, a wait is this part of the age."""

SAME_PRICE = 0.1
"""By which part a price must change for a new timetable."""


class AdaptivePlan:
    """Learns the hazard of ending, and follows the timetable that is best for it and for the price of a poll.

    Args:
        policy: What a poll costs, and for how long messages are tracked.
        random: The source of spread.
    """

    __slots__ = (
        "_ages",
        "_first",
        "_first_until",
        "_hazard",
        "_lesson",
        "_next_lesson",
        "_observations",
        "_patience",
        "_policy",
        "_price",
        "_random",
        "_table",
        "_table_price",
        "last_poll_grace",
        "minimum_gap",
        "timeout",
    )

    def __init__(self, policy: AdaptivePollPolicy, random: Random) -> None:
        self.minimum_gap = policy.minimum_gap
        self.timeout = policy.timeout
        self.last_poll_grace = policy.last_poll_grace
        self._policy = policy
        self._random = random
        self._price = Price(policy.price)
        self._patience = PATIENCE * policy.price
        horizon = min(policy.timeout, HORIZON)
        scale = min(max(policy.price, FINEST * horizon), horizon)
        self._ages = Ages(horizon, scale)
        self._hazard = Hazard(self._ages, scale)
        self._observations = 0
        self._next_lesson = FIRST_LESSON
        self._lesson: Iterator[None] | None = None
        self._table_price = policy.price
        self._table = self._timetable()
        # Many may come at once before anything is known: no reason to wait longer than what is sensible.
        self._first = max(self._table.ranges[0][0][0], self.minimum_gap)
        self._first_until = SAME_FIRST

    @property
    def price(self) -> float:
        """What a poll costs now, in seconds of lag: more than at first while polls start late."""
        return self._price.value

    @property
    def hazard(self) -> Hazard:
        """What has been learned."""
        return self._hazard

    @property
    def timetable(self) -> Timetable:
        """What is followed."""
        return self._table

    def delay(self, age: float, polls: int) -> float:
        """Return how long to wait before the next poll, by the age of the message."""
        if not polls:
            if not age:
                self._price.admit()
            left = self._first - age
            return left if left > 0.0 else self.delay_after_failure(0)
        random = self._random.random
        earliest, latest = self._table.ranges[random() < self._curiosity()]
        edge = self._ages.nearest(age)
        if edge == len(self._ages):
            return max(BEYOND * age, self.minimum_gap)
        low = earliest[edge]
        return max(low + random() * (latest[edge] - low) - age, self.minimum_gap)

    def delay_after_failure(self, polls: int) -> float:
        """Return how long to wait after a poll that brought no answer: as the exponential policy does."""
        return self._policy.delay(polls, self._random)

    def learn(self, since: float, age: float, ended: bool) -> None:
        """Take what a poll has shown, and now and then think it over, a little at a time."""
        self._hazard.observe(since, age, ended)
        self._observations += 1
        if self._lesson is not None:
            if next(self._lesson, self) is self:
                self._lesson = None
        elif self._observations >= self._next_lesson:
            self._lesson = self._think()
            growth = LESSON_GROWTH * self._observations
            self._next_lesson = self._observations + int(min(max(FIRST_LESSON, growth), LONGEST_LESSON))
        elif self._observations >= self._first_until:
            self._draw_first()

    def started(self, late: float) -> None:
        """Take that a poll starts: while polls are late they cost more, and the timetable follows."""
        self._price.start(late, self._table.polls)
        price = self._price.value
        if abs(price - self._table_price) > SAME_PRICE * self._table_price:
            self._table_price = price
            self._table = self._timetable()

    def _think(self) -> Iterator[None]:
        self._hazard.take_in()
        yield
        for _ in range(ROUNDS):
            self._hazard.revise()
            yield
        self._table_price = self._price.value
        self._table = self._timetable()
        self._draw_first()

    def _timetable(self) -> Timetable:
        return Timetable(
            self._ages,
            self._hazard.ends,
            price=self._table_price,
            patience=self._patience,
            gap=self.minimum_gap,
            slacks=SLACKS,
        )

    def _curiosity(self) -> float:
        return CURIOSITY if self._hazard.messages >= YOUNG else 0.5

    def _draw_first(self) -> None:
        random = self._random.random
        earliest, latest = self._table.ranges[random() < self._curiosity()]
        self._first = max(earliest[0] + random() * (latest[0] - earliest[0]), self.minimum_gap)
        self._first_until = self._observations + SAME_FIRST
