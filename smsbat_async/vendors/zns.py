"""Goby ZNS: message status, as bytes in and bytes out.

Follows Goby, "Message status". An error sits in the envelope of an answer with HTTP 200.
"""

import datetime as dt

import msgspec

from smsbat_async.credentials import Secret, fingerprint, header_name, header_secret
from smsbat_async.errors import ConfigurationError
from smsbat_async.http import Request, Response, headers
from smsbat_async.statuses import ZnsStatus
from smsbat_async.vendors.answers import UNDECODABLE, from_milliseconds, logger, parse, salvage, unreadable
from smsbat_async.vendors.hosts import check_base_url, check_path, host_of
from smsbat_async.vendors.ids import check_message_id
from smsbat_async.vendors.outcome import error_of
from smsbat_async.vendors.zns_errors import envelope_error

BASE_URL = "https://zns.api.gobysend.com"
STATUS_PATH = "/api/message/status"
AUTH_HEADER = "access_token"
"""The likeliest name: every page of the vendor that could be read leaves the cell blank."""


class Data(msgspec.Struct, gc=False):
    """The `data` of an answer."""

    status: int
    delivery_time: str | int | None = None
    message: str | None = None


class Envelope(msgspec.Struct, gc=False):
    """What every answer is wrapped into."""

    error: int | None = None
    message: str | None = None
    data: Data | None = None


_decoder = msgspec.json.Decoder(Envelope, strict=False)


class Zns:
    """How to ask Goby ZNS for things and how to read its answers.

    Args:
        api_key: The key that Goby gave for the official account.
        auth_header: The header that carries it; the vendor does not document its name.
        base_url: Where the vendor is.
        allow_http: Whether `http://` is allowed for hosts other than loopback.
        status_path: The path of a status request.

    Raises:
        ConfigurationError: If something of this is missing or wrong.
    """

    name = "zns"

    def __init__(
        self,
        *,
        api_key: str | Secret,
        auth_header: str = AUTH_HEADER,
        base_url: str = BASE_URL,
        allow_http: bool = False,
        status_path: str = STATUS_PATH,
    ) -> None:
        key = header_secret("api_key", api_key)
        base = check_base_url(base_url, allow_http=allow_http)
        self.host = host_of(base)
        self.credential = fingerprint(key)
        if "?" in check_path("status_path", status_path):
            raise ConfigurationError("status_path must be a path without a query")
        self._base = base
        self._status_prefix = f"{base}{status_path}?message_id="
        self._status_template = status_path
        self._headers = headers(Accept="application/json", Content_Type="application/json")
        self._headers[header_name("auth_header", auth_header)] = key.reveal()

    def __repr__(self) -> str:
        return f"Zns({self.host})"

    def status_request(self, message_id: str) -> Request:
        """Return the request for the status of one notification.

        Raises:
            InvalidMessageError: If the id could be anything but the value of one parameter.
        """
        url = f"{self._status_prefix}{check_message_id(message_id)}"
        return Request("GET", url, self._status_template, self._headers)

    def post(self, path: str, body: bytes) -> Request:
        """Return a POST with the key."""
        return Request("POST", self._base + path, path, self._headers, body)

    def get(self, path: str, query: str = "") -> Request:
        """Return a GET with the key; the query begins with its question mark, if there is one."""
        return Request("GET", f"{self._base}{path}{query}", path, self._headers)

    def read_status(self, response: Response, message_id: str) -> ZnsStatus:
        """Return the status in an answer.

        Args:
            response: The answer.
            message_id: The id that was asked for; the answer does not repeat it.

        Raises:
            ApiError: If the vendor answered with an error, in the envelope or by the HTTP status.
            ResponseError: If the answer is unreadable.
        """
        if response.status != 200 and (error := error_of(response)) is not None:
            raise error
        try:
            envelope = _decoder.decode(response.body)
        except UNDECODABLE:
            envelope = None
        if envelope is None:
            envelope = _salvage(response)
        if envelope.error:
            raise envelope_error(response, envelope.error, envelope.message)
        if envelope.data is None:
            raise unreadable(response, "the answer has no data.status")
        data = envelope.data
        return ZnsStatus(
            message_id=message_id,
            status=data.status,
            delivery_time=None if data.delivery_time is None else moment_of(data.delivery_time),
            message=data.message,
        )


def _salvage(response: Response) -> Envelope:
    parsed = parse(response)
    if not isinstance(parsed, dict):
        raise unreadable(response, "the answer is not an object")
    data = salvage(parsed.pop("data", None), Data, required=frozenset({"status"}))
    envelope = salvage(parsed, Envelope, required=frozenset())
    if envelope is None or (envelope.error is None and parsed.get("error") is not None):
        raise unreadable(response, "the answer's error is not a number")
    envelope.data = data
    return envelope


def moment_of(milliseconds: str | int, field: str = "delivery_time") -> dt.datetime | None:
    """Return an epoch in milliseconds, usually text, as an aware datetime; any other is logged and None."""
    moment = from_milliseconds(milliseconds)
    if moment is None:
        logger.warning("dropped field %r of an answer: not an epoch in milliseconds", field)
    return moment
