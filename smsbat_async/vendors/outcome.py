"""What an answer or a failure means: an error of ours, and what may be done about it."""

import datetime as dt
from typing import Any

from smsbat_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidMessageError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    SmsBatError,
    TransportError,
)
from smsbat_async.http import Response, retry_after
from smsbat_async.vendors.answers import parse

MANY = 1_000_000
"""As many retries as the policy allows."""

NOT_A_REFUSAL = frozenset({408, 409, 425})
"""4xx answers after which a message may have been taken all the same: timeouts, conflicts, replays."""

ABOUT_THE_MESSAGES = frozenset({400, 413, 422})
"""Refusals that fewer or other messages may escape."""

PERMANENT_TRANSPORT = frozenset({"certificate"})

NOT_TRIED = frozenset({"no_slot", "paused", "circuit_open"})
"""Kinds of `NotSentError` for what was not even tried: it fails at once, and says nothing about the road."""


def error_of(response: Response) -> ApiError | ResponseError | None:
    """Return what is wrong with an answer by its HTTP status, or None for 2xx."""
    status = response.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return ResponseError(
            f"a redirect (HTTP {status}), which is never followed", kind="redirect", status_code=status
        )
    if not 400 <= status < 600:
        return ResponseError(
            f"HTTP {status} is no status that a vendor answers with",
            kind="malformed",
            status_code=status,
            body=response.body,
            retryable=True,
        )
    details = _details(response)
    if status == 429 or status >= 500:
        details["retry_after"] = retry_after(response.headers, now=dt.datetime.now(dt.UTC))
        return RateLimitError(**details) if status == 429 else ServerError(**details)
    return _BY_STATUS.get(status, ApiError)(**details)


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    422: BadRequestError,
}


def _details(response: Response) -> dict[str, Any]:
    details: dict[str, Any] = {
        "status_code": response.status,
        "body": response.body,
        "request_id": response.headers.get("x-request-id") or response.headers.get("x-correlation-id"),
    }
    try:
        body = parse(response)
    except ResponseError:
        return details
    if not isinstance(body, dict):
        return details
    # Four shapes are known: an object under "error"; a text there, beside "message" and "code"; no code; and
    # the envelope of ZNS, whose "error" is the code.
    inner = body.get("error")
    source = inner if isinstance(inner, dict) else body
    for name in ("code", "message", "field"):
        value = source.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            details[name] = str(value)
    if "code" not in details and type(inner) is int:
        details["code"] = str(inner)
    if "message" not in details and isinstance(inner, str):
        details["message"] = inner
    return details


def _is_worded(error: ApiError) -> bool:
    """Return whether a vendor says no in the body of an answer whose HTTP status says yes."""
    return 200 <= error.status_code < 300


def retries_of_read(error: SmsBatError) -> int:
    """Return how many times a status request may be repeated after an error."""
    if isinstance(error, NotSentError):
        return 0 if error.kind in PERMANENT_TRANSPORT | NOT_TRIED else MANY
    if isinstance(error, TransportError | RateLimitError | ServerError):
        return MANY
    if isinstance(error, ResponseError):
        if not error.retryable:
            return 0
        return 1 if error.kind == "malformed" else MANY
    return MANY if isinstance(error, ApiError) and error.status_code in NOT_A_REFUSAL else 0


def retries_of_send(error: SmsBatError) -> int:
    """Return how many times a send may be repeated after an error that leaves no doubt."""
    if isinstance(error, RateLimitError):
        return MANY
    may_pass = isinstance(error, NotSentError) and error.kind not in PERMANENT_TRANSPORT | NOT_TRIED
    return MANY if may_pass else 0


def leaves_doubt(error: SmsBatError) -> bool:
    """Return whether the vendor may have taken a send that met this error."""
    if isinstance(error, ApiError):
        if _is_worded(error):
            return type(error) is ApiError or isinstance(error, ServerError)  # a code that nobody documents
        return not 400 <= error.status_code < 500 or error.status_code in NOT_A_REFUSAL
    return isinstance(error, TransportError | ResponseError) and not isinstance(error, NotSentError)


def is_refusal(error: SmsBatError) -> bool:
    """Return whether the vendor refused a send for good."""
    return isinstance(error, ApiError) and not leaves_doubt(error) and not isinstance(error, RateLimitError)


def may_be_split(error: SmsBatError) -> bool:
    """Return whether part of a refused chunk may be welcome."""
    return isinstance(error, ApiError) and error.status_code in ABOUT_THE_MESSAGES


def stops_a_run(error: SmsBatError) -> bool:
    """Return whether further sends would be refused for the same reason."""
    if isinstance(error, NotSentError):
        return error.kind in PERMANENT_TRANSPORT
    if isinstance(error, ApiError) and _is_worded(error):
        return isinstance(error, AuthenticationError | PermissionDeniedError)
    return is_refusal(error) and not may_be_split(error)


def is_hopeless(error: SmsBatError) -> bool:
    """Return whether asking about any message is of no use until somebody mends the set-up."""
    if isinstance(error, NotSentError):
        return error.kind in PERMANENT_TRANSPORT
    if isinstance(error, ResponseError):
        return error.kind == "redirect"
    return isinstance(error, AuthenticationError | PermissionDeniedError | ConfigurationError)


def ends_tracking(error: SmsBatError) -> bool:
    """Return whether asking about this message again cannot get better."""
    if isinstance(error, BadRequestError):
        return error.status_code != 200  # an envelope's word about one id may change when the id is known
    return is_hopeless(error) or isinstance(error, InvalidMessageError)
