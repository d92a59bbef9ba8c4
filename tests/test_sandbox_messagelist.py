"""The sandbox's own send of SMSBAT, its variables, and ZNS quota and templates: plain HTTP in, bytes out."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from smsbat_async.sandbox import Channel, Sandbox, SandboxConfig
from tests.native.samples import ENVELOPE, SAMPLES

KEY = {"X-Authorization-Key": "sandbox-key"}
ZNS_KEY = {"access_token": "sandbox-zns-key"}
PLAIN = SandboxConfig(send_rate=0, send_burst=0, status_rate=0, status_burst=0)
SMS = {"from": "Shop", "to": "+380501234567", "type": "sms", "text": "Ready"}


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


async def post(
    sandbox: Sandbox, path: str, body: object, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(KEY if headers is None else headers)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(sandbox.url + path, data=raw, headers=sent) as response,
    ):
        return response.status, await response.json()


async def get(sandbox: Sandbox, path: str) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.get(sandbox.url + path, headers=ZNS_KEY) as response,
    ):
        assert response.status == 200
        return await response.json()


async def refused(sandbox: Sandbox, path: str, body: object) -> str:
    status, answer = await post(sandbox, path, body)
    assert status == 400
    assert answer.keys() == {"error"}
    assert answer["error"].keys() == {"code", "message"}
    assert sandbox.messages == []
    code: str = answer["error"]["code"]
    return code


@pytest.fixture
async def plain() -> AsyncIterator[Sandbox]:
    async with Sandbox(PLAIN) as sandbox:
        yield sandbox


class TestMessagelist:
    async def test_answers_as_the_page_shows(self, plain: Sandbox) -> None:
        text = "x" * 200
        own = {**SMS, "customerMessageId": "o-1", "text": text}
        status, answer = await post(plain, "/bat/messagelist", {"messages": [own, SMS]})
        first, second = plain.messages
        assert status == 200
        assert answer == {
            "messagelistId": 1,
            "messages": [
                {
                    "status": "accepted",
                    "to": "+380501234567",
                    "messageId": first.message_id,
                    "parts": 2,
                    "customerMessageId": "o-1",
                },
                {"status": "accepted", "to": "+380501234567", "messageId": second.message_id, "parts": 1},
            ],
        }
        assert (first.tracking_id, second.tracking_id) == ("o-1", "messagelist-1-1")
        assert [channel.name for channel in first.channels] == ["sms"]
        assert plain.stats.duplicate_ids == 0

    async def test_answers_a_flash_call_with_its_pattern(self, plain: Sandbox) -> None:
        call = {"from": "App", "to": "+380501234567", "type": "flashcall"}
        body = {"messages": [{**call, "messageData": {"callerId": "+380123456789"}}]}
        _, answer = await post(plain, "/bat/messagelist", body)
        assert answer["messages"] == [
            {
                "status": "accepted",
                "to": "+380501234567",
                "messageId": plain.messages[0].message_id,
                "callerId": "+380123456789",
                "pattern": "***456789",
                "ttl": 60,
            }
        ]

    async def test_keeps_what_the_recipient_of_each_kind_would_see(self, plain: Sandbox) -> None:
        kinds = [expected for name, (_, expected) in SAMPLES.items() if "own making" not in name]
        await post(plain, "/bat/messagelist", {"messages": [{**ENVELOPE, **kind} for kind in kinds]})
        assert len(plain.messages) == len(kinds)
        for message, kind in zip(plain.messages, kinds, strict=True):
            if "text" in kind or kind["type"] == "flashcall":
                assert message.text == kind.get("text", "")
            else:
                assert json.loads(message.text) == kind["messageData"]

    async def test_takes_a_login_and_no_token_of_a_cascade(self, plain: Sandbox) -> None:
        login = {"Authorization": basic("@:sandbox-key")}
        assert (await post(plain, "/bat/messagelist", {"messages": [SMS]}, login))[0] == 200
        token = {"X-Viber-Auth-Token": "sandbox-viber-token"}
        assert (await post(plain, "/bat/messagelist", {"messages": [SMS]}, token))[0] == 401

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"to": "380501234567"}, "INVALID_RECIPIENT"),
            ({"from": "My Shop"}, "INVALID_SENDER"),
            ({"from": ""}, "INVALID_SENDER"),
            ({"from": "Blocked"}, "INVALID_SENDER"),
            ({"type": "email"}, "INVALID_TYPE"),
            ({"ttl": 0}, "INVALID_TTL"),
            ({"text": 5}, "INVALID_TEXT"),
            ({"text": ""}, "MISSING_TEXT"),
            ({"messageData": {"a": 1}}, "INVALID_MESSAGE_DATA"),
            ({"fallback": {"type": "sms", "text": "x"}}, "INVALID_FALLBACK"),
            ({"fallback": {"type": "email", "text": "x"}}, "INVALID_FALLBACK"),
            ({"tag": "x"}, "UNKNOWN_FIELD"),
            ({"type": "rcs", "text": "x" * 3_073}, "MESSAGE_TOO_LONG"),
            ({"type": "flashcall", "messageData": {"callerId": "+380123456789"}, "ttl": 121}, "INVALID_TTL"),
            ({"type": "flashcall"}, "INVALID_MESSAGE_DATA"),
            ({"type": "viber_otp", "messageData": {"code": "1"}}, "INVALID_MESSAGE_DATA"),
            ({"type": "viber_promo", "text": ""}, "INVALID_COMBINATION"),
            ({"type": "viber_promo", "messageData": {"img": "https://a"}}, "INVALID_COMBINATION"),
            ({"type": "viber_promo", "messageData": {"buttonText": "a"}}, "INVALID_MESSAGE_DATA"),
            ({"type": "viber_trans", "text": ""}, "MISSING_TEXT"),
        ],
    )
    async def test_refuses_all_where_one_message_is_wrong(self, changes: dict[str, Any], code: str) -> None:
        async with Sandbox(replace(PLAIN, refused_senders=frozenset({"Blocked"}))) as sandbox:
            body = {"messages": [SMS, {**SMS, **changes}]}
            assert await refused(sandbox, "/bat/messagelist", body) == code

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"<html>", "INVALID_JSON"),
            ([SMS], "INVALID_REQUEST"),
            ({"messages": []}, "EMPTY_REQUEST"),
            ({"messages": [{"to": "+380501234567"}]}, "MISSING_FIELD"),
            ({"messages": [SMS] * 5_001}, "TOO_MANY_MESSAGES"),
        ],
        ids=["no JSON", "an array", "empty", "a field is missing", "too many"],
    )
    async def test_refuses_what_is_no_request(self, plain: Sandbox, body: object, code: str) -> None:
        assert await refused(plain, "/bat/messagelist", body) == code

    async def test_rejects_a_refused_phone_beside_the_others(self) -> None:
        async with Sandbox(replace(PLAIN, refused_phones=frozenset({"+380501234567"}))) as sandbox:
            own = {**SMS, "customerMessageId": "o-1"}
            other = {**SMS, "to": "+380507654321"}
            status, answer = await post(sandbox, "/bat/messagelist", {"messages": [own, other]})
            (message,) = sandbox.messages
        assert status == 200
        assert answer["messages"] == [
            {"status": "rejected", "to": "+380501234567", "customerMessageId": "o-1"},
            {"status": "accepted", "to": "+380507654321", "messageId": message.message_id, "parts": 1},
        ]

    async def test_a_channel_of_the_configuration_counts_before_the_default_one(self) -> None:
        channels = tuple(
            replace(channel, share=0.5) if channel.name == "sms" else channel for channel in PLAIN.channels
        )
        async with Sandbox(replace(PLAIN, channels=channels)) as sandbox:
            await post(sandbox, "/bat/messagelist", {"messages": [SMS]})
            (channel,) = sandbox.messages[0].channels
        assert isinstance(channel, Channel)
        assert channel.share == 0.5


class TestVariables:
    CASCADE = "/api/CascadeMessage/send_message/async"

    async def test_are_put_into_later_texts_and_the_last_value_counts(self, plain: Sandbox) -> None:
        name = {"id": 1, "type": "name", "value": "Sarah"}
        link = {"id": 1, "type": "short_url", "value": "https://shop.test/long"}
        later = {**name, "value": "Olena"}
        for variables in ([name, link], [later]):
            assert await post(plain, "/api/items", {"variables": variables}) == (200, {})
        message = {"id": "c", "fromName": "Shop", "toPhone": "+380501234567", "messageType": "promo"}
        text = "%name=1% %short_url=1% %url=1% 100%"
        await post(plain, self.CASCADE, [{**message, "text": text}])
        assert plain.messages[0].text == "Olena https://short.invalid/1 %url=1% 100%"

    @pytest.mark.parametrize(
        "body",
        [
            b"x",
            [],
            {"variables": {}},
            {"variables": [{"id": 0, "type": "name", "value": "a"}]},
            {"variables": [{"id": 1, "type": "text", "value": "a"}]},
            {"variables": [{"id": 1, "type": "url", "value": "a"}]},
            {"variables": [{"id": 1, "type": "name", "value": ""}]},
        ],
        ids=["no JSON", "an array", "an object", "no id", "no type", "no address", "no value"],
    )
    async def test_that_are_wrong_are_refused(self, plain: Sandbox, body: object) -> None:
        assert await refused(plain, "/api/items", body) == "INVALID_VARIABLE"

    async def test_take_the_credentials_of_a_cascade(self, plain: Sandbox) -> None:
        login = {"Authorization": basic("sandbox:sandbox")}
        assert (await post(plain, "/api/items", {"variables": []}, login))[0] == 401


class TestZnsAccount:
    async def test_the_quota_counts_what_was_sent(self, plain: Sandbox) -> None:
        message = {"phone": "84987654321", "template_id": "1", "template_data": {}, "tracking_id": "z"}
        await post(plain, "/api/message/send", message, ZNS_KEY)
        await post(plain, "/bat/messagelist", {"messages": [SMS]})
        assert await get(plain, "/api/message/quota") == {
            "data": {"dailyQuota": 10_000, "remainingQuota": 9_999},
            "error": 0,
            "message": "success",
        }

    @pytest.mark.parametrize(
        ("query", "ids", "total"),
        [
            ("offset=0&limit=100", [5, 4, 3, 2, 1], 5),
            ("offset=1&limit=2", [4, 3], 5),
            ("offset=5&limit=2", [], 5),
            ("offset=0&limit=1&status=2", [2], 1),
        ],
    )
    async def test_templates_are_paged_newest_first(
        self, plain: Sandbox, query: str, ids: list[int], total: int
    ) -> None:
        answer = await get(plain, f"/api/template/all?{query}")
        assert [item["templateId"] - 200_000 for item in answer["data"]] == ids
        assert (answer["error"], answer["metadata"]["total"]) == (0, total)

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("", -1122),
            ("offset=0", -1122),
            ("offset=0&limit=0", -132),
            ("offset=0&limit=101", -132),
            ("offset=-1&limit=1", -132),
            ("offset=0&limit=1&status=ENABLE", -132),
            ("offset=0&limit=1&status=6", -132),
        ],
    )
    async def test_templates_of_a_wrong_query_are_an_error(
        self, plain: Sandbox, query: str, error: int
    ) -> None:
        assert (await get(plain, f"/api/template/all?{query}"))["error"] == error
