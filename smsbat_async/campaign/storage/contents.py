"""How messages are written and read: what they share is written once per campaign."""

import datetime as dt
from collections.abc import Callable
from copy import copy

import msgspec
from msgspec.structs import force_setattr

from smsbat_async.messages import CascadeMessage, MessageType


def kept(text: str | None, length: int | None = None) -> str | None:
    """Return what others wrote as any database can keep it: without NUL or halves of surrogate pairs.

    Args:
        text: The text.
        length: How many characters of it are kept, or None for all.
    """
    if text is None or text.isprintable():
        return text if text is None or length is None else text[:length]
    return text[:length].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of a message but its id, its phone and its text.

    Args:
        from_name: The sender's name.
        message_type: What kind of message it is.
        ttl: How long the vendor may try, in seconds.
        scheduled_sent: When to send it.
        survey_options: The answers of a survey.
    """

    from_name: str
    message_type: MessageType
    ttl: int | None = None
    scheduled_sent: dt.datetime | None = None
    survey_options: tuple[str, ...] | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Options).decode


def options(message: CascadeMessage) -> str:
    """Return what a message says beside its id, phone and text, as JSON."""
    answers = message.survey_options
    return _encode(
        Options(
            message.from_name,
            message.message_type,
            message.ttl,
            message.scheduled_sent,
            None if answers is None else tuple(answers),
        )
    ).decode()


def reader(common: str | None) -> Callable[[str, str, str | None, str | None], CascadeMessage]:
    """Return what makes a message of a row: of its id, phone, text and options.

    Args:
        common: The options of those messages that have none of their own.
    """
    shared = None if common is None else _decode(common)
    first: CascadeMessage | None = None

    def read(tracking_id: str, phone: str, text: str | None, options: str | None) -> CascadeMessage:
        nonlocal first
        if options is None:
            # All were checked when they came in: one more check of each would cost as much as to claim it.
            first = first or made(tracking_id, phone, text, shared)
            message = copy(first)
            force_setattr(message, "id", tracking_id)
            force_setattr(message, "to_phone", phone)
            force_setattr(message, "text", text)
            return message
        return made(tracking_id, phone, text, _decode(options))

    def made(tracking_id: str, phone: str, text: str | None, own: Options | None) -> CascadeMessage:
        assert own is not None, "the first message says what all share"
        return CascadeMessage(
            id=tracking_id,
            from_name=own.from_name,
            to_phone=phone,
            message_type=own.message_type,
            text=text,
            ttl=own.ttl,
            scheduled_sent=own.scheduled_sent,
            survey_options=own.survey_options,
        )

    return read
