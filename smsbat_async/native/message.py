"""What every native message has, and the checks that several kinds share."""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from smsbat_async.errors import InvalidMessageError
from smsbat_async.messages import check_text, check_tracking_id
from smsbat_async.phones import is_e164, mask_phone

T = TypeVar("T")


class NativeMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What every message of `POST /bat/messagelist` has; make one of its kinds, which check themselves.

    Follows SMSBAT's help, "Send Message", which is beyond the documents that the rest follows and may change.

    Args:
        id: Your own id of this message, 1 to 254 printable characters, unique among your messages. It goes
            out as `customerMessageId`: the vendor does not demand it, but answers are matched by it.
        from_name: The sender's name as the vendor registered it.
        to_phone: The recipient in E.164 form with its plus: `+380501234567`.
        ttl: How long the vendor may try to deliver it, in seconds, at least 1.

    Raises:
        InvalidMessageError: If a field is wrong; it names the field and says what would be right.
    """

    id: str
    from_name: str
    to_phone: str
    ttl: int | None = None

    def __post_init__(self) -> None:
        if type(self) in (NativeMessage, FallbackMessage):
            raise InvalidMessageError(
                "message", "no_type", "must be of one kind: SmsMessage, ViberPromo, ..."
            )
        check_tracking_id(self.id)
        check_text("from_name", self.from_name)
        check_phone("to_phone", self.to_phone)
        if self.ttl is not None:
            check_whole("ttl", self.ttl, unit="seconds")

    def __repr__(self) -> str:
        # Texts and phone numbers are other people's: they do not belong into logs and tracebacks.
        return f"{type(self).__name__}(id={self.id!r}, to_phone={mask_phone(self.to_phone)!r})"


class SmsFallback(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="sms"):
    """The SMS that goes out where the message's own channel fails.

    Args:
        text: What it says.
    """

    text: str

    def __post_init__(self) -> None:
        check_text("fallback.text", self.text)

    def __repr__(self) -> str:
        return "SmsFallback(***)"


class FallbackMessage(NativeMessage, frozen=True, kw_only=True):
    """A native message of a channel that may fail where SMS would not.

    Args:
        fallback: The SMS to send then, or None.
    """

    fallback: SmsFallback | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_part("fallback", self.fallback, SmsFallback)


class LinkButton(msgspec.Struct, frozen=True, kw_only=True):
    """A button that opens a page.

    Args:
        text: What stands on it; the vendor advises two or three words.
        url: The page.
    """

    text: str
    url: str

    def __post_init__(self) -> None:
        check_text("button.text", self.text)
        check_url("button.url", self.url)


def check_phone(field: str, value: object) -> None:
    """Check a phone number.

    Raises:
        InvalidMessageError: If it is not in E.164 form with its plus.
    """
    if not is_e164(value):
        raise InvalidMessageError(
            field, "invalid_phone", "must be a text in E.164 form with its plus: +380501234567"
        )


def check_whole(field: str, value: object, *, unit: str, maximum: int | None = None) -> None:
    """Check a whole number of at least 1.

    Raises:
        InvalidMessageError: If it is none, or above the maximum.
    """
    if type(value) is not int or value < 1 or (maximum is not None and value > maximum):
        bounds = "at least 1" if maximum is None else f"from 1 to {maximum:,}"
        raise InvalidMessageError(field, f"invalid_{field}", f"must be a whole number of {unit}, {bounds}")


def check_url(field: str, value: object) -> None:
    """Check the address of a page or a file.

    Raises:
        InvalidMessageError: If it is not one that a phone can open.
    """
    if not isinstance(value, str) or not _is_web_address(value):
        raise InvalidMessageError(field, "invalid_url", "must be an address that begins with https://")


def _is_web_address(text: str) -> bool:
    if not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"https", "http"} and bool(parts.hostname)
    except ValueError:
        return False


def check_part(field: str, value: object, *kinds: type) -> None:
    """Check a part of a message that may be missing.

    Raises:
        InvalidMessageError: If it is there and of none of these types.
    """
    if value is not None and not isinstance(value, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise InvalidMessageError(field, f"invalid_{field}", f"must be {names}, not {type(value).__name__}")


def check_parts(field: str, values: object, kind: type[T], counts: range) -> tuple[T, ...]:
    """Return the parts of a message of which there may be several, as a tuple.

    Raises:
        InvalidMessageError: If one is not of its type, or there are too few or too many.
    """
    most = counts[-1]
    wanted = f"must be {counts[0]} to {most} of {kind.__name__}"
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) not in counts:
        raise InvalidMessageError(field, f"invalid_{field}", wanted)
    parts: tuple[Any, ...] = tuple(values)
    if not all(isinstance(part, kind) for part in parts):
        raise InvalidMessageError(field, f"invalid_{field}", wanted)
    return parts
