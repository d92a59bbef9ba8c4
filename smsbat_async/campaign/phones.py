"""PhoneReader: phone numbers as people write them, in E.164 form."""

import re
from typing import Any, Final, NamedTuple

from smsbat_async.campaign.countries import phone_library
from smsbat_async.errors import ConfigurationError
from smsbat_async.phones import E164, mask_phone

EXTRA: Final = "pip install 'smsbat-async[campaign]'"

ROUNDED = re.compile(r"\+?\d([.,]\d+)?[eE]\+?\d+")
"""A number as a spreadsheet shows it when it does not fit the cell."""

FRACTION = re.compile(r"\+?\d+[.,]0+")
"""A number that something took for a measure: the zero after the point is no digit of a phone."""

WRITTEN = re.compile(r"[+＋]?[\s(]*\d[\d\s()./\-\u2010-\u2015]*")
"""Digits, and what people put between them; a slash is looked at by itself."""

UNSEEN: Final = dict.fromkeys(
    map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
)
"""What address books put around a number, and nobody sees."""


class BadPhone(NamedTuple):
    """Why a text is no phone number.

    Args:
        code: In one word for programs.
        reason: For people, with what would be right; it does not show the number.
    """

    code: str
    reason: str


class PhoneReader:
    """Reads phone numbers into E.164 form.

    Args:
        default_region: The ISO 3166 code of the region that numbers without a calling code belong to, as
            `UA`; without it, such numbers are bad.

    Raises:
        ConfigurationError: If the region is unknown, or `phonenumbers` is needed for it and not installed.
    """

    def __init__(self, default_region: str | None = None) -> None:
        self._region = default_region
        if default_region is None:
            return
        library = phone_library()
        if library is None:
            raise ConfigurationError(f"default_region needs the library phonenumbers: {EXTRA}")
        if default_region not in library.SUPPORTED_REGIONS:
            raise ConfigurationError(
                "default_region must be an ISO 3166 code of two capital letters, as 'UA'"
            )

    def read(self, written: str) -> str | BadPhone:
        """Return a phone number in E.164 form, or why it is none.

        Args:
            written: The number as it was written.
        """
        if E164.fullmatch(written):
            return written
        text = written.translate(UNSEEN).strip().removeprefix("'")
        if E164.fullmatch(text):
            return text
        if not text:
            return BadPhone("missing_phone", "is empty")
        if ROUNDED.fullmatch(text):
            return BadPhone(
                "rounded_phone",
                "was rounded by a spreadsheet, as 3.8E+11, and its last digits are lost: "
                "format the column as text, and export it again",
            )
        if FRACTION.fullmatch(text):
            return BadPhone(
                "fractional_phone",
                "ends in a decimal fraction: format the column as text, and export it again",
            )
        if not WRITTEN.fullmatch(text) or "/" in text:
            return BadPhone("invalid_phone", "must be one phone number: +380501234567")
        if self._region is None and text[0] not in "+＋":
            return BadPhone(
                "no_country", "has no plus and no country code: write +380501234567, or set default_region"
            )
        return self._parsed(text)

    def _parsed(self, text: str) -> str | BadPhone:
        library = phone_library()
        if library is None:
            return BadPhone("invalid_phone", f"must be in E.164 form: +380501234567 (or {EXTRA} for others)")
        try:
            number: Any = library.parse(text, self._region)
        except library.NumberParseException:
            number = None
        if number is None or not self._is_possible(library, number):
            return BadPhone("invalid_phone", "has too many or too few digits, or no known country code")
        phone = f"+{number.country_code}{library.national_significant_number(number)}"
        if E164.fullmatch(phone):
            return phone
        return BadPhone("invalid_phone", "has too many or too few digits for a phone number")

    def _is_possible(self, library: Any, number: Any) -> bool:
        # One that can be dialled within its town alone is none that a message gets to.
        reason = library.is_possible_number_with_reason(number)
        return bool(reason == library.ValidationResult.IS_POSSIBLE) and not number.extension


def mask_written(written: str) -> str:
    """Return a phone number as it was written, with most of it hidden.

    Args:
        written: The number, or whatever stood in its place.
    """
    masked = mask_phone(written.strip())
    return "".join(character if character.isprintable() else "?" for character in masked)
