"""Ports that do not serve: one that refuses, one where connecting hangs."""

import contextlib
import select
import socket
from collections.abc import Iterator

from tests.support.sockets import HOST, listening_socket

FILLERS = 4


@contextlib.contextmanager
def refused_port() -> Iterator[int]:
    """Hold a port on which connections are refused; nobody else can take it meanwhile."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        yield int(sock.getsockname()[1])


@contextlib.contextmanager
def hanging_port() -> Iterator[int]:
    """Hold a port on which connecting neither succeeds nor fails.

    Linux answers no SYN for a socket whose queue of unaccepted connections is full, and a backlog of 0
    makes a queue of one: this fills it and makes sure that one more connection really hangs. The client's
    kernel repeats its SYN after 1 s, 3 s, 7 s, ..., in vain. Reliable while nothing accepts, and where
    `net.ipv4.tcp_abort_on_overflow` is 0 (the default; with 1 connections are reset instead); on macOS
    and Windows the queue is longer than asked for, and the check fails clearly.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening_socket(backlog=0))
        for _ in range(FILLERS):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            if not select.select([], [filler], [], 0.02)[1]:
                break
        else:
            raise RuntimeError("this system goes on accepting for a full queue")
        yield int(listener.getsockname()[1])
