"""Goby ZNS: requests as exact bytes, and answers from the documented to the absurd."""

import datetime as dt
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidMessageError,
    NotFoundError,
    Outcome,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    RecipientError,
    ResponseError,
    ServerError,
    ZnsStatus,
)
from smsbat_async.credentials import Secret
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.zns import Zns
from smsbat_async.vendors.zns_errors import (
    AUTHENTICATION,
    CONFIGURATION,
    OTHER_REFUSALS,
    QUOTA,
    RECIPIENT,
    REQUEST,
    TRY_LATER,
)

ID = "message_id"
KEY = "oa-key-1"
VENDOR = Zns(api_key=KEY)
BOM = b"\xef\xbb\xbf"
MOMENT = dt.datetime(2020, 9, 17, 7, 33, 31, 517_000, tzinfo=dt.UTC)

DOCUMENTED = b"""{
   "message": "Success",
   "data": {
       "delivery_time": "1600328011517",
       "message": "The message was delivered to the user's phone",
       "status": 1
   },
   "error": 0
}"""


def read(body: bytes, status: int = 200) -> ZnsStatus:
    return VENDOR.read_status(Response(status, LowerHeaders(), body), ID)


def read_data(data: str) -> ZnsStatus:
    return read(f'{{"message":"Success","data":{data},"error":0}}'.encode())


def unusable(body: bytes) -> ResponseError:
    with pytest.raises(ResponseError) as caught:
        read(body)
    assert caught.value.kind == "unreadable"
    assert caught.value.body == body[:2_048]
    assert caught.value.__context__ is None
    return caught.value


class TestStatusRequest:
    def test_carries_the_key_in_the_likeliest_header(self) -> None:
        request = VENDOR.status_request(ID)
        assert (request.method, request.url, request.body) == (
            "GET",
            "https://zns.api.gobysend.com/api/message/status?message_id=message_id",
            None,
        )
        assert request.headers == {
            "User-Agent": "smsbat-async",
            "Accept-Encoding": "identity",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "access_token": KEY,
        }

    @pytest.mark.parametrize("name", ["api-key", "X-API-Key", "Authorization"])
    def test_carries_it_in_a_header_of_the_users_choice(self, name: str) -> None:
        request = Zns(api_key=Secret(KEY), auth_header=name).status_request(ID)
        assert request.headers[name] == KEY
        assert "access_token" not in request.headers

    def test_goes_where_it_is_told(self) -> None:
        vendor = Zns(api_key=KEY, base_url="http://127.0.0.1:8080/", status_path="/v2/status")
        assert vendor.status_request("m-1").url == "http://127.0.0.1:8080/v2/status?message_id=m-1"
        assert vendor.status_request("m-1").template == "/v2/status"
        assert vendor.host == "http://127.0.0.1:8080"

    def test_is_not_made_of_an_unfit_id(self) -> None:
        with pytest.raises(InvalidMessageError):
            VENDOR.status_request("a&message_id=b")


class TestSetUp:
    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"api_key": ""}, "api_key must be"),
            ({"api_key": None}, "api_key must be"),
            ({"api_key": "a\r\nb"}, "api_key must be"),
            ({"api_key": KEY, "auth_header": ""}, "auth_header must be"),
            ({"api_key": KEY, "auth_header": "a: b"}, "auth_header must be"),
            (
                {"api_key": KEY, "base_url": "http://zns.api.gobysend.com"},
                "base_url must begin with https://",
            ),
            ({"api_key": KEY, "status_path": ".evil.example/x"}, "status_path must begin with /"),
            ({"api_key": KEY, "status_path": "/a#b"}, "status_path must begin with /"),
            ({"api_key": KEY, "status_path": "/a?phone=1"}, "status_path must be a path without a query"),
        ],
    )
    def test_is_refused_where_something_is_missing_or_wrong(self, arguments: Any, text: str) -> None:
        with pytest.raises(ConfigurationError, match=text) as caught:
            Zns(**arguments)
        assert KEY not in str(caught.value)

    def test_shows_its_host_only(self) -> None:
        assert repr(VENDOR) == "Zns(https://zns.api.gobysend.com:443)"
        assert VENDOR.name == "zns"

    def test_tells_credentials_apart(self) -> None:
        assert VENDOR.credential == Zns(api_key=KEY).credential != Zns(api_key="other").credential


class TestAnswers:
    def test_documented(self) -> None:
        answer = read(DOCUMENTED)
        assert answer == ZnsStatus(
            message_id=ID,
            status=1,
            delivery_time=MOMENT,
            message="The message was delivered to the user's phone",
        )
        assert answer.outcome is Outcome.DELIVERED

    @pytest.mark.parametrize("status", [-1, 0, 1, 2, -2, 200])
    def test_any_number_is_kept(self, status: int) -> None:
        assert read_data(f'{{"status":{status}}}') == ZnsStatus(message_id=ID, status=status)

    @pytest.mark.parametrize("spelled", ['"1"', "1.0"])
    def test_a_status_may_be_spelled_otherwise(self, spelled: str) -> None:
        assert read_data(f'{{"status":{spelled}}}').status == 1

    @pytest.mark.parametrize("mark", [b"", BOM])
    def test_unknown_fields_are_ignored(self, mark: bytes) -> None:
        body = b'{"error":0,"new":[{}],"data":{"status":0,"quota":{"left":"5"}}}'
        assert read(mark + body) == ZnsStatus(message_id=ID, status=0)

    @pytest.mark.parametrize("error", ["0", '"0"', "null", "0.0"])
    def test_no_error_may_be_spelled_otherwise(self, error: str) -> None:
        assert read(f'{{"error":{error},"data":{{"status":1}}}}'.encode()).status == 1

    def test_the_error_may_be_left_out(self) -> None:
        assert read(b'{"data":{"status":0}}').status == 0

    def test_a_byte_order_mark_does_no_harm(self) -> None:
        assert read(BOM + DOCUMENTED) == read(DOCUMENTED)

    def test_invalid_utf8_costs_its_character_only(self) -> None:
        assert read(b'{"error":0,"data":{"status":1,"message":"\xff"}}') == ZnsStatus(
            message_id=ID, status=1, message="\ufffd"
        )

    def test_half_an_emoji_costs_nothing_else(self) -> None:
        assert read(b'{"error":0,"data":{"status":1,"note":"\\ud83d"}}').status == 1

    @pytest.mark.parametrize("data", ['{"status":1,"message":5}', '{"status":1,"message":["x"]}'])
    def test_a_wrong_type_in_an_optional_field_costs_that_field_only(self, data: str) -> None:
        assert read_data(data) == ZnsStatus(message_id=ID, status=1)

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b'{"error":0}',
            b'{"error":0,"data":null}',
            b'{"error":0,"data":{}}',
            b'{"error":0,"data":[]}',
            b'{"error":0,"data":"delivered"}',
            b'{"error":0,"data":{"status":null}}',
            b'{"error":0,"data":{"status":true}}',
            b'{"error":0,"data":{"status":"one"}}',
            b'{"error":0,"data":{"status":1.5}}',
            b'{"error":0,"data":{"status":1e999999999}}',
        ],
    )
    def test_without_a_number_there_is_no_status(self, body: bytes) -> None:
        error = unusable(body)
        assert "the answer has no data.status" in str(error)
        assert error.retryable is False

    @pytest.mark.parametrize("body", [b"null", b"[]", b"5", b'"ok"'])
    def test_what_is_no_object_is_no_answer(self, body: bytes) -> None:
        assert "the answer is not an object" in str(unusable(body))

    @pytest.mark.parametrize(
        ("body", "problem", "retryable"),
        [
            (b"", "is empty", True),
            (b"<html>", "is not JSON", True),
            (DOCUMENTED[:-2], "is not JSON", True),
            (b"[" * 1_000_000, "nested too deep", False),
            (b'{"data":' * 1_000_000, "nested too deep", False),
        ],
    )
    def test_what_is_no_json_is_no_answer(self, body: bytes, problem: str, retryable: bool) -> None:
        error = unusable(body)
        assert problem in str(error)
        assert error.retryable is retryable


class TestDeliveryTime:
    @pytest.mark.parametrize(
        "spelled", ['"1600328011517"', "1600328011517", "1600328011517.0", '" 1600328011517 "']
    )
    def test_is_a_moment_in_utc(self, spelled: str) -> None:
        moment = read_data(f'{{"status":1,"delivery_time":{spelled}}}').delivery_time
        assert moment == MOMENT
        assert moment.tzinfo is dt.UTC

    @pytest.mark.parametrize("data", ['{"status":0}', '{"status":0,"delivery_time":null}'])
    def test_may_be_missing(self, data: str, caplog: pytest.LogCaptureFixture) -> None:
        assert read_data(data).delivery_time is None
        assert caplog.records == []

    @pytest.mark.parametrize(
        "spelled",
        [
            '""',
            '"soon"',
            '"2020-09-17T07:33:31Z"',
            '"1e12"',
            '"' + "9" * 30 + '"',
            "9" * 4_000,
            "[1]",
            "true",
            "1.5",
            "{}",
        ],
    )
    def test_that_is_garbage_is_none_and_logged(self, spelled: str, caplog: pytest.LogCaptureFixture) -> None:
        answer = read_data(f'{{"status":1,"delivery_time":{spelled}}}')
        assert answer == ZnsStatus(message_id=ID, status=1)
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "dropped field 'delivery_time' of an answer" in caplog.text


class TestErrorsInTheEnvelope:
    @pytest.mark.parametrize(
        ("codes", "cls"),
        [
            (TRY_LATER, ServerError),
            (AUTHENTICATION, AuthenticationError),
            (CONFIGURATION, PermissionDeniedError),
            (REQUEST, BadRequestError),
            (OTHER_REFUSALS, BadRequestError),
            (RECIPIENT, RecipientError),
            (QUOTA, QuotaError),
            ({-999, 1, 500, 10**30}, ApiError),
        ],
    )
    def test_have_the_class_of_their_code(self, codes: set[int], cls: type[ApiError]) -> None:
        for code in codes:
            body = json.dumps({"error": code, "message": "no", "data": None}).encode()
            with pytest.raises(ApiError) as caught:
                read(body)
            error = caught.value
            assert type(error) is cls, code
            assert (error.status_code, error.code, error.message, error.body) == (200, str(code), "no", body)
            assert str(error) == f"HTTP 200 {code}: no"

    @pytest.mark.parametrize(
        ("code", "cls"),
        [
            (-100, ServerError),
            (-124, AuthenticationError),
            (-216, AuthenticationError),
            (-220, AuthenticationError),
            (-101, PermissionDeniedError),
            (-135, PermissionDeniedError),
            (-138, PermissionDeniedError),
            (-108, BadRequestError),
            (-132, BadRequestError),
            (-118, RecipientError),
            (-114, RecipientError),
            (-144, QuotaError),
            (-133, BadRequestError),
        ],
    )
    def test_have_the_class_that_the_vendors_table_gives_them(self, code: int, cls: type[ApiError]) -> None:
        with pytest.raises(ApiError) as caught:
            read(f'{{"error":{code},"message":"x"}}'.encode())
        assert type(caught.value) is cls

    def test_are_in_one_class_each(self) -> None:
        classes = [TRY_LATER, AUTHENTICATION, CONFIGURATION, REQUEST, OTHER_REFUSALS, RECIPIENT, QUOTA]
        assert sum(len(codes) for codes in classes) == len(frozenset[int]().union(*classes))

    @pytest.mark.parametrize(
        "body",
        [
            b'{"error":"-124","message":"x"}',
            b'{"error":-124,"data":[]}',
            b'{"error":-124,"data":{"status":1}}',
            b'{"error":-124,"message":5}',
            BOM + b'{"error":-124}',
        ],
    )
    def test_are_found_however_the_rest_looks(self, body: bytes) -> None:
        with pytest.raises(AuthenticationError) as caught:
            read(body)
        assert caught.value.code == "-124"

    @pytest.mark.parametrize("error", ['"bad key"', "[]", "{}", "true", "false", "1.5", "1e999999", '""'])
    def test_that_are_no_numbers_are_never_taken_for_success(self, error: str) -> None:
        text = str(unusable(f'{{"error":{error},"data":{{"status":1}}}}'.encode()))
        assert "the answer's error is not a number" in text

    @pytest.mark.parametrize(
        ("status", "cls"),
        [
            (400, BadRequestError),
            (401, AuthenticationError),
            (403, PermissionDeniedError),
            (404, NotFoundError),
            (429, RateLimitError),
            (500, ServerError),
        ],
    )
    def test_of_http_come_before_the_envelope(self, status: int, cls: type[ApiError]) -> None:
        with pytest.raises(cls) as caught:
            read(b'{"error":-124,"message":"no"}', status)
        assert (caught.value.status_code, caught.value.message) == (status, "no")

    def test_a_redirect_is_no_answer(self) -> None:
        with pytest.raises(ResponseError, match="a redirect"):
            read(DOCUMENTED, 301)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([0, 1, -124, "0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "data", "message", "status", "delivery_time"]) | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(
    st.binary() | json_like.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([200, 204, 302, 400, 404, 429, 500, 999]),
)
def test_any_answer_gives_a_status_or_an_error_of_ours(body: bytes, status: int) -> None:
    try:
        answer = read(body, status)
    except (ApiError, ResponseError):
        return
    assert answer.message_id == ID
    assert isinstance(answer.status, int)
    assert answer.delivery_time is None or answer.delivery_time.utcoffset() == dt.timedelta(0)


@given(st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False))
def test_any_delivery_time_is_a_moment_or_none(value: object) -> None:
    moment = read(
        json.dumps({"error": 0, "data": {"status": 1, "delivery_time": value}}).encode()
    ).delivery_time
    assert moment is None or moment.tzinfo is dt.UTC
