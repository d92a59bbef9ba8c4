"""Goby ZNS, an account's quota and templates: requests as exact bytes, answers in any spelling."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from smsbat_async import (
    AuthenticationError,
    ResponseError,
    ServerError,
    ZnsQuota,
    ZnsTemplate,
    ZnsTemplateParameter,
    ZnsTemplateStatus,
)
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.zns import Zns
from smsbat_async.vendors.zns_account import (
    STATUS_NUMBERS,
    quota_request,
    read_quota,
    read_templates,
    templates_request,
)

VENDOR = Zns(api_key="oa-key-1")
TEMPLATE: dict[str, Any] = {
    "createdAt": "1634720490.000000000",
    "updatedAt": 1634720491.5,
    "price": 200,
    "oaId": 1,
    "zaloOaId": "4318657068771012646",
    "templateId": 204_003,
    "templateName": "Xác nhận đơn hàng",
    "status": "ENABLE",
    "templateQuality": "HIGH",
    "listParams": [
        {
            "name": "ten",
            "require": True,
            "type": "STRING",
            "maxLength": 30,
            "minLength": 0,
            "acceptNull": False,
        },
        {"name": "code"},
    ],
    "timeout": 7_200_000,
    "previewUrl": "https://preview.test/1",
    "templateTag": "OTP",
    "applyTemplateQuota": False,
    "templateDailyQuota": None,
    "templateRemainingQuota": 5,
}


def answer(body: object, status: int = 200) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, LowerHeaders(), raw)


def read_one(**changes: Any) -> ZnsTemplate:
    (template,), rows = read_templates(answer({"error": 0, "data": [{**TEMPLATE, **changes}]}))
    assert rows == 1
    return template


class TestQuota:
    def test_is_asked_for_with_the_key(self) -> None:
        request = quota_request(VENDOR)
        assert (request.method, request.url, request.template, request.body) == (
            "GET",
            "https://zns.api.gobysend.com/api/message/quota",
            "/api/message/quota",
            None,
        )
        assert request.headers["access_token"] == "oa-key-1"

    @pytest.mark.parametrize(("daily", "remaining"), [(500, 499), ("500", "499"), (500, "499")])
    def test_is_numbers_however_they_are_spelled(self, daily: object, remaining: object) -> None:
        data = {"dailyQuota": daily, "remainingQuota": remaining}
        assert read_quota(answer({"data": data, "error": 0, "message": "success"})) == ZnsQuota(500, 499)

    @pytest.mark.parametrize(
        "data", [None, [], {}, {"dailyQuota": 500}, {"dailyQuota": "many", "remainingQuota": 1}]
    )
    def test_that_is_missing_is_an_error(self, data: object) -> None:
        with pytest.raises(ResponseError) as caught:
            read_quota(answer({"data": data, "error": 0}))
        assert caught.value.kind == "unreadable"

    @pytest.mark.parametrize(("code", "kind"), [(-124, AuthenticationError), ("-100", ServerError)])
    def test_with_an_error_is_that_error(self, code: object, kind: type[Exception]) -> None:
        with pytest.raises(kind):
            read_quota(answer({"error": code, "message": "no"}))
        with pytest.raises(kind):
            read_templates(answer({"error": code, "message": "no"}))


class TestTemplates:
    def test_of_all_kinds_are_asked_for_by_page(self) -> None:
        request = templates_request(VENDOR, 100, 50, None)
        assert request.url == "https://zns.api.gobysend.com/api/template/all?offset=100&limit=50"
        assert request.template == "/api/template/all"

    @pytest.mark.parametrize(
        ("status", "number"), [(status, place) for place, status in enumerate(ZnsTemplateStatus, start=1)]
    )
    def test_of_one_status_are_asked_for_by_its_number(self, status: ZnsTemplateStatus, number: int) -> None:
        assert templates_request(VENDOR, 0, 100, status).url.endswith(f"?offset=0&limit=100&status={number}")

    def test_every_status_has_its_number(self) -> None:
        assert STATUS_NUMBERS.keys() == set(ZnsTemplateStatus)

    def test_documented(self) -> None:
        assert read_one() == ZnsTemplate(
            template_id="204003",
            name="Xác nhận đơn hàng",
            status="ENABLE",
            quality="HIGH",
            tag="OTP",
            price=Decimal(200),
            timeout=7_200.0,
            preview_url="https://preview.test/1",
            parameters=(
                ZnsTemplateParameter(
                    name="ten",
                    required=True,
                    type="STRING",
                    min_length=0,
                    max_length=30,
                    accept_null=False,
                ),
                ZnsTemplateParameter(name="code"),
            ),
            created_at=dt.datetime(2021, 10, 20, 9, 1, 30, tzinfo=dt.UTC),
            updated_at=dt.datetime(2021, 10, 20, 9, 1, 31, 500_000, tzinfo=dt.UTC),
            oa_id=1,
            zalo_oa_id="4318657068771012646",
            applies_quota=False,
            remaining_quota=5,
        )

    @pytest.mark.parametrize(
        ("spelled", "status"),
        [
            ("ENABLE", "ENABLE"),
            (1, "ENABLE"),
            ("5", "DELETE"),
            ("NEW", "NEW"),
            (9, "9"),
            (None, None),
            ([], None),
        ],
    )
    def test_a_status_is_a_word_however_it_is_spelled(self, spelled: object, status: str | None) -> None:
        assert read_one(status=spelled).status == status

    @pytest.mark.parametrize(
        ("field", "value", "name", "read"),
        [
            ("price", "200.5", "price", Decimal("200.5")),
            ("price", "NaN", "price", None),
            ("price", "free", "price", None),
            ("timeout", "7200000", "timeout", 7_200.0),
            ("timeout", [], "timeout", None),
            ("createdAt", "long ago", "created_at", None),
            ("createdAt", "1e300", "created_at", None),
            ("createdAt", "NaN", "created_at", None),
            ("createdAt", "sNaN", "created_at", None),
            ("zaloOaId", 17, "zalo_oa_id", "17"),
            ("oaId", "x", "oa_id", None),
            ("listParams", None, "parameters", ()),
            ("listParams", "x", "parameters", ()),
            ("listParams", [5, {"type": "STRING"}], "parameters", ()),
        ],
    )
    def test_a_field_that_makes_no_sense_costs_that_field_only(
        self, field: str, value: object, name: str, read: object
    ) -> None:
        template = read_one(**{field: value})
        assert getattr(template, name) == read
        assert template.template_id == "204003"

    @pytest.mark.parametrize("row", [None, 5, {}, {"templateId": None}, {"templateId": []}])
    def test_a_row_that_makes_no_sense_is_counted_and_left_out(
        self, row: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        templates, rows = read_templates(answer({"error": 0, "data": [row, TEMPLATE]}))
        assert ([template.template_id for template in templates], rows) == (["204003"], 2)
        assert "a template of an answer could not be read" in caplog.text

    @pytest.mark.parametrize("data", [None, {}, "x", 5])
    def test_what_is_no_array_is_no_answer(self, data: object) -> None:
        with pytest.raises(ResponseError) as caught:
            read_templates(answer({"error": 0, "data": data}))
        assert caught.value.kind == "unreadable"
