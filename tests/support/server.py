"""ScriptedServer: a raw HTTP/1.1 server on loopback that does exactly what a test tells it."""

import asyncio
import contextlib
import functools
import socket
import ssl as tls
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from tests.support.arrivals import Arrival, Knock, serve
from tests.support.deadline import DEADLINE, within
from tests.support.http1 import NotHttpError, read_body, read_head, response
from tests.support.link import Link, LinkProtocol
from tests.support.recorded import Recorded
from tests.support.script import Script
from tests.support.sockets import HOST, accepting, listening_socket
from tests.support.steps import Step, answer
from tests.support.watch import Watch

StepPlan = Step | Sequence[Step] | Callable[[Recorded], Step]
ArrivalPlan = Arrival | Sequence[Arrival] | Callable[[int], Arrival]


class ScriptedServer:
    """A raw HTTP/1.1 server on loopback that does exactly what a test tells it.

    A list is used up in turn, by all connections together. A list or a single step is picked when the
    headers are there (so that `early` steps can work); a function is called when the body is there too.

    Args:
        script: What to do with each request.
        arrivals: What to do with each connection before a request is read; a function gets its number.
        ssl: A server context, see the module `tls`.
        repeat_last: Whether the last of a list stands for all that follow; otherwise more is a failure.
        idle_timeout: Close a connection that has been idle for so many seconds, as real servers do.
        port: 0 for any free one.

    Attributes:
        requests: The requests that came whole or were answered early.
        unfinished: The requests that were given up before their body was there.
        connections: How many were accepted.
        handshakes: How many were ready for HTTP: after TLS where there is TLS.
        garbage: How many spoke something else than HTTP.
        bytes_seen: How many bytes were read from all clients (behind TLS: decrypted).
        in_flight: How many requests are being answered now.
        peak: The most that ever were at once.
    """

    def __init__(
        self,
        script: StepPlan | None = None,
        *,
        arrivals: ArrivalPlan | None = None,
        ssl: tls.SSLContext | None = None,
        repeat_last: bool = True,
        idle_timeout: float | None = None,
        port: int = 0,
    ) -> None:
        self.requests: list[Recorded] = []
        self.unfinished: list[Recorded] = []
        self.connections = 0
        self.handshakes = 0
        self.garbage = 0
        self.bytes_seen = 0
        self.peak = 0
        self.port = port
        self.watch = Watch()
        self._script: Script[Recorded, Step] = Script(
            answer() if script is None else script, repeat_last=repeat_last
        )
        self._arrivals: Script[int, Arrival] = Script(
            serve() if arrivals is None else arrivals, repeat_last=repeat_last
        )
        self._ssl = ssl
        self._idle_timeout = idle_timeout
        self._turns = 0
        self._busy: set[int] = set()
        self._links: dict[int, Link] = {}
        self._failures: list[Exception] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return self.https_url if self._ssl else f"http://{HOST}:{self.port}"

    @property
    def https_url(self) -> str:
        """The same place for a client that believes in TLS, also where there is none."""
        return f"https://{HOST}:{self.port}"

    @property
    def in_flight(self) -> int:
        """How many requests are being answered now."""
        return len(self._busy)

    @property
    def open_connections(self) -> int:
        """How many connections are open and ready for HTTP."""
        return len(self._links)

    async def __aenter__(self) -> Self:
        listener = listening_socket(self.port)
        self.port = listener.getsockname()[1]
        self._listening.enter_context(accepting(listener, self._welcome))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listening.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await within(asyncio.wait(tasks), "the server's connections closed")
        for failure in self._failures:
            if error is None:
                raise failure
            error.add_note(f"the server's script failed: {failure!r}")

    async def seen_connection(self, count: int = 1) -> None:
        """Wait until so many connections were accepted."""
        await self.watch.until(lambda: self.connections >= count, f"{count} connections")

    async def seen_bytes(self, count: int) -> None:
        """Wait until so many bytes were read."""
        await self.watch.until(lambda: self.bytes_seen >= count, f"{count} bytes at the server")

    async def seen_request(self, count: int = 1) -> None:
        """Wait until so many requests have come."""
        await self.watch.until(lambda: len(self.requests) >= count, f"{count} requests at the server")

    async def seen_idle(self) -> None:
        """Wait until no request is being answered (also: given up by its client)."""
        await self.watch.until(lambda: not self._busy, "the server being idle")

    async def seen_disconnect(self) -> None:
        """Wait until no connection is open."""
        await self.watch.until(lambda: not self._links, "all clients gone")

    async def push(self, data: bytes) -> None:
        """Send bytes that nobody asked for on every idle connection."""
        for link in self._idle():
            await link.write(data)

    async def close_idle(self) -> None:
        """End every idle connection with FIN, as a server does whose patience is over."""
        for link in self._idle():
            await link.close()

    def _idle(self) -> list[Link]:
        return [link for number, link in self._links.items() if number not in self._busy]

    def _welcome(self, sock: socket.socket) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._connection(sock, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _task: sock.close())
        self.watch.check()

    async def _connection(self, sock: socket.socket, number: int) -> None:
        """Live through one connection; what its script did wrong is kept for the end of the server."""
        try:
            arrivals = self._arrivals
            arrival = arrivals.choose(number) if arrivals.needs_subject else arrivals.pick(number - 1)
            await arrival.run(Knock(number, sock, self._saw))
            if sock.fileno() != -1:
                await self._serve(sock, number)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone, or its handshake failed: the client's test sees to that
        except Exception as error:  # noqa: BLE001
            self._failures.append(error)

    async def _serve(self, sock: socket.socket, number: int) -> None:
        task = asyncio.current_task()

        def lost() -> None:
            link = self._links.get(number)
            if task is not None and link is not None and link.in_step and not link.closing:
                task.cancel()

        protocol = LinkProtocol(self._saw, lambda: self._done(number), lost)
        transport, _protocol = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol, sock, ssl=self._ssl, ssl_handshake_timeout=DEADLINE if self._ssl else None
        )
        link = Link(number, sock, transport, protocol)
        self._links[number] = link
        self.handshakes += 1
        try:
            while not link.closing and await self._exchange(link):
                pass
            await link.close()
        finally:
            await link.abort()
            del self._links[number]
            self._done(number)

    async def _exchange(self, link: Link) -> bool:
        """Take one request and do what the script says; False when there was none."""
        try:
            async with asyncio.timeout(self._idle_timeout):
                first = await link.reader.read(1)
            if not first:
                return False
            method, target, headers = await read_head(link.reader, first)
        except TimeoutError:
            return False
        except NotHttpError:
            self.garbage += 1
            await link.write(response(400))
            return False
        self._busy.add(link.number)
        self.peak = max(self.peak, len(self._busy))
        turn = self._turns
        self._turns += 1
        step = None if self._script.needs_subject else self._script.pick(turn)

        def record(body: bytes, *, complete: bool) -> Recorded:
            return Recorded(
                index=turn,
                connection=link.number,
                method=method,
                target=target,
                headers=tuple(headers),
                body=body,
                at=asyncio.get_running_loop().time(),
                complete=complete,
            )

        if step is not None and step.early:
            request = record(b"", complete=False)
        else:
            try:
                if ("expect", "100-continue") in [(name.lower(), value) for name, value in headers]:
                    await link.write(response(100))
                request = record(await read_body(link.reader, headers), complete=True)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.unfinished.append(record(b"", complete=False))
                self.watch.check()
                raise
        self.requests.append(request)
        self.watch.check()
        link.request = request
        link.answered = functools.partial(self._done, link.number)
        link.in_step = True
        try:
            await (step or self._script.choose(request)).run(link)
        finally:
            link.in_step = False
            self._done(link.number)
        return True

    def _saw(self, count: int) -> None:
        self.bytes_seen += count
        self.watch.check()

    def _done(self, number: int) -> None:
        self._busy.discard(number)
        self.watch.check()
