"""AiohttpTransport by itself: one attempt, one request, and errors that tell the truth about it."""

import asyncio
from typing import Any

import aiohttp
import pytest

from smsbat_async import (
    Attempt,
    Request,
    ResponseError,
    TransportError,
)
from smsbat_async.http import headers
from smsbat_async.transport.aiohttp import REMEMBERED, AiohttpTransport
from smsbat_async.transport.protocol import BODY_MAXIMUM
from tests.support import (
    Recorded,
    ScriptedServer,
    Step,
    answer,
    bodies,
    broken,
    close,
    drip,
    hang,
    raw,
    refused_port,
    reset,
    response,
    response_head,
    then,
)
from tests.support.attempts import ask, attempt, opened
from tests.support.calls import check_error, settle

BODIES = pytest.mark.parametrize("body", [None, b"[]"], ids=["GET", "POST"])


class TestAnswers:
    """What comes back when all is well, or well formed at least."""

    async def test_an_answer_comes_back_whatever_its_status(self) -> None:
        for body in (None, b"[]"):
            for status in (200, 204, 301, 400, 404, 429, 500, 999):
                content = b"" if status == 204 else b'{"a":1}'
                async with (
                    ScriptedServer(answer(status, content, headers={"X-Thing": "7"})) as server,
                    opened() as transport,
                ):
                    tried = await attempt(transport, server.url, body)
                    assert tried.error is None
                    assert tried.response is not None
                    assert (tried.response.status, tried.response.body) == (status, content)
                    assert tried.response.headers.get("x-thing") == "7"
                    assert tried.response.headers.get("x-absent") is None
                    assert tried.started
                    assert len(server.requests) == 1

    async def test_a_request_goes_out_as_it_was_built(self) -> None:
        async with ScriptedServer(answer()) as server, opened() as transport:
            url = f"{server.url}/a%2Fb/%D0%B0?q=1%26"
            request = Request(
                "POST", url, "/t", headers(X_Key="k", Content_Type="application/json"), b'["\xc3\xa9"]'
            )
            await transport.send(request, 5.0, Attempt())
            (seen,) = server.requests
            assert (seen.method, seen.target, seen.body) == ("POST", "/a%2Fb/%D0%B0?q=1%26", b'["\xc3\xa9"]')
            assert seen.header("X-Key") == "k"
            assert seen.header("Content-Type") == "application/json"
            assert seen.header("Content-Length") == "6"
            assert seen.header("Accept-Encoding") == "identity"
            assert seen.header("User-Agent") == "smsbat-async"
            assert seen.header("Cookie") is None

    async def test_the_same_request_goes_out_the_same_every_time(self) -> None:
        async with ScriptedServer(answer()) as server, opened() as transport:
            request = ask(server.url, b"[]")
            for _ in range(3):
                await transport.send(request, 5.0, Attempt())
            assert len({seen.headers for seen in server.requests}) == 1
            assert len(request.headers) == 3

    async def test_more_sets_of_headers_than_are_remembered_go_out_all_the_same(self) -> None:
        async with ScriptedServer(answer()) as server, opened() as transport:
            requests = [ask(server.url, X_Number=str(number)) for number in range(REMEMBERED + 3)]
            for request in requests * 2:
                await transport.send(request, 5.0, Attempt())
            numbers = [str(number) for number in range(REMEMBERED + 3)]
            assert [seen.header("X-Number") for seen in server.requests] == numbers * 2

    async def test_an_empty_body_is_a_body(self) -> None:
        async with ScriptedServer(answer()) as server, opened() as transport:
            tried = await attempt(transport, server.url, b"")
            assert tried.started
            assert [(seen.method, seen.body) for seen in server.requests] == [("POST", b"")]

    async def test_a_body_over_a_megabyte_goes_out_whole(self) -> None:
        body = b"x" * (3 * 2**20)
        async with ScriptedServer(answer()) as server, opened() as transport:
            tried = await attempt(transport, server.url, body)
            assert tried.error is None
            assert server.requests[0].body == body

    async def test_connections_are_used_again(self) -> None:
        async with ScriptedServer(answer(200, bodies.OK)) as server, opened() as transport:
            for body in (None, b"[]", None, b"[]"):
                await attempt(transport, server.url, body)
            assert (len(server.requests), server.connections) == (4, 1)

    async def test_cookies_are_forgotten(self) -> None:
        async with ScriptedServer(answer(headers={"Set-Cookie": "a=b"})) as server, opened() as transport:
            await attempt(transport, server.url)
            await attempt(transport, server.url)
            assert [seen.header("Cookie") for seen in server.requests] == [None, None]

    async def test_redirects_are_not_followed(self) -> None:
        for body in (None, b"[]"):
            async with ScriptedServer(answer()) as target:
                moved = answer(307, headers={"Location": target.url})
                async with ScriptedServer(moved) as server, opened() as transport:
                    tried = await attempt(transport, server.url, body)
                    assert tried.response is not None
                    assert tried.response.status == 307
                    assert len(server.requests) == 1
                assert target.connections == 0

    async def test_environment_proxies_and_netrc_are_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with refused_port() as port:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            async with ScriptedServer(answer()) as server, opened() as transport:
                assert (await attempt(transport, server.url)).error is None

    async def test_as_many_connections_as_the_limit_are_open_at_once(self) -> None:
        gate = asyncio.Event()

        async def wait(link: Any) -> None:
            await gate.wait()

        step = then(Step("gate", wait), answer())
        async with ScriptedServer(step) as server, opened(limit=3) as transport:
            tries = [asyncio.create_task(attempt(transport, server.url)) for _ in range(3)]
            await server.seen_request(3)
            gate.set()
            assert [tried.error for tried in await asyncio.gather(*tries)] == [None] * 3
            assert server.connections == 3


class TestBodies:
    """Up to 8 MiB of body is read, however it comes."""

    SIZES = pytest.mark.parametrize(("size", "fits"), [(BODY_MAXIMUM, True), (BODY_MAXIMUM + 1, False)])

    @staticmethod
    def step(framing: str, size: int) -> Step:
        body = b" " * size
        if framing == "length":
            return answer(200, body)
        if framing == "gzip":
            return broken.gzipped(bodies.gzip(body))
        if framing == "close":
            return broken.until_close(body)
        pieces = b"".join(
            b"%x\r\n%s\r\n" % (len(body[at : at + 65_536]), body[at : at + 65_536])
            for at in range(0, size, 65_536)
        )
        return raw(response_head(200, {"Transfer-Encoding": "chunked"}) + pieces + b"0\r\n\r\n")

    @SIZES
    @pytest.mark.parametrize("framing", ["length", "gzip", "close", "chunked"])
    async def test_a_body_fits_up_to_the_maximum(self, framing: str, size: int, fits: bool) -> None:
        async with ScriptedServer(self.step(framing, size)) as server, opened() as transport:
            tried = await attempt(transport, server.url)
            if fits:
                assert tried.response is not None
                assert len(tried.response.body) == size
            else:
                check_error(tried.error, ResponseError, "too_large", 200)
                assert isinstance(tried.error, ResponseError)
                assert (tried.error.retryable, tried.error.body) == (False, b"")

    @pytest.mark.parametrize(
        "make", [broken.gzip_bomb, broken.endless_body, lambda: broken.endless_body(chunked=False)]
    )
    async def test_a_body_without_end_ends_its_connection(self, make: Any) -> None:
        for body in (None, b"[]"):
            async with ScriptedServer([make(), answer(200, bodies.OK)]) as server, opened() as transport:
                tried = await attempt(transport, server.url, body)
                check_error(tried.error, ResponseError, "too_large", 200)
                assert tried.started
                await server.seen_disconnect()
                assert (await attempt(transport, server.url)).error is None
                assert server.connections == 2

    async def test_a_compressed_body_is_unpacked_though_nobody_asked_for_it(self) -> None:
        async with ScriptedServer(broken.gzipped(bodies.gzip(bodies.OK))) as server, opened() as transport:
            tried = await attempt(transport, server.url)
            assert tried.response is not None
            assert tried.response.body == bodies.OK


class TestUnknown:
    """Errors after which a POST may have been taken, and that a GET is not secretly repeated after."""

    @pytest.mark.parametrize(
        "step", [close(), reset(), broken.half_status_line(), broken.half_headers()], ids=repr
    )
    async def test_a_connection_that_breaks_is_one_request(self, step: Step) -> None:
        for body in (None, b"[]"):
            async with ScriptedServer(step) as server, opened() as transport:
                tried = await attempt(transport, server.url, body)
                check_error(tried.error, TransportError, "disconnected")
                assert tried.started
                assert (len(server.requests), server.connections) == (1, 1)

    async def test_a_connection_that_breaks_on_its_second_use_is_one_request(self) -> None:
        for body in (None, b"[]"):
            async with (
                ScriptedServer(broken.closed_on_reuse(answer(200, bodies.OK))) as server,
                opened() as transport,
            ):
                assert (await attempt(transport, server.url, body)).error is None
                tried = await attempt(transport, server.url, body)
                check_error(tried.error, TransportError, "disconnected")
                assert tried.started
                assert (len(server.requests), server.connections) == (1, 1)

    @pytest.mark.parametrize("step", [close(), reset()], ids=repr)
    async def test_a_post_on_a_users_own_session_is_one_request_too(self, step: Step) -> None:
        async with ScriptedServer(step) as server, aiohttp.ClientSession() as session:
            tried = await attempt(AiohttpTransport(session=session), server.url, b"[]")
            check_error(tried.error, TransportError, "disconnected")
            assert tried.started
            assert len(server.requests) == 1

    async def test_malformed_answers_are_not_refusals(self) -> None:
        for body in (None, b"[]"):
            for step in (
                broken.bad_status_line(),
                broken.two_lengths(),
                broken.huge_header(),
                broken.bad_chunk_size(),
            ):
                async with ScriptedServer(step) as server, opened() as transport:
                    tried = await attempt(transport, server.url, body)
                    check_error(tried.error, ResponseError, "malformed")
                    assert isinstance(tried.error, ResponseError)
                    assert (tried.error.status_code, tried.error.retryable) == (None, True)
                    assert tried.started
                    assert len(server.requests) == 1

    async def test_a_body_that_breaks_off(self) -> None:
        for body in (None, b"[]"):
            for step in (broken.cut_body(), broken.cut_chunks(), broken.bad_gzip()):
                async with ScriptedServer(step) as server, opened() as transport:
                    tried = await attempt(transport, server.url, body)
                    check_error(tried.error, TransportError, "body")
                    assert tried.started
                    assert len(server.requests) == 1

    @pytest.mark.looptime
    @BODIES
    @pytest.mark.parametrize("timeout", [0.75, 5.5, 6.25, 33.3])
    async def test_the_timeout_is_exact_and_not_rounded(self, timeout: float, body: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        slow = then(raw(response_head(200, {"Content-Length": "1000"})), drip(b" " * 1000, every=0.5))
        for step in (hang(), slow):
            async with ScriptedServer(step) as server, opened() as transport:
                began = loop.time()
                tried = await attempt(transport, server.url, body, timeout)
                assert loop.time() - began == pytest.approx(timeout, abs=1e-6)
                check_error(tried.error, TransportError, "timeout")
                assert tried.started
                assert len(server.requests) == 1

    async def test_a_short_timeout_holds_on_every_loop(self) -> None:
        async with ScriptedServer(hang()) as server, opened() as transport:
            tried = await attempt(transport, server.url, b"[]", 0.02)
            check_error(tried.error, TransportError, "timeout")
            assert tried.started

    @pytest.mark.looptime
    async def test_more_timeouts_than_are_remembered_hold_all_the_same(self) -> None:
        loop = asyncio.get_running_loop()
        async with ScriptedServer(hang()) as server, opened() as transport:
            for number in [*range(1, REMEMBERED + 3), 1]:
                began = loop.time()
                tried = await attempt(transport, server.url, b"[]", number / 4)
                check_error(tried.error, TransportError, "timeout")
                assert loop.time() - began == pytest.approx(number / 4, abs=1e-6)

    async def test_nothing_is_ever_hidden_in_an_error_of_an_answer(self) -> None:
        step = answer(200, bodies.OK, headers={"X-Huge": "x" * 9_000})
        async with ScriptedServer(step) as server, opened() as transport:
            tried = await attempt(transport, server.url, b"[]")
            assert str(tried.error) == "the answer is not HTTP (ClientResponseError)"


class TestUnsolicited:
    """What a server says while nobody asks."""

    @pytest.mark.parametrize(
        ("unasked", "connections"),
        [
            (response(200, b'{"wrong":1}'), 2),
            (response(400, b'{"wrong":1}')[:-5], 2),
            (b"HTTP/1.1 100 Continue\r\n\r\n", 2),
            (b"x", 2),
            (b"HTTP/1.1 400 Bad Request\r\nX-Half:", 1),  # forgotten by the parser of the next answer
            (b"\r\n", 1),
        ],
    )
    async def test_row_29_unasked_bytes_never_become_the_next_answer(
        self, unasked: bytes, connections: int
    ) -> None:
        for body in (None, b"[]"):
            async with ScriptedServer(answer(200, bodies.OK)) as server, opened() as transport:
                await attempt(transport, server.url, body)
                await server.seen_idle()
                await server.push(unasked)
                await settle(20)
                tried = await attempt(transport, server.url, body)
                assert tried.response is not None
                assert (tried.response.status, tried.response.body) == (200, bodies.OK)
                assert (len(server.requests), server.connections) == (2, connections)

    async def test_row_29_of_several_idle_connections_the_dirty_ones_are_all_passed_over(self) -> None:
        async with opened() as transport:
            gate = asyncio.Event()

            async def wait(_link: Any) -> None:
                await gate.wait()

            async with ScriptedServer(then(Step("gate", wait), answer(200, bodies.OK))) as slow:
                tries = [asyncio.create_task(attempt(transport, slow.url)) for _ in range(4)]
                await slow.seen_request(4)
                gate.set()
                await asyncio.gather(*tries)
                await slow.seen_idle()
                await slow.push(response(200, b'{"wrong":1}'))
                await settle(20)
                tried = await attempt(transport, slow.url)
                assert tried.response is not None
                assert tried.response.body == bodies.OK
                assert slow.connections == 5

    async def test_row_29_an_answer_glued_to_another_is_thrown_away(self) -> None:
        two = broken.glued(response(200, bodies.OK), response(200, b'{"wrong":1}'))
        async with ScriptedServer([two, answer(200, b"{}")]) as server, opened() as transport:
            first = await attempt(transport, server.url)
            second = await attempt(transport, server.url)
            assert first.response is not None
            assert second.response is not None
            assert (first.response.body, second.response.body) == (bodies.OK, b"{}")
            assert server.connections == 2


async def test_many_attempts_at_once_keep_their_answers_apart() -> None:
    def echo(request: Recorded) -> Step:
        return answer(200, request.body)

    async with ScriptedServer(echo) as server, opened() as transport:
        tries = await asyncio.gather(
            *(attempt(transport, server.url, b"%d" % number) for number in range(50))
        )
        assert [tried.response and tried.response.body for tried in tries] == [
            b"%d" % number for number in range(50)
        ]
