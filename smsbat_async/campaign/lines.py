"""Lines: the text lines of a file or stream, and the fingerprint of its bytes."""

import codecs
import contextlib
import hashlib
import io
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from smsbat_async.campaign.rows import Fingerprint
from smsbat_async.errors import SourceError

BLOCK: Final = 256 * 1024
"""How many bytes are read at once."""

LINE_MAXIMUM: Final = 256 * 1024
"""How many characters of a line may be of use; a longer one comes out longer than this, but not whole."""

KEPT: Final = 4 * LINE_MAXIMUM
"""How many bytes of one line are kept at least; no encoding has a character of more than four."""

WIDE_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Longest first: the mark of UTF-32 begins with that of UTF-16."""

SAMPLE: Final = bytes(range(256)) + rb"\x41" + b"\x1b$B!!"
"""Where each of these bytes is one character, and the first 128 are ASCII, a line feed is the byte 10."""

UNUSABLE = re.compile("[\0\udc80-\udcff]")
"""A NUL, or what stands for a byte that could not be decoded."""


class Lines:
    """The text lines of a file or stream.

    A byte that cannot be decoded does not end the reading: it becomes half a surrogate pair, which no decoded
    text holds, and `suspicious` turns true. Lines end with a line feed or with both, as everywhere but on
    very old computers, so that their numbers are those an editor shows.

    Args:
        origin: The path, or a binary stream, which is read but not closed.
        encoding: The encoding; a mark of UTF-8 at the beginning is no part of the text.

    Raises:
        SourceError: If the encoding is unknown.

    Attributes:
        name: What it is called, for people.
        suspicious: Whether a NUL or a byte that could not be decoded was met in the block that is read now,
            or before it.
        fingerprint: Of the bytes, once all have been read.
    """

    def __init__(self, origin: Path | BinaryIO, encoding: str) -> None:
        self._origin = origin
        self._begun = False
        self.name = str(origin) if isinstance(origin, Path) else _stream_name(origin)
        self.suspicious = False
        self.fingerprint: Fingerprint | None = None
        self.encoding, self._direct = _known_encoding(encoding)

    @property
    def rereadable(self) -> bool:
        """Whether they can be read more than once: a path can, a stream cannot."""
        return isinstance(self._origin, Path)

    def read(self) -> Generator[str, None, None]:
        """Return the lines with their ends, from the first.

        Raises:
            SourceError: If it cannot be read, or is a stream that has been read before.
        """
        self._begin()
        for text in self._texts():
            # Its lines end at line feeds alone, and it is quicker than any loop over them could be.
            yield from io.StringIO(text, newline="\n")

    def digest(self) -> Fingerprint:
        """Return the fingerprint of the bytes; a path that has not been read to its end is read for it.

        Raises:
            SourceError: If it cannot be read, or is a stream that has not been read to its end.
        """
        if self.fingerprint is None:
            if not self.rereadable:
                raise SourceError(
                    f"{self.name} is known by its bytes only after all of them have been read: save it to a "
                    "file first, and pass the path"
                )
            for _ in self._blocks():
                pass
        assert self.fingerprint is not None
        return self.fingerprint

    def _begin(self) -> None:
        if self._begun and not self.rereadable:
            raise SourceError(
                f"{self.name} can be read only once: save it to a file first, and pass the path"
            )
        self._begun = True
        self.suspicious = False

    def _texts(self) -> Iterator[str]:
        """Return the text in pieces that end with a line, the last one perhaps without its end."""
        rest = bytearray()
        for block in self._recoded():
            end = block.rfind(b"\n") + 1
            if end:
                rest += block[:end]
                yield self._decode(rest)
                rest = bytearray(block[end:])
            elif len(rest) <= KEPT:
                rest += block
        if rest:
            yield self._decode(rest)

    def _decode(self, data: bytearray) -> str:
        encoding = self.encoding if self._direct else "utf-8"
        if b"\0" in data:
            self.suspicious = True
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode(encoding)
        self.suspicious = True
        return data.decode(encoding, "surrogateescape")

    def _recoded(self) -> Iterator[bytes]:
        """Return the bytes in an encoding in which the byte 10 is always a line feed, without a mark."""
        decoder = None if self._direct else codecs.getincrementaldecoder(self.encoding)()
        begun = False
        start = b""
        for block in self._blocks():
            if begun:
                data = block
            else:
                start += block
                if len(start) < len(codecs.BOM_UTF32_LE):
                    continue
                data, begun = self._without_mark(start), True
            yield data if decoder is None else self._recode(decoder, data)
        if not begun:
            data = self._without_mark(start)
            yield data if decoder is None else self._recode(decoder, data)
        if decoder is not None:
            yield self._recode(decoder, b"", final=True)

    def _recode(self, decoder: codecs.IncrementalDecoder, data: bytes, final: bool = False) -> bytes:
        try:
            return decoder.decode(data, final).encode("utf-8", "surrogatepass")
        except UnicodeError as met:
            said = getattr(met, "reason", type(met).__name__)
        raise SourceError(
            f"{self.name} is not {self.encoding} throughout ({said}): pass encoding=... as it is"
        )

    def _without_mark(self, data: bytes) -> bytes:
        """Return the first bytes without the mark of their encoding."""
        if data.startswith(codecs.BOM_UTF8):
            if self.encoding != "utf-8":
                raise SourceError(
                    f"{self.name} begins with the mark of UTF-8, and {self.encoding!r} was asked for: "
                    "leave encoding out"
                )
            return data[len(codecs.BOM_UTF8) :]
        if self._direct:
            for mark, encoding in WIDE_MARKS:
                if data.startswith(mark):
                    raise SourceError(
                        f"{self.name} begins with the mark of {encoding.upper()}: pass encoding={encoding!r}"
                    )
        return data

    def _blocks(self) -> Iterator[bytes]:
        """Return the bytes in blocks, and take their fingerprint."""
        digest, size = hashlib.sha256(), 0
        self.fingerprint = None
        with self._opened() as stream:
            read = getattr(stream, "read1", stream.read)  # does not wait for a whole block
            while data := self._read(read):
                digest.update(data)
                size += len(data)
                yield data
        self.fingerprint = Fingerprint(size, digest.hexdigest())

    def _opened(self) -> contextlib.AbstractContextManager[BinaryIO]:
        if not isinstance(self._origin, Path):
            return contextlib.nullcontext(self._origin)
        try:
            return self._origin.open("rb")
        except (OSError, ValueError) as met:  # a NUL in a path is a ValueError
            said = _said(met)
        raise SourceError(f"{self.name} cannot be opened: {said}")

    def _read(self, read: object) -> bytes:
        assert callable(read)
        try:
            data = read(BLOCK)
        except (OSError, ValueError) as met:  # a closed stream is a ValueError
            said = _said(met)
        else:
            if isinstance(data, bytes):
                return data
            said = "it is not blocking" if data is None else "it gives text: pass a binary stream"
        raise SourceError(f"{self.name} cannot be read: {said}")


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _stream_name(stream: BinaryIO) -> str:
    name = getattr(stream, "name", None)
    if name == "<stdin>":
        return "standard input"
    return name if isinstance(name, str) else "the stream"


def _known_encoding(encoding: object) -> tuple[str, bool]:
    """Return the name of an encoding, and whether the byte 10 is always a line feed in it."""
    name = sample = ""
    try:
        name = codecs.lookup(encoding).name if isinstance(encoding, str) else ""
        codecs.getincrementaldecoder(name)
        with contextlib.suppress(UnicodeError):
            sample = SAMPLE.decode(name, "surrogateescape")
    except (LookupError, ValueError):
        name = ""
    if not name:
        raise SourceError(f"encoding must be one that Python knows, as 'utf-8' or 'cp1251', not {encoding!r}")
    if name in {"utf-8", "utf-8-sig"}:
        return "utf-8", True
    return name, len(sample) == len(SAMPLE) and sample[:128].encode("ascii", "replace") == SAMPLE[:128]
