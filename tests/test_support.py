"""The helpers of the fault tests do what they say."""

import asyncio
import contextlib
import functools
import gc
import gzip
import io
import json
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Self

import aiohttp
import pytest

from tests.support import (
    NO_SUCH_NAME,
    SILENT_NAME,
    Arrival,
    FaultProxy,
    Recorded,
    ScriptedServer,
    ScriptExhaustedError,
    Step,
    Watch,
    answer,
    at_bytes,
    at_connection,
    at_request,
    bodies,
    broken,
    cancel_after_turns,
    cancel_when,
    close,
    close_in_handshake,
    close_on_accept,
    delay,
    drip,
    early,
    ending,
    fake_dns,
    finish,
    finish_on_accept,
    hang,
    hang_in_handshake,
    hanging_port,
    hold,
    json_answer,
    jump,
    never_read,
    pause,
    raw,
    refused_port,
    refusing_proxy,
    reset,
    reset_in_handshake,
    reset_on_accept,
    response,
    response_head,
    serve,
    serve_late,
    stand_still,
    then,
    tls,
    wall_clock_off_by,
    within,
)

GET = b"GET /x?y=1 HTTP/1.1\r\nHost: test\r\nX-Key: v\r\n\r\n"
POST = b"POST /send HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
OK = response(200, bodies.OK)


class Client:
    """A bare TCP client that expects no more than bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __init__(self, port: int, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._opening = functools.partial(asyncio.open_connection, host, port, ssl=context)

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await within(self._opening(), "connected")
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def take(self, count: int) -> bytes:
        return await within(self.reader.readexactly(count), f"{count} bytes at the client")

    async def rest(self) -> bytes:
        return await within(self.reader.read(), "the end at the client")

    async def ask(self, request: bytes = GET, expected: bytes = OK) -> None:
        self.send(request)
        assert await self.take(len(expected)) == expected


async def talk(script: Step, request: bytes = GET) -> bytes:
    """Send one request and give all that comes until the end of the connection."""
    async with ScriptedServer(script) as server, Client(server.port) as client:
        client.send(request)
        return await client.rest()


async def refused_by_aiohttp(script: Step) -> tuple[Exception, int]:
    """Give the exception that aiohttp makes of an answer, and how many requests the server got."""
    async with ScriptedServer(script) as server, aiohttp.ClientSession() as session:
        try:
            async with session.post(server.url, data=b"hello") as answered:
                await answered.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return error, len(server.requests)
    pytest.fail("aiohttp found nothing wrong")


# -- well-behaved steps ---------------------------------------------------------------------------


async def test_answer_keeps_the_connection_and_requests_are_recorded() -> None:
    async with ScriptedServer(answer(200, bodies.OK)) as server:
        async with Client(server.port) as client:
            before = asyncio.get_running_loop().time()
            await client.ask(GET)
            await client.ask(POST)
            assert server.connections == server.handshakes == server.open_connections == 1
        await server.seen_disconnect()
        first, second = server.requests
        assert (first.method, first.target, first.path) == ("GET", "/x?y=1", "/x")
        assert first.header("x-key") == "v"
        assert first.header("absent") is None
        assert ("X-Key", "v") in first.headers
        assert (second.index, second.connection, second.method, second.body) == (1, 1, "POST", b"hello")
        assert before <= first.at <= second.at
        assert second.complete
        assert server.bytes_seen == len(GET) + len(POST)
        assert server.url == f"http://127.0.0.1:{server.port}"


async def test_aiohttp_understands_the_well_formed_steps() -> None:
    async with (
        ScriptedServer([json_answer({"a": 1}), json_answer([2], 422)]) as server,
        aiohttp.ClientSession() as s,
    ):
        async with s.post(server.url, json={"b": 2}) as first:
            assert (first.status, await first.json()) == (200, {"a": 1})
        async with s.get(server.url) as second:
            assert (second.status, await second.json()) == (422, [2])
        assert server.requests[0].json() == {"b": 2}


async def test_chunked_request_bodies_and_expect_are_understood() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with ScriptedServer() as server, aiohttp.ClientSession() as session:
        async with session.post(server.url, data=pieces()) as first:
            assert first.status == 200
        async with session.post(server.url, data=b"three", expect100=True) as second:
            assert second.status == 200
        assert [request.body for request in server.requests] == [b"one two", b"three"]


async def test_headers_may_repeat_and_status_may_be_anything() -> None:
    data = await talk(then(answer(999, "x", headers=[("A", "1"), ("A", "2")]), close()))
    assert data.startswith(b"HTTP/1.1 999 Whatever\r\n")
    assert b"A: 1\r\nA: 2\r\n" in data
    assert data.endswith(b"Content-Length: 1\r\n\r\nx")
    assert response(204) == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert response_head(200, {"A": "b"}) == b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"


async def test_raw_then_and_close() -> None:
    assert await talk(then(raw(b"any"), raw(b"thing"), close())) == b"anything"


async def test_reset_is_a_reset() -> None:
    with pytest.raises(ConnectionResetError):
        await talk(reset())


async def test_finish_ends_one_direction_only() -> None:
    async with ScriptedServer(then(raw(b"half"), finish())) as server:
        async with Client(server.port) as client:
            client.send(GET)
            assert await client.rest() == b"half"
            client.send(b"x" * 10)
            await server.seen_bytes(len(GET) + 10)
        await server.seen_disconnect()


@pytest.mark.looptime
async def test_drip_takes_its_time() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert await talk(then(drip(b"abcdef", every=0.02, size=2), close())) == b"abcdef"
    assert loop.time() - started == pytest.approx(0.04, abs=0.01)


async def test_pause_delay_and_hold() -> None:
    gate = asyncio.Event()
    script = then(delay(0.02, raw(b"a")), pause(0.02), hold(gate), close())
    async with ScriptedServer(script) as server, Client(server.port) as client:
        started = asyncio.get_running_loop().time()
        client.send(GET)
        assert await client.take(1) == b"a"
        await asyncio.sleep(0.03)
        assert not client.reader.at_eof()
        gate.set()
        assert await client.rest() == b""
        assert asyncio.get_running_loop().time() - started > 0.04


async def test_hang_lasts_until_the_client_gives_up() -> None:
    async with ScriptedServer(hang()) as server:
        async with Client(server.port) as client:
            client.send(GET)
            await server.seen_request()
            await asyncio.sleep(0.02)
            assert (server.in_flight, server.open_connections) == (1, 1)
        await server.seen_idle()
        await server.seen_disconnect()


async def test_a_step_stops_when_its_client_has_gone() -> None:
    async with ScriptedServer(pause(3600)) as server:
        async with Client(server.port) as client:
            client.send(GET)
            await server.seen_request()
            client.send(b"more")
        await server.seen_idle()


async def test_peak_counts_requests_in_flight() -> None:
    gate = asyncio.Event()
    async with ScriptedServer(then(hold(gate), answer())) as server, aiohttp.ClientSession() as session:

        async def ask() -> None:
            async with session.get(server.url):
                pass

        async with asyncio.TaskGroup() as group:
            for _ in range(7):
                group.create_task(ask())
            await server.seen_request(7)
            assert server.in_flight == 7
            gate.set()
        await server.seen_idle()
        assert (server.peak, server.connections) == (7, 7)
        await ask()
        assert (server.peak, server.connections) == (7, 7)


# -- scripts --------------------------------------------------------------------------------------


async def test_a_list_goes_by_turns_and_its_last_repeats() -> None:
    async with ScriptedServer([raw(b"1"), raw(b"2")]) as server, Client(server.port) as client:
        client.send(GET + GET + GET)
        assert await client.take(3) == b"122"


async def test_a_list_may_be_strict() -> None:
    async def go_on_too_long() -> None:
        async with ScriptedServer([answer()], repeat_last=False) as server, Client(server.port) as client:
            client.send(GET + GET)
            assert await client.rest() == response()

    with pytest.raises(ScriptExhaustedError, match="1 lines, and number 2"):
        await go_on_too_long()


async def test_a_failing_script_is_noted_on_the_error_of_the_test() -> None:
    def choose(request: Recorded) -> Step:
        raise LookupError(request.target)

    async def fail_by_itself() -> None:
        async with ScriptedServer(choose) as server, Client(server.port) as client:
            client.send(GET)
            assert await client.rest() == b""
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        await fail_by_itself()
    assert caught.value.__notes__ == ["the server's script failed: LookupError('/x?y=1')"]


async def test_a_function_looks_at_the_request() -> None:
    def choose(request: Recorded) -> Step:
        return raw(request.method.encode() + request.body)

    async with ScriptedServer(choose) as server, Client(server.port) as client:
        client.send(GET + POST)
        assert await client.take(12) == b"GETPOSThello"


def test_an_empty_script_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ScriptedServer([])


async def test_an_abandoned_upload_is_unfinished() -> None:
    async with ScriptedServer() as server:
        async with Client(server.port) as client:
            client.send(POST[:-2])
            await server.seen_bytes(len(POST) - 2)
        await server.seen_disconnect()
        assert not server.requests
        assert [request.complete for request in server.unfinished] == [False]


async def test_a_connection_that_comes_at_the_very_end_is_closed() -> None:
    for turns in range(12):
        async with ScriptedServer() as server, FaultProxy(server.port) as proxy:
            opening = [
                asyncio.create_task(asyncio.open_connection("127.0.0.1", p))
                for p in (server.port, proxy.port)
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
        for task in opening:
            match await ending(task):
                case (_, asyncio.StreamWriter() as writer):
                    writer.transport.abort()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
                case error:
                    assert isinstance(error, OSError)
    gc.collect()


async def test_the_same_port_can_come_back() -> None:
    async with ScriptedServer(raw(b"1")) as server, Client(server.port) as client:
        client.send(GET)
        assert await client.take(1) == b"1"
    async with (
        ScriptedServer(raw(b"2"), port=server.port) as again,
        Client(again.port) as client,
    ):
        client.send(GET)
        assert await client.take(1) == b"2"


# -- broken answers, as bytes ---------------------------------------------------------------------


async def test_half_answers() -> None:
    assert await talk(broken.half_status_line()) == b"HTTP/1.1 20"
    assert (await talk(broken.half_headers())).endswith(b"applica")
    assert (await talk(broken.bad_status_line())).startswith(b"HTP/1.1 2OO")
    with pytest.raises(ConnectionResetError):
        await talk(broken.half_headers(end=reset()))


async def test_cut_bodies() -> None:
    assert await talk(broken.cut_body(missing=5)) == OK[:-5]
    assert (await talk(broken.cut_chunks())).endswith(bodies.OK + b"\r\n")
    assert (await talk(broken.cut_in_chunk())).endswith(bodies.OK[:-5])
    assert (await talk(broken.until_close(b"{"))).endswith(b"Connection: close\r\n\r\n{")
    assert b"\r\n\r\nzz\r\n" in await talk(broken.bad_chunk_size())


async def test_wrong_lengths() -> None:
    assert (await talk(broken.two_lengths())).count(b"Content-Length") == 2
    both = await talk(broken.length_and_chunked())
    assert b"Content-Length" in both
    assert b"chunked" in both
    assert b"Content-Length: 48\r\n" in await talk(then(broken.short_length(), close()))
    assert (await talk(then(broken.body_with_204(), close()))).startswith(
        b"HTTP/1.1 204 No Content\r\nContent-"
    )


async def test_strange_headers() -> None:
    assert max(map(len, (await talk(then(broken.huge_header(9_000), close()))).split(b"\r\n"))) == 9_008
    assert (await talk(then(broken.many_headers(200), close()))).count(b"\r\nX-") == 200
    assert b"X-Nul: a\0b\r\n" in await talk(then(broken.nul_in_header(), close()))


async def test_informational_flood() -> None:
    data = await talk(then(broken.informational_flood(1_000), close()))
    assert data == b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000 + OK


async def test_gzip_steps() -> None:
    def body(data: bytes) -> bytes:
        head, _, content = data.partition(b"\r\n\r\n")
        assert b"Content-Encoding: gzip" in head
        assert f"Content-Length: {len(content)}".encode() in head
        return content

    with pytest.raises(EOFError):
        gzip.decompress(body(await talk(then(broken.truncated_gzip(), close()))))
    with pytest.raises(zlib.error):
        gzip.decompress(body(await talk(then(broken.bad_gzip(), close()))))
    bomb = body(await talk(then(broken.gzip_bomb(2**20 + 7), close())))
    assert len(bomb) < 4_000
    assert gzip.decompress(bomb) == b" " * (2**20 + 7)


@pytest.mark.parametrize(
    "script", [broken.endless_body(), broken.endless_body(chunked=False), broken.endless_headers()], ids=repr
)
async def test_endless_answers_go_as_fast_as_they_are_taken(script: Step) -> None:
    async with ScriptedServer(script) as server:
        async with Client(server.port) as client:
            client.send(GET)
            await client.take(2**20)
        await server.seen_idle()


async def test_glued_and_pushed_answers() -> None:
    assert await talk(then(broken.glued(OK, response(500)), close())) == OK + response(500)
    script = broken.pushed_later(answer(200, bodies.OK), b"unasked")
    async with ScriptedServer(script) as server, Client(server.port) as client:
        await client.ask()
        await server.seen_idle()
        assert await client.take(7) == b"unasked"


async def test_push_and_close_on_idle_connections_only() -> None:
    async with (
        ScriptedServer([answer(200, bodies.OK), hang()]) as server,
        Client(server.port) as idle,
        Client(server.port) as waiting,
    ):
        await idle.ask()
        waiting.send(GET)
        await server.seen_request(2)
        await server.push(b"unasked")
        assert await idle.take(7) == b"unasked"
        await server.close_idle()
        assert await idle.rest() == b""
        assert server.open_connections == 1


async def test_closed_on_reuse_leaves_the_second_request_unread() -> None:
    async with ScriptedServer(broken.closed_on_reuse(answer(200, bodies.OK))) as server:
        async with Client(server.port) as client:
            await client.ask()
            await server.seen_idle()
            client.send(GET)
            assert await client.rest() == b""
        async with Client(server.port) as client:
            await client.ask()
        await server.seen_disconnect()
        assert len(server.requests) == 2


@pytest.mark.looptime
async def test_idle_timeout_closes_kept_connections() -> None:
    async with (
        ScriptedServer(answer(200, bodies.OK), idle_timeout=3.0) as server,
        Client(server.port) as client,
    ):
        started = asyncio.get_running_loop().time()
        await client.ask()
        assert await client.rest() == b""
        assert asyncio.get_running_loop().time() - started == pytest.approx(3.0, abs=0.1)


async def test_early_answers_come_before_the_body() -> None:
    head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n"
    async with ScriptedServer(early(answer(413))) as server, Client(server.port) as client:
        client.send(head)
        assert await client.take(len(response(413))) == response(413)
        assert [(request.body, request.complete) for request in server.requests] == [(b"", False)]
        client.send(b"x" * 1_000_000)
        await server.seen_bytes(len(head) + 1_000_000)
    async with (
        ScriptedServer(early(then(answer(413), reset()))) as server,
        Client(server.port) as client,
    ):
        client.send(head)
        with pytest.raises(ConnectionResetError):
            await client.rest()


async def test_early_steps_combine() -> None:
    head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\n"
    assert await talk(delay(0.01, early(then(answer(413), close()))), head) == response(413)


async def test_early_answer_reaches_aiohttp_during_the_upload() -> None:
    async with ScriptedServer(early(answer(413))) as server, aiohttp.ClientSession() as session:
        async with session.post(server.url, data=io.BytesIO(b"x" * 5_000_000)) as answered:
            assert answered.status == 413
        assert server.requests[0].header("content-length") == "5000000"


# -- broken answers, as aiohttp sees them ---------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        broken.bad_status_line(),
        broken.two_lengths(),
        broken.length_and_chunked(),
        broken.huge_header(),
        broken.many_headers(),
        broken.nul_in_header(),
        broken.half_status_line(),
        broken.half_headers(),
        broken.cut_body(),
        broken.cut_chunks(),
        broken.cut_in_chunk(),
        broken.cut_body(end=reset()),
        broken.bad_chunk_size(),
        broken.bad_gzip(),
        close(),
        reset(),
    ],
    ids=repr,
)
async def test_aiohttp_meets_the_fault_after_one_request(script: Step) -> None:
    _error, requests = await refused_by_aiohttp(script)
    assert requests == 1


async def test_aiohttp_survives_what_is_only_strange() -> None:
    script = [
        broken.informational_flood(1_000),
        broken.truncated_gzip(),
        answer(200, bodies.HTML, content_type=None),
    ]
    async with ScriptedServer(script) as server, aiohttp.ClientSession() as session:
        for _ in script:
            async with session.post(server.url) as answered:
                assert answered.status == 200
                await answered.read()


def test_bodies() -> None:
    assert json.loads(bodies.OK)["status"] == "ok"
    assert json.loads(bodies.BYTE_ORDER_MARK.decode("utf-8-sig"))["status"] == "ok"
    assert json.loads(bodies.LONE_SURROGATE)["note"].endswith("\ud83d")
    with pytest.raises(UnicodeDecodeError):
        bodies.INVALID_UTF8.decode()
    assert bodies.nested(3) == b"[[[]]]"
    assert len(bodies.nested()) == 2_000_000


# -- arrivals -------------------------------------------------------------------------------------


async def test_close_on_accept() -> None:
    async with (
        ScriptedServer(arrivals=close_on_accept()) as server,
        Client(server.port) as client,
    ):
        assert await client.rest() == b""
        assert (server.connections, server.handshakes) == (1, 0)


async def test_finish_on_accept_leaves_the_request_unread() -> None:
    for once_sent in (False, True):
        arrival = finish_on_accept(once_sent=once_sent)
        async with ScriptedServer(arrivals=arrival) as server, Client(server.port) as client:
            client.send(GET)
            assert await client.rest() == b""
            client.send(GET)
            assert server.bytes_seen == 0


@pytest.mark.parametrize("once_sent", [False, True])
async def test_reset_on_accept(once_sent: bool) -> None:
    async with ScriptedServer(arrivals=reset_on_accept(once_sent=once_sent)) as server:
        async with Client(server.port) as client:
            if once_sent:
                client.send(GET)
            with pytest.raises(ConnectionResetError):
                await client.rest()
        assert server.bytes_seen == 0


@pytest.mark.parametrize("make", [close_on_accept, finish_on_accept, reset_on_accept])
async def test_arrivals_that_read_exactly_so_much(make: Callable[..., Arrival]) -> None:
    async with ScriptedServer(arrivals=make(read=10)) as server, Client(server.port) as client:
        client.send(GET)
        await server.seen_bytes(10)
        try:
            assert await client.rest() == b""
        except ConnectionResetError:
            assert make is not finish_on_accept
        assert server.bytes_seen == 10


async def test_never_read_stops_an_upload() -> None:
    async with (
        ScriptedServer(arrivals=never_read(read=10, buffer=4096)) as server,
        Client(server.port) as client,
    ):
        client.send(b"x" * 20_000_000)
        await server.seen_bytes(10)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.writer.drain()
        assert server.bytes_seen == 10


async def test_arrivals_go_by_turns_or_by_number() -> None:
    async with ScriptedServer(raw(b"1"), arrivals=[reset_on_accept(), serve()]) as server:
        async with Client(server.port) as first:
            with pytest.raises(ConnectionResetError):
                await first.rest()
        async with Client(server.port) as second:
            second.send(GET)
            assert await second.take(1) == b"1"
    async with ScriptedServer(
        arrivals=lambda number: close_on_accept() if number == 1 else serve()
    ) as server:
        async with Client(server.port) as first:
            assert await first.rest() == b""
        async with Client(server.port) as second:
            await second.ask(GET, response())


async def test_serve_late() -> None:
    async with (
        ScriptedServer(arrivals=serve_late(0.03)) as server,
        Client(server.port) as client,
    ):
        started = asyncio.get_running_loop().time()
        await client.ask(GET, response())
        assert asyncio.get_running_loop().time() - started > 0.02


# -- ports and names ------------------------------------------------------------------------------


async def test_refused_port() -> None:
    with refused_port() as port, pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_hanging_port() -> None:
    with hanging_port() as port, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.looptime
async def test_hanging_port_in_virtual_time() -> None:
    with hanging_port() as port, pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await asyncio.open_connection("127.0.0.1", port)
    assert asyncio.get_running_loop().time() == pytest.approx(30)


async def test_fake_dns_for_aiohttp() -> None:
    async with ScriptedServer() as server, aiohttp.ClientSession() as session:
        with fake_dns({"vendor.test": "127.0.0.1"}) as asked:
            with pytest.raises(aiohttp.ClientConnectorDNSError):
                await session.get(f"http://{NO_SUCH_NAME}/")
            with pytest.raises(TimeoutError):
                await session.get(f"http://{SILENT_NAME}/", timeout=aiohttp.ClientTimeout(total=0.05))
            async with session.get(f"http://vendor.test:{server.port}/") as answered:
                assert answered.status == 200
        assert asked == [NO_SUCH_NAME, SILENT_NAME, "vendor.test"]


async def test_fake_dns_for_streams() -> None:
    async with ScriptedServer(ssl=tls.good()) as server:
        with fake_dns({"localhost": "127.0.0.1"}) as asked:
            with pytest.raises(OSError, match="not known"):
                await asyncio.open_connection(NO_SUCH_NAME, 80)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await asyncio.open_connection(SILENT_NAME, 80)
            async with Client(server.port, tls.client(), "localhost") as client:
                await client.ask(GET, response())
        assert asked == [NO_SUCH_NAME, SILENT_NAME, "localhost"]


# -- TLS ------------------------------------------------------------------------------------------


async def test_good_tls_serves_and_resets() -> None:
    async with ScriptedServer([answer(200, bodies.OK), reset()], ssl=tls.good()) as server:
        async with Client(server.port, tls.client()) as client:
            await client.ask()
            client.send(GET)
            with pytest.raises(ConnectionResetError):
                await client.rest()
        assert server.url == server.https_url == f"https://127.0.0.1:{server.port}"
        assert (server.handshakes, server.bytes_seen) == (1, 2 * len(GET))


async def test_tls_close_says_goodbye() -> None:
    async with ScriptedServer(then(answer(200, bodies.OK), close()), ssl=tls.good()) as server:
        async with Client(server.port, tls.client()) as client:
            client.send(GET)
            assert await client.rest() == OK
        await server.seen_disconnect()


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (tls.unknown_ca, "self.signed|unable to get local"),
        (tls.expired, "expired"),
        (tls.wrong_host, "mismatch"),
    ],
)
async def test_bad_certificates(context: Callable[[], ssl.SSLContext], reason: str) -> None:
    async with ScriptedServer(ssl=context()) as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError, match=reason):
            await session.get(server.url, ssl=tls.client())
        assert (server.connections, server.handshakes, server.requests) == (1, 0, [])


@pytest.mark.parametrize("arrival", [close_in_handshake(), reset_in_handshake()], ids=repr)
async def test_handshakes_that_end(arrival: Arrival) -> None:
    async with ScriptedServer(arrivals=arrival) as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(server.https_url, ssl=tls.client())
        assert (server.connections, server.handshakes) == (1, 0)


async def test_handshakes_that_hang() -> None:
    timeout = aiohttp.ClientTimeout(sock_connect=0.05)
    async with (
        ScriptedServer(arrivals=hang_in_handshake()) as server,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        with pytest.raises(aiohttp.ConnectionTimeoutError):
            await session.get(server.https_url, ssl=tls.client())
        assert server.bytes_seen > 100


async def test_https_spoken_to_a_plain_server() -> None:
    async with ScriptedServer() as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(server.https_url, ssl=tls.client())
        assert (server.garbage, server.requests) == (1, [])


async def test_http_spoken_to_a_tls_server() -> None:
    async with ScriptedServer(ssl=tls.good()) as server, Client(server.port) as client:
        client.send(GET)
        with contextlib.suppress(ConnectionResetError):
            await client.rest()
        assert server.handshakes == 0


# -- the network ----------------------------------------------------------------------------------


async def test_proxy_passes_on() -> None:
    async with ScriptedServer(answer(200, bodies.OK)) as server, FaultProxy(server.port) as proxy:
        async with Client(proxy.port) as client:
            await client.ask()
        await server.seen_disconnect()
        assert (proxy.connections, proxy.to_server.passed, proxy.to_client.passed) == (1, len(GET), len(OK))
        async with aiohttp.ClientSession() as session, session.get(proxy.url) as answered:
            assert await answered.read() == bodies.OK


async def test_proxy_passes_tls_on() -> None:
    async with (
        ScriptedServer(answer(200, bodies.OK), ssl=tls.good()) as server,
        FaultProxy(server.port) as proxy,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(proxy.https_url, ssl=tls.client()) as answered:
            assert await answered.read() == bodies.OK
        proxy.to_client.reset_after = 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(proxy.https_url, ssl=tls.client(), headers={"Connection": "close"})


async def test_proxy_ends_with_the_server() -> None:
    async with (
        ScriptedServer(then(raw(b"bye"), close())) as server,
        FaultProxy(server.port) as proxy,
        Client(proxy.port) as client,
    ):
        client.send(GET)
        assert await client.rest() == b"bye"
    async with (
        ScriptedServer(reset()) as server,
        FaultProxy(server.port) as proxy,
        Client(proxy.port) as client,
    ):
        client.send(GET)
        with pytest.raises(ConnectionResetError):
            await client.rest()
    with refused_port() as port:
        async with FaultProxy(port) as proxy, Client(proxy.port) as client:
            with pytest.raises(ConnectionResetError):
                await client.rest()


async def test_proxy_latency_and_slices() -> None:
    async with ScriptedServer(answer(200, bodies.OK)) as server, FaultProxy(server.port) as proxy:
        proxy.to_server.slice = proxy.to_client.slice = 1
        proxy.to_server.latency = proxy.to_client.latency = 0.02
        async with Client(proxy.port) as client:
            started = asyncio.get_running_loop().time()
            await client.ask()
            assert asyncio.get_running_loop().time() - started > 0.03


@pytest.mark.parametrize("count", [0, 1, 20])
async def test_proxy_resets_after_so_many_bytes(count: int) -> None:
    async with ScriptedServer(answer(200, bodies.OK)) as server, FaultProxy(server.port) as proxy:
        proxy.to_server.reset_after = count
        async with Client(proxy.port) as client:
            client.send(GET)
            with pytest.raises(ConnectionResetError):
                await client.rest()
        await server.seen_disconnect()
        assert (server.bytes_seen, len(server.requests)) == (count, 0)
        proxy.restore()
        proxy.to_client.reset_after = count
        async with Client(proxy.port) as client:
            client.send(GET)
            assert await client.take(count) == OK[:count]
            with pytest.raises(ConnectionResetError):
                await client.rest()
        assert len(server.requests) == 1


async def test_proxy_finishes_one_direction() -> None:
    async with (
        ScriptedServer(delay(0.02, answer(200, bodies.OK))) as server,
        FaultProxy(server.port) as proxy,
    ):
        proxy.to_client.finish_after = 10
        async with Client(proxy.port) as client:
            client.send(GET)
            assert await client.rest() == OK[:10]
        proxy.restore()
        async with Client(proxy.port) as client:
            client.send(GET)
            await server.seen_request(2)
            proxy.finish(proxy.to_server)
            assert await client.rest() == OK


async def test_proxy_flips_a_byte() -> None:
    async with ScriptedServer(then(raw(b"abc"), close())) as server, FaultProxy(server.port) as proxy:
        proxy.to_client.flip = 1
        async with Client(proxy.port) as client:
            client.send(GET)
            assert await client.rest() == b"a\x9dc"


async def test_proxy_black_hole_and_restore() -> None:
    async with (
        ScriptedServer(answer(200, bodies.OK)) as server,
        FaultProxy(server.port) as proxy,
        Client(proxy.port) as client,
    ):
        await client.ask()
        proxy.black_hole()
        client.send(GET)
        async with Client(proxy.port) as late:
            late.send(GET)
            await asyncio.sleep(0.03)
            assert len(server.requests) == 1
            proxy.restore()
            assert await client.take(len(OK)) == OK
            assert await late.take(len(OK)) == OK


async def test_proxy_breaks_all_connections_now() -> None:
    async with ScriptedServer(hang()) as server, FaultProxy(server.port) as proxy:
        async with Client(proxy.port) as client:
            client.send(GET)
            await server.seen_request()
            await proxy.reset()
            with pytest.raises(ConnectionResetError):
                await client.rest()
        await server.seen_disconnect()


async def test_refusing_proxy() -> None:
    async with refusing_proxy(407) as proxy, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientHttpProxyError) as caught:
            await session.get("https://vendor.test/", proxy=proxy.url, ssl=tls.client())
        assert caught.value.status == 407
        assert [(request.method, request.target) for request in proxy.requests] == [
            ("CONNECT", "vendor.test:443")
        ]


# -- cancelling -----------------------------------------------------------------------------------


async def post(server: ScriptedServer, body: bytes = b"hello") -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url, data=io.BytesIO(body)) as answered,
    ):
        return answered.status


async def test_cancel_before_a_byte_is_seen() -> None:
    async with ScriptedServer(arrivals=never_read()) as server:
        task = asyncio.create_task(post(server))
        assert isinstance(await cancel_when(task, server, at_connection()), asyncio.CancelledError)
        assert server.bytes_seen == 0


async def test_cancel_at_so_many_bytes() -> None:
    async with ScriptedServer(arrivals=never_read(read=1_000, buffer=4096)) as server:
        task = asyncio.create_task(post(server, b"x" * 20_000_000))
        assert isinstance(await cancel_when(task, server, at_bytes(1_000)), asyncio.CancelledError)
        assert server.bytes_seen == 1_000


@pytest.mark.parametrize("times", [1, 2])
async def test_cancel_at_the_request(times: int) -> None:
    async with ScriptedServer() as server:
        task = asyncio.create_task(post(server))
        assert isinstance(await cancel_when(task, server, at_request(), times=times), asyncio.CancelledError)
        await server.seen_disconnect()
        assert len(server.requests) == 1


async def test_cancelling_too_late_is_a_mistake() -> None:
    async with ScriptedServer() as server:
        task = asyncio.create_task(post(server))
        with pytest.raises(AssertionError, match="before the moment came: 200"):
            await cancel_when(task, server, at_request(2))


async def test_cancel_after_every_turn() -> None:
    seen: set[int] = set()
    async with ScriptedServer() as server:
        for turns in range(200):
            before = len(server.requests)
            result = await cancel_after_turns(asyncio.create_task(post(server)), turns)
            await server.seen_disconnect()
            seen.add(len(server.requests) - before)
            if result == 200:
                break
        else:
            pytest.fail("the task never came to its end")
    assert turns > 3
    assert seen == {0, 1}


async def test_ending_gives_results_and_exceptions() -> None:
    async def fail() -> None:
        raise LookupError

    assert await ending(asyncio.create_task(asyncio.sleep(0, "x"))) == "x"
    assert isinstance(await ending(asyncio.create_task(fail())), LookupError)


# -- clocks, and waiting --------------------------------------------------------------------------


def test_wall_clock_off_by() -> None:
    before = time.time()
    with wall_clock_off_by(-86_400):
        assert before - 86_400 <= time.time() < before
        assert before - 86_400 <= time.time_ns() / 1e9 < before
    assert before <= time.time() < before + 80_000


async def test_stand_still_expires_timers_together() -> None:
    fired: list[int] = []
    loop = asyncio.get_running_loop()
    for number in range(3):
        loop.call_later(0.01 * (number + 1), fired.append, number)
    stand_still(0.05)
    assert not fired
    await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    assert fired == [0, 1, 2]


@pytest.mark.looptime
async def test_virtual_time_jumps() -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    loop.call_later(1, jump, 7200)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await asyncio.sleep(7000)
    assert loop.time() == pytest.approx(before + 7201)


async def test_real_time_does_not_jump() -> None:
    with pytest.raises(RuntimeError, match="looptime"):
        jump(1)


@pytest.mark.looptime
async def test_the_server_lives_in_virtual_time() -> None:
    loop = asyncio.get_running_loop()
    async with (
        ScriptedServer([delay(30, answer(200, bodies.OK)), hang()], ssl=tls.good()) as server,
        aiohttp.ClientSession() as session,
    ):
        started = loop.time()
        async with session.post(server.url, ssl=tls.client()) as answered:
            assert await answered.read() == bodies.OK
        assert loop.time() - started == pytest.approx(30)
        with pytest.raises(TimeoutError):
            await session.post(server.url, ssl=tls.client(), timeout=aiohttp.ClientTimeout(total=60))
        assert loop.time() - started == pytest.approx(90)


@pytest.mark.looptime
async def test_drip_and_proxy_live_in_virtual_time() -> None:
    script = drip(response(200, bodies.OK), every=10, size=50)
    loop = asyncio.get_running_loop()
    async with (
        ScriptedServer(script) as server,
        FaultProxy(server.port) as proxy,
        aiohttp.ClientSession() as session,
    ):
        proxy.to_client.latency = 2
        started = loop.time()
        async with session.get(proxy.url) as answered:
            assert await answered.read() == bodies.OK
        assert loop.time() - started == pytest.approx(10 * (len(response(200, bodies.OK)) // 50) + 2)


async def test_watch_acts_at_once_and_only_once() -> None:
    watch, count, acted = Watch(), [0], list[int]()
    watch.when(lambda: count[0] > 1, lambda: acted.append(count[0]))
    for count[0] in (1, 2, 3):
        watch.check()
    assert acted == [2]
    watch.when(lambda: True, lambda: acted.append(9))
    assert acted == [2, 9]


async def test_waiting_has_an_end_that_says_what_did_not_come() -> None:
    with pytest.raises(AssertionError, match=r"not within 0.01 s: the impossible"):
        await Watch().until(lambda: False, "the impossible", 0.01)
    with pytest.raises(TimeoutError, match="their own"):
        await within(_their_own_timeout(), "something")


async def _their_own_timeout() -> None:
    raise TimeoutError("their own")


@pytest.mark.parametrize(
    "script", [hang(), pause(3600), broken.endless_body(), then(hang(), close())], ids=repr
)
async def test_nothing_is_left_behind(script: Step) -> None:
    before = asyncio.all_tasks()
    async with ScriptedServer(script) as server, FaultProxy(server.port) as proxy:
        stack = contextlib.AsyncExitStack()
        first, second, _silent = [
            await stack.enter_async_context(Client(port)) for port in (server.port, proxy.port, server.port)
        ]
        first.send(GET)
        second.send(GET)
        await server.seen_request(2)
    assert (server.open_connections, server.in_flight) == (0, 0)
    await stack.aclose()
    assert asyncio.all_tasks() == before
