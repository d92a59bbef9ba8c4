"""News of messages that nobody follows yet."""

import asyncio

import pytest

from smsbat_async import ConfigurationError, MessageStatus, Outcome, PollPolicy, ZnsStatus
from smsbat_async.tracking import cache
from smsbat_async.tracking.parking import Parking
from tests.support.fake import FakeTransport, client_of, status
from tests.tracking.test_poller_news import WAITING


def sms(message_id: str, word: str) -> MessageStatus:
    return MessageStatus(message_id=message_id, delivery_status=word)


def test_news_are_given_once() -> None:
    parking: Parking[MessageStatus] = Parking()
    parking.put(sms("a", "delivered"), 0.0)
    assert parking.take("b", 1.0) is None
    assert parking.take("a", 1.0) == sms("a", "delivered")
    assert parking.take("a", 1.0) is None


def test_news_are_kept_for_ten_minutes() -> None:
    parking: Parking[MessageStatus] = Parking()
    for name in ("a", "b"):
        parking.put(sms(name, "delivered"), 0.0)
    assert parking.take("a", 600.0) is not None
    assert parking.take("b", 600.1) is None


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("processing", "delivered", "delivered"),
        ("delivered", "processing", "delivered"),
        ("delivered", "undeliverable", "delivered"),
        ("processing", "scheduled", "processing"),
        ("processing", "read", "read"),
    ],
)
def test_row_62_nothing_goes_backwards(first: str, second: str, kept: str) -> None:
    parking: Parking[MessageStatus] = Parking()
    parking.put(sms("a", first), 0.0)
    parking.put(sms("a", second), 1.0)
    assert parking.take("a", 2.0) == sms("a", kept)


def test_that_an_id_is_unknown_is_not_kept() -> None:
    parking: Parking[ZnsStatus] = Parking()
    parking.put(ZnsStatus(message_id="a", status=-1), 0.0)
    assert not len(parking)


def test_the_oldest_make_room() -> None:
    parking: Parking[MessageStatus] = Parking(capacity=2)
    for name in ("a", "b", "c"):
        parking.put(sms(name, "delivered"), 0.0)
    assert len(parking) == 2
    assert parking.take("a", 0.0) is None
    assert parking.take("c", 0.0) is not None


def test_what_is_too_old_goes_as_more_comes() -> None:
    parking: Parking[MessageStatus] = Parking()
    for number in range(100):
        parking.put(sms(f"old-{number}", "delivered"), 0.0)
    for number in range(60):
        parking.put(sms(f"new-{number}", "delivered"), 601.0)
    assert len(parking) == 60


@pytest.mark.looptime
async def test_row_63_news_that_were_faster_than_the_answer_are_heard() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client:
        assert client.poller.feed(sms("a", "delivered")) is False
        # So many others that the cache has forgotten it, and the parking has not.
        for number in range(cache.CAPACITY):
            client.poller.feed(sms(f"other-{number}", "processing"))
        await asyncio.sleep(599)
        delivery = await client.wait_for_delivery("a")
    assert (delivery.outcome, delivery.source) == (Outcome.DELIVERED, "webhook")
    assert not transport.calls


@pytest.mark.looptime
async def test_row_63_a_state_that_is_no_end_is_known_from_the_start() -> None:
    async with client_of(FakeTransport([status("scheduled")])) as client:
        client.poller.feed(sms("a", "processing"))
        delivery = await client.wait_for_delivery("a", timeout=9.0)
    assert delivery.timed_out
    assert delivery.status == sms("a", "processing"), "a poll that is behind does not put it back"


@pytest.mark.looptime
async def test_with_webhooks_first_only_what_nobody_told_of_is_asked_after() -> None:
    transport = FakeTransport([WAITING])
    policy = PollPolicy.webhook_first(after=60.0)
    async with client_of(transport, polling=policy) as client:
        told, untold = client.track("told"), client.track("untold")
        await asyncio.sleep(50)
        assert not transport.calls
        client.poller.feed(sms("told", "delivered"))
        assert (await told).success
        await asyncio.sleep(30)
        assert len(transport.calls) == 1
        assert not untold.done()


def test_the_policy_for_webhooks_checks_itself() -> None:
    policy = PollPolicy.webhook_first(after=5.0, maximum=20.0, timeout=90.0)
    assert (policy.initial, policy.factor, policy.maximum, policy.timeout) == (5.0, 2.0, 20.0, 90.0)
    assert PollPolicy.webhook_first().initial == 60.0
    with pytest.raises(ConfigurationError, match=r"PollPolicy\.maximum"):
        PollPolicy.webhook_first(after=60.0, maximum=30.0)
