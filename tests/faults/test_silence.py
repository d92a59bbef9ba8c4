"""Answers that do not come, or never end: rows 15 and 16."""

import asyncio

import msgspec
import pytest

from smsbat_async import (
    OutcomeUnknownError,
    PollPolicy,
    SendOutcome,
    TransportError,
)
from tests.support import (
    FaultProxy,
    ScriptedServer,
    drip,
    hang,
    never_read,
    raw,
    response,
    response_head,
    then,
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
    status_fails,
    tracking_goes_on,
)

RECEIPTS = b'[{"messageId":"v-m1","trackinId":"m1"}]'


class TestSilence:
    """Row 15: no answer comes."""

    @pytest.mark.looptime
    async def test_row_15_silence_leaves_a_send_unknown_at_the_timeout(
        self, transport: TransportName
    ) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await send_ends_unknown(transport, hang(), error=TransportError, kind="timeout", timeout=12.25)
        assert loop.time() - began == 12.25

    @pytest.mark.looptime
    async def test_row_15_silence_leaves_its_chunk_unknown_and_the_next_goes_out(
        self, transport: TransportName
    ) -> None:
        await chunk_ends_unknown(transport, hang(), error=TransportError, kind="timeout", timeout=3.0)

    @pytest.mark.looptime
    async def test_row_15_a_status_request_waits_for_three_timeouts(self, transport: TransportName) -> None:
        loop = asyncio.get_running_loop()
        async with ScriptedServer(hang()) as server, opened(server.url, transport, timeout=7.5) as client:
            began = loop.time()
            check_error(await failure(client.status("a1")), TransportError, "timeout")
            assert loop.time() - began == 22.5
            assert len(server.requests) == 3

    @pytest.mark.looptime
    async def test_row_15_the_total_timeout_cuts_the_last_attempt_short(
        self, transport: TransportName
    ) -> None:
        loop = asyncio.get_running_loop()
        async with (
            ScriptedServer(hang()) as server,
            opened(server.url, transport, timeout=7.5, total_timeout=10.0) as client,
        ):
            began = loop.time()
            check_error(await failure(client.status("a1")), TransportError, "timeout")
            assert loop.time() - began == 10.0
            assert len(server.requests) == 2

    @pytest.mark.looptime
    async def test_row_15_tracking_goes_on_after_silence(self, transport: TransportName) -> None:
        await tracking_goes_on(
            transport, hang(), error=TransportError, kind="timeout", timeout=3.0, polling=PollPolicy()
        )

    @pytest.mark.looptime
    async def test_row_15_a_peer_that_never_reads_leaves_a_big_send_unknown(
        self, transport: TransportName
    ) -> None:
        log = Log()
        big = [msgspec.structs.replace(one, text="x" * 2_000) for one in messages(500)]
        async with (
            ScriptedServer(good, arrivals=never_read(read=100, buffer=2_048)) as server,
            opened(server.url, transport, log, timeout=5.0) as client,
        ):
            results = await client.send_many(big)
            assert {result.outcome for result in results} == {SendOutcome.UNKNOWN}
            assert log.outcomes() == {one.id: SendOutcome.UNKNOWN for one in big}
            assert server.connections == 1

    @pytest.mark.looptime
    async def test_row_15_a_black_hole_in_the_network_leaves_a_send_unknown(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(good) as server,
            FaultProxy(server.port) as network,
            opened(network.url, transport, log, timeout=5.0) as client,
        ):
            network.black_hole()
            met = await failure(client.send(message()))
            assert isinstance(met, OutcomeUnknownError)
            check_error(met.error, TransportError, "timeout")
            assert (network.connections, len(server.requests)) == (1, 0)


class TestDrip:
    """Row 16: the answer comes so slowly that it never ends."""

    SLOW = then(raw(response_head(200, {"Content-Length": "1000"})), drip(b" " * 1000, every=0.5))

    @pytest.mark.looptime
    @pytest.mark.parametrize(("timeout", "total_timeout"), [(7.25, None), (30.0, 7.25), (None, 7.25)])
    async def test_row_16_a_dripping_answer_leaves_a_send_unknown_exactly_at_the_deadline(
        self, timeout: float | None, total_timeout: float | None, transport: TransportName
    ) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await send_ends_unknown(
            transport,
            self.SLOW,
            error=TransportError,
            kind="timeout",
            timeout=timeout,
            total_timeout=total_timeout,
        )
        assert loop.time() - began == 7.25

    @pytest.mark.looptime
    async def test_row_16_dripping_headers_leave_a_send_unknown(self, transport: TransportName) -> None:
        slow = drip(response(200, RECEIPTS), every=0.5)
        await send_ends_unknown(transport, slow, error=TransportError, kind="timeout", timeout=7.25)
        await chunk_ends_unknown(transport, slow, error=TransportError, kind="timeout", timeout=7.25)

    @pytest.mark.looptime
    async def test_row_16_a_status_request_is_repeated_after_a_dripping_answer(
        self, transport: TransportName
    ) -> None:
        await status_fails(transport, self.SLOW, error=TransportError, kind="timeout", timeout=7.25, asked=3)

    @pytest.mark.looptime
    async def test_row_16_tracking_goes_on_after_a_dripping_answer(self, transport: TransportName) -> None:
        await tracking_goes_on(
            transport, self.SLOW, error=TransportError, kind="timeout", timeout=3.0, polling=PollPolicy()
        )
