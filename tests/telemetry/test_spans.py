"""What a user's calls, their requests and their deliveries are in a trace."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from smsbat_async import ClientClosedError, SendOutcome, SessionPool, SmsBatError, ZnsClient, ZnsMessage
from tests.support.cascade import message, messages
from tests.support.fake import (
    FREE,
    NO_CONNECTION,
    Call,
    FakeTransport,
    Reply,
    accepted,
    client_of,
    http,
    status,
    zns,
)
from tests.telemetry.exported import (
    EXACT,
    Exported,
    id_of,
    links_of,
    parent_of,
    seconds_of,
    values_of,
    vendor,
)

SEND = "POST /api/CascadeMessage/send_message/async"
STATUS = "GET /bat/message/{message_id}"


def tracer(exported: Exported) -> Tracer:
    return exported.tracer_provider.get_tracer("user")


class TestOneMessage:
    @pytest.mark.looptime
    async def test_the_users_active_span_is_the_parent_of_sends_span(self) -> None:
        exported = Exported()
        async with client_of(FakeTransport(vendor), hooks=[exported.hook]) as client:
            with tracer(exported).start_as_current_span("order"):
                await client.send(message(1))
        order, send, post = exported.the("order"), exported.the("send smsbat"), exported.the(SEND)
        assert (parent_of(order), parent_of(send), parent_of(post)) == (None, id_of(order), id_of(send))
        assert (send.kind, post.kind) == (SpanKind.PRODUCER, SpanKind.CLIENT)
        assert (send.status.status_code, post.status.status_code) == (StatusCode.UNSET, StatusCode.UNSET)
        assert values_of(send) == {
            "messaging.system": "smsbat",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": "smsbat",
            "messaging.message.id": "m-m-1",
            "server.address": "restapi.smsbat.com",
            "server.port": 443,
            "smsbat.outcome": "accepted",
        }
        assert values_of(post) == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "server.address": "restapi.smsbat.com",
            "server.port": 443,
            "url.scheme": "https",
            "url.template": "/api/CascadeMessage/send_message/async",
        }

    @pytest.mark.looptime
    async def test_the_deliverys_span_links_to_the_sends(self) -> None:
        exported = Exported()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[exported.hook]) as client:
            with tracer(exported).start_as_current_span("order"):
                receipt = await client.send(message(1))
            with tracer(exported).start_as_current_span("job"):
                await client.wait_for_delivery(receipt.message_id)
        track, poll = exported.the("track smsbat"), exported.the(STATUS)
        assert links_of(track) == [id_of(exported.the("send smsbat"))]
        assert parent_of(track) == id_of(exported.the("job"))
        assert parent_of(poll) == id_of(track)
        assert track.kind is SpanKind.INTERNAL
        told = values_of(track)
        assert told["messaging.message.id"] == receipt.message_id
        assert (told["smsbat.outcome"], told["smsbat.source"], told["smsbat.polls"]) == (
            "delivered",
            "poll",
            1,
        )

    @pytest.mark.looptime
    async def test_a_webhooks_news_end_the_span_that_links_to_the_send(self) -> None:
        exported = Exported()
        transport = FakeTransport(lambda call: zns_vendor(call))
        pool = SessionPool(transport=transport)
        async with ZnsClient(api_key="k", pool=pool, limits=FREE, hooks=[exported.hook]) as client:
            notification = ZnsMessage(
                tracking_id="n-1", phone="84987654321", template_id="7", template_data={"code": "4711"}
            )
            receipt = await client.send(notification)
            future = client.track(receipt.message_id)
            client.poller.feed(await client.status(receipt.message_id))
            assert (await future).success
        track = exported.the("track zns")
        assert links_of(track) == [id_of(exported.the("send zns"))]
        assert values_of(track)["messaging.system"] == "zns"

    @pytest.mark.looptime
    async def test_requests_have_the_times_that_they_took_also_after_a_retry(self) -> None:
        replies = [Reply(http(503, retry_after="7"), after=2.0), Reply(status(), after=0.5)]
        exported = Exported()
        async with client_of(FakeTransport(replies), hooks=[exported.hook]) as client:
            await client.status("a")
        first, second = exported.named(STATUS)
        assert [round(seconds_of(each), 6) for each in (first, second)] == [2.0, 0.5]
        assert values_of(first)["error.type"] == "503"
        assert first.status.status_code is StatusCode.ERROR
        assert "http.request.resend_count" not in values_of(first)
        assert values_of(second)["http.request.resend_count"] == 1
        assert "error.type" not in values_of(second)
        assert parent_of(first) == parent_of(second) == id_of(exported.the("status smsbat"))

    @pytest.mark.looptime
    async def test_a_send_of_unknown_fate_is_an_error_that_says_so(self) -> None:
        exported = Exported()
        async with client_of(FakeTransport([http(500)]), hooks=[exported.hook]) as client:
            with pytest.raises(SmsBatError):
                await client.send(message(1))
        send = exported.the("send smsbat")
        assert send.status.status_code is StatusCode.ERROR
        assert send.status.description is None
        told = values_of(send)
        assert (told["error.type"], told["smsbat.outcome"]) == ("OutcomeUnknownError", "unknown")

    @pytest.mark.looptime
    async def test_a_call_that_is_cancelled_has_an_end(self) -> None:
        exported = Exported()
        async with client_of(FakeTransport([NO_CONNECTION]), hooks=[exported.hook]) as client:
            task = asyncio.ensure_future(client.send(message(1)))
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait({task})
            tracked = client.track("a")
            tracked.cancel()
        assert values_of(exported.the("send smsbat"))["error.type"] == "CancelledError"
        assert values_of(exported.the("send smsbat"))["smsbat.outcome"] == "not_sent"
        assert values_of(exported.the("track smsbat"))["error.type"] == "CancelledError"

    @pytest.mark.looptime
    async def test_a_request_that_its_callers_timeout_cancels_has_a_span_too(self) -> None:
        exported = Exported()
        slow = FakeTransport(lambda _: Reply(status(), after=3.0))
        async with client_of(slow, hooks=[exported.hook]) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await client.status("a")
            pending = asyncio.ensure_future(client.status("b"))
            await asyncio.sleep(1.0)
            pending.cancel()
            await asyncio.wait({pending})
        requests, calls = exported.named(STATUS), exported.named("status smsbat")
        assert [values_of(request)["error.type"] for request in requests] == ["cancelled"] * 2
        assert all("http.response.status_code" not in values_of(request) for request in requests)
        assert [parent_of(request) for request in requests] == [id_of(call) for call in calls]


def zns_vendor(call: Call) -> Any:
    if call.request.body is None:
        return zns(1)
    asked = json.loads(call.request.body)
    return http(200, {"error": 0, "data": {"msg_id": "z-1", "tracking_id": asked["tracking_id"]}})


class TestBatches:
    @pytest.mark.looptime
    async def test_a_batch_is_one_span_with_its_requests_and_its_counts(self) -> None:
        def plan(call: Call) -> Any:
            body = call.request.body or b""
            return http(500) if b'"m-4"' in body else accepted(call)

        exported = Exported()
        async with client_of(FakeTransport(plan), hooks=[exported.hook]) as client:
            with tracer(exported).start_as_current_span("job"):
                await client.send_many(messages(5), chunk_size=2)
        batch = exported.the("send_many smsbat")
        assert parent_of(batch) == id_of(exported.the("job"))
        assert [parent_of(post) for post in exported.named(SEND)] == [id_of(batch)] * 3
        told = values_of(batch)
        assert told["messaging.batch.message_count"] == 5
        assert (told["smsbat.messages.accepted"], told["smsbat.messages.unknown"]) == (4, 1)
        assert batch.status.status_code is StatusCode.UNSET
        assert "messaging.message.id" not in told

    @pytest.mark.looptime
    async def test_a_stream_of_deliveries_has_a_span_for_each_that_links_to_its_send(self) -> None:
        exported = Exported()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[exported.hook]) as client:
            results = [result async for result in client.send_stream(messages(3), chunk_size=2)]
            ids = [result.message_id or "" for result in results]
            await asyncio.sleep(50)
            assert len([one async for one in client.deliveries([*ids, "foreign"])]) == 4
        sent, stream = exported.the("send_stream smsbat"), exported.the("deliveries smsbat")
        each = exported.named("delivery smsbat")
        assert [parent_of(span) for span in each] == [id_of(stream)] * 4
        linked = {values_of(span)["messaging.message.id"]: links_of(span) for span in each}
        assert linked == {**{one: [id_of(sent)] for one in ids}, "foreign": []}
        assert [round(seconds_of(span), 6) for span in each] == [5.0] * 4
        assert values_of(stream)["messaging.batch.message_count"] == 4
        assert values_of(stream)["smsbat.messages.delivered"] == 4
        assert values_of(sent)["messaging.batch.message_count"] == 3

    @pytest.mark.looptime
    async def test_the_statuses_of_many_ids_are_counted_once_each(self) -> None:
        exported = Exported()
        replies = [http(503), status()]
        async with client_of(FakeTransport(replies), hooks=[exported.hook]) as client:
            await client.fetch_statuses(["a", "b", "c"], concurrency=1)
        batch = exported.the("fetch_statuses smsbat")
        assert values_of(batch)["messaging.batch.message_count"] == 3
        assert len(exported.named(STATUS)) == 4

    @pytest.mark.looptime
    async def test_what_comes_after_a_batch_was_cancelled_is_still_its_child(self) -> None:
        exported = Exported()
        transport = FakeTransport(
            lambda call: Reply(accepted(call), after=3.0) if call.request.body else status()
        )
        async with client_of(transport, polling=EXACT, hooks=[exported.hook]) as client:
            task = asyncio.ensure_future(client.send_many(messages(2)))
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait({task})
            await asyncio.sleep(5)
            await client.track("m-m-1")
        batch = exported.the("send_many smsbat")
        assert "messaging.batch.message_count" not in values_of(batch)
        assert parent_of(exported.the(SEND)) == id_of(batch)
        assert links_of(exported.the("track smsbat")) == [id_of(batch)]


class TestClosing:
    @pytest.mark.looptime
    async def test_a_client_that_closes_makes_no_errors_of_what_only_waits(self) -> None:
        exported = Exported()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[exported.hook]) as client:
            future = client.track("a")
            stream = client.deliveries(["b"])
            reading = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(1)
        assert isinstance(future.exception(), ClientClosedError)
        with pytest.raises(ClientClosedError):
            await reading
        for name in ("track smsbat", "deliveries smsbat"):
            span = exported.the(name)
            assert span.status.status_code is StatusCode.UNSET
            assert values_of(span)["error.type"] == "ClientClosedError"

    @pytest.mark.looptime
    async def test_a_send_that_the_closing_kept_from_leaving_is_an_error(self) -> None:
        exported = Exported()
        transport = FakeTransport([Reply(status(), after=60.0)])
        pool = SessionPool(max_concurrency=1, transport=transport)
        async with pool, client_of(transport, pool=pool, hooks=[exported.hook]) as client:
            asking = asyncio.ensure_future(client.status("a"))
            sending = asyncio.ensure_future(client.send(message(1)))
            await asyncio.sleep(1)
            await client.aclose(grace=1.0)
            await asyncio.wait({asking, sending})
        assert isinstance(sending.exception(), ClientClosedError)
        for name in ("send smsbat", "status smsbat"):
            span = exported.the(name)
            assert span.status.status_code is StatusCode.ERROR
            assert values_of(span)["error.type"] == "ClientClosedError"

    @pytest.mark.looptime
    async def test_other_ends_of_what_waits_are_errors_as_ever(self) -> None:
        exported = Exported()
        async with client_of(FakeTransport([http(401)]), polling=EXACT, hooks=[exported.hook]) as client:
            with pytest.raises(SmsBatError):
                await client.wait_for_delivery("a")
        track = exported.the("track smsbat")
        assert track.status.status_code is StatusCode.ERROR
        assert values_of(track)["error.type"] == "AuthenticationError"


class TestSampling:
    @pytest.mark.looptime
    async def test_an_unsampled_trace_has_no_spans_and_all_metrics(self) -> None:
        exported = Exported(sampler=ParentBased(root=ALWAYS_OFF))
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[exported.hook]) as client:
            with tracer(exported).start_as_current_span("order"):
                receipt = await client.send(message(1))
                await client.wait_for_delivery(receipt.message_id)
                await client.send_many(messages(3))
        assert exported.spans == ()
        assert sum(exported.counts("smsbat.sends").values()) == 4
        assert sum(count for count, _ in exported.sums("http.client.request.duration").values()) == 3
        assert client.hook_failures == 0

    @pytest.mark.looptime
    async def test_a_sampled_delivery_links_to_no_unsampled_send(self) -> None:
        unsampled, sampled = Exported(sampler=ParentBased(root=ALWAYS_OFF)), Exported()
        hooks = [unsampled.hook, sampled.hook]
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=hooks) as client:
            receipt = await client.send(message(1))
            await client.wait_for_delivery(receipt.message_id)
        assert unsampled.spans == ()
        assert links_of(sampled.the("track smsbat")) == [id_of(sampled.the("send smsbat"))]


class TestMemory:
    @pytest.mark.looptime
    async def test_only_the_last_sends_are_remembered(self) -> None:
        exported = Exported(remembered=2)
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[exported.hook]) as client:
            receipts = [await client.send(message(number)) for number in range(3)]
            for receipt in receipts:
                await client.wait_for_delivery(receipt.message_id)
        assert [len(links_of(span)) for span in exported.named("track smsbat")] == [0, 1, 1]

    @pytest.mark.looptime
    async def test_a_hook_that_two_clients_share_tells_them_apart(self) -> None:
        exported = Exported()
        pool = SessionPool(transport=FakeTransport([Reply(zns(1), after=1.0)]))
        slow = FakeTransport(lambda call: Reply(vendor(call), after=2.0))
        async with (
            client_of(slow, hooks=[exported.hook]) as smsbat,
            ZnsClient(api_key="k", pool=pool, limits=FREE, hooks=[exported.hook]) as other,
        ):
            await asyncio.gather(smsbat.status("a"), other.status("a"), smsbat.send(message(1)))
        by_parent = Counter((span.name, parent_of(span)) for span in exported.spans)
        of_zns = id_of(exported.the("status zns"))
        [zns_request] = [span for span in exported.spans if parent_of(span) == of_zns]
        assert values_of(zns_request)["server.address"] == "zns.api.gobysend.com"
        assert by_parent[STATUS, id_of(exported.the("status smsbat"))] == 1
        assert by_parent[SEND, id_of(exported.the("send smsbat"))] == 1
        assert {SendOutcome(str(dict(key)["smsbat.outcome"])) for key in exported.counts("smsbat.sends")} == {
            SendOutcome.ACCEPTED
        }
