"""The ledger when things break: killed processes, full disks, damaged files, second users, lost servers."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from smsbat_async import (
    BadRequestError,
    ConfigurationError,
    LedgerCorruptError,
    LedgerError,
    LedgerFormatError,
    LedgerFullError,
    LedgerLockedError,
    LedgerUnavailableError,
    Outcome,
    SendOutcome,
    SendResult,
)
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, CampaignState, End, News, State
from tests.campaign.ledgers import (
    PHONE,
    TEXT,
    begun,
    came_to,
    claimed,
    files_of,
    filled,
    new,
    news_of,
    states,
    taken,
)

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def child(what: str, where: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A process at work on a ledger; it is killed in the end, and nothing softer."""
    command = [sys.executable, "-m", "tests.campaign.ledger_child", what, str(where)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def check_is_ours(error: LedgerError, *says: str) -> None:
    """Check that an error says what to do, and carries neither a library's error nor a recipient's data."""
    assert error.__cause__ is None
    assert error.__context__ is None
    for words in says:
        assert words in str(error)
    for secret in (PHONE, TEXT, "UPDATE", "INSERT", "SELECT", "sqlalche.me"):
        assert secret not in str(error)


def descriptor_of(path: str) -> int:
    """Return the descriptor of this process that a file is open under."""
    [number] = [one.name for one in Path("/proc/self/fd").iterdir() if _target(one) == path]
    return int(number)


def _target(descriptor: Path) -> str | None:
    try:
        return str(descriptor.readlink())
    except OSError:
        return None


@contextmanager
def unwritable_log(path: Path) -> Iterator[None]:
    """Let every write to a ledger fail with an I/O error, as a disk does that goes bad."""
    log = f"{path.resolve()}-wal"
    descriptor = descriptor_of(log)
    kept, read_only = os.dup(descriptor), os.open(log, os.O_RDONLY)
    os.dup2(read_only, descriptor)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(read_only)


class TestKilled:
    async def test_row_50_between_claim_and_record_leaves_unknown_messages(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            await filled(ledger, 12)
        with child("claim", where) as process:
            assert line_of(process) == "ready"
        async with Ledger.open(where) as ledger:
            campaign = await until_free(ledger)
            assert await states(ledger, campaign) == {State.ACCEPTED: 4, State.UNKNOWN: 4, State.PENDING: 4}
            assert [one.line for one in await ledger.unknown(campaign)] == [5, 6, 7, 8]

    async def test_row_50_in_the_middle_of_an_import_loses_no_line_and_doubles_none(self, where: str) -> None:
        with child("import", where) as process:
            told = int([line_of(process) for _ in range(4)][-1])
        async with Ledger.open(where) as ledger:
            campaign = await until_free(ledger)
            read = campaign.imported_line
            assert read >= told == 40
            campaign = await ledger.add(campaign, news_of(range(read + 1, 101)) if read < 100 else [])
            campaign = await ledger.seal(campaign)
            lines = []
            while (chunk := await ledger.claim(campaign, owner="test")) is not None:
                lines += [one.line for one in chunk.messages]
            assert lines == list(range(1, max(read, 100) + 1))
            await ledger.verify(campaign)

    async def test_row_51_every_commit_waits_for_the_disk(self, path: Path, postgres: str) -> None:
        async with Ledger.open(path) as ledger:
            assert await asked(ledger, "PRAGMA synchronous") == 2
            assert await asked(ledger, "PRAGMA journal_mode") == "wal"
        async with Ledger.open(postgres) as ledger:
            assert await asked(ledger, "SHOW synchronous_commit") == "on"


async def asked(ledger: Ledger, question: str) -> Any:
    async def ask(connection: Any) -> Any:
        return (await connection.exec_driver_sql(question)).scalar_one()

    return await ledger.read(ask)


async def until_free(ledger: Ledger) -> CampaignRecord:
    """Recover the campaign: PostgreSQL takes a moment to see that a process is dead."""
    campaign = await begun(ledger)
    for _ in range(500):
        try:
            await ledger.recover(campaign)
        except LedgerLockedError:
            await asyncio.sleep(0.01)
        else:
            break
    return await begun(ledger)


class TestFull:
    async def test_row_52_at_import_keeps_what_was_there(self, path: Path) -> None:
        async with Ledger.open(path, max_bytes=200_000) as ledger:
            campaign = await begun(ledger, chunk_size=100)
            with pytest.raises(LedgerFullError) as caught:
                for start in range(0, 10_000, 100):
                    await ledger.add(campaign, news_of(range(start + 1, start + 101)))
            check_is_ours(caught.value, str(path), "no room", "free some, then resume", "SQLITE_FULL")
            campaign = await begun(ledger)
            assert campaign.imported_line == campaign.size > 0
            assert await states(ledger, campaign) == {State.PENDING: campaign.size}
        async with Ledger.open(path) as ledger:
            await ledger.add(campaign, news_of([campaign.imported_line + 1]))

    async def test_row_52_at_intent_claims_nothing(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 4)
        async with Ledger.open(path, max_bytes=1) as ledger:
            with pytest.raises(LedgerFullError) as caught:
                await ledger.claim(campaign, owner="x" * 10_000)
            check_is_ours(caught.value, "no room")
            assert await states(ledger, campaign) == {State.PENDING: 4}
            assert (await claimed(ledger, campaign)).attempt == 1

    async def test_row_52_files_that_may_not_grow_stop_the_sending(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 2_000, chunk_size=10)
        with child("starve", path) as process:
            assert line_of(process) == "LedgerUnavailableError None"
            sent = int(line_of(process))
        assert 0 < sent < 2_000
        async with Ledger.open(path) as ledger:
            await ledger.recover(campaign)
            found = await states(ledger, campaign)
            assert found[State.ACCEPTED] + found.get(State.UNKNOWN, 0) == sent
            assert found[State.PENDING] == 2_000 - sent


class TestInputOutput:
    async def test_row_52_an_error_at_intent_claims_nothing(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 4)
            with unwritable_log(path):
                for _ in range(2):
                    with pytest.raises(LedgerUnavailableError) as caught:
                        await ledger.claim(campaign, owner="test")
            check_is_ours(caught.value, str(path), "see to the disk and the permissions", "SQLITE_IOERR")
            assert await states(ledger, campaign) == {State.PENDING: 4}
            assert (await claimed(ledger, campaign)).attempt == 1

    async def test_row_53_an_error_at_the_outcome_can_be_made_good(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 8)
            chunk, other = await claimed(ledger, campaign), await claimed(ledger, campaign)
            with unwritable_log(path):
                with pytest.raises(LedgerUnavailableError) as caught:
                    await ledger.record(chunk, taken(chunk))
                check_is_ours(caught.value)
                with pytest.raises(LedgerUnavailableError):
                    await ledger.record(other, came_to(other, SendOutcome.REJECTED))
            assert await states(ledger, campaign) == {State.SUBMITTING: 8}
            assert await ledger.record(chunk, taken(chunk)) == 4
        async with Ledger.open(path) as ledger:
            assert await ledger.recover(campaign) == 4
            assert await states(ledger, campaign) == {State.ACCEPTED: 4, State.UNKNOWN: 4}

    async def test_row_52_a_folder_that_is_not_there_is_said_to_be_unreadable(self, tmp_path: Path) -> None:
        with pytest.raises(LedgerUnavailableError) as caught:
            async with Ledger.open(tmp_path / "nowhere" / "campaigns.db"):
                pass
        check_is_ours(caught.value, "nowhere", "cannot be read or written")

    async def test_row_52_a_folder_is_no_ledger(self, tmp_path: Path) -> None:
        with pytest.raises(LedgerUnavailableError) as caught:
            async with Ledger.open(tmp_path):
                pass
        check_is_ours(caught.value, str(tmp_path))


@asynccontextmanager
async def refused(path: Path, kind: type[LedgerError], *says: str) -> AsyncIterator[None]:
    """Do something to a ledger, then see it refused and left as it is."""
    yield
    before = files_of(path)
    for _ in range(2):
        with pytest.raises(LedgerError) as caught:
            async with Ledger.open(path):
                pass
        assert type(caught.value) is kind
        check_is_ours(caught.value, *says)
        assert {name: data for name, data in files_of(path).items() if data} == before


class TestDamaged:
    async def make(self, path: Path, *, killed: bool) -> None:
        async with Ledger.open(path) as ledger:
            await filled(ledger, 3_000, chunk_size=500)
            if killed:  # what a killed process leaves: the log of its last writes beside the file
                shutil.copy(path, f"{path}.copy")
                shutil.copy(f"{path}-wal", f"{path}.copy-wal")
        if killed:
            Path(f"{path}.copy").replace(path)
            Path(f"{path}.copy-wal").replace(f"{path}-wal")

    @pytest.mark.parametrize("content", [b"id,phone\n1,+380501234567\n", b"\0" * 5_000, b"SQLite format 3\0"])
    async def test_row_54_another_file_is_refused(self, path: Path, content: bytes) -> None:
        async with refused(path, LedgerFormatError, str(path), "is no ledger: give the name of a ledger"):
            path.write_bytes(content)

    async def test_row_54_another_programs_database_is_refused(self, path: Path) -> None:
        async with refused(path, LedgerFormatError, "is no ledger"):
            other = sqlite3.connect(path)
            other.execute("CREATE TABLE meta (version INTEGER)")
            other.execute("INSERT INTO meta VALUES (1)")
            other.commit()
            other.close()

    async def test_row_54_a_damaged_header_is_refused(self, path: Path) -> None:
        async with refused(path, LedgerFormatError, "is no ledger"):
            await self.make(path, killed=False)
            path.write_bytes(b"?" * 16 + path.read_bytes()[16:])

    @pytest.mark.parametrize("killed", [False, True])
    async def test_row_54_a_damaged_page_is_refused(self, path: Path, killed: bool) -> None:
        async with refused(path, LedgerCorruptError, str(path), "is damaged", "make a copy"):
            await self.make(path, killed=False)
            async with Ledger.open(path) as ledger:
                await ledger.begin("another", fingerprint="y")
            await self.cut(path)
            if killed:
                Path(f"{path}-wal").write_bytes(b"\0" * 32)

    async def cut(self, path: Path) -> None:
        whole = path.read_bytes()
        middle = len(whole) // 2 // 4_096 * 4_096
        path.write_bytes(whole[:middle] + b"\xff" * 4_096 + whole[middle + 4_096 :])

    async def test_row_54_damage_that_comes_later_stops_the_work(self, path: Path) -> None:
        await self.make(path, killed=False)
        async with Ledger.open(path) as ledger:
            campaign = await begun(ledger)
            whole = path.stat().st_size
            with path.open("r+b") as file:
                file.seek(8_192)
                file.write(b"\xff" * (whole - 8_192))
            with pytest.raises(LedgerCorruptError) as caught:
                await ledger.verify(campaign)
            check_is_ours(caught.value, "is damaged")
            with pytest.raises(LedgerCorruptError):
                await ledger.claim(campaign, owner="test")

    @pytest.mark.parametrize("killed", [False, True])
    async def test_row_54_a_newer_version_is_refused(self, path: Path, killed: bool) -> None:
        async with refused(path, LedgerFormatError, "version 99", "use the release that wrote it"):
            await self.make(path, killed=False)
            newer = sqlite3.connect(path)
            newer.execute("UPDATE meta SET version = 99")
            newer.commit()
            if killed:
                for name in (str(path), f"{path}-wal"):
                    shutil.copy(name, f"{name}.copy")
            newer.close()
            if killed:
                for name in (str(path), f"{path}-wal"):
                    Path(f"{name}.copy").replace(name)

    async def test_row_54_a_newer_version_is_refused_in_postgresql(self, postgres: str) -> None:
        async with Ledger.open(postgres) as ledger:
            campaign = await filled(ledger, 4)
        connection = await asyncpg.connect(postgres)
        await connection.execute("UPDATE smsbat.meta SET version = 99")
        with pytest.raises(LedgerFormatError, match="version 99") as caught:
            async with Ledger.open(postgres):
                pass
        check_is_ours(caught.value)
        await connection.execute("UPDATE smsbat.meta SET version = 1")
        await connection.close()
        async with Ledger.open(postgres) as ledger:
            assert await states(ledger, campaign) == {State.PENDING: 4}

    async def test_row_50_what_a_killed_process_wrote_last_is_there(self, path: Path) -> None:
        await self.make(path, killed=True)
        async with Ledger.open(path) as ledger:
            assert await states(ledger, await begun(ledger)) == {State.PENDING: 3_000}


class TestLocked:
    async def test_row_55_a_second_ledger_on_the_file_is_refused_at_once(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 4)
            for _ in range(2):
                with pytest.raises(LedgerLockedError) as caught:
                    async with Ledger.open(path):
                        pass
                check_is_ours(caught.value, str(path), "in use by another process", "wait until it is closed")
            assert (await claimed(ledger, campaign)).attempt == 1
        async with Ledger.open(path) as ledger:
            assert await states(ledger, campaign) == {State.SUBMITTING: 4}

    async def test_row_55_a_new_ledger_is_locked_from_the_start(self, path: Path) -> None:
        async with Ledger.open(path):
            with pytest.raises(LedgerLockedError):
                async with Ledger.open(path):
                    pass

    async def test_row_55_a_second_process_is_refused_at_once(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            await begun(ledger)
            with child("hold", path) as process:
                assert line_of(process) == "LedgerLockedError"
        with child("hold", path) as process:
            assert line_of(process) == "ready"
            with pytest.raises(LedgerLockedError):
                async with Ledger.open(path):
                    pass

    async def test_row_55_a_second_process_may_read_a_campaign_in_postgresql_and_not_send_it(
        self, postgres: str
    ) -> None:
        async with Ledger.open(postgres) as ledger:
            campaign, other = await filled(ledger, 4), await filled(ledger, 4, "other")
        with child("hold", postgres) as process:
            assert line_of(process) == "ready"
            async with Ledger.open(postgres) as ledger:
                with pytest.raises(LedgerLockedError) as caught:
                    await ledger.claim(campaign, owner="test")
                check_is_ours(caught.value, "another process is at work on campaign", "wait until it ends")
                with pytest.raises(LedgerLockedError):
                    await ledger.recover(campaign)
                assert await states(ledger, campaign) == {State.PENDING: 4}
                assert (await claimed(ledger, other)).attempt == 1


class TestLostConnections:
    async def test_row_53_one_that_is_cut_in_a_transaction_changes_nothing_and_is_made_anew(
        self, postgres: str
    ) -> None:
        other = await asyncpg.connect(postgres)
        async with Ledger.open(postgres) as ledger:
            campaign = await filled(ledger, 8)
            chunk = await claimed(ledger, campaign)
            async with other.transaction():
                await other.execute("SELECT * FROM smsbat.chunk FOR UPDATE")
                recording = asyncio.create_task(ledger.record(chunk, taken(chunk)))
                await cut_who_waits(other, recording)
                with pytest.raises(LedgerUnavailableError) as caught:
                    await recording
            check_is_ours(caught.value, "lost its connection: see to the server, then resume")
            assert await states(ledger, campaign) == {State.SUBMITTING: 4, State.PENDING: 4}
            assert await ledger.record(chunk, taken(chunk)) == 4
        await other.close()

    async def test_row_53_one_that_is_cut_in_an_import_leaves_whole_batches(self, postgres: str) -> None:
        other = await asyncpg.connect(postgres)
        async with Ledger.open(postgres) as ledger:
            campaign = await ledger.add(await begun(ledger), news_of(range(1, 9)))
            async with other.transaction():
                await other.execute("LOCK TABLE smsbat.message IN EXCLUSIVE MODE")
                adding = asyncio.create_task(ledger.add(campaign, news_of(range(9, 20))))
                await cut_who_waits(other, adding)
                with pytest.raises(LedgerUnavailableError) as caught:
                    await adding
            check_is_ours(caught.value, "lost its connection")
            campaign = await begun(ledger)
            assert (campaign.imported_line, campaign.size) == (8, 8)
            campaign = await ledger.add(campaign, news_of(range(9, 20)))
            assert await states(ledger, campaign) == {State.PENDING: 19}
        await other.close()

    async def test_row_52_one_that_is_cut_before_a_claim_claims_nothing(self, postgres: str) -> None:
        other = await asyncpg.connect(postgres)
        async with Ledger.open(postgres) as ledger:
            campaign = await filled(ledger, 4)
            await cut_all(other)
            with pytest.raises(LedgerUnavailableError) as caught:
                await ledger.claim(campaign, owner="test")
            check_is_ours(caught.value)
            assert await states(ledger, campaign) == {State.PENDING: 4}
            assert (await claimed(ledger, campaign)).attempt == 1
        await other.close()

    async def test_row_55_one_that_is_made_anew_does_not_take_a_campaign_from_who_has_it(
        self, postgres: str
    ) -> None:
        other = await asyncpg.connect(postgres)
        async with Ledger.open(postgres) as ledger, Ledger.open(postgres) as second:
            campaign = await filled(ledger, 8)
            chunk = await claimed(ledger, campaign)
            await cut_all(other)
            for one in (ledger, second):
                with pytest.raises(LedgerUnavailableError):
                    await one.campaigns()
            assert await second.recover(campaign) == 4
            with pytest.raises(LedgerLockedError):
                await ledger.claim(campaign, owner="test")
            with pytest.raises(LedgerLockedError):
                await ledger.record(chunk, taken(chunk))
            assert await states(second, campaign) == {State.UNKNOWN: 4, State.PENDING: 4}
        await other.close()

    async def test_to_a_server_that_is_not_there_says_so(self) -> None:
        with pytest.raises(LedgerUnavailableError) as caught:
            async with Ledger.open("postgresql://me:hidden-word@127.0.0.1:9/sms"):
                pass
        check_is_ours(caught.value, "127.0.0.1:9/sms", "see to the server, its address and the credentials")
        assert "hidden" not in str(caught.value)

    async def test_to_a_database_that_is_not_there_says_so(self, server: Any) -> None:
        with pytest.raises(LedgerUnavailableError) as caught:
            async with Ledger.open(server.get_uri(database="nothing_of_that_name")):
                pass
        check_is_ours(caught.value, "nothing_of_that_name", "cannot be reached or refuses the login")


async def cut_who_waits(connection: Any, task: asyncio.Task[Any]) -> None:
    """Cut the connection of a ledger that waits for a lock, as soon as it does."""
    cut = 0
    while not cut and not task.done():
        cut = await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'smsbat_async' AND wait_event_type = 'Lock'"
        )


async def cut_all(connection: Any) -> None:
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smsbat_async'"
    )


class TestErrors:
    async def test_of_a_statement_quote_nothing_of_its_data(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await begun(ledger)
            with pytest.raises(LedgerError, match="this change was not made") as caught:
                await ledger.add(campaign, [new(1, text=TEXT), new(2**70, text=TEXT)])
            check_is_ours(caught.value)
            assert await states(ledger, campaign) == {}

    async def test_of_the_vendor_are_kept_whatever_is_in_them(self, where: str) -> None:
        strange = "\0 \ud800 \n" + "x" * 1_000
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            error = BadRequestError(status_code=400, code=strange, message=strange)
            one, two, three, four = (message.message for message in chunk.messages)
            results = [
                SendResult(one, SendOutcome.REJECTED, error=error),
                SendResult(two, SendOutcome.ACCEPTED, strange),
                SendResult(three, SendOutcome.ACCEPTED, "vendor-3"),
                SendResult(four, SendOutcome.ACCEPTED, "vendor-4"),
            ]
            assert await ledger.record(chunk, results) == 4
            last = End(chunk.messages[2].id, Outcome.UNDELIVERABLE, None, strange, strange, strange)
            assert await ledger.record_ends(campaign, [last]) == 1
            news = News(vendor_id="vendor-4", tracking_id=strange, outcome=Outcome.DELIVERED, channel=strange)
            await ledger.add_news([news])
            assert await ledger.merge_news(campaign) == 1
            await ledger.set_state(campaign, CampaignState.STOPPED, reason=strange)
            assert await states(ledger, campaign) == {
                State.REJECTED: 1,
                State.ACCEPTED: 1,
                State.UNDELIVERABLE: 1,
                State.DELIVERED: 1,
            }

    async def test_of_a_text_that_no_database_keeps_name_its_line(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await begun(ledger)
            with pytest.raises(ConfigurationError, match="line 2 has a NUL in it"):
                await ledger.add(campaign, [new(1), new(2, text="a\0b")])
