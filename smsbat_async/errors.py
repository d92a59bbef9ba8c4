"""What can go wrong, as one tree.

```
SmsBatError
├── ConfigurationError          something is set up or used wrongly; nothing was sent
│   ├── SourceError             a file of recipients cannot be used as it is
│   └── CampaignStateError      a campaign is not where it would have to be
├── InvalidMessageError         a message or an id is not fit to be sent; nothing was sent
├── ClientClosedError           the client is closed; nothing was sent
├── OutcomeUnknownError         a send left this process and nobody knows what became of it
├── ApiError                    the vendor answered with an error
│   ├── BadRequestError         400, 422: the vendor refuses what was asked
│   ├── AuthenticationError     401: the credentials are wrong
│   ├── PermissionDeniedError   403: the credentials may not do this
│   ├── NotFoundError           404: the vendor does not know this id (or path)
│   ├── RecipientError          ZNS: this phone cannot be sent to: no account, opted out, ...
│   ├── QuotaError              ZNS: the day's quota, or the money, is used up
│   ├── RateLimitError          429: too many requests
│   └── ServerError             5xx: the vendor is in trouble
├── TransportError              no answer came
│   └── NotSentError            no answer came, and surely no byte of the request left
├── ResponseError               an answer came that cannot be used
├── DeliveryFailedError         a delivery ended otherwise than delivered
└── LedgerError                 a campaign's ledger cannot do what is asked; what it held is as it was
    ├── LedgerLockedError       somebody else has it, or the campaign, open
    ├── LedgerFullError         there is no room to write
    ├── LedgerUnavailableError  it cannot be read or written now
    ├── LedgerCorruptError      it is damaged
    ├── LedgerFormatError       it is no ledger, or one of a newer release
    └── LedgerConflictError     what is asked for contradicts what it holds
```

Read attributes, never messages. No error holds a credential, and none has an HTTP library's error as its
cause or context: those hold headers.
"""

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from smsbat_async.statuses import Delivery

BODY_KEPT = 2_048
"""How much of a vendor's answer an error keeps, in bytes."""

ResponseProblem = Literal["malformed", "unreadable", "too_large", "redirect", "mismatch"]


def _rebuild(cls: type["SmsBatError"], args: tuple[Any, ...], state: dict[str, Any]) -> "SmsBatError":
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class SmsBatError(Exception):
    """Base of every error that this package raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructors take keywords, which the pickling of exceptions knows nothing about.
        return _rebuild, (type(self), self.args, dict(self.__dict__))


class ConfigurationError(SmsBatError):
    """The client is set up or used in a way that cannot work; nothing was sent."""


class SourceError(ConfigurationError):
    """A file of recipients cannot be read as it is, or as it was asked for; nothing was sent."""


class CampaignStateError(ConfigurationError):
    """A campaign is not where it would have to be for what was asked; nothing was changed."""


class InvalidMessageError(SmsBatError):
    """A message or an id is not fit to be sent; nothing was sent.

    Args:
        field: The name of the parameter that is wrong, `to_phone` for example.
        code: What is wrong with it, in one word for programs.
        message: What is wrong with it and what would be right, for people.
    """

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.code = code
        self.message = message


class ClientClosedError(SmsBatError):
    """The client was closed before this could begin or end; nothing more will be sent."""

    def __init__(self, message: str = "the client is closed") -> None:
        super().__init__(message)


class OutcomeUnknownError(SmsBatError):
    """A send left this process, and whether the vendor took it is not known.

    It is not sent again by itself: the people it is for could get it twice.

    Args:
        tracking_ids: Your ids of the messages concerned.
        error: What was met instead of a usable answer.
    """

    def __init__(self, tracking_ids: tuple[str, ...], error: SmsBatError) -> None:
        count = len(tracking_ids)
        what = f"message {tracking_ids[0]!r}" if count == 1 else f"{count} messages"
        super().__init__(f"whether the vendor took {what} is unknown ({type(error).__name__}: {error})")
        self.tracking_ids = tracking_ids
        self.error = error


class ApiError(SmsBatError):
    """The vendor answered with an error.

    Args:
        status_code: The HTTP status; 200 where ZNS puts an error into its envelope.
        code: The vendor's own code as text, if it gave one.
        message: The vendor's explanation, if it gave one.
        field: The JSON key that the vendor objects to, if it named one.
        body: The first 2,048 bytes of the answer.
        request_id: The vendor's id of this request, if a header gave one.
    """

    def __init__(
        self,
        *,
        status_code: int,
        code: str | None = None,
        message: str | None = None,
        field: str | None = None,
        body: bytes = b"",
        request_id: str | None = None,
    ) -> None:
        parts = [f"HTTP {status_code}"]
        if code is not None:
            parts.append(code)
        if field is not None:
            parts.append(f"in {field}")
        super().__init__(" ".join(parts) + (f": {message}" if message else ""))
        self.status_code = status_code
        self.code = code
        self.message = message
        self.field = field
        self.body = body[:BODY_KEPT]
        self.request_id = request_id


class BadRequestError(ApiError):
    """The vendor refuses what was asked: HTTP 400 or 422."""


class AuthenticationError(ApiError):
    """The credentials are wrong: HTTP 401."""


class PermissionDeniedError(ApiError):
    """The credentials are right and may not do this: HTTP 403."""


class NotFoundError(ApiError):
    """The vendor does not know what was asked for: HTTP 404."""


class RecipientError(ApiError):
    """ZNS: the recipient cannot be sent to: no Zalo account, opted out, too old an app; `code` says which."""


class QuotaError(ApiError):
    """ZNS: a quota of the account or the template, or its money, is used up; `code` says which."""


class _RetryLaterError(ApiError):
    def __init__(self, *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(**details)
        self.retry_after = retry_after


class RateLimitError(_RetryLaterError):
    """Too many requests: HTTP 429.

    Args:
        retry_after: How long the vendor asks to wait, in seconds, if it says; at most 60.
        details: What `ApiError` takes.
    """


class ServerError(_RetryLaterError):
    """The vendor is in trouble: HTTP 5xx.

    Args:
        retry_after: How long the vendor asks to wait, in seconds, if it says; at most 60.
        details: What `ApiError` takes.
    """


class TransportError(SmsBatError):
    """No answer came: the connection broke or time ran out.

    Args:
        message: What was met: the class of the underlying error and its errno, as text.
        kind: What was met, in one word: `timeout`, `disconnected`, `body`, `connect`, `dns`, `tls`, ...
    """

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class NotSentError(TransportError):
    """No answer came, and surely no byte of the request left this process."""


class ResponseError(SmsBatError):
    """An answer came that cannot be used.

    Args:
        message: What is wrong with it.
        kind: `malformed` (not HTTP), `unreadable` (not the JSON that is documented), `too_large`,
            `redirect`, or `mismatch` (not about what was asked).
        status_code: Its HTTP status, if it had one.
        body: The first 2,048 bytes of it.
        retryable: Whether asking again may help.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ResponseProblem,
        status_code: int | None = None,
        body: bytes = b"",
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind: ResponseProblem = kind
        self.status_code = status_code
        self.body = body[:BODY_KEPT]
        self.retryable = retryable


class DeliveryFailedError(SmsBatError):
    """A delivery ended otherwise than delivered.

    Args:
        delivery: How it ended.
    """

    def __init__(self, delivery: "Delivery[Any]") -> None:
        super().__init__(f"message {delivery.message_id!r}: {delivery.outcome}")
        self.delivery = delivery


class LedgerError(SmsBatError):
    """A campaign's ledger cannot do what is asked; what it held is as it was.

    Nothing may be sent of which the ledger does not know: where claiming messages raises this, none went out.
    """


class LedgerLockedError(LedgerError):
    """Another process, or another `Ledger` of this one, has the ledger or the campaign open."""


class LedgerFullError(LedgerError):
    """There is no room to write: the disk, or what the ledger may take of it, is full."""


class LedgerUnavailableError(LedgerError):
    """The ledger cannot be read or written now: an I/O error, no permission, a lost connection."""


class LedgerCorruptError(LedgerError):
    """The ledger is damaged, and nothing more is written to it."""


class LedgerFormatError(LedgerError):
    """It is no ledger, or one that a newer release wrote."""


class LedgerConflictError(LedgerError):
    """What is asked for contradicts what the ledger holds: another file under a name that is taken, say."""
