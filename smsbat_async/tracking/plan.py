"""When to ask about messages: what the poller wants to know of a policy, and the plainest answer."""

from random import Random
from typing import Protocol

from smsbat_async.policies import PollPolicy


class Plan(Protocol):
    """When to ask about the messages that share one policy; it keeps what it has learned.

    A plan is told ages, in seconds since tracking began, and never the time: it has no clock of its own.
    """

    @property
    def minimum_gap(self) -> float:
        """The least time between two polls of one message, in seconds."""
        ...

    @property
    def timeout(self) -> float:
        """How long a message is tracked, in seconds."""
        ...

    @property
    def last_poll_grace(self) -> float:
        """Up to how many seconds after the deadline a last poll may still begin and end."""
        ...

    def delay(self, age: float, polls: int) -> float:
        """Return how long to wait before the next poll of a message.

        Args:
            age: How long it has been tracked, in seconds.
            polls: How often it has been asked about; if at all, then just now.

        Returns:
            Seconds.
        """
        ...

    def delay_after_failure(self, polls: int) -> float:
        """Return how long to wait after a poll that brought no answer.

        Args:
            polls: How often the message has been asked about.

        Returns:
            Seconds.
        """
        ...

    def learn(self, since: float, age: float, ended: bool) -> None:
        """Take what a poll has shown.

        Args:
            since: The age up to which the message was known not to have ended; 0 before its first poll.
            age: The age at which it was found ended or not. News of the exact time of an end comes as two
                facts: not ended up to that age, and ended at it with `since` equal to `age`.
            ended: Whether it had ended.
        """
        ...

    def started(self, late: float) -> None:
        """Take that a poll starts now.

        Args:
            late: By how much after the time it was due, in seconds.
        """
        ...


class ExponentialPlan:
    """Waits that grow by a factor, and learn nothing.

    Args:
        policy: What the waits are.
        random: The source of jitter.
    """

    __slots__ = ("_policy", "_random", "last_poll_grace", "minimum_gap", "timeout")

    def __init__(self, policy: PollPolicy, random: Random) -> None:
        self._policy = policy
        self._random = random
        self.minimum_gap = policy.minimum_gap
        self.timeout = policy.timeout
        self.last_poll_grace = policy.last_poll_grace

    def delay(self, age: float, polls: int) -> float:
        """Return how long to wait before the next poll, by the number of polls so far."""
        return self._policy.delay(polls, self._random)

    def delay_after_failure(self, polls: int) -> float:
        """Return how long to wait after a poll that brought no answer: as after any other."""
        return self._policy.delay(polls, self._random)

    def learn(self, since: float, age: float, ended: bool) -> None:
        """Take what a poll has shown: nothing that would change the waits."""

    def started(self, late: float) -> None:
        """Take that a poll starts: nothing that would change the waits."""
