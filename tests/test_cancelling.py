"""What awaits something that somebody else cancels: a failure like any other, never a quiet end."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession

from smsbat_async import (
    ClientClosedError,
    MessageStatus,
    RequestFinished,
    RetryPolicy,
    SessionPool,
    TrackingEnded,
    TransportError,
)
from smsbat_async.cancelling import is_cancellation
from smsbat_async.sources import END, Source
from tests.support import fake
from tests.support.cascade import (
    Log,
    Vendor,
    accept,
    client_of,
    messages,
    once_each,
    outcomes,
    row,
    status_answer,
    vendor_client,
)
from tests.support.items import await_the_cancelled, turns
from tests.support.server import ScriptedServer

ROOT = Path(__file__).parents[1]
STATUS = status_answer("delivered", "v-m-0")


class Torn(BaseException):
    """Like what `pytest.fail` raises: no `Exception`."""


async def then_cancelled(items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item
    await await_the_cancelled()


async def then_torn(items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item
    raise Torn


def then_torn_at_once(items: Any) -> Iterator[Any]:
    yield from items
    raise Torn


BROKEN = {
    "cancelled": (then_cancelled, RuntimeError),
    "torn": (then_torn, Torn),
    "torn-sync": (then_torn_at_once, Torn),
}
broken_source = pytest.mark.parametrize(("make", "error"), BROKEN.values(), ids=BROKEN)


async def read(stream: Any) -> tuple[list[Any], BaseException | None]:
    """Return what a stream gives, and what it raises."""
    seen: list[Any] = []
    try:
        async for item in stream:
            seen.append(item)
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return seen, error
    return seen, None


# -- whose cancellation it is ------------------------------------------------------------------------


async def test_a_task_that_is_cancelled_is_told_from_one_that_awaits_a_cancelled_one() -> None:
    told: list[bool] = []

    async def tell(wait: Callable[[], Awaitable[object]]) -> None:
        try:
            await wait()
        except asyncio.CancelledError as error:
            told.append(is_cancellation(error))

    await tell(await_the_cancelled)
    task = asyncio.create_task(tell(lambda: asyncio.sleep(3_600)))
    await turns()
    task.cancel()
    await asyncio.wait([task])
    assert told == [False, True]
    assert not is_cancellation(ValueError())


# -- sources -----------------------------------------------------------------------------------------


async def test_what_came_before_is_given_first_and_the_error_names_the_parameter() -> None:
    source: Source[str] = Source(then_cancelled(["a", "b"]), "message_ids")
    assert await source.take_many(5) == ["a", "b"]
    with pytest.raises(RuntimeError, match=r"^message_ids: ") as caught:
        await source.take_many(5)
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert await source.take_many(5) == []


async def test_a_reader_that_is_cancelled_itself_is_cancelled_and_nothing_else() -> None:
    async def silent() -> AsyncIterator[str]:
        await asyncio.sleep(3_600)
        yield "never"

    source: Source[str] = Source(silent(), "message_ids")
    taking = asyncio.create_task(source.take_many(1))
    await turns()
    taking.cancel()
    await asyncio.wait([taking])
    assert taking.cancelled()


async def test_items_that_are_no_longer_given_are_the_end_after_such_an_error() -> None:
    source: Source[str] = Source(then_torn_at_once(["a"]), "message_ids")
    assert source.take_now() == "a"
    with pytest.raises(Torn):
        source.take_now()
    assert source.take_now() is END


@broken_source
async def test_a_stream_of_sends_sends_what_it_was_given_and_then_raises(make: Any, error: Any) -> None:
    vendor, log = Vendor(), Log()
    async with vendor_client(vendor, hooks=[log]) as client:
        seen, met = await read(client.send_stream(make(messages(3)), chunk_size=2, concurrency=2))
        assert type(met) is error
        assert sorted(result.message.id for result in seen) == ["m-0", "m-1", "m-2"]
        assert once_each(log, 3)
        assert sum(map(len, vendor.requests)) == 3
        await client.send(messages(4)[3])  # and the client is as good as before


@broken_source
async def test_sending_many_sends_nothing_when_not_all_of_them_can_be_read(make: Any, error: Any) -> None:
    vendor = Vendor()
    async with vendor_client(vendor) as client:
        with pytest.raises(error):
            await client.send_many(make(messages(3)))
    assert vendor.requests == []


@broken_source
@pytest.mark.looptime
async def test_streams_and_lists_of_statuses_raise_it(make: Any, error: Any) -> None:
    async with fake.client_of(fake.FakeTransport(lambda _: fake.status())) as client:
        seen, met = await read(client.statuses(make(["a", "b"])))
        assert (sorted(result.message_id for result in seen), type(met)) == (["a", "b"], error)
        with pytest.raises(error):
            await client.fetch_statuses(make(["a", "b"]))


@broken_source
@pytest.mark.looptime
async def test_deliveries_come_to_their_ends_before_it_is_raised(make: Any, error: Any) -> None:
    plan = [fake.status("processing")] * 2 + [fake.status()] * 9
    async with fake.client_of(fake.FakeTransport(plan)) as client:
        seen, met = await read(client.deliveries(make(["a", "b"])))
        assert (sorted(delivery.message_id for delivery in seen), type(met)) == (["a", "b"], error)
        assert client.poller.pending == 0


async def within_a_timeout(items: Any) -> AsyncIterator[Any]:
    """Yield inside a timeout, which cancels whoever reads, wherever it is then."""
    async with asyncio.timeout(1.0):
        for item in items:
            yield item


@pytest.mark.looptime
async def test_a_source_whose_own_timeout_cancels_a_worker_is_no_end_of_the_results() -> None:
    vendor, log = Vendor(wait=lambda: asyncio.sleep(0.4)), Log()
    async with vendor_client(vendor, hooks=[log]) as client:
        stream = client.send_stream(within_a_timeout(messages(10)), chunk_size=1, concurrency=1)
        seen, met = await read(stream)
    assert isinstance(met, RuntimeError)
    assert "does a source yield in a timeout or a task group" in str(met)
    assert outcomes(seen) == ["accepted", "accepted", "unknown"]
    assert sorted(log.told) == [
        ("m-0", "accepted"),
        ("m-1", "accepted"),
        ("m-2", "unknown"),  # on the wire when its worker was cancelled
    ]


@pytest.mark.looptime
@pytest.mark.parametrize("call", ["statuses", "fetch_statuses", "deliveries"])
async def test_such_a_source_is_no_end_of_statuses_and_deliveries(call: str) -> None:
    slow = fake.FakeTransport(lambda _: fake.Reply(fake.status(), after=0.4))
    async with fake.client_of(slow) as client:
        with pytest.raises(RuntimeError, match="does a source yield in a timeout"):
            match call:
                case "statuses":
                    async for _ in client.statuses(within_a_timeout("abcdef"), concurrency=1):
                        pass
                case "fetch_statuses":
                    await client.fetch_statuses(within_a_timeout("abcdef"), concurrency=1)
                case _:
                    async for _ in client.deliveries(within_a_timeout("abcdef"), window=1):
                        pass
        assert client.poller.pending == 0


@pytest.mark.parametrize("call", ["send_stream", "statuses", "deliveries"])
@pytest.mark.looptime
async def test_a_source_that_is_left_cleans_up_to_the_end(call: str) -> None:
    said: list[str] = []

    async def rows(items: Any) -> AsyncIterator[Any]:
        try:
            for item in items:
                yield item
            await asyncio.sleep(3_600)
        finally:
            await asyncio.sleep(0.2)  # such as ROLLBACK
            said.append("rolled back")

    async with (
        vendor_client(Vendor()) as sending,
        fake.client_of(fake.FakeTransport(lambda _: fake.status())) as asking,
    ):
        stream: Any
        match call:
            case "send_stream":
                stream = sending.send_stream(rows(messages(2)), chunk_size=1)
            case "statuses":
                stream = asking.statuses(rows("ab"))
            case _:
                stream = asking.deliveries(rows("ab"))
        async with stream as results:
            async for _ in results:
                break
            await asyncio.sleep(1.0)  # until the source is silent
        assert said == ["rolled back"]


# -- what works for the user -------------------------------------------------------------------------


async def test_a_transport_that_tears_is_no_end_of_the_results() -> None:
    def tear(_: Any) -> Any:
        raise Torn

    vendor, log = Vendor(tear), Log()
    async with vendor_client(vendor, hooks=[log]) as client:
        seen, met = await read(client.send_stream(messages(5), chunk_size=1, concurrency=1))
    assert (outcomes(seen), type(met)) == (["unknown"], Torn)
    assert len(vendor.requests) == 1
    assert log.told == [("m-0", "unknown")]


async def test_half_a_chunk_that_was_taken_is_read_although_the_other_half_is_torn() -> None:
    def halve(asked: list[str]) -> Any:
        if len(asked) > 1:
            return 400, {"error": {"code": "INVALID_PHONE", "message": "No", "field": "toPhone"}}
        if asked == ["m-1"]:
            raise Torn
        return 200, [row(each) for each in asked]

    log = Log()
    async with vendor_client(Vendor(halve), hooks=[log]) as client:
        seen, met = await read(client.send_stream(messages(2), chunk_size=2, concurrency=1))
    assert (outcomes(seen), type(met)) == (["accepted", "unknown"], Torn)
    assert once_each(log, 2)


async def test_a_send_in_doubt_stays_so_when_its_second_attempt_is_torn_before_it_leaves() -> None:
    times = itertools.count()

    class Doubtful(Vendor):
        async def send(self, request: Any, timeout: float | None, attempt: Any) -> Any:
            if next(times):
                raise Torn
            attempt.started = True
            raise TransportError("the answer is lost", kind="disconnected")

    log = Log()
    again = RetryPolicy(initial=0.0, maximum=0.0, resend_unknown=True)
    async with vendor_client(Doubtful(), hooks=[log], retry=again) as client:
        with pytest.raises(Torn):
            await client.send(messages(1)[0])
    assert log.told == [("m-0", "unknown")]
    assert [type(event.error) for event in log.of(RequestFinished)] == [TransportError] * 2


EXITING = """
import asyncio
from smsbat_async import DeliveryResolved
from tests.support import fake

def ids():
    yield "a"
    raise SystemExit(3)

def tell(event):
    if isinstance(event, DeliveryResolved):
        print(event)

async def main():
    client = fake.client_of(fake.FakeTransport(lambda _: fake.status("processing")), hooks=[tell])
    async for _ in client.deliveries(ids(), window=2, timeout=3.0):
        pass

asyncio.run(main())
"""


def test_a_program_that_exits_in_a_source_of_deliveries_does_not_wait_for_those_that_are_tracked() -> None:
    exited = subprocess.run(
        [sys.executable, "-c", EXITING], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (exited.returncode, exited.stdout) == (3, "")


async def test_what_tears_one_send_of_many_leaves_no_message_untold() -> None:
    def tear_the_second(asked: list[str]) -> Any:
        if "m-2" in asked:
            raise ValueError("which no transport should raise")
        return 200, [row(each) for each in asked]

    log = Log()
    async with vendor_client(Vendor(tear_the_second), hooks=[log]) as client:
        with pytest.raises(ValueError, match="which no transport"):
            await client.send_many(messages(6), chunk_size=2, concurrency=1)
    assert once_each(log, 6)
    assert [outcome for _, outcome in sorted(log.told)] == [
        *["accepted"] * 2,
        *["unknown"] * 2,
        *["not_sent"] * 2,
    ]


async def test_a_transport_that_runs_out_of_answers_is_no_end_of_the_results() -> None:
    def run_out(_: Any) -> Any:
        raise StopAsyncIteration

    async with vendor_client(Vendor(run_out)) as client:
        seen, met = await read(client.send_stream(messages(5), chunk_size=1, concurrency=1))
    assert (outcomes(seen), type(met)) == (["unknown"], RuntimeError)


@pytest.mark.looptime
async def test_a_poll_that_tears_is_made_again(caplog: pytest.LogCaptureFixture) -> None:
    times = itertools.count()

    def tear_the_first(_: Any) -> Any:
        if next(times) == 0:
            raise Torn
        return fake.status()

    async with fake.client_of(fake.FakeTransport(tear_the_first)) as client:
        assert (await client.wait_for_delivery("a")).success
        assert (await client.wait_for_delivery("b")).success
    assert [record.getMessage() for record in caplog.records] == ["a poll raised Torn"]


@pytest.mark.looptime
async def test_what_is_tracked_fails_when_the_tasks_of_its_client_are_cancelled() -> None:
    async with fake.client_of(fake.FakeTransport(lambda _: fake.status("processing"))) as client:
        tracked = client.track("a")
        await asyncio.sleep(1.0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        with pytest.raises(ClientClosedError):
            await tracked
        with pytest.raises(ClientClosedError):
            client.track("b")


@pytest.mark.looptime
async def test_a_future_that_a_hook_cancels_as_it_ends_is_told_once() -> None:
    told: list[str] = []

    def cancel(event: object) -> None:
        told.append(type(event).__name__)
        if isinstance(event, TrackingEnded):
            future.cancel()

    async with fake.client_of(fake.FakeTransport(lambda _: fake.status()), hooks=[cancel]) as client:
        future = client.track("a")
        client.poller.feed(MessageStatus(message_id="a", delivery_status="delivered"))
        assert future.cancelled()
    assert told == ["CallStarted", "TrackingStarted", "TrackingEnded", "CallFinished"]


async def test_a_send_whose_transport_awaits_what_is_cancelled_is_unknown() -> None:
    vendor, log = Vendor(wait=await_the_cancelled), Log()
    async with vendor_client(vendor, hooks=[log]) as client:
        seen, met = await read(client.send_stream(messages(3), chunk_size=1, concurrency=1))
    assert (outcomes(seen), met) == (["unknown"] * 3, None)
    assert once_each(log, 3)
    assert len(vendor.requests) == 3


class TornMiddleware:
    """A middleware of aiohttp that awaits, once, what somebody else cancels."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        self.times += 1
        if self.times == 1:
            await await_the_cancelled()
        return await handler(request)


async def test_a_send_that_never_left_for_that_reason_is_made_again() -> None:
    middleware = TornMiddleware()
    async with (
        ScriptedServer(lambda asked: accept(asked) if asked.body else STATUS) as server,
        ClientSession(middlewares=[middleware]) as session,
        SessionPool(session=session) as pool,
        client_of(server, pool=pool, retry=RetryPolicy(initial=0.0, maximum=0.0)) as client,
    ):
        receipt = await client.send(messages(1)[0])
        assert (await client.status(receipt.message_id)).delivery_status == "delivered"
        assert middleware.times == 3
        assert [request.method for request in server.requests] == ["POST", "GET"]
