"""Goby's and Zalo's webhooks: a table of bytes."""

import contextlib
import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ZnsStatus
from smsbat_async.vendors.webhook import WebhookError
from smsbat_async.vendors.zns_webhook import is_probe, read_event


def body(**fields: Any) -> bytes:
    whole = {
        "event_name": "user_received_message",
        "app_id": "431",
        "sender": {"id": "2881"},
        "recipient": {"id": "84987654321"},
        "message": {"delivery_time": "1732000000517", "msg_id": "m-1", "tracking_id": "order-1"},
        "timestamp": "1732000000000",
        **fields,
    }
    # Not msgspec: the signature is over bytes as they came, spaces included.
    return json.dumps({name: value for name, value in whole.items() if value is not ...}, indent=1).encode()


# -- events ------------------------------------------------------------------------------------------


def test_a_delivery_is_a_status_that_a_poll_would_have_given() -> None:
    event = read_event({}, body())
    delivery_time = dt.datetime(2024, 11, 19, 7, 6, 40, 517_000, tzinfo=dt.UTC)
    assert event.status == ZnsStatus(message_id="m-1", status=1, delivery_time=delivery_time)
    assert (event.name, event.tracking_id) == ("user_received_message", "order-1")
    assert event.occurred_at == delivery_time


def test_a_delivery_without_its_time_happened_when_it_was_told() -> None:
    event = read_event({}, body(message={"msg_id": 12345678901234567, "tracking_id": "order-1"}))
    assert event.status == ZnsStatus(message_id="12345678901234567", status=1)
    assert event.occurred_at == dt.datetime(2024, 11, 19, 7, 6, 40, tzinfo=dt.UTC)


def test_a_chat_of_the_official_account_is_no_notification() -> None:
    chat = body(message={"msg_id": "c-1", "text": "hello"})
    assert read_event({}, chat).status is None
    named = read_event({"x-zevent-server": "ZNS"}, chat)
    assert named.status == ZnsStatus(message_id="c-1", status=1)


@pytest.mark.parametrize("odd", [["order-1"], {}, "x" * 255, "a\nb", 1.5, True])
def test_a_tracking_id_that_is_none_does_not_cost_the_news(odd: object) -> None:
    event = read_event({}, body(message={"tracking_id": odd, "msg_id": "m-1"}))
    assert event.status == ZnsStatus(message_id="m-1", status=1)
    assert event.tracking_id is None


@pytest.mark.parametrize("name", ["user_feedback", "change_oa_daily_quota", "user_seen_message", "tomorrow"])
def test_other_events_are_handed_on_without_a_status(name: str) -> None:
    event = read_event({}, body(event_name=name))
    assert (event.name, event.status) == (name, None)
    assert event.payload()["recipient"] == {"id": "84987654321"}


@pytest.mark.parametrize("when", [..., None, "", "soon", 1e300, "9" * 400, [], True])
def test_a_time_that_is_none_is_left_out(when: Any) -> None:
    message = {"msg_id": "m-1", "tracking_id": "t", "delivery_time": None if when is ... else when}
    event = read_event({}, body(timestamp=when, message=message))
    assert event.status is not None
    assert event.occurred_at is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"nonsense",
        b"[" * 100_000,
        body(event_name=...),
        body(event_name=7),
        body(event_name=""),
        body(message={"tracking_id": "order-1"}),
        body(message={"tracking_id": "order-1", "msg_id": {}}),
    ],
    ids=range(9),
)
def test_row_68_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(WebhookError):
        read_event({}, raw)


@given(
    st.binary(max_size=300) | st.dictionaries(st.text(), st.text() | st.integers()).map(msgspec.json.encode)
)
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(WebhookError):
        assert read_event({}, raw).name
    is_probe(raw)


@pytest.mark.parametrize(("raw", "probe"), [(b"", True), (b" \n", True), (b"{}", True), (b'{"a":1}', True),
                                             (b"[]", False), (b"x", False), (body(), False)])  # fmt: skip
def test_a_probe_names_no_event(raw: bytes, probe: bool) -> None:
    assert is_probe(raw) is probe
