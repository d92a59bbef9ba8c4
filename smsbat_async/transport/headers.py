"""The headers of an answer on the wire transport."""

import contextlib

import httptools

HEADER_MAXIMUM = 8_190
"""The longest header that is read, name and value together, in bytes."""

HEADERS_MAXIMUM = 128
"""The most headers that are read."""

FINAL = b"HTTP/1.1 2"
EMPTY_LINE = b"\r\n\r\n"
SHORTEST = len(b"a:\r\n")


class WireHeaders:
    """Headers kept as they came: hardly any are ever looked up, and only then are they parsed.

    Args:
        heard: What the server said up to the end of the head, and maybe some of what follows.
    """

    __slots__ = ("_head", "_pairs")

    def __init__(self, heard: bytes) -> None:
        # Anything else may be interim answers with their own empty lines: the body is not cut off then.
        end = heard.find(EMPTY_LINE) if heard[: len(FINAL)] == FINAL else -1
        self._head = heard if end < 0 else heard[: end + len(EMPTY_LINE)]
        self._pairs: list[tuple[bytes, bytes]] | None = None

    def pairs(self) -> list[tuple[bytes, bytes]]:
        """Return names and values as they came."""
        if self._pairs is None:
            self._pairs = _Reading(self._head).pairs
        return self._pairs

    def get(self, name: str, /) -> str | None:
        """Return the value of a header by its lower-case name, or None."""
        wanted = name.encode("latin-1")
        if wanted not in self._head.lower():
            return None  # which is known without parsing
        for found, value in self.pairs():
            if found.lower() == wanted:
                return value.decode("latin-1")
        return None

    def are_too_large(self) -> bool:
        """Return whether there are more or longer headers than are read."""
        if len(self._head) <= SHORTEST * HEADERS_MAXIMUM:
            return False  # there is no room for so many, nor for such a long one
        pairs = self.pairs()
        return len(pairs) > HEADERS_MAXIMUM or any(
            len(name) + len(value) > HEADER_MAXIMUM for name, value in pairs
        )


class _Reading:
    """What httptools calls while it reads a head that it has read before, then without telling of headers."""

    def __init__(self, heard: bytes) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []
        self._is_over = False
        self._parser = httptools.HttpResponseParser(self)
        with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser.feed_data(heard)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_over:
            self.pairs.append((name, value))

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self._is_over = True  # what follows are trailers, or another answer
        elif not self._is_over:
            self.pairs.clear()  # of an interim answer
