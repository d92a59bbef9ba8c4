"""The vendors' webhooks as bytes."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import UNSET, Struct, UnsetType, field

from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.wire import encode

_VIETNAM: Final = "84"


class SmsbatNotice(Struct, frozen=True):
    """SMSBAT's webhook (SMSBAT, Check Message Status, Webhook)."""

    message_id: str = field(name="messageId")
    delivery_status: str = field(name="deliverystatus")
    timestamp: str
    cost: Decimal | UnsetType = UNSET


class ZnsParty(Struct, frozen=True):
    """Who sent or received: an OA's id or a phone."""

    id: str


class ZnsDelivery(Struct, frozen=True):
    """What was delivered, and when, in epoch milliseconds as text."""

    delivery_time: str
    msg_id: str
    tracking_id: str


class ZnsNotice(Struct, frozen=True):
    """Zalo's webhook for a delivery (Zalo, ZNS webhooks, user_received_message)."""

    event_name: str
    app_id: str
    timestamp: str
    sender: ZnsParty
    recipient: ZnsParty
    message: ZnsDelivery


class Notice(NamedTuple):
    """A webhook, ready to be sent any number of times.

    Args:
        headers: Name to value.
        body: JSON.
    """

    headers: dict[str, str]
    body: bytes


def smsbat_notice(
    message: Message, status: str, moment: float, clock: Clock, config: SandboxConfig
) -> Notice:
    """Write SMSBAT's webhook; nothing about it is signed.

    Args:
        message: What it tells of.
        status: The status that it tells.
        moment: When the message took that, in seconds of the sandbox's clock.
        clock: Knows the calendar.
        config: The secret that is sent along.

    Returns:
        The webhook.
    """
    cost = message.cost(moment)
    body = encode(
        SmsbatNotice(
            message_id=message.message_id,
            delivery_status=status,
            timestamp=datetime.fromtimestamp(clock.epoch(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            cost=UNSET if cost is None else cost,
        )
    )
    headers = {"Content-Type": "application/json"}
    if config.smsbat_webhook_secret is not None:
        headers["X-Webhook-Secret"] = config.smsbat_webhook_secret
    return Notice(headers, body)


def zns_notice(message: Message, moment: float, clock: Clock, config: SandboxConfig) -> Notice:
    """Write ZNS's webhook for a delivery, signed as Zalo signs.

    Args:
        message: What was delivered.
        moment: When, in seconds of the sandbox's clock.
        clock: Knows the calendar; the signed time is that of the wall, which a receiver reads as well.
        config: The ids, and what it is signed with.

    Returns:
        The webhook.
    """
    timestamp = _milliseconds(clock.wall())
    body = encode(
        ZnsNotice(
            event_name="user_received_message",
            app_id=config.zns_app_id,
            timestamp=timestamp,
            sender=ZnsParty(config.zns_oa_id),
            recipient=ZnsParty(_international(message.phone)),
            message=ZnsDelivery(_milliseconds(clock.epoch(moment)), message.message_id, message.tracking_id),
        )
    )
    signed = config.zns_app_id.encode() + body + timestamp.encode() + config.zns_oa_secret.encode()
    headers = {
        "Content-Type": "application/json",
        "X-ZEvent-Server": "ZNS",
        "X-ZEvent-Signature": f"mac={hashlib.sha256(signed).hexdigest()}",
    }
    return Notice(headers, body)


def _milliseconds(epoch: float) -> str:
    return str(round(epoch * 1000))


def _international(phone: str) -> str:
    digits = phone.removeprefix("+")
    return _VIETNAM + digits[1:] if digits.startswith("0") else digits
