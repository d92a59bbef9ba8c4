"""The JSON of SMSBAT's own send, written from its help pages; shared with no client code."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

# \Z and not $, which would let a trailing line feed through.
_Phone = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}\Z")]
_Name = Annotated[str, Meta(min_length=1)]
_Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]")]
_Count = Annotated[int, Meta(gt=0, lt=2**31)]
_Uuid = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")]


class Fallback(Struct, frozen=True, forbid_unknown_fields=True):
    """The SMS in place of a message that failed (SMSBAT's help, Viber Messages, Fallback to SMS)."""

    type: Literal["sms"]
    text: _Name


class NativeMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a request (SMSBAT's help, Send Message, Parameters)."""

    sender: _Name = field(name="from")
    phone: _Phone = field(name="to")
    type: Literal[
        "sms",
        "viber_promo",
        "viber_trans",
        "viber_carousel",
        "viber_survey",
        "viber_otp",
        "rcs",
        "flashcall",
    ]
    text: str | UnsetType = UNSET
    customer_message_id: str | UnsetType = field(default=UNSET, name="customerMessageId")
    ttl: _Count | UnsetType = UNSET
    message_data: dict[str, Any] | UnsetType = field(default=UNSET, name="messageData")
    fallback: Fallback | UnsetType = UNSET


class NativeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A request (SMSBAT's help, Send Message, Request Structure)."""

    messages: list[NativeMessage]


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """`messageData` of a type that has none."""


class PromoData(Struct, frozen=True, forbid_unknown_fields=True):
    """`messageData` of `viber_promo` (SMSBAT's help, Viber Messages, Viber Promo)."""

    img: _Url | UnsetType = UNSET
    video: _Url | UnsetType = UNSET
    thumbnail: _Url | UnsetType = UNSET
    button_text: _Name | UnsetType = field(default=UNSET, name="buttonText")
    button_action: _Url | UnsetType = field(default=UNSET, name="buttonAction")
    file_size: _Count | UnsetType = field(default=UNSET, name="fileSize")
    duration: _Count | UnsetType = UNSET


class FileData(Struct, frozen=True, forbid_unknown_fields=True):
    """`messageData` of `viber_trans` (SMSBAT's help, Viber Messages, Viber Transactional)."""

    file_url: _Url = field(name="fileUrl")
    file_name: _Name | UnsetType = field(default=UNSET, name="fileName")
    file_type: Literal["pdf"] | UnsetType = field(default=UNSET, name="fileType")


class Link(Struct, frozen=True, forbid_unknown_fields=True):
    """A button of a carousel."""

    text: _Name
    url: _Url


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """An item of a carousel."""

    title: _Name
    image: _Url = field(name="imageUrl")
    primary: Link = field(name="primaryButton")
    secondary: Link | UnsetType = field(default=UNSET, name="secondaryButton")


class Items(Struct, frozen=True, forbid_unknown_fields=True):
    """The inside of a carousel."""

    items: Annotated[list[Item], Meta(min_length=1)]


class CarouselData(Struct, frozen=True, forbid_unknown_fields=True):
    """`messageData` of `viber_carousel` (SMSBAT's help, Viber Messages, Viber Carousel)."""

    carousel: Items


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """The inside of a survey."""

    options: Annotated[list[_Name], Meta(min_length=1, max_length=5)]


class SurveyData(Struct, frozen=True, forbid_unknown_fields=True):
    """`messageData` of `viber_survey` (SMSBAT's help, Viber Messages, Viber Survey)."""

    survey: Options


class OtpData(Struct, frozen=True, forbid_unknown_fields=True):
    """`messageData` of `viber_otp` (SMSBAT's help, Viber Messages, Viber OTP)."""

    template_id: _Uuid = field(name="templateId")
    template_lang: _Name = field(name="templateLang")
    template_params: dict[str, str | int] = field(name="templateParams")


class OpenUrl(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="openUrl"):
    """A button that opens a page."""

    url: _Url


class Dial(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="dial"):
    """A button that calls."""

    number: _Phone = field(name="phoneNumber")


class ShareLocation(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="shareLocation"):
    """A button that tells where one is."""


class CalendarEvent(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="createCalendarEvent"
):
    """A button that notes a date."""

    title: _Name
    starts: Annotated[datetime, Meta(tz=True)] = field(name="startTime")
    ends: Annotated[datetime, Meta(tz=True)] | UnsetType = field(default=UNSET, name="endTime")


class Button(Struct, frozen=True, forbid_unknown_fields=True):
    """A button of RCS."""

    text: _Name
    action: OpenUrl | Dial | ShareLocation | CalendarEvent


_Buttons = Annotated[list[Button], Meta(max_length=4)]


class Media(Struct, frozen=True, forbid_unknown_fields=True):
    """A picture, a video or a sound of RCS."""

    url: _Url
    type: Annotated[str, Meta(pattern=r"^[^/\s]+/[^/\s]+\Z")]
    height: _Count | UnsetType = UNSET
    width: _Count | UnsetType = UNSET
    thumbnail: _Url | UnsetType = UNSET


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """A card of RCS."""

    title: _Name
    description: _Name | UnsetType = UNSET
    media: Media | UnsetType = UNSET
    buttons: _Buttons | UnsetType = UNSET


class Cards(Struct, frozen=True, forbid_unknown_fields=True):
    """The inside of a carousel of RCS."""

    cards: Annotated[list[Card], Meta(min_length=1)]


class RcsData(Struct, frozen=True, forbid_unknown_fields=True):
    """`messageData` of `rcs` (SMSBAT's help, RCS Messages)."""

    media: Media | UnsetType = UNSET
    buttons: _Buttons | UnsetType = UNSET
    carousel: Cards | UnsetType = UNSET


class FlashcallData(Struct, frozen=True, forbid_unknown_fields=True):
    """`messageData` of `flashcall` (SMSBAT's help, Flash Call)."""

    caller_id: _Phone = field(name="callerId")


class NativeRow(Struct, frozen=True, gc=False):
    """One row of an answer (SMSBAT's help, Send Message and Flash Call, Response)."""

    status: str
    to: str
    message_id: str | UnsetType = field(default=UNSET, name="messageId")
    parts: int | UnsetType = UNSET
    customer_message_id: str | UnsetType = field(default=UNSET, name="customerMessageId")
    caller_id: str | UnsetType = field(default=UNSET, name="callerId")
    pattern: str | UnsetType = UNSET
    ttl: int | UnsetType = UNSET


class NativeAnswer(Struct, frozen=True):
    """An answer."""

    messagelist_id: int = field(name="messagelistId")
    messages: list[NativeRow]


DATA: dict[str, type[msgspec.Struct]] = {
    "sms": Nothing,
    "viber_promo": PromoData,
    "viber_trans": FileData,
    "viber_carousel": CarouselData,
    "viber_survey": SurveyData,
    "viber_otp": OtpData,
    "rcs": RcsData,
    "flashcall": FlashcallData,
}
"""What `messageData` is for each type."""
