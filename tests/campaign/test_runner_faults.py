"""Campaigns whose ledger cannot be written: nothing unrecorded goes out, and they go on when it can be."""

import asyncio
import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async import LedgerError, LedgerFullError, LedgerUnavailableError, RetryPolicy, SendResult
from smsbat_async.campaign import CampaignRecord, CampaignState, Chunk, Ledger, State
from tests.campaign.campaigns import Vendor, campaign_of, client_of, file_of, in_states
from tests.campaign.ledgers import Clock
from tests.campaign.test_ledger_faults import check_is_ours, unwritable_log
from tests.support.items import await_the_cancelled

BY_FIFTY = {"chunk_size": 50, "track_for": 0}
PLENTY = 1_000_000

PATIENT: dict[str, Any] = {"timeout": None, "total_timeout": None}
"""In virtual time whatever a thread does takes ages."""


async def let_grow(ledger: Ledger, pages: int) -> None:
    """Let a ledger's file grow to so many pages, and not beyond; what is there stays."""

    async def say(connection: AsyncConnection) -> None:
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    await ledger.read(say)


class Waiting(Vendor):
    """A vendor who keeps one send waiting.

    Args:
        at: The how manieth.

    Attributes:
        met: Is set when it has come.
        go: Lets it be answered.
    """

    def __init__(self, at: int) -> None:
        super().__init__(wait=self._wait)
        self._at = at
        self.met = asyncio.Event()
        self.go = asyncio.Event()

    async def _wait(self) -> None:
        if len(self.sends) == self._at:
            self.met.set()
            await self.go.wait()


class Watched(Ledger):
    """A ledger that tells when it could not record something."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.failed = asyncio.Event()

    async def record(
        self, chunk: Chunk, results: Iterable[SendResult], *, due_at: dt.datetime | None = None
    ) -> int:
        try:
            return await super().record(chunk, results, due_at=due_at)
        except LedgerError:
            self.failed.set()
            raise


class Wordy(Ledger):
    """A ledger whose claims take more room than there is in the pages that it has."""

    async def claim(self, campaign: CampaignRecord, *, owner: str) -> Chunk | None:
        return await super().claim(campaign, owner=f"{owner}{'x' * 10_000}")


class Torn(Ledger):
    """A ledger whose claims await, from the second on, what somebody else cancels."""

    claims = 0

    async def claim(self, campaign: CampaignRecord, *, owner: str) -> Chunk | None:
        self.claims += 1
        if self.claims > 1:
            await await_the_cancelled()
        return await super().claim(campaign, owner=owner)


async def test_a_run_in_which_something_else_was_cancelled_fails_and_goes_on_when_run_again(
    tmp_path: Path,
) -> None:
    path, file, vendor = tmp_path / "campaigns.db", file_of(tmp_path, 150), Vendor()
    async with Torn.open(path) as ledger, client_of(vendor) as client:
        with pytest.raises(RuntimeError, match="the run: something that was awaited there was cancelled"):
            await campaign_of(ledger, file, set=BY_FIFTY).run(client)
        assert (await ledger.campaign("spring")).state is CampaignState.RUNNING
        assert await in_states(ledger) == {State.ACCEPTED: 50, State.PENDING: 100}
    async with Ledger.open(path) as ledger, client_of(vendor) as client:
        await campaign_of(ledger, file, set=BY_FIFTY).run(client)
        assert await in_states(ledger) == {State.ACCEPTED: 150}
    assert set(vendor.got.values()) == {1}


class TestNoRoom:
    async def test_row_52_where_no_intent_can_be_written_nothing_leaves(self, tmp_path: Path) -> None:
        path, file, vendor = tmp_path / "campaigns.db", file_of(tmp_path, 150), Vendor()
        async with Ledger.open(path) as ledger:
            await campaign_of(ledger, file, set=BY_FIFTY).prepare()
        async with Wordy.open(path, max_bytes=1) as ledger, client_of(vendor) as client:
            with pytest.raises(LedgerFullError) as caught:
                await campaign_of(ledger, file, set=BY_FIFTY).run(client)
            check_is_ours(caught.value, "no room to write", "free some, then resume")
            assert (await ledger.campaign("spring")).state is CampaignState.RUNNING
            assert await in_states(ledger) == {State.PENDING: 150}
        assert vendor.sends == []
        async with Ledger.open(path) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, file, set=BY_FIFTY).run(client)
            assert await in_states(ledger) == {State.ACCEPTED: 150}
        assert set(vendor.got.values()) == {1}

    @pytest.mark.looptime
    async def test_row_53_what_came_of_messages_and_cannot_be_written_is_unknown_later(
        self, tmp_path: Path
    ) -> None:
        path, file, vendor = tmp_path / "campaigns.db", file_of(tmp_path, 500), Waiting(3)
        async with Ledger.open(path) as ledger, client_of(vendor, **PATIENT) as client:
            running = asyncio.create_task(campaign_of(ledger, file, set=BY_FIFTY).run(client))
            await vendor.met.wait()
            await let_grow(ledger, 1)
            vendor.go.set()
            with pytest.raises(LedgerFullError):
                await running
            states, left = await in_states(ledger), len(vendor.got)
        assert 150 <= left < 500
        assert states[State.PENDING] == 500 - left
        doubtful = states[State.SUBMITTING]
        assert 0 < doubtful <= 100
        async with Ledger.open(path) as ledger, client_of(vendor, **PATIENT) as client:
            await campaign_of(ledger, file, set=BY_FIFTY).run(client)
            assert await in_states(ledger) == {State.ACCEPTED: 500 - doubtful, State.UNKNOWN: doubtful}
        assert set(vendor.got.values()) == {1}

    @pytest.mark.looptime
    async def test_row_53_what_came_of_messages_is_written_once_there_is_room(self, tmp_path: Path) -> None:
        path, file, vendor = tmp_path / "campaigns.db", file_of(tmp_path, 500), Waiting(3)
        async with Watched.open(path) as ledger, client_of(vendor, **PATIENT) as client:
            running = asyncio.create_task(campaign_of(ledger, file, set=BY_FIFTY).run(client))
            await vendor.met.wait()
            await let_grow(ledger, 1)
            vendor.go.set()
            await ledger.failed.wait()
            left = len(vendor.got)
            await let_grow(ledger, PLENTY)
            with pytest.raises(LedgerFullError):
                await running
            assert len(vendor.got) <= left + 50  # one more may have had its claim on disk
            left = len(vendor.got)
            assert await in_states(ledger) == {State.ACCEPTED: left, State.PENDING: 500 - left}
            await campaign_of(ledger, file, set=BY_FIFTY).run(client)
            assert await in_states(ledger) == {State.ACCEPTED: 500}
        assert set(vendor.got.values()) == {1}


class TestOutage:
    @pytest.mark.looptime
    async def test_row_70_what_could_not_be_asked_after_is_asked_again_and_not_given_up(
        self, tmp_path: Path
    ) -> None:
        file, clock, vendor = file_of(tmp_path, 100), Clock(), Vendor(word=lambda _: 503)
        once: dict[str, Any] = {**PATIENT, "retry": RetryPolicy(attempts=1)}
        async with Ledger.open(tmp_path / "campaigns.db", clock=clock) as ledger:
            async with client_of(vendor, **once) as client:
                await campaign_of(ledger, file, set={"track_for": 0}).run(client)
                clock.later(100_000)
                campaign = campaign_of(ledger, file, set={"track_for": 60.0, "patience": 1e9})
                running = asyncio.create_task(campaign.run(client))
                while not running.done():
                    await asyncio.sleep(0.1)
                    clock.later(1)
                    if vendor.asked.total() >= 200:
                        vendor.word = lambda _: "delivered"
                await running
            assert await in_states(ledger) == {State.DELIVERED: 100}

    @pytest.mark.looptime
    async def test_row_70_what_can_never_be_asked_after_is_given_up_in_the_end(self, tmp_path: Path) -> None:
        file, clock, vendor = file_of(tmp_path, 100), Clock(), Vendor(word=lambda _: 503)
        once: dict[str, Any] = {**PATIENT, "retry": RetryPolicy(attempts=1)}
        async with Ledger.open(tmp_path / "campaigns.db", clock=clock) as ledger:
            async with client_of(vendor, **once) as client:
                await campaign_of(ledger, file, set={"track_for": 0}).run(client)
                clock.later(100_000)
                await campaign_of(ledger, file, set={"track_for": 60.0, "patience": 0.0}).run(client)
            assert await in_states(ledger) == {State.TIMED_OUT: 100}


class TestInputOutput:
    @pytest.mark.looptime
    @pytest.mark.parametrize("at", [1, 2, 5], ids=str)
    async def test_row_52_a_disk_that_fails_lets_nothing_unrecorded_out(
        self, at: int, tmp_path: Path
    ) -> None:
        path, file, vendor = tmp_path / "campaigns.db", file_of(tmp_path, 500), Waiting(at)
        async with Ledger.open(path) as ledger, client_of(vendor, **PATIENT) as client:
            running = asyncio.create_task(campaign_of(ledger, file, set=BY_FIFTY).run(client))
            await vendor.met.wait()
            with unwritable_log(path):
                left = len(vendor.sends)
                vendor.go.set()
                with pytest.raises(LedgerUnavailableError):
                    await running
            assert len(vendor.sends) <= left + 1  # one more may have had its claim on disk
            states = await in_states(ledger)
        doubtful = states[State.SUBMITTING]
        assert states[State.PENDING] == 500 - len(vendor.got)
        async with Ledger.open(path) as ledger, client_of(vendor, **PATIENT) as client:
            await campaign_of(ledger, file, set=BY_FIFTY).run(client)
            assert await in_states(ledger) == {State.ACCEPTED: 500 - doubtful, State.UNKNOWN: doubtful}
        assert set(vendor.got.values()) == {1}
