"""Goby's and Zalo's webhooks: a table of bytes, and their signature."""

import contextlib
import datetime as dt
import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ConfigurationError, ZnsStatus
from smsbat_async.credentials import Secret
from smsbat_async.vendors.webhook import WebhookError
from smsbat_async.vendors.zns_webhook import ZaloSignature, is_probe, read_event

NOW = 1_732_000_000.0
SECRET = "oa-secret-key"


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


def signed(raw: bytes, *pieces: str | bytes, prefix: str = "mac=") -> dict[str, str]:
    """Sign as Zalo's page says; by default app id, body, timestamp and secret."""
    given = pieces or ("431", raw, "1732000000000", SECRET)
    digest = hashlib.sha256(b"".join(one if isinstance(one, bytes) else one.encode() for one in given))
    return {"x-zevent-signature": prefix + digest.hexdigest()}


def signature(**options: Any) -> ZaloSignature:
    return ZaloSignature(**{"secrets": [SECRET], "clock": lambda: NOW, **options})


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
        body(message={"tracking_id": ["order-1"], "msg_id": "m-1"}),
    ],
    ids=range(10),
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
    signature()(signed(b""), raw)
    is_probe(raw)


@pytest.mark.parametrize(("raw", "probe"), [(b"", True), (b" \n", True), (b"{}", True), (b'{"a":1}', True),
                                             (b"[]", False), (b"x", False), (body(), False)])  # fmt: skip
def test_a_probe_names_no_event(raw: bytes, probe: bool) -> None:
    assert is_probe(raw) is probe


# -- signatures --------------------------------------------------------------------------------------


def test_a_signature_over_the_bytes_as_they_came_is_right() -> None:
    assert signature()(signed(body()), body())


def test_row_65_a_wrong_signature_is_refused() -> None:
    raw = body()
    right = signed(raw)["x-zevent-signature"]
    for wrong in (
        {},
        {"x-zevent-signature": ""},
        {"x-zevent-signature": "mac="},
        {"x-zevent-signature": right[4:]},
        {"x-zevent-signature": right[:-1]},
        {"x-zevent-signature": right + "0"},
        {"x-zevent-signature": "mac=" + "é" * 64},
        {"x-zevent-signature": "mac=" + "0" * 64},
        signed(raw + b" "),
        signed(raw, "431", raw, "1732000000000", "another secret"),
        signed(raw, "", raw, "1732000000000", SECRET),
    ):
        assert not signature()(wrong, raw), wrong
    assert signature()({"x-zevent-signature": right}, raw)
    assert not signature()(signed(b"nonsense"), b"nonsense")


def test_hex_may_be_in_capitals() -> None:
    given = signed(body())["x-zevent-signature"]
    assert signature()({"x-zevent-signature": "mac=" + given[4:].upper()}, body())


def test_several_secrets_are_right_while_one_is_replaced() -> None:
    check = signature(secrets=["new", Secret(SECRET)])
    assert check(signed(body()), body())
    assert check(signed(body(), "431", body(), "1732000000000", "new"), body())
    assert not check(signed(body(), "431", body(), "1732000000000", "older"), body())


def test_the_app_id_may_be_set_instead_of_believed() -> None:
    check = signature(app_id="777")
    assert not check(signed(body()), body())
    assert check(signed(body(), "777", body(), "1732000000000", SECRET), body())


def test_a_secret_and_an_app_id_may_hold_any_letters() -> None:
    check = signature(app_id="ứng dụng", secrets=["khoá"])
    assert check(signed(body(), "ứng dụng", body(), "1732000000000", "khoá"), body())


def test_what_is_signed_can_be_said() -> None:
    raw = body()
    check = signature(parts=("oa_id", "body", "timestamp", "secret"), header="X-Goby-Signature", prefix="")
    given = signed(raw, "2881", raw, "1732000000000", SECRET, prefix="")
    assert check({"x-goby-signature": given["x-zevent-signature"]}, raw)
    assert signature(parts=("body", "secret"), window=None)(signed(raw, raw, SECRET), raw)


@pytest.mark.parametrize(
    ("away", "right"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)]
)
def test_row_66_an_old_or_a_future_time_is_refused(away: float, right: bool) -> None:
    assert signature(clock=lambda: NOW + away)(signed(body()), body()) is right


def test_row_66_the_window_can_be_wider_or_none() -> None:
    late = {"clock": lambda: NOW + 6_000}
    assert signature(window=7_000.0, **late)(signed(body()), body())
    assert signature(window=None, **late)(signed(body()), body())


@pytest.mark.parametrize("when", [..., None, "", "soon", [], "9" * 400])
def test_row_66_a_signed_time_that_is_none_is_refused(when: Any) -> None:
    raw = body(timestamp=when)
    text = when if isinstance(when, str) else ""
    assert not signature()(signed(raw, "431", raw, text, SECRET), raw)
    assert signature(window=None)(signed(raw, "431", raw, text, SECRET), raw)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"secrets": []}, "secrets"),
        ({"secrets": [""]}, "secrets"),
        ({"secrets": [7]}, "secrets"),
        ({"window": 0}, "window"),
        ({"window": -1.0}, "window"),
        ({"header": "not a header"}, "header"),
        ({"parts": ("body",)}, "parts"),
        ({"parts": ("secret", "timestamp")}, "parts"),
        ({"parts": ("body", "secret", "phone")}, "parts"),
        ({"parts": ("body", "secret")}, "window"),
    ],
    ids=range(10),
)
def test_a_wrong_argument_is_named(options: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{field} "):
        signature(**options)


def test_one_secret_is_not_read_as_many_letters() -> None:
    check = signature(secrets=SECRET)
    assert check(signed(body()), body())
    assert not check(signed(body(), "431", body(), "1732000000000", SECRET[0]), body())


def test_a_signature_shows_no_secret() -> None:
    assert SECRET not in repr(signature())
