"""The figures of a report: plain values, counted by the ledger."""

import datetime as dt
import enum
from decimal import Decimal

import msgspec

from smsbat_async.campaign.records import State


class Group(enum.StrEnum):
    """What states mean to somebody who reads a report; each state is in one group."""

    DELIVERED = "delivered"
    FAILED = "not delivered"
    """The vendor said so."""
    GIVEN_UP = "end not known"
    """The vendor took it, and the campaign stopped asking before it told an end."""
    OPEN = "still open"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    WAITING = "not sent"
    """Nothing of it has left, or it is being sent at this moment."""


GROUPS: dict[State, Group] = {
    State.DELIVERED: Group.DELIVERED,
    State.UNDELIVERABLE: Group.FAILED,
    State.PERMANENT_ERROR: Group.FAILED,
    State.TIMED_OUT: Group.GIVEN_UP,
    State.NOT_FOUND: Group.GIVEN_UP,
    State.ACCEPTED: Group.OPEN,
    State.REJECTED: Group.REJECTED,
    State.UNKNOWN: Group.UNKNOWN,
    State.PENDING: Group.WAITING,
    State.SUBMITTING: Group.WAITING,
    State.NOT_SENT: Group.WAITING,
}

TAKEN = frozenset(state for state, group in GROUPS.items() if group in list(Group)[:4])
"""The states of messages that the vendor took."""


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """How far messages came.

    Args:
        recipients: How many there are.
        accepted: How many the vendor took.
        delivered: How many of those arrived.
    """

    recipients: int
    accepted: int
    delivered: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of one channel, or of one country.

    Args:
        name: Which one, or None where that is not known.
        messages: How many messages there are.
        states: How many are in each state, without those that none is in.
        charged: What the vendor said that they cost.
    """

    name: str | None
    messages: int
    states: dict[State, int]
    charged: Decimal

    def count(self, group: Group) -> int:
        """Return how many messages are in a group of states."""
        return sum(count for state, count in self.states.items() if GROUPS[state] is group)


class Breakdown(msgspec.Struct, frozen=True, kw_only=True):
    """Messages by one of their properties.

    Args:
        rows: One for each value, the most frequent first.
        others: What is not in the rows, where there are too many values.
    """

    rows: tuple[Row, ...]
    others: Row | None


class Point(msgspec.Struct, frozen=True):
    """How many messages had been delivered some time after they were accepted.

    Args:
        seconds: How long after.
        messages: How many had been delivered by then.
    """

    seconds: float
    messages: int


class DeliveryTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long delivered messages took from their acceptance on, as far as it was seen.

    Args:
        messages: How many delivered messages these figures are about.
        untimed: How many more were delivered of which it is not known when they were accepted.
        percentiles: Within how many seconds that many per cent had been delivered: the upper bound of a
            bucket, which is 0.1 s wide up to a minute, 1 s up to an hour, 1 min up to a day, 20 min beyond.
        longest: The longest time, in seconds, or None where there is none.
        within: How many had been delivered within round times.
        curve: The same for each half per cent of them, to be drawn.
    """

    messages: int
    untimed: int
    percentiles: dict[int, float]
    longest: float | None
    within: tuple[Point, ...]
    curve: tuple[Point, ...]


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one stretch of time.

    Args:
        at: When it begins, UTC.
        accepted: How many messages were recorded as accepted.
        delivered: How many were seen to be delivered.
    """

    at: dt.datetime
    accepted: int
    delivered: int


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What happened when.

    Args:
        width: How long each stretch is, in seconds.
        bins: Those in which something happened, in order.
    """

    width: int
    bins: tuple[Bin, ...]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs; amounts are exact.

    Args:
        currency: The ISO 4217 code that was given for all amounts, or None.
        estimated: What all messages are expected to cost, as far as they have a price.
        committed: The same for those that went out or may have.
        charged: What the vendor said so far.
        unpriced: How many messages have no expected price.
        uncharged: How many of those that went out or may have have no cost yet.
        charged_per_delivered: What was charged by the number of delivered messages, rounded to six places.
    """

    currency: str | None
    estimated: Decimal
    committed: Decimal
    charged: Decimal
    unpriced: int
    uncharged: int
    charged_per_delivered: Decimal | None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One message that an error happened to.

    Args:
        line: Where it stood in its source.
        phone: Whom it was for, masked.
        error: What was said, with everything masked that may be a phone number.
    """

    line: int
    phone: str
    error: str | None


class ErrorCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often an error happened.

    Args:
        code: Its code, in the words of who told it.
        state: What state it left the messages in.
        messages: How many.
        example: The first of them.
    """

    code: str
    state: State
    messages: int
    example: Example


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong.

    Args:
        rows: One for each code and state, the most frequent first.
        others: How many messages have codes that are not in the rows.
        without_code: How many were rejected or not delivered, and nobody said why.
    """

    rows: tuple[ErrorCount, ...]
    others: int
    without_code: int


class UnknownRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message that may or may not have gone out.

    Args:
        line: Where it stood in its source.
        tracking_id: Your own id of it; masked if the phone number is in it.
        phone: Whom it is for, masked.
        claimed_at: When it was last claimed to be sent, UTC.
    """

    line: int
    tracking_id: str
    phone: str
    claimed_at: dt.datetime


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """The messages whose fate is not known, and what people said of such.

    Args:
        messages: How many there are.
        rows: The first of them.
        settled: How many were settled by hand so far.
    """

    messages: int
    rows: tuple[UnknownRow, ...]
    settled: int


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """What it took to send messages and to follow them.

    Args:
        claims: How often a chunk was claimed to be sent: each is one request at least, unless it was given
            back. Repeated requests and halved chunks are not in the ledger.
        claimed_messages: How many messages the claimed chunks have.
        status_requests: How often the vendor was asked after messages, in vain or not.
        per_message: Both by the messages of claimed chunks; None where nothing was claimed.
    """

    claims: int
    claimed_messages: int
    status_requests: int
    per_message: float | None
