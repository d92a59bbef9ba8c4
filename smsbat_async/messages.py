"""What a user sends and what comes of it."""

import datetime as dt
import enum
from collections.abc import Sequence

import msgspec

from smsbat_async.errors import InvalidMessageError, SmsBatError
from smsbat_async.phones import is_e164, mask_phone

ID_MAXIMUM = 254
SURVEY_TEXT_MAXIMUM = 85
SURVEY_OPTIONS = range(2, 6)
SCHEDULE_MAXIMUM = dt.timedelta(days=30)


class MessageType(enum.StrEnum):
    """What kind of message the cascade is to send."""

    TRANSACTION = "transaction"
    PROMO = "promo"
    VIBER_SURVEY = "viber_survey"
    FLASHCALL = "flashcall"


class Route(enum.StrEnum):
    """Which channels the cascade tries first."""

    STANDARD = "standard"
    """All channels in the vendor's order."""
    TG_VIBER = "tg-viber"
    """Telegram and Viber first."""


class SendOutcome(enum.StrEnum):
    """What became of one message of a send."""

    ACCEPTED = "accepted"
    """The vendor took it and gave it an id."""
    REJECTED = "rejected"
    """The vendor, or a check before it, refused it for good."""
    NOT_SENT = "not_sent"
    """It did not go out and may be sent later."""
    UNKNOWN = "unknown"
    """It left this process and no usable answer came: it may or may not have been taken."""


class CascadeMessage(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "from_name": "fromName",
        "to_phone": "toPhone",
        "message_type": "messageType",
        "scheduled_sent": "scheduledSent",
        "survey_options": "surveyOptions",
    },
):
    """One message of a cascade; it checks itself when it is made.

    Follows SMSBAT, "Send Cascade Message".

    Args:
        id: Your own id of this message, 1 to 254 printable characters, unique among your messages.
        from_name: The sender's name as the vendor registered it.
        to_phone: The recipient in E.164 form with its plus: `+380501234567`.
        message_type: What kind of message it is.
        text: What it says; needed for every type but flashcall; at most 85 characters for a survey.
        ttl: How long the vendor may try to deliver it, in seconds, at least 1.
        scheduled_sent: When to send it: an aware datetime at most 30 days ahead.
        survey_options: The 2 to 5 answers of a survey.

    Raises:
        InvalidMessageError: If a field is wrong; it names the field and says what would be right.
    """

    id: str
    from_name: str
    to_phone: str
    message_type: MessageType
    text: str | None = None
    ttl: int | None = None
    scheduled_sent: dt.datetime | None = None
    survey_options: Sequence[str] | None = None

    def __post_init__(self) -> None:
        check_tracking_id(self.id)
        check_text("from_name", self.from_name)
        if not is_e164(self.to_phone):
            raise InvalidMessageError(
                "to_phone",
                "invalid_phone",
                "must be a text in E.164 form with its plus: +380501234567",
            )
        self._check_type()
        if self.ttl is not None and (type(self.ttl) is not int or self.ttl < 1):
            raise InvalidMessageError("ttl", "invalid_ttl", "must be a whole number of seconds, at least 1")
        if self.scheduled_sent is not None:
            moment = _check_schedule(self.scheduled_sent, now=dt.datetime.now(dt.UTC))
            msgspec.structs.force_setattr(self, "scheduled_sent", moment)

    def _check_type(self) -> None:
        try:
            kind = MessageType(self.message_type)
        except ValueError:
            kind = None
        if kind is None:
            known = ", ".join(MessageType)
            raise InvalidMessageError("message_type", "invalid_type", f"must be one of {known}")
        msgspec.structs.force_setattr(self, "message_type", kind)
        if self.text is not None:
            check_text("text", self.text)
        elif kind is not MessageType.FLASHCALL:
            raise InvalidMessageError("text", "missing_text", f"a {kind} message needs a text")
        if kind is MessageType.VIBER_SURVEY:
            if self.text is not None and len(self.text) > SURVEY_TEXT_MAXIMUM:
                raise InvalidMessageError(
                    "text", "text_too_long", f"a survey has at most {SURVEY_TEXT_MAXIMUM} characters of text"
                )
            msgspec.structs.force_setattr(self, "survey_options", _check_options(self.survey_options))
        elif self.survey_options is not None:
            raise InvalidMessageError("survey_options", "not_a_survey", "only a viber_survey has options")

    def __repr__(self) -> str:
        # Texts and phone numbers are other people's: they do not belong into logs and tracebacks.
        return (
            f"CascadeMessage(id={self.id!r}, to_phone={mask_phone(self.to_phone)!r}, "
            f"message_type={str(self.message_type)!r})"
        )


class Receipt(msgspec.Struct, frozen=True):
    """The vendor's word that it took a message.

    Args:
        message_id: The vendor's id, by which the status is asked for.
        tracking_id: Your own id of the message.
    """

    message_id: str
    tracking_id: str


class SendResult(msgspec.Struct, frozen=True):
    """What became of one message of a send.

    Args:
        message: The message.
        outcome: What became of it.
        message_id: The vendor's id, if it was accepted.
        error: Why not, otherwise.
    """

    message: CascadeMessage
    outcome: SendOutcome
    message_id: str | None = None
    error: SmsBatError | None = None


def check_tracking_id(value: object) -> None:
    """Check your own id of a message.

    Raises:
        InvalidMessageError: If it is not 1 to 254 printable characters.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= ID_MAXIMUM or not value.isprintable():
        wanted = f"must be a text of 1 to {ID_MAXIMUM} printable characters"
        raise InvalidMessageError("id", "invalid_id", wanted)


def check_text(field: str, value: object) -> None:
    """Check a text that may not be empty.

    Raises:
        InvalidMessageError: If it is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidMessageError(field, f"missing_{field}", "must be a text that is not empty")
    if not is_unicode(value):
        raise InvalidMessageError(field, f"invalid_{field}", "holds half a surrogate pair, which no text can")


def _check_options(options: object) -> tuple[str, ...]:
    wanted = f"a survey has {SURVEY_OPTIONS[0]} to {SURVEY_OPTIONS[-1]} answers"
    if isinstance(options, str) or not isinstance(options, Sequence) or len(options) not in SURVEY_OPTIONS:
        raise InvalidMessageError("survey_options", "invalid_options", wanted)
    for option in options:
        check_text("survey_options", option)
    return tuple(options)


def _check_schedule(moment: object, *, now: dt.datetime) -> dt.datetime:
    if not isinstance(moment, dt.datetime) or moment.utcoffset() is None:
        raise InvalidMessageError(
            "scheduled_sent",
            "naive_datetime",
            "must be an aware datetime: one with a tzinfo, as UTC",
        )
    if moment - now > SCHEDULE_MAXIMUM:
        raise InvalidMessageError("scheduled_sent", "too_far_ahead", "must be at most 30 days ahead")
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        pass  # within a day of the first year's beginning
    raise InvalidMessageError("scheduled_sent", "out_of_range", "must be a moment that UTC can express")


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded at all: half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
