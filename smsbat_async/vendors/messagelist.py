"""SMSBAT's own send, `POST /bat/messagelist`, as bytes in and bytes out.

Follows SMSBAT's help, "Send Message", "SMS Messages", "Viber Messages", "RCS Messages" and "Flash Call".
Where these contradict each other, the page of the channel counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from smsbat_async.errors import (
    BODY_KEPT,
    BadRequestError,
    InvalidMessageError,
    OutcomeUnknownError,
    SmsBatError,
)
from smsbat_async.http import Request, Response
from smsbat_async.messages import SendOutcome
from smsbat_async.native.custom import CustomMessage
from smsbat_async.native.message import FallbackMessage, NativeMessage, SmsFallback
from smsbat_async.native.rcs import RcsButton, RcsCard, RcsMedia, RcsMessage
from smsbat_async.native.results import NativeReceipt, NativeResult
from smsbat_async.native.sms import Flashcall, SmsMessage
from smsbat_async.native.viber import ViberCarousel, ViberOtp, ViberPromo, ViberSurvey, ViberTransaction
from smsbat_async.vendors.answers import UNDECODABLE, logger, mismatch, parse, salvage, unreadable
from smsbat_async.vendors.outcome import error_of
from smsbat_async.vendors.smsbat import SmsBat

PATH = "/bat/messagelist"
CHUNK_MAXIMUM = 5_000
"""The vendor takes up to 5,000 messages in one request (SMSBAT's help, "Rate Limits")."""

REFUSED = frozenset({"rejected", "failed"})
"""The words for a message that was not taken, beside others of its request that were."""


class RequestRow(
    msgspec.Struct,
    gc=False,
    omit_defaults=True,
    rename={
        "sender": "from",
        "phone": "to",
        "customer_message_id": "customerMessageId",
        "message_data": "messageData",
    },
):
    """One message of a request."""

    sender: str
    phone: str
    type: str
    text: str | UnsetType
    customer_message_id: str
    ttl: int | None = None
    message_data: Mapping[str, Any] | msgspec.Struct | None = None
    fallback: SmsFallback | None = None


class RequestBody(msgspec.Struct, gc=False):
    """A request."""

    messages: list[RequestRow]


class AnswerRow(
    msgspec.Struct,
    gc=False,
    rename={
        "message_id": "messageId",
        "customer_message_id": "customerMessageId",
        "phone": "to",
        "caller_id": "callerId",
    },
):
    """One row of an answer."""

    message_id: str | int | None = None
    status: str | None = None
    parts: int | None = None
    customer_message_id: str | int | None = None
    phone: str | int | None = None
    caller_id: str | int | None = None
    pattern: str | None = None
    ttl: int | None = None


class Answer(msgspec.Struct, gc=False, rename={"messagelist_id": "messagelistId"}):
    """An answer."""

    messages: list[AnswerRow]
    messagelist_id: int | None = None


_decoder = msgspec.json.Decoder(Answer, strict=False)
_encoder = msgspec.json.Encoder()


class PromoData(
    msgspec.Struct,
    gc=False,
    omit_defaults=True,
    rename={"button_text": "buttonText", "button_action": "buttonAction", "file_size": "fileSize"},
):
    """`messageData` of a `viber_promo`."""

    img: str | None = None
    video: str | None = None
    thumbnail: str | None = None
    file_size: int | None = None
    duration: int | None = None
    button_text: str | None = None
    button_action: str | None = None


class RcsData(msgspec.Struct, gc=False, omit_defaults=True):
    """`messageData` of an `rcs`."""

    media: RcsMedia | None = None
    buttons: Sequence[RcsButton] = ()
    carousel: Mapping[str, Sequence[RcsCard]] | None = None


class MessageList:
    """How native messages go out.

    Args:
        vendor: The vendor, with its credentials.
    """

    message_type = NativeMessage
    chunk_maximum = CHUNK_MAXIMUM

    def __init__(self, vendor: SmsBat) -> None:
        self._vendor = vendor

    def check_can_send(self) -> None:
        """Check that there is a credential that native sends take.

        Raises:
            ConfigurationError: If there is none.
        """
        self._vendor.check_can_post()

    def send_request(self, messages: Sequence[NativeMessage]) -> Request:
        """Return the request that sends some messages.

        Raises:
            ConfigurationError: If no credential that native sends take was given.
            InvalidMessageError: If a message is of no kind that is known.
        """
        body = RequestBody([_row(message) for message in messages])
        return self._vendor.native_post(PATH, _encoder.encode(body))

    def result(self, message: NativeMessage, outcome: SendOutcome, error: SmsBatError) -> NativeResult:
        """Return the result of a message that was not accepted."""
        return NativeResult(message, outcome, None, error)

    def read_receipts(
        self, response: Response, messages: Sequence[NativeMessage]
    ) -> tuple[list[NativeResult], tuple[str, ...]]:
        """Return what became of each message, and the tracking ids that nobody asked for.

        Rows are matched by `customerMessageId` and never by position. The vendor's page about flash calls
        shows rows without it: such a row is about the one message of the request to its number, if there is
        one only. Where rows about one message contradict each other, one that took it counts most, and one
        that refused it least. A message that no usable row names is UNKNOWN.

        Args:
            response: The answer.
            messages: The messages of the request.

        Raises:
            ApiError: If the vendor answered with an error.
            ResponseError: If the answer is unreadable as a whole.
        """
        if response.status != 200 and (error := error_of(response)) is not None:
            raise error
        answer = _answer(response)
        rows, foreign = _matched(answer.messages, messages)
        # Every error keeps the beginning of the answer: cut off once, it is one text for all of them.
        kept = Response(response.status, response.headers, response.body[:BODY_KEPT])
        results = []
        for message in messages:
            row = rows.get(message.id)
            results.append(_result(kept, answer.messagelist_id, row, message))
        return results, tuple(foreign)


def _row(message: NativeMessage) -> RequestRow:
    kind, text, data = _content(message)
    return RequestRow(
        sender=message.from_name,
        phone=message.to_phone,
        type=kind,
        text=UNSET if text is None else text,
        customer_message_id=message.id,
        ttl=message.ttl,
        message_data=data,
        fallback=message.fallback if isinstance(message, FallbackMessage) else None,
    )


def _content(message: NativeMessage) -> tuple[str, str | None, Mapping[str, Any] | msgspec.Struct | None]:
    """Return the vendor's word for the type of a message, its text and its `messageData`."""
    match message:
        case SmsMessage():
            return "sms", message.text, None
        case ViberPromo():
            return "viber_promo", message.text, _promo(message)
        case ViberTransaction():
            file = message.file
            data = None if file is None else {**msgspec.to_builtins(file), "fileType": "pdf"}
            return "viber_trans", message.text, data
        case ViberCarousel():
            return "viber_carousel", message.text, {"carousel": {"items": message.items}}
        case ViberSurvey():
            return "viber_survey", message.text, {"survey": {"options": message.options}}
        case ViberOtp():
            params = {"templateId": message.template_id, "templateLang": message.language}
            return "viber_otp", None, {**params, "templateParams": message.params}
        case RcsMessage():
            return "rcs", message.text, _rcs(message)
        case Flashcall():
            return "flashcall", None, {"callerId": message.caller_id}
        case CustomMessage():
            return message.type, message.text, message.message_data
        case _:
            problem = f"{type(message).__name__} is no kind that the vendor is known to take"
            raise InvalidMessageError("message", "unknown_type", f"{problem}: use CustomMessage")


def _promo(message: ViberPromo) -> PromoData | None:
    video, button = message.video, message.button
    if message.image_url is None and video is None and button is None:
        return None
    data = PromoData(img=message.image_url)
    if video is not None:
        data.video, data.thumbnail = video.url, video.thumbnail_url
        data.file_size, data.duration = video.size, video.duration
    if button is not None:
        data.button_text, data.button_action = button.text, button.url
    return data


def _rcs(message: RcsMessage) -> RcsData | None:
    if message.media is None and not message.buttons and not message.cards:
        return None
    carousel = {"cards": message.cards} if message.cards else None
    return RcsData(media=message.media, buttons=message.buttons, carousel=carousel)


def _answer(response: Response) -> Answer:
    try:
        return _decoder.decode(response.body)
    except UNDECODABLE:
        pass
    # One bad row must cost no more than its own message, so each is read by itself.
    parsed = parse(response)
    listed = parsed.get("messages") if isinstance(parsed, dict) else parsed
    if not isinstance(listed, list):
        raise unreadable(response, "the answer to a send has no array of messages")
    rows = []
    for raw in listed:
        row = salvage(raw, AnswerRow, required=frozenset())
        if row is None:
            logger.warning("a row of the answer to a send could not be read")
        else:
            rows.append(row)
    number = parsed.get("messagelistId") if isinstance(parsed, dict) else None
    return Answer(rows, number if type(number) is int else None)


def _matched(
    rows: Iterable[AnswerRow], messages: Sequence[NativeMessage]
) -> tuple[dict[str, AnswerRow], list[str]]:
    asked = {message.id for message in messages}
    found: dict[str, AnswerRow] = {}
    nameless: list[AnswerRow] = []
    foreign: list[str] = []
    for row in rows:
        if row.customer_message_id in (None, ""):
            nameless.append(row)
            continue
        tracking_id = str(row.customer_message_id)
        if tracking_id in asked:
            _claim(found, tracking_id, row)
        else:
            foreign.append(tracking_id)
    if nameless:
        _match_by_phone(nameless, messages, found)
    return found, foreign


def _match_by_phone(
    nameless: list[AnswerRow], messages: Sequence[NativeMessage], found: dict[str, AnswerRow]
) -> None:
    named = Counter(_digits(row.phone) for row in nameless)
    written = Counter(_digits(message.to_phone) for message in messages)
    ids = {_digits(message.to_phone): message.id for message in messages}
    for row in nameless:
        phone = _digits(row.phone)
        if named[phone] == written[phone] == 1:
            _claim(found, ids[phone], row)


def _claim(found: dict[str, AnswerRow], tracking_id: str, row: AnswerRow) -> None:
    known = found.get(tracking_id)
    # Who is told REJECTED sends again: not as long as another row may say that it was taken.
    if known is None or _weight(row) > _weight(known):
        found[tracking_id] = row


def _weight(row: AnswerRow) -> int:
    if _is_refused(row):
        return 0
    return 1 if row.message_id in (None, "") else 2


def _is_refused(row: AnswerRow) -> bool:
    return row.status is not None and row.status.lower() in REFUSED


def _digits(phone: object) -> str:
    return "".join(filter(str.isdecimal, str(phone)))


def _result(
    response: Response, messagelist_id: int | None, row: AnswerRow | None, message: NativeMessage
) -> NativeResult:
    if row is not None and _is_refused(row):
        refused = BadRequestError(
            status_code=response.status,
            code=row.status,
            message="the vendor did not take this message, and does not say why",
            body=response.body,
        )
        return NativeResult(message, SendOutcome.REJECTED, None, refused)
    if row is None or row.message_id in (None, ""):
        missing = mismatch(response, "the answer gives no id to this message")
        unknown = OutcomeUnknownError((message.id,), missing)
        return NativeResult(message, SendOutcome.UNKNOWN, None, unknown)
    receipt = NativeReceipt(
        message_id=str(row.message_id),
        tracking_id=message.id,
        status=row.status,
        parts=row.parts,
        messagelist_id=messagelist_id,
        caller_id=None if row.caller_id is None else str(row.caller_id),
        pattern=row.pattern,
        ttl=row.ttl,
    )
    return NativeResult(message, SendOutcome.ACCEPTED, receipt)
