"""Campaigns that wait: for hours, for a vendor that takes nothing, for its rate."""

import asyncio
import datetime as dt
import time
from pathlib import Path
from typing import Any

import pytest

from smsbat_async import Limits, Rate
from smsbat_async.campaign import (
    Campaign,
    CampaignRecord,
    CampaignState,
    Chunk,
    Ledger,
    Progress,
    SendingHours,
    State,
)
from smsbat_async.campaign.reach import Reach
from smsbat_async.errors import NotSentError
from smsbat_async.pacing import UNTOLD_PAUSE
from tests.campaign.campaigns import Ear, Vendor, campaign_of, client_of, file_of, in_states, taken

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "campaigns.db"


class Clock:
    """A clock on the wall that goes on from some seconds before noon, and can be put forward."""

    def __init__(self, before: float = 0.0) -> None:
        self.ahead = NOON.timestamp() - before - time.time()

    def __call__(self) -> float:
        return time.time() + self.ahead

    @property
    def after_noon(self) -> float:
        return self() - NOON.timestamp()


async def test_nothing_leaves_before_the_hours_begin(tmp_path: Path, where: Path) -> None:
    clock, times = Clock(before=1.0), list[float]()

    async def note() -> None:
        times.append(clock.after_noon)

    hours = SendingHours(start="12:00", end="14:00", zone="UTC")
    async with Ledger.open(where, clock=clock) as ledger, client_of(Vendor(wait=note)) as client:
        summary = await campaign_of(ledger, file_of(tmp_path, 8), set={"hours": hours}).run(client)
    assert summary.counts[State.DELIVERED] == 8
    assert min(times) >= 0


async def test_nothing_leaves_after_the_hours_have_ended(tmp_path: Path, where: Path) -> None:
    clock, ear = Clock(), Ear()
    campaigns: list[Campaign] = []

    async def evening() -> None:
        if len(vendor.sends) == 3:
            clock.ahead += 9 * 3600

    def pause_when_it_waits(event: Any) -> None:
        ear(event)
        if isinstance(event, Progress) and event.waiting:
            campaigns[0].pause()

    vendor = Vendor(wait=evening)
    hours = SendingHours(start="09:00", end="20:00", zone="UTC")
    async with Ledger.open(where, clock=clock) as ledger, client_of(vendor) as client:
        settings = {"hours": hours, "concurrency": 1, "track_for": 0}
        campaigns.append(campaign_of(ledger, file_of(tmp_path, 40), set=settings))
        summary = await campaigns[0].run(client, on_event=pause_when_it_waits)
    assert summary.counts[State.ACCEPTED] == 12
    assert summary.counts[State.PENDING] == 28
    (wait,) = {event.waiting for event in ear.of(Progress) if event.waiting}
    assert wait.startswith("sending hours begin at Tue")


async def test_recipients_are_written_to_by_the_clock_on_their_own_wall(tmp_path: Path, where: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("phone,text\n+380501234567,Ready\n+12125550123,Ready\n+380671234567,Ready\n")
    # At noon UTC it is 14 o'clock in Kyiv, and 7 in New York.
    clock, times = Clock(before=3_600.0), list[float]()

    async def note() -> None:
        times.append(clock.after_noon)
        clock.ahead += 3_600

    vendor = Vendor(wait=note)
    settings = {"hours": SendingHours(start="07:00", end="20:00", zone="recipient"), "track_for": 0}
    async with Ledger.open(where, clock=clock) as ledger, client_of(vendor) as client:
        summary = await campaign_of(ledger, path, set=settings).run(client)
    assert summary.counts[State.ACCEPTED] == 3
    assert vendor.sends == [["spring-2", "spring-4"], ["spring-3"]]
    assert times[0] < 0 <= times[1]


async def test_row_1_what_cannot_reach_the_vendor_is_tried_again_and_then_goes_out(
    tmp_path: Path, where: Path
) -> None:
    down, ear = iter([True]), Ear()

    async def refuse() -> None:
        if next(down, False):
            raise NotSentError("refused", kind="connect")

    vendor = Vendor(wait=refuse)
    async with Ledger.open(where) as ledger, client_of(vendor) as client:
        settings = {"concurrency": 1, "track_for": 0}
        summary = await campaign_of(ledger, file_of(tmp_path, 4), set=settings).run(client, on_event=ear)
    assert summary.counts[State.ACCEPTED] == 4
    assert len(vendor.sends) == 2
    assert any((event.waiting or "").startswith("the vendor takes nothing") for event in ear.of(Progress))


async def test_a_vendor_that_cannot_be_reached_for_long_stops_it_and_nobody_is_given_up(
    tmp_path: Path, where: Path
) -> None:
    async def refuse() -> None:
        raise NotSentError("refused", kind="connect")

    async with Ledger.open(where) as ledger, client_of(Vendor(wait=refuse)) as client:
        settings = {"patience": 0.0, "track_for": 0}
        summary = await campaign_of(ledger, file_of(tmp_path, 40), set=settings).run(client)
        assert await in_states(ledger) == {State.PENDING: 40}
    assert summary.state is CampaignState.STOPPED
    assert "nothing could be sent for 0 s: refused" in (summary.reason or "")


async def test_row_39_during_a_pause_that_the_vendor_asks_for_nothing_is_claimed(
    tmp_path: Path, where: Path
) -> None:
    now = asyncio.get_running_loop().time
    refused, claims = list[float](), list[float]()

    class Noting(Ledger):
        async def claim(self, campaign: CampaignRecord, *, owner: str) -> Chunk | None:
            claims.append(now())
            return await super().claim(campaign, owner=owner)

    def judge(ids: list[str]) -> tuple[int, Any]:
        if refused:
            return taken(ids)
        refused.append(now())
        return 429, {"error": "slow down"}

    vendor, ear = Vendor(judge), Ear()
    async with Noting.open(where) as ledger, client_of(vendor) as client:
        settings = {"concurrency": 1, "track_for": 0}
        summary = await campaign_of(ledger, file_of(tmp_path, 40), set=settings).run(client, on_event=ear)
    assert summary.counts[State.ACCEPTED] == 40
    assert min(claims) < refused[0]
    assert not [at for at in claims if refused[0] < at < refused[0] + 0.9 * UNTOLD_PAUSE]
    assert "too many requests" in {(event.waiting or "").rpartition(": ")[2] for event in ear.of(Progress)}


async def test_pausing_does_not_wait_for_a_rate(tmp_path: Path, where: Path) -> None:
    campaigns: list[Campaign] = []

    async def pause_soon() -> None:
        asyncio.get_running_loop().call_later(0.1, campaigns[0].pause)

    daily = Limits(status=None, send=Rate(1 / 86_400, 1))
    vendor = Vendor(wait=pause_soon)
    async with Ledger.open(where) as ledger:  # noqa: SIM117
        async with client_of(vendor, limits=daily, total_timeout=None) as client:
            campaigns.append(campaign_of(ledger, file_of(tmp_path, 40), set={"track_for": 0}))
            summary = await asyncio.wait_for(campaigns[0].run(client), 10)
    assert summary.state is CampaignState.PAUSED
    assert summary.counts[State.ACCEPTED] == 4


@pytest.mark.looptime
async def test_a_vendor_is_left_alone_ever_longer_and_given_up_when_patience_ends() -> None:
    reach = Reach(patience=60.0)
    rests: list[float] = []
    while reach.took_nothing(NotSentError("refused", kind="connect")):
        rests.append(reach.rest)
        assert reach.took_nothing(NotSentError("refused", kind="connect"))  # who met it together counts once
        assert reach.rest == rests[-1]
        await asyncio.sleep(reach.rest)
    assert rests == [1, 2, 5, 10, 20, 30]
    reach.took()
    assert reach.took_nothing(NotSentError("refused", kind="connect"))
    assert reach.rest == 1


@pytest.mark.looptime
async def test_what_is_our_own_pace_is_no_trouble_with_the_vendor() -> None:
    reach = Reach(patience=0.5)
    for kind in ("no_slot", "paused"):
        for _ in range(2):
            assert reach.took_nothing(NotSentError("slow", kind=kind))
            await asyncio.sleep(1.0)
    assert reach.rest <= 0
