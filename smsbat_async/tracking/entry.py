"""One message that is being tracked."""

from typing import TYPE_CHECKING, Generic

from smsbat_async.errors import SmsBatError
from smsbat_async.policies import PollPolicy
from smsbat_async.statuses import Delivery, Outcome, S, Source, is_older

if TYPE_CHECKING:
    from smsbat_async.tracking.poller import DeliveryPoller
    from smsbat_async.tracking.waiters import Waiter

MOMENT = 0.01
"""How long before its last waiter gives up a poll is broken off, in seconds."""

UNSCHEDULED = -1
IN_FLIGHT = -2
"""Tickets of entries that are not on the schedule of polls."""


class Entry(Generic[S]):
    """One message that is being tracked, however many wait for it.

    Args:
        poller: Who tracks it.
        message_id: The vendor's id.
        policy: When to ask.
    """

    __slots__ = (
        "due",
        "last_error",
        "message_id",
        "missing",
        "over",
        "policy",
        "polled_at",
        "poller",
        "polls",
        "status",
        "ticket",
        "waiters",
    )

    def __init__(self, poller: "DeliveryPoller[S]", message_id: str, policy: PollPolicy) -> None:
        self.poller = poller
        self.message_id = message_id
        self.policy = policy
        self.waiters: list[Waiter[S]] = []
        self.status: S | None = None
        self.last_error: SmsBatError | None = None
        self.polls = 0
        self.polled_at: float | None = None
        self.ticket = UNSCHEDULED
        self.due = 0.0
        self.missing = False
        self.over = False

    def learn(self, status: S) -> None:
        """Keep an answer, unless it is older news than what is known."""
        self.missing = False
        if not is_older(status, self.status):
            self.status = status

    def delivery(self, waiter: "Waiter[S]", outcome: Outcome, source: Source, now: float) -> Delivery[S]:
        """Return how the tracking ended for one that waits."""
        return Delivery(
            message_id=self.message_id,
            outcome=outcome,
            status=self.status,
            polls=self.polls,
            elapsed=now - waiter.began,
            source=source,
            last_error=self.last_error,
        )

    def next_deadline(self, now: float) -> float | None:
        """Return the earliest deadline that is still ahead, or None."""
        ahead = [waiter.deadline for waiter in self.waiters if waiter.deadline > now]
        return min(ahead) if ahead else None

    def last_moment(self) -> float:
        """Return until when a poll may last: a moment less than anybody waits, who then hears of it."""
        return max(waiter.deadline for waiter in self.waiters) + self.policy.last_poll_grace - MOMENT
