"""CsvSource and JsonLinesSource: files of recipients, read in constant memory."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from smsbat_async.campaign.csvrecords import DELIMITERS, FIELD_MAXIMUM, Record, Records, unusable
from smsbat_async.campaign.lines import LINE_MAXIMUM, Lines
from smsbat_async.campaign.rows import BadRow, Fingerprint, Row
from smsbat_async.errors import SourceError

NESTED: Final = object()
"""What stands for an object within an object."""

WORDS: Final = {True: "true", False: "false"}


class _File:
    """What the two kinds of source have in common.

    Args:
        file: The path, or a binary stream.
        encoding: Its encoding.
    """

    def __init__(self, file: str | os.PathLike[str] | BinaryIO, encoding: str) -> None:
        self._lines = Lines(_origin(file), encoding)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def name(self) -> str:
        """The name of the file, for people."""
        return self._lines.name

    @property
    def rereadable(self) -> bool:
        """Whether it can be read more than once: a path can, standard input cannot."""
        return self._lines.rereadable

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the bytes that were read last; a path that was not is read for it.

        Raises:
            SourceError: If it cannot be read, or is a stream that has not been read to its end.
        """
        return self._lines.digest()


class CsvSource(_File):
    """Recipients in a CSV file: the first line names the columns, each record after it is one recipient.

    Lines end with a line feed, with or without a carriage return before it. Quotes are read strictly. Blank
    lines are passed over. A row that cannot be read becomes a `BadRow` and stops nothing; a file whose header
    cannot be read is refused.

    Args:
        file: The path, or a binary stream, as `sys.stdin.buffer`, which is read once and not closed.
        encoding: The encoding; UTF-8 with or without its mark unless said otherwise.
        delimiter: What stands between two values; found in the header among comma, semicolon, tab and
            vertical bar unless given.

    Raises:
        SourceError: If a parameter is wrong.
    """

    def __init__(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        *,
        encoding: str = "utf-8",
        delimiter: str | None = None,
    ) -> None:
        super().__init__(file, encoding)
        self._delimiter = None if delimiter is None else _checked_delimiter(delimiter)
        self._columns: tuple[str, ...] | None = None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names in the header; None before it was read."""
        return self._columns

    def rows(self) -> Iterator[Row | BadRow]:
        """Return its rows, from the first; this blocks, so a thread is to do it.

        Raises:
            SourceError: If it cannot be read, or has no usable header.
        """
        self._columns = None
        records = Records(self._lines)
        try:
            first = records.first_line()
            delimiter = self._delimiter or self._found_delimiter(first)
            found = records.read(delimiter)
            columns = self._columns = self._header(next(found, None))
            width = len(columns)
            for record in found:
                if isinstance(record, BadRow):
                    yield record
                    continue
                line, cells = record
                if len(cells) == width:
                    yield Row(line, dict(zip(columns, cells, strict=True)))
                else:
                    yield BadRow(line, "ragged", f"must have as many values as the header: {width}")
        finally:
            records.close()

    def _found_delimiter(self, header: str) -> str:
        """Return what stands between the names of the header."""
        # What stands in quotes is every second piece.
        counts = Counter("".join(header.split('"')[::2]))
        most = max(counts[delimiter] for delimiter in DELIMITERS)
        found = [delimiter for delimiter in DELIMITERS if counts[delimiter] == most]
        if most and len(found) > 1:
            raise SourceError(
                f"{self.name}: the header has as many of {' and '.join(map(repr, found))}: pass delimiter=..."
            )
        return found[0]

    def _header(self, record: Record | BadRow | None) -> tuple[str, ...]:
        if record is None:
            raise SourceError(f"{self.name} is empty: its first line must name the columns")
        if isinstance(record, BadRow):
            raise SourceError(f"{self.name}: the header (line {record.line}) {record.reason}")
        if record.line != 1:
            raise SourceError(f"{self.name}: line 1 is empty: it must name the columns")
        names = tuple(cell.strip() for cell in record.cells)
        if "" in names:
            raise SourceError(f"{self.name}: column {names.index('') + 1} has no name in the header")
        name, times = Counter(names).most_common(1)[0]
        if times > 1:
            raise SourceError(f"{self.name}: the header names {name!r} {times} times: rename all but one")
        return names


class JsonLinesSource(_File):
    """Recipients in a file of JSON Lines: each line is an object, whose keys are the names of its values.

    Texts are taken as they are, numbers as they are written, `true` and `false` as these words; a value that
    is `null` is not there. Blank lines are passed over. A line that cannot be read becomes a `BadRow`.

    Args:
        file: The path, or a binary stream, as `sys.stdin.buffer`, which is read once and not closed.
        encoding: The encoding; UTF-8 with or without its mark unless said otherwise.

    Raises:
        SourceError: If a parameter is wrong.
    """

    def __init__(self, file: str | os.PathLike[str] | BinaryIO, *, encoding: str = "utf-8") -> None:
        super().__init__(file, encoding)

    @property
    def columns(self) -> None:
        """Not known: each line names its own."""
        return

    def rows(self) -> Iterator[Row | BadRow]:
        """Return its rows, from the first; this blocks, so a thread is to do it.

        Raises:
            SourceError: If it cannot be read.
        """
        lines = self._lines.read()
        try:
            for line, text in enumerate(lines, 1):
                if not text.isspace():
                    yield self._row(line, text)
        finally:
            lines.close()

    def _row(self, line: int, text: str) -> Row | BadRow:
        if len(text) > LINE_MAXIMUM:
            return BadRow(line, "row_too_long", f"must have at most {LINE_MAXIMUM:,} characters")
        if self._lines.suspicious and (bad := unusable(text, self._lines)) is not None:
            return BadRow(line, *bad)
        try:
            found = DECODER.decode(text)
        except json.JSONDecodeError as met:
            return BadRow(line, "not_json", f"is no JSON: {met.msg.lower()} (character {met.pos + 1})")
        except _UnfitValueError as met:
            return BadRow(line, met.code, met.reason)
        except RecursionError:
            found = NESTED
        if type(found) is not dict:
            return BadRow(line, "not_object", 'must be an object: {"phone": "+380501234567"}')
        return self._plain(line, found)

    def _plain(self, line: int, found: dict[str, Any]) -> Row | BadRow:
        """Return the row of an object, if all of its values are texts or can be written as one."""
        fields: dict[str, str] = {}
        for name, value in found.items():
            if type(value) is str:
                if len(value) > FIELD_MAXIMUM:
                    return BadRow(
                        line, "field_too_long", f"must have at most {FIELD_MAXIMUM:,} characters", name
                    )
                if "\0" in value:
                    return BadRow(line, "nul", "has a NUL, which no text can", name)
                fields[name] = value
            elif type(value) is bool:
                fields[name] = WORDS[value]
            elif value is not None:
                return BadRow(
                    line, "nested_value", "must be a text or a number, not a list or an object", name
                )
        return Row(line, fields)


class _UnfitValueError(Exception):
    """An object that is JSON and yet of no use."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _UnfitValueError("duplicate_key", "has one key twice: which value is meant is anybody's guess")
    return found


def _no_number(word: str) -> Any:
    raise _UnfitValueError("not_json", f"is no JSON: {word} is no number")


DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    # As they are written: a phone must not lose its leading zero or its last digits.
    parse_int=str,
    parse_float=str,
    parse_constant=_no_number,
)


def _checked_delimiter(delimiter: object) -> str:
    if isinstance(delimiter, str) and len(delimiter) == 1 and delimiter not in '"\r\n\0 ':
        return delimiter
    raise SourceError("delimiter must be one character that is no quote, no space and no line end")


def _origin(file: object) -> Path | BinaryIO:
    if isinstance(file, str | os.PathLike):
        path = os.fspath(file)
        if isinstance(path, str) and path not in {"", "-"}:
            return Path(path)
        raise SourceError("file must be a path or a binary stream; standard input is sys.stdin.buffer")
    if not callable(getattr(file, "read", None)):
        raise SourceError(f"file must be a path or a binary stream, not {type(file).__name__}")
    if hasattr(file, "encoding"):
        raise SourceError("file must be a binary stream: pass sys.stdin.buffer, or open(..., 'rb')")
    return file  # type: ignore[return-value]  # as far as it can be seen
