"""The last word about each message."""

import pytest

from smsbat_async import MessageStatus, ZnsStatus
from smsbat_async.vendors.webhook import WebhookEvent
from smsbat_async.webhooks.recent import Freshness, Recent


def sms(word: str, message_id: str = "a") -> WebhookEvent[MessageStatus]:
    return WebhookEvent(name="x", status=MessageStatus(message_id=message_id, delivery_status=word))


@pytest.mark.parametrize(
    ("known", "word", "freshness"),
    [
        ("scheduled", "processing", Freshness.NEWS),
        ("processing", "scheduled", Freshness.OUTDATED),
        ("processing", "Processing", Freshness.REPEATED),
        ("processing", "read", Freshness.NEWS),
        ("read", "processing", Freshness.NEWS),
        ("read", "delivered", Freshness.NEWS),
        ("processing", "delivered", Freshness.NEWS),
        ("delivered", "Delivered", Freshness.REPEATED),
        ("delivered", "read", Freshness.OUTDATED),
        ("delivered", "processing", Freshness.OUTDATED),
        ("delivered", "undeliverable", Freshness.OUTDATED),
        ("permanenterror", "delivered", Freshness.OUTDATED),
    ],
)
def test_row_61_62_a_word_is_news_only_if_it_leads_on(known: str, word: str, freshness: Freshness) -> None:
    recent = Recent(10)
    recent.note(sms(known))
    assert recent.judge(sms(word)) is freshness
    assert recent.judge(sms(word, "another")) is Freshness.NEWS


def test_a_notification_of_zns_ends_once() -> None:
    recent = Recent(10)
    told: WebhookEvent[ZnsStatus] = WebhookEvent(name="x", status=ZnsStatus(message_id="a", status=1))
    assert recent.judge(told) is Freshness.NEWS
    recent.note(told)
    assert recent.judge(told) is Freshness.REPEATED


def test_other_events_are_known_by_their_bytes() -> None:
    recent = Recent(10)
    told: WebhookEvent[ZnsStatus] = WebhookEvent(name="user_feedback", body=b'{"rate":5}')
    recent.note(told)
    assert recent.judge(told) is Freshness.REPEATED
    assert recent.judge(WebhookEvent(name="user_feedback", body=b'{"rate":4}')) is Freshness.NEWS


def test_the_one_heard_of_longest_ago_is_forgotten_first() -> None:
    recent = Recent(2)
    for name, word in (("a", "scheduled"), ("b", "delivered"), ("a", "processing"), ("c", "delivered")):
        recent.note(sms(word, name))
    assert len(recent) == 2
    assert recent.judge(sms("scheduled", "a")) is Freshness.OUTDATED
    assert recent.judge(sms("delivered", "b")) is Freshness.NEWS
