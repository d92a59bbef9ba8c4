"""E.164, and how much of a phone number is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async.phones import is_e164, mask_phone


class TestE164:
    @pytest.mark.parametrize(
        "phone", ["+380501234567", "+84987654321", "+1234567", "+123456789012345", "+19999999999"]
    )
    def test_takes_a_plus_and_7_to_15_digits(self, phone: str) -> None:
        assert is_e164(phone)

    @pytest.mark.parametrize(
        "phone",
        [
            "",
            "+",
            "380501234567",
            "0501234567",
            "+0501234567",
            "+123456",
            "+1234567890123456",
            "+38050 1234567",
            "+38050-123-45-67",
            "+380501234567\n",
            "\n+380501234567",
            " +380501234567",
            "++380501234567",
            "+38050123456x",
            "+３８０５０１２３４５６７",
            "+٣٨٠٥٠١٢٣٤٥٦٧",
            "+3.80501E+11",
        ],
    )
    def test_refuses_anything_else(self, phone: str) -> None:
        assert not is_e164(phone)

    @pytest.mark.parametrize("value", [None, 380501234567, b"+380501234567", ["+380501234567"], True])
    def test_refuses_what_is_no_text(self, value: object) -> None:
        assert not is_e164(value)

    @given(st.text())
    def test_whatever_it_takes_is_plain_ascii(self, text: str) -> None:
        if is_e164(text):
            assert text.isascii()
            assert text[0] == "+"
            assert text[1:].isdigit()


class TestMask:
    @pytest.mark.parametrize(
        ("phone", "shown"),
        [
            ("+380501234567", "+380***67"),
            ("+84987654321", "+849***21"),
            ("+1234567", "+123***67"),
            ("+123456", "***"),
            ("", "***"),
        ],
    )
    def test_shows_three_digits_and_the_last_two(self, phone: str, shown: str) -> None:
        assert mask_phone(phone) == shown

    @given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
    def test_always_hides_what_is_between(self, phone: str) -> None:
        shown = mask_phone(phone)
        assert shown == f"{phone[:4]}***{phone[-2:]}"
        assert len(shown) == 9
