"""One HTTP request and one answer as plain values."""

import datetime as dt
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol

import msgspec

RETRY_AFTER_MAXIMUM = 60.0
"""The longest `Retry-After` that is honoured, in seconds."""

USER_AGENT = "smsbat-async"


class HiddenHeaders(dict[str, str]):
    """Headers that do not show their values, since some of them are credentials."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name}: ***" for name in self) + "}"

    def __reduce__(self) -> str:
        raise TypeError("headers hold credentials and cannot be pickled")


def headers(**extra: str) -> HiddenHeaders:
    """Return the headers that every request has, with `extra` ones (`_` for `-`).

    Compression is refused: the answers are short, and a compressed one may unpack to anything.
    """
    named = {name.replace("_", "-"): value for name, value in extra.items()}
    return HiddenHeaders({"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **named})


class Request(msgspec.Struct, frozen=True, gc=False):
    """What is asked of a vendor.

    Args:
        method: `GET` or `POST`.
        url: The absolute URL, percent-encoded as it is to be sent.
        template: The path with a placeholder instead of any id, for telemetry.
        headers: Every header but those that HTTP itself needs.
        body: The body in bytes, or None.
    """

    method: str
    url: str
    template: str
    headers: HiddenHeaders
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"Request({self.method} {self.template})"


class ResponseHeaders(Protocol):
    """Headers of an answer; a look-up by lower-case name finds a header however it was spelled."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, or None."""
        ...


class Response(msgspec.Struct, frozen=True, gc=False):
    """What a vendor answered.

    Args:
        status: The HTTP status.
        headers: The headers, looked up by lower-case name.
        body: The whole body in bytes.
    """

    status: int
    headers: ResponseHeaders
    body: bytes

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"


class LowerHeaders:
    """Headers of an answer for transports and tests that have a plain mapping."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = {name.lower(): value for name, value in (values or {}).items()}

    def get(self, name: str, /) -> str | None:
        """Return the value of a header by its lower-case name, or None."""
        return self._values.get(name)


def retry_after(answer: ResponseHeaders, *, now: dt.datetime) -> float | None:
    """Return how long a `Retry-After` header asks to wait.

    A date is counted from the answer's own `Date`, so that a wrong clock on this side does no harm.

    Args:
        answer: The headers of the answer.
        now: The time of day (aware), for answers without a `Date`.

    Returns:
        Seconds from 0 to 60, or None where the header is absent or makes no sense.
    """
    value = answer.get("retry-after")
    if value is None:
        return None
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        then = _http_date(value)
        if then is None:
            return None
        date = answer.get("date")
        seconds = (then - (_http_date(date or "") or now)).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAXIMUM)


def _http_date(text: str) -> dt.datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
