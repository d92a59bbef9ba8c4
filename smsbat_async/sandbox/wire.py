"""The vendors' JSON, written from their pages: the sandbox's own, shared with no client code."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

# \Z and not $, which would let a trailing line feed through.
_Phone = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}\Z")]
_Id = Annotated[str, Meta(min_length=1, max_length=254)]
_Name = Annotated[str, Meta(min_length=1)]
_Ttl = Annotated[int, Meta(gt=0, lt=2**31)]
_Instant = Annotated[datetime, Meta(tz=True)]
_Options = Annotated[list[_Name], Meta(min_length=2, max_length=5)]


class CascadeMessage(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One element of a cascade's request (SMSBAT, Send Cascade Messages, Parameters)."""

    id: _Id
    from_name: _Name = field(name="fromName")
    to_phone: _Phone = field(name="toPhone")
    message_type: Literal["transaction", "promo", "viber_survey", "flashcall"] = field(name="messageType")
    text: str | UnsetType = UNSET
    survey_options: _Options | UnsetType = field(default=UNSET, name="surveyOptions")
    ttl: _Ttl | UnsetType = UNSET
    scheduled_sent: _Instant | UnsetType = field(default=UNSET, name="scheduledSent")


class Receipt(Struct, frozen=True, gc=False):
    """One element of a cascade's answer; the vendor spells `trackinId` without a g."""

    message_id: str = field(name="messageId")
    tracking_id: str = field(name="trackinId")


class FallbackState(Struct, frozen=True, gc=False):
    """One element of `fallbacks` (SMSBAT, Check Message Status, Extended Response)."""

    type: str
    status: str


class StatusAnswer(Struct, frozen=True):
    """The answer to a status request, basic or extended (SMSBAT, Check Message Status)."""

    messagelist_id: int = field(name="messagelistId")
    message_id: str = field(name="messageId")
    delivery_status: str = field(name="deliverystatus")
    parts_count: int = field(name="partscount")
    cost: Decimal | UnsetType = UNSET
    fallbacks: list[FallbackState] | UnsetType = UNSET
    extended_statuses: dict[str, str] | UnsetType = field(default=UNSET, name="extendedStatuses")
    rate: Decimal | UnsetType = UNSET
    rate_amount: Decimal | UnsetType = field(default=UNSET, name="rateAmount")
    rate_currency: str | UnsetType = field(default=UNSET, name="rateCurrency")
    bill_amount: Decimal | UnsetType = field(default=UNSET, name="billAmount")
    bill_currency: str | UnsetType = field(default=UNSET, name="billCurrency")


class ErrorDetail(Struct, frozen=True):
    """The inside of a cascade's error body (SMSBAT, Send Cascade Messages, Error Response)."""

    code: str
    message: str
    field: str | UnsetType = UNSET


class ErrorAnswer(Struct, frozen=True):
    """A cascade's error body: `error` is an object."""

    error: ErrorDetail


class HttpErrorAnswer(Struct, frozen=True):
    """The error body of SMSBAT's general pages: `error` is a text."""

    status: int
    error: str
    message: str


class ZnsFallbackSms(Struct, frozen=True, forbid_unknown_fields=True):
    """The SMS that Goby sends when Zalo fails; read, checked and otherwise ignored."""

    brandname: str
    content: str
    delay_seconds: int | UnsetType = UNSET


class ZnsMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """A ZNS send request (Goby, Gửi tin nhắn ZNS)."""

    phone: Annotated[str, Meta(pattern=r"^\+?[0-9]{9,15}\Z")]
    template_id: _Name
    template_data: dict[str, str]
    tracking_id: _Name
    has_fallback_sms: bool | UnsetType = UNSET
    fallback_sms: ZnsFallbackSms | UnsetType = UNSET


class ZnsReceipt(Struct, frozen=True):
    """`data` of a ZNS send; the id is `msg_id` here and `message_id` in a status request."""

    msg_id: str
    sent_time: str


class ZnsState(Struct, frozen=True):
    """`data` of a ZNS status; the time is epoch milliseconds as text."""

    message: str
    status: int
    delivery_time: str | UnsetType = UNSET


class ZnsAnswer(Struct, frozen=True):
    """The envelope of every ZNS answer."""

    error: int
    message: str
    data: ZnsReceipt | ZnsState | UnsetType = UNSET


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(value: object) -> bytes:
    """Write a value as the vendors' JSON.

    Args:
        value: A struct of this module, a list of them, or plain data.

    Returns:
        UTF-8 JSON; money as numbers, unset fields left out.
    """
    return _encoder.encode(value)
