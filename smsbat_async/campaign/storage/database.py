"""Database: one connection, one transaction at a time, and errors that are ours."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from smsbat_async.campaign import schema
from smsbat_async.campaign.storage.failures import judge
from smsbat_async.errors import ConfigurationError, LedgerError, LedgerUnavailableError

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]


class Dialect(Protocol):
    """What SQLite and PostgreSQL do differently."""

    place: str
    """The ledger as people know it; no credentials."""
    errors: tuple[type[Exception], ...]
    """What its driver raises beside SQLAlchemy's errors."""
    reconnects: bool
    """Whether a lost connection may be made anew: a lock must not be lost with it unnoticed."""

    async def inspect(self) -> None:
        """Look at what is there before anything is opened for writing."""

    def engine(self) -> AsyncEngine:
        """Return an engine that makes connections as the ledger needs them."""
        ...

    async def prepare(self, connection: AsyncConnection, now: int) -> None:
        """Make the tables, or bring them to this release's version, and take what lock there is."""

    async def own(self, connection: AsyncConnection, campaign_id: int) -> None:
        """Take a campaign for this connection alone."""

    async def insert(
        self,
        connection: AsyncConnection,
        table: Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        """Insert many rows."""


class Database:
    """One connection to a database, through which one transaction goes at a time.

    Args:
        dialect: What database it is.
        now: What tells the time, in milliseconds since 1970.
    """

    def __init__(self, dialect: Dialect, now: Callable[[], int]) -> None:
        self.dialect = dialect
        self._now = now
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None
        self._owned: set[int] = set()
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Connect, and make the tables or bring them to this release's version.

        Raises:
            LedgerError: If that cannot be; what is there is as it was.
        """
        if self._engine is not None:
            raise ConfigurationError("the ledger is open already: open another one")
        await self.dialect.inspect()
        self._engine = await asyncio.to_thread(self.dialect.engine)  # drivers are slow to import
        opened = False
        try:
            await asyncio.shield(self._started(self._first()))
            opened = True
        finally:
            if not opened:
                await self.close()

    async def close(self) -> None:
        """Let what has begun end, and close the connection."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.shield(self._started(self._closing(engine)))

    async def run(
        self, work: Work[T], *, campaign_id: int | None = None, undo: Callable[[T], Work[Any]] | None = None
    ) -> T:
        """Do some work in one transaction, which ends whatever becomes of the caller.

        Args:
            work: What to do.
            campaign_id: The campaign that it changes, or None if it only reads.
            undo: What is to be done with the result if the caller was cancelled and cannot have it.

        Returns:
            What the work returns, after the commit.

        Raises:
            LedgerError: If it could not be done; nothing of it was then, unless the connection was lost.
        """
        if self._engine is None:
            raise ConfigurationError("the ledger is not open: use it within `async with Ledger.open(...)`")
        doing = self._started(self._transact(work, campaign_id))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            if undo is not None:
                self._started(self._undone(doing, undo, campaign_id))
            raise

    async def _undone(
        self, doing: Awaitable[T], undo: Callable[[T], Work[Any]], campaign_id: int | None
    ) -> None:
        # What goes wrong here is told to nobody: the caller has gone, and recovery sees what is left.
        with contextlib.suppress(LedgerError):
            await self._transact(undo(await doing), campaign_id)

    def _started(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        # A statement that is cancelled half-way leaves a connection that nobody can trust: hence the task.
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _first(self) -> None:
        async with self._turn:
            await self._guarded(self._connect)

    async def _connect(self) -> AsyncConnection:
        if self._engine is None:
            raise LedgerUnavailableError(
                f"the ledger {self.dialect.place} was closed meanwhile: open it again"
            )
        self._owned.clear()
        connection = await self._engine.connect()
        self._connection = connection
        await self.dialect.prepare(connection, self._now())
        return connection

    async def _transact(self, work: Work[T], campaign_id: int | None) -> T:
        async with self._turn:
            return await self._guarded(lambda: self._once(work, campaign_id))

    async def _once(self, work: Work[T], campaign_id: int | None) -> T:
        connection = self._connection or await self._connect()
        if campaign_id is not None and campaign_id not in self._owned:
            async with connection.begin():
                await self.dialect.own(connection, campaign_id)
            self._owned.add(campaign_id)
        async with connection.begin():
            return await work(connection)

    @property
    def _failures(self) -> tuple[type[Exception], ...]:
        # The last two are of drivers that were given what no column can hold.
        return (SQLAlchemyError, OSError, *self.dialect.errors, OverflowError, UnicodeError)

    async def _guarded(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            return await work()
        except self._failures as error:
            failure = judge(error, self.dialect.place)
        connection = self._connection
        if connection is not None and connection.invalidated and self.dialect.reconnects:
            self._connection = None
            await self._quietly(connection.close)
        raise failure

    async def _closing(self, engine: AsyncEngine) -> None:
        while others := self._tasks - {asyncio.current_task()}:
            await asyncio.wait(others)
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._quietly(connection.close)
        await self._quietly(engine.dispose)

    async def _quietly(self, close: Callable[[], Awaitable[None]]) -> None:
        # What is broken need not close well, and what went wrong was told when it did.
        try:
            await close()
        except self._failures:
            return


async def renew(connection: AsyncConnection, now: int) -> None:
    """Make the tables where there are none, or take them to this release's version, a step at a time.

    Raises:
        LedgerFormatError: If a newer release wrote them.
    """
    async with connection.begin():
        found = await connection.run_sync(schema.version)
        if found is None:
            await connection.run_sync(schema.create, now)
            return
    more = True
    while more:
        async with connection.begin():
            more = await connection.run_sync(schema.migrate)
