"""What comes of a native send."""

import msgspec

from smsbat_async.errors import SmsBatError
from smsbat_async.messages import SendOutcome
from smsbat_async.native.message import NativeMessage


class NativeReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor's word that it took a native message.

    Args:
        message_id: The vendor's id, by which the status is asked for.
        tracking_id: Your own id of the message.
        status: The vendor's word as it came, `accepted` as far as is documented, or None.
        parts: How many SMS it takes, if the vendor told it.
        messagelist_id: The vendor's id of the request.
        caller_id: The number that calls, for a flash call.
        pattern: Which digits of it to compare, for a flash call: `***456789`, an asterisk for any digit.
        ttl: How long a flash call counts, in seconds.
    """

    message_id: str
    tracking_id: str
    status: str | None = None
    parts: int | None = None
    messagelist_id: int | None = None
    caller_id: str | None = None
    pattern: str | None = None
    ttl: int | None = None

    def __repr__(self) -> str:
        # The number of a flash call is the one-time code: it does not belong into logs and tracebacks.
        return (
            f"NativeReceipt(message_id={self.message_id!r}, tracking_id={self.tracking_id!r}, "
            f"status={self.status!r})"
        )


class NativeResult(msgspec.Struct, frozen=True):
    """What became of one message of a native send.

    Args:
        message: The message.
        outcome: What became of it.
        receipt: The vendor's word, if it was accepted.
        error: Why not, otherwise.
    """

    message: NativeMessage
    outcome: SendOutcome
    receipt: NativeReceipt | None = None
    error: SmsBatError | None = None

    @property
    def message_id(self) -> str | None:
        """The vendor's id, if it was accepted."""
        return None if self.receipt is None else self.receipt.message_id
