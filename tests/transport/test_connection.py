"""One connection: whatever a server says, split anywhere, is an answer or an error of ours, never a hang."""

import asyncio
import contextlib
import gzip
import itertools
from collections.abc import Iterable

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsbat_async import Response, ResponseError, SmsBatError, TransportError
from smsbat_async.transport.connection import BUFFER, Connection
from smsbat_async.transport.protocol import BODY_MAXIMUM

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}'
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n'
INTERIM = b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n"
UNTIL_CLOSE = b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}'
PACKED = gzip.compress(b'{"a": 1}', mtime=0)
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED


class Wire(asyncio.Transport):
    """The side of the event loop, reduced to what a connection uses."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: "bytes | bytearray | memoryview[int]") -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Talk:
    """A connection with a request under way."""

    def __init__(self) -> None:
        self.idle = 0
        self.connection = Connection(self._on_idle, lambda _: None)
        self.wire = Wire()
        self.connection.connection_made(self.wire)
        self.answer = self.ask()

    def _on_idle(self, connection: Connection) -> None:
        self.idle += 1

    def ask(self) -> "asyncio.Future[Response]":
        self.answer = self.connection.ask(b"GET / HTTP/1.1\r\n\r\n")
        return self.answer

    def hear(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            for start in range(0, len(piece), BUFFER):
                if not self.wire.closed:
                    self.read(piece[start : start + BUFFER])

    def read(self, piece: bytes) -> None:
        """Do what an event loop does with what it reads at one go."""
        self.connection.get_buffer(-1)[: len(piece)] = piece
        self.connection.buffer_updated(len(piece))

    def end(self) -> "Response | SmsBatError":
        """Close the road, and return what came of the request."""
        if not self.wire.closed:
            self.connection.eof_received()
        self.connection.connection_lost(None)
        assert self.answer.done()
        error = self.answer.exception()
        if error is not None:
            assert isinstance(error, SmsBatError)
            return error
        return self.answer.result()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends) if start < end]


@pytest.mark.parametrize(
    "said",
    [OK, CHUNKED, INTERIM + OK, INTERIM * 3 + CHUNKED, UNTIL_CLOSE, GZIP],
    ids=["length", "chunked", "interim", "interims", "until close", "gzip"],
)
def test_an_answer_is_the_same_wherever_it_is_split(said: bytes) -> None:
    @settings(max_examples=60)
    @given(st.lists(st.integers(0, 400), max_size=12))
    def check(places: list[int]) -> None:
        async def run() -> None:
            talk = Talk()
            talk.hear(cut(said, places))
            answer = talk.end()
            assert isinstance(answer, Response)
            assert (answer.status, answer.body) == (200, b'{"a": 1}')

        asyncio.run(run())

    check()


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.tuples(st.sampled_from([OK, CHUNKED, INTERIM, GZIP]), st.binary(max_size=60)).map(b"".join),
        st.tuples(st.sampled_from([OK, CHUNKED, GZIP]), st.integers(0, 90), st.binary(max_size=3)).map(
            lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
        ),
    ),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_whatever_is_said_gives_an_answer_or_an_error_of_ours(said: bytes, places: list[int]) -> None:
    async def run() -> None:
        talk = Talk()
        talk.hear(cut(said, places))
        outcome = talk.end()
        if isinstance(outcome, SmsBatError):
            assert isinstance(outcome, ResponseError | TransportError)

    asyncio.run(run())


class Told:
    """Headers as a parser tells them that has been told of them from the start."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []
        self.is_over = False
        self.parser = httptools.HttpResponseParser(self)
        with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            for piece in pieces:
                self.parser.feed_data(piece)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_over:
            self.pairs.append((name, value))

    def on_headers_complete(self) -> None:
        self.is_over = self.is_over or self.parser.get_status_code() >= 200
        if not self.is_over:
            self.pairs.clear()

    def get(self, name: str) -> str | None:
        values = [value for found, value in self.pairs if found.lower() == name.encode()]
        return values[0].decode("latin-1") if values else None


NAMES = ["content-encoding", "content-length", "transfer-encoding", "retry-after", "x-a", "date", "x"]
FIELDS = st.tuples(
    st.sampled_from([b"Content-Encoding", b"cONTENT-eNCODING", b"Retry-After", b"X-A", b"X", b"x-a"]),
    st.sampled_from([b":", b": ", b":\t", b": ", b":  ", b" :"]),
    st.one_of(
        st.sampled_from([b"br", b"identity", b"", b"a: b", b"Content-Encoding: br", b"a\r\n b", b"\xe9"]),
        st.binary(max_size=3),
    ),
    st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\n\r\n"]),
).map(b"".join)
LENGTH = b'Content-Length: 8\r\n\r\n{"a": 1}'
PIECES = b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"a": 1}\r\n0\r\nX: trailer\r\nDate: trailer\r\n\r\n'
HEADS = st.tuples(
    st.sampled_from([b"", b"", b"\r\n", INTERIM, INTERIM * 2]),
    st.sampled_from(
        [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 429 Slow\r\n", b"HTTP/1.1 503 \r\n", b"HTTP/1.0 200\r\n"]
    ),
    st.lists(FIELDS, max_size=4).map(b"".join),
    st.sampled_from([LENGTH, LENGTH, PIECES, PIECES, b'\r\n{"a": 1}', b"\n\n", LENGTH + OK]),
).map(b"".join)


@settings(max_examples=400)
@given(HEADS, st.lists(st.integers(0, 300), max_size=4))
def test_headers_that_are_parsed_late_are_what_the_parser_would_have_told(
    said: bytes, places: list[int]
) -> None:
    async def run() -> None:
        talk = Talk()
        talk.hear(cut(said, places))
        answer = talk.end()
        told = Told(cut(said, places))
        if isinstance(answer, Response):
            assert {name: answer.headers.get(name) for name in NAMES} == {
                name: told.get(name) for name in NAMES
            }

    asyncio.run(run())


@pytest.mark.parametrize(
    ("count", "size", "accepted"), [(128, 10, True), (129, 1, False), (1, 8_190, True), (1, 8_191, False)]
)
@pytest.mark.parametrize("before", [b"", INTERIM], ids=["alone", "after an interim answer"])
async def test_headers_up_to_the_caps_are_read_and_others_are_not(
    count: int, size: int, accepted: bool, before: bytes
) -> None:
    fields = b"".join(b"X: %s\r\n" % (b"y" * (size - 1)) for _ in range(count - (count > 1)))
    last = b"Content-Length: 0\r\n" if count > 1 else b""
    talk = Talk()
    talk.hear([before + b"HTTP/1.1 200 OK\r\n" + last + fields + b"\r\n"])
    assert isinstance(talk.end(), Response if accepted else ResponseError)


async def test_a_body_with_many_lines_is_not_taken_for_headers() -> None:
    body = b"[" + b"\r\nX: y" * 2_000 + b"]"
    talk = Talk()
    talk.hear([INTERIM + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body])
    assert talk.answer.result().body == body


async def test_interim_answers_without_an_end_are_malformed() -> None:
    talk = Talk()
    talk.hear([INTERIM * 100] * 40)
    error = talk.answer.exception()
    assert isinstance(error, ResponseError)
    assert (error.kind, talk.wire.closed) == ("malformed", True)


async def test_a_connection_is_used_again_and_answers_do_not_mix() -> None:
    talk = Talk()
    for number in range(3):
        body = b'{"n": %d}' % number
        talk.hear([b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + body])
        assert talk.answer.result().body == body
        assert talk.connection.is_usable()
        talk.ask()
    assert talk.idle == 3


async def test_what_nobody_asked_for_closes_an_idle_connection() -> None:
    talk = Talk()
    talk.hear([OK])
    assert talk.idle == 1
    talk.read(OK)
    assert talk.wire.closed
    assert not talk.connection.is_usable()


async def test_an_answer_glued_to_the_first_is_not_kept_for_the_next() -> None:
    talk = Talk()
    talk.hear([OK + OK])
    assert talk.answer.result().body == b'{"a": 1}'
    assert (talk.idle, talk.wire.closed) == (0, True)


@pytest.mark.parametrize("head", [b"Connection: close\r\n", b""])
async def test_connection_close_and_http_1_0_are_not_used_again(head: bytes) -> None:
    version = b"1.1" if head else b"1.0"
    talk = Talk()
    talk.hear([b"HTTP/" + version + b" 200 OK\r\n" + head + b"Content-Length: 2\r\n\r\n{}"])
    assert talk.answer.result().body == b"{}"
    assert (talk.idle, talk.wire.closed) == (0, True)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_MAXIMUM + 1),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (BODY_MAXIMUM + 1),
    ],
)
async def test_an_answer_above_the_cap_is_not_waited_for(said: bytes) -> None:
    talk = Talk()
    talk.hear([said])
    error = talk.answer.exception()
    assert isinstance(error, ResponseError)
    assert (error.kind, talk.wire.closed) == ("too_large", True)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,  # a head without an end
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 129 + b"\r\n",
        b"SMTP ready\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n{}",
    ],
)
async def test_what_is_not_http_is_malformed(said: bytes) -> None:
    talk = Talk()
    talk.hear([said])
    error = talk.answer.exception()
    assert isinstance(error, ResponseError)
    assert (error.kind, error.retryable, talk.wire.closed) == ("malformed", True, True)


async def test_closing_fails_what_is_under_way_and_leaves_nothing() -> None:
    talk = Talk()
    talk.connection.close()
    error = talk.answer.exception()
    assert isinstance(error, TransportError)
    assert (error.kind, talk.wire.closed) == ("disconnected", True)


async def test_giving_up_a_request_drops_its_connection_and_never_that_of_the_next() -> None:
    talk = Talk()
    first = talk.answer
    talk.hear([OK])
    second = talk.ask()
    talk.connection.abandon(first)  # cancelled between the answer and its being read
    assert not talk.wire.closed
    talk.hear([OK])
    assert second.result().status == 200
    third = talk.ask()
    talk.connection.abandon(third)
    assert talk.wire.closed
