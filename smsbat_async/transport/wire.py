"""The fast transport: HTTP/1.1 on asyncio's protocols, with httptools as the parser."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohappyeyeballs

from smsbat_async.errors import NotSentError, TransportError
from smsbat_async.http import HiddenHeaders, Request, Response
from smsbat_async.transport.connection import Connection
from smsbat_async.transport.deadlines import Deadlines
from smsbat_async.transport.protocol import Attempt

KEEP_ALIVE = 4.0
"""How long an idle connection is kept, in seconds: shorter than any common server does."""

HEAD_START = 0.25
"""How long an address of a name is tried alone before the next is tried beside it, in seconds (RFC 8305)."""

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
        self.is_name = not _is_address(self.host)
        self.idle: list[Connection] = []
        self._authority = parts.netloc
        self._heads: dict[int, tuple[HiddenHeaders, str]] = {}

    def head(self, headers: HiddenHeaders) -> str:
        """Return what follows the path of every request with these headers, up to the length of its body."""
        known = self._heads.get(id(headers))
        if known is None:
            lines = [f"Host: {self._authority}", *(f"{name}: {value}" for name, value in headers.items())]
            made = " HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines)
            known = self._heads[id(headers)] = headers, made  # together: the id stays taken
        return known[1]

    async def connect(self, make: Callable[[], Connection]) -> Connection:
        """Open a connection, to whichever address of the name answers first."""
        loop = asyncio.get_running_loop()
        name = self.host if self.is_tls else None
        if self.is_name:
            found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            # By hand, since not every loop tries a second address while the first is silent.
            sock = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=HEAD_START, loop=loop)
            _, made = await loop.create_connection(make, sock=sock, ssl=self.context, server_hostname=name)
        else:
            _, made = await loop.create_connection(
                make, self.host, self.port, ssl=self.context, server_hostname=name
            )
        return made


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class WireTransport:
    """Keep-alive connections, one request at a time on each; no proxies, cookies, redirects or compression.

    Args:
        context: How to verify certificates; None verifies against the system's authorities.
    """

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self._context = ssl.create_default_context() if context is None else context
        self._origins: dict[str, Origin] = {}
        self._connections: set[Connection] = set()
        self._deadlines: Deadlines[asyncio.Future[Response]] = Deadlines(_time_out)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        """Make one attempt; see `Transport.send`."""
        attempt.started = False
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        url = request.url
        path_at = url.index("/", 8)
        origin = self._origins.get(url[:path_at]) or self._origin(url[:path_at])
        connection = self._idle(origin, loop.time() - KEEP_ALIVE)
        if connection is None:
            began = loop.time()
            connection = await self._connect(origin, timeout)
            if timeout is not None:
                timeout -= loop.time() - began
        body = request.body
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        head = f"{request.method} {url[path_at:]}{origin.head(request.headers)}{length}\r\n".encode("latin-1")
        attempt.started = True
        answer = connection.ask(head if body is None else head + body)
        # Watched by its answer: the connection may serve another request before this task runs again.
        watch = None if timeout is None else self._deadlines.begin(answer, timeout)
        try:
            return await answer
        except BaseException:
            connection.abandon(answer)
            raise
        finally:
            if watch is not None:
                watch.end(answer)

    def _origin(self, where: str) -> Origin:
        origin = self._origins[where] = Origin(where, self._context)
        return origin

    def _idle(self, origin: Origin, oldest: float) -> Connection | None:
        while origin.idle:
            connection = origin.idle.pop()
            if connection.idle_since > oldest and connection.is_usable():
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin, timeout: float | None) -> Connection:
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
        is_short = timeout is not None and timeout < CONNECT_TIMEOUT
        try:
            async with asyncio.timeout(timeout if is_short else CONNECT_TIMEOUT):
                connection = await origin.connect(lambda: Connection(on_idle, on_lost))
        except ssl.SSLCertVerificationError as error:
            failure = NotSentError(type(error).__name__, kind="certificate")
        except socket.gaierror as error:
            failure = NotSentError(f"{type(error).__name__} (errno {error.errno})", kind="dns")
        except TimeoutError as error:
            failure = NotSentError(type(error).__name__, kind="timeout" if is_short else "connect_timeout")
        except ssl.SSLError as error:
            failure = NotSentError(type(error).__name__, kind="tls")
        except OSError as error:
            failure = NotSentError(f"{type(error).__name__} (errno {error.errno})", kind="connect")
        else:
            if not connection.gone.done():
                self._connections.add(connection)
            if self._closed:
                connection.abort()
                failure = NotSentError("the transport was closed", kind="closed")
            elif connection.is_usable():
                return connection
            else:
                connection.abort()
                failure = NotSentError("the server closed the new connection", kind="disconnected")
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


def _time_out(answer: "asyncio.Future[Response]") -> None:
    if not answer.done():
        answer.set_exception(TransportError("the time was over", kind="timeout"))
