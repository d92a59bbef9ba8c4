"""Seen: what has been met before, in a file of any length."""

import hashlib
import os
import sqlite3
from typing import Final

from smsbat_async.errors import SourceError

CACHE: Final = 32 * 1024
"""How much of the temporary files is kept in memory, in KiB; about a million phones."""

KEY_BYTES: Final = 8

QUERIES: Final = {
    table: (f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", f"SELECT line FROM {table} WHERE seen = ?")  # noqa: S608
    for table in ("phone", "id")
}
"""How a key is added to a table, and how it is found there."""


class Seen:
    """Tells whether a phone or an id was met before, and where.

    What was met lies in a temporary file that has no name and is gone with the process, so that memory does
    not grow. Phones are kept as they are; of ids a keyed hash of 64 bits, with which two different ones among
    a hundred million are taken for one less often than once in a thousand files.

    To be used by one thread.
    """

    def __init__(self) -> None:
        self._key = os.urandom(16)
        # An empty name is a temporary file, made only when memory is not enough.
        self._files = sqlite3.connect("", isolation_level=None)
        self._files.execute(f"PRAGMA cache_size = -{CACHE}")
        self._files.execute("PRAGMA journal_mode = OFF")
        self._files.execute("PRAGMA synchronous = OFF")
        self._files.execute("CREATE TABLE phone (seen INTEGER PRIMARY KEY, line INTEGER NOT NULL)")
        self._files.execute("CREATE TABLE id (seen INTEGER PRIMARY KEY, line INTEGER NOT NULL)")
        self._files.execute("BEGIN")

    def close(self) -> None:
        """Forget everything."""
        self._files.close()

    def phone(self, phone: str, line: int) -> int | None:
        """Return the line on which a phone was met before; None if it was not, and it is remembered.

        Args:
            phone: The number in E.164 form.
            line: Where it is met now.

        Raises:
            SourceError: If there is no room for the temporary file.
        """
        return self._first("phone", int(phone), line)

    def id(self, tracking_id: str, line: int) -> int | None:
        """Return the line on which an id was met before; None if it was not, and it is remembered.

        Args:
            tracking_id: The id.
            line: Where it is met now.

        Raises:
            SourceError: If there is no room for the temporary file.
        """
        data = tracking_id.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(data, digest_size=KEY_BYTES, key=self._key).digest()
        return self._first("id", int.from_bytes(digest, "big", signed=True), line)

    def _first(self, table: str, seen: int, line: int) -> int | None:
        add, find = QUERIES[table]
        try:
            if self._files.execute(add, (seen, line)).rowcount:
                return None
            first = self._files.execute(find, (seen,)).fetchone()
            return int(first[0])
        except sqlite3.Error as met:
            said = f"{type(met).__name__}: {met}"
        raise SourceError(
            f"the temporary file in which repeated phones are found cannot be written ({said}): make room, "
            "or point SQLITE_TMPDIR at a disk that has some"
        )
