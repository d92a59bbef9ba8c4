"""The hooks hear when a user's call begins and ends, in the caller's context, and whose every event is."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from smsbat_async import (
    Call,
    CallFinished,
    CallStarted,
    ChunkSent,
    ClientClosedError,
    DeliveryResolved,
    InvalidMessageError,
    MessageStatus,
    Outcome,
    PollPolicy,
    RequestFinished,
    RetryPolicy,
    RetryScheduled,
    SessionPool,
    SmsBatClient,
    SmsBatError,
    TrackingEnded,
    TrackingStarted,
)
from smsbat_async.calls import UNTOLD, Calls
from smsbat_async.hooks import Hooks
from tests.support.cascade import message, messages
from tests.support.fake import (
    HANG,
    NO_CONNECTION,
    FakeTransport,
    Heard,
    Reply,
    accepted,
    client_of,
    http,
    status,
)
from tests.support.fake import Call as Attempted

EXACT = PollPolicy(jitter=0.0)
CALLER: ContextVar[str] = ContextVar("caller", default="nobody")


def vendor(attempted: Attempted) -> Any:
    return accepted(attempted) if attempted.request.body else status()


class Vendor:
    name = "smsbat"
    host = "https://h:443"


def calls_of(heard: Heard) -> list[tuple[str, str | None]]:
    """Return every call with how it ended, and check that each began once and ended once, after that."""
    begun = [event.call for event in heard.of(CallStarted)]
    over = {event.call: event for event in heard.of(CallFinished)}
    assert len(heard.of(CallFinished)) == len(over) == len(begun)
    for call in begun:
        kinds = [type(event) for event in heard.events if getattr(event, "call", None) is call]
        assert kinds[0] is CallStarted
    return [(call.operation, over[call].error_type) for call in begun]


async def read(stream: Any) -> None:
    async for _ in stream:
        pass


async def ready() -> list[Any]:
    return messages(3)


USES: dict[str, Callable[[SmsBatClient], Awaitable[Any]]] = {
    "status": lambda client: client.status("a"),
    "statuses": lambda client: read(client.statuses(["a", "b"])),
    "fetch_statuses": lambda client: client.fetch_statuses(["a", "b"]),
    "track": lambda client: client.track("a"),
    "deliveries": lambda client: read(client.deliveries(["a", "b"])),
    "send": lambda client: client.send(message(1)),
    "send_many": lambda client: client.send_many(messages(3), chunk_size=2),
    "send_stream": lambda client: read(client.send_stream(messages(3), chunk_size=2)),
    "send_when_ready": lambda client: client.send_when_ready(ready),
}


class TestEveryOperation:
    @pytest.mark.looptime
    @pytest.mark.parametrize("operation", USES)
    async def test_is_one_call_that_its_requests_name(self, operation: str) -> None:
        heard = Heard()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[heard]) as client:
            await USES[operation](client)
        assert calls_of(heard) == [(operation, None)]
        [call] = {event.call for event in heard.of(RequestFinished)}
        assert isinstance(call, Call)
        assert (call.vendor, call.host) == ("smsbat", "https://restapi.smsbat.com:443")
        assert call.message_id == ("a" if operation in {"status", "track"} else None)

    @pytest.mark.looptime
    @pytest.mark.parametrize("operation", USES)
    async def test_is_told_of_in_the_context_of_its_caller(self, operation: str) -> None:
        told: list[tuple[str, str]] = []

        def hook(event: object) -> None:
            told.append((type(event).__name__, CALLER.get()))

        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[hook]) as client:
            await client.status("before")  # workers of an earlier call must not lend theirs
            told.clear()
            CALLER.set("me")
            await USES[operation](client)
        assert told[0] == ("CallStarted", "me")

    @pytest.mark.looptime
    async def test_waiting_for_a_delivery_is_a_call_of_track(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[heard]) as client:
            await client.wait_for_delivery("a")
        assert calls_of(heard) == [("track", None)]
        [call] = [event.call for event in heard.of(CallStarted)]
        assert [event.call for event in heard.of(DeliveryResolved)] == [call]
        assert [event.elapsed for event in heard.of(CallFinished)] == [5.0]

    @pytest.mark.looptime
    async def test_has_a_number_of_its_own(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport(vendor), hooks=[heard]) as client:
            await asyncio.gather(*(client.status(name) for name in "abc"))
        numbers = [event.call.number for event in heard.of(CallStarted)]
        assert numbers == sorted(set(numbers))

    def test_without_an_event_loop_is_told_of_too(self) -> None:
        heard = Heard()
        with Calls(Hooks([heard]), Vendor()).scope("send") as scope:
            pass
        assert calls_of(heard) == [("send", None)]
        assert [event.call for event in heard.events] == [scope.call, scope.call]

    @pytest.mark.looptime
    async def test_after_the_pool_was_closed_tells_what_became_of_its_message(self) -> None:
        heard = Heard()
        pool = SessionPool(transport=FakeTransport(vendor))
        async with client_of(FakeTransport(vendor), pool=pool, hooks=[heard]) as client:
            await client.send(message(1))
            await pool.aclose()
            with pytest.raises(ClientClosedError):
                await client.send(message(2))
        assert calls_of(heard) == [("send", None), ("send", "ClientClosedError")]
        assert [event.results[0].outcome for event in heard.of(ChunkSent)] == ["accepted", "not_sent"]

    def test_is_told_of_to_nobody_without_hooks(self) -> None:
        calls = Calls(Hooks(), Vendor())
        with calls.scope("send") as scope:
            assert scope is UNTOLD
            assert scope.call is None


class TestRequests:
    @pytest.mark.looptime
    async def test_of_a_retry_belong_to_the_same_call(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport([http(503), status()]), hooks=[heard]) as client:
            await client.status("a")
        [call] = [event.call for event in heard.of(CallStarted)]
        assert [event.call for event in heard.of(RetryScheduled)] == [call]
        assert [event.call for event in heard.of(RequestFinished)] == [call, call]

    @pytest.mark.looptime
    async def test_of_polls_belong_to_the_first_of_those_who_wait(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[heard]) as client:
            await asyncio.gather(client.track("a"), client.track("a"), read(client.deliveries(["a"])))
        first, second, third = (event.call for event in heard.of(CallStarted))
        assert [event.call for event in heard.of(RequestFinished)] == [first]
        assert {event.call for event in heard.of(DeliveryResolved)} == {first, second, third}


class TestEnds:
    @pytest.mark.parametrize("operation", ["status", "send", "fetch_statuses", "send_many"])
    @pytest.mark.looptime
    async def test_a_call_that_is_cancelled(self, operation: str) -> None:
        heard = Heard()
        async with client_of(FakeTransport([NO_CONNECTION]), hooks=[heard]) as client:
            task = asyncio.ensure_future(USES[operation](client))
            await asyncio.sleep(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert calls_of(heard) == [(operation, "CancelledError")]

    @pytest.mark.looptime
    async def test_what_was_on_the_wire_then_still_names_its_call(self) -> None:
        heard = Heard()
        transport = FakeTransport(lambda attempted: Reply(accepted(attempted), after=3.0))
        async with client_of(transport, hooks=[heard]) as client:
            task = asyncio.ensure_future(client.send_many(messages(4), chunk_size=4))
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait({task})
            assert calls_of(heard) == [("send_many", "CancelledError")]
            await asyncio.sleep(5)
        [call] = [event.call for event in heard.of(CallStarted)]
        assert [(event.call, len(event.results)) for event in heard.of(ChunkSent)] == [(call, 4)]
        assert isinstance(heard.events[-1], ChunkSent)

    @pytest.mark.looptime
    async def test_a_call_that_raises(self) -> None:
        heard = Heard()
        async with client_of(
            FakeTransport([http(503)]), retry=RetryPolicy(attempts=1), hooks=[heard]
        ) as client:
            for bad in (client.status("a"), client.status("../x"), client.send(message(1))):
                with pytest.raises(SmsBatError):
                    await bad
        assert calls_of(heard) == [
            ("status", "ServerError"),
            ("status", "InvalidMessageError"),
            ("send", "OutcomeUnknownError"),
        ]

    @pytest.mark.looptime
    async def test_a_stream_ends_before_its_reader_goes_on(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[heard]) as client:
            for stream in (
                client.statuses(["a"]),
                client.deliveries(["a"]),
                client.send_stream(messages(3)),
            ):
                assert len(heard.of(CallStarted)) == len(heard.of(CallFinished))
                await read(stream)
                assert len(heard.of(CallStarted)) == len(heard.of(CallFinished)) > 0

    @pytest.mark.looptime
    async def test_a_stream_that_is_left_early_ends_and_one_that_is_not_read_never_begins(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[heard]) as client:
            client.statuses(["a"])
            async with client.deliveries(["a"]):
                pass
            assert calls_of(heard) == [("deliveries", None)]

    @pytest.mark.looptime
    async def test_a_stream_whose_source_breaks(self) -> None:
        async def broken() -> AsyncIterator[str]:
            yield "a"
            raise ValueError

        heard = Heard()
        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[heard]) as client:
            for stream in (client.statuses(broken()), client.deliveries(broken())):
                with pytest.raises(ValueError):  # noqa: PT011 - it has no text
                    await read(stream)
        assert calls_of(heard) == [("statuses", "ValueError"), ("deliveries", "ValueError")]

    @pytest.mark.looptime
    async def test_a_stream_that_outlives_its_client(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport([HANG]), polling=EXACT, hooks=[heard]) as client:
            reading = asyncio.ensure_future(read(client.statuses(["a"])))
            await asyncio.sleep(1)
        with pytest.raises(ClientClosedError):
            await reading
        assert calls_of(heard) == [("statuses", "ClientClosedError")]

    async def test_a_stream_whose_program_is_cancelled_before_it_got_going(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport([status()]), hooks=[heard]) as client:
            reading = asyncio.ensure_future(read(client.statuses(["a"])))
            await asyncio.sleep(0)
            for task in asyncio.all_tasks() - {asyncio.current_task(), reading}:
                task.cancel()
            with pytest.raises(ClientClosedError):
                await reading
            with pytest.raises(ClientClosedError):
                client.track("b")
            assert client.poller.pending == 0
        assert calls_of(heard) == [("statuses", "ClientClosedError"), ("track", "ClientClosedError")]
        assert heard.of(TrackingEnded) == []

    @pytest.mark.looptime
    async def test_tracking_that_is_cancelled_refused_failed_or_closed(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport([http(401)]), polling=EXACT, hooks=[heard]) as client:
            client.track("a").cancel()
            with pytest.raises(InvalidMessageError):
                client.track("../x")
            with pytest.raises(SmsBatError):
                await client.track("b")
            client.track("c")
        assert calls_of(heard) == [
            ("track", "CancelledError"),
            ("track", "InvalidMessageError"),
            ("track", "AuthenticationError"),
            ("track", "ClientClosedError"),
        ]

    @pytest.mark.looptime
    async def test_nothing_of_a_call_is_kept_when_it_is_over(self) -> None:
        alive: list[weakref.ref[Call]] = []

        def hook(event: object) -> None:
            if isinstance(event, CallStarted):
                alive.append(weakref.ref(event.call))

        async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[hook]) as client:
            for use in USES.values():
                await use(client)
            await asyncio.sleep(0)
            gc.collect()
            assert [call() for call in alive] == [None] * len(USES)


class TestTracking:
    @pytest.mark.looptime
    async def test_every_message_that_begins_to_be_tracked_ends_once(self) -> None:
        def plan(attempted: Attempted) -> Any:
            return {"ends": status(), "fails": http(401)}.get(attempted.message_id, status("processing"))

        heard = Heard()
        async with client_of(FakeTransport(plan), polling=EXACT, hooks=[heard]) as client:
            futures = [client.track(name) for name in ("ends", "fails", "lapses", "stays", "cancelled")]
            futures += [client.track("ends"), client.track("stays", timeout=1_000.0)]
            futures[4].cancel()
            await asyncio.sleep(150)
            assert len(heard.of(TrackingStarted)) == 5
            left = {"ends", "fails", "lapses", "cancelled"}
            assert {event.message_id for event in heard.of(TrackingEnded)} == left
            assert client.poller.pending == 1
        ended = [event.message_id for event in heard.of(TrackingEnded)]
        assert sorted(ended) == sorted(event.message_id for event in heard.of(TrackingStarted))

    @pytest.mark.looptime
    async def test_a_hook_may_let_another_go_while_the_client_closes(self) -> None:
        futures: list[asyncio.Future[Any]] = []

        def hook(event: object) -> None:
            if isinstance(event, TrackingEnded):
                for future in futures:
                    future.cancel()

        async with client_of(FakeTransport([HANG]), hooks=[hook]) as client:
            futures += [client.track(name) for name in "abc"]
        assert client.poller.pending == 0
        assert all(future.done() for future in futures)
        assert client.hook_failures == 0


class TestUnnoticed:
    @pytest.mark.looptime
    async def test_is_the_time_since_the_last_answer_that_was_not_the_end(self) -> None:
        heard = Heard()
        transport = FakeTransport([status("processing"), status()])
        async with client_of(transport, polling=EXACT, hooks=[heard]) as client:
            await client.track("a")
        assert transport.times == [5.0, 13.0]
        assert [event.unnoticed for event in heard.of(DeliveryResolved)] == [8.0]

    @pytest.mark.looptime
    async def test_counts_from_the_beginning_where_the_first_answer_is_the_end(self) -> None:
        heard = Heard()
        async with client_of(FakeTransport([status()]), polling=EXACT, hooks=[heard]) as client:
            await asyncio.sleep(100)
            await client.track("a")
        assert [event.unnoticed for event in heard.of(DeliveryResolved)] == [5.0]

    @pytest.mark.looptime
    async def test_is_not_known_after_a_failed_poll_or_by_a_webhook_or_without_an_end(self) -> None:
        def plan(attempted: Attempted) -> Any:
            failed = attempted.message_id == "failed" and attempted.at < 6.0
            ends = attempted.message_id == "failed"
            return http(500) if failed else status("delivered" if ends else "processing")

        heard = Heard()
        async with client_of(FakeTransport(plan), polling=EXACT, hooks=[heard]) as client:
            futures = [client.track(name) for name in ("failed", "fed", "never")]
            await asyncio.sleep(7)
            client.poller.feed(MessageStatus(message_id="fed", delivery_status="delivered"))
            await asyncio.gather(*futures)
        outcomes = {event.delivery.message_id: event.delivery.outcome for event in heard.of(DeliveryResolved)}
        assert outcomes == {
            "failed": Outcome.DELIVERED,
            "fed": Outcome.DELIVERED,
            "never": Outcome.TIMED_OUT,
        }
        assert [event.unnoticed for event in heard.of(DeliveryResolved)] == [None] * 3
