"""The sandbox's SMSBAT side, over real HTTP: credentials, requests, answers."""

import ast
import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import smsbat_async.sandbox as package
from smsbat_async.sandbox import Channel, Sandbox, SandboxConfig
from smsbat_async.sandbox.config import Outcome

SEND = "/api/CascadeMessage/send_message/async"
SEND_TG_VIBER = "/api/CascadeMessage/send_message/tg-viber/async"
KEY = {"X-Authorization-Key": "sandbox-key"}
JSON = {**KEY, "Content-Type": "application/json"}
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

# Every delay is its median, nothing is drawn but the outcome and the channel.
PLAIN = SandboxConfig(delay_spread=0.0, status_rate=0, send_rate=0)


class FakeClock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def make(**changes: Any) -> dict[str, Any]:
    """A valid message of the vendor's JSON; a value of None takes the key out."""
    message: dict[str, Any] = {
        "id": "tx-001",
        "fromName": "Shop",
        "toPhone": "+380501234567",
        "messageType": "transaction",
        "text": "Your order is ready",
        **changes,
    }
    return {key: value for key, value in message.items() if value is not None}


async def post(
    session: aiohttp.ClientSession,
    sandbox: Sandbox,
    body: Any,
    *,
    path: str = SEND,
    headers: Mapping[str, str] = JSON,
) -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with session.post(sandbox.url + path, data=data, headers=headers) as response:
        assert response.content_type == "application/json"
        return response.status, await response.read()


async def get(
    session: aiohttp.ClientSession, sandbox: Sandbox, path: str, headers: Mapping[str, str] = KEY
) -> tuple[int, bytes]:
    async with session.get(sandbox.url + path, headers=headers) as response:
        assert response.content_type == "application/json"
        return response.status, await response.read()


async def until(holds: Callable[[], bool]) -> None:
    """Give the loop to the server until something shows in its counters."""
    while not holds():  # noqa: ASYNC110 - the counters are plain numbers, with no event to wait for
        await asyncio.sleep(0)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(user, password)}


def only(outcome: Outcome, *, route: tuple[str, ...] = ("viber", "sms"), **changes: Any) -> SandboxConfig:
    """A configuration in which the one phone of ``make`` has one outcome."""
    return replace(PLAIN, outcomes={"+380501234567": outcome}, standard_route=route, **changes)


def channels(**shares: float) -> tuple[Channel, ...]:
    """The default channels with other shares."""
    return tuple(
        replace(channel, share=shares.get(channel.name, channel.share))
        for channel in SandboxConfig().channels
    )


# -- credentials ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (KEY, 404),
        ({"x-authorization-key": "sandbox-key"}, 404),
        (basic("sandbox", "sandbox"), 404),
        (basic("@", "sandbox-key"), 404),
        ({"Authorization": "bAsIc c2FuZGJveDpzYW5kYm94"}, 404),
        ({**KEY, **basic("wrong", "wrong")}, 404),
        ({}, 401),
        ({"X-Authorization-Key": "SANDBOX-KEY"}, 401),
        (basic("sandbox", "wrong"), 401),
        (basic("@", "sandbox"), 401),
        (basic("sandbox", "sandbox-key"), 401),
        ({"Authorization": "Bearer sandbox-key"}, 401),
        ({"Authorization": "Basic"}, 401),
        ({"Authorization": "Basic !!!"}, 401),
        ({"Authorization": "Basic /w=="}, 401),
        ({"Authorization": "Basic c2FuZGJveA=="}, 401),
        ({"X-Viber-Auth-Token": "sandbox-viber-token"}, 401),
    ],
)
async def test_status_takes_the_three_documented_credentials(headers: dict[str, str], status: int) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        answer = await get(session, sandbox, "/bat/message/none", headers)
        assert answer[0] == status
        assert sandbox.stats.unauthorized == (status == 401)
        if status == 401:
            assert answer[1] == (
                b'{"status":401,"error":"Unauthorized","message":"Invalid or missing credentials"}'
            )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (KEY, 200),
        ({"X-Viber-Auth-Token": "sandbox-viber-token"}, 200),
        ({"X-Tg-Bot-Key": "sandbox-telegram-key"}, 200),
        ({"X-Authorization-Key": "wrong", "X-Tg-Bot-Key": "sandbox-telegram-key"}, 200),
        ({}, 401),
        ({"X-Authorization-Key": "wrong"}, 401),
        (basic("sandbox", "sandbox"), 401),
    ],
)
@pytest.mark.parametrize("path", [SEND, SEND_TG_VIBER])
async def test_cascades_take_any_of_their_three_headers(
    headers: dict[str, str], status: int, path: str
) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        sent = {"Content-Type": "application/json", **headers}
        answer = await post(session, sandbox, [make()], path=path, headers=sent)
        assert answer[0] == status
        assert sandbox.stats.accepted == (status == 200)
        if status == 401:
            assert (
                answer[1] == b'{"error":{"code":"UNAUTHORIZED","message":"Invalid or missing credentials"}}'
            )


async def test_credentials_are_options() -> None:
    config = replace(PLAIN, api_key="k", username="u", password="p", viber_token="v", telegram_key="t")
    async with Sandbox(config) as sandbox, aiohttp.ClientSession() as session:
        for headers in ({"X-Authorization-Key": "k"}, basic("u", "p"), basic("@", "k")):
            assert (await get(session, sandbox, "/bat/message/none", headers))[0] == 404
        for name, value in (("X-Viber-Auth-Token", "v"), ("X-Tg-Bot-Key", "t")):
            sent = {"Content-Type": "application/json", name: value}
            assert (await post(session, sandbox, [make()], headers=sent))[0] == 200
        assert (await get(session, sandbox, "/bat/message/none", KEY))[0] == 401


# -- what a path and a body must be ---------------------------------------------------------------


async def test_answers_name_each_message_with_the_vendors_spelling() -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        status, body = await post(session, sandbox, [make(), make(id="tx-002", toPhone="+84987654321")])
        assert status == 200
        receipts = [rf'{{"messageId":"{UUID}","trackinId":"{name}"}}' for name in ("tx-001", "tx-002")]
        assert re.fullmatch(rf"\[{','.join(receipts)}\]", body.decode())
        first, second = sandbox.messages
        assert [item["messageId"] for item in json.loads(body)] == [first.message_id, second.message_id]
        assert (first.tracking_id, first.phone, first.sender, first.message_type, first.text) == (
            "tx-001",
            "+380501234567",
            "Shop",
            "transaction",
            "Your order is ready",
        )
        assert first.messagelist_id == second.messagelist_id == 1
        assert first.named
        assert sandbox.message(second.message_id) is second
        with pytest.raises(KeyError):
            sandbox.message("none")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"id": None}, "MISSING_FIELD", "id"),
        ({"id": ""}, "INVALID_ID", "id"),
        ({"id": "x" * 255}, "INVALID_ID", "id"),
        ({"id": "a\tb"}, "INVALID_ID", "id"),
        ({"id": 7}, "INVALID_ID", "id"),
        ({"fromName": None}, "MISSING_FIELD", "fromName"),
        ({"fromName": ""}, "INVALID_SENDER", "fromName"),
        ({"toPhone": None}, "MISSING_FIELD", "toPhone"),
        ({"toPhone": "380501234567"}, "INVALID_PHONE", "toPhone"),
        ({"toPhone": "0501234567"}, "INVALID_PHONE", "toPhone"),
        ({"toPhone": "+0501234567"}, "INVALID_PHONE", "toPhone"),
        ({"toPhone": "+380 50 123 45 67"}, "INVALID_PHONE", "toPhone"),
        ({"toPhone": "+1234567890123456"}, "INVALID_PHONE", "toPhone"),
        ({"toPhone": "+380501234567\n"}, "INVALID_PHONE", "toPhone"),
        ({"toPhone": "+38050123456٧"}, "INVALID_PHONE", "toPhone"),
        ({"messageType": None}, "MISSING_FIELD", "messageType"),
        ({"messageType": "Transaction"}, "INVALID_MESSAGE_TYPE", "messageType"),
        ({"messageType": "sms"}, "INVALID_MESSAGE_TYPE", "messageType"),
        ({"text": None}, "MISSING_FIELD", "text"),
        ({"text": None, "messageType": "promo"}, "MISSING_FIELD", "text"),
        ({"text": ""}, "INVALID_TEXT", "text"),
        ({"messageType": "viber_survey"}, "MISSING_FIELD", "surveyOptions"),
        (
            {"messageType": "viber_survey", "text": "x" * 86, "surveyOptions": ["a", "b"]},
            "INVALID_TEXT",
            "text",
        ),
        ({"messageType": "viber_survey", "surveyOptions": ["a"]}, "INVALID_SURVEY_OPTIONS", "surveyOptions"),
        (
            {"messageType": "viber_survey", "surveyOptions": list("abcdef")},
            "INVALID_SURVEY_OPTIONS",
            "surveyOptions",
        ),
        (
            {"messageType": "viber_survey", "surveyOptions": ["a", ""]},
            "INVALID_SURVEY_OPTIONS",
            "surveyOptions",
        ),
        ({"ttl": 0}, "INVALID_TTL", "ttl"),
        ({"ttl": -1}, "INVALID_TTL", "ttl"),
        ({"ttl": "60"}, "INVALID_TTL", "ttl"),
        ({"ttl": True}, "INVALID_TTL", "ttl"),
        ({"ttl": 10**30}, "INVALID_TTL", "ttl"),
        ({"scheduledSent": "2025-01-25T10:00:00"}, "INVALID_SCHEDULED_SENT", "scheduledSent"),
        ({"scheduledSent": "tomorrow"}, "INVALID_SCHEDULED_SENT", "scheduledSent"),
        ({"scheduledSent": 1737799200}, "INVALID_SCHEDULED_SENT", "scheduledSent"),
        ({"trackingId": "x"}, "UNKNOWN_FIELD", "trackingId"),
        ({"to_phone": "x"}, "UNKNOWN_FIELD", "to_phone"),
    ],
)
async def test_one_wrong_message_refuses_the_whole_request(
    change: dict[str, Any], code: str, field: str
) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        status, body = await post(session, sandbox, [make(), make(id="ok"), make(**change)])
        assert status == 400
        error = json.loads(body)["error"]
        assert set(error) == {"code", "message", "field"}
        assert (error["code"], error["field"]) == (code, field)
        assert sandbox.messages == []
        assert sandbox.stats.refused == 1


async def test_the_documented_error_body_is_answered_to_the_letter() -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        assert await post(session, sandbox, [make(toPhone="380501234567")]) == (
            400,
            b'{"error":{"code":"INVALID_PHONE","message":"Invalid phone number format","field":"toPhone"}}',
        )


@pytest.mark.parametrize("field", ["text", "ttl", "scheduledSent", "surveyOptions"])
async def test_null_is_not_a_missing_field(field: str) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        status, body = await post(session, sandbox, [{**make(), field: None}])
        assert (status, json.loads(body)["error"]["field"]) == (400, field)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_JSON"),
        (b"nope", "INVALID_JSON"),
        (b'[{"id":"\xff"}]', "INVALID_JSON"),
        (b"[]", "EMPTY_REQUEST"),
        (b'{"messages":[]}', "INVALID_REQUEST"),
        (json.dumps(make()).encode(), "INVALID_REQUEST"),
        (b"[[]]", "INVALID_REQUEST"),
        (b"[null]", "INVALID_REQUEST"),
        (b"[" * 100_000, "INVALID_REQUEST"),
        (b"\x1f\x8b\x08", "INVALID_JSON"),
    ],
)
async def test_the_body_must_be_a_bare_array_of_messages(body: bytes, code: str) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        status, answer = await post(session, sandbox, body)
        assert status == 400
        error = json.loads(answer)["error"]
        assert error["code"] == code
        assert "field" not in error


async def test_a_compressed_body_is_not_json() -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        headers = {**JSON, "Content-Encoding": "gzip"}
        assert (await post(session, sandbox, b"\x1f\x8b\x08\x00", headers=headers))[0] == 400


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x" * 254},
        {"toPhone": "+1234567"},
        {"messageType": "promo", "text": "x" * 5000},
        {"messageType": "flashcall", "text": None},
        {"messageType": "viber_survey", "text": "ї" * 85, "surveyOptions": ["так", "ні"]},
        {"ttl": 1},
        {"scheduledSent": "2020-01-25T10:00:00+02:00"},
    ],
)
async def test_what_the_pages_allow_is_accepted(change: dict[str, Any]) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        assert (await post(session, sandbox, [make(**change)]))[0] == 200
        assert len(sandbox.messages[0].text) <= 1000


async def test_scheduling_reaches_thirty_days_ahead_of_the_sandboxs_own_time() -> None:
    clock = FakeClock()
    async with Sandbox(PLAIN, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        clock.seconds += 3600
        now = datetime.fromtimestamp(sandbox.epoch(), UTC)
        for ahead, status in ((timedelta(days=30, seconds=-1), 200), (timedelta(days=30, seconds=1), 400)):
            moment = (now + ahead).isoformat()
            answer = await post(session, sandbox, [make(scheduledSent=moment)])
            assert answer[0] == status, answer
        assert sandbox.messages[0].starts_at == pytest.approx(clock.seconds + 30 * 86400 - 1, abs=0.01)


async def test_the_vendor_may_refuse_what_no_client_can_see() -> None:
    config = replace(PLAIN, refused_senders={"Casino"}, refused_phones=frozenset({"+380000000000"}))
    async with Sandbox(config) as sandbox, aiohttp.ClientSession() as session:
        for change, code, field in (
            ({"fromName": "Casino"}, "INVALID_SENDER", "fromName"),
            ({"toPhone": "+380000000000"}, "INVALID_PHONE", "toPhone"),
        ):
            status, body = await post(session, sandbox, [make(), make(**change)])
            error = json.loads(body)["error"]
            assert (status, error["code"], error["field"]) == (400, code, field)
        assert sandbox.messages == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_415(content_type: str) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        headers = {**KEY, "Content-Type": content_type}
        status, body = await post(session, sandbox, [make()], headers=headers)
        assert status == 415
        assert json.loads(body)["error"] == "Unsupported Media Type"
        json_with_charset = {**KEY, "Content-Type": "application/json; charset=utf-8"}
        assert (await post(session, sandbox, [make()], headers=json_with_charset))[0] == 200


async def test_a_body_above_the_cap_is_413() -> None:
    async with Sandbox(replace(PLAIN, max_body=1000)) as sandbox, aiohttp.ClientSession() as session:
        status, body = await post(session, sandbox, [make(text="x" * 1000)])
        assert status == 413
        assert body == (
            b'{"status":413,"error":"Content Too Large","message":"The body has more than 1000 bytes"}'
        )
        assert sandbox.messages == []


async def test_other_paths_and_methods_get_json_errors() -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        for path in (
            "/sandbox/stats",
            "/bat/message/",
            "/bat/message/a/b",
            "/bat/messagelists",
            SEND + "/",
            "/api",
        ):
            status, body = await get(session, sandbox, path)
            assert (status, body) == (404, b'{"status":404,"error":"Not Found","message":"No such path"}'), (
                path
            )
        for method, path, allowed in (("POST", "/bat/message/x", "GET"), ("GET", SEND, "POST")):
            async with session.request(method, sandbox.url + path, headers=KEY) as response:
                assert response.status == 405
                assert response.headers["Allow"] == allowed
                assert (await response.json())["error"] == "Method Not Allowed"
        assert sandbox.stats.answers == {404: 6, 405: 2}
        assert sandbox.stats.requests["other"] == 6


async def test_an_unknown_id_is_404_with_json() -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        assert await get(session, sandbox, "/bat/message/abc%2Fdef%20%D1%97") == (
            404,
            b'{"status":404,"error":"Not Found","message":"Message not found"}',
        )


@pytest.mark.parametrize("tail", [b"", b"zz\r\n"])
async def test_a_request_that_breaks_off_harms_nobody(tail: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        host, port = sandbox.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        framing = b"Transfer-Encoding: chunked\r\n" if tail else b"Content-Length: 100\r\n"
        head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nX-Authorization-Key: sandbox-key\r\n".encode()
        writer.write(head + b"Content-Type: application/json\r\n" + framing + b"\r\n")
        await writer.drain()
        await until(lambda: sandbox.stats.requests["send"] == 1)
        writer.write(tail)
        writer.close()
        await writer.wait_closed()
        await until(lambda: sandbox.stats.answers == {400: 1})
        assert (await post(session, sandbox, [make()]))[0] == 200
        assert sandbox.stats.accepted == 1
    assert "Error handling request" not in caplog.text


# -- status answers -------------------------------------------------------------------------------


async def test_a_single_channel_gives_the_basic_answer() -> None:
    clock = FakeClock()
    config = only("delivered", route=("sms",))
    async with Sandbox(config, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        await post(session, sandbox, [make(text="ї" * 71)])
        identity = sandbox.messages[0].message_id
        path = f"/bat/message/{identity}"
        head = f'{{"messagelistId":1,"messageId":"{identity}","deliverystatus":'.encode()
        assert await get(session, sandbox, path) == (200, head + b'"scheduled","partscount":2}')
        clock.seconds += 1.0
        assert await get(session, sandbox, path) == (200, head + b'"processing","partscount":2}')
        clock.seconds += 5.0
        assert await get(session, sandbox, path) == (200, head + b'"delivered","partscount":2,"cost":0.10}')
        clock.seconds += 1e6
        assert await get(session, sandbox, path) == (200, head + b'"delivered","partscount":2,"cost":0.10}')


async def test_several_channels_give_the_extended_answer() -> None:
    clock = FakeClock()
    config = only("delivered", channels=channels(viber=0.0), currency="EUR")
    async with Sandbox(config, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        await post(session, sandbox, [make(text="x" * 161)])
        identity = sandbox.messages[0].message_id
        path = f"/bat/message/{identity}"
        head = f'{{"messagelistId":1,"messageId":"{identity}","deliverystatus":'.encode()
        assert (await get(session, sandbox, path))[1] == head + (
            b'"scheduled","partscount":1,"fallbacks":[{"type":"sms","status":"scheduled"}],'
            b'"extendedStatuses":{"viber":"scheduled","sms":"scheduled"}}'
        )
        clock.seconds += 1.0
        assert (await get(session, sandbox, path))[1] == head + (
            b'"processing","partscount":1,"fallbacks":[{"type":"sms","status":"scheduled"}],'
            b'"extendedStatuses":{"viber":"processing","sms":"scheduled"}}'
        )
        clock.seconds += 3.0
        assert (await get(session, sandbox, path))[1] == head + (
            b'"processing","partscount":2,"fallbacks":[{"type":"sms","status":"processing"}],'
            b'"extendedStatuses":{"viber":"undeliverable","sms":"processing"}}'
        )
        clock.seconds += 5.0
        assert (await get(session, sandbox, path))[1] == head + (
            b'"delivered","partscount":2,"cost":0.10,"fallbacks":[{"type":"sms","status":"delivered"}],'
            b'"extendedStatuses":{"viber":"undeliverable","sms":"delivered"},"rate":0.05,"rateAmount":0.10,'
            b'"rateCurrency":"EUR","billAmount":0.10,"billCurrency":"EUR"}'
        )


@pytest.mark.parametrize(
    ("outcome", "states"),
    [
        ("delivered", {"viber": "delivered", "sms": "not_used"}),
        ("undeliverable", {"viber": "undeliverable", "sms": "undeliverable"}),
        ("permanenterror", {"viber": "permanenterror", "sms": "not_used"}),
    ],
)
async def test_each_end_shows_in_the_message_and_its_channels(
    outcome: Outcome, states: dict[str, str]
) -> None:
    clock = FakeClock()
    config = only(outcome, channels=channels(viber=1.0))
    async with Sandbox(config, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        await post(session, sandbox, [make()])
        clock.seconds = sandbox.messages[0].ends_at
        _, body = await get(session, sandbox, f"/bat/message/{sandbox.messages[0].message_id}")
        answer = json.loads(body)
        assert answer["deliverystatus"] == outcome
        assert answer["extendedStatuses"] == states
        assert answer["fallbacks"] == [{"type": "sms", "status": states["sms"]}]
        cost = b"0.02" if outcome == "delivered" else b"0.00"
        for key in (b"cost", b"rate", b"rateAmount", b"billAmount"):
            assert b'"%s":%s' % (key, cost) in body


async def test_a_message_that_never_ends_stays_processing() -> None:
    clock = FakeClock()
    config = only("never")
    async with Sandbox(config, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        await post(session, sandbox, [make(ttl=60)])
        clock.seconds += 1e9
        _, body = await get(session, sandbox, f"/bat/message/{sandbox.messages[0].message_id}")
        answer = json.loads(body)
        assert answer["deliverystatus"] == "processing"
        assert answer["extendedStatuses"] == {"viber": "processing", "sms": "scheduled"}
        assert "cost" not in answer


async def test_a_scheduled_message_waits_for_its_moment_whatever_the_speed() -> None:
    clock = FakeClock()
    async with (
        Sandbox(only("delivered", route=("sms",), speed=10.0), clock=clock) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        moment = datetime.fromtimestamp(sandbox.epoch(), UTC) + timedelta(hours=1)
        await post(session, sandbox, [make(scheduledSent=moment.isoformat(), ttl=60)])
        path = f"/bat/message/{sandbox.messages[0].message_id}"
        for seconds, status in (
            (0, "scheduled"),
            (3599, "scheduled"),
            (1.11, "processing"),
            (1, "delivered"),
        ):
            clock.seconds += seconds
            assert json.loads((await get(session, sandbox, path))[1])["deliverystatus"] == status


async def test_a_delivery_after_the_ttl_does_not_happen() -> None:
    clock = FakeClock()
    async with (
        Sandbox(only("delivered", route=("sms",)), clock=clock) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        await post(session, sandbox, [make(ttl=5), make(ttl=6)])
        late, timely = (f"/bat/message/{message.message_id}" for message in sandbox.messages)
        for seconds, first, second in (
            (4.9, "processing", "processing"),
            (0.2, "undeliverable", "processing"),
            (1.0, "undeliverable", "delivered"),
        ):
            clock.seconds += seconds
            assert json.loads((await get(session, sandbox, late))[1])["deliverystatus"] == first
            assert json.loads((await get(session, sandbox, timely))[1])["deliverystatus"] == second


async def test_flashcalls_and_the_other_cascade_have_their_own_channels() -> None:
    config = replace(PLAIN, standard_route=("sms",), tg_viber_route=("telegram", "viber"))
    async with Sandbox(config) as sandbox, aiohttp.ClientSession() as session:
        await post(session, sandbox, [make(), make(messageType="flashcall", text=None)])
        await post(session, sandbox, [make()], path=SEND_TG_VIBER)
        names = [[channel.name for channel in message.channels] for message in sandbox.messages]
        assert names == [["sms"], ["flashcall"], ["telegram", "viber"]]
        assert [message.messagelist_id for message in sandbox.messages] == [1, 1, 2]
        assert sandbox.stats.requests["send"] == sandbox.stats.requests["send_tg_viber"] == 1


# -- the object -----------------------------------------------------------------------------------


async def test_a_sandbox_left_and_entered_again_is_an_outage() -> None:
    sandbox = Sandbox(PLAIN)
    with pytest.raises(RuntimeError, match="no address"):
        _ = sandbox.url
    async with aiohttp.ClientSession() as session:
        async with sandbox:
            url = sandbox.url
            await post(session, sandbox, [make()])
            with pytest.raises(RuntimeError, match="already"):
                await sandbox.__aenter__()
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(session, sandbox, [make()])
        async with sandbox:
            assert sandbox.url == url
            path = f"/bat/message/{sandbox.messages[0].message_id}"
            assert (await get(session, sandbox, path))[0] == 200
    await sandbox.__aexit__(None, None, None)


async def test_a_taken_port_is_an_oserror_and_leaves_nothing_open() -> None:
    async with Sandbox(PLAIN) as sandbox:
        port = int(sandbox.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="address already in use"):
            await Sandbox(replace(PLAIN, port=port)).__aenter__()


async def test_an_ipv6_address_is_written_as_a_url() -> None:
    sandbox = Sandbox(replace(PLAIN, host="::1", port=8025))
    assert sandbox.url == "http://[::1]:8025"


async def test_it_listens_on_loopback_and_counts_what_it_saw() -> None:
    clock = FakeClock()
    async with Sandbox(clock=clock) as sandbox, aiohttp.ClientSession() as session:
        assert sandbox.url.startswith("http://127.0.0.1:")
        assert sandbox.now() == 100.0
        await post(session, sandbox, [make(), make(), make(id="other")])
        path = f"/bat/message/{sandbox.messages[0].message_id}"
        for seconds in (0.0, 2.0, 0.5):
            clock.seconds += seconds
            await get(session, sandbox, path)
        message = sandbox.messages[0]
        assert (message.polls, message.last_poll, message.shortest_gap) == (3, 102.5, 0.5)
        _, body = await get(session, sandbox, "/_sandbox/stats", {})
        stats = json.loads(body)
        assert stats["requests"] == {
            "status": 3,
            "send": 1,
            "send_tg_viber": 0,
            "messagelist": 0,
            "variables": 0,
            "zns_status": 0,
            "zns_send": 0,
            "zns_quota": 0,
            "zns_templates": 0,
            "other": 0,
        }
        assert stats["answers"] == {"200": 4}
        assert (stats["accepted"], stats["duplicate_ids"], stats["duplicate_phones"]) == (3, 1, 2)
        assert stats["busiest_second"] == {"status": 2, "send": 1, "zns": 0}
        async with session.post(sandbox.url + "/_sandbox/stats") as response:
            assert response.status == 405


async def test_the_oldest_messages_are_forgotten() -> None:
    async with Sandbox(replace(PLAIN, max_messages=2)) as sandbox, aiohttp.ClientSession() as session:
        _, body = await post(session, sandbox, [make(id=f"tx-{number % 3}") for number in range(4)])
        statuses = [
            (await get(session, sandbox, f"/bat/message/{item['messageId']}"))[0] for item in json.loads(body)
        ]
        assert statuses == [404, 404, 200, 200]
        assert [message.tracking_id for message in sandbox.messages] == ["tx-2", "tx-0"]
        assert (sandbox.stats.accepted, sandbox.stats.forgotten) == (4, 2)
        # tx-0 came back after its first was forgotten, so nothing is left to be a duplicate of.
        assert sandbox.stats.duplicate_ids == 0
        await post(session, sandbox, [make(id="tx-0")])
        assert sandbox.stats.duplicate_ids == 1


def test_it_imports_nothing_from_the_rest_of_the_package() -> None:
    files = sorted(Path(package.__file__).parent.glob("*.py"))
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, file
                names = [node.module or ""]
            for name in names:
                if name.partition(".")[0] == "smsbat_async":
                    assert name == "smsbat_async.sandbox" or name.startswith("smsbat_async.sandbox."), file
