"""Which messages somebody looks for."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.summaries import current_channel
from smsbat_async.sandbox.timeline import STATUSES

_MOST: Final = 500
_VENDORS: Final = ("smsbat", "zns")
_ORDERS: Final = ("newest", "oldest")
# Between two yields, so that a search through many messages does not hold the loop.
_AT_ONCE: Final = 1_000
_LIKE_A_PHONE: Final = re.compile(r"[0-9\s()+./-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What is looked for; an empty text looks for everything.

    Args:
        search: Part of the phone, text, sender, tracking id or message id, in any case.
        status: A status.
        channel: The channel that is tried, or that decided.
        vendor: `smsbat` or `zns`.
        type: A message type.
        order: `newest` or `oldest` first.
        offset: How many that match are passed over.
        limit: How many are wanted, at most 500.
    """

    search: str = ""
    status: str = ""
    channel: str = ""
    vendor: str = ""
    type: str = ""
    order: str = "newest"
    offset: int = 0
    limit: int = 50

    async def run(self, messages: list[Message], now: float) -> tuple[int, list[Message]]:
        """Search, without holding the loop for long.

        Args:
            messages: All of them, oldest first; is reordered.
            now: The moment that states are looked up at, in seconds of the sandbox's clock.

        Returns:
            How many match, and those that are wanted.
        """
        if self.order == "newest":
            messages.reverse()
        if not (self.search or self.status or self.channel or self.vendor or self.type):
            return len(messages), messages[self.offset : self.offset + self.limit]
        matching, found = 0, list[Message]()
        text = self.search.lower()
        digits = digits_of(text) if _LIKE_A_PHONE.fullmatch(text) else ""
        for start in range(0, len(messages), _AT_ONCE):
            for message in messages[start : start + _AT_ONCE]:
                if self._matches(message, text, digits, now):
                    if self.offset <= matching < self.offset + self.limit:
                        found.append(message)
                    matching += 1
            await asyncio.sleep(0)
        return matching, found

    def _matches(self, message: Message, text: str, digits: str, now: float) -> bool:
        if self.vendor and message.vendor != self.vendor:
            return False
        if self.type and message.message_type != self.type:
            return False
        if self.status or self.channel:
            status = message.status(now)
            if self.status and status != self.status:
                return False
            if self.channel and current_channel(message, status, now) != self.channel:
                return False
        return (
            not text
            or (digits != "" and digits in message.phone)
            or text in message.text.lower()
            or text in message.sender.lower()
            or text in message.tracking_id.lower()
            or text in message.message_id
            or text in message.phone
        )


def digits_of(phone: str) -> str:
    """Leave out of a phone what is only there to be read.

    Args:
        phone: A phone in any spelling.

    Returns:
        Its digits.
    """
    return "".join(character for character in phone if character in "0123456789")


def read_search(query: Mapping[str, str], config: SandboxConfig) -> Search:
    """Read what is looked for from a query.

    Args:
        query: Name to value; an empty value is as good as none.
        config: Knows the channels.

    Returns:
        The search.

    Raises:
        ValueError: If a name or a value is wrong; the text names the field.
    """
    known = [item.name for item in fields(Search)]
    for name in query:
        if name not in known:
            raise ValueError(f"{name}: must be one of {', '.join(known)}")
    given = {name: value for name, value in query.items() if value}
    allowed = {
        "status": STATUSES,
        "channel": tuple(channel.name for channel in config.channels),
        "vendor": _VENDORS,
        "order": _ORDERS,
    }
    for name, words in allowed.items():
        if name in given and given[name] not in words:
            raise ValueError(f"{name}: must be one of {', '.join(words)}")
    return Search(
        search=given.get("search", ""),
        status=given.get("status", ""),
        channel=given.get("channel", ""),
        vendor=given.get("vendor", ""),
        type=given.get("type", ""),
        order=given.get("order", "newest"),
        offset=_read_count(given, "offset", 0, None),
        limit=_read_count(given, "limit", 50, _MOST),
    )


def _read_count(given: Mapping[str, str], name: str, default: int, most: int | None) -> int:
    text = given.get(name)
    if text is None:
        return default
    bound = "0 or more" if most is None else f"0 to {most}"
    if not (text.isascii() and text.isdecimal() and len(text) <= 9) or (
        most is not None and int(text) > most
    ):
        raise ValueError(f"{name}: must be a whole number, {bound}")
    return int(text)
