"""HTTP/1.1 as bytes: building answers, well formed unless asked otherwise, and reading requests."""

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus

Headers = Mapping[str, str] | Iterable[tuple[str, str]]

JSON = "application/json"


def response_head(status: int = 200, headers: Headers = (), *, reason: str | None = None) -> bytes:
    """Build a status line and headers, with nothing added to them."""
    if reason is None:
        reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Whatever"
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in pairs), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def response(
    status: int = 200,
    body: bytes | str = b"",
    headers: Headers = (),
    *,
    content_type: str | None = JSON,
    length: int | None = None,
    reason: str | None = None,
) -> bytes:
    """Build a whole answer.

    Args:
        status: Any number, also one that does not exist.
        body: The body; text goes out as UTF-8.
        headers: Further headers, as a mapping or as pairs (which may repeat a name).
        content_type: None leaves the header out.
        length: What Content-Length claims; by default the truth.
        reason: The text after the status; by default the usual one.

    Returns:
        The bytes to write.
    """
    content = body.encode() if isinstance(body, str) else body
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if content_type is not None and content:
        pairs.insert(0, ("Content-Type", content_type))
    if length is not None or not (status in {204, 304} or status < 200):
        pairs.append(("Content-Length", str(len(content) if length is None else length)))
    return response_head(status, pairs, reason=reason) + content


def chunk(data: bytes) -> bytes:
    """Frame one piece of a chunked body; no data is the end of the body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class NotHttpError(Exception):
    """What came is not an HTTP request: a TLS handshake on a plain port, for one."""


async def read_head(reader: asyncio.StreamReader, first: bytes) -> tuple[str, str, list[tuple[str, str]]]:
    """Read a request line and headers of which the first byte is read already."""
    if not first.isalpha():
        raise NotHttpError
    text = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = text[:-4].split("\r\n")
    try:
        method, target, _version = line.split(" ")
    except ValueError:
        raise NotHttpError from None
    pairs = (field.partition(":") for field in fields)
    return method, target, [(name, value.strip(" \t")) for name, _colon, value in pairs]


async def read_body(reader: asyncio.StreamReader, headers: Iterable[tuple[str, str]]) -> bytes:
    """Read the body that the headers announce."""
    known = {name.lower(): value for name, value in headers}
    if known.get("transfer-encoding", "").lower() == "chunked":
        body = bytearray()
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return bytes(body)
    return await reader.readexactly(int(known.get("content-length", "0")))
