"""Row and BadRow: what a file of recipients is made of."""

from collections.abc import Iterator
from typing import Protocol

import msgspec


class Fingerprint(msgspec.Struct, frozen=True):
    """What tells whether two files hold the same bytes.

    Args:
        size: How many bytes.
        sha256: Their SHA-256, in hexadecimal digits.
    """

    size: int
    sha256: str


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row as it stands in the file.

    Args:
        line: The number of its first line, as an editor shows it.
        fields: Its values by the names of their columns.
    """

    line: int
    fields: dict[str, str]


class BadRow(msgspec.Struct, frozen=True, gc=False):
    """A row that nothing can be sent to.

    Args:
        line: The number of its first line, as an editor shows it.
        code: What is wrong with it, in one word for programs.
        reason: What is wrong with it and what would be right, for people; it shows no phone and no text.
        field: The column that is wrong; None if it is the row as a whole.
        value_masked: A phone that is wrong, with most of it hidden.
    """

    line: int
    code: str
    reason: str
    field: str | None = None
    value_masked: str | None = None


class Source(Protocol):
    """What recipients are read from."""

    @property
    def name(self) -> str:
        """The name of the file, for people."""
        ...

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names that every row has a value for; None if they are not known, or not yet."""
        ...

    @property
    def rereadable(self) -> bool:
        """Whether it can be read more than once."""
        ...

    def rows(self) -> Iterator[Row | BadRow]:
        """Return its rows, from the first; this blocks, so a thread is to do it.

        Raises:
            SourceError: If it cannot be read, then or while it is read.
        """
        ...

    def fingerprint(self) -> Fingerprint:
        """Return what its bytes are known by; this may read all of them, so a thread is to do it.

        Raises:
            SourceError: If it cannot be read, or cannot be read yet.
        """
        ...
