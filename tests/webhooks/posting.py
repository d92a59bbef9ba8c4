"""Webhooks as a framework would hand them over."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from smsbat_async.webhooks import Reply, WebhookReceiver

SECRET = "a-secret-of-our-own"
OTHER = "another-secret-of-ours"


def body(message_id: str = "m-1", word: str = "delivered", **fields: Any) -> bytes:
    return msgspec.json.encode({"messageId": message_id, "deliverystatus": word, **fields})


async def pieces(*parts: bytes, every: float = 0.0) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(every)
        yield part


async def post(
    receiver: WebhookReceiver[Any],
    raw: bytes,
    *,
    secret: str | None = SECRET,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    return await receiver.receive(headers or {}, pieces(raw), secret=secret)
