"""FaultProxy: a bad network between a client and a server, and a proxy that refuses CONNECT."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.support.deadline import within
from tests.support.server import ScriptedServer
from tests.support.sockets import HOST, accepting, finish_on_close, listening_socket, reset_on_close
from tests.support.steps import answer


class BrokenLinkError(Exception):
    """The network breaks this connection now."""


@dataclass
class Lane:
    """One direction of all connections; settings may change at any time, counts are per connection.

    Attributes:
        latency: Seconds that each piece is held up, in order (so it bounds the throughput, too).
        slice: The most bytes that are passed on at once.
        reset_after: Break the connection (RST both ways) when exactly so many bytes have passed.
        finish_after: End this direction (FIN) when exactly so many bytes have passed; swallow the rest.
        flip: Turn all bits of the byte at this offset.
        passed: How many bytes have passed over all connections.
    """

    latency: float = 0.0
    slice: int | None = None
    reset_after: int | None = None
    finish_after: int | None = None
    flip: int | None = None
    passed: int = 0

    def heal(self) -> None:
        """Undo all settings."""
        self.latency = 0.0
        self.slice = self.reset_after = self.finish_after = self.flip = None

    def pieces(self, data: bytes, offset: int) -> Iterator[bytes]:
        """Cut and spoil what comes at this offset of a connection; stops where the lane ends."""
        if self.flip is not None and 0 <= (at := self.flip - offset) < len(data):
            data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        ends = [end for end in (self.reset_after, self.finish_after) if end is not None]
        if ends:
            data = data[: max(min(ends) - offset, 0)]
        size = self.slice or len(data) or 1
        yield from (data[start : start + size] for start in range(0, len(data), size))


class Pump:
    """One direction of one connection."""

    def __init__(self, lane: Lane, source: socket.socket, sink: socket.socket) -> None:
        self.lane = lane
        self.source = source
        self.sink = sink
        self.offset = 0
        self.finished = False

    def finish(self) -> None:
        """Send FIN, and swallow what still comes."""
        if not self.finished:
            self.finished = True
            with contextlib.suppress(OSError):
                self.sink.shutdown(socket.SHUT_WR)

    async def run(self, flowing: asyncio.Event) -> None:
        """Pass bytes on until the source ends."""
        loop = asyncio.get_running_loop()
        lane = self.lane
        while data := await loop.sock_recv(self.source, 2**16):
            await flowing.wait()
            await asyncio.sleep(lane.latency)
            for piece in lane.pieces(data, self.offset):
                if self.finished:
                    break
                await loop.sock_sendall(self.sink, piece)
                self.offset += len(piece)
                lane.passed += len(piece)
                await asyncio.sleep(0)
            if lane.reset_after is not None and self.offset >= lane.reset_after:
                raise BrokenLinkError
            if lane.finish_after is not None and self.offset >= lane.finish_after:
                self.finish()
        await flowing.wait()
        self.finish()


class FaultProxy:
    """A bad network on loopback: clients connect to its port, it connects to the server's.

    Attributes:
        to_server: What happens to the bytes of clients.
        to_client: What happens to the bytes of the server.
        connections: How many were accepted.
    """

    def __init__(self, port: int) -> None:
        self.to_server = Lane()
        self.to_client = Lane()
        self.connections = 0
        self.port = 0
        self._target = (HOST, port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._listening = contextlib.ExitStack()
        self._pairs: set[asyncio.Task[None]] = set()
        self._pumps: set[Pump] = set()

    @property
    def url(self) -> str:
        """The server's address through this network, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def https_url(self) -> str:
        """The same for a server with TLS, which passes through untouched."""
        return f"https://{HOST}:{self.port}"

    def black_hole(self) -> None:
        """From now on let nothing through, in neither direction; connecting still works."""
        self._flowing.clear()

    def restore(self) -> None:
        """Let everything through again, also what was held back; settings of lanes are undone."""
        for lane in (self.to_server, self.to_client):
            lane.heal()
        self._flowing.set()

    async def reset(self) -> None:
        """Break all open connections now (RST both ways)."""
        pairs = list(self._pairs)
        for pair in pairs:
            pair.cancel()
        if pairs:
            await within(asyncio.wait(pairs), "the proxy's connections broken")

    def finish(self, lane: Lane) -> None:
        """End one direction of all open connections now (FIN); the other goes on."""
        for pump in self._pumps:
            if pump.lane is lane:
                pump.finish()

    async def __aenter__(self) -> Self:
        listener = listening_socket()
        self.port = listener.getsockname()[1]
        self._listening.enter_context(accepting(listener, self._welcome))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listening.close()
        await self.reset()

    def _welcome(self, client: socket.socket) -> None:
        self.connections += 1
        pair = asyncio.get_running_loop().create_task(self._join(client))
        self._pairs.add(pair)
        pair.add_done_callback(self._pairs.discard)
        pair.add_done_callback(lambda _pair: client.close())

    async def _join(self, client: socket.socket) -> None:
        """Join a client with the server until both directions have ended, or one breaks."""
        with socket.socket() as server:
            server.setblocking(False)
            ends = (client, server)
            for end in ends:
                reset_on_close(end)  # unless both directions end well
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pumps = {Pump(self.to_server, client, server), Pump(self.to_client, server, client)}
            try:
                await self._flowing.wait()
                await asyncio.get_running_loop().sock_connect(server, self._target)
                self._pumps |= pumps
                async with asyncio.TaskGroup() as group:
                    for pump in pumps:
                        group.create_task(pump.run(self._flowing))
                for end in ends:
                    finish_on_close(end)
            except* (BrokenLinkError, OSError):
                pass
            finally:
                self._pumps -= pumps


def refusing_proxy(status: int = 403) -> ScriptedServer:
    """Make an HTTP proxy that refuses every CONNECT with this status; use its `url` as the proxy."""
    return ScriptedServer(answer(status))
