"""The messages that were accepted, the newest of them."""

import math
import random
import uuid
from typing import Literal, Protocol

from smsbat_async.sandbox.channels import Channel
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.messages import Message, draw_fate
from smsbat_async.sandbox.parts import sms_parts
from smsbat_async.sandbox.stats import Stats

_TEXT_KEPT = 1_000


class Watcher(Protocol):
    """Who is told what comes and goes."""

    def accepted(self, message: Message) -> None:
        """Hear of a message that came."""

    def forgotten(self, message: Message) -> None:
        """Hear of a message that was dropped because there were too many."""


class Store:
    """Accepts messages and finds them again; forgets the oldest above its bound.

    `watcher` is told of both; nobody is, until somebody wants to be.

    A fate depends on the seed, the tracking id and how often that id came before: neither the order of
    requests nor their number in flight changes it.

    Args:
        config: Shares, delays and the bound.
        rng: Where the fates' seed comes from.
        clock: When messages are accepted.
        stats: Where they are counted.
    """

    def __init__(self, config: SandboxConfig, *, rng: random.Random, clock: Clock, stats: Stats) -> None:
        self._config = config
        self._salt = rng.getrandbits(64)
        self._rng = random.Random()
        self._clock = clock
        self._stats = stats
        self._messages: dict[str, Message] = {}
        self._ids: dict[str, int] = {}
        self._phones: dict[str, int] = {}
        self._batches = 0
        self.watcher: Watcher | None = None

    def next_batch(self) -> int:
        """Number a send request.

        Returns:
            The `messagelistId` of its messages, counted from 1.
        """
        self._batches += 1
        return self._batches

    def accept(
        self,
        *,
        vendor: Literal["smsbat", "zns"],
        batch: int,
        tracking_id: str,
        phone: str,
        sender: str,
        message_type: str,
        text: str,
        channels: tuple[Channel, ...],
        ttl: float = math.inf,
        scheduled: float | None = None,
        survey_options: tuple[str, ...] = (),
    ) -> Message:
        """Take a message and draw its fate.

        Args:
            vendor: Which API took it.
            batch: Number of its request.
            tracking_id: The sender's own id.
            phone: Recipient as it was sent.
            sender: `fromName`, or the ZNS template id.
            message_type: `messageType`, or `zns`.
            text: Its text.
            channels: The channels that may be tried, in order.
            ttl: Seconds after its start at which it is given up.
            scheduled: When it starts, in seconds since 1970; None is now.
            survey_options: The answers that a survey offers.

        Returns:
            The message, with an id that no other run of the sandbox has given.
        """
        now = self._clock.now()
        before = self._ids.get(tracking_id, 0)
        self._rng.seed(f"{self._salt}:{before}:{tracking_id}")
        identity = uuid.uuid4()
        outcome = self._config.outcomes.get(phone)
        message = Message(
            vendor=vendor,
            message_id=str(identity) if vendor == "smsbat" else identity.hex[:20],
            messagelist_id=batch,
            tracking_id=tracking_id,
            phone=phone,
            sender=sender,
            message_type=message_type,
            text=text[:_TEXT_KEPT],
            channels=channels,
            parts=sms_parts(text),
            accepted_at=now,
            starts_at=now if scheduled is None else max(now, self._clock.moment(scheduled)),
            fate=draw_fate(self._rng, self._config, channels, ttl=ttl, outcome=outcome),
            survey_options=survey_options,
        )
        self._messages[message.message_id] = message
        self._stats.accepted += 1
        self._stats.duplicate_ids += bool(before)
        self._stats.duplicate_phones += phone in self._phones
        self._ids[tracking_id] = before + 1
        self._phones[phone] = self._phones.get(phone, 0) + 1
        if self.watcher is not None:
            self.watcher.accepted(message)
        if len(self._messages) > self._config.max_messages:
            self._forget_oldest()
        return message

    def get(self, message_id: str) -> Message | None:
        """Find a message by the id that it was given.

        Args:
            message_id: The id.

        Returns:
            The message, or None if there is none or it was forgotten.
        """
        return self._messages.get(message_id)

    def messages(self) -> list[Message]:
        """List what is remembered.

        Returns:
            The messages in the order they were accepted.
        """
        return list(self._messages.values())

    def __len__(self) -> int:
        return len(self._messages)

    def clear(self) -> None:
        """Forget every message, and which tracking ids and phones there were."""
        self._messages.clear()
        self._ids.clear()
        self._phones.clear()

    def _forget_oldest(self) -> None:
        oldest = self._messages.pop(next(iter(self._messages)))
        _count_down(self._ids, oldest.tracking_id)
        _count_down(self._phones, oldest.phone)
        self._stats.forgotten += 1
        if self.watcher is not None:
            self.watcher.forgotten(oldest)


def _count_down(counts: dict[str, int], key: str) -> None:
    if counts[key] > 1:
        counts[key] -= 1
    else:
        del counts[key]
