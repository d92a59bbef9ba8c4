"""The exception tree: its shape, what each error tells, and that it survives pickling."""

import copy
import pickle
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import smsbat_async
from smsbat_async import errors
from smsbat_async.statuses import Delivery, MessageStatus, Outcome

BODY = b'{"error":"Bad Request","code":1001}'

API_DETAILS: dict[str, Any] = {
    "status_code": 400,
    "code": "INVALID_PHONE",
    "message": "no such number",
    "field": "toPhone",
    "body": BODY,
    "request_id": "r-1",
}

DELIVERY = Delivery(
    message_id="abc",
    outcome=Outcome.UNDELIVERABLE,
    status=MessageStatus(message_id="abc", delivery_status="undeliverable", cost=Decimal("0.05")),
    polls=2,
    elapsed=7.5,
)

SAMPLES: dict[str, Callable[[], errors.SmsBatError]] = {
    "SmsBatError": lambda: errors.SmsBatError("something"),
    "ConfigurationError": lambda: errors.ConfigurationError("api_key is missing"),
    "SourceError": lambda: errors.SourceError("people.csv cannot be read: No such file or directory"),
    "CampaignStateError": lambda: errors.CampaignStateError("spring is paused: resume it"),
    "InvalidMessageError": lambda: errors.InvalidMessageError("ttl", "invalid_ttl", "must be at least 1"),
    "ClientClosedError": errors.ClientClosedError,
    "OutcomeUnknownError": lambda: errors.OutcomeUnknownError(
        ("a", "b"), errors.TransportError("TimeoutError", kind="timeout")
    ),
    "ApiError": lambda: errors.ApiError(**API_DETAILS),
    "BadRequestError": lambda: errors.BadRequestError(**API_DETAILS),
    "AuthenticationError": lambda: errors.AuthenticationError(status_code=401),
    "PermissionDeniedError": lambda: errors.PermissionDeniedError(status_code=403),
    "RecipientError": lambda: errors.RecipientError(status_code=200, code="-118"),
    "QuotaError": lambda: errors.QuotaError(status_code=200, code="-144"),
    "NotFoundError": lambda: errors.NotFoundError(status_code=404),
    "RateLimitError": lambda: errors.RateLimitError(status_code=429, retry_after=2.5),
    "ServerError": lambda: errors.ServerError(status_code=503, retry_after=1.0),
    "TransportError": lambda: errors.TransportError("TimeoutError", kind="timeout"),
    "NotSentError": lambda: errors.NotSentError("ClientConnectorError (errno 111)", kind="connect"),
    "ResponseError": lambda: errors.ResponseError(
        "the body is not JSON", kind="unreadable", status_code=200, body=b"<html>", retryable=True
    ),
    "DeliveryFailedError": lambda: errors.DeliveryFailedError(DELIVERY),
    "LedgerError": lambda: errors.LedgerError("the ledger is not open"),
    "LedgerLockedError": lambda: errors.LedgerLockedError("the ledger is in use"),
    "LedgerFullError": lambda: errors.LedgerFullError("the disk is full"),
    "LedgerUnavailableError": lambda: errors.LedgerUnavailableError("disk I/O error"),
    "LedgerCorruptError": lambda: errors.LedgerCorruptError("the ledger is damaged"),
    "LedgerFormatError": lambda: errors.LedgerFormatError("it is no ledger"),
    "LedgerConflictError": lambda: errors.LedgerConflictError("another file has this name"),
}


def public_classes() -> dict[str, type[BaseException]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception) and not name.startswith("_")
    }


def public_parent(cls: type[BaseException]) -> str:
    return next(base.__name__ for base in cls.__mro__[1:] if not base.__name__.startswith("_"))


def drawn_parents() -> dict[str, str]:
    """Read the tree in the docstring: each name with the name that it hangs under."""
    assert errors.__doc__ is not None
    drawing = errors.__doc__.split("```")[1].strip("\n").splitlines()
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in drawing:
        found = re.match(r"([│├└─ ]*)(\w+)", line)
        assert found is not None, line
        depth = len(found[1])
        while above and above[-1][0] >= depth:
            above.pop()
        parents[found[2]] = above[-1][1] if above else "Exception"
        above.append((depth, found[2]))
    return parents


def drawn_notes() -> dict[str, str]:
    assert errors.__doc__ is not None
    return dict(re.findall(r"^[│├└─ ]*(\w+) {2,}(\S.*)$", errors.__doc__, re.MULTILINE))


class TestTree:
    def test_is_exactly_as_drawn(self) -> None:
        assert {name: public_parent(cls) for name, cls in public_classes().items()} == drawn_parents()

    def test_every_branch_of_the_drawing_has_a_note(self) -> None:
        assert drawn_notes().keys() == drawn_parents().keys() - {"SmsBatError"}

    def test_every_error_is_exported_from_the_package(self) -> None:
        assert {name: getattr(smsbat_async, name) for name in public_classes()} == public_classes()

    def test_every_error_has_a_sample_here(self) -> None:
        assert SAMPLES.keys() == public_classes().keys()

    def test_every_error_is_caught_as_the_base(self) -> None:
        for make in SAMPLES.values():
            with pytest.raises(errors.SmsBatError):
                raise make()

    def test_no_error_is_caught_as_an_os_or_value_error(self) -> None:
        for cls in public_classes().values():
            assert not issubclass(cls, OSError | ValueError | TypeError | LookupError)


@pytest.mark.parametrize("name", SAMPLES)
class TestPickling:
    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_keeps_class_text_and_attributes(self, name: str, protocol: int) -> None:
        error = SAMPLES[name]()
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.args == error.args
        assert comparable(again) == comparable(error)

    def test_copying_does_the_same(self, name: str) -> None:
        error = SAMPLES[name]()
        for again in (copy.copy(error), copy.deepcopy(error)):
            assert type(again) is type(error)
            assert str(again) == str(error)
            assert comparable(again) == comparable(error)

    def test_keeps_notes(self, name: str) -> None:
        error = SAMPLES[name]()
        error.add_note("while sending the newsletter")
        again = pickle.loads(pickle.dumps(error))
        assert again.__notes__ == ["while sending the newsletter"]


def comparable(error: errors.SmsBatError) -> dict[str, Any]:
    """Return the attributes of an error, with an error among them as its own class, text and attributes."""
    return {
        name: (type(value), str(value), vars(value)) if isinstance(value, errors.SmsBatError) else value
        for name, value in vars(error).items()
    }


class TestAttributes:
    def test_invalid_message_names_field_code_and_message(self) -> None:
        error = errors.InvalidMessageError("to_phone", "invalid_phone", "must be in E.164 form")
        assert (error.field, error.code, error.message) == (
            "to_phone",
            "invalid_phone",
            "must be in E.164 form",
        )
        assert str(error) == "to_phone: must be in E.164 form"

    def test_client_closed_needs_no_text(self) -> None:
        assert str(errors.ClientClosedError()) == "the client is closed"
        assert str(errors.ClientClosedError("the session pool is closed")) == "the session pool is closed"

    def test_unknown_outcome_of_one_message_names_it(self) -> None:
        cause = errors.TransportError("ClientOSError (errno 104)", kind="disconnected")
        error = errors.OutcomeUnknownError(("order-1",), cause)
        assert error.tracking_ids == ("order-1",)
        assert error.error is cause
        assert str(error) == (
            "whether the vendor took message 'order-1' is unknown (TransportError: ClientOSError (errno 104))"
        )

    def test_unknown_outcome_of_many_messages_counts_them(self) -> None:
        error = errors.OutcomeUnknownError(("a", "b", "c"), errors.ServerError(status_code=500))
        assert str(error) == "whether the vendor took 3 messages is unknown (ServerError: HTTP 500)"

    def test_api_error_tells_all_that_the_vendor_said(self) -> None:
        error = errors.ApiError(**API_DETAILS)
        assert vars(error) == API_DETAILS
        assert str(error) == "HTTP 400 INVALID_PHONE in toPhone: no such number"

    @pytest.mark.parametrize(
        ("details", "text"),
        [
            ({}, "HTTP 418"),
            ({"code": "X"}, "HTTP 418 X"),
            ({"message": "a teapot"}, "HTTP 418: a teapot"),
            ({"field": "text", "message": ""}, "HTTP 418 in text"),
        ],
    )
    def test_api_error_says_no_more_than_it_knows(self, details: dict[str, str], text: str) -> None:
        assert str(errors.ApiError(status_code=418, **details)) == text  # type: ignore[arg-type]

    def test_api_error_takes_keywords_only(self) -> None:
        with pytest.raises(TypeError):
            errors.ApiError(400)  # type: ignore[call-arg]

    @pytest.mark.parametrize("cls", [errors.RateLimitError, errors.ServerError])
    def test_what_may_pass_tells_when_to_come_back(
        self, cls: type[errors.RateLimitError] | type[errors.ServerError]
    ) -> None:
        assert cls(status_code=429, retry_after=3.0).retry_after == 3.0
        assert cls(status_code=429).retry_after is None
        assert cls(status_code=429, retry_after=3.0, code="SLOW").code == "SLOW"

    def test_transport_error_has_a_kind(self) -> None:
        error = errors.NotSentError("ClientConnectorDNSError", kind="dns")
        assert (error.kind, str(error)) == ("dns", "ClientConnectorDNSError")
        assert isinstance(error, errors.TransportError)

    def test_response_error_is_not_retryable_unless_told(self) -> None:
        error = errors.ResponseError("a redirect", kind="redirect")
        assert vars(error) == {"kind": "redirect", "status_code": None, "body": b"", "retryable": False}

    def test_failed_delivery_holds_the_delivery(self) -> None:
        error = errors.DeliveryFailedError(DELIVERY)
        assert error.delivery is DELIVERY
        assert str(error) == "message 'abc': undeliverable"

    @pytest.mark.parametrize("size", [0, 2_047, 2_048, 2_049, 9_000_000])
    def test_only_the_first_2048_bytes_of_an_answer_are_kept(self, size: int) -> None:
        body = b"x" * size
        assert errors.ApiError(status_code=500, body=body).body == body[:2_048]
        assert errors.ResponseError("too large", kind="too_large", body=body).body == body[:2_048]

    def test_the_body_is_not_in_the_text(self) -> None:
        assert "1001" not in str(errors.ApiError(status_code=400, body=BODY))
        assert "1001" not in repr(errors.ApiError(status_code=400, body=BODY))
