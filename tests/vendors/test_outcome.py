"""What an answer or a failure means, as tables."""

import datetime as dt
from email.utils import format_datetime
from typing import Any

import pytest

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    InvalidMessageError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    RecipientError,
    ResponseError,
    ServerError,
    SmsBatError,
    TransportError,
)
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.outcome import (
    MANY,
    ends_tracking,
    error_of,
    is_hopeless,
    is_refusal,
    leaves_doubt,
    may_be_split,
    retries_of_read,
    retries_of_send,
    stops_a_run,
)


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    return Response(
        status, LowerHeaders({name.replace("_", "-"): value for name, value in headers.items()}), body
    )


def api_error(status: int, body: bytes = b"", **headers: str) -> ApiError:
    error = error_of(answer(status, body, **headers))
    assert isinstance(error, ApiError)
    return error


def odd_answer(status: int, body: bytes = b"") -> ResponseError:
    error = error_of(answer(status, body))
    assert isinstance(error, ResponseError)
    return error


class TestStatusClasses:
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
    def test_2xx_is_no_error(self, status: int) -> None:
        assert error_of(answer(status, b"<html>")) is None

    @pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
    def test_3xx_is_a_redirect_that_is_never_followed(self, status: int) -> None:
        error = odd_answer(status)
        assert (error.kind, error.status_code, error.retryable) == ("redirect", status, False)

    @pytest.mark.parametrize("status", [-1, 0, 100, 101, 199, 600, 999])
    def test_other_numbers_are_no_http(self, status: int) -> None:
        error = odd_answer(status, b"x" * 3_000)
        assert (error.kind, error.status_code, error.retryable) == ("malformed", status, True)
        assert error.body == b"x" * 2_048

    @pytest.mark.parametrize(
        ("status", "cls"),
        [
            (400, BadRequestError),
            (401, AuthenticationError),
            (402, ApiError),
            (403, PermissionDeniedError),
            (404, NotFoundError),
            (408, ApiError),
            (409, ApiError),
            (413, ApiError),
            (415, ApiError),
            (418, ApiError),
            (422, BadRequestError),
            (425, ApiError),
            (429, RateLimitError),
            (499, ApiError),
            (500, ServerError),
            (502, ServerError),
            (503, ServerError),
            (504, ServerError),
            (599, ServerError),
        ],
    )
    def test_4xx_and_5xx_have_their_classes(self, status: int, cls: type[ApiError]) -> None:
        error = api_error(status)
        assert type(error) is cls
        assert error.status_code == status


class TestDetails:
    @pytest.mark.parametrize(
        ("body", "code", "message", "field"),
        [
            (
                b'{"error":{"code":"INVALID_PHONE","message":"bad phone","field":"toPhone"}}',
                "INVALID_PHONE",
                "bad phone",
                "toPhone",
            ),
            (b'{"error":{"code":"INVALID_SENDER","message":"no"}}', "INVALID_SENDER", "no", None),
            (b'{"status":400,"error":"Bad Request","message":"bad id","code":1001}', "1001", "bad id", None),
            (b'{"error":"Too Many Requests","message":"slow down","status":429}', None, "slow down", None),
            (b'{"error":-118,"message":"no account"}', "-118", "no account", None),
            (b'{"error":-118,"code":7}', "7", None, None),
            (b'{"error":true}', None, None, None),
            (b'{"error":"Bad Request"}', None, "Bad Request", None),
            (b'{"error":{}}', None, None, None),
            (b'{"error":null,"message":"m"}', None, "m", None),
            (b'{"error":{"code":true,"message":["x"],"field":1.5}}', None, None, None),
            (b'{"error":{"code":"caf\xe9"}}', "caf\ufffd", None, None),
            (b'\xef\xbb\xbf{"error":{"code":"X"}}', "X", None, None),
            (b'{"code":1e99999999999999999999}', None, None, None),
            (b"{}", None, None, None),
            (b"[]", None, None, None),
            (b'"no"', None, None, None),
            (b"<html>502 Bad Gateway</html>", None, None, None),
            (b"", None, None, None),
            (b"[" * 100_000, None, None, None),
        ],
    )
    def test_are_read_from_every_shape_that_is_known(
        self, body: bytes, code: str | None, message: str | None, field: str | None
    ) -> None:
        error = api_error(400, body)
        assert (error.code, error.message, error.field) == (code, message, field)
        assert error.body == body[:2_048]
        assert error.__context__ is None

    @pytest.mark.parametrize("name", ["X-Request-ID", "x-correlation-id"])
    def test_hold_the_vendors_id_of_the_request(self, name: str) -> None:
        error = error_of(Response(500, LowerHeaders({name: "r-1"}), b""))
        assert isinstance(error, ApiError)
        assert error.request_id == "r-1"

    def test_hold_no_id_of_the_request_where_there_is_none(self) -> None:
        assert api_error(500).request_id is None

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_hold_when_to_come_back(self, status: int) -> None:
        error = api_error(status, retry_after="7")
        assert isinstance(error, RateLimitError | ServerError)
        assert error.retry_after == 7.0

    def test_hold_a_date_to_come_back_counted_from_the_answers_own(self) -> None:
        theirs = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
        later = format_datetime(theirs + dt.timedelta(seconds=9), usegmt=True)
        error = api_error(429, retry_after=later, date=format_datetime(theirs, usegmt=True))
        assert isinstance(error, RateLimitError)
        assert error.retry_after == 9.0

    def test_hold_nothing_where_the_vendor_does_not_say_when(self) -> None:
        error = api_error(429)
        assert isinstance(error, RateLimitError)
        assert error.retry_after is None


def unreadable(retryable: bool) -> ResponseError:
    return ResponseError("x", kind="unreadable", retryable=retryable)


NO, YES = False, True
UNKNOWN = OutcomeUnknownError(("a",), TransportError("x", kind="timeout"))

# What may be done about each failure. Columns: how often a status request may be repeated, and a send;
# whether a send may have been taken, was refused for good, is welcome by halves, and makes further sends
# useless; whether asking is useless for any message, and for this one.
TABLE: list[tuple[str, SmsBatError, int, int, bool, bool, bool, bool, bool, bool]] = [
    ("not sent", NotSentError("x", kind="connect"), MANY, MANY, NO, NO, NO, NO, NO, NO),
    ("no such host", NotSentError("x", kind="dns"), MANY, MANY, NO, NO, NO, NO, NO, NO),
    ("no slot", NotSentError("x", kind="no_slot"), 0, 0, NO, NO, NO, NO, NO, NO),
    ("paused for too long", NotSentError("x", kind="paused"), 0, 0, NO, NO, NO, NO, NO, NO),
    ("out of reach", NotSentError("x", kind="circuit_open"), 0, 0, NO, NO, NO, NO, NO, NO),
    ("bad certificate", NotSentError("x", kind="certificate"), 0, 0, NO, NO, NO, YES, YES, YES),
    ("timeout", TransportError("x", kind="timeout"), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("disconnected", TransportError("x", kind="disconnected"), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("cut body", TransportError("x", kind="body"), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("not HTTP", ResponseError("x", kind="malformed", retryable=True), 1, 0, YES, NO, NO, NO, NO, NO),
    ("not JSON", unreadable(retryable=True), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("nested too deep", unreadable(retryable=False), 0, 0, YES, NO, NO, NO, NO, NO),
    ("too large", ResponseError("x", kind="too_large"), 0, 0, YES, NO, NO, NO, NO, NO),
    ("about another", ResponseError("x", kind="mismatch", retryable=True), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("redirect", ResponseError("x", kind="redirect"), 0, 0, YES, NO, NO, NO, YES, YES),
    ("400", api_error(400), 0, 0, NO, YES, YES, NO, NO, YES),
    ("401", api_error(401), 0, 0, NO, YES, NO, YES, YES, YES),
    ("402", api_error(402), 0, 0, NO, YES, NO, YES, NO, NO),
    ("403", api_error(403), 0, 0, NO, YES, NO, YES, YES, YES),
    ("404", api_error(404), 0, 0, NO, YES, NO, YES, NO, NO),
    ("408", api_error(408), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("409", api_error(409), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("413", api_error(413), 0, 0, NO, YES, YES, NO, NO, NO),
    ("415", api_error(415), 0, 0, NO, YES, NO, YES, NO, NO),
    ("422", api_error(422), 0, 0, NO, YES, YES, NO, NO, YES),
    ("425", api_error(425), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("429", api_error(429), MANY, MANY, NO, NO, NO, NO, NO, NO),
    ("500", api_error(500), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("503", api_error(503, retry_after="1"), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("ZNS: later", ServerError(status_code=200, code="-100"), MANY, 0, YES, NO, NO, NO, NO, NO),
    ("ZNS: key", AuthenticationError(status_code=200, code="-124"), 0, 0, NO, YES, NO, YES, YES, YES),
    ("ZNS: account", PermissionDeniedError(status_code=200, code="-135"), 0, 0, NO, YES, NO, YES, YES, YES),
    ("ZNS: request", BadRequestError(status_code=200, code="-108"), 0, 0, NO, YES, NO, NO, NO, NO),
    ("ZNS: recipient", RecipientError(status_code=200, code="-118"), 0, 0, NO, YES, NO, NO, NO, NO),
    ("ZNS: quota", QuotaError(status_code=200, code="-144"), 0, 0, NO, YES, NO, NO, NO, NO),
    ("ZNS: unheard of", ApiError(status_code=200, code="-999"), 0, 0, YES, NO, NO, NO, NO, NO),
    ("bad set-up", ConfigurationError("x"), 0, 0, NO, NO, NO, NO, YES, YES),
    ("bad id", InvalidMessageError("id", "c", "m"), 0, 0, NO, NO, NO, NO, NO, YES),
    ("closed", ClientClosedError(), 0, 0, NO, NO, NO, NO, NO, NO),
    ("already unknown", UNKNOWN, 0, 0, NO, NO, NO, NO, NO, NO),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_what_may_be_done_about_a_failure(row: tuple[Any, ...]) -> None:
    name, error, *expected = row
    assert (
        name,
        [
            retries_of_read(error),
            retries_of_send(error),
            leaves_doubt(error),
            is_refusal(error),
            may_be_split(error),
            stops_a_run(error),
            is_hopeless(error),
            ends_tracking(error),
        ],
    ) == (name, expected)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_a_send_is_never_repeated_where_it_may_have_been_taken(row: tuple[Any, ...]) -> None:
    error = row[1]
    assert not (leaves_doubt(error) and retries_of_send(error))
    assert not (leaves_doubt(error) and is_refusal(error))
