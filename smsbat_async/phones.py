"""Phone numbers: E.164 and how much of one may be shown."""

import re

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
"""A plus, a country code that does not begin with 0, and 7 to 15 digits in all."""


def is_e164(phone: object) -> bool:
    """Return whether something is a phone number in E.164 form with its plus: `+380501234567`."""
    return isinstance(phone, str) and E164.fullmatch(phone) is not None


def mask_phone(phone: str) -> str:
    """Return a phone number with all but its first three and last two digits hidden."""
    if len(phone) < 8:
        return "***"
    return f"{phone[:4]}***{phone[-2:]}"
