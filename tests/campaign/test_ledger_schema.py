"""The ledger's tables: what is in files already, and how it becomes what a later release wants."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from smsbat_async import LedgerFormatError
from smsbat_async.campaign import schema
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import State
from tests.campaign.ledgers import filled, states

COLUMNS = {
    "meta": "version created_at",
    "campaign": "id name state reason fingerprint settings common chunk_size imported_line size created_at"
    " sealed_at",
    "chunk": "id campaign_id size attempt owner claimed_at not_before due_at accepted_at asked pending"
    " submitting accepted delivered undeliverable permanent_error not_found timed_out rejected"
    " not_sent unknown",
    "recipient": "id line tracking_id phone text options",
    "message": "id state attempt parts country price vendor_id accepted_at ended_at polls channel cost"
    " error_code error",
    "news": "id vendor_id tracking_id state channel cost at",
    "settlement": "id campaign_id message_id state vendor_id who why at",
}
"""The columns of version 1. A change of them is a migration, and this test changes with it."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """A database of version 1, each of whose transactions is one."""
    engine = sa.create_engine(
        f"sqlite:///{tmp_path / 'some.db'}", connect_args={"isolation_level": None}, poolclass=sa.NullPool
    )
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.begin() as connection:
        schema.create(connection, 0)
    yield engine
    engine.dispose()


def add_column(connection: sa.Connection) -> None:
    connection.execute(sa.text("ALTER TABLE campaign ADD COLUMN note TEXT"))


def fill_column(connection: sa.Connection) -> None:
    connection.execute(sa.text("UPDATE campaign SET note = 'from version 2'"))


def fail(connection: sa.Connection) -> None:
    add_column(connection)
    raise ZeroDivisionError


def columns(engine: sa.Engine, table: str) -> list[str]:
    return [column["name"] for column in sa.inspect(engine).get_columns(table)]


def version(engine: sa.Engine) -> int | None:
    with engine.begin() as connection:
        return schema.version(connection)


class TestTables:
    def test_are_those_of_version_1(self) -> None:
        found = {table.name: " ".join(table.columns.keys()) for table in schema.metadata.sorted_tables}
        assert found == COLUMNS
        assert len(schema.MIGRATIONS) == 0

    def test_write_states_as_numbers_that_never_change(self) -> None:
        written = {state.value: code for state, code in schema.CODES.items()}
        assert written == {
            "pending": 0,
            "submitting": 1,
            "accepted": 2,
            "delivered": 3,
            "undeliverable": 4,
            "permanent_error": 5,
            "not_found": 6,
            "timed_out": 7,
            "rejected": 8,
            "not_sent": 9,
            "unknown": 10,
        }
        assert schema.CODES.keys() == set(State)

    async def test_hold_every_message_in_exactly_one_state(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            await filled(ledger, 4)
        connection = sqlite3.connect(path)
        for change in ("accepted = 1", "pending = 3", "pending = 5, unknown = -1"):
            with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed"):
                connection.execute(f"UPDATE chunk SET {change}")
        connection.execute("UPDATE chunk SET pending = 3, unknown = 1")
        connection.close()

    async def test_keep_an_index_on_nothing_that_is_random_and_written_per_message(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            await filled(ledger, 1)
        indexed = {table.name for table in schema.metadata.sorted_tables if table.indexes}
        assert indexed == {"chunk", "news", "settlement"}


class TestMigrating:
    def test_goes_a_step_at_a_time(self, engine: sa.Engine) -> None:
        with engine.begin() as connection:
            connection.execute(
                schema.campaign.insert().values(
                    name="spring",
                    state="ready",
                    fingerprint="x",
                    settings="{}",
                    chunk_size=1,
                    imported_line=0,
                    size=0,
                    created_at=0,
                )
            )
        steps = [add_column, fill_column]
        for expected, more in ((2, True), (3, True), (3, False)):
            with engine.begin() as connection:
                assert schema.migrate(connection, steps) is more
            assert version(engine) == expected
        with engine.begin() as connection:
            assert connection.execute(sa.text("SELECT note FROM campaign")).scalar_one() == "from version 2"

    def test_that_fails_leaves_the_version_before(self, engine: sa.Engine) -> None:
        with pytest.raises(ZeroDivisionError), engine.begin() as connection:
            schema.migrate(connection, [fail])
        assert version(engine) == 1
        assert "note" not in columns(engine, "campaign")

    @pytest.mark.parametrize("found", [0, -1, 3])
    def test_refuses_a_version_that_it_does_not_know(self, engine: sa.Engine, found: int) -> None:
        with engine.begin() as connection:
            connection.execute(schema.meta.update().values(version=found))
        with (
            pytest.raises(LedgerFormatError, match=f"version {found} and this release knows versions 1 to 2"),
            engine.begin() as connection,
        ):
            schema.migrate(connection, [add_column])
        assert "note" not in columns(engine, "campaign")

    def test_finds_no_version_where_there_is_no_ledger(self) -> None:
        engine = sa.create_engine("sqlite://")
        with engine.connect() as connection:
            assert schema.version(connection) is None
        engine.dispose()

    async def test_is_not_needed_where_two_open_a_new_ledger_at_once(self, postgres: str) -> None:
        ledgers = [Ledger.open(postgres) for _ in range(4)]
        await asyncio.gather(*(ledger.__aenter__() for ledger in ledgers))
        campaign = await filled(ledgers[0], 4)
        for ledger in ledgers:
            assert await states(ledger, campaign) == {State.PENDING: 4}
            await ledger.aclose()
