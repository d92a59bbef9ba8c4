"""What a database's errors mean to those who keep a ledger in it."""

import re
import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError

from smsbat_async.errors import (
    LedgerCorruptError,
    LedgerError,
    LedgerFormatError,
    LedgerFullError,
    LedgerLockedError,
    LedgerUnavailableError,
)

PRIMARY = 0xFF
"""What is left of SQLite's extended result codes is the primary one."""

KEPT = "what was recorded before is safe, and this change was not made"

LOCKED = "is in use by another process, or opened twice by this one: wait until it is closed, or use another"
FULL = f"has no room to write: free some, then resume; {KEPT}"
UNREADABLE = f"cannot be read or written: see to the disk and the permissions, then resume; {KEPT}"
DAMAGED = "is damaged: make a copy of it, and go on with a backup or with what `.recover` saves of the copy"
FOREIGN = "is no ledger: give the name of a ledger, or of a file that does not exist yet"
LOST = "lost its connection: see to the server, then resume; whether the last change was made is not known"
REFUSED = "cannot be reached or refuses the login: see to the server, its address and the credentials"

SQLITE: dict[int, tuple[type[LedgerError], str]] = {
    sqlite3.SQLITE_BUSY: (LedgerLockedError, LOCKED),
    sqlite3.SQLITE_LOCKED: (LedgerLockedError, LOCKED),
    sqlite3.SQLITE_FULL: (LedgerFullError, FULL),
    sqlite3.SQLITE_IOERR: (LedgerUnavailableError, UNREADABLE),
    sqlite3.SQLITE_READONLY: (LedgerUnavailableError, UNREADABLE),
    sqlite3.SQLITE_CANTOPEN: (LedgerUnavailableError, UNREADABLE),
    sqlite3.SQLITE_PERM: (LedgerUnavailableError, UNREADABLE),
    sqlite3.SQLITE_CORRUPT: (LedgerCorruptError, DAMAGED),
    sqlite3.SQLITE_NOTADB: (LedgerFormatError, FOREIGN),
}

POSTGRES: dict[str, tuple[type[LedgerError], str]] = {
    "08": (LedgerUnavailableError, LOST),
    "28": (LedgerUnavailableError, REFUSED),
    "3D": (LedgerUnavailableError, REFUSED),
    "53": (LedgerFullError, FULL),
    "57": (LedgerUnavailableError, LOST),
    "58": (LedgerUnavailableError, UNREADABLE),
    "25": (LedgerUnavailableError, UNREADABLE),
    "XX": (LedgerCorruptError, DAMAGED),
}
"""By the class of the SQLSTATE."""

SQLSTATE = re.compile(r"[0-9A-Z]{5}")


def judge(error: BaseException, place: str) -> LedgerError:
    """Return what an error of a database or its driver means; it quotes nothing of the data.

    Args:
        error: The error.
        place: The ledger, as people know it.
    """
    cause: Any = error
    if isinstance(error, DBAPIError):
        cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0)
        kind, says = SQLITE.get(code & PRIMARY, (LedgerError, f"refused a statement; {KEPT}"))
        return kind(f"the ledger {place} {says} ({getattr(cause, 'sqlite_errorname', type(cause).__name__)})")
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str) and SQLSTATE.fullmatch(state):
        kind, says = POSTGRES.get(state[:2], (LedgerError, f"refused a statement; {KEPT}"))
        return kind(f"the ledger {place} {says} (SQLSTATE {state})")
    if isinstance(cause, OSError):
        return LedgerUnavailableError(f"the ledger {place} {REFUSED} ({_named(cause)})")
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return LedgerUnavailableError(f"the ledger {place} {LOST} ({_named(cause)})")
    return LedgerError(f"the ledger {place} failed; {KEPT} ({_named(cause)})")


def _named(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return type(error).__name__ + (f", errno {number}" if isinstance(number, int) else "")
