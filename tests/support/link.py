"""Link: the server's end of one connection, as the steps of a script use it."""

import asyncio
import socket
from collections.abc import Callable

from tests.support.deadline import within
from tests.support.recorded import Recorded
from tests.support.sockets import reset_on_close

CLOSING_TIME = 1.0
"""Seconds that a peer gets to take what is still to be sent, before the connection is aborted."""


class LinkProtocol(asyncio.StreamReaderProtocol):
    """A stream that tells how many bytes came, when the peer finished, and when all is over."""

    def __init__(
        self, on_bytes: Callable[[int], None], on_finished: Callable[[], None], on_lost: Callable[[], None]
    ) -> None:
        self.reader = asyncio.StreamReader(limit=2**20)
        super().__init__(self.reader)
        self.lost = asyncio.Event()
        self._on_bytes = on_bytes
        self._on_finished = on_finished
        self._on_lost = on_lost

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._on_bytes(len(data))

    def eof_received(self) -> bool:
        keep_open = super().eof_received()
        self._on_finished()
        return bool(keep_open)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()
        self._on_finished()
        self._on_lost()


def _nothing() -> None:
    pass


class Link:
    """The server's end of one connection, as the steps of a script use it."""

    def __init__(
        self, number: int, sock: socket.socket, transport: asyncio.Transport, protocol: LinkProtocol
    ) -> None:
        self.number = number
        self.reader = protocol.reader
        self.closing = False
        self.in_step = False
        self.request: Recorded | None = None
        self.answered: Callable[[], None] = _nothing
        """What a step calls when its answer is out and it goes on doing something on the idle connection."""
        self._sock = sock
        self._transport = transport
        self._lost = protocol.lost
        loop = asyncio.get_running_loop()
        self._writer = asyncio.StreamWriter(transport, protocol, protocol.reader, loop)

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the peer takes none."""
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self._writer.write(data)
        await self._writer.drain()

    async def finish(self) -> None:
        """Send FIN and go on reading; over TLS this is not possible."""
        self.closing = True
        self._writer.write_eof()

    async def close(self) -> None:
        """Send what is left and FIN."""
        self.closing = True
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSING_TIME):
                await self._lost.wait()
        except TimeoutError:
            await self.abort()

    async def reset(self) -> None:
        """Send RST; the peer may not even get what was written before."""
        if not self._lost.is_set():
            reset_on_close(self._sock)
        await self.abort()

    async def abort(self) -> None:
        """Close at once; over TLS without saying goodbye."""
        self.closing = True
        if not self._lost.is_set():
            self._transport.abort()
            await within(self._lost.wait(), "the connection closed")

    async def discard(self) -> None:
        """Read and forget until the peer has finished or gone."""
        try:
            while await self.reader.read(2**16):
                pass
        except ConnectionError:
            pass
