"""SMSBAT's webhooks: a table of bytes."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import MessageStatus, Outcome
from smsbat_async.vendors.smsbat_webhook import is_probe, read_event
from smsbat_async.vendors.webhook import WebhookError

SAMPLE = (
    b'{"messageId":"abc123def456","deliverystatus":"delivered",'
    b'"timestamp":"2025-01-23T10:30:00Z","cost":0.05}'
)


def body(**fields: Any) -> bytes:
    whole = {"messageId": "m-1", "deliverystatus": "delivered", **fields}
    return msgspec.json.encode({name: value for name, value in whole.items() if value is not ...})


def status(raw: bytes) -> MessageStatus:
    found = read_event({}, raw).status
    assert found is not None
    return found


def test_the_documented_sample_is_read_whole() -> None:
    event = read_event({}, SAMPLE)
    assert event.name == "delivery_status"
    assert event.status == MessageStatus(
        message_id="abc123def456", delivery_status="delivered", cost=Decimal("0.05")
    )
    assert event.status is not None
    assert event.status.outcome is Outcome.DELIVERED
    assert event.occurred_at == dt.datetime(2025, 1, 23, 10, 30, tzinfo=dt.UTC)
    assert event.tracking_id is None
    assert event.payload()["cost"] == Decimal("0.05")


def test_an_event_does_not_show_its_body() -> None:
    event = read_event({}, body(text="hello", phoneNumber="+380501234567"))
    assert "hello" not in repr(event)
    assert "380501234567" not in repr(event)
    assert "delivery_status" in repr(event)


@pytest.mark.parametrize("key", ["trackinId", "trackingId", "customerMessageId"])
def test_a_tracking_id_is_taken_where_there_is_one(key: str) -> None:
    assert read_event({}, body(**{key: "order-1"})).tracking_id == "order-1"
    assert read_event({}, body(**{key: 7})).tracking_id == "7"


def test_ids_that_are_numbers_are_texts() -> None:
    assert status(body(messageId=12345678901234567890)).message_id == "12345678901234567890"


@pytest.mark.parametrize("word", ["scheduled", "processing", "read", "Delivered"])
def test_any_word_is_kept_as_it_came(word: str) -> None:
    assert status(body(deliverystatus=word)).delivery_status == word


@pytest.mark.parametrize("cost", [..., None, "dear", {}, "NaN", 1e300])
def test_a_cost_that_makes_no_sense_costs_nothing_else(cost: Any) -> None:
    found = status(body(cost=cost))
    assert (found.cost, found.delivery_status) == (None, "delivered")


@pytest.mark.parametrize("number", ["1e99999999999999999999", "1e999999", "-1e-999999999"])
@pytest.mark.parametrize("field", ["cost", "another"])
def test_a_number_beyond_all_numbers_is_left_out(field: str, number: str) -> None:
    raw = b'{"messageId":"m-1","deliverystatus":"delivered","%s":%s}' % (field.encode(), number.encode())
    assert status(raw) == MessageStatus(message_id="m-1", delivery_status="delivered")
    assert isinstance(read_event({}, raw).payload()[field], Decimal)


@pytest.mark.parametrize("rate", ["NaN", 1e300])
def test_an_amount_that_makes_no_sense_costs_no_other(rate: object) -> None:
    found = status(body(cost=0.05, rate=rate, billAmount=0.06))
    assert (found.cost, found.rate, found.bill_amount) == (Decimal("0.05"), None, Decimal("0.06"))


def test_what_else_was_told_is_exact() -> None:
    raw = b'{"messageId":"m-1","deliverystatus":"delivered","tax":0.10000000000000000001}'
    assert read_event({}, raw).payload()["tax"] == Decimal("0.10000000000000000001")


def test_what_else_was_told_is_an_error_of_ours_where_it_is_no_text() -> None:
    event = read_event({}, b'{"messageId":"m-1","deliverystatus":"delivered","note":"\xff"}')
    with pytest.raises(WebhookError, match="must be a JSON object"):
        event.payload()


@pytest.mark.parametrize("odd", [["x"], {}, "x" * 255, "a\nb", 1.5, True])
@pytest.mark.parametrize("key", ["trackinId", "trackingId", "customerMessageId"])
def test_a_tracking_id_that_is_none_does_not_cost_the_news(key: str, odd: object) -> None:
    event = read_event({}, body(**{key: odd}))
    assert event.status is not None
    assert (event.status.outcome, event.tracking_id) == (Outcome.DELIVERED, None)


def test_a_cost_is_exact() -> None:
    for number in ("0.10000000000000000001", '"0.10000000000000000001"'):
        raw = f'{{"messageId":7,"deliverystatus":"delivered","cost":{number}}}'.encode()
        assert status(raw).cost == Decimal("0.10000000000000000001")


@pytest.mark.parametrize(
    "when", [..., None, "yesterday", "2025-01-23T10:30:00", 17, [], "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_is_none_is_left_out(when: Any) -> None:
    assert read_event({}, body(timestamp=when)).occurred_at is None


def test_a_time_of_another_zone_is_in_utc() -> None:
    event = read_event({}, body(timestamp="2025-01-23T12:30:00.5+02:00"))
    assert event.occurred_at == dt.datetime(2025, 1, 23, 10, 30, 0, 500_000, tzinfo=dt.UTC)


def test_what_a_person_answered_is_an_event_without_a_status() -> None:
    raw = msgspec.json.encode(
        {"idUuid": "u-1", "alphaName": "Shop", "phoneNumber": "380501234567", "text": "Yes",
         "dt": "2025-01-20T14:30:00.000Z"}
    )  # fmt: skip
    event = read_event({}, raw)
    assert (event.name, event.status) == ("incoming_message", None)
    assert event.occurred_at == dt.datetime(2025, 1, 20, 14, 30, tzinfo=dt.UTC)
    assert event.payload()["text"] == "Yes"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b"17",
        b"{",
        b'{"a":NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        body(messageId=...),
        body(messageId=""),
        body(messageId=None),
        body(messageId=[]),
        body(messageId=True),
        body(messageId="x" * 255),
        body(messageId="a\nb"),
        body(deliverystatus=...),
        body(deliverystatus=None),
        body(deliverystatus=""),
        body(deliverystatus={}),
    ],
    ids=range(21),
)
def test_row_68_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(WebhookError):
        read_event({}, raw)


@given(
    st.binary(max_size=300) | st.dictionaries(st.text(), st.text() | st.integers()).map(msgspec.json.encode)
)
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    try:
        event = read_event({}, raw)
    except WebhookError:
        return
    assert event.status is not None or event.name == "incoming_message"


def test_nothing_is_a_probe() -> None:
    assert not is_probe(b"")
    assert not is_probe(b"{}")
