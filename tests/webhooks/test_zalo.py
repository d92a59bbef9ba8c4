"""Zalo's signature, and every way to get it wrong."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ConfigurationError
from smsbat_async.credentials import Secret
from smsbat_async.webhooks import ZaloSignature
from tests.vendors.test_zns_webhook import body

NOW = 1_732_000_000.0
SECRET = "oa-secret-key"


def signed(raw: bytes, *pieces: str | bytes, prefix: str = "mac=") -> dict[str, str]:
    """Sign as Zalo's page says; by default app id, body, timestamp and secret."""
    given = pieces or ("431", raw, "1732000000000", SECRET)
    digest = hashlib.sha256(b"".join(one if isinstance(one, bytes) else one.encode() for one in given))
    return {"x-zevent-signature": prefix + digest.hexdigest()}


def signature(**options: Any) -> ZaloSignature:
    return ZaloSignature(**{"secrets": [SECRET], "clock": lambda: NOW, **options})


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


@given(st.binary(max_size=300))
def test_whatever_comes_is_right_or_wrong(raw: bytes) -> None:
    assert not signature()(signed(b""), raw)
