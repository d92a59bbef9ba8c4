"""What an assertion looks for among the messages that were sent, and how it tells what it found instead."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, get_args, get_type_hints

from smsbat_async.errors import ConfigurationError
from smsbat_async.messages import MessageType
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.native_wire import NativeMessage

SHOWN: Final = 20
"""How many messages a failed assertion shows."""

Text = str | re.Pattern[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sought:
    """Which messages are meant; None for any.

    Args:
        to: The phone, in any spelling.
        text: A part of the text, or a pattern that is found in it.
        sender: `from_name` of a cascade, or the ZNS template id.
        tracking_id: The sender's own id.
        message_type: `transaction`, `promo`, ..., or `zns`.
        vendor: `smsbat` or `zns`.

    Raises:
        ConfigurationError: If there is no such message type, or vendor.
    """

    to: str | None = None
    text: Text | None = None
    sender: str | None = None
    tracking_id: str | None = None
    message_type: str | None = None
    vendor: Literal["smsbat", "zns"] | None = None

    def __post_init__(self) -> None:
        _check_word("message_type", self.message_type, message_types())
        _check_word("vendor", self.vendor, ("smsbat", "zns"))

    def among(self, messages: Iterable[Message]) -> list[Message]:
        """Return the messages that are meant, in the order in which they come."""
        return [message for message in messages if self._fits(message)]

    def meant(self, messages: Iterable[Message]) -> str | None:
        """Return a phone that has what `to` lacks, its country code; None if `to` is not that near to one."""
        wanted = _digits(self.to or "")
        # A zero before a number stands for its country code, and two for the plus.
        own = wanted.lstrip("0")
        phones = [message.phone for message in messages]
        if own in {wanted, ""} or wanted in map(_digits, phones):
            return None
        return next((phone for phone in phones if _digits(phone).endswith(own)), None)

    def _fits(self, message: Message) -> bool:
        if self.to is not None and _digits(self.to) != _digits(message.phone):
            return False
        if isinstance(self.text, str) and self.text not in message.text:
            return False
        if isinstance(self.text, re.Pattern) and self.text.search(message.text) is None:
            return False
        wanted = (self.sender, self.tracking_id, self.message_type, self.vendor)
        found = (message.sender, message.tracking_id, message.message_type, message.vendor)
        return all(one is None or one == other for one, other in zip(wanted, found, strict=True))

    def __str__(self) -> str:
        parts = [f" to {self.to}"] * (self.to is not None)
        if self.text is not None:
            how = "with" if isinstance(self.text, str) else "matching"
            text = self.text if isinstance(self.text, str) else self.text.pattern
            parts.append(f" {how} the text {text!r}")
        for name in ("sender", "tracking_id", "message_type", "vendor"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f" with {name} {value!r}")
        return "".join(parts)


@cache
def message_types() -> tuple[str, ...]:
    """Return the types that a message can have."""
    native = get_args(get_type_hints(NativeMessage)["type"])
    return tuple(dict.fromkeys([*MessageType, *native, "zns"]))


def tell(messages: Sequence[Message]) -> list[str]:
    """Return lines that show messages, the last ones if there are many."""
    lines = [
        f"  to {message.phone} by {message.vendor}, {message.message_type} from {message.sender!r}, "
        f"id {message.tracking_id!r}: {message.text!r}"
        for message in messages[-SHOWN:]
    ]
    left = len(messages) - len(lines)
    return [f"  ... {left} more before these", *lines] if left else lines


def _check_word(name: str, word: str | None, words: tuple[str, ...]) -> None:
    if word is not None and word not in words:
        raise ConfigurationError(f"{name} must be one of {', '.join(words)}, not {word!r}")


def _digits(phone: str) -> str:
    return re.sub(r"[^0-9]", "", phone)
