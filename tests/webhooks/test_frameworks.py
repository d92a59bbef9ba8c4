"""Webhooks through real servers: uvicorn with FastAPI, and aiohttp.web."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from smsbat_async import MessageStatus, Outcome, SmsBatClient, ZnsStatus
from smsbat_async.campaign import Ledger, State
from smsbat_async.webhooks import WebhookEvent, WebhookReceiver, ZaloSignature
from smsbat_async.webhooks.reply import BODY_MAXIMUM
from tests.campaign.ledgers import claimed, filled, states
from tests.support import bodies, within
from tests.support.fake import FakeTransport, client_of
from tests.support.fake import status as status_answer
from tests.tracking.test_poller_news import zns_client
from tests.webhooks.frameworks import FRAMEWORKS, PATH, Answer, Served, served
from tests.webhooks.posting import OTHER, SECRET, body

in_both = pytest.mark.parametrize("framework", FRAMEWORKS)

NOW = 1_769_000_000.0
OA_SECRET = "the-secret-key-of-the-account"


def quiet_client() -> SmsBatClient:
    """Return a client whose polls never tell of an end."""
    return client_of(FakeTransport([status_answer("processing")]))


def receiver_of(client: SmsBatClient, **options: Any) -> WebhookReceiver[MessageStatus]:
    return WebhookReceiver(client, **{"secrets": [SECRET], **options})


class Told:
    """A callback that remembers the events, and can be waited for."""

    def __init__(self) -> None:
        self.events: list[WebhookEvent[Any]] = []
        self._changed = asyncio.Condition()

    async def __call__(self, event: WebhookEvent[Any]) -> None:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    async def all(self, count: int) -> None:
        async with self._changed:
            await within(self._changed.wait_for(lambda: len(self.events) >= count), f"{count} events")


async def until(condition: Callable[[], bool], what: str) -> None:
    async def looked() -> None:
        while not condition():  # noqa: ASYNC110 - nothing tells when a request has come
            await asyncio.sleep(0.005)

    await within(looked(), what)


# -- news --------------------------------------------------------------------------------------------


@in_both
async def test_a_webhook_resolves_the_future_and_is_told_to_the_callback(framework: str) -> None:
    client, told = quiet_client(), Told()
    receiver = receiver_of(client, on_event=told)
    async with served(framework, receiver, client) as server:
        future = client.track("m-1")
        assert (await server.post(body(cost=0.05))).status == 200
        delivery = await within(future, "the delivery")
        await told.all(1)
    assert (delivery.outcome, delivery.source, str(delivery.cost)) == (Outcome.DELIVERED, "webhook", "0.05")
    assert told.events[0].status == delivery.status
    assert server.complaints == []


@in_both
async def test_the_secret_may_be_in_the_path(framework: str) -> None:
    client = quiet_client()
    async with served(framework, receiver_of(client, secrets=[SECRET, OTHER]), client) as server:
        for number, secret in enumerate((SECRET, OTHER)):
            future = client.track(f"m-{number}")
            answer = await server.post(body(f"m-{number}"), secret=None, path=f"{PATH}/{secret}")
            assert (answer.status, answer.text) == (200, "ok")
            assert (await within(future, "the delivery")).success


@in_both
async def test_a_connection_serves_many_webhooks(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server, server.connection() as connection:
        for number in range(20):
            raw = body(f"m-{number}")
            await connection.begin(PATH, {"Content-Length": str(len(raw)), "X-Webhook-Secret": SECRET})
            await connection.send(raw)
            assert (await connection.answer()).status == 200
        assert receiver.stats.accepted == 20


@in_both
async def test_row_61_a_repeated_webhook_is_answered_and_told_once(framework: str) -> None:
    client, told = quiet_client(), Told()
    receiver = receiver_of(client, on_event=told)
    async with served(framework, receiver, client) as server:
        future = client.track("m-1")
        answers = await asyncio.gather(*(server.post(body()) for _ in range(5)))
        assert [answer.status for answer in answers] == [200] * 5
        assert (await within(future, "the delivery")).success
    assert len(told.events) == 1
    assert (receiver.stats.accepted, receiver.stats.repeated) == (1, 4)


@in_both
async def test_row_62_an_earlier_state_changes_nothing(framework: str) -> None:
    client, told = quiet_client(), Told()
    async with served(framework, receiver_of(client, on_event=told), client) as server:
        future = client.track("m-1")
        for word in ("processing", "scheduled", "delivered", "processing", "undeliverable"):
            assert (await server.post(body(word=word))).status == 200
        assert (await within(future, "the delivery")).outcome is Outcome.DELIVERED
    words = [event.status.delivery_status for event in told.events if event.status]
    assert words == ["processing", "delivered"]


@in_both
async def test_row_63_a_webhook_that_is_faster_than_the_answer_is_merged(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server:
        assert (await server.post(body("m-early"))).status == 200
        assert receiver.stats.unmatched == 1
        delivery = await within(client.track("m-early"), "the delivery")
    assert (delivery.outcome, delivery.polls) == (Outcome.DELIVERED, 0)


@in_both
async def test_row_64_a_webhook_settles_a_message_of_unknown_fate(framework: str, tmp_path: Path) -> None:
    client = quiet_client()
    async with Ledger.open(tmp_path / "ledger.db") as ledger:
        campaign = await filled(ledger, 4)
        await claimed(ledger, campaign)
        await ledger.recover(campaign)  # what was being sent when the program was killed
        assert await states(ledger, campaign) == {State.UNKNOWN: 4}
        async with served(framework, receiver_of(client, store=ledger.add_events), client) as server:
            assert (await server.post(body("vendor-2", trackinId="spring-2"))).status == 200
        assert await ledger.merge_news(campaign) == 1
        assert await states(ledger, campaign) == {State.DELIVERED: 1, State.UNKNOWN: 3}


# -- who sends it ------------------------------------------------------------------------------------

WRONG: dict[str, tuple[str | bytes, dict[str, str | bytes]]] = {
    "none": (PATH, {}),
    "an empty header": (PATH, {"X-Webhook-Secret": ""}),
    "a wrong header": (PATH, {"X-Webhook-Secret": SECRET[:-1]}),
    "a wrong path": (f"{PATH}/{SECRET}x", {}),
    "two wrong ones": (f"{PATH}/{SECRET.upper()}", {"X-Webhook-Secret": OTHER}),
    "a header of bytes": (PATH, {"X-Webhook-Secret": b"\xff\xfe\xd1\x81"}),
    "a header in UTF-8": (PATH, {"X-Webhook-Secret": "секрет".encode()}),
    "a path in UTF-8": (f"{PATH}/%D1%81%D0%B5%D0%BA%D1%80%D0%B5%D1%82", {}),
    "a path that is no UTF-8": (f"{PATH}/%FF%FE%ED%A0%80", {}),
    "a path with a zero": (f"{PATH}/%00", {}),
    "a long path": (f"{PATH}/{'a' * 4_000}", {}),
}


@in_both
@pytest.mark.parametrize("wrong", WRONG)
async def test_row_65_without_the_secret_nothing_is_read(framework: str, wrong: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    target, headers = WRONG[wrong]
    async with served(framework, receiver, client) as server, server.connection() as connection:
        await connection.begin(target, {"Content-Length": "1000", **headers})
        answer = await connection.answer()  # and not one byte of the body was sent
        assert (answer.status, answer.text) == (401, "unauthorized")
        assert answer.ends_the_connection
    assert receiver.stats.unauthorized == 1
    assert server.complaints == []


@in_both
async def test_row_65_bytes_in_the_path_are_no_failure_of_the_server(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server, server.connection() as connection:
        await connection.begin(PATH.encode() + b"/\xff\xfe", {"Content-Length": "0"})
        assert (await connection.answer()).status in {400, 401, 404}
    assert receiver.stats.accepted == 0


def zalo(at: float = NOW, message_id: str = "z-1") -> bytes:
    return (
        b'{"event_name":"user_received_message","app_id":"77","timestamp":"%d","sender":{"id":"oa"},'
        b'"recipient":{"id":"84987654321"},"message":{"delivery_time":"%d","msg_id":"%s","tracking_id":"t"}}'
        % (at * 1000, at * 1000, message_id.encode())
    )


def mac_of(raw: bytes, at: float = NOW, secret: str = OA_SECRET) -> str:
    return "mac=" + hashlib.sha256(b"77" + raw + b"%d" % (at * 1000) + secret.encode()).hexdigest()


def zns_receiver(
    told: Told, clock: Callable[[], float] = lambda: NOW
) -> tuple[Any, WebhookReceiver[ZnsStatus]]:
    client = zns_client(FakeTransport([]))
    verify = ZaloSignature(secrets=[OA_SECRET], clock=clock)
    return client, WebhookReceiver(client, verify=verify, on_event=told)


async def post_signed(server: Served, raw: bytes, mac: str | None) -> Answer:
    return await server.post(raw, secret=None, **({} if mac is None else {"X_ZEvent_Signature": mac}))


@in_both
async def test_a_signed_webhook_is_taken_and_so_is_the_probe(framework: str) -> None:
    told = Told()
    client, receiver = zns_receiver(told)
    async with served(framework, receiver, client) as server:
        future = client.track("z-1")
        assert (await post_signed(server, zalo(), mac_of(zalo()))).status == 200
        assert (await within(future, "the delivery")).success
        for probe in (b"", b"{}", b'{"test":1}'):
            assert (await post_signed(server, probe, None)).status == 200
        assert receiver.stats.probes == 3


@in_both
async def test_row_65_a_wrong_signature_is_refused(framework: str) -> None:
    told = Told()
    client, receiver = zns_receiver(told)
    wrong = [None, "", "mac=", mac_of(zalo())[4:], mac_of(zalo(), secret="x"), mac_of(zalo())[:-1] + "g"]
    async with served(framework, receiver, client) as server:
        for mac in wrong:
            assert (await post_signed(server, zalo(), mac)).status == 401
        async with server.connection() as connection:
            raw = zalo()
            headers: dict[str, str | bytes] = {
                "Content-Length": str(len(raw)),
                "X-ZEvent-Signature": b"mac=\xff\xd1\x81",
            }
            await connection.begin(PATH, headers)
            await connection.send(raw)
            assert (await connection.answer()).status == 401
    assert receiver.stats.unauthorized == len(wrong) + 1
    assert told.events == []
    assert server.complaints == []


@in_both
async def test_row_66_what_was_signed_long_ago_or_in_the_future_is_refused(framework: str) -> None:
    told, now = Told(), [NOW]
    client, receiver = zns_receiver(told, lambda: now[0])
    async with served(framework, receiver, client) as server:
        for seconds, expected in ((-301, 401), (299, 200), (301, 401), (0, 200)):
            now[0] = NOW + seconds
            assert (await post_signed(server, zalo(), mac_of(zalo()))).status == expected
    assert len(told.events) == 1
    assert (receiver.stats.unauthorized, receiver.stats.repeated) == (2, 1)


# -- bodies ------------------------------------------------------------------------------------------


@in_both
async def test_row_67_a_body_that_says_it_is_too_large_is_not_read(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server, server.connection() as connection:
        length = {"Content-Length": str(BODY_MAXIMUM + 1), "X-Webhook-Secret": SECRET}
        await connection.begin(PATH, length)
        answer = await connection.answer()
        assert (answer.status, answer.ends_the_connection) == (413, True)
    assert receiver.stats.refused == 1
    assert server.complaints == []


@in_both
async def test_row_67_a_body_that_turns_out_too_large_is_read_no_further(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server, server.connection() as connection:
        await connection.begin(PATH, {"Transfer-Encoding": "chunked", "X-Webhook-Secret": SECRET})
        chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        for _ in range(BODY_MAXIMUM // 0x4000):
            await connection.send(chunk)
        assert receiver.stats.refused == 0
        await connection.send(chunk)  # and it does not end
        answer = await connection.answer()
        assert (answer.status, answer.ends_the_connection) == (413, True)
    assert receiver.stats.refused == 1
    assert server.complaints == []


@in_both
async def test_a_body_of_the_largest_size_is_taken(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    raw = body().ljust(BODY_MAXIMUM)
    async with served(framework, receiver, client) as server:
        assert (await server.post(raw)).status == 200
        assert (await server.post(raw + b" ")).status == 413
    assert receiver.stats.accepted == 1


@in_both
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP"])
async def test_row_67_a_compressed_body_is_refused(framework: str, encoding: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server:
        assert (await server.post(bodies.gzip(body()), Content_Encoding=encoding)).status == 415
        assert (await server.post(body())).status == 200
    assert receiver.stats.accepted == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_row_67_a_compressed_body_is_refused_where_aiohttp_unpacks_nothing(encoding: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served("aiohttp", receiver, client, auto_decompress=False) as server:
        assert (await server.post(bodies.gzip(body()), Content_Encoding=encoding)).status == 415
        assert (await server.post(body())).status == 200
    assert (receiver.stats.refused, receiver.stats.accepted) == (1, 1)
    assert server.complaints == []


@in_both
async def test_row_67_a_body_that_comes_too_slowly_is_given_up(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client, read_timeout=0.03)
    async with served(framework, receiver, client) as server, server.connection() as connection:
        raw = body()
        await connection.begin(PATH, {"Content-Length": str(len(raw)), "X-Webhook-Secret": SECRET})
        await connection.send(raw[:-1])
        answer = await connection.answer()
        assert (answer.status, answer.ends_the_connection) == (408, True)
        await connection.send(raw[-1:])
    assert (receiver.stats.refused, receiver.stats.accepted) == (1, 0)
    assert server.complaints == []


MALFORMED = {
    "nothing": b"",
    "no JSON": b"messageId=m-1&deliverystatus=delivered",
    "half": body()[:-1],
    "an array": b"[" + body() + b"]",
    "a number": b"1",
    "null": b"null",
    "no UTF-8": b'{"messageId":"m-1","deliverystatus":"\xff\xfe"}',
    "half an emoji": rb'{"messageId":"m-1\ud83d","deliverystatus":"delivered"}',
    "deep arrays": b'{"messageId":' + bodies.nested(BODY_MAXIMUM // 2 - 100) + b"}",
    "deep objects": b'{"a":' * (BODY_MAXIMUM // 5 - 1),
    "no id": b'{"deliverystatus":"delivered"}',
    "an id of another kind": b'{"messageId":{"a":1},"deliverystatus":"delivered"}',
    "a long id": body("m" * 255),
    "a status of another kind": b'{"messageId":"m-1","deliverystatus":["delivered"]}',
    "no status": b'{"messageId":"m-1"}',
}


@in_both
@pytest.mark.parametrize("kind", MALFORMED)
async def test_row_68_what_the_vendor_never_sends_is_refused_and_counted(framework: str, kind: str) -> None:
    client, told = quiet_client(), Told()
    receiver = receiver_of(client, on_event=told)
    async with served(framework, receiver, client) as server:
        assert (await server.post(MALFORMED[kind])).status == 400
        assert receiver.stats.malformed == 1
        assert (await server.post(body())).status == 200
        await told.all(1)
    assert server.complaints == []


@in_both
async def test_row_68_a_million_levels_are_too_large_to_be_looked_at(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server:
        assert (await server.post(bodies.nested(1_000_000))).status == 413
        assert (await server.post(body())).status == 200
    assert (receiver.stats.refused, receiver.stats.accepted) == (1, 1)
    assert server.complaints == []


@in_both
@pytest.mark.parametrize("how", ["finish", "reset"])
async def test_a_sender_that_hangs_up_in_the_middle_leaves_no_traceback(framework: str, how: str) -> None:
    client, told = quiet_client(), Told()
    receiver = receiver_of(client, on_event=told)
    async with served(framework, receiver, client) as server:
        async with server.connection() as connection:
            await connection.begin(PATH, {"Content-Length": "100", "X-Webhook-Secret": SECRET})
            await connection.send(body()[:20])
            await until(lambda: receiver.stats.received == 1, "the request")
            if how == "reset":
                connection.reset()
        await until(lambda: receiver.stats.refused == 1, "the end of the request")
        assert (await server.post(body())).status == 200
        await told.all(1)
    assert server.complaints == []


# -- when it cannot be taken -----------------------------------------------------------------------------


@in_both
async def test_row_69_while_the_store_is_down_the_vendor_is_told_to_come_again(framework: str) -> None:
    client, told = quiet_client(), Told()
    kept: list[WebhookEvent[MessageStatus]] = []
    down = True

    async def store(events: Sequence[WebhookEvent[MessageStatus]]) -> None:
        if down:
            raise OSError("disk full")
        kept.extend(events)

    receiver = receiver_of(client, store=store, on_event=told)
    async with served(framework, receiver, client) as server:
        future = client.track("m-1")
        assert (await server.post(body())).status == 503
        assert not future.done()
        assert (kept, told.events) == ([], [])
        down = False
        assert (await server.post(body())).status == 200
        assert (await within(future, "the delivery")).success
        assert (await server.post(body())).status == 200
    assert [event.status for event in kept] == [event.status for event in told.events]
    assert len(kept) == 1
    assert [record.name for record in server.complaints] == ["smsbat_async.webhooks"]
    assert "disk full" not in server.complaints[0].getMessage()


@in_both
async def test_row_69_callbacks_that_are_behind_make_the_vendor_come_again(framework: str) -> None:
    client = quiet_client()
    go_on, told = asyncio.Event(), Told()

    async def slow(event: WebhookEvent[MessageStatus]) -> None:
        await go_on.wait()
        await told(event)

    receiver = receiver_of(client, on_event=slow, concurrency=1, backlog=1)
    async with served(framework, receiver, client) as server:
        answers = [(await server.post(body(f"m-{number}"))).status for number in range(3)]
        assert answers == [200, 200, 503]
        go_on.set()
        await told.all(2)
        assert (await server.post(body("m-2"))).status == 200
    assert [event.status.message_id for event in told.events if event.status] == ["m-0", "m-1", "m-2"]


@in_both
async def test_a_receiver_that_is_closed_tells_the_vendor_to_come_again(framework: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server:
        await receiver.aclose()
        assert (await server.post(body())).status == 503


@in_both
async def test_a_receiver_that_is_closed_while_a_body_comes_starts_nothing_more(framework: str) -> None:
    client, told = quiet_client(), Told()
    receiver = receiver_of(client, on_event=told)
    async with served(framework, receiver, client) as server, server.connection() as connection:
        raw = body()
        await connection.begin(PATH, {"Content-Length": str(len(raw)), "X-Webhook-Secret": SECRET})
        await connection.send(raw[:-1])
        await until(lambda: receiver.stats.received == 1, "the request")
        await receiver.aclose()
        await connection.send(raw[-1:])
        assert (await connection.answer()).status == 503
    assert told.events == []


# -- around it -------------------------------------------------------------------------------------------


@in_both
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused(framework: str, method: str) -> None:
    client = quiet_client()
    receiver = receiver_of(client)
    async with served(framework, receiver, client) as server:
        async with server.connection() as connection:
            await connection.begin(PATH, {"X-Webhook-Secret": SECRET, "Content-Length": "0"}, method)
            head = await within(connection.reader.readuntil(b"\r\n\r\n"), "an answer")
        assert head.split()[1] == b"405"
        assert b"allow: post" in head.lower()
    assert receiver.stats.received == 0
    assert server.complaints == []


@in_both
async def test_closing_lets_callbacks_be_done_before_the_client_closes(framework: str) -> None:
    client = quiet_client()
    said: list[str] = []

    async def ask(event: WebhookEvent[MessageStatus]) -> None:
        await asyncio.sleep(0.02)
        assert event.status is not None
        said.append((await client.status(event.status.message_id)).delivery_status)

    # The receiver is named first, and closed first all the same.
    async with served(framework, receiver_of(client, on_event=ask), client) as server:
        assert (await server.post(body())).status == 200
        assert said == []
    assert said == ["processing"]
    assert "closed" in repr(client)
    assert server.complaints == []


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_uvicorns_access_log_does_not_show_the_secret(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = quiet_client()
    caplog.set_level("INFO")
    async with served("fastapi", receiver_of(client), client, access_log=True) as server:
        await server.request(method, f"{PATH}/{SECRET}", body())
    [line] = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert f"{PATH}/hidden " in line
    assert SECRET not in caplog.text


async def test_aiohttps_access_log_without_the_first_line_does_not_show_the_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = quiet_client()
    caplog.set_level("INFO")
    plain = {"access_log_format": '%a "%{User-Agent}i" %s %b %Tf'}
    async with served("aiohttp", receiver_of(client), client, **plain) as server:
        await server.post(body(), secret=None, path=f"{PATH}/{SECRET}")
    assert [record.name for record in caplog.records].count("aiohttp.access") == 1
    assert SECRET not in caplog.text
