"""SMSBAT: message status and cascade sends, as bytes in and bytes out.

Follows "Check Message Status" and "Send Cascade Message".
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from smsbat_async.credentials import Secret, basic_auth, fingerprint, header_secret
from smsbat_async.errors import ConfigurationError, OutcomeUnknownError
from smsbat_async.http import Request, Response, headers
from smsbat_async.messages import CascadeMessage, Route, SendOutcome, SendResult
from smsbat_async.statuses import MessageStatus
from smsbat_async.vendors.answers import (
    UNDECODABLE,
    are_sane,
    logger,
    mismatch,
    parse,
    salvage,
    unreadable,
)
from smsbat_async.vendors.hosts import check_base_url, check_path, host_of
from smsbat_async.vendors.ids import check_message_id
from smsbat_async.vendors.outcome import error_of

BASE_URL = "https://restapi.smsbat.com"
STATUS_PATH = "/bat/message/{message_id}"
SEND_PATHS = {
    Route.STANDARD: "/api/CascadeMessage/send_message/async",
    Route.TG_VIBER: "/api/CascadeMessage/send_message/tg-viber/async",
}
CHUNK_MAXIMUM = 1_000
"""The vendor advises 100 to 1,000 messages in one request."""

_AMOUNTS = ("cost", "rate", "rate_amount", "bill_amount")


class ReceiptRow(msgspec.Struct, gc=False, rename={"message_id": "messageId", "tracking_id": "trackinId"}):
    """One row of the answer to a cascade send; the vendor spells the second key without its g."""

    message_id: str | int | None = None
    tracking_id: str | int | None = None


_status_decoder = msgspec.json.Decoder(MessageStatus, strict=False)
_receipts_decoder = msgspec.json.Decoder(list[ReceiptRow], strict=False)
_rows_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_row_decoder = msgspec.json.Decoder(ReceiptRow, strict=False)
_encoder = msgspec.json.Encoder()


class SmsBat:
    """How to ask SMSBAT for things and how to read its answers.

    Args:
        api_key: Sent as `X-Authorization-Key`.
        username: For HTTP Basic, instead of a key; status requests only.
        password: For HTTP Basic.
        viber_token: Sent as `X-Viber-Auth-Token` with cascades.
        telegram_key: Sent as `X-Tg-Bot-Key` with cascades.
        base_url: Where the vendor is.
        allow_http: Whether `http://` is allowed for hosts other than loopback.
        status_path: The path of a status request, with `{message_id}` in it.

    Raises:
        ConfigurationError: If something of this is missing or wrong.
    """

    name = "smsbat"

    def __init__(
        self,
        *,
        api_key: str | Secret | None = None,
        username: str | None = None,
        password: str | Secret | None = None,
        viber_token: str | Secret | None = None,
        telegram_key: str | Secret | None = None,
        base_url: str = BASE_URL,
        allow_http: bool = False,
        status_path: str = STATUS_PATH,
    ) -> None:
        key = None if api_key is None else header_secret("api_key", api_key)
        basic = None if username is None and password is None else basic_auth(username, password)
        viber = None if viber_token is None else header_secret("viber_token", viber_token)
        telegram = None if telegram_key is None else header_secret("telegram_key", telegram_key)
        if key is not None and basic is not None:
            raise ConfigurationError("api_key and username with password exclude each other: give one")
        if key is None and basic is None and viber is None and telegram is None:
            raise ConfigurationError(
                "credentials are missing: give api_key, or username with password, or for cascades "
                "viber_token or telegram_key"
            )
        if check_path("status_path", status_path).count("{message_id}") != 1:
            raise ConfigurationError("status_path must begin with / and hold {message_id} once")
        base = check_base_url(base_url, allow_http=allow_http)
        self.host = host_of(base)
        self.credential = fingerprint(key, basic, viber, telegram)
        before, after = status_path.split("{message_id}")
        self._status_before = base + before
        self._status_after = after
        self._status_template = status_path
        self._status_headers = headers(Accept="application/json")
        if key is not None:
            self._status_headers["X-Authorization-Key"] = key.reveal()
        if basic is not None:
            self._status_headers["Authorization"] = basic.reveal()
        self._can_ask = key is not None or basic is not None
        self._post_headers = headers(Accept="application/json", Content_Type="application/json")
        self._post_headers.update(self._status_headers)
        self._send_headers = headers(Accept="application/json", Content_Type="application/json")
        self._can_send = False
        for name, secret in (
            ("X-Authorization-Key", key),
            ("X-Viber-Auth-Token", viber),
            ("X-Tg-Bot-Key", telegram),
        ):
            if secret is not None:
                self._send_headers[name] = secret.reveal()
                self._can_send = True
        self._base = base
        self._send_urls = {route: base + path for route, path in SEND_PATHS.items()}

    def __repr__(self) -> str:
        return f"SmsBat({self.host})"

    def status_request(self, message_id: str) -> Request:
        """Return the request for the status of one message.

        Raises:
            InvalidMessageError: If the id could be anything but one segment of a path.
            ConfigurationError: If only credentials for cascades were given.
        """
        if not self._can_ask:
            raise ConfigurationError("status requests need api_key, or username with password")
        url = f"{self._status_before}{check_message_id(message_id)}{self._status_after}"
        return Request("GET", url, self._status_template, self._status_headers)

    def read_status(self, response: Response, message_id: str) -> MessageStatus:
        """Return the status in an answer.

        Args:
            response: The answer.
            message_id: The id that was asked for.

        Raises:
            ApiError: If the vendor answered with an error.
            ResponseError: If the answer is unreadable, or is about another message.
        """
        if response.status != 200 and (error := error_of(response)) is not None:
            raise error
        try:
            status = _status_decoder.decode(response.body)
        except UNDECODABLE:
            status = None
        if status is None:
            status = salvage(parse(response), MessageStatus, required=frozenset({"delivery_status"}))
        if status is None:
            raise unreadable(response, "the answer has no deliverystatus")
        if status.message_id != message_id:
            if status.message_id.lower() != message_id.lower() and status.message_id:
                raise mismatch(response, f"the answer is not about message {message_id!r}")
            msgspec.structs.force_setattr(status, "message_id", message_id)
        if not are_sane(status.cost, status.rate, status.rate_amount, status.bill_amount):
            drop_insane(status)
        return status

    def check_can_send(self) -> None:
        """Check that there is a credential that cascades take.

        Raises:
            ConfigurationError: If there is none.
        """
        if not self._can_send:
            raise ConfigurationError(
                "cascades need api_key, viber_token or telegram_key; HTTP Basic is not enough"
            )

    def send_request(self, messages: Sequence[CascadeMessage], route: Route) -> Request:
        """Return the request that sends some messages.

        Raises:
            ConfigurationError: If no credential that cascades take was given.
        """
        self.check_can_send()
        body = _encoder.encode(messages)
        return Request("POST", self._send_urls[route], SEND_PATHS[route], self._send_headers, body)

    def cascade_post(self, path: str, body: bytes) -> Request:
        """Return a POST with the credentials that cascades take.

        Raises:
            ConfigurationError: If none was given.
        """
        self.check_can_send()
        return Request("POST", self._base + path, path, self._send_headers, body)

    def check_can_post(self) -> None:
        """Check that there is a credential for what is not part of the cascade.

        Raises:
            ConfigurationError: If there is none.
        """
        if not self._can_ask:
            raise ConfigurationError("native sends need api_key, or username with password")

    def native_post(self, path: str, body: bytes) -> Request:
        """Return a POST with the credentials that status requests take.

        Raises:
            ConfigurationError: If none was given.
        """
        self.check_can_post()
        return Request("POST", self._base + path, path, self._post_headers, body)

    def read_receipts(
        self, response: Response, messages: Sequence[CascadeMessage]
    ) -> tuple[list[SendResult], tuple[str, ...]]:
        """Return what became of each message, and the tracking ids that nobody asked for.

        Rows are matched by tracking id and never by position. A message that no usable row names is UNKNOWN.

        Args:
            response: The answer.
            messages: The messages of the request.

        Raises:
            ApiError: If the vendor answered with an error.
            ResponseError: If the answer is unreadable as a whole.
        """
        if response.status != 200 and (error := error_of(response)) is not None:
            raise error
        given: dict[str, str] = {}
        foreign: list[str] = []
        asked = {message.id for message in messages}
        for row in _rows(response):
            if row.tracking_id is None:
                continue
            tracking_id = str(row.tracking_id)
            if tracking_id not in asked:
                foreign.append(tracking_id)
            elif row.message_id not in (None, ""):
                given.setdefault(tracking_id, str(row.message_id))
        results = []
        for message in messages:
            message_id = given.get(message.id)
            if message_id is not None:
                results.append(SendResult(message, SendOutcome.ACCEPTED, message_id))
            else:
                missing = mismatch(response, "the answer gives no id to this message")
                unknown = OutcomeUnknownError((message.id,), missing)
                results.append(SendResult(message, SendOutcome.UNKNOWN, None, unknown))
        return results, tuple(foreign)


def _rows(response: Response) -> list[ReceiptRow]:
    body = response.body
    try:
        return _receipts_decoder.decode(body)
    except UNDECODABLE:
        pass
    # One bad row must cost no more than its own message, so each is read by itself.
    raws: list[Any]
    try:
        raws, read = list(_rows_decoder.decode(body)), _row_decoder.decode
    except UNDECODABLE:
        raws, read = [], _convert
    if not raws:
        parsed = parse(response)
        if not isinstance(parsed, list):
            raise unreadable(response, "the answer to a send is not an array")
        raws = parsed
    rows = []
    for raw in raws:
        try:
            rows.append(read(raw))
        except UNDECODABLE:
            logger.warning("a row of the answer to a send could not be read")
    return rows


def _convert(value: Any) -> ReceiptRow:
    return msgspec.convert(value, ReceiptRow, strict=False)


def drop_insane(status: MessageStatus) -> None:
    """Leave out of a status that was just read those amounts that nobody can calculate with."""
    for name in _AMOUNTS:
        amount: Decimal | None = getattr(status, name)
        if not are_sane(amount):
            logger.warning("dropped field %r of an answer: no number to calculate with", name)
            msgspec.structs.force_setattr(status, name, None)
