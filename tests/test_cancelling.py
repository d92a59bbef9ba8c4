"""What awaits something that somebody else cancels: a failure like any other, never a quiet end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession

from smsbat_async import RetryPolicy, SessionPool
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
    status_answer,
    vendor_client,
)
from tests.support.items import await_the_cancelled, turns
from tests.support.server import ScriptedServer

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


# -- what works for the user -------------------------------------------------------------------------


async def test_a_transport_that_tears_is_no_end_of_the_results() -> None:
    def tear(_: Any) -> Any:
        raise Torn

    vendor = Vendor(tear)
    async with vendor_client(vendor) as client:
        seen, met = await read(client.send_stream(messages(5), chunk_size=1, concurrency=1))
    assert (seen, type(met)) == ([], Torn)
    assert len(vendor.requests) == 1


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
