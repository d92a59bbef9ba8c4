"""What the sandbox does wrong on purpose, over real HTTP."""

import asyncio
import json
from dataclasses import replace
from typing import Literal

import aiohttp
import pytest

from smsbat_async.sandbox import Sandbox
from tests.test_sandbox import KEY, PLAIN, FakeClock, get, make, post, until

STATUS = "/bat/message/none"
TOO_MANY = b'{"status":429,"error":"Too Many Requests","message":"Rate limit exceeded"}'


async def test_a_rate_is_held_per_group_to_the_request() -> None:
    clock = FakeClock()
    config = replace(PLAIN, status_rate=50, status_burst=75, send_rate=2, send_burst=3)
    async with Sandbox(config, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        answers = [await get(session, sandbox, STATUS) for _ in range(80)]
        assert [status for status, _ in answers] == [404] * 75 + [429] * 5
        assert answers[-1][1] == TOO_MANY
        sends = [await post(session, sandbox, [make()]) for _ in range(5)]
        assert [status for status, _ in sends] == [200] * 3 + [429] * 2
        assert sends[-1][1] == TOO_MANY
        clock.seconds += 1.0
        assert [(await get(session, sandbox, STATUS))[0] for _ in range(60)].count(404) == 50
        # Wrong credentials are nobody's requests.
        assert (await get(session, sandbox, STATUS, {}))[0] == 401
        assert sandbox.stats.rate_limited == 5 + 2 + 10
        assert sandbox.stats.busiest_second == {"status": 80, "send": 5, "zns": 0}
        assert sandbox.stats.accepted == 3


@pytest.mark.parametrize("seconds", [None, 0, 7])
async def test_retry_after_is_sent_on_request(seconds: int | None) -> None:
    config = replace(PLAIN, status_rate=1, status_burst=1, retry_after=seconds)
    async with (
        Sandbox(config, clock=FakeClock()) as sandbox,
        aiohttp.ClientSession(headers=KEY) as session,
    ):
        await get(session, sandbox, STATUS)
        async with session.get(sandbox.url + STATUS) as response:
            assert response.status == 429
            assert response.headers.get("Retry-After") == (None if seconds is None else str(seconds))


async def test_a_failure_accepts_nothing() -> None:
    async with Sandbox(replace(PLAIN, fail_share=1.0)) as sandbox, aiohttp.ClientSession() as session:
        body = b'{"status":500,"error":"Internal Server Error","message":"Internal error"}'
        assert await post(session, sandbox, [make()]) == (500, body)
        assert await get(session, sandbox, STATUS) == (500, body)
        assert sandbox.messages == []
        assert (sandbox.stats.failed, sandbox.stats.answers) == (2, {500: 2})


async def test_a_lost_answer_accepts_all_and_drops_the_connection() -> None:
    async with Sandbox(replace(PLAIN, lose_share=1.0)) as sandbox, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(session, sandbox, [make()])
        assert sandbox.stats.lost == 1
        assert [message.named for message in sandbox.messages] == [False]


async def test_shares_are_of_requests() -> None:
    config = replace(PLAIN, fail_share=0.3, lose_share=0.2)
    async with Sandbox(config) as sandbox, aiohttp.ClientSession() as session:
        for number in range(200):
            try:
                await post(session, sandbox, [make(id=f"tx-{number}")])
            except aiohttp.ClientConnectionError:
                continue
        assert sandbox.stats.failed == pytest.approx(60, abs=25)
        assert sandbox.stats.lost == pytest.approx(28, abs=20)
        assert sandbox.stats.accepted == 200 - sandbox.stats.failed
        assert sum(not message.named for message in sandbox.messages) == sandbox.stats.lost


async def test_a_slow_answer_comes_late_and_does_not_hold_up_the_end() -> None:
    async with aiohttp.ClientSession() as session:
        loop = asyncio.get_running_loop()
        async with Sandbox(replace(PLAIN, slow_share=1.0, slow_seconds=0.05)) as sandbox:
            before = loop.time()
            assert (await post(session, sandbox, [make()]))[0] == 200
            assert loop.time() - before >= 0.045
            assert (sandbox.stats.slow, sandbox.stats.accepted) == (1, 1)
        async with Sandbox(replace(PLAIN, slow_share=1.0, slow_seconds=1000.0)) as sandbox:
            waiting = asyncio.create_task(post(session, sandbox, [make()]))
            await until(lambda: sandbox.stats.slow == 1)
            before = loop.time()
        assert loop.time() - before < 5.0
        with pytest.raises(aiohttp.ClientConnectionError):
            await waiting


@pytest.mark.parametrize(
    ("on", "send", "status"), [("send", 500, 404), ("status", 200, 500), ("all", 500, 500)]
)
async def test_faults_may_be_kept_to_one_kind_of_request(
    on: Literal["all", "send", "status"], send: int, status: int
) -> None:
    config = replace(PLAIN, fail_share=1.0, faults_on=on)
    async with Sandbox(config) as sandbox, aiohttp.ClientSession() as session:
        assert (await post(session, sandbox, [make()]))[0] == send
        assert (await get(session, sandbox, STATUS))[0] == status


async def test_an_answer_may_come_in_any_order_and_incomplete() -> None:
    batch = [make(id=f"tx-{number}") for number in range(100)]
    order = [message["id"] for message in batch]
    async with aiohttp.ClientSession() as session:
        async with Sandbox(replace(PLAIN, shuffle=True)) as sandbox:
            named = [item["trackinId"] for item in json.loads((await post(session, sandbox, batch))[1])]
            assert named != order
            assert sorted(named) == sorted(order)
        async with Sandbox(replace(PLAIN, incomplete_share=0.3)) as sandbox:
            answer = json.loads((await post(session, sandbox, batch))[1])
            named = [item["trackinId"] for item in answer]
            assert named == [name for name in order if name in set(named)]
            assert 50 < len(named) < 90
            assert sandbox.stats.accepted == 100
            assert sandbox.stats.unnamed == 100 - len(named)
            assert [message.tracking_id for message in sandbox.messages if message.named] == named
            pairs = {message.tracking_id: message.message_id for message in sandbox.messages}
            assert all(pairs[item["trackinId"]] == item["messageId"] for item in answer)
        async with Sandbox(replace(PLAIN, incomplete_share=1.0, shuffle=True)) as sandbox:
            assert await post(session, sandbox, batch) == (200, b"[]")
