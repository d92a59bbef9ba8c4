"""Into how many SMS parts a text is cut.

Follows 3GPP TS 23.038 (the alphabet) and TS 23.040 (the header that joins parts).
"""

import re
from typing import Literal

import msgspec

ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The characters of GSM-7 that take one unit."""

EXTENSION = frozenset("\f^{}\\[~]|€")
"""The characters of GSM-7 that take two units, an escape and themselves."""

# A million texts are looked at before a campaign begins, and a pattern is quicker than any loop.
PLAIN = re.compile(f"[{re.escape(''.join(sorted(ALPHABET)))}]*")
EXTENDED = re.compile(f"[{re.escape(''.join(sorted(ALPHABET | EXTENSION)))}]*")

GSM_SINGLE, GSM_PART = 160, 153
UCS_SINGLE, UCS_PART = 70, 67
"""How many units a message of one part holds, and each part of a longer one."""

BEYOND_BMP = 0xFFFF


class Segments(msgspec.Struct, frozen=True):
    """How a text goes out by SMS.

    Args:
        encoding: `GSM-7`, or `UCS-2` as soon as one character is not in that alphabet.
        units: Its length in septets (GSM-7) or in UTF-16 units (UCS-2).
        parts: How many parts it is cut into; each is paid for.
        per_part: How many units one of its parts holds.
    """

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    parts: int
    per_part: int


def segments(text: str) -> Segments:
    """Return how a text goes out by SMS.

    A character that takes two units is never cut in two, so that a part may end one unit early. National
    language tables are not counted on: the vendor does not say that it uses them.

    Args:
        text: The text.
    """
    if PLAIN.fullmatch(text):
        return _even("GSM-7", len(text), GSM_SINGLE, GSM_PART)
    if EXTENDED.fullmatch(text):
        widths = [2 if character in EXTENSION else 1 for character in text]
        return _packed("GSM-7", widths, GSM_SINGLE, GSM_PART)
    if len(text.encode("utf-16-le", "surrogatepass")) == 2 * len(text):
        return _even("UCS-2", len(text), UCS_SINGLE, UCS_PART)
    widths = [2 if ord(character) > BEYOND_BMP else 1 for character in text]
    return _packed("UCS-2", widths, UCS_SINGLE, UCS_PART)


def _even(encoding: Literal["GSM-7", "UCS-2"], units: int, single: int, part: int) -> Segments:
    """Return the parts of a text whose characters all take one unit."""
    if units <= single:
        return Segments(encoding, units, 1, single)
    return Segments(encoding, units, -(-units // part), part)


def _packed(encoding: Literal["GSM-7", "UCS-2"], widths: list[int], single: int, part: int) -> Segments:
    """Return the parts of a text some of whose characters take two units."""
    units = sum(widths)
    if units <= single:
        return Segments(encoding, units, 1, single)
    parts, filled = 1, 0
    for width in widths:
        if filled + width > part:
            parts += 1
            filled = 0
        filled += width
    return Segments(encoding, units, parts, part)
