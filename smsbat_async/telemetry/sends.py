"""The events of sends, of whatever kind, read in one way."""

from smsbat_async.hooks import ChunkSent, NativeChunkSent, ZnsSent
from smsbat_async.messages import CascadeMessage, SendResult
from smsbat_async.native.message import NativeMessage
from smsbat_async.native.results import NativeResult
from smsbat_async.notifications import ZnsMessage, ZnsResult

Sent = ChunkSent | NativeChunkSent | ZnsSent
Result = SendResult | NativeResult | ZnsResult

SENDS = (ChunkSent, NativeChunkSent, ZnsSent)
"""The classes of events that tell what became of messages that were sent."""


def results_of(event: Sent) -> tuple[Result, ...]:
    """Return what became of each message."""
    return (event.result,) if isinstance(event, ZnsSent) else event.results


def phone_of(message: CascadeMessage | NativeMessage | ZnsMessage) -> str:
    """Return the whole number of the recipient, with its plus."""
    return f"+{message.phone}" if isinstance(message, ZnsMessage) else message.to_phone
