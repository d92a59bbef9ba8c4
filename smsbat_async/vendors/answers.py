"""Reading a vendor's JSON, whatever it is."""

import datetime as dt
import json
import logging
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from smsbat_async.errors import ResponseError
from smsbat_async.http import Response

logger = logging.getLogger("smsbat_async.vendors")

T = TypeVar("T", bound=msgspec.Struct)

BOM = b"\xef\xbb\xbf"

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
"""Everything that msgspec may raise for a body."""

EXPONENT_MAXIMUM = 18


def parse(response: Response) -> Any:
    """Return the body as plain Python values, by a parser that forgives more than msgspec.

    Raises:
        ResponseError: If it is not JSON; asking again may help unless it is nested too deep.
    """
    problem = "is not JSON"
    try:
        return json.loads(response.body.removeprefix(BOM).decode("utf-8", "replace"), parse_float=exact)
    except RecursionError:
        problem = "is nested too deep"
    except ValueError:
        if not response.body:
            problem = "is empty"
    raise ResponseError(
        f"the body {problem} (HTTP {response.status}, {len(response.body)} bytes)",
        kind="unreadable",
        status_code=response.status,
        body=response.body,
        retryable=problem != "is nested too deep",
    )


def exact(text: str) -> Decimal:
    """Return a number of JSON as it is written; NaN where no decimal can hold it."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("NaN")  # an exponent of more digits than decimals have


def unreadable(response: Response, problem: str) -> ResponseError:
    """Return the error for an answer that is JSON, but not the JSON that is documented."""
    return ResponseError(
        f"{problem} (HTTP {response.status}, {len(response.body)} bytes)",
        kind="unreadable",
        status_code=response.status,
        body=response.body,
    )


def mismatch(response: Response, problem: str) -> ResponseError:
    """Return the error for an answer that is not about what was asked."""
    return ResponseError(
        problem, kind="mismatch", status_code=response.status, body=response.body, retryable=True
    )


def salvage(value: Any, into: type[T], *, required: frozenset[str]) -> T | None:
    """Return a struct made of those fields of a JSON object that make sense.

    A vendor's wrong type in a field that we could do without must not cost us the rest.

    Args:
        value: What was parsed.
        into: The struct type.
        required: The fields that it makes no sense without, by their Python names.

    Returns:
        The struct, or None where a required field makes no sense.
    """
    if not isinstance(value, dict):
        return None
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(into):
        raw = value.get(field.encode_name)
        if raw is None:
            continue
        if field.type is str and isinstance(raw, int) and not isinstance(raw, bool):
            raw = str(raw)
        try:
            kept[field.name] = msgspec.convert(raw, field.type, strict=False)
        except UNDECODABLE:
            logger.warning("dropped field %r of an answer: a %s", field.encode_name, type(raw).__name__)
    if not required <= kept.keys():
        return None
    return into(**kept)


def from_milliseconds(value: object) -> dt.datetime | None:
    """Return an epoch in milliseconds, as text or number, as an aware datetime; None where it is none."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    try:
        return from_epoch(int(value) / 1000)
    except (ValueError, OverflowError):
        return None


def from_epoch(seconds: float) -> dt.datetime | None:
    """Return an epoch in seconds as an aware datetime; None for a year that no calendar has."""
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def are_sane(*amounts: Decimal | None) -> bool:
    """Return whether amounts are numbers that arithmetic and formatting can bear, as far as there are any."""
    for amount in amounts:
        if amount is not None and not (
            amount.is_finite() and -EXPONENT_MAXIMUM <= amount.adjusted() <= EXPONENT_MAXIMUM
        ):
            return False
    return True
