"""The sandbox on a socket."""

import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from smsbat_async.sandbox.answers import Answer, http_error
from smsbat_async.sandbox.calls import Call, Dropped, Reply, UnreadableError

# Requests that are being answered late must not hold up the end of a test.
_SHUTDOWN_SECONDS: Final = 0.1
# Closing with no time left to linger is what sends a reset.
_NO_LINGER: Final = struct.pack("ii", 1, 0)

Answerer = Callable[[Call], Awaitable[Reply]]
Streamer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Listens, and hands what comes to whoever answers.

    Args:
        answer: Answers a request.
        stream: Tells who answers a request whose answer goes on and on; None for every other.
        max_body: Largest body in bytes.
    """

    def __init__(self, answer: Answerer, *, stream: Callable[[Call], Streamer | None], max_body: int) -> None:
        self._answer = answer
        self._stream = stream
        self._max_body = max_body
        self._runner: web.AppRunner | None = None

    async def open(self, host: str, port: int) -> int:
        """Begin to listen.

        Args:
            host: Address.
            port: TCP port; 0 takes a free one.

        Returns:
            The port.

        Raises:
            OSError: If it cannot listen there.
        """
        app = web.Application(client_max_size=self._max_body)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Neither vendor documents compressed requests: such a body is read as it came, and is no JSON.
        runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        return int(runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening, and drop what is not answered yet."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        url = request.rel_url
        call = Call(
            method=request.method,
            raw_path=url.raw_path,
            query=request.query if url.raw_query_string else {},
            headers=request.headers,
            body=lambda: self._read(request),
        )
        streamer = self._stream(call)
        if streamer is not None:
            return await streamer(request)
        reply = await self._answer(call)
        if isinstance(reply, Answer):
            return write(reply)
        _drop(request, reply)
        return web.Response()  # Nobody hears it.

    async def _read(self, request: web.Request) -> bytes:
        try:
            return await request.read()
        except (web.RequestPayloadError, ConnectionError):
            # Broken framing, or a caller that went away: nobody reads this answer, but no traceback is due.
            answer = http_error(400, "The body could not be read")
        except web.HTTPRequestEntityTooLarge:
            answer = http_error(413, f"The body has more than {self._max_body} bytes")
        raise UnreadableError(answer)


def write(answer: Answer) -> web.Response:
    """Put an answer in the server's terms.

    Args:
        answer: The answer.

    Returns:
        The same.
    """
    charset = "utf-8" if answer.content_type.startswith("text/") else None
    return web.Response(
        status=answer.status,
        body=answer.body,
        headers=answer.headers,
        content_type=answer.content_type,
        charset=charset,
    )


def _drop(request: web.Request, how: Dropped) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if how is Dropped.RESET and connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
