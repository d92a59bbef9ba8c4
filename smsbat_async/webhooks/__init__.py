"""Webhooks: hear of deliveries as they happen, with polling as the safety net."""

from smsbat_async.vendors.webhook import Verify, WebhookError, WebhookEvent
from smsbat_async.webhooks.callbacks import OnEvent
from smsbat_async.webhooks.keeper import Store
from smsbat_async.webhooks.receiver import WebhookReceiver, WebhookStats
from smsbat_async.webhooks.reply import Reply
from smsbat_async.webhooks.zalo import ZaloSignature

__all__ = [
    "OnEvent",
    "Reply",
    "Store",
    "Verify",
    "WebhookError",
    "WebhookEvent",
    "WebhookReceiver",
    "WebhookStats",
    "ZaloSignature",
]
