"""What is done to the sandbox by hand: fates, faults, time; without a socket where none is needed."""

import asyncio
import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async.sandbox import Message, Sandbox, SandboxConfig
from smsbat_async.sandbox.answers import Answer
from smsbat_async.sandbox.calls import Call, Dropped, Reply
from smsbat_async.sandbox.config import Outcome
from smsbat_async.sandbox.decisions import decide
from smsbat_async.sandbox.faults import FaultName, FaultOn
from tests.test_sandbox import JSON, KEY, PLAIN, SEND, FakeClock, channels, get, make, only, post
from tests.test_sandbox_life import ORDER, draw, message_with

PHONE = "+380501234567"
STATUS = "/bat/message/none"
ZNS_KEY = {"access_token": "sandbox-zns-key"}
OUTCOMES: list[Outcome] = ["delivered", "undeliverable", "permanenterror", "never"]


async def send(sandbox: Sandbox, *messages: dict[str, Any]) -> Reply:
    """Send in memory."""
    body = json.dumps(list(messages)).encode()
    return await sandbox.answer(Call.to(SEND, method="POST", headers=JSON, body=body))


async def ask(sandbox: Sandbox, path: str = STATUS) -> Reply:
    """Ask in memory."""
    return await sandbox.answer(Call.to(path, method="GET", headers=KEY))


def status_of(reply: Reply) -> int | Dropped:
    return reply.status if isinstance(reply, Answer) else reply


async def accept(sandbox: Sandbox, **changes: Any) -> Message:
    await send(sandbox, make(**changes))
    return sandbox.messages[-1]


# -- without a socket -----------------------------------------------------------------------------


async def test_a_sandbox_that_does_not_listen_answers_the_same() -> None:
    sandbox = Sandbox(PLAIN)
    reply = await send(sandbox, make())
    assert isinstance(reply, Answer)
    assert (reply.status, json.loads(reply.body)[0]["trackinId"]) == (200, "tx-001")
    assert sandbox.messages[0].named
    found = await ask(sandbox, f"http://anywhere/bat/message/{sandbox.messages[0].message_id}?x=1#y")
    assert isinstance(found, Answer)
    assert json.loads(found.body)["messageId"] == sandbox.messages[0].message_id
    zns = Call.to("/api/message/status?message_id=a%20b&x=", method="get", headers=ZNS_KEY)
    assert (zns.method, zns.query) == ("GET", {"message_id": "a b", "x": ""})
    assert b'"status":-1' in (await sandbox.answer(zns)).body  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="no address"):
        _ = sandbox.url
    await sandbox.aclose()


async def test_headers_are_found_in_any_case_without_a_socket_too() -> None:
    call = Call.to("/", method="POST", headers={"CONTENT-type": "Application/JSON; charset=utf-8"})
    assert call.content_type == "application/json"
    assert (len(call.headers), dict(call.headers)) == (1, {"content-type": "Application/JSON; charset=utf-8"})
    assert Call.to("", method="GET", headers={}).raw_path == "/"


async def test_phones_are_found_in_any_spelling_oldest_first() -> None:
    sandbox = Sandbox(PLAIN)
    await send(sandbox, make(id="a"), make(id="b", toPhone="+380671112233"), make(id="c"))
    for spelling in ("+380501234567", "380501234567", "+380 (50) 123-45-67"):
        assert [message.tracking_id for message in sandbox.sent_to(spelling)] == ["a", "c"]
    assert sandbox.sent_to("0501234567") == []


async def test_clearing_forgets_the_messages_and_draws_the_same_fates_again() -> None:
    sandbox = Sandbox(SandboxConfig(seed=3))
    first = await accept(sandbox)
    sandbox.inject("lose", on="status")
    sandbox.clear()
    assert sandbox.messages == []
    assert status_of(await ask(sandbox, f"/bat/message/{first.message_id}")) is Dropped.LOST
    assert (await accept(sandbox)).fate == first.fate
    assert (sandbox.stats.accepted, sandbox.stats.duplicate_ids, sandbox.stats.duplicate_phones) == (2, 0, 0)


# -- fates decided by hand ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "channel", "states"),
    [
        ("delivered", None, {"telegram": "undeliverable", "viber": "delivered", "sms": "not_used"}),
        ("delivered", "sms", {"telegram": "undeliverable", "viber": "undeliverable", "sms": "delivered"}),
        ("undeliverable", None, dict.fromkeys(("telegram", "viber", "sms"), "undeliverable")),
        (
            "undeliverable",
            "viber",
            {"telegram": "undeliverable", "viber": "undeliverable", "sms": "not_used"},
        ),
        (
            "permanenterror",
            None,
            {"telegram": "undeliverable", "viber": "permanenterror", "sms": "not_used"},
        ),
        ("never", None, {"telegram": "undeliverable", "viber": "processing", "sms": "scheduled"}),
    ],
)
async def test_a_decision_ends_the_message_by_the_channel_that_is_tried(
    outcome: Outcome, channel: str | None, states: dict[str, str]
) -> None:
    clock = FakeClock()
    config = only(
        "delivered", route=("telegram", "viber", "sms"), channels=channels(telegram=0, viber=0, sms=1)
    )
    sandbox = Sandbox(config, clock=clock)
    message = await accept(sandbox)
    clock.seconds += 1.0 + 2.0 + 0.5  # telegram has failed and viber is being tried
    sandbox.decide(message.message_id, outcome, channel=channel)
    assert message.decided
    assert message.status(clock.seconds) == ("processing" if outcome == "never" else outcome)
    assert message.channel_statuses(clock.seconds) == states
    clock.seconds += 1e6
    assert message.channel_statuses(clock.seconds) == states
    if outcome == "never":
        assert sandbox.decide(message.message_id, "delivered").status(clock.seconds) == "delivered"
    with pytest.raises(ValueError, match="the message has ended"):
        sandbox.decide(message.message_id, "delivered")


async def test_what_cannot_be_decided_is_said() -> None:
    clock = FakeClock()
    sandbox = Sandbox(only("delivered", channels=channels(viber=0)), clock=clock)
    message = await accept(sandbox)
    with pytest.raises(KeyError):
        sandbox.decide("none", "delivered")
    wrong: Any = "read"
    with pytest.raises(ValueError, match="outcome must be one of delivered, undeliverable"):
        sandbox.decide(message.message_id, wrong)
    clock.seconds += 1.0 + 3.0 + 0.5
    for channel in ("viber", "telegram"):
        with pytest.raises(ValueError, match="channel must be one that has not ended: sms, not"):
            sandbox.decide(message.message_id, "delivered", channel=channel)
    assert not message.decided


async def test_a_message_for_later_may_be_decided_now() -> None:
    clock = FakeClock()
    sandbox = Sandbox(only("delivered"), clock=clock)
    later = datetime.fromtimestamp(sandbox.epoch() + 3600, UTC).isoformat()
    message = await accept(sandbox, scheduledSent=later)
    assert message.starts_at == pytest.approx(clock.seconds + 3600, abs=1)
    sandbox.decide(message.message_id, "delivered")
    assert (message.status(clock.seconds), message.starts_at) == ("delivered", clock.seconds)


@given(
    seed=st.integers(0, 1000),
    start=st.floats(0, 1e9),
    after=st.floats(0, 60),
    outcome=st.sampled_from(OUTCOMES),
    which=st.integers(0, 3),
)
def test_no_decision_makes_anything_go_backwards(
    seed: int, start: float, after: float, outcome: Outcome, which: int
) -> None:
    config = SandboxConfig(never_ends_share=0.3)
    message = message_with(draw(config, seed), config)
    message.starts_at = start
    now = start + after
    if message.status(now) not in ORDER:
        return
    names = [channel.name for channel in message.channels[message.tried(now) :]]
    before = message.status(now), message.channel_statuses(now)
    decide(message, outcome, now, names[which % len(names)] if which else None)
    moments = [now, *(now + seconds for seconds in (1e-6, 1.0, 1e9))]
    views = [before, *((message.status(at), message.channel_statuses(at)) for at in moments)]
    assert views[1][0] == ("processing" if outcome == "never" else outcome)
    assert message.next_change(now) == math.inf
    for (status, states), (later, later_states) in pairwise(views):
        assert ORDER.get(later, 2) >= ORDER.get(status, 2)
        for name, state in states.items():
            assert ORDER.get(later_states[name], 2) >= ORDER.get(state, 2)
            if state not in ORDER:
                assert later_states[name] == state


async def test_a_decision_changes_no_other_fate() -> None:
    config = SandboxConfig(seed=5, send_rate=0)
    calm, steered = Sandbox(config), Sandbox(config)
    for number in range(20):
        await accept(calm, id=f"tx-{number}")
        message = await accept(steered, id=f"tx-{number}")
        if number % 2:
            steered.decide(message.message_id, "delivered")
    for one, other in zip(calm.messages, steered.messages, strict=True):
        assert (one.fate == other.fate) == (not other.decided)


# -- time moved by hand ---------------------------------------------------------------------------


async def test_advancing_moves_statuses_schedules_rates_and_the_calendar() -> None:
    clock = FakeClock()
    config = replace(only("delivered", route=("sms",)), status_rate=1, status_burst=1)
    sandbox = Sandbox(config, clock=clock)
    before = sandbox.epoch()
    message = await accept(sandbox)
    assert [status_of(await ask(sandbox)) for _ in range(2)] == [404, 429]
    sandbox.advance(3600.0)
    assert (sandbox.now(), sandbox.epoch()) == (clock.seconds + 3600.0, before + 3600.0)
    assert message.status(sandbox.now()) == "delivered"
    assert status_of(await ask(sandbox)) == 404
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="seconds must be 0 or more"):
            sandbox.advance(wrong)


async def test_time_does_not_move_past_the_end_of_the_calendar() -> None:
    sandbox = Sandbox(PLAIN, clock=FakeClock())
    for wrong in (1e12, 1e300):
        with pytest.raises(ValueError, match="seconds must not lead past the year 8999"):
            sandbox.advance(wrong)
    sandbox.advance(2e11)
    with pytest.raises(ValueError, match="seconds must not lead past"):
        sandbox.advance(2e11)
    message = await accept(sandbox)
    assert message.status(sandbox.now()) == "scheduled"


# -- faults on demand -----------------------------------------------------------------------------


async def test_each_request_meets_one_injected_fault_in_order() -> None:
    sandbox = Sandbox(replace(PLAIN, retry_after=3))
    sandbox.inject("fail", times=2)
    sandbox.inject("too_many")
    sandbox.inject("too_many", seconds=9.0)
    sandbox.inject("reset")
    sandbox.inject("lose")
    sandbox.inject("garbage")
    assert [fault.times for fault in sandbox.faults] == [2, 1, 1, 1, 1, 1]
    replies = [await send(sandbox, make(id=f"tx-{number}")) for number in range(8)]
    assert [status_of(reply) for reply in replies] == [
        *(500, 500, 429, 429),
        *(Dropped.RESET, Dropped.LOST, 200, 200),
    ]
    assert [reply.headers.get("Retry-After") for reply in replies[2:4] if isinstance(reply, Answer)] == [
        "3",
        "9",
    ]
    garbage = replies[6]
    assert isinstance(garbage, Answer)
    assert garbage.content_type == "text/html"
    assert garbage.body.startswith(b"<!doctype html>")
    # Served but unheard of, then served and named.
    accepted = [(message.tracking_id, message.named) for message in sandbox.messages]
    assert accepted == [("tx-5", False), ("tx-6", False), ("tx-7", True)]
    stats = sandbox.stats
    assert (stats.failed, stats.too_many, stats.reset, stats.lost, stats.garbage) == (2, 2, 1, 1, 1)
    assert (stats.rate_limited, stats.answers) == (0, {500: 2, 429: 2, 200: 3})
    assert sandbox.faults == ()


async def test_a_fault_waits_for_a_request_of_its_kind() -> None:
    sandbox = Sandbox(PLAIN)
    sandbox.inject("fail", on="send")
    sandbox.inject("shuffle")
    sandbox.inject("lose", on="status")
    assert [status_of(await ask(sandbox)) for _ in range(2)] == [Dropped.LOST, 404]
    # Nobody's requests meet nothing.
    assert status_of(await sandbox.answer(Call.to(SEND, method="POST", headers={}))) == 401
    assert [fault.fault for fault in sandbox.faults] == ["fail", "shuffle"]
    zns = Call.to("/api/message/send", method="POST", headers=ZNS_KEY, body=b"{}")
    assert status_of(await sandbox.answer(zns)) == 500
    assert status_of(await sandbox.answer(zns)) == 200
    assert [fault.fault for fault in sandbox.faults] == ["shuffle"]
    sandbox.clear_faults()
    assert sandbox.faults == ()


async def test_receipts_are_shuffled_or_left_out_on_demand() -> None:
    sandbox = Sandbox(PLAIN)
    batch = [make(id=f"tx-{number}") for number in range(50)]
    order = [message["id"] for message in batch]
    sandbox.inject("shuffle")
    sandbox.inject("incomplete", times=2)

    async def named(messages: list[dict[str, Any]]) -> list[str]:
        reply = await send(sandbox, *messages)
        assert isinstance(reply, Answer)
        return [receipt["trackinId"] for receipt in json.loads(reply.body)]

    shuffled = await named(batch)
    assert shuffled != order
    assert sorted(shuffled) == sorted(order)
    half = await named(batch)
    assert len(half) == 25
    assert half == [name for name in order if name in half]
    assert await named(batch[:1]) == []
    assert await named(batch) == order
    assert (sandbox.stats.accepted, sandbox.stats.unnamed) == (151, 26)


@pytest.mark.looptime
async def test_a_slow_answer_sleeps_on_the_loop_and_accepts_before() -> None:
    loop = asyncio.get_running_loop()
    sandbox = Sandbox(PLAIN)
    for seconds in (None, 90.0):
        sandbox.inject("slow", seconds=seconds)
        before = loop.time()
        sending = asyncio.create_task(send(sandbox, make()))
        await asyncio.sleep(1.0)
        assert not sandbox.messages[-1].named
        assert status_of(await sending) == 200
        assert loop.time() - before == (5.0 if seconds is None else seconds)
        assert sandbox.messages[-1].named
    assert sandbox.stats.slow == 2


@pytest.mark.parametrize(
    ("fault", "changes", "complaint"),
    [
        ("explode", {}, "fault must be one of lose, reset"),
        ("lose", {"on": "zns"}, "on must be one of all, send, status"),
        ("shuffle", {"on": "status"}, "on must be all or send for shuffle"),
        ("lose", {"times": 0}, "times must be 1 or more"),
        ("lose", {"seconds": 1.0}, "seconds is for slow and too_many, not for lose"),
        ("slow", {"seconds": -1.0}, "seconds must be 0 or more"),
        ("slow", {"seconds": math.inf}, "seconds must be 0 or more and finite"),
    ],
)
async def test_a_wrong_fault_names_what_would_be_right(
    fault: FaultName, changes: dict[str, Any], complaint: str
) -> None:
    sandbox = Sandbox()
    with pytest.raises(ValueError, match=complaint):
        sandbox.inject(fault, **changes)
    assert sandbox.faults == ()


@pytest.mark.parametrize(
    ("share", "expected"),
    [("reset_share", Dropped.RESET), ("too_many_share", 429), ("garbage_share", 200)],
)
@pytest.mark.parametrize("on", ["all", "send"])
async def test_shares_bring_the_same_faults_at_random(
    share: str, expected: int | Dropped, on: FaultOn
) -> None:
    changes: dict[str, Any] = {share: 1.0}
    sandbox = Sandbox(replace(PLAIN, faults_on=on, **changes))
    assert status_of(await send(sandbox, make())) == expected
    assert len(sandbox.messages) == (share == "garbage_share")
    assert not any(message.named for message in sandbox.messages)
    assert status_of(await ask(sandbox)) == (expected if on == "all" else 404)


async def test_new_shares_leave_what_the_old_ones_draw_as_it_was() -> None:
    async def drawn(**shares: Any) -> list[int | Dropped]:
        sandbox = Sandbox(replace(PLAIN, fail_share=0.3, **shares))
        return [status_of(await ask(sandbox)) for _ in range(50)]

    assert 500 in await drawn()
    assert await drawn(reset_share=0.0, garbage_share=0.0) == await drawn()
    assert [status for status in await drawn(too_many_share=1.0) if status != 429].count(500) > 0


async def test_a_reset_and_a_lost_answer_differ_on_the_wire_only_in_what_was_done() -> None:
    async with Sandbox(PLAIN) as sandbox, aiohttp.ClientSession() as session:
        for fault, accepted in (("reset", 0), ("lose", 1)):
            sandbox.inject(fault)  # type: ignore[arg-type]
            with pytest.raises(aiohttp.ClientConnectionError):
                await post(session, sandbox, [make()])
            assert sandbox.stats.accepted == accepted
        sandbox.inject("garbage")
        async with session.get(sandbox.url + STATUS, headers=KEY) as response:
            assert (response.status, response.content_type) == (200, "text/html")
            assert (await response.text()).startswith("<!doctype html>")
        assert (await get(session, sandbox, STATUS))[0] == 404


async def test_a_reset_connection_is_reset_and_not_closed() -> None:
    async with Sandbox(PLAIN) as sandbox:
        host, port = sandbox.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        sandbox.inject("reset")
        writer.write(f"GET {STATUS} HTTP/1.1\r\nHost: x\r\nX-Authorization-Key: sandbox-key\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()
