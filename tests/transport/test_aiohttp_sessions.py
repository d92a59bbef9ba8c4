"""AiohttpTransport and its sessions: its own, and a user's own, which it never closes."""

import asyncio

import aiohttp
import pytest

from smsbat_async import (
    ConfigurationError,
    NotSentError,
    TransportError,
)
from smsbat_async.transport.aiohttp import AiohttpTransport
from tests.support import (
    ScriptedServer,
    answer,
    bodies,
    close,
    hang,
)
from tests.support.attempts import Try, attempt
from tests.support.calls import check_error, settle

URL = "http://127.0.0.1:9/"
"""What no test that uses it gets as far as to ask."""

BODIES = pytest.mark.parametrize("body", [None, b"[]"], ids=["GET", "POST"])


class TestSessions:
    """Who made a session closes it."""

    async def test_its_own_session_is_made_on_first_use_and_closed(self) -> None:
        transport = AiohttpTransport()  # needs no loop
        async with ScriptedServer(answer(200, bodies.OK)) as server:
            assert (await attempt(transport, server.url)).error is None
            assert server.open_connections == 1
            await transport.aclose()
            await server.seen_disconnect()

    async def test_one_that_was_never_used_closes_too(self) -> None:
        await AiohttpTransport().aclose()

    async def test_after_closing_it_says_so_and_nothing_is_sent(self) -> None:
        async with ScriptedServer(answer()) as server:
            transport = AiohttpTransport()
            await attempt(transport, server.url)
            await transport.aclose()
            await transport.aclose()
            for body in (None, b"[]"):
                tried = await attempt(transport, server.url, body)
                check_error(tried.error, ConfigurationError)
                assert not tried.started
            assert len(server.requests) == 1

    async def test_a_users_own_session_is_used_and_never_closed(self) -> None:
        async with (
            ScriptedServer(answer(200, bodies.OK)) as server,
            aiohttp.ClientSession(headers={"X-Mine": "yes"}) as session,
        ):
            transport = AiohttpTransport(session=session)
            tried = await attempt(transport, server.url, b"[]")
            assert tried.started
            await transport.aclose()
            assert not session.closed
            assert (await attempt(transport, server.url)).error is None
            assert [seen.header("X-Mine") for seen in server.requests] == ["yes", "yes"]

    @pytest.mark.looptime
    async def test_closing_leaves_attempts_on_a_users_own_session_their_bounds(self) -> None:
        async def never(
            _request: aiohttp.ClientRequest, _handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            answer: asyncio.Future[aiohttp.ClientResponse] = loop.create_future()
            return await answer

        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(middlewares=[never]) as session:
            transport = AiohttpTransport(session=session)
            began = loop.time()
            under_way = asyncio.create_task(attempt(transport, URL, b"[]", 5.0))
            await asyncio.sleep(1.0)
            await transport.aclose()
            done, _ = await asyncio.wait([under_way], timeout=60.0)
            assert done, "closing took its bound away"
            check_error(under_way.result().error, NotSentError, "timeout")
            assert loop.time() - began == pytest.approx(5.0)

    async def test_a_users_own_closed_session_is_a_configuration_error(self) -> None:
        for body in (None, b"[]"):
            session = aiohttp.ClientSession()
            await session.close()
            async with ScriptedServer(answer()) as server:
                tried = await attempt(AiohttpTransport(session=session), server.url, body)
                check_error(tried.error, ConfigurationError)
                assert str(tried.error) == "the aiohttp session is closed"
                assert (tried.started, server.connections) == (False, 0)

    @pytest.mark.parametrize("own", [False, True], ids=["users session", "own session"])
    async def test_a_session_closed_during_a_post_does_not_make_it_unsent(self, own: bool) -> None:
        session = aiohttp.ClientSession()
        transport = AiohttpTransport() if own else AiohttpTransport(session=session)
        async with ScriptedServer(hang()) as server:
            tried = Try()
            task = asyncio.create_task(tried.make(transport, server.url, b"[]"))
            await server.seen_request()
            await (transport.aclose() if own else session.close())
            await task
            check_error(tried.error, TransportError, "disconnected")
            assert tried.started
        await session.close()

    async def test_a_users_own_raising_session_gets_answers_with_errors_all_the_same(self) -> None:
        async with (
            ScriptedServer(answer(500, bodies.OK)) as server,
            aiohttp.ClientSession(raise_for_status=True) as session,
        ):
            tried = await attempt(AiohttpTransport(session=session), server.url, b"[]")
            assert tried.response is not None
            assert tried.response.status == 500

    async def test_a_users_own_middlewares_still_run(self) -> None:
        seen: list[str] = []

        async def note(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            seen.append(request.method)
            return await handler(request)

        async with ScriptedServer(answer()) as server, aiohttp.ClientSession(middlewares=[note]) as session:
            assert (await attempt(AiohttpTransport(session=session), server.url)).error is None
            assert seen == ["GET"]

    async def test_a_users_own_middlewares_can_read_the_body(self) -> None:
        read: list[object] = []

        async def sign(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            assert isinstance(request.body, aiohttp.Payload)
            read.extend((await request.body.as_bytes(), request.body.decode(), request.body.size))
            return await handler(request)

        async with ScriptedServer(answer()) as server, aiohttp.ClientSession(middlewares=[sign]) as session:
            assert (await attempt(AiohttpTransport(session=session), server.url, b'["a"]')).error is None
            assert read == [b'["a"]', '["a"]', 5]
            assert server.requests[0].body == b'["a"]'

    async def test_a_users_own_middlewares_can_replace_the_body(self) -> None:
        async def replace(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            await request.update_body(b"[1]")
            return await handler(request)

        async with (
            ScriptedServer(answer()) as server,
            aiohttp.ClientSession(middlewares=[replace]) as session,
        ):
            assert (await attempt(AiohttpTransport(session=session), server.url, b"[]")).error is None
            assert server.requests[0].body == b"[1]"

    @pytest.mark.parametrize("error", [ValueError("bad"), RuntimeError("bad"), LookupError("bad")], ids=repr)
    async def test_an_error_of_a_middleware_after_the_post_does_not_make_it_unsent(
        self, error: Exception
    ) -> None:
        async def check(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            async with await handler(request):
                raise error

        async with ScriptedServer(answer()) as server, aiohttp.ClientSession(middlewares=[check]) as session:
            tried = await attempt(AiohttpTransport(session=session), server.url, b"[]")
            check_error(tried.error, TransportError, "disconnected")
            assert tried.started
            assert len(server.requests) == 1

    async def test_a_middleware_that_repeats_a_post_in_vain_does_not_make_it_unsent(self) -> None:
        async def repeat(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            try:
                return await handler(request)
            except aiohttp.ClientConnectionError:
                raise aiohttp.ConnectionTimeoutError("and connecting again timed out") from None

        async with ScriptedServer(close()) as server, aiohttp.ClientSession(middlewares=[repeat]) as session:
            tried = await attempt(AiohttpTransport(session=session), server.url, b"[]")
            check_error(tried.error, TransportError, "timeout")
            assert tried.started
            assert len(server.requests) == 1

    async def test_closing_a_users_own_session_does_not_cancel_who_waits_for_a_connection_of_it(self) -> None:
        async with ScriptedServer(hang()) as server:
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
            transport = AiohttpTransport(session=session)
            first, second = Try(), Try()
            holding = asyncio.create_task(first.make(transport, server.url, b"[]"))
            await server.seen_request()
            waiting = asyncio.create_task(second.make(transport, server.url, b"[]"))
            await settle(10)
            await session.close()
            await asyncio.wait([holding, waiting])
            assert first.started
            check_error(first.error, TransportError, "disconnected")
            check_error(second.error, NotSentError, "disconnected")
            assert not second.started
            assert len(server.requests) == 1

    async def test_a_middleware_that_raises_its_own_error_shows_only_its_class(self) -> None:
        async def broken_middleware(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            raise LookupError(f"quotes {request.headers}")

        async with ScriptedServer(answer()) as server:
            async with aiohttp.ClientSession(middlewares=[broken_middleware]) as session:
                tried = await attempt(AiohttpTransport(session=session), server.url, b"[]")
            check_error(tried.error, NotSentError, "disconnected")
            assert str(tried.error) == "LookupError"
            assert not tried.started
