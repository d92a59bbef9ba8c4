"""A message's life: drawn once when it is accepted, then only looked up by the time that has passed."""

import math
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from smsbat_async.sandbox.channels import Channel
from smsbat_async.sandbox.config import Outcome, SandboxConfig

SCHEDULED = "scheduled"
PROCESSING = "processing"
DELIVERED = "delivered"
UNDELIVERABLE = "undeliverable"
PERMANENT_ERROR = "permanenterror"
NOT_USED = "not_used"
NO_COST = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Fate:
    """How a message will go, in seconds after its start.

    Args:
        outcome: How it ends.
        processing_at: When it leaves `scheduled`.
        channel_ends: When each channel that is tried ends, in their order; infinite for one that never does.
        ends_at: When the message ends; infinite if it never does.
    """

    outcome: Outcome
    processing_at: float
    channel_ends: tuple[float, ...]
    ends_at: float


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """An accepted message, as tests may look at it.

    Args:
        vendor: Which API took it.
        message_id: The id that the answer gave, or would have given.
        messagelist_id: Number of the request that brought it.
        tracking_id: The sender's own id.
        phone: Recipient as it was sent.
        sender: `fromName`, or the ZNS template id.
        message_type: `messageType`, or `zns`.
        text: The first 1,000 characters of the text.
        channels: The channels that may be tried, in order.
        parts: Parts of the text as SMS.
        accepted_at: Seconds of the sandbox's clock.
        starts_at: The scheduled moment, or `accepted_at`.
        fate: What will become of it.
        named: Whether an answer that named it was sent to the caller.
        polls: How often its status was asked.
        last_poll: When it was asked last, in seconds of the sandbox's clock; minus infinity before.
        shortest_gap: Fewest seconds between two polls; infinite before the second.
        survey_options: The answers that a survey offers.
        decided: Whether its fate was decided by hand.
        webhooks: How many requests told of it by webhook, those of retries included.
        webhook_status: HTTP status that the last of them was answered with; None if there was no answer.
    """

    vendor: Literal["smsbat", "zns"]
    message_id: str
    messagelist_id: int
    tracking_id: str
    phone: str
    sender: str
    message_type: str
    text: str
    channels: tuple[Channel, ...]
    parts: int
    accepted_at: float
    starts_at: float
    fate: Fate
    named: bool = False
    polls: int = 0
    last_poll: float = -math.inf
    shortest_gap: float = math.inf
    survey_options: tuple[str, ...] = ()
    decided: bool = False
    webhooks: int = 0
    webhook_status: int | None = None

    @property
    def ends_at(self) -> float:
        """When it ends, in seconds of the sandbox's clock; infinite if it never does."""
        return self.starts_at + self.fate.ends_at

    def status(self, now: float) -> str:
        """Tell the state at a moment.

        Args:
            now: Seconds of the sandbox's clock.

        Returns:
            One of the five words of SMSBAT, Check Message Status, Delivery Status Values.
        """
        # Added up and not subtracted: at the very moment of a change it must have happened.
        fate = self.fate
        if now >= self.starts_at + fate.ends_at:
            return fate.outcome
        return PROCESSING if now >= self.starts_at + fate.processing_at else SCHEDULED

    def next_change(self, now: float) -> float:
        """Tell when the message or one of its channels changes next.

        Args:
            now: Seconds of the sandbox's clock.

        Returns:
            A moment after that one; infinite if nothing changes any more.
        """
        fate = self.fate
        coming = (self.starts_at + after for after in (fate.processing_at, *fate.channel_ends, fate.ends_at))
        return min((moment for moment in coming if moment > now), default=math.inf)

    def channel_statuses(self, now: float) -> dict[str, str]:
        """Tell the state of every channel at a moment.

        Args:
            now: Seconds of the sandbox's clock.

        Returns:
            Channel name to state, in the order they are tried.
        """
        ended = self.status(now) not in (SCHEDULED, PROCESSING)
        states: dict[str, str] = {}
        begins = self.starts_at + self.fate.processing_at
        last = len(self.fate.channel_ends) - 1
        for index, channel in enumerate(self.channels):
            if index > last:
                states[channel.name] = NOT_USED if ended else SCHEDULED
                continue
            ends = self.starts_at + self.fate.channel_ends[index]
            if now >= ends:
                states[channel.name] = self.fate.outcome if index == last else UNDELIVERABLE
            else:
                states[channel.name] = PROCESSING if now >= begins else SCHEDULED
            begins = ends
        return states

    def parts_count(self, now: float) -> int:
        """Count the parts in the channel that is tried at a moment, or was tried last.

        Args:
            now: Seconds of the sandbox's clock.

        Returns:
            The parts of the text for `sms`, 1 for every other channel.
        """
        return self.parts if self.channels[self.tried(now)].name == "sms" else 1

    def rate(self, now: float) -> Decimal | None:
        """Tell the price of one part.

        Args:
            now: Seconds of the sandbox's clock.

        Returns:
            Currency units; 0 for a failed message, None for one that has not ended.
        """
        status = self.status(now)
        if status in (SCHEDULED, PROCESSING):
            return None
        return self.channels[self.tried(now)].cost if status == DELIVERED else NO_COST

    def cost(self, now: float) -> Decimal | None:
        """Tell the price of the message.

        Args:
            now: Seconds of the sandbox's clock.

        Returns:
            Currency units; 0 for a failed message, None for one that has not ended.
        """
        rate = self.rate(now)
        return None if rate is None else rate * self.parts_count(now)

    def note_poll(self, now: float) -> None:
        """Count a status request.

        Args:
            now: Seconds of the sandbox's clock.
        """
        self.polls += 1
        self.shortest_gap = min(self.shortest_gap, now - self.last_poll)
        self.last_poll = now

    def tried(self, now: float) -> int:
        """Find the channel that is tried at a moment, or was tried last.

        Args:
            now: Seconds of the sandbox's clock.

        Returns:
            Its index in `channels`; 0 before the first is tried.
        """
        return sum(now >= self.starts_at + ends for ends in self.fate.channel_ends[:-1])


def draw_fate(
    rng: random.Random,
    config: SandboxConfig,
    channels: tuple[Channel, ...],
    *,
    ttl: float = math.inf,
    outcome: Outcome | None = None,
) -> Fate:
    """Draw a message's whole life.

    The shares of the configuration are exact; the channels' own shares decide which of them delivers.
    The ttl is compared before the speed is applied, so that a fate does not change with the speed.

    Args:
        rng: Where the randomness comes from.
        config: Shares, delays and speed.
        channels: The channels that may be tried, in order.
        ttl: Seconds after the start at which the vendor gives up.
        outcome: How it ends, where that is not to be drawn.

    Returns:
        The fate, its times already divided by the speed.
    """
    # Always the same number of draws, so that an outcome that is set leaves the delays as they were.
    drawn = _draw_outcome(rng.random(), config)
    pick = rng.random()
    outcome = drawn if outcome is None else outcome
    # A dropped or stuck message got no further than its first channel; an undeliverable one tried them all.
    tried = 1
    if outcome == DELIVERED:
        tried = _draw_channel(pick, channels)
    elif outcome == UNDELIVERABLE:
        tried = len(channels)
    processing_at = elapsed = _draw_delay(rng, config.queue_delay, config.delay_spread)
    ends: list[float] = []
    for channel in channels[:tried]:
        elapsed += _draw_delay(rng, channel.delay, config.delay_spread)
        ends.append(elapsed)
    if outcome == "never":
        # Stuck for good is a fault of the vendor's own bookkeeping: no ttl ends it.
        return Fate(outcome, processing_at / config.speed, (math.inf,), math.inf)
    if elapsed > ttl:
        outcome = "undeliverable"
        begins = [processing_at, *ends]
        ends = [min(end, ttl) for end, begin in zip(ends, begins, strict=False) if begin < ttl]
        elapsed = ttl
    return Fate(
        outcome,
        min(processing_at, elapsed) / config.speed,
        tuple(end / config.speed for end in ends),
        elapsed / config.speed,
    )


def _draw_outcome(draw: float, config: SandboxConfig) -> Outcome:
    draw -= config.undeliverable_share
    if draw < 0:
        return "undeliverable"
    draw -= config.permanent_error_share
    if draw < 0:
        return "permanenterror"
    draw -= config.never_ends_share
    return "never" if draw < 0 else "delivered"


def _draw_channel(draw: float, channels: tuple[Channel, ...]) -> int:
    # Given that one of them delivers, the first success is at i with weight share_i * (all before failed).
    weights: list[float] = []
    remaining = 1.0
    for channel in channels:
        weights.append(remaining * channel.share)
        remaining *= 1.0 - channel.share
    target = draw * sum(weights)
    for tried, weight in enumerate(weights, start=1):
        target -= weight
        if target < 0:
            return tried
    return len(channels)


def _draw_delay(rng: random.Random, median: float, spread: float) -> float:
    return median * math.exp(spread * rng.gauss(0.0, 1.0))
