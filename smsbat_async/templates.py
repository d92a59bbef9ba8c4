"""ZNS templates: what an official account may say."""

import datetime as dt
import enum
from decimal import Decimal

import msgspec


class ZnsTemplateStatus(enum.StrEnum):
    """The vendor's words for where a template is."""

    ENABLE = "ENABLE"
    PENDING_REVIEW = "PENDING_REVIEW"
    REJECT = "REJECT"
    DISABLE = "DISABLE"
    DELETE = "DELETE"


class ZnsTemplateParameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a template.

    Args:
        name: Its name, a key of `ZnsMessage.template_data`.
        required: Whether it must be given, if the vendor told it.
        type: The vendor's word for its type.
        min_length: The fewest characters of a value.
        max_length: The most characters of a value.
        accept_null: Whether it may be empty.
    """

    name: str
    required: bool | None = None
    type: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    accept_null: bool | None = None


class ZnsTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template of an official account.

    Follows Goby's developer pages, "Lấy danh sách template", which are beyond the document that the rest
    follows and may change. All but the id is optional.

    Args:
        template_id: Its id as text, as `ZnsMessage.template_id` takes it.
        name: Its name.
        status: The vendor's word as it came; equals a `ZnsTemplateStatus` where it is a known one.
        quality: The vendor's word for how well it is received: `HIGH`, `MEDIUM`, `LOW`, `UNDEFINED`.
        tag: The vendor's word for what it is for.
        price: The price of one notification, exact.
        timeout: For how long Zalo tries to deliver it, in seconds.
        preview_url: A page that shows it.
        parameters: What it takes.
        created_at: When it was made.
        updated_at: When it was changed.
        oa_id: Goby's id of the official account.
        zalo_oa_id: Zalo's id of it.
        applies_quota: Whether it has a quota of its own.
        daily_quota: That quota for one day.
        remaining_quota: What is left of it.
    """

    template_id: str
    name: str | None = None
    status: str | None = None
    quality: str | None = None
    tag: str | None = None
    price: Decimal | None = None
    timeout: float | None = None
    preview_url: str | None = None
    parameters: tuple[ZnsTemplateParameter, ...] = ()
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    oa_id: int | None = None
    zalo_oa_id: str | None = None
    applies_quota: bool | None = None
    daily_quota: int | None = None
    remaining_quota: int | None = None
