"""Assertions about what was sent, and what they say when they fail."""

import re
from typing import Any

import pytest

from smsbat_async import BadRequestError, ConfigurationError, MessageType, RetryPolicy, SmsBatError
from smsbat_async.sandbox.faults import FaultName
from smsbat_async.testing import FakeVendors
from tests.testing.messages import OTHER, PHONE, message, notification

FAULTS: list[FaultName] = ["fail", "too_many"]


async def test_messages_are_found_by_phone_in_any_spelling_oldest_first() -> None:
    async with FakeVendors() as vendors:
        await vendors.smsbat_client().send_many([message(1), message(2, OTHER), message(3)])
        found = [sent.tracking_id for sent in vendors.sent_to("+380 (50) 123-45-67")]
        assert found == ["order-1", "order-3"]
        assert [sent.tracking_id for sent in vendors.messages] == ["order-1", "order-2", "order-3"]


@pytest.mark.parametrize(
    ("sought", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"to": "380501234567"}, [1, 3]),
        ({"text": "2 is"}, [2]),
        ({"text": re.compile(r"\b[12]\b")}, [1, 2]),
        ({"sender": "Other"}, [3]),
        ({"tracking_id": "order-2"}, [2]),
        ({"message_type": "promo"}, [3]),
        ({"message_type": "zns"}, [4]),
        ({"vendor": "smsbat"}, [1, 2, 3]),
        ({"vendor": "zns"}, [4]),
        ({"to": PHONE, "text": "Order 3", "sender": "Other"}, [3]),
    ],
    ids=str,
)
async def test_an_assertion_finds_what_it_is_about(sought: dict[str, Any], numbers: list[int]) -> None:
    async with FakeVendors() as vendors:
        promo = message(3, from_name="Other", message_type=MessageType.PROMO)
        await vendors.smsbat_client().send_many([message(1), message(2, OTHER), promo])
        await vendors.zns_client().send(notification(4))
        found = vendors.assert_sent(**sought)
        assert [sent.tracking_id for sent in found] == [f"order-{number}" for number in numbers]
        assert vendors.assert_sent(**sought, times=len(numbers)) == found
        with pytest.raises(AssertionError):
            vendors.assert_sent(**sought, times=len(numbers) + 1)
        with pytest.raises(AssertionError):
            vendors.assert_not_sent(**sought)
        vendors.assert_not_sent(**sought | {"tracking_id": "order-9"})
        with pytest.raises(AssertionError, match=r"^9 messages.*'order-9'.* expected, 0 found"):
            vendors.assert_sent(**sought | {"tracking_id": "order-9"}, times=9)


async def test_a_failure_shows_what_was_sent_instead() -> None:
    async with FakeVendors() as vendors:
        await vendors.smsbat_client().send_many([message(1), message(2, OTHER)])
        with pytest.raises(AssertionError) as caught:
            vendors.assert_sent(to=PHONE, text=re.compile("Order [89]"), times=1)
    assert str(caught.value).splitlines() == [
        "1 message to +380501234567 matching the text 'Order [89]' expected, 0 found. Sent were 2:",
        "  to +380501234567 by smsbat, transaction from 'Shop', id 'order-1': 'Order 1 is ready'",
        "  to +380671234567 by smsbat, transaction from 'Shop', id 'order-2': 'Order 2 is ready'",
    ]


async def test_a_failure_shows_the_last_of_many() -> None:
    async with FakeVendors() as vendors:
        await vendors.smsbat_client().send_many([message(number) for number in range(30)])
        with pytest.raises(AssertionError) as caught:
            vendors.assert_nothing_sent()
    lines = str(caught.value).splitlines()
    assert lines[0] == "0 messages expected, 30 found. Sent were 30:"
    assert lines[1] == "  ... 10 more before these"
    assert len(lines) == 22
    assert "'order-29'" in lines[-1]


async def test_a_failure_tells_why_nothing_was_accepted() -> None:
    async with FakeVendors(refused_phones={PHONE}) as vendors:
        vendors.assert_nothing_sent()
        with pytest.raises(BadRequestError):
            await vendors.smsbat_client().send(message())
        with pytest.raises(SmsBatError):
            await vendors.smsbat_client(api_key="wrong").send(message())
        once = vendors.smsbat_client(retry=RetryPolicy(attempts=1))
        for fault in FAULTS:
            vendors.inject(fault)
            with pytest.raises(SmsBatError):
                await once.send(message())
        vendors.assert_nothing_sent()
        with pytest.raises(AssertionError) as caught:
            vendors.assert_sent(to=PHONE)
    assert str(caught.value).splitlines() == [
        "a message to +380501234567 expected, 0 found. Nothing was sent.",
        "Requests refused for what they said: 1.",
        "Requests turned away for their credentials: 1.",
        "Requests answered 429: 1.",
        "Requests failed on purpose: 1.",
    ]


@pytest.mark.parametrize(
    ("sought", "complaint"),
    [
        ({"message_type": "promotion"}, "message_type must be one of transaction, promo, .*not 'promotion'"),
        ({"vendor": "goby"}, "vendor must be one of smsbat, zns, not 'goby'"),
    ],
    ids=["message_type", "vendor"],
)
async def test_a_word_that_no_message_can_have_is_an_error(sought: dict[str, Any], complaint: str) -> None:
    async with FakeVendors() as vendors:
        with pytest.raises(ConfigurationError, match=complaint):
            vendors.assert_sent(**sought)
        with pytest.raises(ConfigurationError, match=complaint):
            vendors.assert_not_sent(**sought)


@pytest.mark.parametrize("word", [*MessageType, "zns", "sms", "viber_promo"])
async def test_every_type_of_a_message_may_be_asked_for(word: str) -> None:
    async with FakeVendors() as vendors:
        vendors.assert_not_sent(message_type=word)


@pytest.mark.parametrize("phone", ["0501234567", "(050) 123-45-67", "00380501234567"])
async def test_a_phone_without_its_country_code_gets_a_hint(phone: str) -> None:
    async with FakeVendors() as vendors:
        vendors.assert_not_sent(to=phone)
        await vendors.smsbat_client().send(message())
        hint = re.escape(f"with their country codes: was {PHONE} meant by {phone}?")
        with pytest.raises(AssertionError, match=hint):
            vendors.assert_sent(to=phone)
        with pytest.raises(AssertionError, match=hint):
            vendors.assert_not_sent(to=phone)
        with pytest.raises(AssertionError, match=r"^(?![\s\S]*country)"):
            vendors.assert_sent(to=OTHER)
        vendors.assert_not_sent(to="0671234567")
