"""The fast transport: HTTP/1.1 on asyncio's protocols, with httptools as the parser."""

import asyncio
import socket
import ssl
from urllib.parse import urlsplit

from smsbat_async.errors import NotSentError, SmsBatError, TransportError
from smsbat_async.http import HiddenHeaders, Request, Response
from smsbat_async.transport.connection import Connection
from smsbat_async.transport.deadlines import Deadlines
from smsbat_async.transport.protocol import Attempt

KEEP_ALIVE = 4.0
"""How long an idle connection is kept, in seconds: shorter than any common server does."""

CONNECT_TIMEOUT = 10.0
"""The bound on making a connection with its name look-up, in seconds, within the bound on the attempt."""


class Origin:
    """Where requests go: one scheme, host and port, and the idle connections to it.

    Args:
        url: The URL up to its path.
        context: How to verify certificates, for `https`.
    """

    def __init__(self, url: str, context: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.host = parts.hostname
        self.is_tls = parts.scheme == "https"
        self.port = parts.port or (443 if self.is_tls else 80)
        self.context = context if self.is_tls else None
        self.idle: list[Connection] = []
        self._authority = parts.netloc
        self._heads: dict[int, tuple[HiddenHeaders, bytes]] = {}

    def head(self, headers: HiddenHeaders) -> bytes:
        """Return what follows the path of every request with these headers, up to the length of its body."""
        known = self._heads.get(id(headers))
        if known is None:
            lines = [f"Host: {self._authority}", *(f"{name}: {value}" for name, value in headers.items())]
            made = " HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines)
            known = self._heads[id(headers)] = headers, made.encode("latin-1")  # together: the id stays taken
        return known[1]


class WireTransport:
    """Keep-alive connections, one request at a time on each; no proxies, cookies, redirects or compression.

    Args:
        context: How to verify certificates; None verifies against the system's authorities.
    """

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self._context = ssl.create_default_context() if context is None else context
        self._origins: dict[str, Origin] = {}
        self._connections: set[Connection] = set()
        self._deadlines = Deadlines()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        """Make one attempt; see `Transport.send`."""
        attempt.started = False
        task = asyncio.current_task()
        assert task is not None
        cancels = task.cancelling()
        watch = None if timeout is None else self._deadlines.begin(task, timeout)
        connection: Connection | None = None
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        failure: SmsBatError
        try:
            split = request.url.index("/", 8)
            origin = self._origins.get(request.url[:split])
            if origin is None:
                where = request.url[:split]
                origin = self._origins[where] = Origin(where, self._context)
            connection = self._idle(origin) or await self._connect(origin)
            line = f"{request.method} {request.url[split:]}".encode("ascii")
            head = origin.head(request.headers)
            body = request.body
            end = b"\r\n" if body is None else b"Content-Length: %d\r\n\r\n" % len(body) + body
            attempt.started = True
            connection.ask(line + head + end, answer)
            return await answer
        except asyncio.CancelledError:
            if connection is not None:
                connection.abandon(answer)
            if watch is None or not watch.end(task) or task.uncancel() > cancels:
                raise
            kind = TransportError if attempt.started else NotSentError
            failure = kind("the time was over", kind="timeout")
        except SmsBatError as error:
            failure = error
        finally:
            if watch is not None:
                watch.end(task)
        # Raised out here, so that no library's error is its context.
        raise failure

    def _idle(self, origin: Origin) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - KEEP_ALIVE
        while origin.idle:
            connection = origin.idle.pop()
            if connection.is_usable and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()

        def on_idle(connection: Connection) -> None:
            connection.idle_since = loop.time()
            origin.idle.append(connection)
            if self._sweep is None:
                self._sweep = loop.call_later(KEEP_ALIVE, self._sweep_idle, loop)

        def on_lost(connection: Connection) -> None:
            self._connections.discard(connection)
            if connection in origin.idle:
                origin.idle.remove(connection)

        failure: NotSentError
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                _, connection = await loop.create_connection(
                    lambda: Connection(on_idle, on_lost),
                    origin.host,
                    origin.port,
                    ssl=origin.context,
                    server_hostname=origin.host if origin.is_tls else None,
                )
        except ssl.SSLCertVerificationError as error:
            failure = NotSentError(type(error).__name__, kind="certificate")
        except socket.gaierror as error:
            failure = NotSentError(f"{type(error).__name__} (errno {error.errno})", kind="dns")
        except TimeoutError as error:
            failure = NotSentError(type(error).__name__, kind="connect_timeout")
        except ssl.SSLError as error:
            failure = NotSentError(type(error).__name__, kind="tls")
        except OSError as error:
            failure = NotSentError(f"{type(error).__name__} (errno {error.errno})", kind="connect")
        else:
            self._connections.add(connection)
            if not self._closed:
                return connection
            connection.abort()
            failure = NotSentError("the transport was closed", kind="closed")
        raise failure

    def _sweep_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweep = None
        oldest = loop.time() - KEEP_ALIVE
        for origin in self._origins.values():
            for connection in [idle for idle in origin.idle if idle.idle_since <= oldest]:
                origin.idle.remove(connection)
                connection.abort()
        if any(origin.idle for origin in self._origins.values()):
            self._sweep = loop.call_later(KEEP_ALIVE / 2, self._sweep_idle, loop)

    async def aclose(self) -> None:
        """Close every connection."""
        self._deadlines.close()
        if self._sweep is not None:
            self._sweep.cancel()
        self._closed = True
        for connection in tuple(self._connections):
            connection.close()
        await asyncio.gather(*(connection.gone for connection in tuple(self._connections)))
