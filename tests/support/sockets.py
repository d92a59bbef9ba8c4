"""Plain sockets on loopback, and the two ways to end one."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator

HOST = "127.0.0.1"

LINGER_ZERO = struct.pack("ii", 1, 0)
NO_LINGER = struct.pack("ii", 0, 0)


def listening_socket(port: int = 0, *, backlog: int = 1024) -> socket.socket:
    """Open a listening socket on loopback, any free port by default."""
    # asyncio turns Nagle's delay off only for sockets that name their protocol; under virtual time those
    # 40 ms of real waiting would be hours.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def accepting(listener: socket.socket, welcome: Callable[[socket.socket], None]) -> Iterator[None]:
    """Hand over each new connection in the very callback that finds it, so that none is lost at the end."""
    loop = asyncio.get_running_loop()

    def accept() -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            sock, _address = listener.accept()
            sock.setblocking(False)
            welcome(sock)

    with listener:
        loop.add_reader(listener.fileno(), accept)
        try:
            yield
        finally:
            loop.remove_reader(listener.fileno())


def reset_on_close(sock: socket.socket) -> None:
    """Make the close of this socket an RST, and drop what was not sent yet."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)


def finish_on_close(sock: socket.socket) -> None:
    """Make the close of this socket a FIN again."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)


async def readable(sock: socket.socket) -> None:
    """Wait until bytes, an end or an error have come to a socket, and leave them there unread."""
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()
    loop.add_reader(sock.fileno(), seen.set)
    try:
        await seen.wait()
    finally:
        loop.remove_reader(sock.fileno())
