"""Phones as people write them."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ConfigurationError
from smsbat_async.campaign.phones import BadPhone, PhoneReader, mask_written
from smsbat_async.phones import is_e164

UKRAINE = PhoneReader("UA")
NOWHERE = PhoneReader()


def code_of(read: str | BadPhone) -> str:
    assert isinstance(read, BadPhone)
    return read.code


@pytest.mark.parametrize(
    "written",
    [
        "+380501234567",
        " +380501234567 ",
        "'+380501234567",
        "+38 (050) 123-45-67",
        "+380 50 123 45 67",
        "\u202a+380501234567\u202c",
        "+380\u00a050\u00a0123\u201145\u201167",
        "＋380501234567",
    ],
)
def test_with_their_country_code_need_no_region(written: str) -> None:
    assert NOWHERE.read(written) == "+380501234567"
    assert UKRAINE.read(written) == "+380501234567"


@pytest.mark.parametrize(
    "written",
    ["0501234567", "050 123-45-67", "(050) 123 45 67", "380501234567", "501234567", "00380501234567"],
)
def test_without_it_belong_to_the_default_region(written: str) -> None:
    assert UKRAINE.read(written) == "+380501234567"
    assert code_of(NOWHERE.read(written)) == "no_country"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "missing_phone"),
        (" \u200b", "missing_phone"),
        ("3.80501E+11", "rounded_phone"),
        ("3,80501E+11", "rounded_phone"),
        ("3.8e11", "rounded_phone"),
        ("+3.80501E+11", "rounded_phone"),
        ("380501234567.0", "fractional_phone"),
        ("380501234567,00", "fractional_phone"),
        ("12", "invalid_phone"),
        ("+999501234567 8", "invalid_phone"),
        ("+3805012345678901234", "invalid_phone"),
        ("+380501234567, +380671234567", "invalid_phone"),
        ("+380501234567/8", "invalid_phone"),
        ("+380501234567 ext. 5", "invalid_phone"),
        ("1-800-FLOWERS", "invalid_phone"),
        ("ann@example.com", "invalid_phone"),
        ("++380501234567", "invalid_phone"),
        ("380 501 234 567 380 501 234 567", "invalid_phone"),
    ],
)
def test_row_73_what_is_none_is_told_apart(written: str, code: str) -> None:
    assert code_of(UKRAINE.read(written)) == code
    if written[:1] != "+":
        assert isinstance(NOWHERE.read(written), BadPhone)


def test_one_that_can_be_dialled_within_its_town_alone_is_none() -> None:
    assert code_of(PhoneReader("US").read("253-0000")) == "invalid_phone"


@pytest.mark.parametrize("region", ["ua", "Ukraine", "XX", "", "001"])
def test_an_unknown_region_is_refused(region: str) -> None:
    with pytest.raises(ConfigurationError, match="default_region must be"):
        PhoneReader(region)


@given(st.from_regex(r"[+]?[0-9 ()-]{0,20}", fullmatch=True))
def test_what_is_read_is_what_the_library_reads(written: str) -> None:
    read = UKRAINE.read(written)
    if isinstance(read, BadPhone) or is_e164(written.strip()):
        return
    number = phonenumbers.parse(written, "UA")
    assert read == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@given(st.one_of(st.text(max_size=40), st.text("+0123456789.,eE-/ ()x", max_size=30)))
def test_any_text_is_a_phone_or_a_reason(written: str) -> None:
    read = UKRAINE.read(written)
    assert isinstance(read, BadPhone) or is_e164(read)


@given(st.text("+678.,eE-/ ()x", min_size=7, max_size=30))
def test_a_reason_does_not_show_what_was_written(written: str) -> None:
    read = UKRAINE.read(written)
    assert isinstance(read, str) or written not in read.reason


@given(st.text(max_size=40))
def test_a_masked_one_shows_six_characters_at_most(written: str) -> None:
    masked = mask_written(written)
    assert masked.isprintable()
    assert len(masked) <= 9
