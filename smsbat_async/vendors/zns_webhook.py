"""Goby ZNS's webhooks: bytes to events, and Zalo's signature.

Follows Goby, "Đăng ký nhận thông báo qua webhook", which names the header and nothing else; the events and
the signature are those of Zalo, "Webhook". Whether Goby sends them on unchanged is not documented: hence
every input of the signature is a parameter.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, get_args

from smsbat_async.credentials import Secret, header_name
from smsbat_async.errors import ConfigurationError
from smsbat_async.policies import check_duration
from smsbat_async.statuses import ZnsStatus
from smsbat_async.vendors.webhook import WebhookError, WebhookEvent, read_id, read_milliseconds, read_object

SIGNATURE_HEADER: Final = "X-ZEvent-Signature"
DELIVERED: Final = "user_received_message"

Part = Literal["app_id", "oa_id", "body", "timestamp", "secret"]
"""What a signature may be made of; all but the secret are read from the webhook itself."""

DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


class ZaloSignature:
    """Checks `X-ZEvent-Signature: mac=` and the SHA-256 of app id, body, timestamp and secret, in hex.

    Follows Zalo, "Webhook". Plain SHA-256 over the bytes as they came, not HMAC, and never over JSON written
    anew. Digests are compared in constant time.

    Args:
        secrets: The official account's secret keys: several while one is being replaced.
        app_id: The app's id; None takes the one that the body names.
        window: How far from now the signed time may be, in seconds; None for any. Zalo repeats a webhook
            for up to an hour and 50 minutes after a failure; whether it is signed anew is not documented.
        header: The header with the signature.
        prefix: What stands before the digest in it.
        parts: What is signed, in order. Code of other integrators begins with `oa_id`.
        clock: Gives seconds since 1970.

    Raises:
        ConfigurationError: If something of this is missing or wrong.
    """

    def __init__(
        self,
        *,
        secrets: Iterable[str | Secret],
        app_id: str | None = None,
        window: float | None = 300.0,
        header: str = SIGNATURE_HEADER,
        prefix: str = "mac=",
        parts: tuple[Part, ...] = ("app_id", "body", "timestamp", "secret"),
        clock: Callable[[], float] = time.time,
    ) -> None:
        given = [secrets] if isinstance(secrets, str | Secret) else list(secrets)
        revealed: list[Any] = [one.reveal() if isinstance(one, Secret) else one for one in given]
        if not revealed or not all(isinstance(one, str) and one for one in revealed):
            raise ConfigurationError("secrets must be one or more texts")
        check_duration("window", window)
        if "body" not in parts or "secret" not in parts or not set(parts) <= set(get_args(Part)):
            raise ConfigurationError(
                f"parts must be body, secret, and maybe others of {', '.join(get_args(Part))}"
            )
        if window is not None and "timestamp" not in parts:
            raise ConfigurationError("window must be None where no timestamp is signed")
        self._secrets = [Secret(one) for one in revealed]
        self._app_id = app_id
        self._window = window
        self.header = header_name("header", header).lower()
        self._prefix = prefix
        self._parts = parts
        self._clock = clock

    def __repr__(self) -> str:
        return f"ZaloSignature({self.header})"

    def __call__(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether a webhook is signed with one of the secrets, and lately.

        Args:
            headers: The headers, names in lower case.
            body: The body as it came.
        """
        given = headers.get(self.header)
        if given is None or not given.startswith(self._prefix):
            return False
        digest = given[len(self._prefix) :]
        if DIGEST.fullmatch(digest) is None:
            return False
        try:
            payload = read_object(body)
        except WebhookError:
            return False
        pieces = self._pieces(payload, body)
        genuine = False
        for secret in self._secrets:  # every one, so that the time does not tell which was right
            genuine |= hmac.compare_digest(self._digest(pieces, secret), digest.lower().encode())
        return genuine and self._is_recent(payload.get("timestamp"))

    def _pieces(self, payload: Mapping[str, Any], body: bytes) -> dict[str, bytes]:
        app_id = self._app_id if self._app_id is not None else _text(payload.get("app_id"))
        sender = payload.get("sender")
        oa_id = payload.get("oa_id") or (sender.get("id") if isinstance(sender, dict) else None)
        return {
            "app_id": app_id.encode(),
            "oa_id": _text(oa_id).encode(),
            "body": body,
            "timestamp": _text(payload.get("timestamp")).encode(),
        }

    def _digest(self, pieces: Mapping[str, bytes], secret: Secret) -> bytes:
        digest = hashlib.sha256()
        for part in self._parts:
            digest.update(secret.reveal().encode() if part == "secret" else pieces[part])
        return digest.hexdigest().encode()

    def _is_recent(self, timestamp: object) -> bool:
        if self._window is None:
            return True
        moment = read_milliseconds(timestamp)
        return moment is not None and abs(self._clock() - moment.timestamp()) <= self._window


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
    occurred_at = read_milliseconds(payload.get("timestamp"))
    if name != DELIVERED or not isinstance(message, dict):
        return WebhookEvent(name=name, occurred_at=occurred_at, body=body)
    tracking_id = read_id(message, "tracking_id")
    if tracking_id is None and headers.get("x-zevent-server", "").upper() != "ZNS":
        return WebhookEvent(name=name, occurred_at=occurred_at, body=body)
    message_id = read_id(message, "msg_id")
    if message_id is None:
        raise WebhookError("message.msg_id is missing")
    delivery_time = read_milliseconds(message.get("delivery_time"))
    return WebhookEvent(
        name=name,
        status=ZnsStatus(message_id=message_id, status=1, delivery_time=delivery_time),
        tracking_id=tracking_id,
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
