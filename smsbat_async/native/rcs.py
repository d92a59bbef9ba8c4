"""Native messages of RCS: texts with media, buttons and cards."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from smsbat_async.errors import InvalidMessageError
from smsbat_async.messages import check_text
from smsbat_async.native.message import (
    FallbackMessage,
    check_part,
    check_parts,
    check_phone,
    check_url,
    check_whole,
)

RCS_TEXT_MAXIMUM = 3_072
RCS_BUTTONS = range(5)
RCS_CARDS = range(101)
"""The vendor states no most; this only keeps a whole catalogue out of one message."""


class OpenUrl(msgspec.Struct, frozen=True, tag_field="type", tag="openUrl"):
    """A button that opens a page.

    Args:
        url: The page.
    """

    url: str

    def __post_init__(self) -> None:
        check_url("action.url", self.url)


class Dial(msgspec.Struct, frozen=True, tag_field="type", tag="dial", rename={"phone_number": "phoneNumber"}):
    """A button that calls a number.

    Args:
        phone_number: In E.164 form with its plus.
    """

    phone_number: str

    def __post_init__(self) -> None:
        check_phone("action.phone_number", self.phone_number)


class ShareLocation(msgspec.Struct, frozen=True, tag_field="type", tag="shareLocation"):
    """A button with which the recipient tells where they are."""


class CreateCalendarEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag="createCalendarEvent",
    rename={"start_time": "startTime", "end_time": "endTime"},
):
    """A button that puts a date into the recipient's calendar.

    Args:
        title: What it is.
        start_time: When it begins: an aware datetime, sent as UTC.
        end_time: When it ends, alike.
    """

    title: str
    start_time: dt.datetime
    end_time: dt.datetime | None = None

    def __post_init__(self) -> None:
        check_text("action.title", self.title)
        for name in ("start_time", "end_time"):
            moment = getattr(self, name)
            if moment is not None or name == "start_time":
                msgspec.structs.force_setattr(self, name, _in_utc(f"action.{name}", moment))
        if self.end_time is not None and self.end_time < self.start_time:
            raise InvalidMessageError("action.end_time", "ends_before_start", "must not be before start_time")


RcsAction = OpenUrl | Dial | ShareLocation | CreateCalendarEvent
"""What a button of RCS may do."""


class RcsButton(msgspec.Struct, frozen=True, kw_only=True):
    """A button of an RCS message or card.

    Args:
        text: What stands on it; the vendor advises two or three words.
        action: What it does.
    """

    text: str
    action: RcsAction

    def __post_init__(self) -> None:
        check_text("button.text", self.text)
        if not isinstance(self.action, RcsAction):
            wanted = "must be OpenUrl, Dial, ShareLocation or CreateCalendarEvent"
            raise InvalidMessageError("button.action", "invalid_action", wanted)


class RcsMedia(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"thumbnail_url": "thumbnail"}
):
    """A picture, a video or a sound.

    Args:
        url: The file; the vendor takes images up to 2 MB, videos up to 10 MB and 2 minutes, sounds up to
            5 MB and 5 minutes.
        type: Its media type: `image/jpeg`.
        height: In pixels.
        width: In pixels.
        thumbnail_url: The picture that is shown before a video plays.
    """

    url: str
    type: str
    height: int | None = None
    width: int | None = None
    thumbnail_url: str | None = None

    def __post_init__(self) -> None:
        check_url("media.url", self.url)
        kind: object = self.type
        if not isinstance(kind, str) or not kind.isprintable() or not all(kind.partition("/")):
            raise InvalidMessageError("media.type", "invalid_type", "must be a media type: image/jpeg")
        for name in ("height", "width"):
            if getattr(self, name) is not None:
                check_whole(f"media.{name}", getattr(self, name), unit="pixels")
        if self.thumbnail_url is not None:
            check_url("media.thumbnail_url", self.thumbnail_url)


class RcsCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One card of an RCS carousel.

    Args:
        title: Its heading.
        description: What stands under it.
        media: Its picture or video.
        buttons: At most 4 buttons.
    """

    title: str
    description: str | None = None
    media: RcsMedia | None = None
    buttons: Sequence[RcsButton] = ()

    def __post_init__(self) -> None:
        check_text("card.title", self.title)
        if self.description is not None:
            check_text("card.description", self.description)
        check_part("card.media", self.media, RcsMedia)
        buttons = check_parts("card.buttons", self.buttons, RcsButton, RCS_BUTTONS)
        msgspec.structs.force_setattr(self, "buttons", buttons)


class RcsMessage(FallbackMessage, frozen=True, kw_only=True):
    """An RCS message by SMSBAT's native send; it checks itself when it is made.

    Follows SMSBAT's help, "RCS Messages". Whether cards may stand beside media or buttons it does not say.

    Args:
        id: As for every `NativeMessage`; so are `from_name`, `to_phone`, `ttl` and `fallback`.
        text: What it says, at most 3,072 characters.
        media: A picture, a video or a sound.
        buttons: At most 4 buttons.
        cards: The cards of a carousel.

    Raises:
        InvalidMessageError: If a field is wrong.
    """

    text: str
    media: RcsMedia | None = None
    buttons: Sequence[RcsButton] = ()
    cards: Sequence[RcsCard] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_text("text", self.text)
        if len(self.text) > RCS_TEXT_MAXIMUM:
            raise InvalidMessageError(
                "text", "text_too_long", f"an RCS message has at most {RCS_TEXT_MAXIMUM:,} characters"
            )
        check_part("media", self.media, RcsMedia)
        buttons = check_parts("buttons", self.buttons, RcsButton, RCS_BUTTONS)
        msgspec.structs.force_setattr(self, "buttons", buttons)
        cards = check_parts("cards", self.cards, RcsCard, RCS_CARDS)
        msgspec.structs.force_setattr(self, "cards", cards)


def _in_utc(field: str, moment: object) -> dt.datetime:
    if isinstance(moment, dt.datetime) and moment.utcoffset() is not None:
        try:
            return moment.astimezone(dt.UTC)
        except OverflowError:
            pass  # within a day of the first or the last year's end
    raise InvalidMessageError(field, "naive_datetime", "must be an aware datetime: one with a tzinfo, as UTC")
