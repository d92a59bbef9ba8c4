"""What the ledger gives and takes: plain values."""

import datetime as dt
import enum
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from smsbat_async.errors import ConfigurationError
from smsbat_async.messages import CascadeMessage
from smsbat_async.statuses import MessageStatus, Outcome

AMOUNT_DIGITS = 40
"""How many digits an amount of money may have before it is taken for a mistake."""


class State(enum.StrEnum):
    """Where a message of a campaign is; each is in exactly one of these."""

    PENDING = "pending"
    """It has not left, and may."""
    SUBMITTING = "submitting"
    """Somebody has claimed it and may be sending it."""
    ACCEPTED = "accepted"
    """The vendor took it; its delivery is being followed."""
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    PERMANENT_ERROR = "permanent_error"
    NOT_FOUND = "not_found"
    """The vendor took it and knew nothing of it until the campaign stopped asking."""
    TIMED_OUT = "timed_out"
    """The vendor took it and told no end of it until the campaign stopped asking."""
    REJECTED = "rejected"
    """The vendor refused it for good."""
    NOT_SENT = "not_sent"
    """It surely did not go out, and may when the campaign is resumed."""
    UNKNOWN = "unknown"
    """It may or may not have gone out; a person or the vendor has to tell."""


class CampaignState(enum.StrEnum):
    """Where a campaign is."""

    IMPORTING = "importing"
    """Its recipients are being read; nothing may be sent."""
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    """A rule or an error ended the sending; the reason says which."""
    CANCELLED = "cancelled"
    FINISHED = "finished"


class CampaignRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as the ledger knows it at one moment.

    Args:
        id: The ledger's number of it.
        name: Its name, unique in the ledger.
        state: Where it is.
        reason: Why it is there, if that was told.
        fingerprint: What tells its source from another.
        settings: What its owner keeps with it; the ledger does not read it.
        chunk_size: How many messages are claimed at a time.
        imported_line: The last line of the source that is dealt with; an import goes on after it.
        size: How many messages it has so far.
        created_at: When it was begun, UTC.
        sealed_at: When its import was complete, UTC, or None.
    """

    id: int
    name: str
    state: CampaignState
    reason: str | None
    fingerprint: str
    settings: dict[str, Any]
    chunk_size: int
    imported_line: int
    size: int
    created_at: dt.datetime
    sealed_at: dt.datetime | None


class NewMessage(msgspec.Struct, frozen=True, gc=False):
    """A message to be kept.

    Args:
        line: Where it stands in its source, from 1; lines only grow.
        message: The message.
        parts: Into how many parts it is cut, where that is known.
        country: ISO code of the recipient's country, where that is known.
        price: What it is expected to cost, where that is known.

    Raises:
        ConfigurationError: If the price is not a finite amount.
    """

    line: int
    message: CascadeMessage
    parts: int | None = None
    country: str | None = None
    price: Decimal | None = None

    def __post_init__(self) -> None:
        _check_amount("price", self.price)


class MessageRecord(msgspec.Struct, frozen=True, gc=False):
    """A message that is to be sent.

    Args:
        id: The ledger's number of it.
        line: Where it stood in its source.
        message: The message.
        parts: Into how many parts it is cut, where that is known.
        country: ISO code of the recipient's country, where that is known.
        price: What it is expected to cost, where that is known.
    """

    id: int
    line: int
    message: CascadeMessage
    parts: int | None
    country: str | None
    price: Decimal | None


class Chunk(msgspec.Struct, frozen=True):
    """Messages that were claimed, and that nobody else may send.

    Args:
        id: The ledger's number of it.
        campaign_id: The ledger's number of its campaign.
        attempt: Which claim of this chunk it is, from 1; what is recorded for an earlier one changes nothing.
        messages: The messages.
    """

    id: int
    campaign_id: int
    attempt: int
    messages: tuple[MessageRecord, ...]


class DueChunk(msgspec.Struct, frozen=True, gc=False):
    """A chunk whose messages are to be asked after.

    Args:
        id: The ledger's number of it.
        due_at: Since when, UTC.
        accepted_at: When the first of its messages was recorded as accepted, UTC.
        accepted: How many of its messages have not come to an end.
    """

    id: int
    due_at: dt.datetime
    accepted_at: dt.datetime
    accepted: int


class OpenMessage(msgspec.Struct, frozen=True, gc=False):
    """A message that the vendor took and that has not come to an end.

    Args:
        id: The ledger's number of it.
        vendor_id: The vendor's id.
        tracking_id: Your own id.
        accepted_at: When it was recorded as accepted, UTC.
    """

    id: int
    vendor_id: str
    tracking_id: str
    accepted_at: dt.datetime


class End(msgspec.Struct, frozen=True, gc=False):
    """How a message ended.

    Args:
        message_id: The ledger's number of it.
        outcome: How it ended; anything but `FAILED`, which tells of the asking and not of the message.
        cost: What the vendor says that it cost.
        channel: By which channel it came, `viber` for example.
        error_code: Why not, in one word.
        error: Why not, for people.
        polls: How often the vendor was asked.
        ended_at: When, an aware datetime, or None for now.

    Raises:
        ConfigurationError: If the outcome is no end, or the cost is not a finite amount.
    """

    message_id: int
    outcome: Outcome
    cost: Decimal | None = None
    channel: str | None = None
    error_code: str | None = None
    error: str | None = None
    polls: int = 0
    ended_at: dt.datetime | None = None

    def __post_init__(self) -> None:
        check_outcome(self.outcome)
        _check_amount("cost", self.cost)


def channel_of(status: MessageStatus | None) -> str | None:
    """Return the channel that delivered a message, as far as the vendor told it."""
    if status is None or status.outcome is not Outcome.DELIVERED:
        return None
    told = [(one.type, one.status) for one in status.fallbacks or ()]
    told += (status.extended_statuses or {}).items()
    return next((channel for channel, word in told if word.lower() == "delivered"), None)


class News(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the vendor told of a message by itself; it is kept until it is known which message that is.

    Args:
        vendor_id: The vendor's id.
        tracking_id: Your own id, if the vendor named it: what tells the fate of an UNKNOWN message.
        outcome: How the message ended; anything but `FAILED`.
        cost: What the vendor says that it cost.
        channel: By which channel it came.

    Raises:
        ConfigurationError: If the outcome is no end, or the cost is not a finite amount.
    """

    vendor_id: str
    tracking_id: str | None = None
    outcome: Outcome
    cost: Decimal | None = None
    channel: str | None = None

    @staticmethod
    def of(status: MessageStatus, tracking_id: str | None) -> "News | None":
        """Return what a status tells of the end of its message, or None if it has not ended.

        Args:
            status: Where the message is.
            tracking_id: Your own id, if the vendor named it.
        """
        if status.outcome is None:
            return None
        return News(
            vendor_id=status.message_id,
            tracking_id=tracking_id,
            outcome=status.outcome,
            cost=status.cost,
            channel=channel_of(status),
        )

    def __post_init__(self) -> None:
        check_outcome(self.outcome)
        _check_amount("cost", self.cost)


class UnknownMessage(msgspec.Struct, frozen=True, gc=False):
    """A message that may or may not have gone out.

    Args:
        id: The ledger's number of it.
        line: Where it stood in its source.
        tracking_id: Your own id.
        phone: Whom it is for.
        attempt: Which claim of its chunk it went out with, or did not.
        claimed_at: When its chunk was last claimed, UTC.
    """

    id: int
    line: int
    tracking_id: str
    phone: str
    attempt: int
    claimed_at: dt.datetime


SETTLED = frozenset(State) - {State.SUBMITTING, State.UNKNOWN}
"""What an UNKNOWN message may be settled as."""


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """What somebody says became of an UNKNOWN message.

    Args:
        tracking_id: Your own id of it.
        state: `ACCEPTED` if it went out, `PENDING` if it is to be sent again, or how it ended.
        vendor_id: The vendor's id, without which nobody can ask after an accepted message.

    Raises:
        ConfigurationError: If the state settles nothing.
    """

    tracking_id: str
    state: State
    vendor_id: str | None = None

    def __post_init__(self) -> None:
        check_settled(self.state)


class Settled(msgspec.Struct, frozen=True):
    """What was settled, by whom, and why.

    Args:
        message_id: The ledger's number of the message.
        tracking_id: Your own id of it.
        state: What it was settled as.
        vendor_id: The vendor's id that was given with it.
        who: Who said so.
        why: On what grounds.
        at: When, UTC.
    """

    message_id: int
    tracking_id: str
    state: State
    vendor_id: str | None
    who: str
    why: str
    at: dt.datetime


class Counts(msgspec.Struct, frozen=True):
    """How many messages of a campaign are in each state.

    Args:
        by_state: The number for every state, zeros included.
    """

    by_state: Mapping[State, int]

    def __getitem__(self, state: State) -> int:
        return self.by_state[state]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.by_state.values())


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign costs; all sums are exact.

    Args:
        estimated: The expected prices of all messages.
        committed: The expected prices of those that went out or may have.
        charged: What the vendor said that messages cost.
        unpriced: How many messages have no expected price.
        uncharged: How many of those that went out or may have have no cost yet.
    """

    estimated: Decimal
    committed: Decimal
    charged: Decimal
    unpriced: int
    uncharged: int


def check_outcome(outcome: Outcome) -> None:
    """Check that an outcome is the end of a message.

    Raises:
        ConfigurationError: If it is not.
    """
    if outcome is Outcome.FAILED:
        raise ConfigurationError("outcome: FAILED says that asking is of no use, not how the message ended")


def check_settled(state: State) -> None:
    """Check that a state is one that an UNKNOWN message may be settled as.

    Raises:
        ConfigurationError: If it is not.
    """
    if state not in SETTLED:
        raise ConfigurationError(
            f"state: {state.name} settles nothing; say ACCEPTED, PENDING (send again), or how it ended"
        )


def _check_amount(field: str, amount: Decimal | None) -> None:
    if amount is None:
        return
    if not amount.is_finite():
        raise ConfigurationError(f"{field}: must be a finite amount")
    _, digits, exponent = amount.as_tuple()
    if len(digits) > AMOUNT_DIGITS or not -AMOUNT_DIGITS <= int(exponent) <= AMOUNT_DIGITS:
        raise ConfigurationError(f"{field}: must have at most {AMOUNT_DIGITS} digits")
