"""What the control API says about messages."""

import math
from decimal import Decimal

from msgspec import Struct

from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.messages import PROCESSING, SCHEDULED, Message
from smsbat_async.sandbox.timeline import Timeline


class ChannelState(Struct, frozen=True):
    """One channel of a message; not used, if it was not needed."""

    name: str
    status: str


class WebhookState(Struct, frozen=True):
    """How many requests told of a message, and what the last was answered with."""

    tried: int
    last_status: int | None


class Summary(Struct, frozen=True):
    """One message, with times in seconds since 1970 and money as text."""

    message_id: str
    tracking_id: str
    vendor: str
    phone: str
    sender: str
    message_type: str
    text: str
    survey_options: tuple[str, ...]
    status: str
    channels: list[ChannelState]
    channel: str | None
    cost: str | None
    currency: str
    parts: int
    accepted_at: float
    starts_at: float
    ended_at: float | None
    polls: int
    named: bool
    decided: bool
    webhooks: WebhookState


class Totals(Struct, frozen=True):
    """All messages in numbers, as they were at a revision."""

    revision: int
    total: int
    counts: dict[str, int]
    cost: str
    currency: str


def current_channel(message: Message, status: str, now: float) -> str | None:
    """Tell which channel a message is tried by, or was decided by.

    Args:
        message: It.
        status: Its status at that moment.
        now: Seconds of the sandbox's clock.

    Returns:
        The channel's name; None before the first is tried, or if none ever was.
    """
    if status == SCHEDULED or not message.fate.channel_ends:
        return None
    return message.channels[message.tried(now)].name


def money(amount: Decimal) -> str:
    """Write an amount of money.

    Args:
        amount: Currency units.

    Returns:
        Digits with at least two after the point.
    """
    exponent = amount.as_tuple().exponent
    return f"{amount:f}" if isinstance(exponent, int) and exponent <= -2 else f"{amount:.2f}"


def summarise(message: Message, clock: Clock, currency: str) -> Summary:
    """Describe a message as it is now.

    Args:
        message: It.
        clock: The time.
        currency: What its cost is in.

    Returns:
        The description.
    """
    now = clock.now()
    status = message.status(now)
    cost = message.cost(now)
    has_ended = status not in (SCHEDULED, PROCESSING)
    return Summary(
        message_id=message.message_id,
        tracking_id=message.tracking_id,
        vendor=message.vendor,
        phone=message.phone,
        sender=message.sender,
        message_type=message.message_type,
        text=message.text,
        survey_options=message.survey_options,
        status=status,
        channels=[ChannelState(*item) for item in message.channel_statuses(now).items()],
        channel=current_channel(message, status, now),
        cost=None if cost is None else money(cost),
        currency=currency,
        parts=message.parts_count(now),
        accepted_at=clock.epoch(message.accepted_at),
        starts_at=clock.epoch(message.starts_at),
        ended_at=clock.epoch(message.ends_at) if has_ended and message.ends_at < math.inf else None,
        polls=message.polls,
        named=message.named,
        decided=message.decided,
        webhooks=WebhookState(message.webhooks, message.webhook_status),
    )


def total_up(timeline: Timeline, currency: str) -> Totals:
    """Tell the numbers.

    Args:
        timeline: Where they are kept.
        currency: What the cost is in.

    Returns:
        The numbers.
    """
    return Totals(
        revision=timeline.revision,
        total=sum(timeline.counts.values()),
        counts=dict(timeline.counts),
        cost=money(timeline.cost),
        currency=currency,
    )
