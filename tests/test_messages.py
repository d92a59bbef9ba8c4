"""What a user sends: every check, what is shown, and the bytes that go out."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import (
    CascadeMessage,
    InvalidMessageError,
    MessageType,
    Receipt,
    Route,
    SendOutcome,
    SendResult,
)
from smsbat_async.messages import check_tracking_id, is_unicode

PHONE = "+380501234567"
NAIVE = dt.datetime(2025, 1, 25, 10, tzinfo=dt.UTC).replace(tzinfo=None)


def message(**changes: Any) -> CascadeMessage:
    fields: dict[str, Any] = {
        "id": "order-12345",
        "from_name": "YourBrand",
        "to_phone": PHONE,
        "message_type": MessageType.TRANSACTION,
        "text": "Your order has been confirmed",
    }
    return CascadeMessage(**{**fields, **changes})


def survey(**changes: Any) -> CascadeMessage:
    return message(**{"message_type": "viber_survey", "survey_options": ["Yes", "No"], **changes})


def refusal(**changes: Any) -> tuple[str, str]:
    with pytest.raises(InvalidMessageError) as caught:
        message(**changes)
    assert caught.value.message
    return caught.value.field, caught.value.code


class TestId:
    @pytest.mark.parametrize("value", ["a", "x" * 254, "order 12345", "замовлення-7", "../x?y#z", "😀"])
    def test_takes_1_to_254_printable_characters(self, value: str) -> None:
        assert message(id=value).id == value

    @pytest.mark.parametrize(
        "value",
        ["", "x" * 255, "a\nb", "a\x00", "a\tb", "\x7f", "\ud83d", "a\u2028b", None, 12345, b"order", True],
    )
    def test_refuses_anything_else(self, value: object) -> None:
        assert refusal(id=value) == ("id", "invalid_id")

    def test_is_checked_alone_as_well(self) -> None:
        check_tracking_id("order-1")
        with pytest.raises(InvalidMessageError, match="id: must be a text of 1 to 254 printable characters"):
            check_tracking_id("")


class TestFromName:
    @pytest.mark.parametrize("value", ["", "   ", "\n", None, 5, b"Brand"])
    def test_must_say_something(self, value: object) -> None:
        assert refusal(from_name=value) == ("from_name", "missing_from_name")

    def test_must_be_unicode(self) -> None:
        assert refusal(from_name="Brand\udc00") == ("from_name", "invalid_from_name")


class TestPhone:
    @pytest.mark.parametrize(
        "value", ["", "380501234567", "+0501234567", "+38050 1234567", None, 380501234567]
    )
    def test_must_be_e164(self, value: object) -> None:
        assert refusal(to_phone=value) == ("to_phone", "invalid_phone")

    def test_the_refusal_does_not_repeat_it(self) -> None:
        with pytest.raises(InvalidMessageError) as caught:
            message(to_phone="380501239999")
        assert "9999" not in str(caught.value)


class TestType:
    @pytest.mark.parametrize("kind", [kind for kind in MessageType if kind is not MessageType.VIBER_SURVEY])
    def test_may_be_given_as_a_text(self, kind: MessageType) -> None:
        made = message(message_type=kind.value)
        assert made.message_type is kind

    @pytest.mark.parametrize("value", ["sms", "", "Transaction", None, 1, b"promo", ["promo"]])
    def test_must_be_one_of_the_four(self, value: object) -> None:
        assert refusal(message_type=value) == ("message_type", "invalid_type")

    def test_the_refusal_names_the_four(self) -> None:
        with pytest.raises(InvalidMessageError, match="transaction, promo, viber_survey, flashcall"):
            message(message_type="sms")

    def test_the_words_are_the_vendors(self) -> None:
        assert [str(kind) for kind in MessageType] == ["transaction", "promo", "viber_survey", "flashcall"]
        assert [str(route) for route in Route] == ["standard", "tg-viber"]
        assert [str(outcome) for outcome in SendOutcome] == ["accepted", "rejected", "not_sent", "unknown"]


class TestText:
    @pytest.mark.parametrize("kind", ["transaction", "promo"])
    def test_is_needed(self, kind: str) -> None:
        assert refusal(message_type=kind, text=None) == ("text", "missing_text")

    def test_is_needed_for_a_survey(self) -> None:
        assert refusal(message_type="viber_survey", text=None, survey_options=["a", "b"]) == (
            "text",
            "missing_text",
        )

    def test_is_not_needed_for_a_flashcall(self) -> None:
        assert message(message_type="flashcall", text=None).text is None

    @pytest.mark.parametrize("kind", ["transaction", "promo", "flashcall"])
    @pytest.mark.parametrize("value", ["", "  ", "\n\t", 5, b"text", ["text"]])
    def test_must_say_something_where_it_is_given(self, kind: str, value: object) -> None:
        assert refusal(message_type=kind, text=value) == ("text", "missing_text")

    def test_must_not_hold_half_an_emoji(self) -> None:
        assert refusal(text="sale \ud83d") == ("text", "invalid_text")

    def test_may_be_long_and_in_any_script(self) -> None:
        text = "Ваше замовлення 😀 đã được giao " * 200
        assert message(text=text).text == text


class TestSurvey:
    @pytest.mark.parametrize("count", [2, 3, 4, 5])
    def test_has_2_to_5_answers(self, count: int) -> None:
        options = [f"answer {number}" for number in range(count)]
        assert survey(survey_options=options).survey_options == tuple(options)

    @pytest.mark.parametrize("options", [None, [], ["a"], ["a"] * 6, "ab", 5, {"a", "b"}, iter(["a", "b"])])
    def test_refuses_fewer_more_and_what_is_no_sequence(self, options: object) -> None:
        assert refusal(message_type="viber_survey", survey_options=options) == (
            "survey_options",
            "invalid_options",
        )

    @pytest.mark.parametrize("option", ["", "  ", None, 5])
    def test_every_answer_must_say_something(self, option: object) -> None:
        assert refusal(message_type="viber_survey", survey_options=["Yes", option]) == (
            "survey_options",
            "missing_survey_options",
        )

    def test_no_answer_holds_half_an_emoji(self) -> None:
        assert refusal(message_type="viber_survey", survey_options=["Yes", "No\ud83d"]) == (
            "survey_options",
            "invalid_survey_options",
        )

    def test_has_at_most_85_characters_of_text(self) -> None:
        assert survey(text="ї" * 85).text == "ї" * 85
        assert refusal(message_type="viber_survey", survey_options=["a", "b"], text="ї" * 86) == (
            "text",
            "text_too_long",
        )

    @pytest.mark.parametrize("kind", ["transaction", "promo", "flashcall"])
    def test_alone_has_answers(self, kind: str) -> None:
        assert refusal(message_type=kind, survey_options=["a", "b"]) == ("survey_options", "not_a_survey")

    def test_does_not_change_with_the_list_that_it_was_made_of(self) -> None:
        options = ["Yes", "No"]
        made = survey(survey_options=options)
        options.append("Maybe")
        assert made.survey_options == ("Yes", "No")
        assert hash(made) == hash(survey())


class TestTtl:
    @pytest.mark.parametrize("value", [1, 3_600, 604_800, None])
    def test_is_a_whole_number_of_seconds(self, value: int | None) -> None:
        assert message(ttl=value).ttl == value

    @pytest.mark.parametrize("value", [0, -1, True, False, 1.0, 3_600.5, "3600", float("nan")])
    def test_refuses_anything_else(self, value: object) -> None:
        assert refusal(ttl=value) == ("ttl", "invalid_ttl")


class TestSchedule:
    @pytest.mark.parametrize(
        "value",
        [NAIVE, dt.date(2025, 1, 25), "2025-01-25T10:00:00Z", 1737799200, dt.time(10)],
    )
    def test_must_be_an_aware_datetime(self, value: object) -> None:
        assert refusal(scheduled_sent=value) == ("scheduled_sent", "naive_datetime")

    def test_is_at_most_30_days_ahead(self) -> None:
        now = dt.datetime.now(dt.UTC)
        latest = now + dt.timedelta(days=30)
        assert message(scheduled_sent=latest).scheduled_sent == latest
        later = latest + dt.timedelta(minutes=5)
        assert refusal(scheduled_sent=later) == ("scheduled_sent", "too_far_ahead")

    def test_the_30_days_are_counted_between_moments_and_not_between_clock_faces(self) -> None:
        kyiv = dt.timezone(dt.timedelta(hours=3))
        latest = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).astimezone(kyiv)
        assert message(scheduled_sent=latest).scheduled_sent == latest
        later = latest.replace(tzinfo=dt.UTC)
        assert refusal(scheduled_sent=later) == ("scheduled_sent", "too_far_ahead")

    def test_becomes_utc(self) -> None:
        hanoi = dt.timezone(dt.timedelta(hours=7))
        made = message(scheduled_sent=dt.datetime(2025, 1, 25, 17, tzinfo=hanoi))
        assert made.scheduled_sent == dt.datetime(2025, 1, 25, 10, tzinfo=dt.UTC)
        assert made.scheduled_sent.tzinfo is dt.UTC

    @given(st.datetimes(), st.integers(-1439, 1439))
    def test_any_moment_becomes_utc_or_is_refused(self, moment: dt.datetime, minutes: int) -> None:
        zone = dt.timezone(dt.timedelta(minutes=minutes))
        try:
            made = message(scheduled_sent=moment.replace(tzinfo=zone))
        except InvalidMessageError as error:
            assert error.field == "scheduled_sent"  # noqa: PT017 - either outcome is right
        else:
            assert made.scheduled_sent is not None
            assert made.scheduled_sent.utcoffset() == dt.timedelta(0)

    @pytest.mark.parametrize(
        ("year", "month", "day", "hours", "code"),
        [(1, 1, 1, 14, "out_of_range"), (9999, 12, 31, -12, "too_far_ahead")],
    )
    def test_the_ends_of_the_calendar_are_refused(
        self, year: int, month: int, day: int, hours: int, code: str
    ) -> None:
        zone = dt.timezone(dt.timedelta(hours=hours))
        edge = dt.datetime(year, month, day, 13, tzinfo=zone)
        assert refusal(scheduled_sent=edge) == ("scheduled_sent", code)


class TestWhatIsShown:
    def test_hides_the_text_and_most_of_the_phone_number(self) -> None:
        made = message(text="your code is 4711")
        for shown in (
            repr(made),
            str(made),
            f"{made}",
            f"{made!r}",
            repr([made]),
            repr(SendResult(made, SendOutcome.ACCEPTED)),
        ):
            assert "4711" not in shown
            assert PHONE not in shown
        assert (
            repr(made) == "CascadeMessage(id='order-12345', to_phone='+380***67', message_type='transaction')"
        )

    def test_a_receipt_shows_both_ids(self) -> None:
        assert repr(Receipt("m-1", "order-1")) == "Receipt(message_id='m-1', tracking_id='order-1')"


class TestValue:
    def test_takes_keywords_only(self) -> None:
        with pytest.raises(TypeError):
            CascadeMessage("order-1", "Brand", PHONE, MessageType.PROMO)  # type: ignore[call-arg]

    def test_is_frozen(self) -> None:
        made = message()
        with pytest.raises(AttributeError):
            made.to_phone = "+380500000000"  # type: ignore[misc]

    def test_checks_itself_when_it_is_replaced(self) -> None:
        with pytest.raises(InvalidMessageError):
            msgspec.structs.replace(message(), ttl=0)

    def test_equals_another_of_the_same_fields(self) -> None:
        assert message() == message()
        assert hash(message()) == hash(message())
        assert message() != message(id="order-12346")


class TestWire:
    def test_only_what_is_given_goes_out(self) -> None:
        assert msgspec.json.encode([message()]) == (
            b'[{"id":"order-12345","fromName":"YourBrand","toPhone":"+380501234567",'
            b'"messageType":"transaction","text":"Your order has been confirmed"}]'
        )

    def test_a_flashcall_has_no_text_at_all(self) -> None:
        assert msgspec.json.encode(message(message_type="flashcall", text=None)) == (
            b'{"id":"order-12345","fromName":"YourBrand","toPhone":"+380501234567","messageType":"flashcall"}'
        )

    def test_every_field_has_the_vendors_key(self) -> None:
        kyiv = dt.timezone(dt.timedelta(hours=2))
        made = survey(
            text="Ви задоволені?", ttl=604_800, scheduled_sent=dt.datetime(2025, 1, 25, 12, tzinfo=kyiv)
        )
        assert msgspec.json.encode(made).decode() == (
            '{"id":"order-12345","fromName":"YourBrand","toPhone":"+380501234567",'
            '"messageType":"viber_survey","text":"Ви задоволені?","ttl":604800,'
            '"scheduledSent":"2025-01-25T10:00:00Z","surveyOptions":["Yes","No"]}'
        )

    def test_no_key_is_null(self) -> None:
        assert b"null" not in msgspec.json.encode(message(ttl=None, scheduled_sent=None, survey_options=None))


@given(st.text(st.characters()))
def test_is_unicode_says_what_utf8_can_carry(text: str) -> None:
    assert is_unicode(text) == (not any("\ud800" <= character <= "\udfff" for character in text))
