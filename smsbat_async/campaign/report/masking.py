"""Masking: what people wrote, without the phone numbers in it."""

import re

from smsbat_async.phones import mask_phone

NUMBER = re.compile(
    r"(?P<date>(?<!\d)(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d))|\+?\d(?:[ ().-]{0,2}\d){6,}", re.ASCII
)
"""Seven digits or more, as people write phone numbers, or a date, which is none."""

BETWEEN = re.compile(r"[ ().-]")
DIGIT, NO_DIGIT = re.compile(r"\d"), re.compile(r"\D")

TELLING = 7
"""So many last digits of a phone number tell whose it is."""


def mask_numbers(text: str) -> str:
    """Return a text in which everything is masked that looks like a phone number.

    Args:
        text: What somebody wrote.
    """
    return NUMBER.sub(_masked, text)


def mask_one(text: str, phone: str) -> str:
    """Return a text without a phone number, however it is written in there.

    Args:
        text: What somebody wrote.
        phone: The number that it must not tell.
    """
    return DIGIT.sub("*", text) if phone[-TELLING:] in NO_DIGIT.sub("", text) else text


def _masked(found: re.Match[str]) -> str:
    return found[0] if found["date"] else mask_phone(BETWEEN.sub("", found[0]))
