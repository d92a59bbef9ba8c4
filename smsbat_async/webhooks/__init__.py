"""Webhooks: hear of deliveries as they happen, with polling as the safety net."""

from smsbat_async.vendors.webhook import Verify, WebhookError, WebhookEvent
from smsbat_async.vendors.zns_webhook import ZaloSignature
from smsbat_async.webhooks.callbacks import OnEvent
from smsbat_async.webhooks.keeper import Store
from smsbat_async.webhooks.receiver import WebhookReceiver, WebhookStats
from smsbat_async.webhooks.reply import Reply

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
