"""A ledger in a PostgreSQL database: for several processes, each with campaigns of its own."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from smsbat_async.campaign.storage.database import renew
from smsbat_async.errors import ConfigurationError, LedgerLockedError

SCHEMA = "smsbat"
"""Where the tables are, apart from those of the application that the database may belong to."""

LOCKS = 0x534D5342
"""The space of advisory locks: SMSB."""
MAKING = 0
"""The lock of those who make or change the tables; campaigns have their own numbers, from 1."""

NAME = "smsbat_async"


class PostgreSQL:
    """A ledger in a PostgreSQL database.

    Args:
        url: Where it is, with the credentials.
    """

    reconnects = True

    def __init__(self, url: URL) -> None:
        self.place = URL.create("postgresql", None, None, url.host, url.port, url.database).render_as_string()
        self._url = url.set(drivername="postgresql+asyncpg")
        self.errors: tuple[type[Exception], ...] = ()

    async def inspect(self) -> None:
        """Do nothing: PostgreSQL looks after its files by itself."""

    def engine(self) -> AsyncEngine:
        """Return an engine that makes connections as the ledger needs them.

        Raises:
            ConfigurationError: If asyncpg is not installed.
        """
        server = {"application_name": NAME, "search_path": SCHEMA, "synchronous_commit": "on"}
        engine = None
        try:
            import asyncpg  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

            self.errors = (asyncpg.PostgresError, asyncpg.InterfaceError)
            engine = create_async_engine(
                self._url,
                connect_args={"server_settings": server},
                hide_parameters=True,
                pool_size=1,
                max_overflow=0,
            )
        except ImportError:
            pass
        if engine is None:
            raise ConfigurationError("a ledger in PostgreSQL needs asyncpg: install smsbat-async[postgres]")
        return engine

    async def prepare(self, connection: AsyncConnection, now: int) -> None:
        """Make the tables or bring them to this release's version, one process after the other."""
        lock, unlock = (sa.func.pg_advisory_lock(LOCKS, MAKING), sa.func.pg_advisory_unlock(LOCKS, MAKING))
        async with connection.begin():
            await connection.execute(sa.select(lock))
        async with connection.begin():
            await connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        await renew(connection, now)
        async with connection.begin():
            await connection.execute(sa.select(unlock))

    async def own(self, connection: AsyncConnection, campaign_id: int) -> None:
        """Take a campaign for this connection alone, for as long as it lasts.

        Raises:
            LedgerLockedError: If another process has it.
        """
        lock = sa.func.pg_try_advisory_lock(LOCKS, sa.cast(campaign_id, sa.Integer))
        if not await connection.scalar(sa.select(lock)):
            raise LedgerLockedError(
                f"another process is at work on campaign {campaign_id} of the ledger {self.place}: "
                "wait until it ends"
            )

    async def insert(
        self,
        connection: AsyncConnection,
        table: Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        """Insert many rows with COPY."""
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.copy_records_to_table(table.name, records=rows, columns=columns, schema_name=SCHEMA)
