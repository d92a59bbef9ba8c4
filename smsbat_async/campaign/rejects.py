"""Rejects: the bad rows, as a file that a spreadsheet opens."""

import contextlib
import csv
import os
from pathlib import Path
from typing import TextIO

from smsbat_async.campaign.rows import BadRow
from smsbat_async.errors import SourceError

FORMULA = frozenset("=+-@\t\r")
"""With which characters a cell begins that a spreadsheet would work out; follows OWASP, "CSV Injection"."""


class Rejects:
    """A CSV file of bad rows: line, field, code, reason.

    It gets its name when it is whole, so that a file under that name never holds half of the rows. To be
    used by one thread.

    Args:
        path: Its path; a file that is there is replaced.

    Raises:
        SourceError: If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = Path(f"{path}.part")
        self._file: TextIO = self._opened()
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._write(["line", "field", "code", "reason"])

    def add(self, row: BadRow) -> None:
        """Write a bad row.

        Args:
            row: The row.

        Raises:
            SourceError: If it cannot be written.
        """
        self._write([str(row.line), safe_cell(row.field or ""), row.code, safe_cell(row.reason)])

    def keep(self) -> None:
        """Give the file its name.

        Raises:
            SourceError: If that cannot be done.
        """
        try:
            self._file.close()
            self._part.replace(self._path)
        except OSError as met:
            said = met.strerror
        else:
            return
        raise SourceError(f"{self._path} cannot be written: {said}")

    def close(self) -> None:
        """Throw away what has no name yet."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._part.unlink()

    def _opened(self) -> TextIO:
        try:
            # The mark tells spreadsheets that it is UTF-8; what is no text at all is written as its number.
            return self._part.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")
        except OSError as met:
            said = met.strerror
        except ValueError as met:  # a NUL in the path
            said = str(met)
        raise SourceError(f"{self._path} cannot be written: {said}")

    def _write(self, cells: list[str]) -> None:
        try:
            self._writer.writerow(cells)
        except OSError as met:
            said = met.strerror
        else:
            return
        raise SourceError(f"{self._path} cannot be written: {said}")


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    Args:
        text: The text.
    """
    return f"'{text}" if text and text[0] in FORMULA else text


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Return whether two paths lead to one file."""
    first, second = Path(one), Path(other)
    return first.exists() and second.exists() and first.samefile(second)
