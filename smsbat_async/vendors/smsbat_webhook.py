"""SMSBAT's webhooks: bytes to events.

Follows "Check Message Status", webhooks, and, beyond it, "Incoming Messages". Neither documents a signature.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from smsbat_async.statuses import MessageStatus
from smsbat_async.vendors.answers import UNDECODABLE, are_sane, salvage
from smsbat_async.vendors.smsbat import drop_insane
from smsbat_async.vendors.webhook import (
    WebhookError,
    WebhookEvent,
    checked_id,
    read_object,
    tracking_id_in,
)


class Extras(msgspec.Struct, gc=False):
    """What a webhook has beside a status.

    Your own id is in the three ways that the vendor's pages spell it elsewhere; that on webhooks shows none.
    """

    timestamp: Any = None
    tracking_id: Any = msgspec.field(default=None, name="trackinId")
    spelled_right: Any = msgspec.field(default=None, name="trackingId")
    customer_message_id: Any = msgspec.field(default=None, name="customerMessageId")


_status_decoder = msgspec.json.Decoder(MessageStatus, strict=False)
_extras_decoder = msgspec.json.Decoder(Extras)


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
    try:
        status = _status_decoder.decode(body)
        extras = _extras_decoder.decode(body)
    except UNDECODABLE:
        payload = read_object(body)
        if "deliverystatus" not in payload and "idUuid" in payload:
            return WebhookEvent(name="incoming_message", occurred_at=_moment(payload.get("dt")), body=body)
        status, extras = _salvaged(payload)
    message_id = checked_id("messageId", status.message_id)
    if message_id is None or not status.delivery_status:
        raise WebhookError("messageId and deliverystatus must be texts")
    if not are_sane(status.cost, status.rate, status.rate_amount, status.bill_amount):
        drop_insane(status)
    tracking_id = extras.tracking_id or extras.spelled_right or extras.customer_message_id
    return WebhookEvent(
        name="delivery_status",
        status=status,
        tracking_id=tracking_id_in("trackinId", tracking_id),
        occurred_at=_moment(extras.timestamp),
        body=body,
    )


def _salvaged(payload: dict[str, Any]) -> tuple[MessageStatus, Extras]:
    """Return as much of a status as makes sense: the id and the word are what counts."""
    payload["messageId"] = checked_id("messageId", payload.get("messageId"))
    status = salvage(payload, MessageStatus, required=frozenset({"message_id", "delivery_status"}))
    if status is None:
        raise WebhookError("messageId and deliverystatus must be texts")
    return status, msgspec.convert(payload, Extras)


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
