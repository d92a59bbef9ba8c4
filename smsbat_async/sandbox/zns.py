"""Goby ZNS: message status, and as much of sending as gives statuses something to speak of."""

import math
import re
from typing import Final

import msgspec

from smsbat_async.sandbox.answers import Answer, RefusedError
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.endpoints import Handler, Query, Served
from smsbat_async.sandbox.messages import DELIVERED
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.wire import ZnsAnswer, ZnsMessage, ZnsReceipt, ZnsState, encode

# Zalo, ZNS error codes; whether Goby passes them on unchanged is not documented.
_UNKNOWN_ERROR: Final = -100
_BAD_PHONE: Final = -108
_BAD_TEMPLATE: Final = -109
_BAD_FORMAT: Final = -1124
_MISSING: Final = -1122
_NO_ACCOUNT: Final = -118
_EMPTY_BODY: Final = -121
_NOT_JSON: Final = -122
_BAD_TOKEN: Final = -124
_BAD_PARAMETER: Final = -132

_DECODE_FAILURES: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_FIELD = re.compile(r"at `\$\.(\w+)")

_DELIVERED_TEXT: Final = "The message was delivered to the user's phone"
_PENDING_TEXT: Final = "The message has been sent to the service provider but not yet to the user's phone"
_UNKNOWN_TEXT: Final = "The message does not exist"


class ZnsApi:
    """Reads requests and writes answers; opens nothing and waits for nothing.

    Args:
        config: What is accepted and what is refused.
        store: The messages.
        clock: The time.
    """

    def __init__(self, config: SandboxConfig, *, store: Store, clock: Clock) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._decoder = msgspec.json.Decoder(ZnsMessage)
        self._channels = config.route(config.zns_route)

    def handlers(self) -> dict[str, Handler]:
        """List what it answers.

        Returns:
            Endpoint name to handler.
        """
        return {"zns_status": self.status, "zns_send": self.send}

    def status(self, query: Query) -> Served:
        """Answer `GET /api/message/status` (Goby, Lấy thông tin trạng thái tin nhắn).

        There is no failure among the states: a message that failed stays 0 for good.

        Args:
            query: With `message_id` among the parameters.

        Returns:
            HTTP 200 with the state, -1 for an unknown id, or an error in the envelope.
        """
        message_id = query.parameters.get("message_id")
        if not message_id:
            return Served(zns_error(_MISSING, "message_id is required"), [])
        message = self._store.get(message_id)
        if message is None or message.vendor != "zns":
            return _state(ZnsState(_UNKNOWN_TEXT, -1))
        now = self._clock.now()
        message.note_poll(now)
        if message.status(now) != DELIVERED:
            return _state(ZnsState(_PENDING_TEXT, 0))
        return _state(ZnsState(_DELIVERED_TEXT, 1, self._milliseconds(message.ends_at)))

    def send(self, query: Query) -> Served:
        """Answer `POST /api/message/send` (Goby, Gửi tin nhắn ZNS; the answer's shape is Zalo's).

        Args:
            query: With the request's body.

        Returns:
            HTTP 200 with the new id, and the message.

        Raises:
            RefusedError: If the request is wrong; HTTP 200 with an error in the envelope.
        """
        request = self._read(query.body)
        if request.phone in self._config.refused_phones:
            raise RefusedError(zns_error(_NO_ACCOUNT, "Zalo account not existed"))
        message = self._store.accept(
            vendor="zns",
            batch=self._store.next_batch(),
            tracking_id=request.tracking_id,
            phone=request.phone,
            sender=request.template_id,
            message_type="zns",
            text=encode(request.template_data).decode(),
            channels=self._channels,
            ttl=math.inf,
        )
        receipt = ZnsReceipt(message.message_id, self._milliseconds(message.accepted_at))
        return Served(Answer(200, encode(ZnsAnswer(0, "Success", receipt))), [message])

    def _read(self, body: bytes) -> ZnsMessage:
        if not body:
            raise RefusedError(zns_error(_EMPTY_BODY, "Request body is empty"))
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            refusal = _invalid(str(error))
        except _DECODE_FAILURES:
            refusal = zns_error(_NOT_JSON, "Request body is not JSON")
        raise RefusedError(refusal)

    def _milliseconds(self, moment: float) -> str:
        return str(round(self._clock.epoch(moment) * 1000))


def zns_error(error: int, message: str, *, status: int = 200) -> Answer:
    """Make an error of ZNS: the HTTP status is 200 and the envelope says no.

    Args:
        error: Zalo's code.
        message: What is wrong.
        status: HTTP status, where a gateway and not the vendor's code answers.

    Returns:
        The answer.
    """
    return Answer(status, encode(ZnsAnswer(error, message)))


def bad_key() -> Answer:
    """Make the answer to a wrong or missing key.

    Returns:
        HTTP 200 with error -124.
    """
    return zns_error(_BAD_TOKEN, "Access token is invalid")


def failure() -> Answer:
    """Make the answer of a server that failed; its shape is not documented.

    Returns:
        HTTP 500 with error -100.
    """
    return zns_error(_UNKNOWN_ERROR, "Unknown error", status=500)


def too_many() -> Answer:
    """Make the answer to too many requests; neither a limit nor this answer is documented.

    Returns:
        HTTP 429 with error -100.
    """
    return zns_error(_UNKNOWN_ERROR, "Too many requests", status=429)


def _state(state: ZnsState) -> Served:
    return Served(Answer(200, encode(ZnsAnswer(0, "Success", state))), [])


def _invalid(text: str) -> Answer:
    if "missing required field" in text:
        return zns_error(_MISSING, "A required parameter is missing")
    if "unknown field" in text:
        return zns_error(_BAD_PARAMETER, "Unknown parameter")
    found = _FIELD.search(text)
    field = found[1] if found else ""
    if field == "phone":
        return zns_error(_BAD_PHONE, "Phone number is invalid")
    if field == "template_id":
        return zns_error(_BAD_TEMPLATE, "Template id is invalid")
    return zns_error(_BAD_FORMAT, f"Parameter {field} has a wrong format" if field else "Wrong format")
