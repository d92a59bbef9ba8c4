"""The sandbox's control API: what a test or the inbox page asks and changes."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from smsbat_async.sandbox import Sandbox, SandboxConfig
from smsbat_async.sandbox.answers import Answer
from smsbat_async.sandbox.calls import Call, Dropped
from smsbat_async.sandbox.hosts import is_expected_host
from tests.test_sandbox import PLAIN, FakeClock, channels, make, only, post
from tests.test_sandbox_steering import ZNS_KEY, accept, send, status_of

ZNS = {
    "phone": "84987654321",
    "template_id": "T-1",
    "template_data": {"code": "777999"},
    "tracking_id": "zns-1",
}
HOST = {"Host": "127.0.0.1:8025"}
JSON_BODY = {**HOST, "Content-Type": "application/json"}


async def call(
    sandbox: Sandbox,
    path: str,
    body: Any = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Ask the control API in memory; with a body it is a POST unless told otherwise."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    method = method or ("GET" if body is None else "POST")
    given = (JSON_BODY if data else HOST) if headers is None else headers
    reply = await sandbox.answer(Call.to(f"/_sandbox/{path}", method=method, headers=given, body=data))
    assert isinstance(reply, Answer)
    assert reply.headers["Cache-Control"] == "no-store"
    return reply.status, json.loads(reply.body) if reply.body else None


async def listed(sandbox: Sandbox, query: str) -> list[str]:
    status, answer = await call(sandbox, f"messages?{query}")
    assert status == 200, answer
    return [message["tracking_id"] for message in answer["messages"]]


# -- messages -------------------------------------------------------------------------------------


async def test_a_message_is_described_from_its_acceptance_to_its_end() -> None:
    clock = FakeClock()
    config = only("delivered", channels=channels(viber=0.0), currency="EUR")
    sandbox = Sandbox(config, clock=clock)
    accepted_at = sandbox.epoch()
    survey = ["yes", "no"]
    message = await accept(sandbox, messageType="viber_survey", text="Come?", surveyOptions=survey, ttl=600)
    path = f"messages/{message.message_id}"
    expected = {
        "message_id": message.message_id,
        "tracking_id": "tx-001",
        "vendor": "smsbat",
        "phone": "+380501234567",
        "sender": "Shop",
        "message_type": "viber_survey",
        "text": "Come?",
        "survey_options": survey,
        "status": "scheduled",
        "channels": [{"name": "viber", "status": "scheduled"}, {"name": "sms", "status": "scheduled"}],
        "channel": None,
        "cost": None,
        "currency": "EUR",
        "parts": 1,
        "accepted_at": pytest.approx(accepted_at),
        "starts_at": pytest.approx(accepted_at),
        "ended_at": None,
        "polls": 0,
        "named": True,
        "decided": False,
        "webhooks": {"tried": 0, "last_status": None},
    }
    assert await call(sandbox, path) == (200, expected)
    clock.seconds += 1.5
    message.note_poll(clock.seconds)
    expected |= {"status": "processing", "channel": "viber", "polls": 1}
    expected["channels"] = [{"name": "viber", "status": "processing"}, {"name": "sms", "status": "scheduled"}]
    assert await call(sandbox, path) == (200, expected)
    clock.seconds += 60
    expected |= {"status": "delivered", "channel": "sms", "cost": "0.05"}
    expected["ended_at"] = pytest.approx(accepted_at + 1 + 3 + 5)
    expected["channels"] = [
        {"name": "viber", "status": "undeliverable"},
        {"name": "sms", "status": "delivered"},
    ]
    assert await call(sandbox, path) == (200, expected)
    assert (await call(sandbox, "messages/none"))[0] == 404


async def test_a_message_given_up_in_the_queue_was_tried_by_no_channel() -> None:
    clock = FakeClock()
    sandbox = Sandbox(only("delivered", queue_delay=100.0), clock=clock)
    message = await accept(sandbox, ttl=10)
    clock.seconds += 10
    _, described = await call(sandbox, f"messages/{message.message_id}")
    assert (described["status"], described["channel"]) == ("undeliverable", None)


async def test_the_numbers_are_of_all_messages_and_follow_the_clock() -> None:
    clock = FakeClock()
    config = replace(
        PLAIN,
        standard_route=("sms",),
        outcomes={"+380000000001": "undeliverable", "+380000000002": "permanenterror"},
        undeliverable_share=0.0,
        permanent_error_share=0.0,
        never_ends_share=0.0,
    )
    sandbox = Sandbox(config, clock=clock)
    await send(sandbox, *[make(toPhone=f"+38000000000{number % 4}") for number in range(8)])

    async def counts() -> dict[str, int]:
        status, answer = await call(sandbox, "messages?status=delivered&limit=0")
        assert (status, answer["total"], answer["messages"]) == (200, len(sandbox.messages), [])
        costs.append(answer["cost"])
        revisions.append(answer["revision"])
        return {name: count for name, count in answer["counts"].items() if count}

    costs: list[str] = []
    revisions: list[int] = []
    assert await counts() == {"scheduled": 8}
    clock.seconds += 1.0
    assert await counts() == {"processing": 8}
    await send(sandbox, make())
    assert await counts() == {"processing": 8, "scheduled": 1}
    clock.seconds += 5.0
    assert await counts() == {"delivered": 4, "undeliverable": 2, "permanenterror": 2, "processing": 1}
    sandbox.decide(sandbox.messages[-1].message_id, "delivered")
    assert await counts() == {"delivered": 5, "undeliverable": 2, "permanenterror": 2}
    clock.seconds += 1e6
    assert await counts() == {"delivered": 5, "undeliverable": 2, "permanenterror": 2}
    assert costs == ["0.00", "0.00", "0.00", "0.20", "0.25", "0.25"]
    assert revisions[-1] == revisions[-2]
    assert revisions[:-1] == sorted(set(revisions[:-1]))
    assert await call(sandbox, "messages", method="DELETE") == (204, None)
    assert await counts() == {}
    assert costs[-1] == "0.00"


async def test_forgotten_messages_are_not_counted() -> None:
    clock = FakeClock()
    config = replace(only("delivered", route=("sms",)), max_messages=3)
    sandbox = Sandbox(config, clock=clock)
    for _ in range(2):
        await send(sandbox, *[make() for _ in range(4)])
        clock.seconds += 60.0
        _, answer = await call(sandbox, "messages")
        assert (answer["total"], answer["matching"], answer["cost"]) == (3, 3, "0.15")
        assert answer["counts"]["delivered"] == 3
    await send(sandbox, make())
    clock.seconds += 60.0
    assert (await call(sandbox, "messages"))[1]["counts"]["delivered"] == 3


async def test_counts_are_the_same_however_often_and_late_they_are_asked() -> None:
    clock = FakeClock()
    config = SandboxConfig(seed=3, send_rate=0)
    asked, late = Sandbox(config, clock=clock), Sandbox(config, clock=clock)
    for number in range(60):
        for sandbox in (asked, late):
            await send(sandbox, *[make(id=f"tx-{number}-{part}") for part in range(20)])
        clock.seconds += 0.3
        _, answer = await call(asked, "messages?limit=0")
        recounted = [message.status(clock.seconds) for message in asked.messages]
        assert answer["counts"] == {name: recounted.count(name) for name in answer["counts"]}
    clock.seconds += 100.0
    first, last = (await call(asked, "messages?limit=0"))[1], (await call(late, "messages?limit=0"))[1]
    assert (first["counts"], first["cost"]) == (last["counts"], last["cost"])
    assert first["counts"]["delivered"] > 1000
    spent = sum(message.cost(clock.seconds) or 0 for message in asked.messages)
    assert first["cost"] == f"{spent:.2f}"


async def test_messages_come_newest_first_in_pages() -> None:
    sandbox = Sandbox(PLAIN)
    await send(sandbox, *[make(id=f"tx-{number}") for number in range(120)])
    names = [f"tx-{number}" for number in range(120)]
    assert await listed(sandbox, "") == names[:-51:-1]
    assert await listed(sandbox, "order=oldest&offset=10&limit=3") == names[10:13]
    assert await listed(sandbox, "offset=118&limit=500") == names[1::-1]
    assert await listed(sandbox, "offset=500") == []
    assert await listed(sandbox, "search=tx-&order=oldest&offset=118") == names[118:]


async def test_messages_are_found_by_what_they_say_and_are() -> None:
    clock = FakeClock()
    config = replace(
        PLAIN,
        outcomes={"+380501111111": "delivered", "+380502222222": "never"},
        channels=channels(telegram=1),
    )
    sandbox = Sandbox(config, clock=clock)
    await send(
        sandbox,
        make(id="a", toPhone="+380501111111", text="Привіт, Олено!"),
        make(id="b", toPhone="+380502222222", fromName="Bakery", messageType="promo"),
        make(id="c", toPhone="+380502222222", text="100% <b>off</b>"),
    )
    zns = Call.to("/api/message/send", method="POST", headers=ZNS_KEY, body=json.dumps(ZNS).encode())
    assert status_of(await sandbox.answer(zns)) == 200
    clock.seconds += 100.0
    await accept(sandbox, id="e")
    for query, found in (
        ("search=ОЛЕНО", ["a"]),
        ("search=bakery", ["b"]),
        ("search=%2B380 50 222", ["c", "b"]),
        ("search=0502222222", ["c", "b"]),
        ("search=(050)-222", ["c", "b"]),
        ("search=<B>", ["c"]),
        ("search=100%25 <b>", ["c"]),
        ("search=777999", ["zns-1"]),
        ("search=t-1", ["zns-1"]),
        (f"search={sandbox.messages[1].message_id[:18]}", ["b"]),
        ("search=nothing", []),
        ("status=delivered", ["zns-1", "a"]),
        ("status=processing", ["c", "b"]),
        ("status=scheduled", ["e"]),
        ("channel=telegram", ["c", "b", "a"]),
        ("channel=zalo", ["zns-1"]),
        ("channel=sms", []),
        ("vendor=zns", ["zns-1"]),
        ("vendor=smsbat&status=delivered", ["a"]),
        ("type=promo", ["b"]),
        ("type=zns&search=&status=&channel=&vendor=", ["zns-1"]),
    ):
        assert await listed(sandbox, query) == found, query
    _, answer = await call(sandbox, "messages?status=processing&limit=1")
    assert (answer["total"], answer["matching"], len(answer["messages"])) == (5, 2, 1)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("status=read", "status: must be one of scheduled, processing, delivered"),
        ("channel=fax", "channel: must be one of telegram, viber"),
        ("vendor=x", "vendor: must be one of smsbat, zns"),
        ("order=up", "order: must be one of newest, oldest"),
        ("limit=501", "limit: must be a whole number, 0 to 500"),
        ("limit=-1", "limit: must be a whole number"),
        ("offset=x", "offset: must be a whole number, 0 or more"),
        ("offset=٣", "offset: must be a whole number"),
        ("page=2", "page: must be one of search, status"),
    ],
)
async def test_a_wrong_question_names_what_would_be_right(query: str, complaint: str) -> None:
    status, answer = await call(Sandbox(PLAIN), f"messages?{query}")
    assert status == 400
    assert answer["error"].startswith(complaint)


# -- steering -------------------------------------------------------------------------------------


async def test_a_fate_is_decided_over_http() -> None:
    clock = FakeClock()
    sandbox = Sandbox(only("never"), clock=clock)
    message = await accept(sandbox)
    clock.seconds += 1.0
    path = f"messages/{message.message_id}/outcome"
    for body, complaint in (
        ({"outcome": "read"}, "outcome: must be one of delivered, undeliverable, permanenterror, never"),
        ({"outcome": "delivered", "channel": "fax"}, "channel: must be one that has not ended: viber, sms"),
        ({"outcome": 1}, "outcome: expected `str`"),
        ({}, "body: object missing required field `outcome`"),
        ({"outcome": "delivered", "chanel": "sms"}, "body: object contains unknown field `chanel`"),
        (b"nope", "body: must be JSON"),
        (b"\xff", "body: must be JSON"),
        (b"[" * 100_000, "body: "),
    ):
        status, answer = await call(sandbox, path, body)
        assert (status, answer["error"][: len(complaint)]) == (400, complaint)
    assert not message.decided
    status, answer = await call(sandbox, path, {"outcome": "delivered", "channel": "sms"})
    assert (status, answer["status"], answer["channel"], answer["decided"]) == (200, "delivered", "sms", True)
    assert answer["cost"] == "0.05"
    status, answer = await call(sandbox, path, {"outcome": "delivered"})
    assert (status, answer) == (
        409,
        {"error": "message_id: the message has ended, and nothing about it changes any more"},
    )
    assert (await call(sandbox, "messages/none/outcome", {"outcome": "never"}))[0] == 404


async def test_faults_are_injected_listed_and_taken_back_over_http() -> None:
    sandbox = Sandbox(PLAIN)
    first = {"fault": "lose", "on": "send", "times": 2, "seconds": None}
    second = {"fault": "slow", "on": "all", "times": 1, "seconds": 0.0}
    assert await call(sandbox, "faults", {"fault": "lose", "on": "send", "times": 2}) == (201, first)
    assert await call(sandbox, "faults", {"fault": "slow", "seconds": 0}) == (201, second)
    assert await call(sandbox, "faults") == (200, {"faults": [first, second]})
    assert await send(sandbox, make()) is Dropped.LOST
    assert (await call(sandbox, "faults"))[1]["faults"][0]["times"] == 1
    for body, complaint in (
        ({"fault": "explode"}, "fault: must be one of lose"),
        ({"fault": "lose", "times": 0}, "times: must be 1 or more"),
        ({"fault": "lose", "times": 1.5}, "times: expected `int`"),
        ({"fault": "lose", "seconds": 1}, "seconds: is for slow and too_many"),
    ):
        status, answer = await call(sandbox, "faults", body)
        assert (status, answer["error"][: len(complaint)]) == (400, complaint)
    assert await call(sandbox, "faults", method="DELETE") == (204, None)
    assert await call(sandbox, "faults") == (200, {"faults": []})


async def test_time_is_advanced_over_http() -> None:
    clock = FakeClock()
    sandbox = Sandbox(only("delivered"), clock=clock)
    message = await accept(sandbox)
    before = sandbox.epoch()
    assert await call(sandbox, "advance", {"seconds": 60}) == (200, {"now": before + 60})
    assert message.status(sandbox.now()) == "delivered"
    status, answer = await call(sandbox, "advance", {"seconds": -1})
    assert (status, answer["error"][:24]) == (400, "seconds: must be 0 or mo")


async def test_stats_and_config_are_told_and_control_requests_are_not_counted() -> None:
    sandbox = Sandbox(PLAIN)
    await accept(sandbox)
    status, stats = await call(sandbox, "stats")
    assert (status, stats["accepted"], stats["requests"]["send"]) == (200, 1, 1)
    assert (sum(stats["requests"].values()), stats["answers"]) == (1, {"200": 1})
    status, config = await call(sandbox, "config")
    assert (status, config["currency"], config["speed"], config["seed"]) == (200, "USD", 1.0, 1)
    assert config["channels"] == ["telegram", "viber", "rcs", "sms", "flashcall", "zalo"]
    assert (config["api_key"], config["zns_header"]) == ("sandbox-key", "access_token")


# -- who may call ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "host", "expected"),
    [
        ("127.0.0.1:8025", "127.0.0.1", True),
        ("127.3.2.1", "127.0.0.1", True),
        ("localhost:1", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("[::1]:8025", "127.0.0.1", True),
        ("box.test:8025", "box.test", True),
        ("192.168.1.5:8025", "192.168.1.5", True),
        ("192.168.1.5:8025", "0.0.0.0", True),
        ("[fe80::1]:8025", "::", True),
        ("evil.test:8025", "0.0.0.0", False),
        ("192.168.1.5:8025", "127.0.0.1", False),
        ("evil.test", "127.0.0.1", False),
        ("localhost.evil.test", "127.0.0.1", False),
        ("127.0.0.1.evil.test", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("[::1", "::1", True),
        ("[", "127.0.0.1", False),
    ],
)
def test_only_names_that_lead_here_and_nowhere_else_are_admitted(
    header: str, host: str, expected: bool
) -> None:
    assert is_expected_host(header, host) is expected


async def test_a_foreign_page_can_neither_read_nor_change() -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        await post(session, sandbox, [make()])
        url = sandbox.url + "/_sandbox/"
        for method, path in (
            ("GET", "messages"),
            ("DELETE", "messages"),
            ("GET", "events"),
            ("GET", "inbox.css"),
            ("GET", "stats"),
            ("POST", "advance"),
        ):
            async with session.request(method, url + path, headers={"Host": "evil.test"}) as response:
                assert response.status == 403, path
                assert (await response.json())["error"].startswith("Host: must be")
        async with session.get(sandbox.url + "/", headers={"Host": "evil.test"}) as response:
            assert response.status == 403
        # What a form or a plain fetch of another page may send without being asked for leave.
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            headers = {"Content-Type": content_type, "Origin": "http://evil.test"}
            async with session.post(url + "faults", data=b'{"fault":"lose"}', headers=headers) as response:
                assert response.status == 415
        async with session.options(url + "faults", headers={"Origin": "http://evil.test"}) as response:
            assert response.status == 405
            assert not [name for name in response.headers if name.lower().startswith("access-control")]
        assert (len(sandbox.messages), sandbox.faults) == (1, ())


async def test_other_paths_and_methods_are_said() -> None:
    sandbox = Sandbox(PLAIN)
    assert await call(sandbox, "nothing") == (
        404,
        {"error": "path: must be one of advance, config, faults, messages, stats, webhooks"},
    )
    assert await call(sandbox, "messages", {}) == (405, {"error": "method: must be GET or DELETE"})
    assert (await call(sandbox, "events", {}))[0] == 405
    assert (await call(sandbox, "events"))[0] == 501
    assert (await call(sandbox, "missing.js"))[0] == 404
    assert (await call(sandbox, "../server.py"))[0] == 404
    message = await accept(sandbox)
    assert (await call(sandbox, f"messages/{message.message_id}", {}))[0] == 405
    assert (await call(sandbox, f"messages/{message.message_id}/outcome"))[0] == 405


async def test_a_body_above_the_cap_is_413_here_too() -> None:
    async with (
        Sandbox(replace(PLAIN, max_body=100)) as sandbox,
        aiohttp.ClientSession() as session,
        session.post(sandbox.url + "/_sandbox/faults", json={"fault": "x" * 200}) as response,
    ):
        assert response.status == 413


# -- the page's files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/", "text/html"), ("/_sandbox/inbox.css", "text/css"), ("/_sandbox/inbox.js", "text/javascript")],
)
async def test_the_pages_files_may_run_nothing_but_themselves(path: str, content_type: str) -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        async with session.get(sandbox.url + path) as response:
            assert (response.status, response.content_type, response.charset) == (200, content_type, "utf-8")
            assert response.headers["Content-Security-Policy"] == (
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            )
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Cache-Control"] == "no-store"
            assert len(await response.read()) > 100
        async with session.post(sandbox.url + path) as response:
            assert response.status == 405
        assert sandbox.stats.answers == {}


# -- many messages --------------------------------------------------------------------------------


async def test_many_messages_are_counted_and_searched_a_part_at_a_time() -> None:
    sandbox = Sandbox(SandboxConfig(send_rate=0))
    for number in range(10):
        await send(sandbox, *[make(id=f"tx-{number}-{part}") for part in range(500)])
    for query, least in (("messages?limit=1", 10), ("messages?search=none", 5)):
        asking = asyncio.ensure_future(call(sandbox, query))
        turns = 0
        while not asking.done():
            turns += 1
            await asyncio.sleep(0)
        assert asking.result()[1]["total"] == 5_000
        assert turns >= least
    # What was taken up once is not gone through again.
    asking = asyncio.ensure_future(call(sandbox, "messages?limit=1"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert asking.done()


async def test_nobody_follows_messages_until_somebody_asks() -> None:
    clock = FakeClock()
    sandbox = Sandbox(PLAIN, clock=clock)
    await accept(sandbox)
    _, before = await call(sandbox, "messages")
    assert before["revision"] == 0
    await accept(sandbox)
    assert (await call(sandbox, "messages"))[1]["revision"] == 1
