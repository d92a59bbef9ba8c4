"""Streams of sends that are read to their end."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from smsbat_async import (
    CascadeMessage,
    InvalidMessageError,
    SendOutcome,
    SendResult,
)
from tests.support import (
    Recorded,
    ScriptedServer,
    Step,
    answer,
    hold,
    then,
)
from tests.support.cascade import (
    Log,
    Vendor,
    accept,
    client_of,
    ids_in,
    message,
    messages,
    once_each,
    outcomes,
    vendor_client,
)

ACCEPTED, REJECTED, NOT_SENT, UNKNOWN = SendOutcome


# Streams that are read to their end


async def test_a_stream_gives_exactly_one_result_per_message() -> None:
    log = Log()
    async with ScriptedServer(accept) as server, client_of(server, hooks=[log]) as client:
        stream = client.send_stream(iter(messages(25)), chunk_size=4, concurrency=3)
        results = [result async for result in stream]
    assert sorted(result.message.id for result in results) == sorted(f"m-{number}" for number in range(25))
    assert {(result.outcome, result.message_id == f"v-{result.message.id}") for result in results} == {
        (ACCEPTED, True)
    }
    assert sorted(len(ids_in(request.body)) for request in server.requests) == [1, 4, 4, 4, 4, 4, 4]
    assert once_each(log, 25)


async def test_a_stream_gives_results_in_the_order_of_the_answers() -> None:
    gate = asyncio.Event()

    def script(request: Recorded) -> Step:
        return then(hold(gate), accept(request)) if "m-0" in ids_in(request.body) else accept(request)

    seen = []
    async with ScriptedServer(script) as server, client_of(server) as client:
        async for result in client.send_stream(messages(6), chunk_size=2, concurrency=2):
            seen.append(result.message.id)
            if len(seen) == 4:
                gate.set()
    assert seen == ["m-2", "m-3", "m-4", "m-5", "m-0", "m-1"]


async def test_a_stream_rejects_an_id_that_it_has_just_seen() -> None:
    log = Log()
    repeated = [message(0), message(1), message(0, text="Again"), message(2), message(1), message(0)]
    async with ScriptedServer(accept) as server, client_of(server, hooks=[log]) as client:
        results = [result async for result in client.send_stream(repeated, chunk_size=2, concurrency=1)]
    assert [(result.message.id, result.outcome) for result in results] == [
        ("m-0", ACCEPTED),
        ("m-1", ACCEPTED),
        ("m-0", REJECTED),
        ("m-2", ACCEPTED),
        ("m-1", REJECTED),
        ("m-0", REJECTED),
    ]
    assert results[2].message.text == "Again"
    assert isinstance(results[2].error, InvalidMessageError)
    assert results[2].error.code == "repeated_id"
    assert [ids_in(request.body) for request in server.requests] == [["m-0", "m-1"], ["m-2"]]
    assert log.told == [(result.message.id, result.outcome) for result in results]


async def test_a_stranger_in_a_stream_ends_it_after_the_messages_before() -> None:
    things: list[Any] = [*messages(3), "m-3", message(4), *messages(3, first=5)]
    got: list[SendResult] = []
    async with ScriptedServer(accept) as server, client_of(server) as client:
        with pytest.raises(InvalidMessageError, match="must be CascadeMessage, not str"):
            async for result in client.send_stream(things, chunk_size=5, concurrency=1):
                got.append(result)
    assert [result.message.id for result in got] == ["m-0", "m-1", "m-2"]
    assert [ids_in(request.body) for request in server.requests] == [["m-0", "m-1", "m-2"]]


async def test_an_error_of_the_iterable_comes_after_the_results_that_were_under_way() -> None:
    class MineError(Exception):
        pass

    async def broken() -> AsyncIterator[CascadeMessage]:
        for each in messages(5):
            yield each
        raise MineError

    log, got = Log(), []
    async with ScriptedServer(accept) as server, client_of(server, hooks=[log]) as client:
        with pytest.raises(MineError):
            async for result in client.send_stream(broken(), chunk_size=2, concurrency=3):
                got.append(result.message.id)
    assert sorted(got) == ["m-0", "m-1", "m-2", "m-3", "m-4"]
    assert once_each(log, 5)


async def test_a_stream_whose_run_ends_gives_the_rest_as_not_sent() -> None:
    log = Log()
    async with ScriptedServer(answer(401)) as server, client_of(server, hooks=[log]) as client:
        results = [result async for result in client.send_stream(messages(50), chunk_size=5, concurrency=1)]
    assert outcomes(results) == ["rejected"] * 5 + ["not_sent"] * 45
    assert len(server.requests) == 1
    assert once_each(log, 50)


@pytest.mark.looptime
async def test_a_stream_pulls_no_more_than_its_buffer_and_its_chunks_ahead_of_the_reader() -> None:
    pulled = read = ahead = 0

    def source() -> Iterator[CascadeMessage]:
        nonlocal pulled
        for number in range(200_000):
            pulled += 1
            yield message(number)

    async with vendor_client(Vendor()) as client:
        async for _result in client.send_stream(source(), chunk_size=100, concurrency=4):
            ahead = max(ahead, pulled - read)
            read += 1
            if read % 50_000 == 1:
                await asyncio.sleep(1.0)  # the workers go on as far as they may
    assert (pulled, read) == (200_000, 200_000)
    assert 1_000 <= ahead <= 1_000 + 4 * 100


async def test_a_stream_that_nobody_reads_stops_at_its_buffer() -> None:
    pulled = 0

    def source() -> Iterator[CascadeMessage]:
        nonlocal pulled
        for pulled in itertools.count(1):
            yield message(pulled)

    log = Log()
    async with vendor_client(Vendor(), hooks=[log]) as client:
        stream = client.send_stream(source(), chunk_size=100, concurrency=3)
        await anext(stream)
        before = -1
        while before < pulled:
            before = pulled
            for _ in range(50):
                await asyncio.sleep(0)
        assert 1_000 <= pulled <= 1_000 + 3 * 100
    assert len(log.told) == pulled
