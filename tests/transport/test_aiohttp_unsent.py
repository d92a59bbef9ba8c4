"""AiohttpTransport where nothing has left: it says so, and it is sure."""

import asyncio
import errno
import os
import ssl
from typing import Any

import aiohttp
import pytest

from smsbat_async import (
    Attempt,
    ConfigurationError,
    NotSentError,
)
from smsbat_async.transport.aiohttp import AiohttpTransport
from tests.support import (
    NO_SUCH_NAME,
    SILENT_NAME,
    ScriptedServer,
    answer,
    at_connection,
    at_request,
    bodies,
    cancel_when,
    close_in_handshake,
    ending,
    fake_dns,
    hang,
    hang_in_handshake,
    hanging_port,
    refused_port,
    refusing_proxy,
    reset_on_accept,
    tls,
)
from tests.support.attempts import Try, ask, assert_clean, attempt, opened
from tests.support.calls import check_error, settle

BODIES = pytest.mark.parametrize("body", [None, b"[]"], ids=["GET", "POST"])


class TestNothingLeft:
    """Errors of which the transport is sure."""

    async def test_a_refused_connection(self) -> None:
        for body in (None, b"[]"):
            with refused_port() as port:
                async with opened() as transport:
                    tried = await attempt(transport, f"http://127.0.0.1:{port}", body)
            check_error(tried.error, NotSentError, "connect")
            assert not tried.started
            assert (
                str(tried.error)
                == f"ClientConnectorError (errno {errno.ECONNREFUSED}: {os.strerror(errno.ECONNREFUSED)})"
            )

    async def test_a_name_that_does_not_exist(self) -> None:
        for body in (None, b"[]"):
            with fake_dns():
                async with opened() as transport:
                    tried = await attempt(transport, f"http://{NO_SUCH_NAME}", body)
            check_error(tried.error, NotSentError, "dns")
            assert not tried.started

    @pytest.mark.looptime
    @pytest.mark.parametrize(
        ("timeout", "elapsed"),
        [(None, 10.0), (30.0, 10.0), (10.5, 10.0), (6.5, 6.5), (2.25, 2.25), (0.001, 0.001)],
    )
    async def test_connecting_has_ten_seconds_or_the_timeout(
        self, timeout: float | None, elapsed: float
    ) -> None:
        loop = asyncio.get_running_loop()
        with hanging_port() as port:
            async with opened() as transport:
                await asyncio.sleep(0.375)  # so that a time rounded to whole seconds shows
                began = loop.time()
                tried = await attempt(transport, f"http://127.0.0.1:{port}", b"[]", timeout)
                assert loop.time() - began == pytest.approx(elapsed, abs=1e-6)
        assert isinstance(tried.error, NotSentError)
        assert tried.error.kind in {"connect_timeout", "timeout"}
        assert not tried.started

    @pytest.mark.looptime
    async def test_a_silent_name_server(self) -> None:
        with fake_dns():
            async with opened() as transport:
                tried = await attempt(transport, f"http://{SILENT_NAME}", b"[]", 3.25)
        check_error(tried.error, NotSentError, "timeout")
        assert not tried.started

    @pytest.mark.parametrize("certificate", ["unknown_ca", "expired", "wrong_host"])
    async def test_a_bad_certificate(self, certificate: str) -> None:
        context: ssl.SSLContext = getattr(tls, certificate)()
        connector = aiohttp.TCPConnector(ssl=tls.client())
        async with (
            ScriptedServer(answer(), ssl=context) as server,
            aiohttp.ClientSession(connector=connector) as session,
        ):
            tried = await attempt(AiohttpTransport(session=session), server.url, b"[]")
            check_error(tried.error, NotSentError, "certificate")
            assert not tried.started
            assert server.handshakes == 0

    async def test_a_certificate_with_another_fingerprint(self) -> None:
        connector = aiohttp.TCPConnector(ssl=aiohttp.Fingerprint(b"\0" * 32))
        async with (
            ScriptedServer(answer(), ssl=tls.good()) as server,
            aiohttp.ClientSession(connector=connector) as session,
        ):
            tried = await attempt(AiohttpTransport(session=session), server.url, b"[]")
            check_error(tried.error, NotSentError, "certificate")
            assert (tried.started, server.requests) == (False, [])

    async def test_an_unknown_authority_is_refused_by_default(self) -> None:
        async with ScriptedServer(answer(), ssl=tls.good()) as server, opened() as transport:
            tried = await attempt(transport, server.url, b"[]")
            check_error(tried.error, NotSentError, "certificate")

    @pytest.mark.parametrize("arrival", [close_in_handshake(), reset_on_accept(once_sent=True)], ids=repr)
    async def test_a_handshake_that_breaks(self, arrival: Any) -> None:
        async with ScriptedServer(arrivals=arrival) as server, opened() as transport:
            tried = await attempt(transport, server.https_url, b"[]")
            assert isinstance(tried.error, NotSentError)
            assert tried.error.kind in {"connect", "tls"}
            assert not tried.started

    async def test_tls_to_a_plain_port(self) -> None:
        async with ScriptedServer(answer()) as server, opened() as transport:
            tried = await attempt(transport, server.https_url, b"[]")
            check_error(tried.error, NotSentError, "tls")
            assert (tried.started, server.requests) == (False, [])

    async def test_a_proxy_that_refuses(self) -> None:
        async with refusing_proxy(407) as proxy, aiohttp.ClientSession(proxy=proxy.url) as session:
            tried = await attempt(AiohttpTransport(session=session), "https://127.0.0.1:1", b"[]")
            check_error(tried.error, NotSentError, "proxy")
            assert not tried.started
            assert [seen.method for seen in proxy.requests] == ["CONNECT"]

    async def test_a_proxy_that_nobody_runs(self) -> None:
        with refused_port() as port:
            async with aiohttp.ClientSession(proxy=f"http://127.0.0.1:{port}") as session:
                tried = await attempt(AiohttpTransport(session=session), "https://127.0.0.1:1", b"[]")
        check_error(tried.error, NotSentError, "proxy")
        assert not tried.started

    @pytest.mark.parametrize(("name", "value"), [("X-A", "b\r\nX-C: d"), ("X-A", "b\0"), ("X\r\nA", "b")])
    async def test_a_header_that_cannot_be_written(self, name: str, value: str) -> None:
        for body in (None, b"[]"):
            async with ScriptedServer(answer()) as server, opened() as transport:
                request = ask(server.url, body)
                request.headers[name] = value
                noted = Attempt()
                with pytest.raises(ConfigurationError) as raised:
                    await transport.send(request, 5.0, noted)
                assert_clean(raised.value)
                assert (noted.started, server.requests) == (False, [])


class TestCancelling:
    """A cancellation tells nothing, so the attempt must."""

    async def test_cancelled_while_connecting_nothing_has_left(self) -> None:
        with hanging_port() as port:
            async with opened() as transport:
                tried = Try()
                task = asyncio.create_task(tried.make(transport, f"http://127.0.0.1:{port}", b"[]"))
                await settle(10)
                task.cancel()
                assert isinstance(await ending(task), asyncio.CancelledError)
                assert not tried.started

    async def test_cancelled_in_the_handshake_nothing_has_left(self) -> None:
        async with ScriptedServer(arrivals=hang_in_handshake()) as server, opened() as transport:
            tried = Try()
            task = asyncio.create_task(tried.make(transport, server.https_url, b"[]"))
            assert isinstance(await cancel_when(task, server, at_connection()), asyncio.CancelledError)
            assert not tried.started

    async def test_cancelled_after_the_request_it_has_started_and_its_connection_is_not_used_again(
        self,
    ) -> None:
        async with ScriptedServer([hang(), answer()]) as server, opened() as transport:
            tried = Try()
            task = asyncio.create_task(tried.make(transport, server.url, b"[]"))
            assert isinstance(await cancel_when(task, server, at_request()), asyncio.CancelledError)
            assert tried.started
            await server.seen_disconnect()
            assert (await attempt(transport, server.url)).error is None
            assert server.connections == 2

    async def test_cancelled_at_any_turn_what_the_server_saw_has_started(self) -> None:
        turns = 0
        while True:
            async with ScriptedServer(answer(200, bodies.OK)) as server, opened() as transport:
                tried = Try()
                task = asyncio.create_task(tried.make(transport, server.url, b"[]"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                end = await ending(task)
                await settle(20)
                assert tried.started or not (server.requests or server.bytes_seen), turns
            if not isinstance(end, asyncio.CancelledError):
                break
            turns += 1
        assert turns > 3

    @pytest.mark.looptime
    async def test_cancelled_at_the_very_moment_of_the_timeout_it_is_cancelled(self) -> None:
        loop = asyncio.get_running_loop()
        async with ScriptedServer(hang()) as server, opened() as transport:
            for early in (True, False):
                tried = Try()
                task = asyncio.create_task(tried.make(transport, server.url, b"[]", 3.0))
                if early:
                    loop.call_later(3.0, task.cancel)
                await asyncio.sleep(0)
                if not early:
                    loop.call_later(3.0, task.cancel)
                await asyncio.wait([task])
                assert task.cancelled()
                assert tried.started
