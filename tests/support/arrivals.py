"""Arrivals: what happens to a connection before a request is read from it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.support.sockets import readable, reset_on_close


@dataclass(frozen=True, slots=True)
class Knock:
    """A connection that was just accepted: a bare socket, before TLS and HTTP."""

    number: int
    sock: socket.socket
    saw: Callable[[int], None]

    async def read(self, count: int) -> None:
        """Read exactly this many bytes, or what comes until the client ends."""
        loop = asyncio.get_running_loop()
        while count > 0 and (data := await loop.sock_recv(self.sock, min(count, 2**16))):
            self.saw(len(data))
            count -= len(data)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What happens to a connection before a request is read from it; if it stays open, it is served."""

    name: str
    run: Callable[[Knock], Awaitable[None]]

    def __repr__(self) -> str:
        return self.name


def serve() -> Arrival:
    """Serve the connection as the script says."""

    async def run(_knock: Knock) -> None:
        pass

    return Arrival("serve()", run)


def serve_late(seconds: float) -> Arrival:
    """Serve the connection after a while."""

    async def run(_knock: Knock) -> None:
        await asyncio.sleep(seconds)

    return Arrival(f"serve_late({seconds:g})", run)


def close_on_accept(*, read: int = 0) -> Arrival:
    """Read exactly so many bytes, then close: FIN, and RST once the client has sent or sends more."""

    async def run(knock: Knock) -> None:
        await knock.read(read)
        knock.sock.close()

    return Arrival(f"close_on_accept(read={read})", run)


def finish_on_accept(*, read: int = 0, once_sent: bool = False) -> Arrival:
    """Read exactly so many bytes, then send FIN and nothing else, with the rest left unread.

    Args:
        read: How much to read.
        once_sent: Wait until at least one more byte of the client is there (unread) before the FIN.
    """

    async def run(knock: Knock) -> None:
        await knock.read(read)
        if once_sent:
            await readable(knock.sock)
        knock.sock.shutdown(socket.SHUT_WR)
        await _forever()

    return Arrival(f"finish_on_accept(read={read})", run)


def reset_on_accept(*, read: int = 0, once_sent: bool = False) -> Arrival:
    """Read exactly so many bytes, then send RST.

    Args:
        read: How much to read.
        once_sent: Wait until at least one more byte of the client is there (unread) before the RST.
    """

    async def run(knock: Knock) -> None:
        await knock.read(read)
        if once_sent:
            await readable(knock.sock)
        reset_on_close(knock.sock)
        knock.sock.close()

    return Arrival(f"reset_on_accept(read={read})", run)


def never_read(*, read: int = 0, buffer: int | None = None) -> Arrival:
    """Read exactly so many bytes, then nothing more, ever.

    Args:
        read: How much to read.
        buffer: How much the kernel may take for us; small values stop an upload after some 100 KB.
    """

    async def run(knock: Knock) -> None:
        if buffer is not None:
            knock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await knock.read(read)
        await _forever()

    return Arrival(f"never_read(read={read})", run)


def close_in_handshake() -> Arrival:
    """Take the client's first TLS record, then FIN; use `server.https_url`."""

    async def run(knock: Knock) -> None:
        await readable(knock.sock)
        knock.saw(len(knock.sock.recv(2**16)))
        knock.sock.close()

    return Arrival("close_in_handshake()", run)


def reset_in_handshake() -> Arrival:
    """Leave the client's first TLS record unread, then RST; use `server.https_url`."""
    return reset_on_accept(once_sent=True)


def hang_in_handshake() -> Arrival:
    """Take whatever the client says and never answer; use `server.https_url`."""

    async def run(knock: Knock) -> None:
        await knock.read(2**62)
        knock.sock.close()

    return Arrival("hang_in_handshake()", run)


async def _forever() -> None:
    await asyncio.Event().wait()
