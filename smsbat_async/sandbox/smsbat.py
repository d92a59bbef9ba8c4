"""SMSBAT: message status and the two cascades."""

import math
import re
from datetime import timedelta
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from smsbat_async.sandbox.answers import Answer, RefusedError, http_error
from smsbat_async.sandbox.channels import Channel
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.endpoints import Handler, Query, Served
from smsbat_async.sandbox.faults import Faults
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.stats import Stats
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.variables import VariablesApi
from smsbat_async.sandbox.wire import (
    CascadeMessage,
    ErrorAnswer,
    ErrorDetail,
    FallbackState,
    Receipt,
    StatusAnswer,
    encode,
)

_MOST_SURVEY_TEXT: Final = 85
_FARTHEST: Final = timedelta(days=30).total_seconds()

# INVALID_PHONE is the one code that the page shows; the others follow its pattern.
_WRONG: Final = {
    "id": ("INVALID_ID", "Tracking id must be 1 to 254 printable characters"),
    "fromName": ("INVALID_SENDER", "Invalid sender name"),
    "toPhone": ("INVALID_PHONE", "Invalid phone number format"),
    "messageType": ("INVALID_MESSAGE_TYPE", "Unknown message type"),
    "text": ("INVALID_TEXT", "Invalid message text"),
    "surveyOptions": ("INVALID_SURVEY_OPTIONS", "A survey has 2 to 5 options"),
    "ttl": ("INVALID_TTL", "ttl must be a positive number of seconds"),
    "scheduledSent": ("INVALID_SCHEDULED_SENT", "scheduledSent must be ISO 8601 with a time zone"),
}
_DECODE_FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_PATH = re.compile(r"at `\$\[\d+\]\.(\w+)")
_UNKNOWN = re.compile(r"unknown field `(.*)` - at")
_MISSING = re.compile(r"missing required field `(\w+)`")


class SmsBatApi:
    """Reads requests and writes answers; opens nothing and waits for nothing.

    Args:
        config: What is accepted and what is refused.
        store: The messages.
        faults: What goes wrong with an answer.
        clock: The time.
        stats: Where things are counted.
        variables: What stands in the place of placeholders.
    """

    def __init__(
        self,
        config: SandboxConfig,
        *,
        store: Store,
        faults: Faults,
        clock: Clock,
        stats: Stats,
        variables: VariablesApi,
    ) -> None:
        self._config = config
        self._store = store
        self._faults = faults
        self._clock = clock
        self._stats = stats
        self._variables = variables
        self._decoder = msgspec.json.Decoder(list[CascadeMessage])
        self._standard = config.route(config.standard_route)
        self._tg_viber = config.route(config.tg_viber_route)
        self._flashcall = config.route(config.flashcall_route)

    def handlers(self) -> dict[str, Handler]:
        """List what it answers.

        Returns:
            Endpoint name to handler.
        """
        return {
            "status": self.status,
            "send": lambda query: self.send(query, self._standard),
            "send_tg_viber": lambda query: self.send(query, self._tg_viber),
        }

    def status(self, query: Query) -> Served:
        """Answer `GET /bat/message/{messageId}` (SMSBAT, Check Message Status).

        Args:
            query: With the id of the path.

        Returns:
            200 with the basic answer for one channel and the extended one for several, or 404.
        """
        message = self._store.get(query.argument)
        if message is None or message.vendor != "smsbat":
            return Served(http_error(404, "Message not found"), [])
        now = self._clock.now()
        message.note_poll(now)
        return Served(Answer(200, encode(self._describe(message, now))), [])

    def send(self, query: Query, route: tuple[Channel, ...]) -> Served:
        """Answer the two cascades (SMSBAT, Send Cascade Messages).

        Args:
            query: With the request's body.
            route: The channels that a message with a text is tried by.

        Returns:
            200 with one receipt for each message that the answer is to name, and those messages.

        Raises:
            RefusedError: If one message is wrong: then none is accepted.
        """
        requests = self._read(query.body)
        batch = self._store.next_batch()
        messages = [self._accept(request, batch, route) for request in requests]
        named = self._faults.disturb(messages, query.fault)
        self._stats.unnamed += len(messages) - len(named)
        receipts = [Receipt(item.message_id, item.tracking_id) for item in named]
        return Served(Answer(200, encode(receipts)), named)

    def _accept(self, request: CascadeMessage, batch: int, channels: tuple[Channel, ...]) -> Message:
        scheduled = request.scheduled_sent
        return self._store.accept(
            vendor="smsbat",
            batch=batch,
            tracking_id=request.id,
            phone=request.to_phone,
            sender=request.from_name,
            message_type=request.message_type,
            text="" if request.text is UNSET else self._variables.fill(request.text),
            channels=self._flashcall if request.message_type == "flashcall" else channels,
            ttl=math.inf if request.ttl is UNSET else request.ttl,
            scheduled=None if scheduled is UNSET else scheduled.timestamp(),
            survey_options=() if request.survey_options is UNSET else tuple(request.survey_options),
        )

    def _describe(self, message: Message, now: float) -> StatusAnswer:
        cost = message.cost(now)
        basic = StatusAnswer(
            messagelist_id=message.messagelist_id,
            message_id=message.message_id,
            delivery_status=message.status(now),
            parts_count=message.parts_count(now),
            cost=UNSET if cost is None else cost,
        )
        if len(message.channels) == 1:
            return basic
        states = message.channel_statuses(now)
        later = [FallbackState(channel.name, states[channel.name]) for channel in message.channels[1:]]
        rate = message.rate(now)
        if rate is None or cost is None:
            return msgspec.structs.replace(basic, fallbacks=later, extended_statuses=states)
        return msgspec.structs.replace(
            basic,
            fallbacks=later,
            extended_statuses=states,
            rate=rate,
            rate_amount=cost,
            rate_currency=self._config.currency,
            bill_amount=cost,
            bill_currency=self._config.currency,
        )

    def _read(self, body: bytes) -> list[CascadeMessage]:
        try:
            requests = self._decoder.decode(body)
        except _DECODE_FAILURES as error:
            refusal = _unreadable(error)
        else:
            if not requests:
                raise _refused("EMPTY_REQUEST", "The request holds no message")
            latest = self._clock.epoch() + _FARTHEST
            for request in requests:
                self._check(request, latest)
            return requests
        raise refusal

    def _check(self, request: CascadeMessage, latest: float) -> None:
        if not request.id.isprintable():
            raise _wrong("id")
        if request.from_name in self._config.refused_senders:
            raise _refused("INVALID_SENDER", "This sender name is not registered", "fromName")
        if request.to_phone in self._config.refused_phones:
            raise _refused("INVALID_PHONE", "This phone number is blocked", "toPhone")
        if request.message_type != "flashcall":
            if request.text is UNSET:
                raise _missing("text")
            if not request.text:
                raise _wrong("text")
            if request.message_type == "viber_survey":
                if len(request.text) > _MOST_SURVEY_TEXT:
                    raise _refused("INVALID_TEXT", "Survey text has more than 85 characters", "text")
                if request.survey_options is UNSET:
                    raise _missing("surveyOptions")
        if request.scheduled_sent is not UNSET and request.scheduled_sent.timestamp() > latest:
            raise _refused("INVALID_SCHEDULED_SENT", "More than 30 days ahead", "scheduledSent")


def bad_credentials(kind: Literal["send", "status"]) -> Answer:
    """Make the answer to wrong or missing credentials.

    Args:
        kind: Whether a cascade or a status was asked for: their error bodies differ.

    Returns:
        The answer, 401.
    """
    text = "Invalid or missing credentials"
    if kind == "status":
        return http_error(401, text)
    return Answer(401, encode(ErrorAnswer(ErrorDetail("UNAUTHORIZED", text))))


def _unreadable(error: Exception) -> RefusedError:
    # The decoder says where it stopped only in words; one it cannot place is refused without a field.
    if not isinstance(error, msgspec.ValidationError):
        return _refused("INVALID_JSON", "The body is not valid JSON")
    text = str(error)
    if found := _UNKNOWN.search(text):
        return _refused("UNKNOWN_FIELD", "Unknown field", found[1])
    if found := _MISSING.search(text):
        return _missing(found[1])
    if found := _PATH.search(text):
        return _wrong(found[1])
    return _refused("INVALID_REQUEST", "The body must be an array of messages")


def _missing(field: str) -> RefusedError:
    return _refused("MISSING_FIELD", f"Field {field} is required", field)


def _wrong(field: str) -> RefusedError:
    code, message = _WRONG[field]
    return _refused(code, message, field)


def _refused(code: str, message: str, field: str | None = None) -> RefusedError:
    detail = ErrorDetail(code, message, UNSET if field is None else field)
    return RefusedError(Answer(400, encode(ErrorAnswer(detail))))
