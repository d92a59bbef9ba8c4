"""The wire transport: what it does with connections, beside what the fault tests try on every transport."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from smsbat_async import NotSentError, TransportError
from smsbat_async.http import HiddenHeaders, Request
from smsbat_async.transport.connection import Connection
from smsbat_async.transport.protocol import Attempt
from smsbat_async.transport.wire import HEAD_START, KEEP_ALIVE, WireTransport
from tests.support import (
    Recorded,
    ScriptedServer,
    answer,
    close_on_accept,
    ending,
    hang,
    hanging_port,
    tls,
)
from tests.support.calls import TRANSPORTS, TransportName, opened
from tests.support.steps import Step

NAME = "two.test"


def get(url: str, path: str = "/a") -> Request:
    return Request("GET", url + path, "/{id}", HiddenHeaders({"X-Key": "k"}))


async def asked(
    transport: WireTransport, url: str, path: str = "/a", timeout: float | None = 5.0
) -> tuple[Any, Attempt]:
    """Make one attempt, and return what came of it and what it noted."""
    attempt = Attempt()
    try:
        return await transport.send(get(url, path), timeout, attempt), attempt
    except (TransportError, NotSentError) as error:
        return error, attempt


@contextmanager
def addresses(*ports: int) -> Iterator[None]:
    """Let a name stand for several ports of loopback, in order."""
    loop = asyncio.get_running_loop()
    ask = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **options: Any) -> list[Any]:
        if host != NAME:
            return await ask(host, port, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    with mock.patch.object(loop, "getaddrinfo", getaddrinfo):
        yield


@pytest.mark.looptime
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_silent_address_of_a_name_does_not_hold_up_the_next_one(transport: TransportName) -> None:
    loop = asyncio.get_running_loop()
    body = b'{"messageId": "a1", "deliverystatus": "delivered"}'
    with hanging_port() as silent:
        async with ScriptedServer(answer(200, body)) as server:
            with addresses(silent, server.port):
                url = f"http://{NAME}:{server.port}"
                async with opened(url, transport, allow_http=True) as client:
                    began = loop.time()
                    assert (await client.status("a1")).delivery_status == "delivered"
                    assert HEAD_START <= loop.time() - began < 2 * HEAD_START


async def test_the_certificate_is_that_of_the_name_and_not_of_its_address() -> None:
    async with ScriptedServer(answer(200, b"{}"), ssl=tls.good()) as server:
        transport = WireTransport(context=tls.client())
        with addresses(server.port):
            met, attempt = await asked(transport, f"https://{NAME}:{server.port}")
        assert isinstance(met, NotSentError)
        assert (met.kind, attempt.started) == ("certificate", False)
        await transport.aclose()


async def test_a_new_connection_that_the_server_closes_before_the_request_was_not_used() -> None:
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def slowly(*arguments: Any, **options: Any) -> Any:
        made = await connect(*arguments, **options)
        await made[1].gone
        return made

    async with ScriptedServer(hang(), arrivals=close_on_accept()) as server:
        transport = WireTransport()
        with mock.patch.object(loop, "create_connection", slowly):
            met, attempt = await asked(transport, server.url)
        assert isinstance(met, NotSentError)
        assert (met.kind, attempt.started) == ("disconnected", False)
        await transport.aclose()


@pytest.mark.looptime
async def test_a_request_that_takes_over_a_connection_at_once_keeps_its_own_deadline() -> None:
    def reply(request: Recorded) -> Step:
        return hang() if request.target == "/late" else answer(200, b"{}")

    loop = asyncio.get_running_loop()
    connect = loop.create_connection
    made: list[Connection] = []

    async def noted(*arguments: Any, **options: Any) -> Any:
        found = await connect(*arguments, **options)
        made.append(found[1])
        return found

    async with ScriptedServer(reply) as server:
        transport = WireTransport()
        with mock.patch.object(loop, "create_connection", noted):
            first = asyncio.create_task(asked(transport, server.url, "/early", timeout=3.0))
            await server.seen_request()
            while not made[0].is_usable():  # noqa: ASYNC110 - the very turn matters
                await asyncio.sleep(0)
            assert not first.done()  # its answer is there, but it has not run since
            met, attempt = await asked(transport, server.url, "/late", timeout=3.0)
        assert isinstance(met, TransportError)
        assert (met.kind, attempt.started) == ("timeout", True)
        assert ((await first)[0].status, server.connections) == (200, 1)
        await transport.aclose()


@pytest.mark.looptime
async def test_a_connection_is_closed_when_it_has_been_idle_for_four_seconds() -> None:
    async with ScriptedServer(answer(200, b"{}")) as server:
        transport = WireTransport()
        await asked(transport, server.url)
        await asyncio.sleep(KEEP_ALIVE - 1.0)
        await asked(transport, server.url)
        await asyncio.sleep(KEEP_ALIVE - 1.0)
        assert (server.connections, server.open_connections) == (1, 1)
        await asyncio.sleep(KEEP_ALIVE)
        assert server.open_connections == 0
        await asked(transport, server.url)
        assert server.connections == 2
        await transport.aclose()


async def test_closing_while_a_connection_is_being_made_sends_nothing_on_it() -> None:
    loop = asyncio.get_running_loop()
    connect = loop.create_connection
    held = asyncio.Event()

    async def slowly(*arguments: Any, **options: Any) -> Any:
        made = await connect(*arguments, **options)
        held.set()
        await asyncio.sleep(0.02)
        return made

    async with ScriptedServer(answer(200, b"{}")) as server:
        transport = WireTransport()
        with mock.patch.object(loop, "create_connection", slowly):
            task = asyncio.create_task(asked(transport, server.url))
            await held.wait()
            await transport.aclose()
            met, attempt = await task
        assert isinstance(met, NotSentError)
        assert (met.kind, attempt.started, server.bytes_seen) == ("closed", False, 0)


async def test_the_head_of_a_request_is_as_short_as_http_allows() -> None:
    async with ScriptedServer(answer(200, b"{}")) as server:
        transport = WireTransport()
        await asked(transport, server.url)
        request = Request("POST", server.url + "/b", "/b", HiddenHeaders({"X-Key": "k"}), b"{}")
        await transport.send(request, None, Attempt())
        host = ("Host", f"127.0.0.1:{server.port}")
        assert [sorted(seen.headers) for seen in server.requests] == [
            [host, ("X-Key", "k")],
            [("Content-Length", "2"), host, ("X-Key", "k")],
        ]
        await transport.aclose()


async def test_cancelling_a_request_drops_its_connection() -> None:
    async with ScriptedServer(hang()) as server:
        transport = WireTransport()
        task = asyncio.create_task(asked(transport, server.url))
        await server.seen_request()
        task.cancel()
        assert isinstance(await ending(task), asyncio.CancelledError)
        await server.seen_disconnect()
        await transport.aclose()
