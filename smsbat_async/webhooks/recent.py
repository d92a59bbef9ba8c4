"""Recent: the last word about each message, so that no news is told twice."""

import enum
import hashlib
import sys
from collections import OrderedDict
from typing import Any

from smsbat_async.statuses import RANKS, MessageStatus
from smsbat_async.vendors.webhook import WebhookEvent

END = 2
"""The rank of every word that ends a message."""


class Freshness(enum.Enum):
    """What an event is, beside what is known already."""

    NEWS = enum.auto()
    REPEATED = enum.auto()
    OUTDATED = enum.auto()


class Recent:
    """The last word about each of the latest messages.

    Args:
        capacity: About how many messages; the one heard of longest ago is forgotten first.
    """

    __slots__ = ("_capacity", "_words")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._words: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._words)

    def judge(self, event: WebhookEvent[Any]) -> Freshness:
        """Return whether an event is news.

        Args:
            event: The event.

        Returns:
            OUTDATED for an earlier state than the known one, and for anything else after the end.
        """
        key, word = _key_and_word(event)
        known = self._words.get(key)
        if known is None:
            return Freshness.NEWS
        if known == word:
            return Freshness.REPEATED
        before, after = _rank(known), _rank(word)
        if before == END or (before is not None and after is not None and after < before):
            return Freshness.OUTDATED
        return Freshness.NEWS

    def note(self, event: WebhookEvent[Any]) -> None:
        """Remember an event that was news."""
        key, word = _key_and_word(event)
        self._words[key] = word
        self._words.move_to_end(key)
        if len(self._words) > self._capacity:
            self._words.popitem(last=False)


def _key_and_word(event: WebhookEvent[Any]) -> tuple[str, str]:
    status = event.status
    if status is None:
        # Nothing names such an event, but a repeated one is the same bytes.
        return f"#{hashlib.blake2b(event.body, digest_size=16).hexdigest()}", "end"
    if isinstance(status, MessageStatus):
        return status.message_id, sys.intern("end " * status.is_terminal + status.delivery_status.lower())
    return status.message_id, f"end {status.status}"


def _rank(word: str) -> int | None:
    return END if word.startswith("end") else RANKS.get(word)
