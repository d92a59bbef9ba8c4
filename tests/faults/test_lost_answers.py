"""Requests that left and whose answers broke off: rows 10 to 14 and 19."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from smsbat_async import (
    OutcomeUnknownError,
    ResponseError,
    RetryPolicy,
    SendOutcome,
    TransportError,
)
from smsbat_async.transport import aiohttp as aiohttp_transport
from tests.support import (
    Arrival,
    FaultProxy,
    ScriptedServer,
    Step,
    broken,
    close,
    close_on_accept,
    finish,
    finish_on_accept,
    json_answer,
    reset,
    reset_on_accept,
    response,
)
from tests.support.calls import (
    Log,
    TransportName,
    check_error,
    chunk_ends_unknown,
    failure,
    good,
    message,
    messages,
    opened,
    send_ends_unknown,
    status_comes_after,
    status_fails,
    tracking_goes_on,
)

Fault = Callable[[], Step]


RECEIPTS = b'[{"messageId":"v-m1","trackinId":"m1"}]'


def _name(fault: Any) -> str:
    if isinstance(fault, partial):
        ends = [getattr(end, "name", "") for end in fault.keywords.values()]
        return f"{fault.func.__name__}-{''.join(ends)}"
    return str(getattr(fault, "__name__", fault))


def each(*faults: Fault) -> pytest.MarkDecorator:
    """Run a test on each of these faults."""
    return pytest.mark.parametrize("fault", faults, ids=_name)


UNREAD = pytest.mark.parametrize(
    "arrival",
    [
        pytest.param(finish_on_accept(once_sent=True), id="fin"),
        pytest.param(finish_on_accept(read=20), id="fin in the headers"),
        pytest.param(reset_on_accept(once_sent=True), id="rst"),
        pytest.param(reset_on_accept(read=20), id="rst in the headers"),
        pytest.param(close_on_accept(read=20), id="close in the headers"),
    ],
)


GONE = each(close, reset, finish)


HALF = each(
    broken.half_status_line,
    broken.half_headers,
    partial(broken.half_status_line, end=reset()),
    partial(broken.half_headers, end=reset()),
)


CUT = each(
    broken.cut_body,
    broken.cut_chunks,
    broken.cut_in_chunk,
    partial(broken.cut_body, RECEIPTS, missing=1),
    partial(broken.cut_chunks, RECEIPTS),
)


CUT_BY_RESET = each(
    partial(broken.cut_body, end=reset()),
    partial(broken.cut_chunks, end=reset()),
    partial(broken.cut_in_chunk, end=reset()),
)


LOST = ("disconnected", "body")


class TestUnread:
    """Rows 10 and 11: the connection ends with the request unread, which looks the same as read."""

    @UNREAD
    async def test_row_10_11_a_connection_that_ends_unread_leaves_a_send_unknown(
        self, arrival: Arrival, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, arrival=arrival, error=TransportError, kind="disconnected")

    async def test_row_10_11_a_connection_that_ends_unread_leaves_its_chunk_unknown(
        self, transport: TransportName
    ) -> None:
        for arrival in (finish_on_accept(once_sent=True), reset_on_accept(once_sent=True)):
            await chunk_ends_unknown(transport, arrival=arrival, error=TransportError, kind="disconnected")

    @UNREAD
    async def test_row_10_11_a_status_request_is_repeated_on_further_connections(
        self, arrival: Arrival, transport: TransportName
    ) -> None:
        await status_fails(transport, arrival=arrival, error=TransportError, kind="disconnected", asked=3)
        await status_comes_after(transport, arrival=arrival)

    async def test_row_10_11_tracking_goes_on_after_a_connection_that_ends_unread(
        self, transport: TransportName
    ) -> None:
        for arrival in (finish_on_accept(once_sent=True), reset_on_accept(once_sent=True)):
            await tracking_goes_on(transport, arrival=arrival, error=TransportError, kind="disconnected")

    async def test_row_10_fin_at_once_never_hides_an_unknown_outcome(self, transport: TransportName) -> None:
        await self._never_called_not_sent_if_read(transport, finish_on_accept())

    async def test_row_11_rst_at_once_never_hides_an_unknown_outcome(self, transport: TransportName) -> None:
        await self._never_called_not_sent_if_read(transport, reset_on_accept())

    async def _never_called_not_sent_if_read(self, transport: TransportName, arrival: Arrival) -> None:
        log = Log()
        async with (
            ScriptedServer(good, arrivals=arrival) as server,
            opened(server.url, transport, log) as client,
        ):
            met = await failure(client.send(message()))
            assert isinstance(met, OutcomeUnknownError | TransportError)
            # Whichever the race gave: what is unknown was tried once, and nothing else reached HTTP.
            if isinstance(met, OutcomeUnknownError):
                assert log.outcomes() == {"m1": SendOutcome.UNKNOWN}
            else:
                assert log.outcomes() == {"m1": SendOutcome.NOT_SENT}
            assert server.requests == []


class TestGone:
    """Row 12: the request was read, and the connection ends without a word."""

    @GONE
    async def test_row_12_a_connection_that_ends_without_a_word_leaves_a_send_unknown(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=TransportError, kind="disconnected")

    async def test_row_12_a_connection_that_ends_without_a_word_leaves_its_chunk_unknown(
        self, transport: TransportName
    ) -> None:
        for fault in (close, reset):
            await chunk_ends_unknown(transport, fault(), error=TransportError, kind="disconnected")

    @GONE
    async def test_row_12_a_status_request_is_repeated_and_the_server_sees_exactly_three(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await status_fails(transport, fault(), error=TransportError, kind="disconnected", asked=3)
        await status_comes_after(transport, fault())

    async def test_row_12_tracking_goes_on_after_a_connection_that_ends_without_a_word(
        self, transport: TransportName
    ) -> None:
        for fault in (close, reset):
            await tracking_goes_on(transport, fault(), error=TransportError, kind="disconnected")

    async def test_row_12_a_send_of_unknown_fate_is_sent_again_only_where_the_user_wants_it(
        self, transport: TransportName
    ) -> None:
        again = RetryPolicy(initial=0.0, maximum=0.0, resend_unknown=True)
        log = Log()
        async with (
            ScriptedServer([reset(), json_answer([{"messageId": "v-m1", "trackinId": "m1"}])]) as server,
            opened(server.url, transport, log, retry=again) as client,
        ):
            assert (await client.send(message())).message_id == "v-m1"
            assert len(server.requests) == 2
            assert log.outcomes() == {"m1": SendOutcome.ACCEPTED}

    async def test_row_12_a_resend_that_is_refused_does_not_clear_up_the_first_attempt(
        self, transport: TransportName
    ) -> None:
        again = RetryPolicy(initial=0.0, maximum=0.0, resend_unknown=True)
        log = Log()
        async with (
            ScriptedServer([reset(), json_answer({"error": {"code": "duplicate"}}, 400)]) as server,
            opened(server.url, transport, log, retry=again) as client,
        ):
            met = await failure(client.send(message()))
            assert isinstance(met, OutcomeUnknownError)
            assert log.outcomes() == {"m1": SendOutcome.UNKNOWN}


class TestKeepAlive:
    """Row 13: the server ends an idle connection just when the next request goes out on it."""

    @pytest.mark.parametrize("end", [close(), reset()], ids=repr)
    async def test_row_13_a_send_that_meets_a_closing_connection_is_unknown_and_not_repeated(
        self, end: Step, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(lambda request: broken.closed_on_reuse(good(request), end)) as server,
            opened(server.url, transport, log) as client,
        ):
            await client.send(message("m1"))
            met = await failure(client.send(message("m2")))
            assert isinstance(met, OutcomeUnknownError)
            assert met.tracking_ids == ("m2",)
            check_error(met.error, TransportError, "disconnected")
            assert log.outcomes() == {"m1": SendOutcome.ACCEPTED, "m2": SendOutcome.UNKNOWN}
            assert (len(server.requests), server.connections) == (1, 1)

    @pytest.mark.parametrize("end", [close(), reset()], ids=repr)
    async def test_row_13_a_chunk_that_meets_a_closing_connection_is_unknown_and_not_repeated(
        self, end: Step, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(lambda request: broken.closed_on_reuse(good(request), end)) as server,
            opened(server.url, transport, log) as client,
        ):
            results = await client.send_many(messages(3), chunk_size=1, concurrency=1)
            accepted, unknown = SendOutcome.ACCEPTED, SendOutcome.UNKNOWN
            assert [result.outcome for result in results] == [accepted, unknown, accepted]
            assert log.outcomes() == {"m1": accepted, "m2": unknown, "m3": accepted}
            assert (len(server.requests), server.connections) == (2, 2)

    @pytest.mark.parametrize("end", [close(), reset()], ids=repr)
    async def test_row_13_a_status_request_is_repeated_on_a_new_connection(
        self, end: Step, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(lambda request: broken.closed_on_reuse(good(request), end)) as server,
            opened(server.url, transport, log) as client,
        ):
            await client.status("a1")
            assert (await client.status("a2")).message_id == "a2"
            assert server.connections == 2
            assert [attempt.attempt for attempt in log.attempts] == [1, 1, 2]
            delivery = await client.track("a3")
            check_error(delivery.last_error, TransportError, "disconnected")
            assert (delivery.polls, server.connections) == (2, 3)

    @pytest.mark.looptime
    async def test_row_13_a_connection_that_the_server_has_ended_is_not_used_again(
        self, transport: TransportName
    ) -> None:
        async with (
            ScriptedServer(good, idle_timeout=5.0) as server,
            opened(server.url, transport) as client,
        ):
            for number in range(20):
                await client.send(message(f"m{number}"))
                await asyncio.sleep(5.5)
            assert (len(server.requests), server.connections) == (20, 20)

    async def test_row_13_an_idle_connection_is_ended_before_common_servers_do_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert 0.0 < aiohttp_transport.KEEP_ALIVE < 5.0
        monkeypatch.setattr(aiohttp_transport, "KEEP_ALIVE", 0.01)
        async with ScriptedServer(good) as server, opened(server.url, "aiohttp") as client:
            await client.send(message("m1"))
            assert server.open_connections == 1
            await server.seen_disconnect()
            await client.send(message("m2"))
            assert server.connections == 2


class TestHalfAnswers:
    """Row 14: the answer ends before its content begins."""

    @HALF
    async def test_row_14_half_an_answer_leaves_a_send_unknown(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=TransportError, kind="disconnected")

    async def test_row_14_half_an_answer_leaves_its_chunk_unknown(self, transport: TransportName) -> None:
        for fault in (broken.half_status_line, broken.half_headers):
            await chunk_ends_unknown(transport, fault(), error=TransportError, kind="disconnected")

    @HALF
    async def test_row_14_a_status_request_is_repeated_after_half_an_answer(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await status_fails(transport, fault(), error=TransportError, kind="disconnected", asked=3)

    async def test_row_14_tracking_goes_on_after_half_an_answer(self, transport: TransportName) -> None:
        for fault in (broken.half_status_line, broken.half_headers):
            await tracking_goes_on(transport, fault(), error=TransportError, kind="disconnected")


class TestCutBodies:
    """Row 19: the vendor said 200, and the body with the ids is lost."""

    @CUT
    async def test_row_19_a_cut_body_leaves_a_send_unknown(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=TransportError, kind="body")

    @CUT_BY_RESET
    async def test_row_19_a_body_cut_by_a_reset_leaves_a_send_unknown(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=TransportError, kind=LOST)

    async def test_row_19_a_cut_body_leaves_its_chunk_unknown(self, transport: TransportName) -> None:
        for fault in (broken.cut_body, broken.cut_in_chunk):
            await chunk_ends_unknown(transport, fault(), error=TransportError, kind="body")

    @CUT
    async def test_row_19_a_status_request_is_repeated_after_a_cut_body(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await status_fails(transport, fault(), error=TransportError, kind="body", asked=3)

    async def test_row_19_tracking_goes_on_after_a_cut_body(self, transport: TransportName) -> None:
        for fault in (broken.cut_body, broken.cut_in_chunk):
            await tracking_goes_on(transport, fault(), error=TransportError, kind="body")

    async def test_row_19_an_answer_cut_at_any_byte_is_never_a_receipt(
        self, transport: TransportName
    ) -> None:
        """The network breaks after every possible number of bytes of the answer."""
        whole = len(response(200, '[{"messageId": "v-m1", "trackinId": "m1"}]'))
        async with ScriptedServer(good) as server, FaultProxy(server.port) as network:
            for passed in range(0, whole, 3):
                network.to_client.finish_after = passed
                async with opened(network.url, transport) as client:
                    met = await failure(client.send(message()))
                assert isinstance(met, OutcomeUnknownError), passed
                assert isinstance(met.error, TransportError | ResponseError)
            network.restore()
            async with opened(network.url, transport) as client:
                assert (await client.send(message())).message_id == "v-m1"
            assert network.to_client.passed >= whole
