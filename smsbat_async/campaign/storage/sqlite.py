"""A ledger in a file: SQLite, for one process at a time."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from smsbat_async.campaign import schema
from smsbat_async.campaign.storage.database import renew
from smsbat_async.campaign.storage.failures import DAMAGED, FOREIGN, judge
from smsbat_async.errors import ConfigurationError, LedgerCorruptError, LedgerError, LedgerFormatError

MAGIC = b"SQLite format 3\0"
APPLICATION = 0x534D5342
"""What the header of a file says whose it is: SMSB."""
APPLICATION_AT = 68
HEADER = 100
PAGE = 4_096


class SQLite:
    """A ledger in a file.

    Args:
        path: The file; it need not exist.
        maximum: How large it may become, in bytes, or None for as large as the disk lets it.
    """

    reconnects = False
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path, maximum: int | None) -> None:
        self.path = path
        self.place = str(path)
        self._maximum = maximum

    async def inspect(self) -> None:
        """Look at the file without writing to it or to anything beside it that matters.

        Raises:
            LedgerError: If it is no ledger, of a newer release, damaged, or in use.
        """
        failure = await asyncio.to_thread(self._inspect)
        if failure is not None:
            raise failure

    def _inspect(self) -> LedgerError | None:
        self.path = self.path.absolute()  # the program may change its folder later
        try:
            header = self._header()
            if not header or self._has_hot_journal():
                return None  # SQLite makes or mends it when it is opened for writing
            whose = int.from_bytes(header[APPLICATION_AT : APPLICATION_AT + 4])
            if not header.startswith(MAGIC) or whose != APPLICATION:
                return LedgerFormatError(f"the ledger {self.place} {FOREIGN}; it was left as it was")
            return self._read()
        except (OSError, sqlite3.Error) as error:
            return judge(error, self.place)
        except LedgerError as error:
            return error

    def _header(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(HEADER)
        except FileNotFoundError:
            return b""

    def _has_hot_journal(self) -> bool:
        return Path(f"{self.path}-journal").exists()

    def _read(self) -> LedgerError | None:
        log = Path(f"{self.path}-wal")
        # What is immutable is read without a lock; where there is a log, somebody may be at work.
        mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
        connection = sqlite3.connect(f"{self.path.as_uri()}?{mode}", uri=True, timeout=0)
        try:
            [[said], *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
            if said != "ok":
                return LedgerCorruptError(f"the ledger {self.place} {DAMAGED}; it was left as it was")
            [[found]] = connection.execute("SELECT version FROM meta").fetchall()
            schema.check_version(found)
        finally:
            connection.close()
        return None

    def engine(self) -> AsyncEngine:
        """Return an engine that makes connections as the ledger needs them.

        Raises:
            ConfigurationError: If aiosqlite is not installed.
        """
        url = URL.create("sqlite+aiosqlite", database=str(self.path))
        # Transactions are begun below: by itself the driver would leave the making of tables outside of them.
        settings = {"isolation_level": None, "timeout": 0.0, "cached_statements": 256}
        engine = None
        with contextlib.suppress(ImportError):
            engine = create_async_engine(
                url, connect_args=settings, hide_parameters=True, pool_size=1, max_overflow=0
            )
        if engine is None:
            raise ConfigurationError("a ledger in a file needs aiosqlite: install smsbat-async[campaign]")
        event.listen(engine.sync_engine, "begin", _begin)
        return engine

    async def prepare(self, connection: AsyncConnection, now: int) -> None:
        """Lock the file, make its tables or bring them to this release's version, and set how to write."""
        await self._pragma(connection, "locking_mode=EXCLUSIVE")
        async with connection.begin():
            found = await connection.run_sync(schema.version)
            if found is None:
                # Before there is a log of writes: until the log is copied back, the header would not say it.
                await connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION}")
                await connection.run_sync(schema.create, now)
        await self._pragma(connection, "journal_mode=WAL")
        await self._pragma(connection, "synchronous=FULL")
        if self._maximum is not None:
            await self._pragma(connection, f"max_page_count={max(1, self._maximum // PAGE)}")
        await renew(connection, now)

    async def _pragma(self, connection: AsyncConnection, pragma: str) -> None:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await (await driver.execute(f"PRAGMA {pragma}")).close()

    async def own(self, connection: AsyncConnection, campaign_id: int) -> None:
        """Do nothing: the file is this process's own."""

    async def insert(
        self,
        connection: AsyncConnection,
        table: Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        """Insert many rows."""
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our own names
        await connection.exec_driver_sql(statement, list(rows))


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
