"""How the columns of a file become messages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import CascadeMessage, ConfigurationError, MessageType
from smsbat_async.campaign.recipients import Column, Recipient, Recipients
from smsbat_async.campaign.rows import BadRow, Row
from smsbat_async.campaign.template import Template
from smsbat_async.errors import SourceError
from smsbat_async.segments import Segments

PHONE = "+380501234567"


def recipients(**given: Any) -> Recipients:
    return Recipients(**{"campaign": "spring", "from_name": "Shop", **given})


def read(mapping: Recipients, line: int = 2, **fields: str) -> Recipient | BadRow:
    return mapping.recipient(Row(line, {"phone": PHONE, "text": "Hello", **fields}))


def good(mapping: Recipients, line: int = 2, **fields: str) -> Recipient:
    found = read(mapping, line, **fields)
    assert isinstance(found, Recipient)
    return found


def bad(mapping: Recipients, **fields: str) -> BadRow:
    found = read(mapping, 2, **fields)
    assert isinstance(found, BadRow)
    return found


class TestGoodRows:
    def test_are_messages(self) -> None:
        assert good(recipients(), line=17) == Recipient(
            line=17,
            message=CascadeMessage(
                id="spring-17",
                from_name="Shop",
                to_phone=PHONE,
                message_type=MessageType.PROMO,
                text="Hello",
            ),
            parts=Segments("GSM-7", 5, 1, 160),
            country="UA",
        )

    def test_may_have_every_value_in_a_column(self) -> None:
        mapping = recipients(
            phone="to",
            id="key",
            text="words",
            from_name=Column("sender"),
            message_type=Column("kind"),
            ttl=Column("seconds"),
        )
        assert mapping.columns == ("to", "key", "words", "sender", "kind", "seconds")
        message = good(
            mapping, to=PHONE, key=" k-1 ", words="Hi", sender="Bat", kind=" Transaction", seconds="60"
        ).message
        assert message == CascadeMessage(
            id="k-1",
            from_name="Bat",
            to_phone=PHONE,
            message_type=MessageType.TRANSACTION,
            text="Hi",
            ttl=60,
        )

    def test_have_a_text_made_of_a_template(self) -> None:
        mapping = recipients(text=Template("Привіт, {name}!"))
        assert mapping.columns == ("phone", "name")
        found = good(mapping, name="Їжак")
        assert found.message.text == "Привіт, Їжак!"
        assert found.parts == Segments("UCS-2", 13, 1, 70)

    def test_count_the_parts_of_each_text(self) -> None:
        mapping = recipients()
        texts = ["a" * 160, "a" * 160, "a" * 161, "ї" * 71, "a" * 160]
        counted = [good(mapping, text=text).parts for text in texts]
        assert [parts.parts for parts in counted if parts] == [1, 1, 2, 2, 1]

    def test_of_a_flashcall_need_no_text_and_have_no_parts(self) -> None:
        found = good(recipients(message_type=MessageType.FLASHCALL, text=None))
        assert (found.message.text, found.parts) == (None, None)

    def test_of_a_survey_have_the_options_of_all(self) -> None:
        found = good(recipients(message_type=MessageType.VIBER_SURVEY, survey_options=["yes", "no"]))
        assert found.message.survey_options == ("yes", "no")

    def test_have_their_phones_in_e164_form(self) -> None:
        assert good(recipients(default_region="UA"), phone="(050) 123-45-67").message.to_phone == PHONE

    def test_may_lack_a_ttl_in_its_column(self) -> None:
        assert good(recipients(ttl=Column("ttl")), ttl=" ").message.ttl is None

    @given(st.integers(1, 10**12 - 1), st.text("spring-0123456789", min_size=1, max_size=241))
    def test_row_74_have_the_same_id_whenever_they_are_read(self, line: int, campaign: str) -> None:
        mapping = recipients(campaign=campaign)
        assert good(mapping, line).message.id == good(mapping, line).message.id == f"{campaign}-{line}"


class TestBadRows:
    @pytest.mark.parametrize(
        ("given", "fields", "field", "code"),
        [
            pytest.param({}, {"phone": ""}, "phone", "missing_phone", id="no phone"),
            pytest.param({}, {"phone": "3.80501E+11"}, "phone", "rounded_phone", id="a rounded phone"),
            pytest.param({"phone": "to"}, {}, "to", "missing_phone", id="no such column"),
            pytest.param({}, {"text": " "}, "text", "missing_text", id="a blank text"),
            pytest.param({}, {"text": ""}, "text", "missing_text", id="no text"),
            pytest.param({"text": "body"}, {}, "body", "missing_text", id="no column of texts"),
            pytest.param({}, {"text": "\ud800"}, "text", "invalid_text", id="half a surrogate pair"),
            pytest.param({"text": Template("{x}")}, {}, "x", "missing_field", id="a field missing"),
            pytest.param({"id": "key"}, {"key": ""}, "key", "invalid_id", id="no id"),
            pytest.param({"id": "key"}, {"key": "k" * 255}, "key", "invalid_id", id="a long id"),
            pytest.param({"id": "key"}, {"key": "a\nb"}, "key", "invalid_id", id="an id of two lines"),
            pytest.param({"ttl": Column("t")}, {"t": "1.5"}, "t", "invalid_ttl", id="a broken ttl"),
            pytest.param({"ttl": Column("t")}, {"t": "0"}, "t", "invalid_ttl", id="a ttl of nothing"),
            pytest.param({"ttl": Column("t")}, {"t": "9" * 5_000}, "t", "invalid_ttl", id="an endless ttl"),
            pytest.param({"ttl": Column("t")}, {"t": "²"}, "t", "invalid_ttl", id="a raised digit"),
            pytest.param(
                {"message_type": Column("k")}, {"k": "advert"}, "k", "invalid_type", id="an unknown type"
            ),
            pytest.param({"from_name": Column("s")}, {"s": " "}, "s", "missing_from_name", id="no sender"),
        ],
    )
    def test_name_the_column_and_what_is_wrong(
        self, given: dict[str, Any], fields: dict[str, str], field: str, code: str
    ) -> None:
        found = bad(recipients(**given), **fields)
        assert (found.line, found.field, found.code) == (2, field, code)

    def test_show_little_of_a_phone(self) -> None:
        found = bad(recipients(), phone="380501234567x")
        assert found.value_masked == "3805***7x"
        assert bad(recipients(), phone=" ").value_masked is None

    @given(st.text("678+(жЩ", min_size=6), st.text("678жЩ", min_size=6))
    def test_show_nothing_of_a_text(self, phone: str, text: str) -> None:
        found = read(recipients(text=Template("{text}{gone}")), phone=phone, text=text)
        assert isinstance(found, BadRow)
        assert text not in found.reason
        assert phone not in found.reason


class TestColumns:
    def test_that_are_missing_are_named(self) -> None:
        mapping = recipients(text=Template("{name} {code}"), id="key")
        mapping.check_columns(["code", "key", "name", "phone", "more"], "people.csv")
        with pytest.raises(
            SourceError, match=r"people\.csv has no column 'key', 'code': it has 'phone', 'name'"
        ):
            mapping.check_columns(["phone", "name"], "people.csv")


class TestParameters:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"campaign": ""}, "campaign must be"),
            ({"campaign": "c" * 242}, "campaign must be"),
            ({"campaign": "a\nb"}, "campaign must be"),
            ({"from_name": " "}, "from_name"),
            ({"from_name": Column("")}, "from_name must name a column"),
            ({"message_type": "advert"}, "message_type"),
            ({"message_type": MessageType.VIBER_SURVEY}, "survey"),
            ({"survey_options": ["a", "b"]}, "survey_options"),
            ({"phone": ""}, "phone must name a column"),
            ({"phone": Column("phone")}, "phone must name a column"),
            ({"id": 7}, "id must name a column"),
            ({"text": ""}, "text must name a column"),
            ({"text": None}, "text"),
            ({"ttl": 0}, "ttl"),
            ({"ttl": Column(" ")}, "ttl must name a column"),
            ({"default_region": "ua"}, "default_region"),
        ],
        ids=[f"case {number}" for number in range(1, 17)],
    )
    def test_that_are_wrong_are_refused_at_once(self, given: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said) as caught:
            recipients(**given)
        assert caught.value.__context__ is None

    def test_of_a_long_name_leave_room_for_the_line(self) -> None:
        assert len(good(recipients(campaign="c" * 241), line=10**12 - 1).message.id) == 254
