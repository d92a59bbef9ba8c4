"""What the vendors answer, and which answers are the end."""

import datetime as dt
import enum
from decimal import Decimal
from typing import Generic, Literal, TypeVar

import msgspec

from smsbat_async.errors import DeliveryFailedError, SmsBatError


class DeliveryStatus(enum.StrEnum):
    """The words of SMSBAT for where a message is; equal to a text whatever its case.

    Look a text up in a set or dict of these by its lower-case form: a hash knows no case.
    """

    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    PERMANENT_ERROR = "permanenterror"

    @classmethod
    def _missing_(cls, value: object) -> "DeliveryStatus | None":
        return cls._value2member_map_.get(value.lower()) if isinstance(value, str) else None  # type: ignore[return-value]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and str.__eq__(self, other.lower())

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class Outcome(enum.StrEnum):
    """How the tracking of a message ended."""

    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    PERMANENT_ERROR = "permanent_error"
    NOT_FOUND = "not_found"
    """The vendor does not know the message."""
    TIMED_OUT = "timed_out"
    """The deadline passed first; the message may still arrive."""
    FAILED = "failed"
    """Asking is of no use, and `last_error` says why; only `deliveries()` gives this, `track()` raises."""


TERMINAL: dict[str, Outcome] = {
    DeliveryStatus.DELIVERED.value: Outcome.DELIVERED,
    DeliveryStatus.UNDELIVERABLE.value: Outcome.UNDELIVERABLE,
    DeliveryStatus.PERMANENT_ERROR.value: Outcome.PERMANENT_ERROR,
}
"""The words of SMSBAT that end a message. Any other word, known or not, is not the end."""

ZNS_TERMINAL: dict[int, Outcome] = {1: Outcome.DELIVERED, -1: Outcome.NOT_FOUND}
"""The numbers of ZNS that end a message."""


class Fallback(msgspec.Struct, frozen=True, gc=False):
    """What became of one channel of a cascade.

    Args:
        type: The channel, `sms` for example.
        status: The vendor's word: a delivery status or `not_used`.
    """

    type: str
    status: str


class MessageStatus(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,  # it holds nothing that could lead back to it, and there are many
    rename={
        "message_id": "messageId",
        "messagelist_id": "messagelistId",
        "delivery_status": "deliverystatus",
        "parts_count": "partscount",
        "extended_statuses": "extendedStatuses",
        "rate_amount": "rateAmount",
        "rate_currency": "rateCurrency",
        "bill_amount": "billAmount",
        "bill_currency": "billCurrency",
    },
):
    """Where a message is, as SMSBAT tells it.

    Follows SMSBAT, "Check Message Status". A basic answer has the first five fields, an extended one more.

    Args:
        message_id: The vendor's id; the one that was asked for where the answer leaves it out.
        messagelist_id: The vendor's id of the batch.
        delivery_status: The vendor's word as it came.
        parts_count: How many parts the message had.
        cost: The price in the account's currency, exact.
        fallbacks: What became of each channel.
        extended_statuses: The status of each channel, by its name.
        rate: The price of one part, as the vendor names it.
        rate_amount: The rate in `rate_currency`.
        rate_currency: ISO 4217 code.
        bill_amount: The billed amount in `bill_currency`.
        bill_currency: ISO 4217 code.
    """

    message_id: str = ""
    messagelist_id: int | None = None
    delivery_status: str
    parts_count: int | None = None
    cost: Decimal | None = None
    fallbacks: tuple[Fallback, ...] | None = None
    extended_statuses: dict[str, str] | None = None
    rate: Decimal | None = None
    rate_amount: Decimal | None = None
    rate_currency: str | None = None
    bill_amount: Decimal | None = None
    bill_currency: str | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How the message ended, or None while it has not."""
        return TERMINAL.get(self.delivery_status.lower())

    @property
    def is_terminal(self) -> bool:
        """Whether this is the end of the message."""
        return self.delivery_status.lower() in TERMINAL

    @property
    def is_lasting(self) -> bool:
        """Whether this answer will be the same for good, so that it may be kept."""
        return self.delivery_status.lower() in TERMINAL


class ZnsStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a notification is, as Goby ZNS tells it.

    Follows Goby, "Message status".

    Args:
        message_id: The id that was asked for.
        status: 1 delivered, 0 on its way, -1 no such message; other numbers are kept as they came.
        delivery_time: When the user's device received it, UTC.
        message: The vendor's explanation.
    """

    message_id: str
    status: int
    delivery_time: dt.datetime | None = None
    message: str | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How the notification ended, or None while it has not."""
        return ZNS_TERMINAL.get(self.status)

    @property
    def is_terminal(self) -> bool:
        """Whether this is the end of the notification."""
        return self.status in ZNS_TERMINAL

    @property
    def is_lasting(self) -> bool:
        """Whether this answer will be the same for good; an unknown id (-1) may become known."""
        return self.outcome is Outcome.DELIVERED


AnyStatus = MessageStatus | ZnsStatus
S = TypeVar("S", bound=AnyStatus)
S_co = TypeVar("S_co", bound=AnyStatus, covariant=True)
Source = Literal["poll", "webhook", "cache"]


RANKS = {"scheduled": 0, "processing": 1}
"""The order in which a message passes its states, as far as it is known."""


def is_older(status: AnyStatus, known: AnyStatus | None) -> bool:
    """Return whether an answer tells of an earlier state than what is known."""
    if not isinstance(known, MessageStatus) or not isinstance(status, MessageStatus):
        return False
    before, after = RANKS.get(known.delivery_status.lower()), RANKS.get(status.delivery_status.lower())
    return before is not None and after is not None and after < before


class StatusResult(msgspec.Struct, Generic[S], frozen=True):
    """The answer for one id of many.

    Args:
        message_id: The id.
        status: Where the message is, or None.
        error: Why that is not known, or None; exactly one of the two is set.
    """

    message_id: str
    status: S | None = None
    error: SmsBatError | None = None


class Delivery(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """How the tracking of a message ended.

    Args:
        message_id: The vendor's id of the message.
        outcome: How it ended.
        status: The last that the vendor said, if it said anything.
        polls: How many polls were made, failed ones included.
        elapsed: Seconds since tracking began.
        source: Who brought the news: `poll`, `webhook` or `cache`.
        last_error: What the last failed poll met.
    """

    message_id: str
    outcome: Outcome
    status: S | None = None
    polls: int = 0
    elapsed: float = 0.0
    source: Source = "poll"
    last_error: SmsBatError | None = None

    @property
    def success(self) -> bool:
        """Whether the message was delivered."""
        return self.outcome is Outcome.DELIVERED

    @property
    def timed_out(self) -> bool:
        """Whether the deadline passed before the message came to an end."""
        return self.outcome is Outcome.TIMED_OUT

    @property
    def cost(self) -> Decimal | None:
        """The price in the account's currency, exact, if the vendor told it."""
        return self.status.cost if isinstance(self.status, MessageStatus) else None

    def raise_for_outcome(self) -> "Delivery[S]":
        """Return this delivery if the message was delivered.

        Raises:
            DeliveryFailedError: If it ended otherwise.
        """
        if self.success:
            return self
        raise DeliveryFailedError(self)
