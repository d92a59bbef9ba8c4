"""What is counted and measured, and with which few attributes."""

import asyncio
import datetime as dt
import gc
import tracemalloc
from typing import Any

import pytest

from smsbat_async import (
    Call,
    CallStarted,
    ChunkSent,
    MessageStatus,
    NotSentError,
    RetryPolicy,
    Route,
    SendOutcome,
    SendResult,
    SessionPool,
    SmsBatError,
    ZnsClient,
    ZnsStatus,
)
from smsbat_async.tracking.cache import CAPACITY
from tests.support.cascade import message, messages
from tests.support.fake import (
    FREE,
    FakeTransport,
    Reply,
    accepted,
    client_of,
    http,
    refused,
    status,
    too_many,
)
from tests.support.fake import Call as Attempted
from tests.telemetry.exported import EXACT, Exported, attributes, vendor

SMSBAT = attributes(messaging_system="smsbat")
STATUS = {
    ("http.request.method", "GET"),
    ("server.address", "restapi.smsbat.com"),
    ("server.port", 443),
    ("url.template", "/bat/message/{message_id}"),
}
WHERE = {("server.address", "restapi.smsbat.com"), ("smsbat.request.kind", "status")}
NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


class TestRequests:
    @pytest.mark.looptime
    async def test_are_measured_by_the_http_conventions(self) -> None:
        replies = [
            Reply(http(503, retry_after="1"), after=2.0),
            Reply(http(200, b"<html>"), after=0.25),
            Reply(status(), after=0.5),
        ]
        exported = Exported()
        async with client_of(FakeTransport(replies), hooks=[exported.hook]) as client:
            await client.status("a")
        answered = STATUS | {("http.response.status_code", 200)}
        assert exported.sums("http.client.request.duration") == {
            frozenset(STATUS | {("http.response.status_code", 503), ("error.type", "503")}): (1, 2.0),
            frozenset(answered | {("error.type", "unreadable")}): (1, 0.25),
            frozenset(answered): (1, 0.5),
        }

    @pytest.mark.looptime
    async def test_that_are_made_again_are_counted_and_so_are_pauses(self) -> None:
        exported = Exported()
        replies = [too_many("2"), http(500), status()]
        async with client_of(FakeTransport(replies), hooks=[exported.hook]) as client:
            await client.status("a")
        assert exported.counts("smsbat.retries") == {
            frozenset(WHERE | {("error.type", "429")}): 1,
            frozenset(WHERE | {("error.type", "500")}): 1,
        }
        assert exported.counts("smsbat.pauses") == {frozenset(WHERE): 1}

    @pytest.mark.looptime
    async def test_that_get_no_answer_tell_what_was_met(self) -> None:
        exported = Exported()
        transport = FakeTransport([NotSentError("ConnectionRefusedError (errno 111)", kind="connect")])
        once = RetryPolicy(attempts=1)
        async with client_of(transport, retry=once, hooks=[exported.hook]) as client:
            with pytest.raises(NotSentError):
                await client.status("a")
        assert exported.sums("http.client.request.duration") == {
            frozenset(STATUS | {("error.type", "connect")}): (1, 0.0)
        }

    @pytest.mark.looptime
    async def test_that_were_never_made_are_not_measured(self) -> None:
        exported, transport = Exported(), FakeTransport([refused()])
        once = RetryPolicy(attempts=1)
        async with client_of(transport, retry=once, hooks=[exported.hook]) as client:
            results = await client.fetch_statuses([f"m-{number}" for number in range(30)], concurrency=1)
        kinds = [getattr(result.error, "kind", None) for result in results]
        assert kinds == ["connect"] * 10 + ["circuit_open"] * 20
        assert len(transport.calls) == 10
        assert [count for count, _ in exported.sums("http.client.request.duration").values()] == [10]


class TestSends:
    @pytest.mark.looptime
    async def test_are_counted_by_what_became_of_them(self) -> None:
        def plan(call: Attempted) -> Any:
            body = call.request.body or b""
            if b'"m-1"' in body:
                return http(422)
            return http(500) if b'"m-2"' in body else accepted(call)

        exported = Exported()
        async with client_of(FakeTransport(plan), hooks=[exported.hook]) as client:
            await client.send_many(messages(5), chunk_size=1)
        assert exported.counts("smsbat.sends") == {
            attributes(messaging_system="smsbat", smsbat_outcome="accepted"): 3,
            attributes(messaging_system="smsbat", smsbat_outcome="rejected", error_type="422"): 1,
            attributes(messaging_system="smsbat", smsbat_outcome="unknown", error_type="500"): 1,
        }

    @pytest.mark.looptime
    async def test_are_measured_as_messaging_operations(self) -> None:
        exported = Exported()
        transport = FakeTransport(lambda call: Reply(accepted(call), after=1.5))
        async with client_of(transport, hooks=[exported.hook]) as client:
            await client.send(message(1))
            with pytest.raises(SmsBatError):
                await client.send("a text")  # type: ignore[arg-type]
        where = {("messaging.system", "smsbat"), ("server.address", "restapi.smsbat.com")}
        where |= {("messaging.operation.name", "send")}
        assert exported.sums("messaging.client.operation.duration") == {
            frozenset(where): (1, 1.5),
            frozenset(where | {("error.type", "InvalidMessageError")}): (1, 0.0),
        }


class TestTracking:
    @pytest.mark.looptime
    async def test_tells_how_many_messages_are_tracked_now(self) -> None:
        exported = Exported()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[exported.hook]) as client:
            futures = [client.track(name) for name in ("a", "b", "c", "a")]
            assert exported.counts("smsbat.tracked") == {SMSBAT: 3}
            futures[1].cancel()
            assert exported.counts("smsbat.tracked") == {SMSBAT: 2}
            await futures[0]
            await futures[2]
            assert exported.counts("smsbat.tracked") == {SMSBAT: 0}

    @pytest.mark.looptime
    async def test_counts_polls_and_deliveries(self) -> None:
        exported = Exported()
        replies = [http(500), status("processing"), status()]
        async with client_of(FakeTransport(replies), polling=EXACT, hooks=[exported.hook]) as client:
            await client.track("a")
            await client.track("a")
            await client.track("b", timeout=1.0)
        assert exported.counts("smsbat.polls") == {
            SMSBAT: 3,
            attributes(messaging_system="smsbat", error_type="500"): 1,
        }
        delivered = {"messaging_system": "smsbat", "smsbat_outcome": "delivered"}
        assert exported.counts("smsbat.deliveries") == {
            attributes(**delivered, smsbat_source="poll"): 2,
            attributes(**delivered, smsbat_source="cache"): 1,
        }
        [(count, total)] = exported.sums("smsbat.delivery.duration").values()
        assert (count, round(total, 6)) == (2, 26.8)


class TestDetectionLag:
    @pytest.mark.looptime
    async def test_is_at_most_the_time_since_the_last_answer_that_was_not_the_end(self) -> None:
        exported = Exported()
        replies = [status("processing"), status()]
        async with client_of(FakeTransport(replies), polling=EXACT, hooks=[exported.hook]) as client:
            await client.track("a")
        basis = attributes(messaging_system="smsbat", smsbat_lag_basis="poll")
        assert exported.sums("smsbat.delivery.lag") == {basis: (1, 8.0)}

    @pytest.mark.looptime
    async def test_is_exact_where_the_vendor_tells_the_time(self) -> None:
        at = int(NOW.timestamp() * 1_000) - 3_250
        told = {"status": 1, "delivery_time": str(at)}
        transport = FakeTransport([http(200, {"error": 0, "data": told})])
        exported = Exported(clock=lambda: int(NOW.timestamp() * 1e9))
        pool = SessionPool(transport=transport)
        async with ZnsClient(
            api_key="k", pool=pool, limits=FREE, polling=EXACT, hooks=[exported.hook]
        ) as client:
            await client.track("a")
        basis = attributes(messaging_system="zns", smsbat_lag_basis="vendor")
        assert exported.sums("smsbat.delivery.lag") == {basis: (1, 3.25)}

    @pytest.mark.looptime
    async def test_is_not_guessed_where_a_webhook_or_a_deadline_ends_the_tracking(self) -> None:
        exported = Exported()
        transport = FakeTransport([status("processing")])
        async with client_of(transport, polling=EXACT, hooks=[exported.hook]) as client:
            futures = [client.track("a"), client.track("b", timeout=30.0)]
            await asyncio.sleep(9)
            client.poller.feed(MessageStatus(message_id="a", delivery_status="delivered"))
            await asyncio.gather(*futures)
        assert exported.sums("smsbat.delivery.lag") == {}
        assert sum(exported.counts("smsbat.deliveries").values()) == 2

    @pytest.mark.looptime
    async def test_is_not_the_time_for_which_a_webhook_waited_for_somebody_to_follow_its_message(
        self,
    ) -> None:
        exported = Exported(clock=lambda: int(NOW.timestamp() + 300) * 10**9)
        pool = SessionPool(transport=FakeTransport([http(500)]))
        async with ZnsClient(api_key="k", pool=pool, limits=FREE, hooks=[exported.hook]) as client:
            client.poller.feed(ZnsStatus(message_id="a", status=1, delivery_time=NOW))
            for number in range(CAPACITY):  # of answers that are remembered: the first is not any more
                client.poller.feed(ZnsStatus(message_id=f"n-{number}", status=1))
            delivery = await client.track("a")
        assert (delivery.source, delivery.elapsed) == ("webhook", 0.0)
        assert exported.sums("smsbat.delivery.lag") == exported.sums("smsbat.delivery.duration") == {}
        assert sum(exported.counts("smsbat.deliveries").values()) == 1


class TestMemory:
    def test_a_campaign_does_not_grow_it(self) -> None:
        exported = Exported(remembered=1_000)
        call = Call(number=1, operation="send_stream", vendor="smsbat", host="https://h:443", began=0.0)
        sent = message(1)
        exported.hook(CallStarted(call=call))

        def send(chunks: range) -> int:
            for chunk in chunks:
                results = (
                    SendResult(sent, SendOutcome.ACCEPTED, f"v-{chunk}-{number}", None)
                    for number in range(1_000)
                )
                exported.hook(ChunkSent(results=tuple(results), route=Route.STANDARD, call=call))
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            early = send(range(10))
            late = send(range(10, 50))
        finally:
            tracemalloc.stop()
        assert sum(exported.counts("smsbat.sends").values()) == 50_000
        assert late - early < 50_000  # bytes, for 40,000 messages more
