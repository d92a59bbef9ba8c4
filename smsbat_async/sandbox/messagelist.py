"""SMSBAT's own send: messages of one channel each, maybe with an SMS in their place."""

import math
import re
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from smsbat_async.sandbox.answers import Answer, RefusedError
from smsbat_async.sandbox.channels import DEFAULT_CHANNELS, Channel
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.endpoints import Handler, Query, Served
from smsbat_async.sandbox.faults import Faults
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.native_wire import (
    DATA,
    FlashcallData,
    NativeAnswer,
    NativeMessage,
    NativeRequest,
    NativeRow,
    PromoData,
)
from smsbat_async.sandbox.parts import sms_parts
from smsbat_async.sandbox.stats import Stats
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.wire import ErrorAnswer, ErrorDetail, encode

MOST_MESSAGES: Final = 5_000
_MOST_RCS_TEXT: Final = 3_072
_MOST_FLASHCALL_SECONDS: Final = 120
_FLASHCALL_SECONDS: Final = 60
_SMS_SENDER = re.compile(r"[A-Za-z0-9]{1,11}|\+[1-9][0-9]{6,14}", re.ASCII)
_NEEDS_TEXT: Final = frozenset({"sms", "viber_survey", "rcs"})
_NEEDS_DATA: Final = frozenset({"viber_carousel", "viber_survey", "viber_otp", "flashcall"})
_DECODE_FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_PATH = re.compile(r"at `\$\.messages\[\d+\]\.(\w+)")

# The pages name four codes for SMS; the others follow their pattern.
_WRONG: Final = {
    "to": ("INVALID_RECIPIENT", "Invalid phone number format"),
    "from": ("INVALID_SENDER", "Invalid sender ID"),
    "type": ("INVALID_TYPE", "Unknown message type"),
    "ttl": ("INVALID_TTL", "ttl must be a positive number of seconds"),
    "text": ("INVALID_TEXT", "Invalid message text"),
    "fallback": ("INVALID_FALLBACK", "The fallback must be an SMS with a text"),
    "messageData": ("INVALID_MESSAGE_DATA", "messageData does not fit the type"),
}


class MessageListApi:
    """Reads requests and writes answers; opens nothing and waits for nothing.

    What is malformed is refused as a whole with 400. A message to a refused phone is `rejected` beside others
    of its request that are accepted.

    Args:
        config: What is accepted and what is refused.
        store: The messages.
        faults: What goes wrong with an answer.
        stats: Where things are counted.
    """

    def __init__(self, config: SandboxConfig, *, store: Store, faults: Faults, stats: Stats) -> None:
        self._config = config
        self._store = store
        self._faults = faults
        self._stats = stats
        self._decoder = msgspec.json.Decoder(NativeRequest)
        self._channels = {channel.name: channel for channel in (*DEFAULT_CHANNELS, *config.channels)}
        self._flashcall = config.route(config.flashcall_route)

    def handlers(self) -> dict[str, Handler]:
        """List what it answers.

        Returns:
            Endpoint name to handler.
        """
        return {"messagelist": self.send}

    def send(self, query: Query) -> Served:
        """Answer `POST /bat/messagelist` (SMSBAT's help, Send Message).

        Args:
            query: With the request's body.

        Returns:
            200 with one row for each message that the answer is to name, and the accepted ones of them.

        Raises:
            RefusedError: If one message is malformed: then none is accepted.
        """
        requests = self._read(query.body)
        batch = self._store.next_batch()
        rows: list[tuple[NativeRow, Message | None]] = []
        for place, request in enumerate(requests):
            if request.phone in self._config.refused_phones:
                rejected = NativeRow(
                    "rejected", request.phone, customer_message_id=request.customer_message_id
                )
                rows.append((rejected, None))
            else:
                message = self._accept(request, batch, place)
                rows.append((_row(request, message), message))
        answered = self._faults.disturb(rows, query.fault)
        named = [message for _, message in answered if message is not None]
        self._stats.unnamed += sum(message is not None for _, message in rows) - len(named)
        answer = NativeAnswer(batch, [row for row, _ in answered])
        return Served(Answer(200, encode(answer)), named)

    def _accept(self, request: NativeMessage, batch: int, place: int) -> Message:
        own = request.customer_message_id
        data = {} if request.message_data is UNSET else request.message_data
        survey = data.get("survey")
        ttl = _ttl(request)
        return self._store.accept(
            vendor="smsbat",
            batch=batch,
            # Your own id is optional; a made-up one keeps messages without from counting as repeats.
            tracking_id=f"messagelist-{batch}-{place}" if own is UNSET or not own else own,
            phone=request.phone,
            sender=request.sender,
            message_type=request.type,
            text=request.text or _shown(request.type, data),
            channels=self._route(request),
            ttl=math.inf if ttl is UNSET else ttl,
            survey_options=tuple(survey["options"]) if survey else (),
        )

    def _route(self, request: NativeMessage) -> tuple[Channel, ...]:
        first = self._flashcall
        if request.type != "flashcall":
            first = (self._channels[request.type.partition("_")[0]],)
        fallback = self._channels["sms"]
        return first if request.fallback is UNSET or fallback in first else (*first, fallback)

    def _read(self, body: bytes) -> list[NativeMessage]:
        try:
            requests = self._decoder.decode(body).messages
        except _DECODE_FAILURES as error:
            refusal = _unreadable(error)
        else:
            if not requests:
                raise _refused("EMPTY_REQUEST", "The request holds no message")
            if len(requests) > MOST_MESSAGES:
                raise _refused("TOO_MANY_MESSAGES", f"The request holds more than {MOST_MESSAGES} messages")
            for request in requests:
                self._check(request)
            return requests
        raise refusal

    def _check(self, request: NativeMessage) -> None:
        if request.sender in self._config.refused_senders:
            raise _wrong("from")
        if request.type == "sms" and _SMS_SENDER.fullmatch(request.sender) is None:
            raise _wrong("from")
        if not request.text and request.type in _NEEDS_TEXT:
            raise _refused("MISSING_TEXT", f"A message of type {request.type} needs a text")
        if request.type == "rcs" and request.text and len(request.text) > _MOST_RCS_TEXT:
            raise _refused("MESSAGE_TOO_LONG", f"Text has more than {_MOST_RCS_TEXT} characters")
        if request.type == "sms" and request.fallback is not UNSET:
            raise _wrong("fallback")
        ttl = _ttl(request)
        if request.type == "flashcall" and ttl is not UNSET and ttl > _MOST_FLASHCALL_SECONDS:
            raise _wrong("ttl")
        data = self._data(request)
        if request.type == "viber_promo":
            _check_promo(bool(request.text), data if isinstance(data, PromoData) else PromoData())
        elif request.type == "viber_trans" and not request.text and data is None:
            raise _refused("MISSING_TEXT", "A transaction needs a text or a file")

    def _data(self, request: NativeMessage) -> msgspec.Struct | None:
        if request.message_data is UNSET:
            if request.type in _NEEDS_DATA:
                raise _wrong("messageData")
            return None
        try:
            return msgspec.convert(request.message_data, DATA[request.type])
        except msgspec.ValidationError:
            pass
        raise _wrong("messageData")


def _check_promo(has_text: bool, data: PromoData) -> None:
    """Hold a promotion against the list of what may go together (Viber Messages, Supported Content)."""
    has_image, has_video = data.img is not UNSET, data.video is not UNSET
    has_button = data.button_text is not UNSET
    if has_button != (data.button_action is not UNSET):
        raise _wrong("messageData")
    allowed = {
        (True, False, False, False),
        (True, False, False, True),
        (False, True, False, False),
        (True, True, False, True),
        (False, False, True, False),
        (True, False, True, False),
        (True, False, True, True),
    }
    if (has_text, has_image, has_video, has_button) not in allowed:
        raise _refused("INVALID_COMBINATION", "Text, image, video and button do not go together so")


def _ttl(request: NativeMessage) -> int | UnsetType:
    if request.ttl is UNSET and request.type == "flashcall":
        return _FLASHCALL_SECONDS
    return request.ttl


def _row(request: NativeMessage, message: Message) -> NativeRow:
    row = NativeRow(
        "accepted",
        request.phone,
        message.message_id,
        parts=sms_parts(message.text) if request.type == "sms" else 1,
        customer_message_id=request.customer_message_id,
    )
    if request.type != "flashcall":
        return row
    caller = msgspec.convert(request.message_data, FlashcallData).caller_id
    return msgspec.structs.replace(
        row, parts=UNSET, caller_id=caller, pattern="***" + caller[-6:], ttl=_ttl(request)
    )


def _shown(kind: str, data: dict[str, object]) -> str:
    # What has no text is shown by what it has; a call has nothing to read.
    return encode(data).decode() if data and kind != "flashcall" else ""


def _unreadable(error: Exception) -> RefusedError:
    # The decoder says where it stopped only in words; one it cannot place is refused without a field.
    if not isinstance(error, msgspec.ValidationError):
        return _refused("INVALID_JSON", "The body is not valid JSON")
    text = str(error)
    if "unknown field" in text:
        return _refused("UNKNOWN_FIELD", "Unknown field")
    if "missing required field" in text:
        return _refused("MISSING_FIELD", "A required field is missing")
    if (found := _PATH.search(text)) and found[1] in _WRONG:
        return _wrong(found[1])
    return _refused("INVALID_REQUEST", "The body must be an object with an array of messages")


def _wrong(field: str) -> RefusedError:
    return _refused(*_WRONG[field])


def _refused(code: str, message: str) -> RefusedError:
    return RefusedError(Answer(400, encode(ErrorAnswer(ErrorDetail(code, message)))))
