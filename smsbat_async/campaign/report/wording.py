"""Wording: numbers, shares, times and amounts as people read them."""

import datetime as dt
from decimal import Decimal

SPACE = "\N{NO-BREAK SPACE}"
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def number(value: int) -> str:
    """Return a count: 1,234,567."""
    return f"{value:,}"


def messages(value: int) -> str:
    """Return a count of messages: 1 message, 2 messages."""
    return f"{number(value)}{SPACE}message{'' if value == 1 else 's'}"


def share(part: int, whole: int) -> str:
    """Return what part of a whole something is; not 0 % nor 100 % unless it is exactly that."""
    if not whole:
        return "–"
    tenths = round(1000 * part / whole)
    if 0 < part < whole:
        if tenths == 0:
            return f"<{SPACE}0.1{SPACE}%"
        tenths = min(tenths, 999)
    return f"{tenths // 10}{SPACE}%" if tenths in {0, 1000} else f"{tenths / 10:.1f}{SPACE}%"


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units: 0.4 s, 42 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + f"{SPACE}s"
    whole = round(seconds)
    large, name = next((size, unit) for size, unit in UNITS if whole >= size)
    small, below = next(((size, unit) for size, unit in UNITS if size < large), (1, "s"))
    rest = whole % large // small
    text = f"{whole // large}{SPACE}{name}"
    return f"{text} {rest}{SPACE}{below}" if rest else text


def moment(at: dt.datetime) -> str:
    """Return a moment: 2026-03-02 09:00:00 UTC."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def amount(value: Decimal, currency: str | None) -> str:
    """Return an amount with every digit that it has, and its currency if that is known."""
    text = f"{value:,f}"
    return text if currency is None else f"{text}{SPACE}{currency}"


def word(state: str) -> str:
    """Return a state's name as a word: permanent error."""
    return state.replace("_", " ")
