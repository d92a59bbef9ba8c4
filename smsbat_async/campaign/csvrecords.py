"""Records: the records of a CSV file, of which a broken one takes no other with it."""

import csv
from collections.abc import Iterator
from typing import Final, NamedTuple

from smsbat_async.campaign.lines import LINE_MAXIMUM, UNUSABLE, Lines
from smsbat_async.campaign.rows import BadRow

LINES_MAXIMUM: Final = 100
"""How many lines one record may have: a quote that is never closed must not take the rest of the file."""

FIELD_MAXIMUM: Final = 128 * 1024
"""How many characters one value may have."""

DELIMITERS: Final = ",;\t|"


class Record(NamedTuple):
    """The values of one record.

    Args:
        line: The number of its first line.
        cells: Its values.
    """

    line: int
    cells: list[str]


class Records:
    """The records of a CSV file with their line numbers.

    Quotes are read strictly. Where they do not add up, the first line of the record is bad and reading goes
    on with the line after it, since the end of a broken record is anybody's guess.

    Args:
        lines: The lines.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._next = lines.read()
        self._again: list[str] = []  # lines to be read once more, the last of them first
        self._record: list[str] = []  # the lines of the record that is read now
        self._ended = False
        self._line = 1

    def close(self) -> None:
        """Close the file."""
        self._next.close()

    def first_line(self) -> str:
        """Return the first line, which stays to be read; a text without characters if there is none.

        Raises:
            SourceError: If the file cannot be read.
        """
        line = next(self._next, "")
        if line:
            self._again.append(line)
        return line

    def read(self, delimiter: str) -> Iterator[Record | BadRow]:
        """Return the records that are left; blank lines are none.

        Args:
            delimiter: What stands between two values.

        Raises:
            SourceError: If the file cannot be read.
        """
        record = self._record
        while not self._ended:
            said = ""
            try:
                for cells in csv.reader(self._feed(), delimiter=delimiter, strict=True):
                    line = self._line
                    bad = self._unusable(cells)
                    self._line += len(record)
                    record.clear()
                    if bad is not None:
                        yield BadRow(line, *bad)
                    elif cells:
                        yield Record(line, cells)
            except csv.Error as met:
                said = str(met)
            if record:
                yield BadRow(self._line, *self._malformed(said))
                self._again.extend(reversed(record[1:]))
                self._ended = False
                self._line += 1
                record.clear()

    def _feed(self) -> Iterator[str]:
        """Return the lines, and keep those of the current record."""
        record, length = self._record, 0
        while True:
            line = self._again.pop() if self._again else next(self._next, "")
            if not line:
                self._ended = True
                return
            if not record:
                length = 0
            elif len(record) >= LINES_MAXIMUM or length > LINE_MAXIMUM:
                self._again.append(line)
                raise csv.Error("too long")
            length += len(line)
            record.append(line)
            yield line

    def _unusable(self, cells: list[str]) -> tuple[str, str] | None:
        """Return what is wrong with a record that is well formed."""
        record = self._record
        if len(record[0]) > FIELD_MAXIMUM or len(record) > 1:
            if sum(map(len, record)) > LINE_MAXIMUM:
                return "row_too_long", f"must have at most {LINE_MAXIMUM:,} characters"
            if any(len(cell) > FIELD_MAXIMUM for cell in cells):
                return "field_too_long", f"no value may have more than {FIELD_MAXIMUM:,} characters"
        return unusable("".join(record), self._lines) if self._lines.suspicious else None

    def _malformed(self, said: str) -> tuple[str, str]:
        """Return what is wrong with a record that the reader of the standard library refused."""
        first = self._record[0]
        if len(self._record) == 1:
            if len(first) > LINE_MAXIMUM:
                return "row_too_long", f"must have at most {LINE_MAXIMUM:,} characters"
            if "field larger" in said:
                return "field_too_long", f"no value may have more than {FIELD_MAXIMUM:,} characters"
            if "\r" in first.rstrip("\r\n"):
                return "lone_cr", "has a carriage return that ends no line: lines end with a line feed"
            if not self._ended:
                return "stray_quote", 'has text after a closing quote: a quote within quotes is written ""'
        return "unclosed_quote", 'has a quote that is not closed: a quote within quotes is written ""'


def unusable(text: str, lines: Lines) -> tuple[str, str] | None:
    """Return what is wrong with the characters of a row, as a code and a reason.

    Args:
        text: The row.
        lines: Where it was read from.
    """
    found = UNUSABLE.search(text)
    if found is None:
        return None
    if found[0] == "\0":
        return "nul", "has a NUL, which no text can: is the file UTF-16? (encoding='utf-16')"
    return "undecodable", (
        f"has a byte that is not {lines.encoding}: pass encoding=... as the file is, "
        "as 'cp1251' for Cyrillic out of older spreadsheets"
    )
