"""The envelope of an answer of ZNS, for answers that are rare enough to be read with patience."""

from typing import Any

from smsbat_async.http import Response
from smsbat_async.vendors.answers import parse, unreadable
from smsbat_async.vendors.outcome import error_of
from smsbat_async.vendors.zns_errors import envelope_error


def open_envelope(response: Response) -> dict[str, Any]:
    """Return what an answer holds, as plain Python values, once it is sure that it speaks of no error.

    Args:
        response: The answer.

    Returns:
        The whole object, `data` and what stands beside it.

    Raises:
        ApiError: If the vendor answered with an error, in the envelope or by the HTTP status.
        ResponseError: If the answer is no envelope.
    """
    if response.status != 200 and (error := error_of(response)) is not None:
        raise error
    envelope = parse(response)
    if not isinstance(envelope, dict):
        raise unreadable(response, "the answer is not an object")
    code = whole(envelope.get("error"))
    if code is None and envelope.get("error") is not None:
        raise unreadable(response, "the answer's error is not a number")
    if code:
        message = envelope.get("message")
        raise envelope_error(response, code, message if isinstance(message, str) else None)
    return envelope


def whole(value: object) -> int | None:
    """Return a whole number, whether it is spelled as a number or as text, or None."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None
