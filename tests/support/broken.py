"""Broken answers: steps that break HTTP or its content, each in one way, most of them as a 200."""

import asyncio

from tests.support import bodies
from tests.support.http1 import JSON, chunk, response, response_head
from tests.support.link import Link
from tests.support.steps import Step, answer, close, pause, raw, then

CHUNKED = {"Content-Type": JSON, "Transfer-Encoding": "chunked"}


async def _answered(link: Link) -> None:
    link.answered()


ANSWERED = Step("answered", _answered)


def bad_status_line() -> Step:
    """Begin with something that is no status line."""
    return then(raw(b"HTP/1.1 2OO OK\r\n\r\n"), close())


def half_status_line(end: Step | None = None) -> Step:
    """Stop inside the status line."""
    return then(raw(b"HTTP/1.1 20"), end or close())


def half_headers(end: Step | None = None) -> Step:
    """Stop inside a header."""
    return then(raw(b"HTTP/1.1 200 OK\r\nContent-Type: applica"), end or close())


def cut_body(body: bytes = bodies.OK, *, missing: int = 5, end: Step | None = None) -> Step:
    """Announce a whole body, leave its last bytes out, and end the connection."""
    data = response(200, body[:-missing], length=len(body))
    return then(raw(data), end or close())


def cut_chunks(body: bytes = bodies.OK, *, end: Step | None = None) -> Step:
    """Send a whole chunk but not the chunk that says that it was the last."""
    return then(raw(response_head(200, CHUNKED) + chunk(body)), end or close())


def cut_in_chunk(body: bytes = bodies.OK, *, end: Step | None = None) -> Step:
    """Stop inside a chunk."""
    return then(raw(response_head(200, CHUNKED) + chunk(body)[:-7]), end or close())


def until_close(body: bytes = bodies.OK, *, end: Step | None = None) -> Step:
    """Send a body without any length, as long as the connection lasts; cut it as you like."""
    return then(raw(response_head(200, {"Content-Type": JSON, "Connection": "close"}) + body), end or close())


def bad_chunk_size() -> Step:
    """Send a chunk whose size is no number."""
    return then(raw(response_head(200, CHUNKED) + b"zz\r\n" + bodies.OK + b"\r\n0\r\n\r\n"), close())


def two_lengths() -> Step:
    """Send two Content-Length headers that differ."""
    return then(raw(response(200, bodies.OK, {"Content-Length": "1"})), close())


def length_and_chunked() -> Step:
    """Send both Content-Length and Transfer-Encoding."""
    framed = chunk(bodies.OK) + chunk(b"")
    return then(raw(response_head(200, {**CHUNKED, "Content-Length": str(len(framed))}) + framed), close())


def short_length(body: bytes = bodies.OK, *, surplus: int = 5) -> Step:
    """Announce less than is sent."""
    return raw(response(200, body, length=len(body) - surplus))


def body_with_204() -> Step:
    """Send a body with a status that has none."""
    return raw(response(204, bodies.OK, {"Content-Length": str(len(bodies.OK))}))


def huge_header(size: int = 9_000) -> Step:
    """Send one header line of this many bytes."""
    return answer(200, bodies.OK, headers={"X-Huge": "x" * size})


def many_headers(count: int = 200) -> Step:
    """Send this many headers."""
    return answer(200, bodies.OK, headers={f"X-{number}": "x" for number in range(count)})


def nul_in_header() -> Step:
    """Send a NUL inside a header."""
    return answer(200, bodies.OK, headers={"X-Nul": "a\0b"})


def informational_flood(count: int = 20_000, step: Step | None = None) -> Step:
    """Send so many times "100 Continue", then answer."""
    return then(raw(b"HTTP/1.1 100 Continue\r\n\r\n" * count), step or answer(200, bodies.OK))


def gzipped(data: bytes) -> Step:
    """Answer with bytes that are said to be gzip."""
    return answer(200, data, headers={"Content-Encoding": "gzip"})


def truncated_gzip(body: bytes = bodies.OK) -> Step:
    """Send gzip without its end, with a length that is true."""
    return gzipped(bodies.gzip(body)[:-12])


def bad_gzip() -> Step:
    """Send something that is said to be gzip and is not."""
    return gzipped(b"\x1f\x8b\x08\x00" + b"not gzip" * 8)


def gzip_bomb(size: int = 64 * 2**20) -> Step:
    """Send a small body that unpacks to this many bytes."""
    return gzipped(bodies.gzip_bomb(size))


def endless_body(*, chunked: bool = True, piece: bytes = b" " * 2**16) -> Step:
    """Send a body that never ends, as fast as the client takes it."""
    head = response_head(200, CHUNKED if chunked else {"Content-Type": JSON})
    return then(raw(head), _endless(chunk(piece) if chunked else piece))


def endless_headers() -> Step:
    """Send headers that never end, as fast as the client takes them."""
    return then(raw(b"HTTP/1.1 200 OK\r\n"), _endless(b"X-More: and more\r\n" * 100))


def _endless(piece: bytes) -> Step:
    async def run(link: Link) -> None:
        while True:
            await link.write(piece)
            await asyncio.sleep(0)

    return Step("endless()", run)


def glued(first: bytes, second: bytes) -> Step:
    """Send two whole answers at once to one request."""
    return raw(first + second)


def pushed_later(step: Step, unasked: bytes, *, after: float = 0.02) -> Step:
    """Answer, and then push an answer that nobody asked for onto the idle connection."""
    return then(step, ANSWERED, pause(after), raw(unasked))


def closed_on_reuse(step: Step, end: Step | None = None) -> Step:
    """Answer and keep the connection; when the next request comes on it, end it unread.

    This is the keep-alive race without the luck: the server's close crosses the client's request.
    That second request is not recorded.
    """

    async def next_byte(link: Link) -> None:
        if not await link.reader.read(1):
            await link.close()

    return then(step, ANSWERED, Step("next_byte()", next_byte), end or close())
