"""Goby ZNS, sending: requests as exact bytes, and answers from Zalo's own to the absurd."""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsbat_async import (
    ApiError,
    AuthenticationError,
    QuotaError,
    RecipientError,
    ResponseError,
    SendOutcome,
    ServerError,
    SmsBatError,
    ZnsFallbackSms,
    ZnsMessage,
    ZnsQuota,
    ZnsReceipt,
    ZnsResult,
)
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.zns import Zns
from smsbat_async.vendors.zns_send import Notifications

WIRE = Notifications(Zns(api_key="oa-key-1"))
MESSAGE = ZnsMessage(
    tracking_id="z-1", phone="+84987654321", template_id="7895", template_data={"ten": "Nguyễn"}
)


def read(body: object, status: int = 200) -> ZnsResult:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (result,), foreign = WIRE.read_receipts(Response(status, LowerHeaders(), raw), [MESSAGE])
    assert foreign == ()
    return result


def read_data(data: Any) -> ZnsReceipt:
    result = read({"error": 0, "message": "Success", "data": data})
    assert (result.outcome, result.error) == (SendOutcome.ACCEPTED, None)
    assert result.receipt is not None
    return result.receipt


class TestRequest:
    def test_is_these_bytes(self) -> None:
        request = WIRE.send_request([MESSAGE])
        assert (request.method, request.url, request.template) == (
            "POST",
            "https://zns.api.gobysend.com/api/message/send",
            "/api/message/send",
        )
        assert (
            request.body
            == (
                '{"phone":"84987654321","template_id":"7895","template_data":{"ten":"Nguyễn"},'
                '"tracking_id":"z-1"}'
            ).encode()
        )
        assert request.headers["access_token"] == "oa-key-1"
        assert request.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize(
        ("delay", "expected"), [(60, {"delay_seconds": 60}), (0, {"delay_seconds": 0}), (None, {})]
    )
    def test_holds_the_sms_to_fall_back_on(self, delay: int | None, expected: dict[str, int]) -> None:
        fallback = ZnsFallbackSms(from_name="Shop", text="Mã 4711", delay=delay)
        message = ZnsMessage(
            tracking_id="z-1",
            phone="84987654321",
            template_id="7895",
            template_data={},
            fallback_sms=fallback,
        )
        body = WIRE.send_request([message]).body
        assert body is not None
        assert json.loads(body) == {
            "phone": "84987654321",
            "template_id": "7895",
            "template_data": {},
            "tracking_id": "z-1",
            "has_fallback_sms": True,
            "fallback_sms": {"brandname": "Shop", "content": "Mã 4711", **expected},
        }

    def test_any_key_is_good_for_it(self) -> None:
        WIRE.check_can_send()


class TestAnswer:
    def test_of_zalo(self) -> None:
        body = b"""{"error": 0, "message": "Success", "data": {
            "msg_id": "7895417a7d3f9461cd2e", "sent_time": "1600328011517", "sending_mode": "1",
            "quota": {"dailyQuota": "500", "remainingQuota": "499"}}}"""
        assert read(body).receipt == ZnsReceipt(
            message_id="7895417a7d3f9461cd2e",
            tracking_id="z-1",
            sent_time=dt.datetime(2020, 9, 17, 7, 33, 31, 517_000, tzinfo=dt.UTC),
            sending_mode="1",
            quota=ZnsQuota(daily_quota=500, remaining_quota=499),
        )

    @pytest.mark.parametrize(
        "data",
        [{"msg_id": "m"}, {"message_id": "m"}, {"msg_id": "", "message_id": "m"}, {"msg_id": "m", "more": 1}],
    )
    def test_needs_an_id_by_either_name_only(self, data: dict[str, Any]) -> None:
        assert read_data(data) == ZnsReceipt(message_id="m", tracking_id="z-1")

    def test_may_spell_the_id_as_a_number(self) -> None:
        assert read_data({"msg_id": 17}).message_id == "17"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("sent_time", "soon"),
            ("sent_time", True),
            ("sent_time", 1.5),
            ("sending_mode", None),
            ("quota", 500),
            ("quota", {"dailyQuota": "many", "remainingQuota": 1}),
            ("quota", {"dailyQuota": 1}),
        ],
    )
    def test_with_nonsense_in_another_field_has_that_field_empty(self, field: str, value: object) -> None:
        assert read_data({"msg_id": "m", field: value}) == ZnsReceipt(message_id="m", tracking_id="z-1")

    @pytest.mark.parametrize(
        "data", [None, {}, [], "m", {"msg_id": None}, {"msg_id": True}, {"msg_id": ["m"]}]
    )
    def test_without_an_id_is_none(self, data: object) -> None:
        with pytest.raises(ResponseError) as caught:
            read({"error": 0, "message": "Success", "data": data})
        assert caught.value.kind == "mismatch"

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"5", b'{"error":"no"}', b'{"error":true}'])
    def test_that_is_no_envelope_is_none(self, body: bytes) -> None:
        with pytest.raises(ResponseError) as caught:
            read(body)
        assert caught.value.kind == "unreadable"

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (-118, RecipientError),
            ("-114", RecipientError),
            (-144, QuotaError),
            (-124, AuthenticationError),
            (-100, ServerError),
            (-9999, ApiError),
        ],
    )
    def test_with_an_error_is_that_error(self, code: int | str, kind: type[ApiError]) -> None:
        with pytest.raises(ApiError) as caught:
            read({"error": code, "message": "no", "data": {"msg_id": "m"}})
        error = caught.value
        assert type(error) is kind
        assert (error.status_code, error.code, error.message) == (200, str(code), "no")

    def test_with_an_error_of_http_is_that_error(self) -> None:
        with pytest.raises(AuthenticationError):
            read(b"", status=401)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(
    data=json_values | st.fixed_dictionaries({"msg_id": json_values, "sent_time": json_values}),
    error=st.sampled_from([0, None, -100]) | json_values,
)
def test_any_answer_gives_an_id_or_an_error_of_ours(data: Any, error: Any) -> None:
    try:
        result = read({"error": error, "data": data})
    except SmsBatError:
        return
    assert result.message_id
