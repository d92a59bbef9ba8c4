"""Time zones: where a phone number may be, by the clock."""

import functools
import importlib
from typing import Any, Final
from zoneinfo import ZoneInfo

from smsbat_async.campaign.countries import AREA_CODE, REGIONS, TELLING, phone_library
from smsbat_async.campaign.phones import EXTRA
from smsbat_async.errors import ConfigurationError

KEPT: Final = 1_024
"""How many zones stay in memory: more than there are. `ZoneInfo` itself keeps eight."""

REMEMBERED: Final = 20_000
"""How many beginnings of numbers are remembered."""

NOWHERE: Final = "Etc/Unknown"


@functools.lru_cache(maxsize=KEPT)
def zone(name: str) -> ZoneInfo:
    """Return a time zone.

    Args:
        name: Its name in the IANA database, as `Europe/Kyiv`.

    Raises:
        ConfigurationError: If it is not known.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise ConfigurationError(
        f"zone must be a name of the IANA database, as 'Europe/Kyiv', or 'recipient', and not {name!r}; if "
        "it is such a name, the time zones of this machine are missing or old: pip install --upgrade tzdata"
    )


def zones_of(phone: str) -> tuple[str, ...]:
    """Return the names of all time zones that a phone number may be in.

    A landline is where its area code is. A mobile number may be anywhere in its country, unless the country
    gives out mobile numbers by area, as North America does.

    Args:
        phone: The number in E.164 form with its plus.

    Returns:
        Names of the IANA database; none for a number of no country, as those of satellites.
    """
    code = _calling_code(phone)
    if code is None:
        return ()
    zones = _of_code(code)
    if len(zones) < 2:
        return zones
    rest = phone[1 + len(code) :]
    telling = AREA_CODE if code == "1" else TELLING
    return zones if _is_anywhere(code, rest[:telling], len(rest)) else _of_number(code, rest)


def _calling_code(phone: str) -> str | None:
    for length in (3, 2, 1):
        if phone[1 : 1 + length] in REGIONS:
            return phone[1 : 1 + length]
    return None


@functools.lru_cache(maxsize=KEPT)
def _of_code(code: str) -> tuple[str, ...]:
    """Return the zones of all numbers with a calling code."""
    return tuple(sorted({name for digit in "0123456789" for name in _of_number(code, digit)}))


def _of_number(code: str, rest: str) -> tuple[str, ...]:
    # By the beginning alone: what is asked here is not whether such a number exists.
    zones = _table().time_zones_for_geographical_number(_number(code, rest))
    return tuple(name for name in zones if name != NOWHERE)


@functools.lru_cache(maxsize=REMEMBERED)
def _is_anywhere(code: str, beginning: str, length: int) -> bool:
    """Return whether numbers that begin so and have this length belong to no area of their country."""
    library = _library()
    # Zeros and ones are not always numbers that exist; digits in the middle of the range mostly are.
    for filler in "234567":
        number = _number(code, beginning.ljust(length, filler))
        if library.is_valid_number(number):
            # A smaller country that shares the calling code is told by the beginning, whatever the number is.
            is_largest = library.region_code_for_number(number) == REGIONS[code]
            return is_largest and not library.is_number_geographical(number)
    return False


def _number(code: str, rest: str) -> Any:
    number = _library().PhoneNumber(int(code), int(rest))
    if rest[0] == "0":  # it belongs to the number in some countries, and an int has no place for it
        number.italian_leading_zero = True
        number.number_of_leading_zeros = len(rest) - len(rest.lstrip("0"))
    return number


def _library() -> Any:
    library = phone_library()
    if library is None:
        raise ConfigurationError(f"the zones of phones need the library phonenumbers: {EXTRA}")
    return library


@functools.cache
def _table() -> Any:
    return importlib.import_module("phonenumbers.timezone")
