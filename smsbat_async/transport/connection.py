"""One keep-alive connection: one request at a time, and its answer."""

import asyncio
import zlib
from collections.abc import Callable
from typing import cast

import httptools

from smsbat_async.errors import ResponseError, SmsBatError, TransportError
from smsbat_async.http import Response
from smsbat_async.transport.protocol import BODY_MAXIMUM

HEADER_MAXIMUM = 8_190
"""The longest header that is read, name and value together, in bytes."""

HEADERS_MAXIMUM = 128
"""The most headers that are read."""

HEAD_MAXIMUM = 65_536
"""The most bytes that are read before a head is complete."""


PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Encodings of a body, and what zlib wants to be told about them. None is asked for."""


PIECE = 65_536
"""How much is unpacked at a time, in bytes, so that little more than the cap is ever held."""


class WireHeaders:
    """Headers as they came; a look-up by lower-case name walks through them, since few are ever looked up."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self._pairs = pairs

    def get(self, name: str, /) -> str | None:
        """Return the value of a header by its lower-case name, or None."""
        wanted = name.encode("latin-1")
        for found, value in self._pairs:
            if found.lower() == wanted:
                return value.decode("latin-1")
        return None


class Connection(asyncio.Protocol):
    """One connection to one host.

    Args:
        on_idle: Called when an answer is complete and the connection may take another request.
        on_lost: Called when the connection is gone.
    """

    def __init__(
        self, on_idle: Callable[["Connection"], None], on_lost: Callable[["Connection"], None]
    ) -> None:
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Response] | None = None
        self.idle_since = 0.0
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begin()

    def _begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._head_size = 0
        self._body_size = 0
        self._has_head = False
        self._status = 0
        self._length: bytes | None = None
        self._is_framed = False
        self._encoding: str | None = None
        self._ends_with_connection = True
        self._complete = False
        self._keeps_alive = False
        self._problem: SmsBatError | None = None

    @property
    def is_usable(self) -> bool:
        """Whether a request may be written."""
        return self._transport is not None and self._answer is None and not self._transport.is_closing()

    def ask(self, request: bytes, answer: "asyncio.Future[Response]") -> None:
        """Write a request; its answer, or what came instead, is put into the future."""
        assert self._transport is not None
        self._begin()
        self._answer = answer
        self._transport.write(request)

    def abort(self) -> None:
        """Drop the connection, and whatever is under way on it."""
        self._answer = None
        if self._transport is not None:
            self._transport.abort()

    def abandon(self, answer: "asyncio.Future[Response]") -> None:
        """Drop the connection if this answer is still awaited on it; it may serve another request by now."""
        if self._answer is answer:
            self.abort()

    def close(self) -> None:
        """Drop the connection, and fail what is under way on it."""
        if self._answer is None:
            self.abort()
        else:
            self._fail(TransportError("the connection was closed", kind="disconnected"))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # Not asked for by isinstance: uvloop's transports do not say that they are one.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read a piece of an answer."""
        if self._answer is None:
            self.abort()  # nobody asked: it would be taken for the next answer
            return
        if not self._has_head:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # Also after an answer that seemed complete: its length was a lie, or it may have no body.
            self._problem = self._problem or _malformed(type(error).__name__)
            self._keeps_alive = False
        if self._problem is None and not self._has_head and self._head_size > HEAD_MAXIMUM:
            self._problem = _malformed("a head without an end")
        if self._problem is not None:
            self._fail(self._problem)
        elif self._complete:
            self._succeed()

    def eof_received(self) -> bool:
        """Take note that the server says no more."""
        self._keeps_alive = False
        if self._answer is not None and self._has_head and self._ends_with_connection:
            self._succeed()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way."""
        self._transport = None
        if self._answer is not None:
            number = getattr(exc, "errno", None)
            what = "the server closed the connection" if exc is None else type(exc).__name__
            if isinstance(number, int):
                what += f" (errno {number})"
            self._fail(TransportError(what, kind="body" if self._has_head else "disconnected"))
        self._on_lost(self)
        if not self.gone.done():
            self.gone.set_result(None)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Notice an answer that nobody asked for, glued to the one that was."""
        if self._complete:
            self._keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        if self._complete:
            return
        if len(name) + len(value) > HEADER_MAXIMUM or len(self._headers) >= HEADERS_MAXIMUM:
            self._problem = self._problem or _malformed("too many or too long headers")
            return
        self._headers.append((name, value))
        # The length of a name tells most headers from the three that matter, without looking at the name.
        if len(name) == 14 and name.lower() == b"content-length":
            self._length = value
        elif len(name) == 17 and name.lower() == b"transfer-encoding":
            self._is_framed = True
        elif len(name) == 16 and name.lower() == b"content-encoding":
            self._encoding = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Decide how the body ends, and refuse one that cannot be read."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._has_head = True
        self._status = status
        length = self._length
        self._ends_with_connection = length is None and not self._is_framed
        if length is not None and length.isdigit() and int(length) > BODY_MAXIMUM:
            self._problem = _too_large(status)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if self._complete or self._problem is not None:
            return
        self._chunks.append(body)
        self._body_size += len(body)
        if self._body_size > BODY_MAXIMUM:
            self._problem = _too_large(self._status)

    def on_message_complete(self) -> None:
        """Take note that the answer is complete, unless it was an interim one."""
        if self._complete:
            return
        if self._has_head:
            self._complete = True
            self._keeps_alive = self._parser.should_keep_alive()
        elif self._problem is None:
            self._begin()  # an interim answer: what it said is not the answer's

    # How an answer ends.

    def _succeed(self) -> None:
        answer, self._answer = self._answer, None
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        if self._encoding in PACKED:
            problem = self._unpack(body, self._encoding)
            if problem is not None:
                self._answer = answer
                self._fail(problem)
                return
            body = self._chunks[0]
        response = Response(self._status, WireHeaders(self._headers), body)
        if self._keeps_alive:
            self._on_idle(self)
        elif self._transport is not None:
            self._transport.close()
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _unpack(self, body: bytes, encoding: str) -> SmsBatError | None:
        """Unpack a body that a server compressed unasked, up to the cap."""
        unpacking = zlib.decompressobj(wbits=PACKED[encoding])
        pieces: list[bytes] = []
        size = 0
        try:
            while body:
                pieces.append(unpacking.decompress(body, PIECE))
                size += len(pieces[-1])
                if size > BODY_MAXIMUM:
                    return _too_large(self._status)
                body = unpacking.unconsumed_tail
        except zlib.error as error:
            return TransportError(type(error).__name__, kind="body")
        self._chunks = [b"".join(pieces)]
        return None

    def _fail(self, error: SmsBatError) -> None:
        answer = self._answer
        self.abort()
        if answer is not None and not answer.done():
            answer.set_exception(error)


def _malformed(what: str) -> ResponseError:
    return ResponseError(f"the answer is not HTTP ({what})", kind="malformed", retryable=True)


def _too_large(status: int) -> ResponseError:
    return ResponseError(
        f"the answer is larger than {BODY_MAXIMUM} bytes", kind="too_large", status_code=status
    )
