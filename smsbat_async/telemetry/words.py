"""What may be told of errors and ids: words that are few, and nothing that names a person."""

import re

from smsbat_async.errors import ApiError, OutcomeUnknownError, ResponseError, SmsBatError, TransportError
from smsbat_async.phones import mask_phone

_WORD = re.compile(r"[a-z][a-z_]{0,31}", re.ASCII)
_CODE = re.compile(r"(?!.*[0-9]{7})[A-Za-z_][\w.\-]{0,63}|-?[0-9]{1,6}", re.ASCII)
"""What may be shown of a vendor's code: a word or a number, and none that could hold a phone number."""
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)

ID_SHOWN = 100
"""How many characters of an id are shown."""


def error_type(error: SmsBatError) -> str:
    """Return the class of an error by the OpenTelemetry conventions: an HTTP status, or one of few words.

    Args:
        error: The error; what an unknown outcome was met with counts instead of it.

    Returns:
        `503`, `timeout`, `NotSentError`: the status of an answer that refuses, what a transport met, or the
        name of the class.
    """
    if isinstance(error, OutcomeUnknownError):
        error = error.error
    if isinstance(error, ApiError) and error.status_code >= 400:
        return str(error.status_code)
    if isinstance(error, TransportError | ResponseError) and _WORD.fullmatch(error.kind):
        return error.kind
    return type(error).__name__


def error_text(error: SmsBatError) -> str:
    """Return the name of an error with its code, and nothing that a vendor or a user has written.

    Args:
        error: The error, whose own text may quote a message or a phone number.
    """
    if isinstance(error, OutcomeUnknownError):
        return f"OutcomeUnknownError ({error_text(error.error)})"
    name = type(error).__name__
    if isinstance(error, ApiError):
        code = f" {error.code}" if error.code is not None and _CODE.fullmatch(error.code) else ""
        return f"{name} {error.status_code}{code}"
    if isinstance(error, TransportError | ResponseError) and _WORD.fullmatch(error.kind):
        return f"{name} {error.kind}"
    return name


def shown_id(message_id: object, phone: str | None = None) -> str:
    """Return an id as it may be shown: phone numbers in it are masked.

    Args:
        message_id: The id, yours or the vendor's.
        phone: The recipient's number, which may be in your id also without its plus or its country.
    """
    text = str(message_id)
    if phone is not None:
        # Without its first digits, which are shown: so it is found as it is dialled at home, too.
        text = text.replace(phone[4:], f"***{phone[-2:]}")
    # Cut last: half a phone number would not be known for one, and shows enough of it.
    return _PHONE.sub(lambda found: mask_phone(found[0]), text)[:ID_SHOWN]
