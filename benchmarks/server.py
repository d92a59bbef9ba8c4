"""A vendor that answers status requests as fast as Python can, in a process of its own.

The bytes of every answer are ready but for the id, so that the server is never what limits a client. It
takes cascades as well if that is asked for.
"""

import argparse
import asyncio
import re
import secrets
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, cast

from benchmarks import machine

PREFIX = b"GET /bat/message/"
END = b"\r\n\r\n"
LENGTH = re.compile(rb"\ncontent-length: *(\d+)", re.IGNORECASE)
TRACKING_ID = re.compile(rb'"id":"([^"]+)"')
HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
    b"Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\nConnection: keep-alive\r\n"
    b"X-Request-Id: 0c4f3a8be1d7429f\r\n\r\n"
)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
BASIC = '{"messagelistId":123456,"messageId":"ID","deliverystatus":"WORD","partscount":1,"cost":COST}'
EXTENDED = (
    '{"messagelistId":123456,"messageId":"ID","deliverystatus":"WORD","partscount":1,"cost":COST,'
    '"fallbacks":[{"type":"sms","status":"not_used"}],'
    '"extendedStatuses":{"viber":"WORD","sms":"not_used"},'
    '"rate":0.05,"rateAmount":0.05,"rateCurrency":"USD","billAmount":0.05,"billCurrency":"USD"}'
)


class Variant(NamedTuple):
    """What the answers for some of the ids say."""

    word: str
    cost: str


VARIANTS = (
    Variant("delivered", "0.05"),
    Variant("delivered", "0.0425"),
    Variant("undeliverable", "0.00"),
    Variant("processing", "0.05"),
    Variant("delivered", "0.1"),
)


def variant_of(message_id: str) -> Variant:
    """Return what the answer for an id says: the last character decides."""
    return VARIANTS[ord(message_id[-1]) % len(VARIANTS)]


def body_of(message_id: str, shape: str) -> bytes:
    """Return the body of the answer for an id, in one of the two documented shapes."""
    word, cost = variant_of(message_id)
    return shape.replace("ID", message_id, 1).replace("WORD", word).replace("COST", cost).encode()


class _Ready:
    """The two halves of every answer to an id of one length."""

    def __init__(self, length: int) -> None:
        self.halves: list[tuple[bytes, bytes]] = []
        for last in range(len(VARIANTS)):
            stand_in = "x" * (length - 1) + chr(ord("A") + (last - ord("A")) % len(VARIANTS))
            body = body_of(stand_in, EXTENDED)
            before, after = body.split(stand_in.encode(), 1)
            self.halves.append((HEAD % len(body) + before, after))


class StatusProtocol(asyncio.Protocol):
    """Keep-alive HTTP/1.1 reduced to what a status request needs."""

    def __init__(self, ready: dict[int, _Ready]) -> None:
        self._ready = ready
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._write = cast("asyncio.WriteTransport", transport).write

    def data_received(self, data: bytes) -> None:
        """Answer each request that has come in whole."""
        *requests, self._rest = (self._rest + data).split(END)
        for request in requests:
            self._write(self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        if not request.startswith(PREFIX):
            return NOT_FOUND
        message_id = request[len(PREFIX) : request.index(b" ", len(PREFIX))]
        length = len(message_id)
        ready = self._ready.get(length)
        if ready is None:
            ready = self._ready[length] = _Ready(length)
        before, after = ready.halves[message_id[-1] % len(VARIANTS)]
        return before + message_id + after


class CascadeProtocol(StatusProtocol):
    """Besides, takes every message of a cascade, and gives it an id of which it will say "delivered"."""

    def data_received(self, data: bytes) -> None:
        """Answer each request that has come in whole."""
        held = self._rest + data
        while (end := held.find(END)) >= 0:
            length = LENGTH.search(held, 0, end)
            whole = end + len(END) + (int(length[1]) if length else 0)
            if len(held) < whole:
                break
            request, body, held = held[:end], held[end + len(END) : whole], held[whole:]
            self._write(self._taken(body) if body else self._answer(request))
        self._rest = held

    def _taken(self, body: bytes) -> bytes:
        rows = [
            b'{"messageId":"%sd","trackinId":"%s"}' % (secrets.token_hex(16).encode(), tracking_id)
            for tracking_id in TRACKING_ID.findall(body)
        ]
        answer = b"[" + b",".join(rows) + b"]"
        return HEAD % len(answer) + answer


async def serve(certificate: Path | None = None, *, sends: bool = False) -> None:
    """Serve on a free port of loopback, tell its number, and end with the standard input.

    Args:
        certificate: Key and chain to serve TLS with, or None for plain HTTP.
        sends: Whether it takes cascades.
    """
    loop = asyncio.get_running_loop()
    ready: dict[int, _Ready] = {}
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    protocol = CascadeProtocol if sends else StatusProtocol
    server = await loop.create_server(lambda: protocol(ready), "127.0.0.1", 0, backlog=512, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    loop.remove_reader(sys.stdin.fileno())
    server.close()


class ServerProcess:
    """The server as a child process; `with` starts and ends it.

    It also ends by itself when this process does, since its standard input closes then.

    Args:
        secure: Whether it serves TLS, with a certificate of an authority made for it.
        sends: Whether it takes cascades.
    """

    process: subprocess.Popen[bytes]
    url: str
    authority: Path | None = None
    """The authority's certificate, in the form that `SSL_CERT_FILE` wants."""

    def __init__(self, *, secure: bool = False, sends: bool = False) -> None:
        self._secure = secure
        self._sends = sends
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.server", *(["--sends"] if self._sends else [])]
        with ExitStack() as stack:
            if self._secure:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                self.authority = folder / "authority.pem"
                command += ["--certificate", str(_certify(folder, self.authority))]
            self.process = subprocess.Popen(
                command,
                cwd=Path(__file__).resolve().parent.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            stack.callback(self.process.communicate)
            stack.callback(self.process.terminate)
            assert self.process.stdout is not None
            port = int(self.process.stdout.readline())
            self._stack = stack.pop_all()
        self.url = f"{'https' if self._secure else 'http'}://127.0.0.1:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def cpu_seconds(self) -> float | None:
        """Return how long the server has kept a core busy so far, or None where the system does not tell."""
        return machine.cpu_seconds(self.process.pid)


def _certify(folder: Path, authority: Path) -> Path:
    """Make an authority and a certificate for loopback, and return the file of the latter with its key."""
    import trustme

    made = trustme.CA()
    made.cert_pem.write_to_path(str(authority))
    certificate = folder / "certificate.pem"
    made.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    return certificate


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--certificate", type=Path, help="key and chain to serve TLS with")
    parser.add_argument("--sends", action="store_true", help="take cascades as well")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=list(machine.loops().values())[-1]) as runner:
        runner.run(serve(options.certificate, sends=options.sends))
