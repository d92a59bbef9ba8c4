"""Streams that are read, left, dropped or closed; in virtual time."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest

from smsbat_async import ClientClosedError, ResultStream, SessionPool, StatusResult
from smsbat_async.channel import BUFFER
from tests.support.fake import HANG, Call, FakeTransport, Heard, Reply, client_of, status
from tests.support.items import broken_after, ids, turns

# -- streams --------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_a_plain_loop_reads_everything() -> None:
    transport = FakeTransport(lambda call: Reply(status(), 1.0 if call.message_id == "m-0" else 0.1))
    async with client_of(transport) as client:
        seen = [result.message_id async for result in client.statuses(ids(5))]
    assert sorted(seen) == [f"m-{number}" for number in range(5)]
    assert seen[-1] == "m-0"  # as they complete


@pytest.mark.looptime
async def test_leaving_the_block_early_stops_the_work_at_once() -> None:
    transport = FakeTransport(lambda _call: Reply(status(), 1.0))
    pool = SessionPool(transport=transport)
    asked: list[int] = []
    async with client_of(transport, pool=pool) as client:
        async with client.statuses(ids(10_000, asked), concurrency=4) as results:
            async for _result in results:
                break
        assert pool.in_flight == transport.in_flight == 0
        calls = len(transport.calls)
        await asyncio.sleep(60)
        assert len(transport.calls) == calls <= 8
        assert len(asked) <= 9
        # What was there already can still be read, and then the stream ends.
        assert len([result async for result in results]) <= 4


@pytest.mark.looptime
async def test_the_work_begins_when_the_block_is_entered_and_not_before() -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        stream = client.statuses(["a"])
        await asyncio.sleep(1)
        assert transport.calls == []
        async with stream:
            await asyncio.sleep(1)
            assert transport.ids == ["a"]


@pytest.mark.looptime
async def test_a_stream_that_is_closed_before_it_began_is_empty() -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        stream = client.statuses(["a"])
        await stream.aclose()
        await stream.aclose()
        assert [result async for result in stream] == []
    assert transport.calls == []


@pytest.mark.looptime
async def test_closing_a_stream_that_ended_does_nothing() -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        stream = client.statuses(["a"])
        assert len([result async for result in stream]) == 1
        await stream.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


@pytest.mark.looptime
async def test_row_59_a_stream_that_nobody_reads_stops_at_its_bounded_buffer() -> None:
    transport = FakeTransport(lambda _call: Reply(status(), 0.01))
    asked: list[int] = []
    async with client_of(transport) as client:
        stream = client.statuses(ids(100_000, asked), concurrency=8)
        await anext(stream)
        await asyncio.sleep(600)
        stopped_at = len(transport.calls)
        assert BUFFER <= stopped_at <= BUFFER + 9
        assert len(asked) <= BUFFER + 10
        await asyncio.sleep(600)
        assert len(transport.calls) == stopped_at
        for _ in range(50):
            await anext(stream)
        await asyncio.sleep(600)
        assert len(transport.calls) == stopped_at + 50


@pytest.mark.looptime
async def test_row_59_a_stream_that_was_dropped_ends_with_its_client() -> None:
    transport = FakeTransport(lambda _call: Reply(status(), 0.01))
    before = len(asyncio.all_tasks())
    async with client_of(transport) as client:
        async for _result in client.statuses(ids(100_000)):
            break
        gc.collect()
        await asyncio.sleep(60)
    assert len(asyncio.all_tasks()) == before


@pytest.mark.looptime
async def test_an_error_of_the_source_comes_after_the_results_that_were_under_way() -> None:
    transport = FakeTransport(lambda call: Reply(status(), 5.0 if call.message_id == "m-0" else 1.0))
    async with client_of(transport) as client:
        stream, seen = client.statuses(broken_after(6)), []
        with pytest.raises(LookupError, match="the table is gone"):
            async for result in stream:
                seen.append(result.message_id)
        assert seen[-1] == "m-0"
        assert len(seen) == 6
        assert [result async for result in stream] == []


@pytest.mark.looptime
async def test_a_consumer_that_is_cancelled_stops_the_work_on_its_way_out() -> None:
    transport = FakeTransport([HANG])
    pool = SessionPool(transport=transport)
    async with client_of(transport, pool=pool, timeout=None, total_timeout=None) as client:

        async def consume() -> None:
            async with client.statuses(["a", "b"]) as results:
                async for _result in results:
                    pass

        consumer = asyncio.create_task(consume())
        await asyncio.sleep(1)
        assert pool.in_flight == 2
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
        await turns()
        assert pool.in_flight == 0


@pytest.mark.looptime
async def test_several_consumers_share_the_results_and_all_come_to_the_end() -> None:
    transport = FakeTransport(lambda _call: Reply(status(), 0.1))
    async with client_of(transport) as client:
        stream = client.statuses([f"m-{number}" for number in range(100)], concurrency=3)

        async def consume() -> list[str]:
            return [result.message_id async for result in stream]

        shares = await asyncio.gather(*(consume() for _ in range(4)))
    seen = [name for share in shares for name in share]
    assert sorted(seen) == sorted(f"m-{number}" for number in range(100))
    assert all(shares)


@pytest.mark.looptime
async def test_a_stream_never_cancels_its_caller() -> None:
    transport = FakeTransport([status("processing")])
    task = asyncio.current_task()
    assert task is not None
    client = client_of(transport)
    streams: list[ResultStream[Any]] = []
    for leave in range(3):
        stream: ResultStream[Any] = client.statuses(ids(100))
        streams.append(stream)
        async for _result in stream:
            break
        if leave == 1:
            await asyncio.create_task(stream.aclose())  # by another task than the reader
    await client.aclose()
    streams.clear()
    gc.collect()
    await asyncio.sleep(60)
    assert task.cancelling() == 0


VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="nothing")


@pytest.mark.looptime
async def test_no_worker_inherits_the_variables_of_whoever_came_first() -> None:
    seen: list[str] = []

    def plan(_call: Call) -> Any:
        seen.append(VARIABLE.get())
        return status()

    transport = FakeTransport(plan)
    async with client_of(transport) as client:
        for secret in ("first request", "second request"):
            VARIABLE.set(secret)
            await client.fetch_statuses(["a", "b"])
            assert [result.message_id async for result in client.statuses(["c"])] == ["c"]
            await client.wait_for_delivery(f"tracked by the {secret}".replace(" ", "-"))
            assert [end.message_id async for end in client.deliveries([f"d-{secret[:5]}"])]
    assert seen == ["nothing"] * 10


@pytest.mark.looptime
async def test_closing_the_client_ends_a_stream_with_client_closed_after_its_results() -> None:
    heard = Heard()
    transport = FakeTransport(lambda _call: Reply(status(), 1.0))
    client = client_of(transport, hooks=[heard])
    stream = client.statuses(ids(100), concurrency=2)
    seen: list[StatusResult[Any]] = [await anext(stream)]
    await asyncio.sleep(0.5)
    await client.aclose()
    with pytest.raises(ClientClosedError):
        async for result in stream:
            seen.append(result)
    assert [result.message_id for result in seen if result.status] == ["m-0", "m-1", "m-2", "m-3"]
    assert len(seen) == len(transport.calls) == heard.names["RequestFinished"] == 4


@pytest.mark.looptime
async def test_closing_does_not_wait_for_a_source_that_is_silent() -> None:
    loop = asyncio.get_running_loop()

    async def silent() -> AsyncIterator[str]:
        yield "m-0"
        await asyncio.sleep(3600)

    transport = FakeTransport([status()])
    client = client_of(transport)
    stream = client.statuses(silent())
    assert (await anext(stream)).message_id == "m-0"
    began = loop.time()
    await client.aclose()
    assert loop.time() - began <= 2.0
    with pytest.raises(ClientClosedError):
        await anext(stream)


@pytest.mark.looptime
async def test_closing_the_client_twice_and_from_another_task_is_fine() -> None:
    transport = FakeTransport([status()])
    client = client_of(transport)
    await client.fetch_statuses(["a"])
    await asyncio.create_task(client.aclose())
    await asyncio.gather(client.aclose(), client.aclose())
    with pytest.raises(ClientClosedError):
        client.statuses(["a"])
    with pytest.raises(ClientClosedError):
        await client.fetch_statuses(["a"])
