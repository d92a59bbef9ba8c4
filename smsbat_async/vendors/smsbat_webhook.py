"""SMSBAT's webhooks: bytes to events.

Follows "Check Message Status", webhooks, and, beyond it, "Incoming Messages". Neither documents a signature.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from smsbat_async.statuses import MessageStatus
from smsbat_async.vendors.answers import UNDECODABLE, are_sane, salvage
from smsbat_async.vendors.webhook import WebhookError, WebhookEvent, read_id, read_object

TRACKING_KEYS = ("trackinId", "trackingId", "customerMessageId")
"""How the vendor's pages spell your own id elsewhere; the page on webhooks shows none."""


def read_event(headers: Mapping[str, str], body: bytes) -> WebhookEvent[MessageStatus]:
    """Return what a webhook of SMSBAT tells.

    Args:
        headers: The headers, names in lower case; nothing in them is needed.
        body: The body as it came.

    Returns:
        `delivery_status`, or `incoming_message` without a status for what a person answered.

    Raises:
        WebhookError: If it is neither.
    """
    payload = read_object(body)
    if "deliverystatus" not in payload and "idUuid" in payload:
        return WebhookEvent(name="incoming_message", occurred_at=_moment(payload.get("dt")), body=body)
    message_id = read_id(payload, "messageId")
    if message_id is None:
        raise WebhookError("messageId is missing")
    payload["messageId"] = message_id
    # The fields of a status, and each that makes no sense is left out: the word is what counts.
    status = salvage(payload, MessageStatus, required=frozenset({"delivery_status"}))
    if status is None or not status.delivery_status:
        raise WebhookError("deliverystatus must be a text")
    if not are_sane(status.cost, status.rate, status.rate_amount, status.bill_amount):
        status = msgspec.structs.replace(status, cost=None, rate=None, rate_amount=None, bill_amount=None)
    return WebhookEvent(
        name="delivery_status",
        status=status,
        tracking_id=next((found for key in TRACKING_KEYS if (found := read_id(payload, key))), None),
        occurred_at=_moment(payload.get("timestamp")),
        body=body,
    )


def is_probe(body: bytes) -> bool:
    """Return whether a webhook tells nothing by its nature: SMSBAT documents no such."""
    return False


def _moment(value: Any) -> dt.datetime | None:
    """Return an ISO 8601 time as an aware datetime in UTC; None where it is none, or has no zone."""
    try:
        moment = msgspec.convert(value, dt.datetime, strict=True)
        return moment.astimezone(dt.UTC) if moment.tzinfo is not None else None
    except (*UNDECODABLE, OverflowError):
        return None
