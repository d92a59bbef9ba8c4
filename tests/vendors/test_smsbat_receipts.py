"""SMSBAT: cascade sends as exact bytes, and the receipts that come back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import (
    ApiError,
    CascadeMessage,
    MessageType,
    OutcomeUnknownError,
    ResponseError,
    SendOutcome,
    SendResult,
)
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.smsbat import SmsBat

KEY = "your-api-key"
VENDOR = SmsBat(api_key=KEY)

BOM = b"\xef\xbb\xbf"


def message(tracking_id: str, **changes: Any) -> CascadeMessage:
    fields: dict[str, Any] = {
        "id": tracking_id,
        "from_name": "YourBrand",
        "to_phone": "+380501234567",
        "message_type": MessageType.TRANSACTION,
        "text": "Hello",
    }
    return CascadeMessage(**{**fields, **changes})


def receipts(body: bytes, *tracking_ids: str, status: int = 200) -> tuple[list[SendResult], tuple[str, ...]]:
    messages = [message(tracking_id) for tracking_id in tracking_ids]
    results, foreign = VENDOR.read_receipts(Response(status, LowerHeaders(), body), messages)
    assert [result.message for result in results] == messages
    return results, foreign


def given_ids(body: bytes, *tracking_ids: str) -> list[str | None]:
    """Return the id that each message was given, after checking that the outcomes say the same."""
    results, _ = receipts(body, *tracking_ids)
    for result in results:
        if result.outcome is SendOutcome.ACCEPTED:
            assert result.message_id
            assert result.error is None
        else:
            assert result.outcome is SendOutcome.UNKNOWN
            assert result.message_id is None
            assert isinstance(result.error, OutcomeUnknownError)
            assert result.error.tracking_ids == (result.message.id,)
            assert isinstance(result.error.error, ResponseError)
            assert result.error.error.kind == "mismatch"
    return [result.message_id for result in results]


def rows(*pairs: tuple[str, str]) -> bytes:
    """Return the answer to a send: pairs of the vendor's id and the tracking id."""
    given = [{"messageId": message_id, "trackinId": tracking_id} for message_id, tracking_id in pairs]
    return json.dumps(given).encode()


class TestReceipts:
    def test_documented(self) -> None:
        body = b"""[
          {"messageId": "550e8400-e29b-41d4-a716-446655440000", "trackinId": "tx-001"},
          {"messageId": "550e8400-e29b-41d4-a716-446655440001", "trackinId": "tx-002"}
        ]"""
        assert given_ids(body, "tx-001", "tx-002") == [
            "550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-446655440001",
        ]

    def test_are_matched_by_tracking_id_and_never_by_position(self) -> None:
        body = rows(("m3", "c"), ("m1", "a"), ("m2", "b"))
        assert given_ids(body, "a", "b", "c") == ["m1", "m2", "m3"]

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"[]", [None, None]),
            (b'[{"messageId":"m1","trackinId":"a"}]', ["m1", None]),
            (b'[{"messageId":"m2","trackinId":"b"}]', [None, "m2"]),
            (b'[{"messageId":"m1"},{"messageId":"m2"}]', [None, None]),
            (b'[{"messageId":"m1","trackingId":"a"}]', [None, None]),
            (b'[{"messageId":null,"trackinId":"a"},{"messageId":"","trackinId":"b"}]', [None, None]),
            (b'[{"trackinId":"a","error":{"code":"X"}},{"messageId":"m2","trackinId":"b"}]', [None, "m2"]),
            (b'[{"messageId":"m1","trackinId":"A"},{"messageId":"m2","trackinId":"b"}]', [None, "m2"]),
        ],
    )
    def test_what_is_not_named_is_unknown(self, body: bytes, expected: list[str | None]) -> None:
        assert given_ids(body, "a", "b") == expected

    @pytest.mark.parametrize(
        "bad",
        [
            b"null",
            b"5",
            b'"a"',
            b"[]",
            b'{"messageId":{"x":1},"trackinId":"b"}',
            b'{"messageId":"m2","trackinId":["b"]}',
            b'{"messageId":true,"trackinId":"b"}',
            b'{"messageId":1.5,"trackinId":"b"}',
        ],
    )
    @pytest.mark.parametrize("mark", [b"", BOM])
    def test_one_bad_row_costs_no_more_than_itself(
        self, bad: bytes, mark: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        body = b'[{"messageId":"m1","trackinId":"a"},' + bad + b',{"messageId":"m3","trackinId":"c"}]'
        assert given_ids(mark + body, "a", "b", "c") == ["m1", None, "m3"]
        if bad != b"[]":
            assert [record.getMessage() for record in caplog.records] == [
                "a row of the answer to a send could not be read"
            ]

    def test_half_an_emoji_in_one_row_costs_nothing(self) -> None:
        body = b'[{"messageId":"m1","trackinId":"a","text":"\\ud83d"},{"messageId":"m2","trackinId":"b"}]'
        assert given_ids(body, "a", "b") == ["m1", "m2"]

    def test_invalid_utf8_in_one_row_costs_no_more_than_itself(self) -> None:
        body = b'[{"messageId":"m1","trackinId":"a"},{"messageId":"m2","trackinId":"\xff"}]'
        results, foreign = receipts(body, "a", "b")
        assert [result.message_id for result in results] == ["m1", None]
        assert foreign == ()

    def test_ids_that_nobody_asked_for_are_told_apart(self) -> None:
        body = rows(("m9", "z"), ("m1", "a"), ("m8", "y"))
        results, foreign = receipts(body, "a", "b")
        assert [result.message_id for result in results] == ["m1", None]
        assert foreign == ("z", "y")

    def test_the_first_of_two_rows_for_one_message_counts(self) -> None:
        body = b'[{"messageId":"m1","trackinId":"a"},{"messageId":"m2","trackinId":"a"}]'
        assert given_ids(body, "a") == ["m1"]

    def test_a_row_with_an_id_beats_one_without(self) -> None:
        body = b'[{"messageId":null,"trackinId":"a"},{"messageId":"m1","trackinId":"a"}]'
        assert given_ids(body, "a") == ["m1"]

    @pytest.mark.parametrize("mark", [b"", BOM])
    def test_numbers_for_ids_are_texts(self, mark: bytes) -> None:
        assert given_ids(mark + b'[{"messageId":17,"trackinId":5}]', "5") == ["17"]

    @pytest.mark.parametrize("mark", [b"", BOM])
    def test_texts_that_look_like_numbers_stay_as_they_are(self, mark: bytes) -> None:
        body = mark + rows(("007", "010"), ("1e3", "null"), ("true", "1.0"))
        assert given_ids(body, "010", "null", "1.0", "10", "1") == ["007", "1e3", "true", None, None]

    @pytest.mark.parametrize(
        ("body", "problem", "retryable"),
        [
            (b"{}", "is not an array", False),
            (b'{"messageId":"m1","trackinId":"a"}', "is not an array", False),
            (b"null", "is not an array", False),
            (b'"ok"', "is not an array", False),
            (b"", "is empty", True),
            (b"<html>", "is not JSON", True),
            (b'[{"messageId":"m1","trackinId":"a"}', "is not JSON", True),
            (b"[" * 1_000_000, "nested too deep", False),
        ],
    )
    def test_of_no_use_as_a_whole_are_an_error(self, body: bytes, problem: str, retryable: bool) -> None:
        with pytest.raises(ResponseError, match=problem) as caught:
            receipts(body, "a")
        assert (caught.value.kind, caught.value.retryable) == ("unreadable", retryable)

    def test_other_2xx_are_read_like_200(self) -> None:
        results, _ = receipts(rows(("m1", "a")), "a", status=202)
        assert results[0].message_id == "m1"

    def test_an_error_of_http_is_raised(self) -> None:
        body = b'{"error":{"code":"INVALID_PHONE","message":"no","field":"toPhone"}}'
        with pytest.raises(ApiError) as caught:
            receipts(body, "a", status=400)
        assert (caught.value.code, caught.value.field) == ("INVALID_PHONE", "toPhone")


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a", "b", "m1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["messageId", "trackinId", "deliverystatus", "cost", "fallbacks", "partscount", "error"]
            )
            | st.text(max_size=3),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
bodies = st.binary() | json_like.map(lambda value: json.dumps(value).encode())


@given(bodies, st.sampled_from([200, 204, 302, 400, 404, 429, 500, 999]))
def test_any_answer_to_a_send_gives_one_result_per_message_or_an_error_of_ours(
    body: bytes, status: int
) -> None:
    try:
        results, _ = receipts(body, "a", "b", status=status)
    except (ApiError, ResponseError):
        return
    assert len(results) == 2
    assert {result.outcome for result in results} <= {SendOutcome.ACCEPTED, SendOutcome.UNKNOWN}
