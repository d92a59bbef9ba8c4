"""A campaign's ledger as the store of webhooks: kept before they are answered for, merged when it runs."""

from pathlib import Path
from typing import Any

from smsbat_async.campaign import Campaign, Ledger, State
from smsbat_async.webhooks import WebhookReceiver
from tests.campaign.campaigns import Vendor, campaign_of, client_of, file_of, in_states, taken
from tests.webhooks.posting import SECRET, body, post


async def test_row_63_64_webhooks_that_came_while_nobody_ran_the_campaign_are_merged(tmp_path: Path) -> None:
    def judge(ids: list[str]) -> tuple[int, Any]:
        return (500, {}) if "spring-2" in ids else taken(ids)

    vendor = Vendor(judge, word=lambda _: "processing")
    where = tmp_path / "ledger.db"
    async with Ledger.open(where) as ledger, client_of(vendor) as client:
        settings = {"track_for": 0, "concurrency": 1}
        await campaign_of(ledger, file_of(tmp_path, 8), set=settings).run(client)
        before = await in_states(ledger)
        assert (before[State.UNKNOWN], before[State.ACCEPTED]) == (4, 4)
        async with WebhookReceiver(client, secrets=[SECRET], store=ledger.add_events) as receiver:
            for raw in (
                body("v-77", trackinId="spring-2", cost=0.05),
                body("v-spring-6"),
                body("v-spring-7", "processing"),
                body("v-spring-8", "undeliverable"),
                body("of-another-ledger"),
            ):
                assert (await post(receiver, raw)).status == 200
        summary = await Campaign("spring", ledger=ledger).resume(client)
        counts = summary.counts
    assert (counts[State.DELIVERED], counts[State.UNDELIVERABLE], counts[State.UNKNOWN]) == (2, 1, 3)
    assert str(summary.charged) == "0.05"


async def test_row_69_a_ledger_that_is_closed_makes_the_vendor_try_again(tmp_path: Path) -> None:
    async with client_of(Vendor()) as client:
        async with Ledger.open(tmp_path / "ledger.db") as ledger:
            pass
        async with WebhookReceiver(client, secrets=[SECRET], store=ledger.add_events) as receiver:
            assert (await post(receiver, body())).status == 503
            assert receiver.stats.accepted == 0
