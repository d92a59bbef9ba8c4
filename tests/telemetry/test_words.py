"""What may be told of errors and ids."""

import pytest

from smsbat_async import (
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    InvalidMessageError,
    NotSentError,
    OutcomeUnknownError,
    ResponseError,
    SmsBatError,
    TransportError,
)
from smsbat_async.telemetry.words import error_text, error_type, shown_id

REFUSED = BadRequestError(status_code=422, code="invalid_sender", message="no +380501234567")
ODD = BadRequestError(status_code=400, code="+380501234567 is wrong")
WORD_WITH_PHONE = BadRequestError(status_code=400, code="not_sent_to_380501234567")
IN_ENVELOPE = AuthenticationError(status_code=200, code="-216")
TIMEOUT = TransportError("TimeoutError", kind="timeout")
STRANGE = NotSentError("a transport of your own", kind="/tmp/socket-4711")
HTML = ResponseError("no JSON", kind="unreadable", status_code=200)
UNKNOWN = OutcomeUnknownError(("+380501234567",), TIMEOUT)


@pytest.mark.parametrize(
    ("error", "of_few", "text"),
    [
        (REFUSED, "422", "BadRequestError 422 invalid_sender"),
        (ODD, "400", "BadRequestError 400"),
        (WORD_WITH_PHONE, "400", "BadRequestError 400"),
        (IN_ENVELOPE, "AuthenticationError", "AuthenticationError 200 -216"),
        (TIMEOUT, "timeout", "TransportError timeout"),
        (STRANGE, "NotSentError", "NotSentError"),
        (HTML, "unreadable", "ResponseError unreadable"),
        (UNKNOWN, "timeout", "OutcomeUnknownError (TransportError timeout)"),
        (
            InvalidMessageError("id", "invalid_id", "+380501234567"),
            "InvalidMessageError",
            "InvalidMessageError",
        ),
        (ClientClosedError(), "ClientClosedError", "ClientClosedError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_told_in_few_words_and_none_of_the_vendors(
    error: SmsBatError, of_few: str, text: str
) -> None:
    assert error_type(error) == of_few
    assert error_text(error) == text


@pytest.mark.parametrize(
    ("message_id", "phone", "shown"),
    [
        ("order-1", None, "order-1"),
        ("order-1", "+380501234567", "order-1"),
        ("for +380501234567!", None, "for +380***67!"),
        ("380501234567-2", "+380501234567", "380***67-2"),
        ("380501234567", None, "380501234567"),
        ("order-0501234567", "+380501234567", "order-0***67"),
        ("+380501234567", "+380501234567", "+380***67"),
        ("x" * 200, None, "x" * 100),
        (f"{'x' * 90}380501234567", "+380501234567", f"{'x' * 90}380***67"),
        (f"{'x' * 95}+380501234567", None, f"{'x' * 95}+380*"),
        (None, None, "None"),
    ],
)
def test_an_id_is_shown_without_the_phone_numbers_in_it(
    message_id: object, phone: str | None, shown: str
) -> None:
    assert shown_id(message_id, phone) == shown
