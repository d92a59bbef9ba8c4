"""The ceiling: what is left when a client is no more than a protocol that asks and listens.

Neither is a client to be used. An answer that is not a whole, plain 200 is an error, nothing has a deadline,
and a server that says something strange is believed.
"""

import abc
import asyncio
import ssl
from typing import cast
from urllib.parse import urlsplit

import httptools

from benchmarks.contenders.base import API_KEY, PATH, StatusError, Workers


class Line(asyncio.Protocol, abc.ABC):
    """One keep-alive connection with at most one request on it."""

    answer: asyncio.Future[bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where requests go."""
        self.transport = cast("asyncio.Transport", transport)
        self.loop = asyncio.get_running_loop()
        self.lost = asyncio.Event()

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """Send a request, and return the future of its body."""
        self.answer = self.loop.create_future()
        self.transport.write(request)
        return self.answer

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request under way, if there is one."""
        self.lost.set()
        if hasattr(self, "answer") and not self.answer.done():
            self.answer.set_exception(ConnectionResetError("the server closed the connection"))


class ParsedLine(Line):
    """A connection whose answers httptools reads."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which calls back."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Hand over the answer."""
        body, self._body = self._body, b""
        if self._parser.get_status_code() == 200:
            self.answer.set_result(body)
        else:
            self.answer.set_exception(StatusError(f"status {self._parser.get_status_code()}"))


class FoundLine(Line):
    """A connection whose answers are told by their length: three searches, and no other look at the head."""

    def __init__(self) -> None:
        self._data = b""

    def data_received(self, data: bytes) -> None:
        """Hand over the answer when it is whole."""
        if self._data:
            data = self._data + data
        end = data.find(b"\r\n\r\n") + 4
        at = data.find(b"Content-Length: ", 0, end) + 16
        if end < 4 or at < 16 or len(data) < end + int(data[at : data.find(b"\r", at)]):
            self._data = data
            return
        self._data = b""
        if data.startswith(b"HTTP/1.1 200 "):
            self.answer.set_result(data[end:])
        else:
            self.answer.set_exception(StatusError(data[:16].decode("latin-1")))


class Ceiling(Workers):
    """A list of free connections, and a request of bytes that are ready but for the id."""

    line: type[Line]

    async def open(self) -> None:
        """Prepare what every request has in common; connections are made as they are needed."""
        parts = urlsplit(self._url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._context = ssl.create_default_context() if parts.scheme == "https" else None
        self._before = b"GET " + PATH.encode()
        self._after = (
            f" HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nX-Authorization-Key: {API_KEY}\r\n\r\n"
        ).encode()
        self._lines: list[Line] = []
        self._free: list[Line] = []
        self._stack.push_async_callback(self._close)

    async def _close(self) -> None:
        for line in self._lines:
            line.transport.abort()
            await line.lost.wait()

    async def body(self, message_id: str) -> bytes:
        """Return the body of an answer."""
        free = self._free
        line = free.pop() if free else await self._connect()
        body = await line.ask(self._before + message_id.encode() + self._after)
        free.append(line)
        return body

    async def _connect(self) -> Line:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(self.line, self._host, self._port, ssl=self._context)
        self._lines.append(line)
        return line


class CeilingParsed(Ceiling):
    """The ceiling of whoever reads answers with a real parser."""

    name = "bare protocol, httptools"
    line = ParsedLine


class CeilingFound(Ceiling):
    """The ceiling of all: not even a parser."""

    name = "bare protocol, three searches"
    line = FoundLine
