"""SMSBAT: requests as exact bytes, and answers from the documented to the absurd."""

import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsbat_async import (
    ApiError,
    AuthenticationError,
    DeliveryStatus,
    Fallback,
    MessageStatus,
    NotFoundError,
    ResponseError,
    ServerError,
)
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.smsbat import SmsBat

ID = "abc123def456"
KEY = "your-api-key"
VENDOR = SmsBat(api_key=KEY)

BOM = b"\xef\xbb\xbf"

BASIC_ANSWER = b"""{
  "messagelistId": 123456,
  "messageId": "abc123def456",
  "deliverystatus": "delivered",
  "partscount": 1,
  "cost": 0.05
}"""
EXTENDED_ANSWER = b"""{
  "messagelistId": 123456,
  "messageId": "abc123def456",
  "deliverystatus": "delivered",
  "partscount": 1,
  "cost": 0.05,
  "fallbacks": [
    {
      "type": "sms",
      "status": "not_used"
    }
  ],
  "extendedStatuses": {
    "viber": "delivered",
    "sms": "not_used"
  },
  "rate": 0.05,
  "rateAmount": 0.05,
  "rateCurrency": "USD",
  "billAmount": 0.05,
  "billCurrency": "USD"
}"""


def read(body: bytes, message_id: str = ID, status: int = 200) -> MessageStatus:
    return VENDOR.read_status(Response(status, LowerHeaders(), body), message_id)


def read_fields(fields: str) -> MessageStatus:
    return read(('{"deliverystatus":"delivered",' + fields + "}").encode())


def unusable(body: bytes, message_id: str = ID) -> ResponseError:
    with pytest.raises(ResponseError) as caught:
        read(body, message_id)
    assert caught.value.status_code == 200
    assert caught.value.body == body[:2_048]
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


class TestDocumentedAnswers:
    def test_basic(self) -> None:
        answer = read(BASIC_ANSWER)
        assert answer == MessageStatus(
            message_id=ID,
            messagelist_id=123456,
            delivery_status="delivered",
            parts_count=1,
            cost=Decimal("0.05"),
        )
        assert answer.delivery_status == DeliveryStatus.DELIVERED
        assert answer.is_terminal

    def test_extended(self) -> None:
        assert read(EXTENDED_ANSWER) == MessageStatus(
            message_id=ID,
            messagelist_id=123456,
            delivery_status="delivered",
            parts_count=1,
            cost=Decimal("0.05"),
            fallbacks=(Fallback("sms", "not_used"),),
            extended_statuses={"viber": "delivered", "sms": "not_used"},
            rate=Decimal("0.05"),
            rate_amount=Decimal("0.05"),
            rate_currency="USD",
            bill_amount=Decimal("0.05"),
            bill_currency="USD",
        )

    @pytest.mark.parametrize(
        ("body", "word", "cost", "terminal"),
        [
            (b'{"deliverystatus": "scheduled", "partscount": 1}', "scheduled", None, False),
            (b'{"deliverystatus": "processing", "partscount": 1}', "processing", None, False),
            (b'{"deliverystatus": "delivered", "partscount": 1, "cost": 0.05}', "delivered", "0.05", True),
            (
                b'{"deliverystatus": "undeliverable", "partscount": 1, "cost": 0.00}',
                "undeliverable",
                "0.00",
                True,
            ),
            (
                b'{"deliverystatus": "permanenterror", "partscount": 1, "cost": 0.00}',
                "permanenterror",
                "0.00",
                True,
            ),
        ],
    )
    def test_of_every_state_even_without_an_id(
        self, body: bytes, word: str, cost: str | None, terminal: bool
    ) -> None:
        answer = read(body)
        assert (answer.message_id, answer.delivery_status, answer.parts_count) == (ID, word, 1)
        assert (None if answer.cost is None else str(answer.cost)) == cost
        assert answer.is_terminal is terminal


class TestOddAnswers:
    @pytest.mark.parametrize(
        "word", ["read", "Expired", "DELIVERED", "Đã giao", "не доставлено", "delivered ", ""]
    )
    def test_any_word_is_kept_as_it_came(self, word: str) -> None:
        assert read(json.dumps({"messageId": ID, "deliverystatus": word}).encode()).delivery_status == word

    def test_unknown_fields_are_ignored(self) -> None:
        answer = read(b'{"deliverystatus":"read","seenAt":1,"new":{"a":[{"b":null}]},"deliveryStatus":"x"}')
        assert answer == MessageStatus(message_id=ID, delivery_status="read")

    def test_a_byte_order_mark_does_no_harm(self) -> None:
        assert read(BOM + EXTENDED_ANSWER) == read(EXTENDED_ANSWER)

    def test_invalid_utf8_costs_its_character_only(self) -> None:
        answer = read(b'{"messageId":"abc123def456","deliverystatus":"delivered","rateCurrency":"\xff"}')
        assert (answer.delivery_status, answer.rate_currency) == ("delivered", "\ufffd")

    def test_half_an_emoji_costs_nothing_else(self) -> None:
        answer = read(b'{"deliverystatus":"delivered","note":"\\ud83d","cost":0.05}')
        assert (answer.delivery_status, answer.cost) == ("delivered", Decimal("0.05"))

    @pytest.mark.parametrize("spelled", ["ABC123DEF456", "Abc123dEF456"])
    def test_an_id_in_another_case_is_the_same_and_is_given_as_it_was_asked(self, spelled: str) -> None:
        assert read(f'{{"messageId":"{spelled}","deliverystatus":"read"}}'.encode()).message_id == ID

    @pytest.mark.parametrize("mark", [b"", BOM])
    def test_an_id_that_came_as_a_number_is_a_text(self, mark: bytes) -> None:
        answer = read(
            mark + b'{"messageId":123456789012345678901234,"deliverystatus":"read"}',
            "1" + "23456789012345678901234",
        )
        assert answer.message_id == "123456789012345678901234"

    @pytest.mark.parametrize("value", ['"x"', '"abc123def4567"', "5", '" abc123def456"', '"\ufffd"'])
    def test_an_answer_about_another_message_is_refused(self, value: str) -> None:
        error = unusable(f'{{"messageId":{value},"deliverystatus":"delivered"}}'.encode())
        assert (error.kind, error.retryable) == ("mismatch", True)
        assert str(error) == f"the answer is not about message {ID!r}"

    @pytest.mark.parametrize("value", ["null", '""', "true", "[]", "{}"])
    def test_an_id_that_says_nothing_is_the_one_that_was_asked_for(self, value: str) -> None:
        assert read(f'{{"messageId":{value},"deliverystatus":"read"}}'.encode()).message_id == ID

    def test_a_field_given_twice_counts_as_it_came_last(self) -> None:
        assert (
            read(b'{"deliverystatus":"scheduled","deliverystatus":"delivered"}').delivery_status
            == "delivered"
        )

    @pytest.mark.parametrize(
        ("fields", "kept"),
        [
            ('"partscount":"2"', {"parts_count": 2}),
            ('"partscount":"two","cost":0.05', {"cost": Decimal("0.05")}),
            ('"partscount":[1],"messagelistId":7', {"messagelist_id": 7}),
            ('"messagelistId":"x","partscount":1', {"parts_count": 1}),
            ('"messagelistId":1e999999,"partscount":1', {"parts_count": 1}),
            ('"fallbacks":"none","partscount":1', {"parts_count": 1}),
            ('"fallbacks":[{"type":"sms"}],"partscount":1', {"parts_count": 1}),
            ('"fallbacks":' + "[" * 900 + "]" * 900 + ',"partscount":1', {"parts_count": 1}),
            ('"fallbacks":[],"extendedStatuses":{}', {"fallbacks": (), "extended_statuses": {}}),
            ('"extendedStatuses":{"viber":1},"partscount":1', {"parts_count": 1}),
            ('"rateCurrency":5,"billCurrency":"USD"', {"bill_currency": "USD"}),
            ('"partscount":null,"cost":null,"fallbacks":null', {}),
        ],
    )
    def test_a_wrong_type_in_an_optional_field_costs_that_field_only(self, fields: str, kept: Any) -> None:
        assert read_fields(fields) == MessageStatus(message_id=ID, delivery_status="delivered", **kept)

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b'{"messageId":"abc123def456","partscount":1}',
            b'{"deliverystatus":null}',
            b'{"deliverystatus":["delivered"]}',
            b'{"deliverystatus":true}',
            b'{"deliverystatus":1.5}',
            b"[]",
            b"null",
            b'"delivered"',
            b"5",
            b'[{"deliverystatus":"delivered"}]',
            b'{"error":{"code":"X","message":"200 all the same"}}',
        ],
    )
    def test_without_a_word_there_is_no_status(self, body: bytes) -> None:
        error = unusable(body)
        assert (error.kind, error.retryable) == ("unreadable", False)
        assert "has no deliverystatus" in str(error)

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (b"", "is empty"),
            (b"<!doctype html><html><body>Maintenance</body></html>", "is not JSON"),
            (BASIC_ANSWER[:-5], "is not JSON"),
            (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "is not JSON"),
        ],
    )
    def test_what_is_not_json_may_get_better(self, body: bytes, problem: str) -> None:
        error = unusable(body)
        assert (error.kind, error.retryable) == ("unreadable", True)
        assert problem in str(error)

    @pytest.mark.parametrize("before", [b"", b'{"deliverystatus":"delivered","z":'])
    def test_what_is_nested_a_million_deep_does_not(self, before: bytes) -> None:
        error = unusable(before + b"[" * 1_000_000)
        assert (error.kind, error.retryable) == ("unreadable", False)
        assert "nested too deep" in str(error)

    def test_a_number_as_the_word_is_kept_as_a_text(self) -> None:
        assert read(b'{"deliverystatus":3}').delivery_status == "3"


class TestCost:
    @pytest.mark.parametrize(
        "text",
        ["0", "0.05", "0.00", "0.10000000000000000000000001", "1234567890123456789.5", "1E-7", "-0.05"],
    )
    @pytest.mark.parametrize("quote", ["", '"'])
    def test_is_exact(self, text: str, quote: str) -> None:
        amounts = [f'"{name}":{quote}{text}{quote}' for name in ("cost", "rate", "rateAmount", "billAmount")]
        answer = read_fields(",".join(amounts))
        for amount in (answer.cost, answer.rate, answer.rate_amount, answer.bill_amount):
            assert isinstance(amount, Decimal)
            assert str(amount) == text

    @pytest.mark.parametrize("name", ["cost", "rate", "rateAmount", "billAmount"])
    @pytest.mark.parametrize(
        "value",
        [
            "NaN",
            "Infinity",
            "-Infinity",
            '"NaN"',
            '"sNaN"',
            '"Infinity"',
            "1e999999999",
            '"1e999999999"',
            "1e-999999999",
            "1e99999999999999999999",
            '"1e99999999999999999999"',
            "9" * 5_000,
            '"five"',
            '""',
            '"0,05"',
            "true",
            "[0.05]",
            '{"amount":0.05}',
        ],
    )
    def test_that_cannot_be_calculated_with_is_none_and_logged(
        self, name: str, value: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = read_fields(f'"{name}":{value},"partscount":1')
        assert answer == MessageStatus(message_id=ID, delivery_status="delivered", parts_count=1)
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert name.lower() in caplog.text.replace("_", "").lower()


class TestErrorAnswers:
    @pytest.mark.parametrize(
        ("status", "cls"),
        [(401, AuthenticationError), (404, NotFoundError), (418, ApiError), (502, ServerError)],
    )
    def test_are_raised_from_reading_a_status(self, status: int, cls: type[ApiError]) -> None:
        with pytest.raises(cls) as caught:
            read(BASIC_ANSWER, status=status)
        assert type(caught.value) is cls

    def test_a_redirect_is_no_answer(self) -> None:
        with pytest.raises(ResponseError, match="a redirect"):
            read(BASIC_ANSWER, status=302)

    def test_other_2xx_are_read_like_200(self) -> None:
        assert read(BASIC_ANSWER, status=203).delivery_status == "delivered"


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([ID, "a", "delivered"]),
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
@example(b'{"deliverystatus":"delivered","cost":1e99999999999999999999}', 200)
def test_any_answer_to_a_status_request_gives_a_status_or_an_error_of_ours(body: bytes, status: int) -> None:
    try:
        answer = read(body, status=status)
    except (ApiError, ResponseError):
        return
    assert answer.message_id == ID
    assert isinstance(answer.delivery_status, str)
    assert answer.is_terminal in {True, False}
