"""Campaigns whose ledger is in PostgreSQL."""

import asyncio
from pathlib import Path

import pytest

from smsbat_async import LedgerLockedError
from smsbat_async.campaign import Campaign, CampaignState, Ledger, State
from tests.campaign.campaigns import Vendor, campaign_of, client_of, file_of, in_states


async def test_every_recipient_is_sent_to_once_and_followed_to_the_end(tmp_path: Path, postgres: str) -> None:
    vendor = Vendor()
    async with Ledger.open(postgres) as ledger, client_of(vendor) as client:
        summary = await campaign_of(ledger, file_of(tmp_path, 30)).run(client)
        assert await in_states(ledger) == {State.DELIVERED: 30}
    assert summary.state is CampaignState.FINISHED
    assert vendor.got == {f"spring-{line}": 1 for line in range(2, 32)}


async def test_a_paused_campaign_goes_on_in_another_process(tmp_path: Path, postgres: str) -> None:
    campaigns: list[Campaign] = []

    async def pause() -> None:
        if len(vendor.sends) == 3:
            campaigns[0].pause("lunch")

    vendor = Vendor(wait=pause)
    async with Ledger.open(postgres) as ledger, client_of(vendor) as client:
        campaigns.append(campaign_of(ledger, file_of(tmp_path, 40)))
        assert (await campaigns[0].run(client)).state is CampaignState.PAUSED
    async with Ledger.open(postgres) as ledger, client_of(vendor) as client:
        await Campaign("spring", ledger=ledger).resume(client)
        assert await in_states(ledger) == {State.DELIVERED: 40}
    assert set(vendor.got.values()) == {1}


async def test_row_55_two_processes_do_not_run_one_campaign(tmp_path: Path, postgres: str) -> None:
    go, begun = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await go.wait()

    path, vendor, other = file_of(tmp_path, 8), Vendor(wait=wait), Vendor()
    async with Ledger.open(postgres) as ledger, client_of(vendor) as client:
        running = asyncio.create_task(campaign_of(ledger, path).run(client))
        await begun.wait()
        async with Ledger.open(postgres) as second, client_of(other) as its_client:
            with pytest.raises(LedgerLockedError):
                await campaign_of(second, path).run(its_client)
        go.set()
        await running
    assert other.sends == []
    assert set(vendor.got.values()) == {1}


async def test_several_campaigns_run_beside_each_other_in_one_database(tmp_path: Path, postgres: str) -> None:
    names = ["spring", "summer", "autumn"]
    vendors = [Vendor() for _ in names]
    paths = [file_of(tmp_path, 12, name=f"{name}.csv") for name in names]

    async def run(name: str, path: Path, vendor: Vendor) -> None:
        async with Ledger.open(postgres) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, path, name=name).run(client)

    async with asyncio.TaskGroup() as group:
        for name, path, vendor in zip(names, paths, vendors, strict=True):
            group.create_task(run(name, path, vendor))
    async with Ledger.open(postgres) as ledger:
        assert [await in_states(ledger, name) for name in names] == [{State.DELIVERED: 12}] * 3
