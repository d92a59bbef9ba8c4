"""Goby ZNS: an account's quota and templates, as bytes in and bytes out.

Follows Goby's developer pages, "Lấy thông tin quota ZNS" and "Lấy danh sách template".
"""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec

from smsbat_async.http import Request, Response
from smsbat_async.notifications import ZnsQuota
from smsbat_async.templates import ZnsTemplate, ZnsTemplateParameter, ZnsTemplateStatus
from smsbat_async.vendors.answers import are_sane, from_epoch, logger, salvage, unreadable
from smsbat_async.vendors.zns import Zns
from smsbat_async.vendors.zns_envelope import open_envelope, whole
from smsbat_async.vendors.zns_send import quota_in

QUOTA_PATH = "/api/message/quota"
TEMPLATES_PATH = "/api/template/all"
PAGE_MAXIMUM = 100
"""The most templates in one answer."""

STATUS_NUMBERS: dict[ZnsTemplateStatus, int] = {
    ZnsTemplateStatus.ENABLE: 1,
    ZnsTemplateStatus.PENDING_REVIEW: 2,
    ZnsTemplateStatus.REJECT: 3,
    ZnsTemplateStatus.DISABLE: 4,
    ZnsTemplateStatus.DELETE: 5,
}
"""Requests name a status by its number, answers by its word."""

_WORDS = {number: status.value for status, number in STATUS_NUMBERS.items()}


class ParameterRow(
    msgspec.Struct,
    rename={"min_length": "minLength", "max_length": "maxLength", "accept_null": "acceptNull"},
):
    """One of the `listParams` of a template."""

    name: str
    require: bool | None = None
    type: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    accept_null: bool | None = None


class TemplateRow(
    msgspec.Struct,
    rename={
        "template_id": "templateId",
        "name": "templateName",
        "quality": "templateQuality",
        "tag": "templateTag",
        "preview_url": "previewUrl",
        "parameters": "listParams",
        "created_at": "createdAt",
        "updated_at": "updatedAt",
        "oa_id": "oaId",
        "zalo_oa_id": "zaloOaId",
        "applies_quota": "applyTemplateQuota",
        "daily_quota": "templateDailyQuota",
        "remaining_quota": "templateRemainingQuota",
    },
):
    """One template of an answer."""

    template_id: str
    name: str | None = None
    status: str | int | None = None
    quality: str | None = None
    tag: str | None = None
    price: Decimal | None = None
    timeout: Decimal | None = None
    preview_url: str | None = None
    parameters: list[Any] | None = None
    created_at: Decimal | None = None
    updated_at: Decimal | None = None
    oa_id: int | None = None
    zalo_oa_id: str | int | None = None
    applies_quota: bool | None = None
    daily_quota: int | None = None
    remaining_quota: int | None = None


def quota_request(vendor: Zns) -> Request:
    """Return the request for the account's quota."""
    return vendor.get(QUOTA_PATH)


def read_quota(response: Response, _: object = None) -> ZnsQuota:
    """Return the quota in an answer.

    Raises:
        ApiError: If the vendor answered with an error, in the envelope or by the HTTP status.
        ResponseError: If the answer is unreadable.
    """
    quota = quota_in(open_envelope(response).get("data"))
    if quota is None:
        raise unreadable(response, "the answer has no dailyQuota and remainingQuota")
    return quota


def templates_request(vendor: Zns, offset: int, limit: int, status: ZnsTemplateStatus | None) -> Request:
    """Return the request for some templates.

    Args:
        vendor: The vendor, with its key.
        offset: How many of the newest to leave out.
        limit: How many at most, up to 100.
        status: Those of one status, or None for all.
    """
    query = f"?offset={offset}&limit={limit}"
    return vendor.get(TEMPLATES_PATH, query if status is None else f"{query}&status={STATUS_NUMBERS[status]}")


def read_templates(response: Response, _: object = None) -> tuple[list[ZnsTemplate], int]:
    """Return the templates in an answer, and how many rows it had.

    A row that makes no sense is left out and logged; a field that makes none is None.

    Raises:
        ApiError: If the vendor answered with an error, in the envelope or by the HTTP status.
        ResponseError: If the answer is unreadable.
    """
    rows = open_envelope(response).get("data")
    if not isinstance(rows, list):
        raise unreadable(response, "the answer has no array of templates")
    templates = []
    for raw in rows:
        row = salvage(raw, TemplateRow, required=frozenset({"template_id"}))
        if row is None:
            logger.warning("a template of an answer could not be read")
        else:
            templates.append(_template(row))
    return templates, len(rows)


def _template(row: TemplateRow) -> ZnsTemplate:
    parameters = [salvage(raw, ParameterRow, required=frozenset({"name"})) for raw in row.parameters or ()]
    price = row.price if are_sane(row.price) else None
    return ZnsTemplate(
        template_id=row.template_id,
        name=row.name,
        status=_status(row.status),
        quality=row.quality,
        tag=row.tag,
        price=price,
        timeout=None if row.timeout is None or not are_sane(row.timeout) else float(row.timeout / 1000),
        preview_url=row.preview_url,
        parameters=tuple(_parameter(found) for found in parameters if found is not None),
        created_at=_moment(row.created_at),
        updated_at=_moment(row.updated_at),
        oa_id=row.oa_id,
        zalo_oa_id=None if row.zalo_oa_id is None else str(row.zalo_oa_id),
        applies_quota=row.applies_quota,
        daily_quota=row.daily_quota,
        remaining_quota=row.remaining_quota,
    )


def _parameter(row: ParameterRow) -> ZnsTemplateParameter:
    return ZnsTemplateParameter(
        name=row.name,
        required=row.require,
        type=row.type,
        min_length=row.min_length,
        max_length=row.max_length,
        accept_null=row.accept_null,
    )


def _status(value: str | int | None) -> str | None:
    number = whole(value)
    if number is not None:
        return _WORDS.get(number, str(number))
    return value if isinstance(value, str) else None


def _moment(seconds: Decimal | None) -> dt.datetime | None:
    """Return an epoch in seconds, with a fraction, as an aware datetime."""
    if seconds is None:
        return None
    moment = from_epoch(float(seconds)) if are_sane(seconds) else None
    if moment is None:
        logger.warning("dropped a time of a template: not an epoch in seconds")
    return moment
