"""The sandbox's ZNS side, over real HTTP."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from smsbat_async.sandbox import Sandbox, SandboxConfig
from smsbat_async.sandbox.config import Outcome
from tests.test_sandbox import KEY, FakeClock, get, post

TOKEN = {"access_token": "sandbox-zns-key"}
SEND = "/api/message/send"
STATUS = "/api/message/status"
PLAIN = SandboxConfig(delay_spread=0.0)


def make(**changes: Any) -> dict[str, Any]:
    """A valid ZNS message; a value of None takes the key out."""
    message: dict[str, Any] = {
        "phone": "84987654321",
        "template_id": "7895417a7d3f9461cd2e",
        "template_data": {"ky": "1", "thang": "4/2020"},
        "tracking_id": "zns-1",
        **changes,
    }
    return {key: value for key, value in message.items() if value is not None}


async def test_a_message_is_sent_and_its_status_asked() -> None:
    clock = FakeClock()
    config = replace(PLAIN, outcomes={"84987654321": "delivered"})
    async with Sandbox(config, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        status, body = await post(session, sandbox, make(), path=SEND, headers=TOKEN)
        message = sandbox.messages[0]
        sent = round(sandbox.epoch() * 1000)
        assert (status, body) == (
            200,
            b'{"error":0,"message":"Success","data":{"msg_id":"%s","sent_time":"%d"}}'
            % (message.message_id.encode(), sent),
        )
        assert (message.vendor, message.tracking_id, message.sender) == (
            "zns",
            "zns-1",
            "7895417a7d3f9461cd2e",
        )
        assert message.text == '{"ky":"1","thang":"4/2020"}'
        assert message.named
        path = f"{STATUS}?message_id={message.message_id}"
        clock.seconds += 3.9
        assert await get(session, sandbox, path, TOKEN) == (
            200,
            b'{"error":0,"message":"Success","data":{"message":"The message has been sent to the service '
            b'provider but not yet to the user\'s phone","status":0}}',
        )
        clock.seconds += 100.0
        assert await get(session, sandbox, path, TOKEN) == (
            200,
            b'{"error":0,"message":"Success","data":{"message":"The message was delivered to the user\'s '
            b'phone","status":1,"delivery_time":"%d"}}' % (sent + 4000),
        )
        assert sandbox.messages[0].polls == 2


@pytest.mark.parametrize("outcome", ["undeliverable", "permanenterror", "never"])
async def test_a_failure_never_shows(outcome: Outcome) -> None:
    clock = FakeClock()
    config = replace(PLAIN, outcomes={"84987654321": outcome})
    async with Sandbox(config, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        await post(session, sandbox, make(), path=SEND, headers=TOKEN)
        clock.seconds += 1e9
        path = f"{STATUS}?message_id={sandbox.messages[0].message_id}"
        data = json.loads((await get(session, sandbox, path, TOKEN))[1])["data"]
        assert data["status"] == 0
        assert "delivery_time" not in data


async def test_unknown_ids_are_minus_one_and_vendors_do_not_know_each_others() -> None:
    unknown = b'{"error":0,"message":"Success","data":{"message":"The message does not exist","status":-1}}'
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        assert await get(session, sandbox, f"{STATUS}?message_id=none", TOKEN) == (200, unknown)
        await post(session, sandbox, make(), path=SEND, headers=TOKEN)
        identity = sandbox.messages[0].message_id
        assert re.fullmatch("[0-9a-f]{20}", identity)
        assert (await get(session, sandbox, f"/bat/message/{identity}", KEY))[0] == 404
        cascade = [
            {
                "id": "a",
                "fromName": "b",
                "toPhone": "+84987654321",
                "messageType": "flashcall",
            }
        ]
        await post(session, sandbox, cascade)
        identity = sandbox.messages[1].message_id
        assert await get(session, sandbox, f"{STATUS}?message_id={identity}", TOKEN) == (200, unknown)


@pytest.mark.parametrize("path", [STATUS, f"{STATUS}?message_id=", f"{STATUS}?tracking_id=zns-1"])
async def test_a_missing_id_is_an_error_in_the_envelope(path: str) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        assert await get(session, sandbox, path, TOKEN) == (
            200,
            b'{"error":-1122,"message":"message_id is required"}',
        )


@pytest.mark.parametrize("headers", [{}, {"access_token": "wrong"}, {"api-key": "sandbox-zns-key"}, KEY])
async def test_a_bad_key_is_http_200_with_an_error(headers: Mapping[str, str]) -> None:
    refused = (200, b'{"error":-124,"message":"Access token is invalid"}')
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        assert await get(session, sandbox, f"{STATUS}?message_id=none", headers) == refused
        assert await post(session, sandbox, make(), path=SEND, headers=headers) == refused
        assert sandbox.messages == []
        assert sandbox.stats.unauthorized == 2


async def test_the_name_of_the_header_is_an_option() -> None:
    config = replace(PLAIN, zns_header="api-key", zns_key="k")
    async with Sandbox(config) as sandbox, aiohttp.ClientSession() as session:
        path = f"{STATUS}?message_id=none"
        assert b'"status":-1' in (await get(session, sandbox, path, {"API-KEY": "k"}))[1]
        assert b"-124" in (await get(session, sandbox, path, TOKEN))[1]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", -121),
        (b"nope", -122),
        (b'{"phone":"\xff"}', -122),
        (b"[]", -1124),
        (make(phone=None), -1122),
        (make(template_id=None), -1122),
        (make(template_data=None), -1122),
        (make(tracking_id=None), -1122),
        (make(phone="abc"), -108),
        (make(phone=84987654321), -108),
        (make(template_id=7), -109),
        (make(template_data={"ky": 1}), -1124),
        (make(template_data=[]), -1124),
        (make(tracking_id=""), -1124),
        (make(mode="development"), -132),
        ({**make(), "has_fallback_sms": None}, -1124),
        (make(fallback_sms={"brandname": "b"}), -1122),
    ],
)
async def test_a_wrong_message_is_an_error_in_the_envelope(body: Any, error: int) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        status, answer = await post(session, sandbox, body, path=SEND, headers=TOKEN)
        assert (status, json.loads(answer)["error"]) == (200, error)
        assert "data" not in json.loads(answer)
        assert sandbox.messages == []
        assert sandbox.stats.refused == 1


@pytest.mark.parametrize("phone", ["84987654321", "+84987654321", "0987654321"])
async def test_the_three_documented_phone_forms_are_accepted(phone: str) -> None:
    sms = {"brandname": "Shop", "content": "hello", "delay_seconds": 60}
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        body = make(phone=phone, has_fallback_sms=True, fallback_sms=sms)
        assert b'"error":0' in (await post(session, sandbox, body, path=SEND, headers=TOKEN))[1]


async def test_a_refused_phone_has_no_zalo_account() -> None:
    config = replace(PLAIN, refused_phones={"84987654321"})
    async with Sandbox(config) as sandbox, aiohttp.ClientSession() as session:
        assert await post(session, sandbox, make(), path=SEND, headers=TOKEN) == (
            200,
            b'{"error":-118,"message":"Zalo account not existed"}',
        )


async def test_other_methods_are_405() -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        assert (await get(session, sandbox, SEND, TOKEN))[0] == 405


async def test_failures_and_no_rate_limit() -> None:
    config = replace(PLAIN, fail_share=1.0)
    async with Sandbox(config, clock=FakeClock()) as sandbox, aiohttp.ClientSession() as session:
        for _ in range(200):
            assert await get(session, sandbox, f"{STATUS}?message_id=none", TOKEN) == (
                500,
                b'{"error":-100,"message":"Unknown error"}',
            )
        assert sandbox.stats.failed == 200
        assert sandbox.stats.busiest_second["zns"] == 200
