"""A run that is stopped early: streams that are left, calls that are cancelled, clients that close."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from smsbat_async import (
    CascadeMessage,
    ChunkSent,
    ClientClosedError,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    SendOutcome,
)
from tests.support import (
    Recorded,
    ScriptedServer,
    Step,
    answer,
    at_bytes,
    at_request,
    cancel_when,
    delay,
    ending,
    hang,
    hold,
    json_answer,
    then,
    within,
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


# Streams that are left early


async def test_leaving_a_stream_starts_no_new_chunk_and_lets_those_on_the_wire_finish() -> None:
    log, gate = Log(), asyncio.Event()

    def script(request: Recorded) -> Step:
        return accept(request) if "m-0" in ids_in(request.body) else then(hold(gate), accept(request))

    async with ScriptedServer(script) as server, client_of(server, hooks=[log]) as client:
        async with client.send_stream(iter(messages(100)), chunk_size=5, concurrency=2) as results:
            async for result in results:
                assert result.message.id == "m-0"
                break
            await server.seen_request(3)
            asyncio.get_running_loop().call_later(0.01, gate.set)
        assert log.counted == {ACCEPTED: 15}
        assert once_each(log, 15)
    assert len(server.requests) == 3


async def test_messages_that_were_pulled_and_not_sent_are_told_when_a_stream_is_left() -> None:
    log, pulled = Log(), asyncio.Event()

    async def silent() -> AsyncIterator[CascadeMessage]:
        for each in messages(3):
            yield each
        pulled.set()
        await asyncio.Event().wait()

    async with ScriptedServer(accept) as server, client_of(server, hooks=[log]) as client:
        async with client.send_stream(silent(), chunk_size=10, concurrency=2) as results:
            await within(pulled.wait(), "three messages pulled")
            left = results
        assert [result.outcome async for result in left] == [NOT_SENT] * 3
        assert log.counted == {NOT_SENT: 3}
        assert once_each(log, 3)
    assert server.connections == 0


@pytest.mark.looptime
async def test_leaving_a_stream_does_not_wait_for_a_silent_iterable() -> None:
    loop = asyncio.get_running_loop()

    async def silent() -> AsyncIterator[CascadeMessage]:
        yield message(0)
        await asyncio.sleep(3600.0)

    async with vendor_client(Vendor()) as client:
        async with client.send_stream(silent(), chunk_size=1) as results:
            assert (await anext(results)).outcome is ACCEPTED
            began = loop.time()
        assert loop.time() == began


@pytest.mark.looptime
async def test_what_is_on_the_wire_too_long_after_leaving_is_told_as_unknown() -> None:
    log, loop = Log(), asyncio.get_running_loop()
    async with ScriptedServer(hang()) as server, client_of(server, hooks=[log]) as client:
        async with client.send_stream(messages(6), chunk_size=2, concurrency=2):
            await server.seen_request(2)
            began = loop.time()
        assert loop.time() - began == pytest.approx(10.0)
        assert log.counted == {UNKNOWN: 4}
        assert once_each(log, 4)
    assert len(server.requests) == 2


@pytest.mark.looptime
async def test_the_other_halves_of_a_refused_chunk_are_told_when_its_stream_is_cut_off() -> None:
    log = Log()

    def script(request: Recorded) -> Step:
        return json_answer({}, 400) if request.index == 0 else hang()

    async with ScriptedServer(script) as server, client_of(server, hooks=[log]) as client:
        stream = client.send_stream(messages(4), chunk_size=4, concurrency=1)
        async with stream:
            await server.seen_request(2)
        assert outcomes([result async for result in stream]) == []
    assert log.told == [("m-0", UNKNOWN), ("m-1", UNKNOWN), ("m-2", NOT_SENT), ("m-3", NOT_SENT)]


async def test_a_stream_that_was_never_begun_sends_nothing_and_ends_at_once() -> None:
    pulled = []

    def source() -> Iterator[CascadeMessage]:
        pulled.append(1)
        yield message(0)

    async with ScriptedServer(accept) as server, client_of(server) as client:
        stream = client.send_stream(source())
        await stream.aclose()
        assert [result async for result in stream] == []
    assert (pulled, server.connections) == ([], 0)


# Calls that are cancelled


async def test_a_cancelled_call_ends_at_once_and_its_chunks_on_the_wire_finish() -> None:
    log, gate = Log(), asyncio.Event()

    def script(request: Recorded) -> Step:
        return then(hold(gate), accept(request))

    async with ScriptedServer(script) as server, client_of(server, hooks=[log]) as client:
        run = asyncio.create_task(client.send_many(messages(20), chunk_size=2, concurrency=3))
        await server.seen_request(3)
        run.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        assert run.cancelled()
        gate.set()
        await server.seen_idle()
    assert len(server.requests) == 3
    assert log.counted == {ACCEPTED: 6, NOT_SENT: 14}
    assert once_each(log, 20)


@pytest.mark.looptime
async def test_chunks_on_the_wire_past_the_grace_of_a_cancelled_call_are_told_as_unknown() -> None:
    log, loop = Log(), asyncio.get_running_loop()
    told_at: list[float] = []

    def note(event: object) -> None:
        if isinstance(event, ChunkSent):
            told_at.append(loop.time())

    async with ScriptedServer(hang()) as server, client_of(server, hooks=[log, note]) as client:
        run = asyncio.create_task(client.send_many(messages(8), chunk_size=2, concurrency=2))
        assert isinstance(await cancel_when(run, server, at_request(2)), asyncio.CancelledError)
        cancelled_at = loop.time()
        await asyncio.sleep(10.0)
        await asyncio.sleep(0.001)
        assert log.counted == {UNKNOWN: 4, NOT_SENT: 4}
        assert once_each(log, 8)
        assert max(told_at) - cancelled_at == pytest.approx(10.0)
    kinds = {
        type(result.error)
        for chunk in log.of(ChunkSent)
        for result in chunk.results
        if result.outcome is UNKNOWN
    }
    assert kinds == {OutcomeUnknownError}


async def test_whenever_a_call_is_cancelled_every_outcome_is_told_once() -> None:
    for turns in itertools.count():
        log, vendor = Log(), Vendor()
        async with vendor_client(vendor, hooks=[log]) as client:
            run = asyncio.create_task(client.send_many(messages(7), chunk_size=2, concurrency=2))
            for _ in range(turns):
                await asyncio.sleep(0)
            run.cancel()
            ended = await ending(run)
        left = {tracking_id for ids in vendor.requests for tracking_id in ids}
        if turns > 1:  # by then its messages have been taken over
            assert once_each(log, 7)
        assert {tracking_id for tracking_id, outcome in log.told if outcome is not NOT_SENT} == left
        assert sum(len(ids) for ids in vendor.requests) == len(left)
        if not isinstance(ended, asyncio.CancelledError):
            break
    assert turns > 5
    assert log.counted == {ACCEPTED: 7}


async def test_a_single_send_that_is_cancelled_tells_whether_it_may_have_left() -> None:
    for moment, expected in ((at_request(1), UNKNOWN), (at_bytes(1), UNKNOWN)):
        log = Log()
        async with ScriptedServer(hang()) as server, client_of(server, hooks=[log]) as client:
            call = asyncio.create_task(client.send(message(0)))
            ended = await cancel_when(call, server, moment, times=2)
            assert isinstance(ended, asyncio.CancelledError)
            assert log.told == [("m-0", expected)]


async def test_a_single_send_that_is_cancelled_before_it_began_was_not_sent() -> None:
    log = Log()
    async with ScriptedServer(accept) as server, client_of(server, hooks=[log]) as client:
        call = asyncio.create_task(client.send(message(0)))
        await asyncio.sleep(0)
        call.cancel()
        assert isinstance(await ending(call), asyncio.CancelledError)
        assert log.told == [("m-0", NOT_SENT)]
    assert server.requests == []


async def test_a_doubtful_send_stays_unknown_when_its_repetition_is_cancelled_before_it_left() -> None:
    log, second = Log(), asyncio.Event()

    class Stuck(Vendor):
        async def send(self, request: Any, timeout: float | None, attempt: Any) -> Any:
            if self.requests:
                attempt.started = False  # no byte of the repetition has left
                second.set()
                await asyncio.Event().wait()
            return await super().send(request, timeout, attempt)

    retry = RetryPolicy(attempts=2, initial=0.0, maximum=0.0, resend_unknown=True)
    async with vendor_client(Stuck(lambda _: (500, {})), hooks=[log], retry=retry) as client:
        call = asyncio.create_task(client.send(message(0)))
        await within(second.wait(), "the repetition")
        call.cancel()
        assert isinstance(await ending(call), asyncio.CancelledError)
    assert log.told == [("m-0", UNKNOWN)]


def test_a_loop_that_ends_under_an_open_client_tells_every_outcome() -> None:
    log, pulled = Log(), asyncio.Event()

    async def silent() -> AsyncIterator[CascadeMessage]:
        for each in messages(3, first=4):
            yield each
        pulled.set()
        await asyncio.Event().wait()

    async def main() -> None:
        client = vendor_client(Vendor(wait=asyncio.Event().wait), hooks=[log])
        run = asyncio.create_task(client.send_many(messages(4), chunk_size=1, concurrency=2))
        stream = client.send_stream(silent(), chunk_size=9)
        reading = asyncio.create_task(anext(stream))
        await within(pulled.wait(), "three messages pulled")
        assert not run.done()
        assert not reading.done()

    asyncio.run(main())
    assert log.counted == {UNKNOWN: 2, NOT_SENT: 5}
    assert once_each(log, 7)


# Clients that close


async def test_closing_during_a_call_gives_a_full_list() -> None:
    log = Log()
    async with ScriptedServer(lambda request: delay(0.02, accept(request))) as server:
        client = client_of(server, hooks=[log])
        run = asyncio.create_task(client.send_many(messages(20), chunk_size=2, concurrency=3))
        await server.seen_request(3)
        await client.aclose()
        results = await run
    assert [result.message for result in results] == messages(20)
    assert outcomes(results) == ["accepted"] * 6 + ["not_sent"] * 14
    assert all(isinstance(each.error, NotSentError | ClientClosedError) for each in results[6:])
    assert len(server.requests) == 3
    assert once_each(log, 20)


@pytest.mark.looptime
async def test_closing_past_the_grace_gives_what_is_on_the_wire_as_unknown() -> None:
    log, loop = Log(), asyncio.get_running_loop()
    async with ScriptedServer(hang()) as server:
        client = client_of(server, hooks=[log], timeout=None, total_timeout=None)
        run = asyncio.create_task(client.send_many(messages(6), chunk_size=1, concurrency=2))
        await server.seen_request(2)
        began = loop.time()
        await client.aclose(grace=3.0)
        assert loop.time() - began == pytest.approx(3.0)
        results = await run
    assert outcomes(results) == ["unknown"] * 2 + ["not_sent"] * 4
    assert {getattr(getattr(each.error, "error", None), "kind", None) for each in results[:2]} == {"closed"}
    assert once_each(log, 6)


async def test_closing_in_the_turn_in_which_a_call_begins_gives_a_full_list() -> None:
    for turns in range(12):
        log, vendor = Log(), Vendor()
        client = vendor_client(vendor, hooks=[log])
        run = asyncio.create_task(client.send_many(messages(6), chunk_size=2, concurrency=2))
        for _ in range(turns):
            await asyncio.sleep(0)
        await client.aclose()
        ended = await ending(run)
        if turns == 0:
            assert isinstance(ended, ClientClosedError)
            continue
        assert isinstance(ended, list)
        assert [result.message for result in ended] == messages(6)
        assert once_each(log, 6)


async def test_closing_ends_a_stream_after_its_results_with_the_reason() -> None:
    log, gate = Log(), asyncio.Event()
    got = []
    async with ScriptedServer(lambda request: then(hold(gate), accept(request))) as server:
        client = client_of(server, hooks=[log])
        stream = client.send_stream(messages(10), chunk_size=2, concurrency=2)
        first = asyncio.create_task(anext(stream))
        await server.seen_request(2)
        closing = asyncio.create_task(client.aclose())
        await asyncio.sleep(0)
        gate.set()
        got.append(await first)
        with pytest.raises(ClientClosedError):
            while True:
                got.append(await anext(stream))
        await closing
    assert outcomes(got) == ["accepted"] * 4
    assert once_each(log, 4)


@pytest.mark.looptime
async def test_closing_while_a_retry_is_waited_for_ends_in_not_sent() -> None:
    log = Log()
    limited = answer(429, headers={"Retry-After": "50"})
    async with ScriptedServer(limited) as server:
        client = client_of(server, hooks=[log])
        run = asyncio.create_task(client.send_many(messages(4), chunk_size=2, concurrency=1))
        single = asyncio.create_task(client.send(message(9)))
        await server.seen_request(1)
        await asyncio.sleep(1.0)
        await client.aclose()
        results = await run
        assert isinstance(await ending(single), ClientClosedError)
    assert outcomes(results) == ["not_sent"] * 4
    assert log.counted == {NOT_SENT: 5}
