"""One keep-alive connection: one request at a time, and its answer."""

import asyncio
import zlib
from collections.abc import Callable
from typing import cast

import httptools

from smsbat_async.errors import ResponseError, SmsBatError, TransportError
from smsbat_async.http import Response
from smsbat_async.transport.headers import WireHeaders
from smsbat_async.transport.protocol import BODY_MAXIMUM

HEAD_MAXIMUM = 65_536
"""The most bytes that are read before a head is complete, interim answers included."""


PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Encodings of a body, and what zlib wants to be told about them. None is asked for."""


BUFFER = 16_384
"""How much is taken from the socket at a time, in bytes: as much as one record of TLS holds."""


PIECE = 65_536
"""How much is unpacked at a time, in bytes, so that little more than the cap is ever held."""


class Connection(asyncio.BufferedProtocol):
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
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        # A buffer of its own: the asyncio loop would otherwise make one of 256 KiB for every read.
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Response] | None = None
        self.idle_since = 0.0
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._begin()

    def _begin(self) -> None:
        self._heard = b""
        self._headers: WireHeaders | None = None
        self._status = 0
        self._chunks: list[bytes] = []
        self._body_size = 0
        self._complete = False
        self._keeps_alive = False
        self._problem: SmsBatError | None = None

    def is_usable(self) -> bool:
        """Return whether a request may be written."""
        return self._transport is not None and self._answer is None and not self._transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[Response]":
        """Write a request, and return the future of its answer, or of what comes instead."""
        assert self._transport is not None
        self._begin()
        self._answer = answer = self._loop.create_future()
        self._transport.write(request)
        return answer

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

    def get_buffer(self, sizehint: int) -> bytearray:
        """Return where the next piece is to be put."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Read a piece of an answer."""
        if self._answer is None:
            self.abort()  # nobody asked: it would be taken for the next answer
            return
        piece = bytes(self._view[:nbytes])
        try:
            self._parser.feed_data(piece)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # Also after an answer that seemed complete: its length was a lie, or it may have no body.
            self._problem = self._problem or _malformed(type(error).__name__)
        if self._headers is None:
            self._take_head(piece)
        if self._problem is not None:
            self._fail(self._problem)
        elif self._complete:
            self._succeed()

    def _take_head(self, piece: bytes) -> None:
        """Keep what belongs to the head, and refuse what cannot be read as soon as that is known."""
        self._heard += piece
        if self._status:
            self._headers = WireHeaders(self._heard)
            if self._headers.are_too_large():
                self._problem = self._problem or _malformed("too many or too long headers")
            elif not self._complete:
                length = self._headers.get("content-length")
                if length is not None and length.isdigit() and int(length) > BODY_MAXIMUM:
                    self._problem = self._problem or _too_large(self._status)
        elif len(self._heard) > HEAD_MAXIMUM:
            self._problem = self._problem or _malformed("a head without an end")

    def eof_received(self) -> bool:
        """Take note that the server says no more."""
        self._keeps_alive = False
        headers = self._headers
        if (
            self._answer is not None
            and headers is not None
            and headers.get("content-length") is None
            and headers.get("transfer-encoding") is None
        ):
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
            self._fail(TransportError(what, kind="body" if self._status else "disconnected"))
        self._on_lost(self)
        if not self.gone.done():
            self.gone.set_result(None)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Notice an answer that nobody asked for, glued to the one that was."""
        if self._complete:
            self._keeps_alive = False

    def on_headers_complete(self) -> None:
        """Take the status, unless this is an interim answer."""
        status = self._parser.get_status_code()
        if status >= 200 and not self._complete:
            self._status = status

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if self._complete:
            return
        self._chunks.append(body)
        self._body_size += len(body)
        if self._body_size > BODY_MAXIMUM:
            self._problem = _too_large(self._status)

    def on_message_complete(self) -> None:
        """Take note that the answer is complete, unless it was an interim one."""
        if self._status and not self._complete:
            self._complete = True
            self._keeps_alive = self._parser.should_keep_alive()

    # How an answer ends.

    def _succeed(self) -> None:
        assert self._headers is not None
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        encoding = self._headers.get("content-encoding")
        if encoding is not None and encoding in PACKED:
            unpacked = self._unpack(body, encoding)
            if isinstance(unpacked, SmsBatError):
                self._fail(unpacked)
                return
            body = unpacked
        answer, self._answer = self._answer, None
        response = Response(self._status, self._headers, body)
        if self._keeps_alive:
            self._on_idle(self)
        elif self._transport is not None:
            self._transport.close()
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _unpack(self, body: bytes, encoding: str) -> bytes | SmsBatError:
        """Return what a server compressed unasked, unpacked up to the cap, or what is wrong with it."""
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
        return b"".join(pieces)

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
