"""Faults on the way to a connection that can be trusted: rows 7 to 9. Surely nothing was sent."""

import asyncio
import ssl

import pytest

from smsbat_async import (
    NotSentError,
    Outcome,
    SendOutcome,
)
from tests.support import (
    Arrival,
    ScriptedServer,
    close_in_handshake,
    hang_in_handshake,
    refused_port,
    refusing_proxy,
    reset_in_handshake,
    serve,
    tls,
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


class TestCertificates:
    """Row 7: the other side is not who it should be."""

    CONTEXTS = pytest.mark.parametrize("certificate", ["unknown_ca", "expired", "wrong_host"])

    @CONTEXTS
    async def test_row_07_a_bad_certificate_sends_nothing_and_is_not_tried_again(
        self, certificate: str, transport: TransportName
    ) -> None:
        context: ssl.SSLContext = getattr(tls, certificate)()
        log = Log()
        async with (
            ScriptedServer(good, ssl=context) as server,
            make_pool(transport, ssl=tls.client()) as pool,
            opened(server.url, transport, log, pool=pool) as client,
        ):
            check_error(await failure(client.send(message())), NotSentError, "certificate")
            assert log.outcomes() == {"m1": SendOutcome.NOT_SENT}
            assert (server.connections, server.handshakes, server.requests) == (1, 0, [])

    @CONTEXTS
    async def test_row_07_a_bad_certificate_stops_a_run_at_its_first_chunk(
        self, certificate: str, transport: TransportName
    ) -> None:
        context: ssl.SSLContext = getattr(tls, certificate)()
        log = Log()
        async with (
            ScriptedServer(good, ssl=context) as server,
            make_pool(transport, ssl=tls.client()) as pool,
            opened(server.url, transport, log, pool=pool) as client,
        ):
            results = await client.send_many(messages(5), chunk_size=1, concurrency=1)
            assert [result.outcome for result in results] == [SendOutcome.NOT_SENT] * 5
            for result in results:
                check_error(result.error, NotSentError, "certificate")
            assert log.outcomes() == {result.message.id: SendOutcome.NOT_SENT for result in results}
            assert server.connections == 1

    @CONTEXTS
    async def test_row_07_a_bad_certificate_fails_status_and_tracking_at_once(
        self, certificate: str, transport: TransportName
    ) -> None:
        context: ssl.SSLContext = getattr(tls, certificate)()
        async with (
            ScriptedServer(good, ssl=context) as server,
            make_pool(transport, ssl=tls.client()) as pool,
            opened(server.url, transport, pool=pool) as client,
        ):
            check_error(await failure(client.status("a1")), NotSentError, "certificate")
            assert server.connections == 1
            check_error(await failure(client.track("a1")), NotSentError, "certificate")
            assert server.connections == 2

    async def test_row_07_certificates_are_checked_without_being_asked_to(
        self, transport: TransportName
    ) -> None:
        async with ScriptedServer(good, ssl=tls.good()) as server, opened(server.url, transport) as client:
            check_error(await failure(client.send(message())), NotSentError, "certificate")
            assert server.handshakes == 0

    async def test_row_07_a_good_certificate_is_accepted(self, transport: TransportName) -> None:
        async with (
            ScriptedServer(good, ssl=tls.good()) as server,
            make_pool(transport, ssl=tls.client()) as pool,
            opened(server.url, transport, pool=pool) as client,
        ):
            assert (await client.send(message())).message_id == "v-m1"


class TestHandshake:
    """Row 8: TLS does not come about."""

    BROKEN = pytest.mark.parametrize("arrival", [close_in_handshake(), reset_in_handshake()], ids=repr)

    @BROKEN
    async def test_row_08_a_broken_handshake_sends_nothing_after_three_attempts(
        self, arrival: Arrival, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(arrivals=arrival) as server,
            opened(server.https_url, transport, log) as client,
        ):
            await nothing_is_sent(client, log, ("connect", "tls"))
            assert (server.connections, server.requests) == (9, [])

    @BROKEN
    async def test_row_08_a_status_request_tries_a_broken_handshake_three_times(
        self, arrival: Arrival, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(arrivals=arrival) as server,
            opened(server.https_url, transport, log) as client,
        ):
            await nothing_is_asked(client, log, ("connect", "tls"))
            assert server.connections == 6

    @BROKEN
    async def test_row_08_a_send_goes_out_once_after_a_broken_handshake(
        self, arrival: Arrival, transport: TransportName
    ) -> None:
        async with (
            ScriptedServer(good, arrivals=[arrival, serve()], ssl=tls.good()) as server,
            make_pool(transport, ssl=tls.client()) as pool,
            opened(server.url, transport, pool=pool) as client,
        ):
            assert (await client.send(message())).message_id == "v-m1"
            assert (server.connections, len(server.requests)) == (2, 1)
            delivery = await client.track("a1")
            assert delivery.outcome is Outcome.DELIVERED

    @BROKEN
    async def test_row_08_tracking_goes_on_after_a_broken_handshake(
        self, arrival: Arrival, transport: TransportName
    ) -> None:
        async with (
            ScriptedServer(good, arrivals=[arrival, serve()], ssl=tls.good()) as server,
            make_pool(transport, ssl=tls.client()) as pool,
            opened(server.url, transport, pool=pool) as client,
        ):
            delivery = await client.track("a1")
            assert (delivery.outcome, delivery.polls) == (Outcome.DELIVERED, 2)
            check_error(delivery.last_error, NotSentError, ("connect", "tls"))

    async def test_row_08_plain_http_where_tls_should_be_sends_nothing(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(good) as server, opened(server.https_url, transport, log) as client:
            await nothing_is_sent(client, log, ("connect", "tls"))
            assert server.requests == []

    @pytest.mark.looptime
    async def test_row_08_a_hanging_handshake_has_ten_seconds_and_then_nothing_was_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        loop = asyncio.get_running_loop()
        async with (
            ScriptedServer(arrivals=hang_in_handshake()) as server,
            opened(server.https_url, transport, log) as client,
        ):
            began = loop.time()
            check_error(await failure(client.send(message())), NotSentError, "connect_timeout")
            assert loop.time() - began == 30.0
            assert log.outcomes() == {"m1": SendOutcome.NOT_SENT}
            assert server.connections == 3


@pytest.mark.parametrize("transport", ["aiohttp"])
class TestProxy:
    """Row 9: the proxy does not let us through. The wire transport knows none."""

    @pytest.mark.parametrize("status", [403, 407, 502])
    async def test_row_09_a_proxy_that_refuses_sends_nothing_after_three_attempts(
        self, status: int, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(good, ssl=tls.good()) as server,
            refusing_proxy(status) as proxy,
            make_pool(transport, ssl=tls.client(), proxy=proxy.url) as pool,
            opened(server.url, transport, log, pool=pool) as client,
        ):
            await nothing_is_sent(client, log, "proxy")
            assert [request.method for request in proxy.requests] == ["CONNECT"] * 9
            assert server.connections == 0

    async def test_row_09_a_status_request_tries_a_refusing_proxy_three_times(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(good, ssl=tls.good()) as server,
            refusing_proxy(407) as proxy,
            make_pool(transport, ssl=tls.client(), proxy=proxy.url) as pool,
            opened(server.url, transport, log, pool=pool) as client,
        ):
            await nothing_is_asked(client, log, "proxy")
            assert (len(proxy.requests), server.connections) == (6, 0)

    @pytest.mark.looptime
    async def test_row_09_tracking_goes_on_behind_a_refusing_proxy(self, transport: TransportName) -> None:
        async with (
            ScriptedServer(good, ssl=tls.good()) as server,
            refusing_proxy(407) as proxy,
            make_pool(transport, ssl=tls.client(), proxy=proxy.url) as pool,
            opened(server.url, transport, pool=pool) as client,
        ):
            await tracking_times_out(client, "proxy")
            assert server.connections == 0

    async def test_row_09_a_proxy_that_nobody_runs_sends_nothing(self, transport: TransportName) -> None:
        log = Log()
        with refused_port() as port:
            async with (
                ScriptedServer(good, ssl=tls.good()) as server,
                make_pool(transport, ssl=tls.client(), proxy=f"http://127.0.0.1:{port}") as pool,
                opened(server.url, transport, log, pool=pool) as client,
            ):
                await nothing_is_sent(client, log, "proxy")
                assert server.connections == 0
