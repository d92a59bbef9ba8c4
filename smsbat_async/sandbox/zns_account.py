"""Goby ZNS: the quota and the templates of the one account that the sandbox has."""

from typing import Any, Final

from smsbat_async.sandbox.answers import Answer
from smsbat_async.sandbox.endpoints import Handler, Query, Served
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.wire import encode
from smsbat_async.sandbox.zns import zns_error

DAILY_QUOTA: Final = 10_000
"""One of the steps that Zalo grants; nothing is refused beyond it."""

_MOST_TEMPLATES: Final = 100
_MISSING: Final = -1122
_BAD_PARAMETER: Final = -132
_MADE_AT: Final = 1_634_720_490

# Requests name a status by its number, answers by its word.
_STATUSES: Final = ("ENABLE", "PENDING_REVIEW", "REJECT", "DISABLE", "DELETE")


class ZnsAccountApi:
    """Reads requests and writes answers; opens nothing and waits for nothing.

    Args:
        store: The messages, which the quota counts.
    """

    def __init__(self, *, store: Store) -> None:
        self._store = store
        self._templates = [_template(number) for number in range(len(_STATUSES), 0, -1)]

    def handlers(self) -> dict[str, Handler]:
        """List what it answers.

        Returns:
            Endpoint name to handler.
        """
        return {"zns_quota": self.quota, "zns_templates": self.templates}

    def quota(self, _: Query) -> Served:
        """Answer `GET /api/message/quota` (Goby, Lấy thông tin quota ZNS).

        Returns:
            HTTP 200 with the quota and what is left of it.
        """
        sent = sum(message.vendor == "zns" for message in self._store.messages())
        quota = {"dailyQuota": DAILY_QUOTA, "remainingQuota": max(0, DAILY_QUOTA - sent)}
        return _answer({"data": quota, "error": 0, "message": "success"})

    def templates(self, query: Query) -> Served:
        """Answer `GET /api/template/all` (Goby, Lấy danh sách template).

        Args:
            query: With `offset`, `limit` and maybe `status` among the parameters.

        Returns:
            HTTP 200 with some of five templates, one of each status, or an error in the envelope.
        """
        given = query.parameters
        if not given.get("offset") or not given.get("limit"):
            return Served(zns_error(_MISSING, "offset and limit are required"), [])
        numbers = [_number(given.get(name, "0")) for name in ("offset", "limit", "status")]
        offset, limit, status = numbers
        if min(numbers) < 0 or not 1 <= limit <= _MOST_TEMPLATES or status > len(_STATUSES):
            return Served(zns_error(_BAD_PARAMETER, "offset, limit or status is out of range"), [])
        word = _STATUSES[status - 1] if status else None
        chosen = [item for item in self._templates if word is None or item["status"] == word]
        page = chosen[offset : offset + limit]
        metadata = {"total": len(chosen), "page": offset // limit, "size": len(page)}
        return _answer({"data": page, "metadata": metadata, "error": 0, "message": "Success"})


def _template(number: int) -> dict[str, Any]:
    parameter = {
        "name": "order_code",
        "require": True,
        "type": "STRING",
        "maxLength": 30,
        "minLength": 0,
        "acceptNull": False,
    }
    return {
        "createdAt": f"{_MADE_AT + number}.000000000",
        "updatedAt": f"{_MADE_AT + number}.500000000",
        "price": 200,
        "oaId": 1,
        "zaloOaId": "4318657068771012646",
        "templateId": 200_000 + number,
        "templateName": f"Sandbox {number}",
        "status": _STATUSES[number - 1],
        "templateQuality": "HIGH",
        "listParams": [parameter],
        "timeout": 7_200_000,
        "previewUrl": f"https://preview.invalid/{number}",
        "templateTag": "TRANSACTION",
        "applyTemplateQuota": False,
        "templateDailyQuota": None,
        "templateRemainingQuota": None,
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else -1


def _answer(envelope: dict[str, Any]) -> Served:
    return Served(Answer(200, encode(envelope)), [])
