"""Goby ZNS's webhooks: bytes to events, and Zalo's signature.

Follows Goby, "Đăng ký nhận thông báo qua webhook", which names the header and nothing else; the events and
the signature are those of Zalo, "Webhook". Whether Goby sends them on unchanged is not documented: hence
every input of the signature is a parameter.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from smsbat_async.credentials import Secret
from smsbat_async.statuses import ZnsStatus
from smsbat_async.vendors.answers import from_milliseconds
from smsbat_async.vendors.webhook import (
    WebhookError,
    WebhookEvent,
    checked_id,
    read_object,
    tracking_id_in,
)

SIGNATURE_HEADER: Final = "X-ZEvent-Signature"
DELIVERED: Final = "user_received_message"

Part = Literal["app_id", "oa_id", "body", "timestamp", "secret"]
"""What a signature may be made of; all but the secret are read from the webhook itself."""

DEFAULT_PARTS: Final[tuple[Part, ...]] = ("app_id", "body", "timestamp", "secret")


def digest_of(
    payload: Mapping[str, Any], body: bytes, secret: Secret, parts: Sequence[Part], app_id: str | None
) -> str:
    """Return what the signature of a webhook has to be: a SHA-256 in hex.

    Follows Zalo, "Webhook". Plain SHA-256 over the bytes as they came, not HMAC, and never over JSON written
    anew.

    Args:
        payload: The body, decoded: ids and the time are taken from it.
        body: The body as it came.
        secret: The official account's secret key.
        parts: What is signed, in order.
        app_id: The app's id; None takes the one that the body names.
    """
    sender = payload.get("sender")
    oa_id = payload.get("oa_id") or (sender.get("id") if isinstance(sender, dict) else None)
    pieces: dict[str, bytes] = {
        "app_id": (_text(payload.get("app_id")) if app_id is None else app_id).encode(),
        "oa_id": _text(oa_id).encode(),
        "body": body,
        "timestamp": _text(payload.get("timestamp")).encode(),
        "secret": secret.reveal().encode(),
    }
    return hashlib.sha256(b"".join(pieces[part] for part in parts)).hexdigest()


def signed_at(payload: Mapping[str, Any]) -> float | None:
    """Return when a webhook says that it was signed, in seconds since 1970, or None."""
    moment = from_milliseconds(payload.get("timestamp"))
    return None if moment is None else moment.timestamp()


def read_event(headers: Mapping[str, str], body: bytes) -> WebhookEvent[ZnsStatus]:
    """Return what a webhook of Goby or Zalo tells.

    An official account's chat has events of the same name. What tells them apart is the tracking id, which
    every notification has, or the header `X-ZEvent-Server: ZNS`.

    Args:
        headers: The headers, names in lower case.
        body: The body as it came.

    Returns:
        The event, with a status if it is about a notification.

    Raises:
        WebhookError: If it names no event, or a delivery without its message.
    """
    payload = read_object(body)
    name = payload.get("event_name")
    if not isinstance(name, str) or not name:
        raise WebhookError("event_name must be a text")
    message = payload.get("message")
    occurred_at = from_milliseconds(payload.get("timestamp"))
    if name != DELIVERED or not isinstance(message, dict):
        return WebhookEvent(name=name, occurred_at=occurred_at, body=body)
    tracking_id = message.get("tracking_id")
    if tracking_id in (None, "") and headers.get("x-zevent-server", "").upper() != "ZNS":
        return WebhookEvent(name=name, occurred_at=occurred_at, body=body)
    message_id = checked_id("message.msg_id", message.get("msg_id"))
    if message_id is None:
        raise WebhookError("message.msg_id is missing")
    delivery_time = from_milliseconds(message.get("delivery_time"))
    return WebhookEvent(
        name=name,
        status=ZnsStatus(message_id=message_id, status=1, delivery_time=delivery_time),
        tracking_id=tracking_id_in("message.tracking_id", tracking_id),
        occurred_at=delivery_time or occurred_at,
        body=body,
    )


def is_probe(body: bytes) -> bool:
    """Return whether a webhook names no event: what Goby sends when a URL is registered.

    Goby documents that it sends something and wants a 200, not what it sends.
    """
    if not body.strip():
        return True
    try:
        return "event_name" not in read_object(body)
    except WebhookError:
        return False


def _text(value: object) -> str:
    """Return what was signed: ids and times are texts, and numbers where somebody wrote them so."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
