"""The default transport: aiohttp."""

import asyncio
import os
from typing import Any

import aiohttp
from aiohttp import abc, client_exceptions, hdrs
from aiohttp.client_middlewares import ClientHandlerType
from multidict import CIMultiDict
from yarl import URL

from smsbat_async.errors import ConfigurationError, NotSentError, ResponseError, SmsBatError, TransportError
from smsbat_async.http import HiddenHeaders, Request, Response
from smsbat_async.transport.deadlines import Deadlines
from smsbat_async.transport.protocol import BODY_MAXIMUM, Attempt

KEEP_ALIVE = 4.0
"""How long an idle connection is kept, in seconds: shorter than any common server does, so that a request
seldom meets a connection that the server is just closing."""

CONNECT_TIMEOUT = 10.0
"""The bound on making a connection with its name look-up, in seconds, within the bound on the attempt."""

REMEMBERED = 64
"""How many sets of headers, and how many timeouts, are kept in the form that aiohttp wants."""

_CERTIFICATE = (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)
_NOT_SENT: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (_CERTIFICATE, "certificate"),
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientConnectorSSLError, "tls"),
    ((aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError), "proxy"),
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (aiohttp.ClientConnectorError, "connect"),
)
"""Errors of aiohttp that come before the request is written, and what they are called here."""


_Bounded = tuple[asyncio.Task[Any], Attempt]
"""An attempt with a deadline; not its task alone, in which a middleware may make a call within the call."""


class _Dropped(Exception):  # noqa: N818 - a signal between two functions of this file
    """The connection broke; a class that aiohttp does not answer by asking again."""


async def _no_resend(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from silently repeating a GET whose connection broke."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        described = _describe(error)
    raise _Dropped(described)


class _Connector(aiohttp.TCPConnector):
    """Connections that are clean when they are handed out."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Any:
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            # The server said something while nobody asked: it would be taken for the next answer.
            connection.close()


class _Payload(aiohttp.Payload):
    """A body that notes when it begins to be written: aiohttp holds the headers back until then.

    It is no `BytesPayload`, which warns of bodies of a megabyte and more.
    """

    def __init__(self, body: bytes, attempt: Attempt) -> None:
        super().__init__(body, content_type="application/octet-stream")
        self._body = body
        self._attempt = attempt

    @property
    def size(self) -> int:
        return len(self._body)

    @property
    def autoclose(self) -> bool:
        return True  # there is nothing to close

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._body.decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self._body

    async def write(self, writer: abc.AbstractStreamWriter) -> None:
        self._attempt.started = True
        await writer.write(self._body)

    async def write_with_length(self, writer: abc.AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)


class AiohttpTransport:
    """One `aiohttp.ClientSession`: made when first needed, or the user's own, which is never closed here.

    Args:
        session: The user's own session, or None.
        limit: How many connections at most; at least as many as requests in flight.
    """

    def __init__(self, *, session: aiohttp.ClientSession | None = None, limit: int = 100) -> None:
        self._session = session
        self._owned = session is None
        self._limit = limit
        self._made: dict[int, tuple[HiddenHeaders, CIMultiDict[str]]] = {}
        self._deadlines: Deadlines[_Bounded] = Deadlines(_cancel)
        self._timeouts: dict[float | None, aiohttp.ClientTimeout] = {}

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_Connector(limit=self._limit, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_no_resend,),
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        """Make one attempt; see `Transport.send`."""
        session = self._session
        if session is None:
            session = self._session = self._open()
        # A GET has no payload that could tell. It is harmless: it counts as started until proved otherwise.
        attempt.started = request.body is None
        failure: SmsBatError
        task = asyncio.current_task()
        assert task is not None
        cancels = task.cancelling()
        bounded = task, attempt
        watch = None if timeout is None else self._deadlines.begin(bounded, timeout)
        try:
            answer = await session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=self._headers(request.headers),
                data=None if request.body is None else _Payload(request.body, attempt),
                allow_redirects=False,
                raise_for_status=False,
                timeout=self._timeout(timeout),
            )
            return Response(answer.status, answer.headers, await _read(answer))
        except asyncio.CancelledError:
            if watch is not None and watch.end(bounded):
                if task.uncancel() > cancels:
                    raise
                failure = _lost("the time was over", "timeout", attempt)
            elif session.closed and task.cancelling() <= cancels:
                # A session that closes cancels who waits for a connection, and nobody cancelled this task.
                failure = _lost("the aiohttp session was closed", "disconnected", attempt)
            else:
                raise
        except SmsBatError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - whatever a library raises must not reach the user
            failure = _translate(error, request, attempt, closed=session.closed)
        finally:
            if watch is not None:
                watch.end(bounded)
        # Raised out here, so that the library's error with its headers is not its context.
        raise failure

    def _headers(self, headers: HiddenHeaders) -> CIMultiDict[str]:
        """Return headers in the form that aiohttp would otherwise make of them for every request."""
        made = self._made.get(id(headers))
        if made is None:
            made = headers, CIMultiDict(headers)  # kept together, so that the id stays taken
            if len(self._made) < REMEMBERED:
                self._made[id(headers)] = made
        return made[1]

    def _timeout(self, total: float | None) -> aiohttp.ClientTimeout:
        found = self._timeouts.get(total)
        if found is None:
            connect = CONNECT_TIMEOUT if total is None else min(CONNECT_TIMEOUT, total)
            # No total: our own deadlines cost less. The threshold keeps aiohttp from rounding up to seconds.
            found = aiohttp.ClientTimeout(total=None, connect=connect, ceil_threshold=float("inf"))
            if len(self._timeouts) < REMEMBERED:
                self._timeouts[total] = found
        return found

    async def aclose(self) -> None:
        """Close every connection; on a session of the user's own, attempts go on and keep their bounds."""
        self._deadlines.close()
        if self._owned and self._session is not None:
            await self._session.close()


def _cancel(bounded: _Bounded) -> None:
    bounded[0].cancel()


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    length = answer.content_length
    if length is not None and length <= BODY_MAXIMUM and hdrs.CONTENT_ENCODING not in answer.headers:
        return await answer.read()
    chunks: list[bytes] = []
    total = 0
    try:
        async for chunk in answer.content.iter_any():
            chunks.append(chunk)
            total += len(chunk)
            if total > BODY_MAXIMUM:
                break
        else:
            return b"".join(chunks)
    except BaseException:
        answer.close()
        raise
    answer.close()
    raise ResponseError(
        f"the answer is larger than {BODY_MAXIMUM} bytes", kind="too_large", status_code=answer.status
    )


def _describe(error: BaseException) -> str:
    """Return the class and errno of an error as text: its own text may hold headers and URLs."""
    number = getattr(error, "errno", None)
    name = type(error).__name__
    return (
        f"{name} (errno {number}: {os.strerror(number)})" if isinstance(number, int) and number > 0 else name
    )


def _translate(error: Exception, request: Request, attempt: Attempt, *, closed: bool) -> SmsBatError:
    what = _describe(error)
    if request.body is None or not attempt.started:
        early = _before_the_wire(error, what, closed=closed)
        if early is not None:
            attempt.started = False
            return early
    if isinstance(error, _Dropped):
        return _lost(str(error), "disconnected", attempt)
    if isinstance(error, aiohttp.ClientResponseError):
        # The status in it is aiohttp's own invention, not the vendor's.
        return ResponseError(
            f"the answer is not HTTP ({what})", kind="malformed", status_code=None, retryable=True
        )
    if isinstance(error, TimeoutError):
        return _lost(what, "timeout", attempt)
    if isinstance(error, client_exceptions.ClientPayloadError):
        return _lost(what, "body", attempt)
    return _lost(what, "disconnected", attempt)


def _before_the_wire(error: Exception, what: str, *, closed: bool) -> SmsBatError | None:
    """Return our error for one that comes before the request is written, or None for any other."""
    for classes, kind in _NOT_SENT:
        if isinstance(error, classes):
            return NotSentError(what, kind=kind)
    if closed and isinstance(error, RuntimeError):
        return ConfigurationError("the aiohttp session is closed")
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        return ConfigurationError(f"the request cannot be written ({what})")
    return None


def _lost(what: str, kind: str, attempt: Attempt) -> TransportError:
    return TransportError(what, kind=kind) if attempt.started else NotSentError(what, kind=kind)
