"""Closing with work in flight, alone and on a shared pool: row 48."""

import asyncio
from collections.abc import Callable
from functools import partial

import aiohttp
import pytest

from smsbat_async import (
    ClientClosedError,
    NotSentError,
    OutcomeUnknownError,
    PollPolicy,
    SendOutcome,
    SessionPool,
    SmsBatClient,
    TransportError,
)
from tests.support import Recorded, ScriptedServer, Step, answer, ending, hang, hold, then, within
from tests.support.calls import (
    Log,
    TransportName,
    check_error,
    failure,
    good,
    make_pool,
    message,
    messages,
    opened,
    sent_ids,
    settle,
)

ACCEPTED, NOT_SENT, UNKNOWN = SendOutcome.ACCEPTED, SendOutcome.NOT_SENT, SendOutcome.UNKNOWN


def behind(gate: asyncio.Event) -> Callable[[Recorded], Step]:
    """Answer well once the gate is open."""
    return lambda request: then(hold(gate), good(request))


class TestInFlight:
    """What happens to calls that are under way."""

    async def test_row_48_calls_that_end_within_the_grace_end_well(self, transport: TransportName) -> None:
        log = Log()
        gate = asyncio.Event()
        async with (
            ScriptedServer(behind(gate)) as server,
            opened(server.url, transport, log) as client,
        ):
            send = asyncio.create_task(client.send(message("m1")))
            status = asyncio.create_task(client.status("a1"))
            await server.seen_request(2)
            closing = asyncio.create_task(client.aclose())
            await settle()
            assert not closing.done()
            gate.set()
            assert (await send).message_id == "v-m1"
            assert (await status).delivery_status == "delivered"
            await closing
            assert log.outcomes() == {"m1": ACCEPTED}

    @pytest.mark.looptime
    @pytest.mark.parametrize("grace", [10.0, 2.5, 0.0])
    async def test_row_48_a_send_that_outlasts_the_grace_is_unknown(
        self, grace: float, transport: TransportName
    ) -> None:
        log = Log()
        loop = asyncio.get_running_loop()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            send = asyncio.create_task(client.send(message("m1")))
            status = asyncio.create_task(client.status("a1"))
            await server.seen_request(2)
            began = loop.time()
            await client.aclose(grace)
            assert loop.time() - began == pytest.approx(grace, abs=0.001)
            met = await ending(send)
            assert isinstance(met, OutcomeUnknownError)
            check_error(met, OutcomeUnknownError)
            check_error(met.error, TransportError, "closed")
            check_error(await ending(status), ClientClosedError)
            assert log.outcomes() == {"m1": UNKNOWN}
            assert len(server.requests) == 2

    async def test_row_48_what_waits_for_a_slot_is_not_sent(self, transport: TransportName) -> None:
        log = Log()
        gate = asyncio.Event()
        async with (
            ScriptedServer(behind(gate)) as server,
            make_pool(transport, max_concurrency=1) as pool,
            opened(server.url, transport, log, pool=pool) as client,
        ):
            first = asyncio.create_task(client.send(message("m1")))
            await server.seen_request()
            late = asyncio.create_task(client.send(message("m2")))
            asking = asyncio.create_task(client.status("a1"))
            await settle(20)
            closing = asyncio.create_task(client.aclose())
            check_error(await ending(late), ClientClosedError)
            check_error(await ending(asking), ClientClosedError)
            gate.set()
            assert (await first).message_id == "v-m1"
            await closing
            assert log.outcomes() == {"m1": ACCEPTED, "m2": NOT_SENT}
            assert len(server.requests) == 1

    @pytest.mark.looptime
    async def test_row_48_a_run_is_cut_short_and_every_message_is_told_of(
        self, transport: TransportName
    ) -> None:
        log = Log()
        gate = asyncio.Event()
        async with (
            ScriptedServer(behind(gate)) as server,
            opened(server.url, transport, log) as client,
        ):
            run = asyncio.create_task(client.send_many(messages(8), chunk_size=2, concurrency=2))
            await server.seen_request(2)
            closing = asyncio.create_task(client.aclose())
            await asyncio.sleep(1.0)
            gate.set()
            results = await run
            await closing
            assert [result.outcome for result in results] == [ACCEPTED] * 4 + [NOT_SENT] * 4
            assert log.outcomes() == {result.message.id: result.outcome for result in results}
            assert len(server.requests) == 2

    @pytest.mark.looptime
    async def test_row_48_a_run_that_outlasts_the_grace_ends_in_unknown_and_not_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            run = asyncio.create_task(client.send_many(messages(8), chunk_size=2, concurrency=2))
            await server.seen_request(2)
            await client.aclose(1.0)
            results = await run
            assert [result.outcome for result in results] == [UNKNOWN] * 4 + [NOT_SENT] * 4
            assert log.outcomes() == {result.message.id: result.outcome for result in results}
            assert len(server.requests) == 2

    async def test_row_48_a_stream_ends_with_the_clients_end(self, transport: TransportName) -> None:
        log = Log()
        gate = asyncio.Event()
        async with ScriptedServer(behind(gate)) as server, opened(server.url, transport, log) as client:
            stream = client.send_stream(messages(6), chunk_size=2, concurrency=1)
            reading = asyncio.create_task(anext(stream))
            await server.seen_request()
            closing = asyncio.create_task(client.aclose())
            await settle()
            gate.set()
            results = [await reading]
            with pytest.raises(ClientClosedError):
                while True:
                    results.append(await anext(stream))
            await closing
            assert [result.outcome for result in results] == [ACCEPTED, ACCEPTED]
            sent = {sent for request in server.requests for sent in sent_ids(request)}
            assert (
                {one for one, outcome in log.outcomes().items() if outcome is ACCEPTED}
                == sent
                == {"m1", "m2"}
            )

    async def test_row_48_tracking_fails_and_leaves_no_noise(self, transport: TransportName) -> None:
        async with (
            ScriptedServer(hang()) as server,
            opened(server.url, transport, polling=PollPolicy()) as client,
        ):
            tracked = [client.track(f"a{number}") for number in range(3)]
            await client.aclose()
            check_error(await failure(tracked[0]), ClientClosedError)
            assert all(future.done() for future in tracked)
            assert client.poller.pending == 0
            assert server.requests == []

    @pytest.mark.looptime
    async def test_row_48_a_pause_is_not_waited_for(self, transport: TransportName) -> None:
        loop = asyncio.get_running_loop()
        log = Log()
        async with (
            ScriptedServer(answer(429, headers={"Retry-After": "60"})) as server,
            opened(server.url, transport, log) as client,
        ):
            send = asyncio.create_task(client.send(message()))
            await server.seen_request()
            await asyncio.sleep(1.0)
            began = loop.time()
            await client.aclose()
            assert loop.time() - began == 0.0
            check_error(await ending(send), ClientClosedError)
            assert log.outcomes() == {"m1": NOT_SENT}
            assert len(server.requests) == 1


class TestAfterwards:
    """What a closed client says."""

    async def test_row_48_a_closed_client_refuses_every_call_and_asks_nothing(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(good) as server, opened(server.url, transport, log) as client:
            await client.send(message())
            await client.aclose()
            await client.aclose()
            copy = client.with_options(timeout=1.0)
            for closed in (client, copy):
                check_error(await failure(closed.send(message())), ClientClosedError)
                check_error(await failure(closed.send_many(messages(2))), ClientClosedError)
                check_error(await failure(closed.status("a1")), ClientClosedError)
                check_error(await failure(closed.fetch_statuses(["a1"])), ClientClosedError)
                check_error(await failure(closed.wait_for_delivery("a1")), ClientClosedError)
                calls: list[Callable[[], object]] = [
                    partial(closed.track, "a1"),
                    partial(closed.statuses, ["a1"]),
                    partial(closed.deliveries, ["a1"]),
                    partial(closed.send_stream, [message()]),
                ]
                for call in calls:
                    with pytest.raises(ClientClosedError):
                        call()
            assert len(server.requests) == 1

    async def test_row_48_a_client_that_was_never_used_closes(self, transport: TransportName) -> None:
        async with opened("http://127.0.0.1:1", transport) as client:
            await client.aclose()
            assert "closed" in repr(client)

    async def test_row_48_closing_a_copy_closes_nothing(self, transport: TransportName) -> None:
        async with ScriptedServer(good) as server, opened(server.url, transport) as client:
            async with client.with_options(timeout=1.0) as copy:
                await copy.status("a1")
            assert (await client.status("a1")).delivery_status == "delivered"

    async def test_row_48_one_of_two_who_close_may_be_cancelled(self, transport: TransportName) -> None:
        gate = asyncio.Event()
        async with ScriptedServer(behind(gate)) as server, opened(server.url, transport) as client:
            send = asyncio.create_task(client.send(message()))
            await server.seen_request()
            impatient = asyncio.create_task(client.aclose())
            patient = asyncio.create_task(client.aclose())
            await settle()
            impatient.cancel()
            assert isinstance(await ending(impatient), asyncio.CancelledError)
            gate.set()
            await within(patient, "the client closed")
            assert (await send).message_id == "v-m1"


class TestSharedPool:
    """Clients that share a pool, and pools that share a session."""

    async def test_row_48_closing_one_client_leaves_the_other_its_pool(
        self, transport: TransportName
    ) -> None:
        async with ScriptedServer(good) as server, make_pool(transport) as pool:
            async with opened(server.url, transport, pool=pool) as one:
                await one.send(message("m1"))
            async with opened(server.url, transport, pool=pool) as other:
                await other.send(message("m2"))
            assert (len(server.requests), server.connections) == (2, 1)

    @pytest.mark.looptime
    async def test_row_48_closing_one_client_breaks_off_its_own_calls_only(
        self, transport: TransportName
    ) -> None:
        gate = asyncio.Event()
        mine, others = Log(), Log()
        async with (
            ScriptedServer(behind(gate)) as server,
            make_pool(transport) as pool,
            opened(server.url, transport, mine, pool=pool) as one,
            opened(server.url, transport, others, pool=pool) as other,
        ):
            first = asyncio.create_task(one.send(message("m1")))
            second = asyncio.create_task(other.send(message("m2")))
            await server.seen_request(2)
            await one.aclose(grace=1.0)
            assert isinstance(await ending(first), OutcomeUnknownError)
            assert not second.done()
            gate.set()
            assert (await second).message_id == "v-m2"
        assert (mine.outcomes(), others.outcomes()) == ({"m1": UNKNOWN}, {"m2": ACCEPTED})

    async def test_row_48_a_pool_closed_before_its_clients_lets_nothing_out(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(good) as server,
            make_pool(transport) as pool,
            opened(server.url, transport, log, pool=pool) as client,
        ):
            await client.send(message("m1"))
            await pool.aclose()
            check_error(await failure(client.send(message("m2"))), ClientClosedError)
            check_error(await failure(client.status("a1")), ClientClosedError)
            assert len(server.requests) == 1
            assert log.outcomes() == {"m1": ACCEPTED, "m2": NOT_SENT}

    async def test_row_48_a_pool_closed_under_a_send_leaves_it_unknown(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(hang()) as server,
            make_pool(transport) as pool,
            opened(server.url, transport, log, pool=pool) as client,
        ):
            send = asyncio.create_task(client.send(message("m1")))
            await server.seen_request()
            await pool.aclose()
            met = await ending(send)
            assert isinstance(met, OutcomeUnknownError)
            check_error(met.error, TransportError, "disconnected")
            assert log.outcomes() == {"m1": UNKNOWN}

    async def test_row_48_a_users_own_session_outlives_clients_and_pools(self) -> None:
        async with ScriptedServer(good) as server, aiohttp.ClientSession() as session:
            for _ in range(2):
                pool = SessionPool(session=session)
                async with pool, SmsBatClient(api_key="key", base_url=server.url, pool=pool) as client:
                    await client.send(message("m1"))
            assert not session.closed
            async with session.get(server.url + "/a1") as answered:
                assert answered.status == 200

    async def test_row_48_a_users_own_session_closed_under_a_send_leaves_it_unknown(self) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server:
            session = aiohttp.ClientSession()
            async with (
                SessionPool(session=session) as pool,
                opened(server.url, "aiohttp", log, pool=pool) as client,
            ):
                send = asyncio.create_task(client.send(message("m1")))
                await server.seen_request()
                await session.close()
                met = await ending(send)
                assert isinstance(met, OutcomeUnknownError)
                check_error(met.error, TransportError, "disconnected")
                assert log.outcomes() == {"m1": UNKNOWN}
                late = await failure(client.send(message("m2")))
                assert not isinstance(late, OutcomeUnknownError | NotSentError)
                assert log.outcomes() == {"m1": UNKNOWN, "m2": NOT_SENT}
                assert len(server.requests) == 1
