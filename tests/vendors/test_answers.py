"""Reading JSON that is not quite what was promised."""

import logging
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ResponseError
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.answers import are_sane, parse, salvage, unreadable


class Row(msgspec.Struct, rename={"number": "aNumber"}):
    word: str
    number: int | None = None
    amount: Decimal | None = None
    parts: tuple[str, ...] | None = None


REQUIRED = frozenset({"word"})


def answer(body: bytes, status: int = 200) -> Response:
    return Response(status, LowerHeaders(), body)


class TestParse:
    @pytest.mark.parametrize(
        ("body", "value"),
        [
            (b'{"a":1}', {"a": 1}),
            (b"[]", []),
            (b"null", None),
            (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
            (b'  {"a":1}\r\n', {"a": 1}),
            (b'{"a":0.05}', {"a": Decimal("0.05")}),
            (b'{"a":"caf\xe9"}', {"a": "caf\ufffd"}),
            (b'{"a":"\\ud83d"}', {"a": "\ud83d"}),
            (b'{"a":1,"a":2}', {"a": 2}),
        ],
    )
    def test_forgives(self, body: bytes, value: object) -> None:
        assert parse(answer(body)) == value

    @pytest.mark.parametrize(
        "number", [b"1e999999999999999999999", b"-1e-99999999999999999999", b"NaN", b"-Infinity"]
    )
    def test_gives_no_usable_number_for_what_is_none(self, number: bytes) -> None:
        value = parse(answer(b'{"a":' + number + b"}"))["a"]
        assert not are_sane(Decimal(value))

    def test_keeps_amounts_exact(self) -> None:
        value = parse(answer(b"0.10000000000000000000000001"))
        assert isinstance(value, Decimal)
        assert str(value) == "0.10000000000000000000000001"

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (b"", "is empty"),
            (b"<html>", "is not JSON"),
            (b"{", "is not JSON"),
            (b'{"a":1}{', "is not JSON"),
            (b"\xff\xfe{\x00", "is not JSON"),
            (b"9" * 5_000, "is not JSON"),
        ],
    )
    def test_tells_what_is_wrong_and_that_asking_again_may_help(self, body: bytes, problem: str) -> None:
        with pytest.raises(ResponseError) as caught:
            parse(answer(body, 502))
        error = caught.value
        assert str(error) == f"the body {problem} (HTTP 502, {len(body)} bytes)"
        assert (error.kind, error.status_code, error.retryable) == ("unreadable", 502, True)
        assert error.body == body[:2_048]
        assert error.__cause__ is None
        assert error.__context__ is None

    @pytest.mark.parametrize("opening", [b"[", b'{"a":'])
    def test_gives_up_on_what_is_nested_too_deep(self, opening: bytes) -> None:
        with pytest.raises(ResponseError, match="the body is nested too deep") as caught:
            parse(answer(opening * 1_000_000))
        assert caught.value.retryable is False
        assert caught.value.__context__ is None
        assert len(caught.value.body) == 2_048

    @given(st.binary())
    def test_raises_nothing_else(self, body: bytes) -> None:
        try:
            parse(answer(body))
        except ResponseError as error:
            assert error.kind == "unreadable"  # noqa: PT017 - a value is right as well


class TestUnreadable:
    def test_is_an_error_that_asking_again_does_not_mend(self) -> None:
        error = unreadable(answer(b"[1]"), "the answer has no deliverystatus")
        assert str(error) == "the answer has no deliverystatus (HTTP 200, 3 bytes)"
        assert (error.kind, error.status_code, error.body, error.retryable) == (
            "unreadable",
            200,
            b"[1]",
            False,
        )


class TestSalvage:
    @pytest.mark.parametrize(
        ("value", "row"),
        [
            ({"word": "a"}, Row("a")),
            ({"word": "a", "aNumber": 5}, Row("a", 5)),
            ({"word": "a", "number": 5}, Row("a")),
            ({"word": "a", "aNumber": "5"}, Row("a", 5)),
            ({"word": "a", "aNumber": "five"}, Row("a")),
            ({"word": "a", "aNumber": None}, Row("a")),
            ({"word": "a", "aNumber": {"x": 1}, "amount": Decimal("0.05")}, Row("a", None, Decimal("0.05"))),
            ({"word": "a", "amount": "0.05"}, Row("a", None, Decimal("0.05"))),
            ({"word": "a", "amount": [1]}, Row("a")),
            ({"word": "a", "parts": ["x", "y"]}, Row("a", None, None, ("x", "y"))),
            ({"word": "a", "parts": ["x", 5]}, Row("a")),
            ({"word": 17, "unheard_of": object}, Row("17")),
        ],
    )
    def test_keeps_what_makes_sense(self, value: dict[str, Any], row: Row) -> None:
        assert salvage(value, Row, required=REQUIRED) == row

    @pytest.mark.parametrize(
        "value", [{}, {"word": None}, {"word": True}, {"word": []}, {"word": Decimal(1)}]
    )
    def test_gives_nothing_without_what_is_required(self, value: object) -> None:
        assert salvage(value, Row, required=REQUIRED) is None

    @pytest.mark.parametrize("value", [None, [], "word", 5, [{"word": "a"}]])
    def test_gives_nothing_for_what_is_no_object(self, value: object) -> None:
        assert salvage(value, Row, required=REQUIRED) is None

    def test_logs_which_field_it_dropped_and_not_its_value(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        salvage({"word": "a", "aNumber": "+380501234567"}, Row, required=REQUIRED)
        assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
            ("smsbat_async.vendors", "WARNING", "dropped field 'aNumber' of an answer: a str")
        ]


class TestSane:
    @pytest.mark.parametrize(
        "text", ["0", "0.00", "0.05", "-3", "1e18", "1e-18", "0.10000000000000000000000001"]
    )
    def test_amounts_can_be_calculated_with(self, text: str) -> None:
        assert are_sane(Decimal(text))

    @pytest.mark.parametrize(
        "text", ["NaN", "sNaN", "Infinity", "-Infinity", "1e19", "1e-19", "1e999999", "0e-999999"]
    )
    def test_others_cannot(self, text: str) -> None:
        assert not are_sane(Decimal(text))
