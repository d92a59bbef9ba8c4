"""The webhooks that the sandbox sends, to a real receiver where bytes matter and in virtual time else."""

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import pytest
import uvloop
from aiohttp import web

from smsbat_async.sandbox import Sandbox, SandboxConfig
from smsbat_async.sandbox.attempts import WebhookAttempt
from smsbat_async.sandbox.calls import Call
from smsbat_async.sandbox.config import Outcome
from tests.support import within
from tests.support.items import await_the_cancelled, turns
from tests.test_sandbox import PLAIN, FakeClock, channels, make
from tests.test_sandbox_control import ZNS, call
from tests.test_sandbox_steering import ZNS_KEY, accept, send

URL = "http://receiver.test/hook"

# Everything takes a second, so that virtual times are round.
EVEN = replace(
    PLAIN,
    outcomes={"+380501234567": "delivered", "84987654321": "delivered"},
    channels=tuple(replace(channel, delay=1.0) for channel in channels()),
    standard_route=("sms",),
    webhook_delay=1.0,
)


class Received(NamedTuple):
    """One request that a receiver saw."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def data(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Takes webhooks in memory, answering each with the next status, and 200 when there is none left."""

    def __init__(self, *statuses: int | Exception, seconds: float = 0.0) -> None:
        self.received: list[Received] = []
        self.in_flight = self.most_in_flight = 0
        self._statuses = list(statuses)
        self._seconds = seconds

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.received.append(Received(url, headers, body, asyncio.get_running_loop().time()))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.in_flight -= 1
        status = self._statuses.pop(0) if self._statuses else 200
        if isinstance(status, Exception):
            raise status
        return status

    @property
    def words(self) -> list[str]:
        return [received.data["deliverystatus"] for received in self.received]

    def times(self, since: float) -> list[float]:
        return [round(received.at - since, 2) for received in self.received]


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[tuple[str, list[Received], asyncio.Event]]:
    """A real receiver on loopback: its URL, what it saw, and an event for each request."""
    received: list[Received] = []
    came = asyncio.Event()
    left = list(statuses)

    async def handle(request: web.Request) -> web.Response:
        now = asyncio.get_running_loop().time()
        received.append(Received(request.path, request.headers, await request.read(), now))
        came.set()
        return web.Response(status=left.pop(0) if left else 200)

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", received, came
    finally:
        await runner.cleanup()


async def send_zns(sandbox: Sandbox, **changes: str) -> None:
    body = json.dumps({**ZNS, **changes}).encode()
    await sandbox.answer(Call.to("/api/message/send", method="POST", headers=ZNS_KEY, body=body))


async def settled(sandbox: Sandbox) -> None:
    """Wait until no webhook waits any more."""
    while sandbox.webhooks.waiting:  # noqa: ASYNC110 - counters have no event
        await asyncio.sleep(0.01)


# -- what is sent ---------------------------------------------------------------------------------


async def test_smsbats_webhook_is_the_documented_one_with_our_secret() -> None:
    clock = FakeClock()
    async with receiving() as (url, received, came):
        config = replace(EVEN, smsbat_webhook_url=f"{url}/s3cret/hook", smsbat_webhook_secret="mine")
        async with Sandbox(config, clock=clock) as sandbox:
            message = await accept(sandbox)
            sandbox.advance(60.0)
            await came.wait()
            await settled(sandbox)
        assert len(received) == 1
        path, headers, body, _ = received[0]
        assert (path, headers["Content-Type"], headers["X-Webhook-Secret"]) == (
            "/s3cret/hook",
            "application/json",
            "mine",
        )
        told = re.fullmatch(
            rb'\{"messageId":"%s","deliverystatus":"delivered",'
            rb'"timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)","cost":0\.05\}' % message.message_id.encode(),
            body,
        )
        assert told, body
        ended = sandbox.epoch() - (sandbox.now() - message.ends_at)
        assert datetime.fromisoformat(told[1].decode()).timestamp() == pytest.approx(ended, abs=1)
        assert (message.webhooks, message.webhook_status) == (1, 200)
        assert sandbox.webhooks.accepted == 1


async def test_znss_webhook_is_signed_as_zalo_signs() -> None:
    clock = FakeClock()
    async with receiving() as (url, received, came):
        config = replace(
            EVEN, zns_webhook_url=f"{url}/zns", zns_app_id="app", zns_oa_id="4242", zns_oa_secret="oa"
        )
        async with Sandbox(config, clock=clock) as sandbox:
            wall = sandbox.epoch()
            await send_zns(
                sandbox,
            )
            message = sandbox.messages[0]
            sandbox.advance(3600.0)
            await came.wait()
            await settled(sandbox)
            ended = sandbox.epoch() - (sandbox.now() - message.ends_at)
        path, headers, body, _ = received[0]
        data = json.loads(body)
        assert data == {
            "event_name": "user_received_message",
            "app_id": "app",
            "timestamp": data["timestamp"],
            "sender": {"id": "4242"},
            "recipient": {"id": "84987654321"},
            "message": {
                "delivery_time": str(round(ended * 1000)),
                "msg_id": message.message_id,
                "tracking_id": "zns-1",
            },
        }
        signed = b"app" + body + data["timestamp"].encode() + b"oa"
        assert headers["X-ZEvent-Signature"] == "mac=" + hashlib.sha256(signed).hexdigest()
        assert (path, headers["X-ZEvent-Server"]) == ("/zns", "ZNS")
        assert "num_retry" not in headers
        # A receiver holds this against its own clock, which did not advance.
        assert int(data["timestamp"]) / 1000 == pytest.approx(wall, abs=1)
        assert len(received) == 1


@pytest.mark.looptime
@pytest.mark.parametrize("phone", ["84987654321", "+84987654321", "0987654321"])
async def test_znss_recipient_is_the_number_with_its_country(phone: str) -> None:
    receiver = Receiver()
    config = replace(EVEN, zns_webhook_url=URL, outcomes={phone: "delivered"})
    sandbox = Sandbox(config, post=receiver)
    await send_zns(sandbox, phone=phone)
    await asyncio.sleep(10.0)
    assert receiver.received[0].data["recipient"] == {"id": "84987654321"}
    await sandbox.aclose()


@pytest.mark.looptime
@pytest.mark.parametrize("outcome", ["undeliverable", "permanenterror", "never"])
async def test_zns_never_tells_of_a_failure(outcome: Outcome) -> None:
    receiver = Receiver()
    config = replace(EVEN, zns_webhook_url=URL, outcomes={"84987654321": outcome}, webhook_statuses="all")
    sandbox = Sandbox(config, post=receiver)
    await send_zns(sandbox)
    await asyncio.sleep(100.0)
    assert receiver.received == []
    await sandbox.aclose()


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("statuses", "outcome", "words", "times"),
    [
        ("terminal", "delivered", ["delivered"], [3.0]),
        ("terminal", "undeliverable", ["undeliverable"], [3.0]),
        ("terminal", "never", [], []),
        ("all", "permanenterror", ["scheduled", "processing", "permanenterror"], [1.0, 2.0, 3.0]),
        ("all", "never", ["scheduled", "processing"], [1.0, 2.0]),
    ],
)
async def test_smsbat_tells_of_ends_or_of_everything(
    statuses: Any, outcome: Outcome, words: list[str], times: list[float]
) -> None:
    receiver = Receiver()
    config = replace(
        EVEN, smsbat_webhook_url=URL, webhook_statuses=statuses, outcomes={"+380501234567": outcome}
    )
    sandbox = Sandbox(config, post=receiver)
    since = asyncio.get_running_loop().time()
    await accept(sandbox)
    await asyncio.sleep(100.0)
    assert receiver.words == words
    assert receiver.times(since) == times
    assert ["cost" in received.data for received in receiver.received] == [
        word in ("undeliverable", "permanenterror", "delivered") for word in words
    ]
    assert "X-Webhook-Secret" not in receiver.received[0].headers if words else True
    await sandbox.aclose()


@pytest.mark.looptime
async def test_webhooks_follow_decisions_advances_and_the_speed() -> None:
    receiver = Receiver()
    sandbox = Sandbox(replace(EVEN, smsbat_webhook_url=URL, speed=10.0), post=receiver)
    since = asyncio.get_running_loop().time()
    decided = await accept(sandbox)
    sandbox.decide(decided.message_id, "undeliverable")
    await asyncio.sleep(0.2)
    assert (receiver.words, receiver.times(since)) == (["undeliverable"], [0.1])
    await accept(sandbox)
    sandbox.advance(0.3)
    await asyncio.sleep(0.02)
    assert receiver.words == ["undeliverable", "delivered"]
    await asyncio.sleep(100.0)
    assert len(receiver.received) == 2
    await sandbox.aclose()


# -- where to -------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_a_url_may_be_set_later_and_taken_back() -> None:
    receiver = Receiver()
    sandbox = Sandbox(EVEN, post=receiver)
    for number in range(3):
        await accept(sandbox, id=f"tx-{number}")
    await asyncio.sleep(10.0)
    late = await accept(sandbox, id="late")
    status, told = await call(sandbox, "webhooks", {"smsbat_url": URL}, method="PUT")
    assert (status, told["smsbat_url"], told["zns_url"], told["waiting"]) == (200, URL, None, 0)
    await asyncio.sleep(10.0)
    # What had ended before is not told any more.
    assert [received.data["messageId"] for received in receiver.received] == [late.message_id]
    await accept(sandbox)
    await asyncio.sleep(2.5)  # its webhook is waiting
    assert (await call(sandbox, "webhooks"))[1]["waiting"] == 1
    status, told = await call(sandbox, "webhooks", {"smsbat_url": None}, method="PUT")
    await asyncio.sleep(10.0)
    assert len(receiver.received) == 1
    status, told = await call(sandbox, "webhooks")
    assert {name: told[name] for name in ("accepted", "given_up", "waiting")} == {
        "accepted": 1,
        "given_up": 1,
        "waiting": 0,
    }
    sandbox.send_webhooks(smsbat_url=URL + "2")
    await accept(sandbox)
    await asyncio.sleep(10.0)
    assert receiver.received[-1].path == URL + "2"
    for wrong in ("ftp://x/", "receiver", "http://", "http://[", 7):
        status, told = await call(sandbox, "webhooks", {"zns_url": wrong}, method="PUT")
        assert (status, told["error"][:8]) == (400, "zns_url:"), wrong
    await sandbox.aclose()


# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_a_webhook_that_is_not_answered_2xx_comes_again_as_zalo_says() -> None:
    receiver = Receiver(500, 302, OSError("refused"), 404, TimeoutError(), 202)
    attempts: list[WebhookAttempt] = []
    sandbox = Sandbox(replace(EVEN, zns_webhook_url=URL), post=receiver, on_webhook=attempts.append)
    since = asyncio.get_running_loop().time()
    await send_zns(sandbox)
    await asyncio.sleep(10.0)
    message = sandbox.messages[0]
    assert (message.webhooks, message.webhook_status, sandbox.webhooks.waiting) == (1, 500, 1)
    await asyncio.sleep(10_000.0)
    assert receiver.times(since) == [3.0, 33.0, 333.0, 1233.0, 3033.0, 6633.0]
    assert [(one.number, one.told, one.url, one.is_last) for one in attempts] == [
        *((number, "delivered", URL, False) for number in range(1, 6)),
        (6, "delivered", URL, True),
    ]
    assert [one.outcome for one in attempts] == [
        *("answer 500", "answer 302", "OSError: refused", "answer 404", "TimeoutError", "answer 202")
    ]
    assert [received.headers.get("num_retry") for received in receiver.received] == [
        *(None, "1", "2", "3", "4", "5")
    ]
    assert len({received.body for received in receiver.received}) == 1
    assert len({received.headers["X-ZEvent-Signature"] for received in receiver.received}) == 1
    assert (message.webhooks, message.webhook_status) == (6, 202)
    stats = sandbox.webhooks
    assert (stats.accepted, stats.given_up, stats.retried, stats.waiting) == (1, 0, 5, 0)
    assert stats.tried == message.webhooks
    await sandbox.aclose()


@pytest.mark.looptime
async def test_a_webhook_is_given_up_after_the_last_retry() -> None:
    receiver = Receiver(*[503] * 100)
    config = replace(EVEN, smsbat_webhook_url=URL, webhook_retries=(5.0, 10.0), speed=2.0)
    sandbox = Sandbox(config, post=receiver)
    since = asyncio.get_running_loop().time()
    message = await accept(sandbox)
    await asyncio.sleep(10_000.0)
    assert receiver.times(since) == [1.5, 4.0, 9.0]
    assert "num_retry" not in receiver.received[-1].headers
    stats = sandbox.webhooks
    assert (stats.accepted, stats.given_up, stats.retried, stats.waiting) == (0, 1, 2, 0)
    assert (message.webhooks, message.webhook_status) == (3, 503)
    await sandbox.aclose()


@pytest.mark.looptime
async def test_a_receiver_that_does_not_answer_is_given_five_seconds() -> None:
    receiver = Receiver(seconds=1000.0)
    config = replace(EVEN, smsbat_webhook_url=URL, webhook_retries=(10.0,))
    attempts: list[WebhookAttempt] = []
    sandbox = Sandbox(config, post=receiver, on_webhook=attempts.append)
    since = asyncio.get_running_loop().time()
    message = await accept(sandbox)
    await asyncio.sleep(100.0)
    assert receiver.times(since) == [3.0, 3.0 + 5.0 + 10.0]
    assert (message.webhook_status, sandbox.webhooks.given_up) == (None, 1)
    assert [one.outcome for one in attempts] == ["no answer within 5 seconds"] * 2
    await sandbox.aclose()


@pytest.mark.looptime
async def test_webhooks_are_lost_and_doubled_by_their_shares() -> None:
    async def words(**shares: float) -> tuple[Counter[str], Sandbox]:
        receiver = Receiver()
        config = replace(EVEN, smsbat_webhook_url=URL, **shares)  # type: ignore[arg-type]
        sandbox = Sandbox(config, post=receiver)
        await send(sandbox, *[make(id=f"tx-{number}") for number in range(200)])
        await asyncio.sleep(100.0)
        await sandbox.aclose()
        return Counter(received.data["messageId"] for received in receiver.received), sandbox

    every, sandbox = await words()
    assert set(every.values()) == {1}
    assert (len(every), sandbox.webhooks.accepted) == (200, 200)
    some, sandbox = await words(webhook_lose_share=0.3)
    assert sandbox.webhooks.lost == 200 - len(some)
    assert sandbox.webhooks.lost == pytest.approx(60, abs=25)
    doubled, sandbox = await words(webhook_duplicate_share=0.3)
    assert len(doubled) == 200
    assert set(doubled.values()) == {1, 2}
    assert Counter(doubled.values())[2] == pytest.approx(60, abs=25)
    assert sandbox.webhooks.accepted == doubled.total()


@pytest.mark.looptime
async def test_webhooks_of_one_message_come_in_order_unless_shuffled() -> None:
    async def orders(**changes: Any) -> list[tuple[str, ...]]:
        receiver = Receiver(seconds=0.5)
        config = SandboxConfig(
            seed=2,
            smsbat_webhook_url=URL,
            webhook_statuses="all",
            never_ends_share=0.0,
            send_rate=0,
            **changes,
        )
        sandbox = Sandbox(config, post=receiver)
        await send(sandbox, *[make(id=f"tx-{number}") for number in range(100)])
        sandbox.advance(changes.get("queue_delay", 0.0) * 100)
        await asyncio.sleep(1_000.0)
        assert sandbox.webhooks.waiting == 0
        by_message: dict[str, list[str]] = {message.message_id: [] for message in sandbox.messages}
        for received in receiver.received:
            by_message[received.data["messageId"]].append(received.data["deliverystatus"])
        await sandbox.aclose()
        return [tuple(words) for words in by_message.values()]

    for words in [*await orders(), *await orders(queue_delay=10.0)]:
        assert words[:2] == ("scheduled", "processing")
        assert len(words) == 3
    shuffled = await orders(webhook_shuffle_share=0.5)
    assert all(len(words) == 3 for words in shuffled)
    assert {words[-1] for words in shuffled} >= {"processing", "delivered"}
    assert ("processing", "scheduled", "delivered") in shuffled
    assert await orders(webhook_shuffle_share=0.5) == shuffled
    all_held = await orders(webhook_shuffle_share=1.0)
    assert {words[1:] for words in all_held} == {("scheduled", "processing")}


@pytest.mark.looptime
async def test_what_is_held_back_is_sent_though_nothing_comes_to_overtake_it() -> None:
    receiver = Receiver()
    config = replace(
        EVEN,
        smsbat_webhook_url=URL,
        webhook_statuses="all",
        webhook_shuffle_share=1.0,
        webhook_lose_share=0.5,
    )
    sandbox = Sandbox(config, post=receiver)
    await send(sandbox, *[make(id=f"tx-{number}") for number in range(100)])
    await asyncio.sleep(100.0)
    stats = sandbox.webhooks
    assert (stats.waiting, stats.accepted + stats.lost) == (0, 300)
    assert stats.accepted == len(receiver.received)
    assert 50 < stats.lost < 250
    await sandbox.aclose()


@pytest.mark.looptime
async def test_what_is_held_back_is_sent_when_its_message_will_never_change_again() -> None:
    receiver = Receiver()
    config = replace(EVEN, smsbat_webhook_url=URL, webhook_statuses="all", webhook_shuffle_share=1.0)
    sandbox = Sandbox(config, post=receiver)
    message = await accept(sandbox)
    await asyncio.sleep(1.5)
    assert (message.status(sandbox.now()), receiver.words) == ("processing", [])
    sandbox.decide(message.message_id, "never")
    await asyncio.sleep(100.0)
    assert receiver.words == ["scheduled", "processing"]
    assert sandbox.webhooks.waiting == 0
    await sandbox.aclose()


@pytest.mark.looptime
async def test_a_forgotten_message_is_told_of_as_far_as_it_came() -> None:
    receiver = Receiver()
    config = replace(
        EVEN, smsbat_webhook_url=URL, webhook_statuses="all", webhook_shuffle_share=1.0, max_messages=1
    )
    sandbox = Sandbox(config, post=receiver)
    first = await accept(sandbox)
    await accept(sandbox)
    await asyncio.sleep(100.0)
    told = [
        received.data["deliverystatus"]
        for received in receiver.received
        if received.data["messageId"] == first.message_id
    ]
    assert told == ["scheduled"]
    assert (sandbox.webhooks.waiting, sandbox.webhooks.accepted) == (0, 4)
    await sandbox.aclose()


@pytest.mark.looptime
async def test_at_most_sixty_four_are_in_flight() -> None:
    receiver = Receiver(seconds=1.0)
    sandbox = Sandbox(replace(EVEN, smsbat_webhook_url=URL), post=receiver)
    since = asyncio.get_running_loop().time()
    await send(sandbox, *[make(id=f"tx-{number}") for number in range(150)])
    await asyncio.sleep(100.0)
    assert receiver.most_in_flight == 64
    assert Counter(int(at) for at in receiver.times(since)) == {3: 64, 4: 64, 5: 22}
    assert sandbox.webhooks.accepted == 150
    await sandbox.aclose()


@pytest.mark.looptime
async def test_what_overflows_the_backlog_is_counted() -> None:
    receiver = Receiver()
    config = replace(EVEN, smsbat_webhook_url=URL, webhook_backlog=10)
    sandbox = Sandbox(config, post=receiver)
    await send(sandbox, *[make(id=f"tx-{number}") for number in range(15)])
    await asyncio.sleep(100.0)
    assert (sandbox.webhooks.overflowed, sandbox.webhooks.accepted, len(receiver.received)) == (5, 10, 10)
    await accept(sandbox)
    await asyncio.sleep(100.0)
    assert sandbox.webhooks.accepted == 11
    await sandbox.aclose()


@pytest.mark.looptime
async def test_clearing_sends_nothing_more() -> None:
    receiver = Receiver(*[500] * 100, seconds=1.0)
    config = replace(EVEN, smsbat_webhook_url=URL, webhook_statuses="all", webhook_shuffle_share=0.3)
    sandbox = Sandbox(config, post=receiver)
    await send(sandbox, *[make(id=f"tx-{number}") for number in range(100)])
    await asyncio.sleep(1.5)
    assert sandbox.webhooks.waiting > receiver.in_flight == 64
    sandbox.clear()
    sent = len(receiver.received)
    assert sandbox.webhooks.waiting == 64
    await asyncio.sleep(10_000.0)
    assert (len(receiver.received), sandbox.webhooks.waiting) == (sent, 0)
    await accept(sandbox)
    await asyncio.sleep(100.0)
    assert len(receiver.received) > sent
    await sandbox.aclose()


@pytest.mark.looptime
async def test_an_outage_breaks_webhooks_off_and_sends_them_afterwards() -> None:
    receiver = Receiver(seconds=2.0)
    attempts: list[WebhookAttempt] = []
    sandbox = Sandbox(
        replace(EVEN, smsbat_webhook_url=URL, webhook_retries=(5.0,)),
        post=receiver,
        on_webhook=attempts.append,
    )
    async with sandbox:
        await send(sandbox, make(id="in flight"))
        await asyncio.sleep(0.5)
        await send(sandbox, make(id="a little later"))
        await asyncio.sleep(3.2)
        assert receiver.in_flight == 2
    assert receiver.in_flight == 0
    await asyncio.sleep(100.0)
    assert (len(receiver.received), sandbox.webhooks.waiting) == (2, 2)
    async with sandbox:
        await asyncio.sleep(3.0)
        assert (len(receiver.received), sandbox.webhooks.accepted, sandbox.webhooks.retried) == (4, 2, 2)
    assert [(one.number, one.is_accepted) for one in attempts] == [(2, True)] * 2


async def test_webhooks_broken_off_before_they_began_are_sent_afterwards() -> None:
    clock = FakeClock()
    receiver = Receiver()
    config = replace(EVEN, smsbat_webhook_url=URL, webhook_retries=(0.0,))
    sandbox = Sandbox(config, clock=clock, post=receiver)
    async with sandbox:
        await accept(sandbox)
        sandbox.advance(60.0)
        while not sandbox.webhooks.waiting:  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(0)
    async with sandbox:
        await settled(sandbox)
    assert sandbox.webhooks.accepted == 1


@pytest.mark.looptime
async def test_a_receiver_that_awaits_what_was_cancelled_has_failed_and_stops_no_other() -> None:
    receiver = Receiver()
    attempts: list[WebhookAttempt] = []

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
        if not attempts:
            await await_the_cancelled()
        return await receiver(url, headers, body)

    config = replace(EVEN, smsbat_webhook_url=URL, webhook_retries=(5.0,))
    sandbox = Sandbox(config, post=post, on_webhook=attempts.append)
    await send(sandbox, make(id="first"))
    await asyncio.sleep(1.0)
    await send(sandbox, make(id="second"))
    await asyncio.sleep(100.0)
    assert [(one.number, one.is_accepted) for one in attempts] == [(1, False), (1, True), (2, True)]
    assert attempts[0].outcome == "RuntimeError: something that was awaited there was cancelled"
    assert sandbox.webhooks.waiting == 0
    await sandbox.aclose()


@pytest.mark.looptime
async def test_what_the_watcher_raises_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(seconds=3.0)

    def watch(attempt: WebhookAttempt) -> None:
        pytest.fail(f"{attempt.message.phone} was not expected")

    config = replace(EVEN, smsbat_webhook_url=URL, webhook_statuses="all")
    sandbox = Sandbox(config, post=receiver, on_webhook=watch)
    await accept(sandbox)
    await asyncio.sleep(100.0)
    assert len(receiver.received) == sandbox.webhooks.accepted > 1
    assert sandbox.webhooks.waiting == 0
    logged = [record for record in caplog.records if record.name == "smsbat_async.sandbox"]
    assert len(logged) == len(caplog.records) == len(receiver.received)
    assert re.search(r"^ERROR .*on_webhook raised Failed in .*, line \d+$", caplog.text, re.MULTILINE)
    assert "was not expected" not in caplog.text
    await sandbox.aclose()


@pytest.mark.looptime
async def test_the_watcher_may_clear_the_sandbox(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    sandbox = Sandbox(
        replace(EVEN, smsbat_webhook_url=URL), post=receiver, on_webhook=lambda _: sandbox.clear()
    )
    await accept(sandbox)
    await asyncio.sleep(100.0)
    assert (sandbox.messages, sandbox.webhooks.waiting, caplog.records) == ([], 0, [])
    await sandbox.aclose()


# -- loops that end --------------------------------------------------------------------------------

LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
NewLoop = Callable[[], asyncio.AbstractEventLoop]


@LOOPS
@pytest.mark.parametrize("ends_well", [True, False], ids=["its tasks cancelled", "closed as it was"])
def test_a_loop_that_ends_with_a_webhook_in_flight_stops_none_on_the_next(
    new_loop: NewLoop, ends_well: bool
) -> None:
    began = asyncio.Event()
    bodies = set[bytes]()

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
        if not began.is_set():
            began.set()
            await asyncio.Event().wait()
        bodies.add(body)
        return 200

    sandbox = Sandbox(replace(EVEN, smsbat_webhook_url=URL, webhook_retries=(0.0,)), post=post)

    async def begin() -> None:
        await accept(sandbox)
        sandbox.advance(60.0)
        await within(began.wait(), "the first webhook")

    async def go_on() -> None:
        assert sandbox.webhooks.waiting == 1
        await send(sandbox, make(id="on the second loop"))
        sandbox.advance(60.0)
        await within(settled(sandbox), "both webhooks")
        await sandbox.aclose()

    if ends_well:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(begin())
    else:
        loop = new_loop()
        loop.run_until_complete(begin())
        assert asyncio.all_tasks(loop)
        loop.close()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(go_on())
    assert (len(bodies), sandbox.webhooks.accepted, sandbox.webhooks.tried) == (2, 2, 3)


@LOOPS
def test_what_was_closed_on_one_loop_stays_so_on_the_next(new_loop: NewLoop) -> None:
    receiver = Receiver()
    sandbox = Sandbox(replace(EVEN, smsbat_webhook_url=URL), post=receiver)

    async def begin() -> None:
        await accept(sandbox)
        await sandbox.aclose()

    async def go_on() -> None:
        sandbox.advance(60.0)
        await call(sandbox, "messages")  # Does what is due, also where nothing happens by itself.
        assert sandbox.webhooks.waiting == 1
        await turns()
        assert receiver.received == []
        async with sandbox:
            await within(settled(sandbox), "the webhook")

    for run in (begin, go_on):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run())
    assert len(receiver.received) == 1


@pytest.mark.looptime
async def test_after_all_tasks_were_cancelled_nothing_begins_on_their_loop_until_it_is_entered() -> None:
    receiver = Receiver(seconds=2.0)
    config = replace(EVEN, smsbat_webhook_url=URL, webhook_retries=(5.0,))
    sandbox = Sandbox(config, post=receiver)
    await accept(sandbox)
    await asyncio.sleep(3.5)
    assert receiver.in_flight == 1
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(100.0)
    assert (len(receiver.received), receiver.in_flight, sandbox.webhooks.waiting) == (1, 0, 1)
    async with sandbox:
        await asyncio.sleep(3.0)
    assert (len(receiver.received), sandbox.webhooks.accepted) == (2, 1)


@LOOPS
def test_what_begins_while_a_loop_ends_is_broken_off_with_the_rest(new_loop: NewLoop) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    under_way = 0

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
        nonlocal under_way
        under_way += 1
        try:
            if not first.is_set():
                try:
                    first.set()
                    await asyncio.Event().wait()
                finally:
                    # The other's time comes while this one tidies up after itself.
                    sandbox.advance(7_200.0)
                    await within(second.wait(), "the second webhook")
            second.set()
            await asyncio.Event().wait()
        finally:
            under_way -= 1
        return 200

    sandbox = Sandbox(replace(EVEN, smsbat_webhook_url=URL, webhook_delay=3_600.0), post=post)

    async def run() -> None:
        await accept(sandbox)
        sandbox.advance(3_601.0)
        await send(sandbox, make(id="second"))
        sandbox.advance(60.0)
        await within(first.wait(), "the first webhook")

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())
    assert second.is_set()
    assert under_way == 0


@pytest.mark.looptime
async def test_the_same_seed_sends_the_same_webhooks_and_changes_no_fate() -> None:
    async def run(**changes: Any) -> tuple[list[tuple[str, str, float]], list[Any]]:
        receiver = Receiver()
        config = SandboxConfig(seed=9, send_rate=0, webhook_statuses="all", **changes)
        sandbox = Sandbox(config, post=receiver)
        since = asyncio.get_running_loop().time()
        await send(sandbox, *[make(id=f"tx-{number}") for number in range(30)])
        await asyncio.sleep(200.0)
        names = {message.message_id: message.tracking_id for message in sandbox.messages}
        told = [
            (names[item.data["messageId"]], item.data["deliverystatus"], round(item.at - since, 3))
            for item in receiver.received
        ]
        await sandbox.aclose()
        return told, [message.fate for message in sandbox.messages]

    shares = {"webhook_lose_share": 0.2, "webhook_duplicate_share": 0.2, "webhook_shuffle_share": 0.2}
    first, fates = await run(smsbat_webhook_url=URL, **shares)
    assert len(first) > 60
    assert await run(smsbat_webhook_url=URL, **shares) == (first, fates)
    assert await run() == ([], fates)
