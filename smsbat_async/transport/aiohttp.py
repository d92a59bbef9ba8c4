"""The default transport: aiohttp."""

import asyncio
from typing import Any

import aiohttp
from aiohttp import abc, client_exceptions, hdrs
from aiohttp.client_middlewares import ClientHandlerType
from yarl import URL

from smsbat_async.errors import ConfigurationError, NotSentError, ResponseError, SmsBatError, TransportError
from smsbat_async.http import Request, Response
from smsbat_async.transport.protocol import BODY_MAXIMUM, Attempt

KEEP_ALIVE = 4.0
"""How long an idle connection is kept, in seconds: shorter than any common server does, so that a request
seldom meets a connection that the server is just closing."""

CONNECT_TIMEOUT = 10.0
"""The bound on making a connection, in seconds, within the bound on the attempt."""

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


class _Payload(aiohttp.BytesPayload):
    """A body that notes when it begins to be written: aiohttp holds the headers back until then."""

    def __init__(self, body: bytes, attempt: Attempt) -> None:
        super().__init__(body)
        self._attempt = attempt

    async def write_with_length(self, writer: abc.AbstractStreamWriter, content_length: int | None) -> None:
        self._attempt.started = True
        await super().write_with_length(writer, content_length)


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
        body = request.body
        # A GET has no payload that could tell. It is harmless: it counts as started until proved otherwise.
        attempt.started = body is None
        failure: SmsBatError
        try:
            async with session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=None if body is None else _Payload(body, attempt),
                allow_redirects=False,
                raise_for_status=False,
                timeout=self._timeout(timeout),
            ) as answer:
                return Response(answer.status, answer.headers, await _read(answer))
        except asyncio.CancelledError:
            raise
        except SmsBatError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - whatever a library raises must not reach the user
            failure = _translate(error, attempt, closed=session.closed)
        # Raised out here, so that the library's error with its headers is not its context.
        raise failure

    def _timeout(self, total: float | None) -> aiohttp.ClientTimeout:
        found = self._timeouts.get(total)
        if found is None:
            connect = CONNECT_TIMEOUT if total is None else min(CONNECT_TIMEOUT, total)
            # The threshold keeps aiohttp from rounding deadlines up to whole seconds.
            found = aiohttp.ClientTimeout(total=total, sock_connect=connect, ceil_threshold=float("inf"))
            if len(self._timeouts) < 8:
                self._timeouts[total] = found
        return found

    async def aclose(self) -> None:
        """Close every connection, unless the session is the user's own."""
        if self._owned and self._session is not None:
            await self._session.close()


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    length = answer.content_length
    if length is not None and length <= BODY_MAXIMUM and hdrs.CONTENT_ENCODING not in answer.headers:
        return await answer.read()
    chunks: list[bytes] = []
    total = 0
    async for chunk in answer.content.iter_any():
        chunks.append(chunk)
        total += len(chunk)
        if total > BODY_MAXIMUM:
            answer.close()
            raise ResponseError(
                f"the answer is larger than {BODY_MAXIMUM} bytes", kind="too_large", status_code=answer.status
            )
    return b"".join(chunks)


def _describe(error: BaseException) -> str:
    """Return the class and errno of an error as text: its own text may hold headers and URLs."""
    number = getattr(error, "errno", None)
    name = type(error).__name__
    return name if number is None else f"{name} (errno {number})"


def _translate(error: Exception, attempt: Attempt, *, closed: bool) -> SmsBatError:
    what = _describe(error)
    for classes, kind in _NOT_SENT:
        if isinstance(error, classes):
            attempt.started = False
            return NotSentError(what, kind=kind)
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
    if closed:
        attempt.started = False
        return ConfigurationError("the aiohttp session is closed")
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        attempt.started = False
        return ConfigurationError(f"the request cannot be written ({what})")
    return _lost(what, "disconnected", attempt)


def _lost(what: str, kind: str, attempt: Attempt) -> TransportError:
    return TransportError(what, kind=kind) if attempt.started else NotSentError(what, kind=kind)
