"""Calls that are cancelled or run out of their caller's time: rows 44 to 47."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from smsbat_async import NotSentError, OutcomeUnknownError, SendOutcome, SmsBatClient, TransportError
from tests.support import (
    ScriptedServer,
    answer,
    at_bytes,
    at_request,
    cancel_after_turns,
    cancel_when,
    ending,
    hang,
    hanging_port,
    hold,
    then,
)
from tests.support.calls import (
    Log,
    TransportName,
    check_error,
    good,
    make_pool,
    message,
    messages,
    opened,
    sent_ids,
    settle,
)

ACCEPTED, NOT_SENT, UNKNOWN = SendOutcome.ACCEPTED, SendOutcome.NOT_SENT, SendOutcome.UNKNOWN

Send = Callable[[SmsBatClient], Awaitable[object]]
WAYS = pytest.mark.parametrize(
    "send",
    [
        pytest.param(lambda client: client.send(message("m1")), id="send"),
        pytest.param(
            lambda client: client.send_many(messages(3), chunk_size=1, concurrency=1), id="send_many"
        ),
    ],
)


async def call(client: SmsBatClient, send: Send) -> object:
    """Make a coroutine of a call, for a task."""
    return await send(client)


def told_error(log: Log, tracking_id: str) -> object:
    """Give the error that was reported with a message."""
    (result,) = [result for result in log.told if result.message.id == tracking_id]
    return result.error


class TestBeforeTheWire:
    """Row 44: cancelled before the first byte."""

    async def test_row_44_a_send_cancelled_while_connecting_is_told_as_not_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with hanging_port() as port:
            async with opened(f"http://127.0.0.1:{port}", transport, log) as client:
                task = asyncio.create_task(client.send(message()))
                await settle(20)
                task.cancel()
                assert isinstance(await ending(task), asyncio.CancelledError)
                assert log.outcomes() == {"m1": NOT_SENT}
                check_error(told_error(log, "m1"), NotSentError, "stopped")

    async def test_row_44_a_send_cancelled_while_it_waits_for_a_slot_is_told_as_not_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(hang()) as server,
            make_pool(transport, max_concurrency=1) as pool,
            opened(server.url, transport, log, pool=pool) as client,
        ):
            holding = asyncio.create_task(client.send(message("holder")))
            await server.seen_request()
            task = asyncio.create_task(client.send(message("late")))
            await settle(20)
            assert pool.in_flight == 1
            task.cancel()
            assert isinstance(await ending(task), asyncio.CancelledError)
            assert log.outcomes() == {"late": NOT_SENT}
            holding.cancel()
            await ending(holding)
            assert pool.in_flight == 0

    @pytest.mark.looptime
    async def test_row_44_a_cancelled_run_lets_what_is_on_the_wire_finish_and_sends_nothing_more(
        self, transport: TransportName
    ) -> None:
        log = Log()
        gate = asyncio.Event()
        async with ScriptedServer(lambda request: then(hold(gate), good(request))) as server:
            async with opened(server.url, transport, log) as client:
                task = asyncio.create_task(client.send_many(messages(6), chunk_size=2, concurrency=1))
                assert isinstance(await cancel_when(task, server, at_request()), asyncio.CancelledError)
                gate.set()
            await server.seen_idle()
            assert log.outcomes() == {
                **dict.fromkeys(("m1", "m2"), ACCEPTED),
                **dict.fromkeys(("m3", "m4", "m5", "m6"), NOT_SENT),
            }
            assert [sent_ids(request) for request in server.requests] == [["m1", "m2"]]

    async def test_row_44_a_status_request_and_a_tracking_can_be_cancelled_at_any_time(
        self, transport: TransportName
    ) -> None:
        async with ScriptedServer(hang()) as server, opened(server.url, transport) as client:
            task = asyncio.create_task(client.status("a1"))
            assert isinstance(await cancel_when(task, server, at_request()), asyncio.CancelledError)
            future = client.track("a1")
            await server.seen_request(2)
            future.cancel()
            assert client.poller.pending == 0
            await client.aclose(grace=0.0)


class TestAfterTheWire:
    """Row 45: cancelled when something has left."""

    async def test_row_45_a_send_cancelled_after_its_request_is_told_as_unknown(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            task = asyncio.create_task(client.send(message()))
            assert isinstance(await cancel_when(task, server, at_request()), asyncio.CancelledError)
            assert log.outcomes() == {"m1": UNKNOWN}
            error = told_error(log, "m1")
            assert isinstance(error, OutcomeUnknownError)
            assert error.tracking_ids == ("m1",)
            check_error(error.error, TransportError, "cancelled")
            assert len(server.requests) == 1

    async def test_row_45_a_send_cancelled_at_the_first_bytes_is_told_as_unknown(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            task = asyncio.create_task(client.send(message()))
            assert isinstance(await cancel_when(task, server, at_bytes(1)), asyncio.CancelledError)
            assert log.outcomes() == {"m1": UNKNOWN}

    async def test_row_45_the_outcome_is_told_before_the_cancellation_is_over(
        self, transport: TransportName
    ) -> None:
        """The hook has heard of it when the caller's own clean-up begins."""
        log = Log()
        known: list[dict[str, SendOutcome]] = []

        async def caller(client: SmsBatClient) -> None:
            try:
                await client.send(message())
            finally:
                known.append(log.outcomes())

        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            task = asyncio.create_task(caller(client))
            await cancel_when(task, server, at_request())
            assert known == [{"m1": UNKNOWN}]

    @WAYS
    async def test_row_44_45_cancelled_after_any_number_of_turns_no_outcome_is_hidden(
        self, send: Send, transport: TransportName
    ) -> None:
        """Every await is tried: what the server got is never told as not sent, and each is told once."""
        turns = 0
        seen: set[SendOutcome] = set()
        while True:
            log = Log()
            async with ScriptedServer(good) as server:
                async with opened(server.url, transport, log) as client:
                    end = await cancel_after_turns(asyncio.create_task(call(client, send)), turns)
                await server.seen_idle()
                got = {sent for request in server.requests for sent in sent_ids(request)}
                outcomes = log.outcomes()
                assert got <= {one for one, outcome in outcomes.items() if outcome is not NOT_SENT}, turns
                taken = {one for one, outcome in outcomes.items() if outcome is ACCEPTED}
                assert taken <= got, turns
                seen |= set(outcomes.values())
            if not isinstance(end, asyncio.CancelledError):
                break
            turns += 1
        assert turns > 5
        assert {NOT_SENT, ACCEPTED} <= seen


class TestTwice:
    """Row 46: cancelled again while the first cancellation is being dealt with."""

    @pytest.mark.parametrize("times", [2, 3])
    async def test_row_46_a_send_cancelled_again_is_told_as_unknown_once(
        self, times: int, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            task = asyncio.create_task(client.send(message()))
            end = await cancel_when(task, server, at_request(), times=times)
            assert isinstance(end, asyncio.CancelledError)
            assert log.outcomes() == {"m1": UNKNOWN}

    async def test_row_46_a_run_cancelled_again_tells_of_every_message_once(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer([answer(500), hang()]) as server:
            async with opened(server.url, transport, log) as client:
                run = client.send_many(messages(6), chunk_size=2, concurrency=1)
                task = asyncio.create_task(run)
                end = await cancel_when(task, server, at_request(2), times=3)
                assert isinstance(end, asyncio.CancelledError)
                await client.aclose(grace=0.0)
            assert log.outcomes() == {
                **dict.fromkeys(("m1", "m2", "m3", "m4"), UNKNOWN),
                **dict.fromkeys(("m5", "m6"), NOT_SENT),
            }


class TestCallersTime:
    """Row 47: the caller's own timeout."""

    @pytest.mark.looptime
    async def test_row_47_a_send_in_asyncio_timeout_is_told_as_unknown(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3.0):
                    await client.send(message())
            assert log.outcomes() == {"m1": UNKNOWN}
            assert len(server.requests) == 1

    @pytest.mark.looptime
    async def test_row_47_a_send_in_wait_for_is_told_as_unknown(self, transport: TransportName) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.send(message()), 3.0)
            assert log.outcomes() == {"m1": UNKNOWN}

    @pytest.mark.looptime
    async def test_row_47_a_send_in_anyio_fail_after_is_told_as_unknown(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, log) as client:
            with pytest.raises(TimeoutError):
                with anyio.fail_after(3.0):
                    await client.send(message())
            assert log.outcomes() == {"m1": UNKNOWN}
            assert (await client.with_options(timeout=1.0).fetch_statuses(["a1"]))[0].error is not None

    @pytest.mark.looptime
    async def test_row_47_a_timeout_while_connecting_is_told_as_not_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with hanging_port() as port:
            async with opened(f"http://127.0.0.1:{port}", transport, log) as client:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(3.0):
                        await client.send(message())
                assert log.outcomes() == {"m1": NOT_SENT}

    @pytest.mark.looptime
    async def test_row_47_a_run_in_a_timeout_tells_of_every_message(self, transport: TransportName) -> None:
        log = Log()
        async with ScriptedServer(hang()) as server:
            async with opened(server.url, transport, log) as client:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(3.0):
                        await client.send_many(messages(4), chunk_size=2, concurrency=1)
                await asyncio.sleep(10.5)  # what is on the wire has ten seconds to finish
                assert log.outcomes() == {
                    **dict.fromkeys(("m1", "m2"), UNKNOWN),
                    **dict.fromkeys(("m3", "m4"), NOT_SENT),
                }
            assert len(server.requests) == 1

    @pytest.mark.looptime
    async def test_row_47_a_status_request_in_a_timeout_is_just_over(self, transport: TransportName) -> None:
        async with (
            ScriptedServer(hang()) as server,
            make_pool(transport) as pool,
            opened(server.url, transport, pool=pool) as client,
        ):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3.0):
                    await client.status("a1")
            assert pool.in_flight == 0
