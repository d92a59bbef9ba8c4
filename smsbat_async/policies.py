"""The numbers that a user may change. All times are in seconds."""

import dataclasses
import math
from random import Random

from smsbat_async.errors import ConfigurationError

MINIMUM_POLL_GAP = 1.0
"""SMSBAT asks that one message is not polled more often than once in this many seconds."""


def _check(condition: bool, field: str, right: str) -> None:
    if not condition:
        raise ConfigurationError(f"{field} must be {right}")


def is_number(value: object) -> bool:
    """Return whether a value is a finite int or float."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond every float
        return False


def check_duration(field: str, value: float | None) -> None:
    """Check a bound on time: more than 0 seconds, or None for no bound.

    Raises:
        ConfigurationError: If it is neither.
    """
    _check(
        value is None or (is_number(value) and value > 0), field, "more than 0 seconds, or None for no bound"
    )


def check_age(field: str, value: object) -> None:
    """Check an age of at least 0 seconds.

    Raises:
        ConfigurationError: If it is not one.
    """
    _check(is_number(value) and value >= 0, field, "at least 0 seconds")  # type: ignore[operator]


def check_count(field: str, value: object, *, maximum: int | None = None) -> None:
    """Check a whole number of at least 1.

    Raises:
        ConfigurationError: If it is not one, or is above `maximum`.
    """
    good = type(value) is int and value >= 1 and (maximum is None or value <= maximum)
    right = "a whole number of at least 1" if maximum is None else f"a whole number from 1 to {maximum}"
    _check(good, field, right)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """When a failed request is tried again.

    A status request is retried after anything that may pass. A send is retried only when surely nothing left
    or the vendor refused it for now (429).

    Args:
        attempts: How many times a request is tried in all; 1 is no retry.
        initial: The longest first wait, in seconds; each wait is drawn between 0 and its longest.
        maximum: The longest wait of all, in seconds.
        resend_unknown: Whether a send of unknown fate is sent again. The people it is for may get it twice.
    """

    attempts: int = 3
    initial: float = 0.5
    maximum: float = 8.0
    resend_unknown: bool = False

    def __post_init__(self) -> None:
        check_count("RetryPolicy.attempts", self.attempts)
        _check(is_number(self.initial) and self.initial >= 0, "RetryPolicy.initial", "at least 0 seconds")
        _check(
            is_number(self.maximum) and self.maximum >= self.initial,
            "RetryPolicy.maximum",
            "at least as long as initial",
        )

    def delay(self, failures: int, random: Random) -> float:
        """Return how long to wait after a number of failed attempts.

        Args:
            failures: How many attempts have failed, at least 1.
            random: The source of the jitter.

        Returns:
            Seconds, drawn evenly between 0 and `initial` doubled per failure, at most `maximum`.
        """
        return random.uniform(0.0, min(self.maximum, self.initial * 2.0 ** min(failures - 1, 64)))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PollPolicy:
    """When the vendor is asked about a message that is being tracked.

    Follows SMSBAT, "Check Message Status", best practices: poll every 5 to 10 seconds with backoff, for 60 to
    120 seconds, never more than once a second.

    Args:
        initial: The wait before the first poll, in seconds.
        factor: By how much each wait is longer than the one before.
        maximum: The longest wait, in seconds.
        timeout: How long a message is tracked, in seconds.
        jitter: By which fraction each wait is spread either way, 0 to 1.
        last_poll_grace: Up to how many seconds after the deadline a last poll may still begin and end.
        allow_fast: Whether waits under a second are allowed: for sandboxes and benchmarks.
    """

    initial: float = 5.0
    factor: float = 1.6
    maximum: float = 30.0
    timeout: float = 120.0
    jitter: float = 0.1
    last_poll_grace: float = 5.0
    allow_fast: bool = False

    def __post_init__(self) -> None:
        least = self.minimum_gap
        _check(
            is_number(self.initial) and self.initial >= least and self.initial > 0,
            "PollPolicy.initial",
            "at least 1 second (allow_fast=True lifts that for a sandbox)",
        )
        _check(is_number(self.factor) and self.factor >= 1, "PollPolicy.factor", "at least 1")
        _check(
            is_number(self.maximum) and self.maximum >= self.initial,
            "PollPolicy.maximum",
            "at least as long as initial",
        )
        _check(is_number(self.timeout) and self.timeout > 0, "PollPolicy.timeout", "more than 0 seconds")
        _check(is_number(self.jitter) and 0 <= self.jitter < 1, "PollPolicy.jitter", "from 0 to under 1")
        _check(
            is_number(self.last_poll_grace) and self.last_poll_grace >= 0,
            "PollPolicy.last_poll_grace",
            "at least 0 seconds",
        )

    @staticmethod
    def adaptive(
        *,
        price: float = 2.0,
        group: str = "",
        timeout: float = 120.0,
        last_poll_grace: float = 5.0,
        allow_fast: bool = False,
    ) -> "AdaptivePollPolicy":
        """Return a policy that learns when messages end, and asks when the answer is likely to have changed.

        It starts much like the default policy and is itself after a few hundred messages. Messages followed
        by one client with an equal policy learn from each other.

        Args:
            price: How many seconds sooner the news must come, on average, for one more poll to be worth it. A
                lower price is more polls and less lag.
            group: A name for messages of one kind, such as a route: each group learns by itself.
            timeout: How long a message is tracked, in seconds.
            last_poll_grace: Up to how many seconds after the deadline a last poll may still begin and end.
            allow_fast: Whether polls of one message may be less than a second apart: for sandboxes.

        Raises:
            ConfigurationError: If one of them is not what it has to be.
        """
        return AdaptivePollPolicy(
            price=price,
            group=group,
            timeout=timeout,
            last_poll_grace=last_poll_grace,
            allow_fast=allow_fast,
        )

    @staticmethod
    def webhook_first(
        *,
        after: float = 60.0,
        maximum: float = 900.0,
        timeout: float = 3_600.0,
        last_poll_grace: float = 5.0,
        allow_fast: bool = False,
    ) -> "PollPolicy":
        """Return a policy for messages that webhooks tell of: it asks only where none came.

        Each wait is twice as long as the one before.

        Args:
            after: The wait before the first poll, in seconds: longer than a webhook usually takes.
            maximum: The longest wait, in seconds; at least `after`.
            timeout: How long a message is tracked, in seconds.
            last_poll_grace: Up to how many seconds after the deadline a last poll may still begin and end.
            allow_fast: Whether waits under a second are allowed: for sandboxes.

        Raises:
            ConfigurationError: If one of them is not what it has to be.
        """
        return PollPolicy(
            initial=after,
            factor=2.0,
            maximum=maximum,
            timeout=timeout,
            last_poll_grace=last_poll_grace,
            allow_fast=allow_fast,
        )

    @property
    def minimum_gap(self) -> float:
        """The least time between two polls of one message, in seconds."""
        return 0.0 if self.allow_fast else MINIMUM_POLL_GAP

    def delay(self, polls: int, random: Random) -> float:
        """Return how long to wait before the next poll.

        Args:
            polls: How many polls there have been.
            random: The source of the jitter.

        Returns:
            Seconds.
        """
        try:
            wait = min(self.maximum, self.initial * float(self.factor) ** polls)
        except OverflowError:
            wait = self.maximum
        if self.jitter:
            wait *= 1.0 + self.jitter * (2.0 * random.random() - 1.0)
        return max(wait, self.minimum_gap)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AdaptivePollPolicy(PollPolicy):
    """A policy that learns: see `PollPolicy.adaptive`, which makes it.

    Args:
        price: How many seconds sooner the news must come, on average, for one more poll to be worth it.
        group: Which messages learn from each other.
    """

    initial: float = dataclasses.field(init=False, repr=False, default=5.0)
    factor: float = dataclasses.field(init=False, repr=False, default=1.6)
    maximum: float = dataclasses.field(init=False, repr=False, default=30.0)
    jitter: float = dataclasses.field(init=False, repr=False, default=0.1)
    price: float = 2.0
    group: str = ""

    def __post_init__(self) -> None:
        # Not super(), which looks for the class as it was before it got its slots.
        PollPolicy.__post_init__(self)
        _check(is_number(self.price) and self.price > 0, "PollPolicy.adaptive.price", "more than 0 seconds")
        _check(isinstance(self.group, str), "PollPolicy.adaptive.group", "a text")


@dataclasses.dataclass(frozen=True, slots=True)
class Rate:
    """How many requests may start.

    Args:
        per_second: In the long run, per second.
        burst: Within any one second, at most; at least `per_second`.
    """

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        _check(is_number(self.per_second) and self.per_second > 0, "Rate.per_second", "more than 0")
        check_count("Rate.burst", self.burst)
        _check(self.burst >= self.per_second, "Rate.burst", "at least per_second")

    def share(self, processes: int) -> "Rate":
        """Return the part of this rate that one of several equal processes may use.

        Args:
            processes: How many processes there are.

        Returns:
            A rate of which `processes` make at most this one, except that every process may start one.
        """
        check_count("processes", processes)
        burst = max(1, self.burst // processes)
        return Rate(min(self.per_second / processes, burst), burst)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How many requests of each kind may start; None is no limit.

    Follows SMSBAT, "Rate limits": 50 a second and bursts of 75 for data, 100 and 150 for messages.

    Args:
        status: Status requests.
        send: Sends, in requests (of up to a thousand messages), not in messages.
    """

    status: Rate | None = Rate(50, 75)
    send: Rate | None = Rate(100, 150)

    def __post_init__(self) -> None:
        for name in ("status", "send"):
            rate = getattr(self, name)
            _check(rate is None or isinstance(rate, Rate), f"limits.{name}", "a Rate, or None for no limit")

    def share(self, processes: int) -> "Limits":
        """Return the part of these limits that one of several equal processes may use.

        Args:
            processes: How many processes there are.
        """
        return Limits(
            status=self.status.share(processes) if self.status else None,
            send=self.send.share(processes) if self.send else None,
        )
