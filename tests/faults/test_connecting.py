"""Faults before a connection: rows 1 to 6. Surely nothing was sent."""

import asyncio
import contextlib
from typing import Any
from unittest import mock

import aiohttp
import pytest

from smsbat_async import (
    NotSentError,
    RetryPolicy,
    RetryScheduled,
    SendOutcome,
    SessionPool,
    SmsBatClient,
    TransportError,
)
from tests.support import (
    NO_SUCH_NAME,
    SILENT_NAME,
    ScriptedServer,
    delay,
    ending,
    fake_dns,
    hang,
    hanging_port,
    refused_port,
)
from tests.support.calls import (
    Log,
    TransportName,
    check_error,
    failure,
    good,
    make_pool,
    message,
    messages,
    nothing_is_asked,
    nothing_is_sent,
    opened,
    tracking_times_out,
)


class TestRefused:
    """Row 1: nobody listens."""

    async def test_row_01_a_refused_connection_sends_nothing_after_three_attempts(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with refused_port() as port:
            async with opened(f"http://127.0.0.1:{port}", transport, log) as client:
                await nothing_is_sent(client, log, "connect")
                assert len(log.attempts) == 6

    async def test_row_01_a_refused_status_request_is_tried_three_times(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with refused_port() as port:
            async with opened(f"http://127.0.0.1:{port}", transport, log) as client:
                await nothing_is_asked(client, log, "connect")

    @pytest.mark.looptime
    async def test_row_01_tracking_a_refusing_host_goes_on_to_its_deadline(
        self, transport: TransportName
    ) -> None:
        with refused_port() as port:
            async with opened(f"http://127.0.0.1:{port}", transport) as client:
                await tracking_times_out(client, "connect")

    @pytest.mark.looptime
    async def test_row_01_a_send_goes_out_once_as_soon_as_somebody_listens(
        self, transport: TransportName
    ) -> None:
        async with contextlib.AsyncExitStack() as stack:
            refused = contextlib.ExitStack()
            port = refused.enter_context(refused_port())
            server = ScriptedServer(good, port=port)
            opening: list[asyncio.Task[ScriptedServer]] = []

            def open_up(event: object) -> None:
                if isinstance(event, RetryScheduled):
                    refused.close()
                    opening.append(asyncio.create_task(stack.enter_async_context(server)))

            async with make_pool(transport) as pool:
                client = SmsBatClient(
                    api_key="key",
                    base_url=f"http://127.0.0.1:{port}",
                    pool=pool,
                    hooks=[open_up],
                    retry=RetryPolicy(initial=8.0, maximum=8.0),
                )
                async with client:
                    assert (await client.send(message())).message_id == "v-m1"
            assert len(opening) == 1
            assert len(server.requests) == 1


class TestNames:
    """Rows 2 and 3: the name server knows nothing, or says nothing."""

    async def test_row_02_a_name_that_does_not_exist_sends_nothing_after_three_attempts(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with fake_dns() as asked:
            async with opened(f"http://{NO_SUCH_NAME}", transport, log, allow_http=True) as client:
                check_error(await failure(client.send(message())), NotSentError, "dns")
                assert log.outcomes() == {"m1": SendOutcome.NOT_SENT}
                assert asked == [NO_SUCH_NAME] * 3

    async def test_row_02_a_chunk_for_a_name_that_does_not_exist_is_not_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with fake_dns():
            async with opened(f"http://{NO_SUCH_NAME}", transport, log, allow_http=True) as client:
                await nothing_is_sent(client, log, "dns")

    async def test_row_02_a_status_request_for_a_name_that_does_not_exist_is_tried_three_times(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with fake_dns():
            async with opened(f"http://{NO_SUCH_NAME}", transport, log, allow_http=True) as client:
                await nothing_is_asked(client, log, "dns")

    @pytest.mark.looptime
    async def test_row_02_tracking_goes_on_while_the_name_does_not_exist(
        self, transport: TransportName
    ) -> None:
        with fake_dns():
            async with opened(f"http://{NO_SUCH_NAME}", transport, allow_http=True) as client:
                await tracking_times_out(client, "dns")

    @pytest.mark.looptime
    async def test_row_03_a_silent_name_server_sends_nothing_and_takes_three_timeouts(
        self, transport: TransportName
    ) -> None:
        log = Log()
        loop = asyncio.get_running_loop()
        with fake_dns():
            async with opened(
                f"http://{SILENT_NAME}", transport, log, allow_http=True, timeout=7.5
            ) as client:
                began = loop.time()
                check_error(await failure(client.send(message())), NotSentError, "timeout")
                assert loop.time() - began == 22.5
                assert log.outcomes() == {"m1": SendOutcome.NOT_SENT}
                assert len(log.attempts) == 3

    @pytest.mark.looptime
    async def test_row_03_a_status_request_gives_a_silent_name_server_three_timeouts(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with fake_dns():
            async with opened(
                f"http://{SILENT_NAME}", transport, log, allow_http=True, timeout=7.5
            ) as client:
                # aiohttp does not tell whether a GET was written; the wire transport knows that it was not.
                error = NotSentError if transport == "wire" else TransportError
                await nothing_is_asked(client, log, "timeout", error=error)


class TestHangingConnect:
    """Rows 4 and 5: connecting neither succeeds nor fails."""

    @pytest.mark.looptime
    async def test_row_04_connecting_has_ten_seconds_and_then_nothing_was_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        loop = asyncio.get_running_loop()
        with hanging_port() as port:
            async with opened(f"http://127.0.0.1:{port}", transport, log) as client:
                began = loop.time()
                await nothing_is_sent(client, log, "connect_timeout")
                assert loop.time() - began == 90.0

    @pytest.mark.looptime
    async def test_row_04_a_status_request_gives_connecting_three_times_ten_seconds(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with hanging_port() as port:
            async with opened(f"http://127.0.0.1:{port}", transport, log) as client:
                await nothing_is_asked(client, log, "connect_timeout")

    @pytest.mark.looptime
    async def test_row_04_tracking_goes_on_while_connecting_hangs(self, transport: TransportName) -> None:
        with hanging_port() as port:
            async with opened(f"http://127.0.0.1:{port}", transport) as client:
                error = NotSentError if transport == "wire" else TransportError
                await tracking_times_out(
                    client, "timeout", error=error, elapsed=124.99
                )  # the last poll's grace

    @pytest.mark.looptime
    @pytest.mark.parametrize(
        ("timeout", "total_timeout", "elapsed"), [(4.25, 120.0, 12.75), (30.0, 2.5, 2.5), (None, 2.5, 2.5)]
    )
    async def test_row_05_a_timeout_while_connecting_is_no_unknown_outcome(
        self, timeout: float | None, total_timeout: float, elapsed: float, transport: TransportName
    ) -> None:
        log = Log()
        loop = asyncio.get_running_loop()
        with hanging_port() as port:
            async with opened(
                f"http://127.0.0.1:{port}", transport, log, timeout=timeout, total_timeout=total_timeout
            ) as client:
                began = loop.time()
                check_error(
                    await failure(client.send(message())), NotSentError, ("timeout", "connect_timeout")
                )
                assert loop.time() - began == elapsed
                assert log.outcomes() == {"m1": SendOutcome.NOT_SENT}

    @pytest.mark.looptime
    async def test_row_05_a_name_and_a_connection_that_take_too_long_together_send_nothing(
        self, transport: TransportName
    ) -> None:
        """The total timeout comes first here, and its error does not tell what it cut short."""
        log = Log()
        loop = asyncio.get_running_loop()
        with hanging_port() as port, fake_dns({"vendor.test": "127.0.0.1"}):
            quick = loop.getaddrinfo

            async def slow(*arguments: Any, **options: Any) -> list[Any]:
                await asyncio.sleep(1.0)
                return await quick(*arguments, **options)

            with mock.patch.object(loop, "getaddrinfo", slow):
                async with opened(
                    f"http://vendor.test:{port}", transport, log, allow_http=True, timeout=5.0
                ) as client:
                    began = loop.time()
                    check_error(await failure(client.send(message())), NotSentError, "timeout")
                    assert loop.time() - began == 15.0
                    assert log.outcomes() == {"m1": SendOutcome.NOT_SENT}


class TestWaitingForASlot:
    """Row 6: all slots are taken."""

    @pytest.mark.looptime
    async def test_row_06_a_send_that_finds_no_slot_in_time_is_not_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(hang()) as server,
            make_pool(transport, max_concurrency=1) as pool,
            opened(server.url, transport, pool=pool) as holder,
            opened(server.url, transport, log, pool=pool, total_timeout=5.0) as client,
        ):
            holding = asyncio.create_task(holder.send(message("holder")))
            await server.seen_request()
            check_error(await failure(client.send(message("late"))), NotSentError, "no_slot")
            check_error(await failure(client.status("a1")), NotSentError, "no_slot")
            results = await client.send_many(messages(2))
            assert [result.outcome for result in results] == [SendOutcome.NOT_SENT] * 2
            assert log.outcomes() == dict.fromkeys(("late", "m1", "m2"), SendOutcome.NOT_SENT)
            assert len(server.requests) == 1
            holding.cancel()
            await ending(holding)

    @pytest.mark.looptime
    async def test_row_06_the_timeout_of_an_attempt_begins_with_its_slot(
        self, transport: TransportName
    ) -> None:
        """Ten calls of three seconds each, one after the other, with five seconds for each attempt."""
        async with (
            ScriptedServer(lambda request: delay(3.0, good(request))) as server,
            make_pool(transport, max_concurrency=1) as pool,
            opened(server.url, transport, pool=pool, timeout=5.0) as client,
        ):
            receipts = await asyncio.gather(*(client.send(one) for one in messages(10)))
            assert len(receipts) == 10
            assert (server.peak, len(server.requests)) == (1, 10)

    @pytest.mark.looptime
    async def test_row_06_a_users_own_narrow_session_makes_a_send_wait_and_not_unknown(self) -> None:
        log = Log()
        async with (
            ScriptedServer(hang()) as server,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session,
            SessionPool(session=session) as pool,
            opened(
                server.url, "aiohttp", log, pool=pool, timeout=5.0, retry=RetryPolicy(attempts=1)
            ) as client,
        ):
            holding = asyncio.create_task(client.send(message("holder")))
            await server.seen_request()
            late = client.with_options(timeout=2.0).send(message("late"))
            check_error(await failure(late), NotSentError, "timeout")
            await ending(holding)
            assert log.outcomes() == {"holder": SendOutcome.UNKNOWN, "late": SendOutcome.NOT_SENT}
            assert len(server.requests) == 1
