"""Campaigns from the file to the last word about every message."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async import (
    CampaignStateError,
    ConfigurationError,
    LedgerConflictError,
    LedgerUnavailableError,
    MessageStatus,
    Outcome,
    PollPolicy,
    SendOutcome,
    SourceError,
)
from smsbat_async.campaign import (
    Campaign,
    CampaignRecord,
    CampaignSettings,
    CampaignState,
    ChunkRecorded,
    CsvSource,
    End,
    EndsRecorded,
    Finished,
    Imported,
    JsonLinesSource,
    Ledger,
    News,
    Prepared,
    PriceTable,
    Progress,
    Recipients,
    Started,
    State,
    StopRule,
    Template,
    schema,
)
from tests.campaign.campaigns import (
    SOON,
    Ear,
    Vendor,
    campaign_of,
    client_of,
    file_of,
    in_states,
    phone,
    taken,
)
from tests.campaign.ledgers import Clock

PRICES = PriceTable({"380": "0.05"}, currency="EUR")


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "campaigns.db"


async def requests_counted(ledger: Ledger) -> int:
    """Give how many status requests the ledger knows of, in vain or not."""

    async def work(connection: AsyncConnection) -> int:
        in_vain = await connection.scalar(sa.select(sa.func.sum(schema.chunk.c.asked)))
        ended = await connection.scalar(sa.select(sa.func.sum(schema.message.c.polls)))
        return int(in_vain or 0) + int(ended or 0)

    return await ledger.read(work)


class TestWhole:
    async def test_every_recipient_is_sent_to_once_and_followed_to_the_end(
        self, tmp_path: Path, where: Path
    ) -> None:
        vendor, ear = Vendor(), Ear()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaign = campaign_of(ledger, file_of(tmp_path, 30), prices=PRICES)
            summary = await campaign.run(client, on_event=ear)
            assert await in_states(ledger) == {State.DELIVERED: 30}
        assert vendor.got == {f"spring-{line}": 1 for line in range(2, 32)}
        assert summary.state is CampaignState.FINISHED
        assert (summary.committed, summary.currency) == (Decimal("1.50"), "EUR")
        assert summary.charged == 30 * Decimal("0.04")

    async def test_events_tell_all_of_it(self, tmp_path: Path, where: Path) -> None:
        ear = Ear()
        async with Ledger.open(where) as ledger, client_of(Vendor()) as client:
            await campaign_of(ledger, file_of(tmp_path, 10)).run(client, on_event=ear)
        assert [type(event) for event in ear.events[:3]] == [Imported, Prepared, Started]
        (started,) = ear.of(Started)
        assert (started.state_before, started.recovered) == (CampaignState.READY, 0)
        assert sum(len(event.results) for event in ear.of(ChunkRecorded)) == 10
        assert sum(len(event.ends) for event in ear.of(EndsRecorded)) == 10
        last = ear.of(Progress)[-1]
        assert (last.sent, last.counts[State.DELIVERED], last.tracked) == (10, 10, 0)
        assert isinstance(ear.events[-1], Finished)

    async def test_a_listener_that_raises_harms_nothing(self, tmp_path: Path, where: Path) -> None:
        def listen(event: object) -> None:
            raise RuntimeError("broken")

        async with Ledger.open(where) as ledger, client_of(Vendor()) as client:
            summary = await campaign_of(ledger, file_of(tmp_path, 5)).run(client, on_event=listen)
        assert summary.counts[State.DELIVERED] == 5

    async def test_a_listener_that_would_have_to_be_awaited_is_refused(
        self, tmp_path: Path, where: Path
    ) -> None:
        async def listen(event: object) -> None: ...

        async with Ledger.open(where) as ledger, client_of(Vendor()) as client:
            with pytest.raises(ConfigurationError, match="on_event: must be no coroutine"):
                await campaign_of(ledger, file_of(tmp_path, 1)).run(client, on_event=listen)  # type: ignore[arg-type]
            assert await ledger.campaigns() == []

    async def test_no_more_requests_are_in_flight_than_the_settings_say(
        self, tmp_path: Path, where: Path
    ) -> None:
        three = asyncio.Event()

        async def wait() -> None:
            if vendor.in_flight >= 3:
                asyncio.get_running_loop().call_later(0.05, three.set)  # time enough for a fourth
            await three.wait()

        vendor = Vendor(wait=wait)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, file_of(tmp_path, 40), set={"concurrency": 3}).run(client)
        assert vendor.peak == 3

    async def test_without_following_it_ends_with_the_last_answer(self, tmp_path: Path, where: Path) -> None:
        vendor = Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            summary = await campaign_of(ledger, file_of(tmp_path, 9), set={"track_for": 0}).run(client)
            assert await in_states(ledger) == {State.ACCEPTED: 9}
        assert summary.state is CampaignState.FINISHED
        assert not vendor.asked

    async def test_texts_come_from_a_template_and_rows_from_json(self, tmp_path: Path, where: Path) -> None:
        path = tmp_path / "people.jsonl"
        path.write_text('{"phone": "+380501234567", "name": "Olha"}\n')
        sent: list[Any] = []
        vendor = Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor, hooks=[sent.append]) as client:
            campaign = Campaign(
                "spring",
                JsonLinesSource(path),
                ledger=ledger,
                recipients=Recipients(campaign="spring", from_name="Shop", text=Template("Hello {name}")),
            )
            await campaign.run(client)
        texts = [
            result.message.text for event in sent if hasattr(event, "results") for result in event.results
        ]
        assert texts == ["Hello Olha"]


class TestPreparing:
    async def test_says_what_the_file_comes_to_and_sends_nothing(self, tmp_path: Path, where: Path) -> None:
        path = file_of(tmp_path, 6, bad=["+38050,Ready"])
        rows: list[int] = []
        async with Ledger.open(where) as ledger:
            campaign = campaign_of(ledger, path, prices=PRICES)
            preflight = await campaign.prepare(rejects=tmp_path / "rejects.csv", progress=rows.append)
            assert await in_states(ledger) == {State.PENDING: 6}
            assert (await campaign.record()).state is CampaignState.READY
        assert (preflight.good, preflight.bad, preflight.cost) == (6, 1, Decimal("0.30"))
        assert rows == [7]
        assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 2

    async def test_row_73_bad_rows_are_not_passed_over_unless_that_was_said(
        self, tmp_path: Path, where: Path
    ) -> None:
        path, vendor = file_of(tmp_path, 6, bad=["+38050,Ready"]), Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            with pytest.raises(SourceError, match="1 rows of spring are bad"):
                await campaign_of(ledger, path).run(client)
            assert await ledger.campaigns() == []
            assert vendor.sends == []
            await campaign_of(ledger, path, set={"accept_bad_rows": True}).run(client)
            assert await in_states(ledger) == {State.DELIVERED: 6}

    async def test_row_73_a_mended_file_may_take_the_name_of_the_one_that_was_refused(
        self, tmp_path: Path, where: Path
    ) -> None:
        async with Ledger.open(where) as ledger, client_of(Vendor()) as client:
            with pytest.raises(SourceError):
                await campaign_of(ledger, file_of(tmp_path, 6, bad=["+38050,Ready"])).run(client)
            await campaign_of(ledger, file_of(tmp_path, 7)).run(client)
            assert await in_states(ledger) == {State.DELIVERED: 7}

    async def test_row_74_the_same_campaign_twice_is_one_campaign(self, tmp_path: Path, where: Path) -> None:
        path, vendor = file_of(tmp_path, 12), Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, path).run(client)
            await campaign_of(ledger, path).run(client)
        assert set(vendor.got.values()) == {1}
        assert len(vendor.got) == 12

    async def test_another_file_under_the_same_name_is_refused(self, tmp_path: Path, where: Path) -> None:
        vendor = Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, file_of(tmp_path, 3)).run(client)
            with pytest.raises(LedgerConflictError):
                await campaign_of(ledger, file_of(tmp_path, 4, name="others.csv")).run(client)
        assert len(vendor.got) == 3

    async def test_another_text_under_the_same_name_is_refused(self, tmp_path: Path, where: Path) -> None:
        path, vendor = file_of(tmp_path, 3), Vendor()
        other = Recipients(campaign="spring", from_name="Shop", text=Template("Sale!"))
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, path).prepare()
            with pytest.raises(LedgerConflictError, match="another text"):
                await campaign_of(ledger, path, recipients=other).run(client)
        assert vendor.sends == []

    async def test_an_import_that_broke_off_goes_on(self, tmp_path: Path, where: Path) -> None:
        path, vendor = file_of(tmp_path, 5_000), Vendor()

        class BrokenOffError(Exception):
            pass

        def break_off(rows: int) -> None:
            raise BrokenOffError

        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            with pytest.raises(BrokenOffError):
                await campaign_of(ledger, path, set={"chunk_size": 100}).prepare(progress=break_off)
            assert (await ledger.campaign("spring")).imported_line == 2_001
            await campaign_of(ledger, path, set={"chunk_size": 100, "track_for": 0}).run(client)
            assert await in_states(ledger) == {State.ACCEPTED: 5_000}
        assert set(vendor.got.values()) == {1}

    async def test_a_stream_is_to_be_saved_first(self, tmp_path: Path, where: Path) -> None:
        async with Ledger.open(where) as ledger:
            with file_of(tmp_path, 3).open("rb") as stream:
                campaign = Campaign(
                    "spring",
                    CsvSource(stream),
                    ledger=ledger,
                    recipients=Recipients(campaign="spring", from_name="Shop"),
                )
                with pytest.raises(SourceError, match="save it to a file first"):
                    await campaign.prepare()

    async def test_a_prepared_campaign_may_be_thrown_away(self, tmp_path: Path, where: Path) -> None:
        async with Ledger.open(where) as ledger:
            campaign = campaign_of(ledger, file_of(tmp_path, 3))
            await campaign.prepare()
            await campaign.discard()
            assert await ledger.campaigns() == []

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"recipients": None}, "give both"),
            ({"name": ""}, "name"),
        ],
        ids=["no mapping", "no name"],
    )
    async def test_what_cannot_be_a_campaign_is_refused(
        self, given: dict[str, Any], said: str, tmp_path: Path, where: Path
    ) -> None:
        async with Ledger.open(where) as ledger:
            with pytest.raises(ConfigurationError, match=said):
                campaign_of(ledger, file_of(tmp_path, 1), **given)


class TestGoingOn:
    async def test_pausing_lets_requests_finish_and_resuming_sends_the_rest(
        self, tmp_path: Path, where: Path
    ) -> None:
        campaigns: list[Campaign] = []

        async def pause() -> None:
            if len(vendor.sends) == 3:
                campaigns[0].pause("lunch")
            await asyncio.sleep(0.01)

        vendor = Vendor(wait=pause)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaigns.append(campaign_of(ledger, file_of(tmp_path, 40)))
            summary = await campaigns[0].run(client)
            assert (summary.state, summary.reason) == (CampaignState.PAUSED, "lunch")
            left = await in_states(ledger)
            assert left[State.PENDING] == 40 - sum(map(len, vendor.sends))
            assert State.SUBMITTING not in left
            with pytest.raises(CampaignStateError, match=r"spring is paused \(lunch\): resume"):
                await campaign_of(ledger, tmp_path / "people.csv").run(client)
            summary = await Campaign("spring", ledger=ledger).resume(client)
            assert await in_states(ledger) == {State.DELIVERED: 40}
        assert summary.state is CampaignState.FINISHED
        assert set(vendor.got.values()) == {1}

    async def test_cancelling_sends_nothing_more_and_follows_what_was_sent(
        self, tmp_path: Path, where: Path
    ) -> None:
        campaigns: list[Campaign] = []

        async def cancel() -> None:
            campaigns[0].cancel("wrong text")

        vendor = Vendor(wait=cancel)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaigns.append(campaign_of(ledger, file_of(tmp_path, 40)))
            summary = await campaigns[0].run(client)
            sent = sum(map(len, vendor.sends))
            assert await in_states(ledger) == {State.DELIVERED: sent, State.PENDING: 40 - sent}
            assert (summary.state, summary.reason) == (CampaignState.CANCELLED, "wrong text")
            with pytest.raises(CampaignStateError, match="cancelled"):
                await campaign_of(ledger, tmp_path / "people.csv").run(client)
            again = await Campaign("spring", ledger=ledger).resume(client)
        assert again.state is CampaignState.CANCELLED
        assert sum(map(len, vendor.sends)) == sent < 40

    async def test_row_45_a_cancelled_run_writes_what_is_known_and_can_be_run_again(
        self, tmp_path: Path, where: Path
    ) -> None:
        never, first = asyncio.Event(), asyncio.Event()

        async def hang_from_the_third() -> None:
            if len(vendor.sends) > 2:
                first.set()
                await never.wait()

        vendor = Vendor(wait=hang_from_the_third)
        path = file_of(tmp_path, 40)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            running = asyncio.create_task(campaign_of(ledger, path, set={"track_for": 0}).run(client))
            await first.wait()
            await asyncio.sleep(0.05)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            on_the_wire = sum(map(len, vendor.sends[2:]))
            states = await in_states(ledger)
            assert states == {
                State.ACCEPTED: 8,
                State.UNKNOWN: on_the_wire,
                State.PENDING: 32 - on_the_wire,
            }
            assert (await ledger.campaign("spring")).state is CampaignState.RUNNING
            vendor.wait = None
            await campaign_of(ledger, path, set={"track_for": 0}).run(client)
            assert await in_states(ledger) == {State.ACCEPTED: 40 - on_the_wire, State.UNKNOWN: on_the_wire}
        assert set(vendor.got.values()) == {1}

    async def test_a_campaign_without_its_file_cannot_be_run_before_it_is_in_the_ledger(
        self, where: Path
    ) -> None:
        async with Ledger.open(where) as ledger, client_of(Vendor()) as client:
            with pytest.raises(ConfigurationError, match="give its file"):
                await Campaign("spring", ledger=ledger).run(client)
            with pytest.raises(LedgerConflictError):
                await Campaign("spring", ledger=ledger).resume(client)

    async def test_one_run_at_a_time(self, tmp_path: Path, where: Path) -> None:
        go = asyncio.Event()
        vendor = Vendor(wait=go.wait)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaign = campaign_of(ledger, file_of(tmp_path, 4))
            running = asyncio.create_task(campaign.run(client))
            await asyncio.sleep(0.05)
            while not vendor.sends:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            with pytest.raises(CampaignStateError, match="already"):
                await campaign.run(client)
            go.set()
            await running

    async def test_what_is_not_running_cannot_be_paused(self, where: Path) -> None:
        async with Ledger.open(where) as ledger:
            with pytest.raises(CampaignStateError, match="not being run"):
                Campaign("spring", ledger=ledger).pause()

    async def test_row_48_closing_the_client_pauses(self, tmp_path: Path, where: Path) -> None:
        entered = asyncio.Event()

        async def slowly() -> None:
            entered.set()
            await asyncio.sleep(0.02)

        vendor = Vendor(wait=slowly)
        async with Ledger.open(where) as ledger:
            client = client_of(vendor)
            running = asyncio.create_task(campaign_of(ledger, file_of(tmp_path, 40)).run(client))
            await entered.wait()
            await client.aclose()
            summary = await running
            states = await in_states(ledger)
        assert (summary.state, summary.reason) == (CampaignState.PAUSED, "the client was closed")
        assert State.UNKNOWN not in states
        assert State.SUBMITTING not in states
        assert states[State.PENDING] == 40 - sum(map(len, vendor.sends))


class TestFailures:
    async def test_rejected_messages_are_told_apart_and_the_others_go_out(
        self, tmp_path: Path, where: Path
    ) -> None:
        def judge(ids: list[str]) -> tuple[int, Any]:
            if "spring-4" in ids:
                return 400, {"error": {"code": "INVALID_PHONE", "message": "no"}}
            return taken(ids)

        async with Ledger.open(where) as ledger, client_of(Vendor(judge)) as client:
            await campaign_of(ledger, file_of(tmp_path, 12)).run(client)
            assert await in_states(ledger) == {State.DELIVERED: 11, State.REJECTED: 1}

    @pytest.mark.parametrize("status", [401, 402, 403], ids=str)
    async def test_rows_33_34_wrong_credentials_stop_it_and_nobody_is_given_up(
        self, status: int, tmp_path: Path, where: Path
    ) -> None:
        vendor = Vendor(lambda ids: (status, {"error": "no"}))
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            summary = await campaign_of(ledger, file_of(tmp_path, 40)).run(client)
            assert await in_states(ledger) == {State.PENDING: 40}
            assert summary.state is CampaignState.STOPPED
            assert str(status) in (summary.reason or "")
            assert len(vendor.sends) <= 2
            vendor.judge = None
            await Campaign("spring", ledger=ledger).resume(client)
            assert await in_states(ledger) == {State.DELIVERED: 40}

    async def test_row_39_messages_refused_for_their_rate_are_sent_later(
        self, tmp_path: Path, where: Path
    ) -> None:
        refusals = iter([True, False, True, True])

        def judge(ids: list[str]) -> tuple[int, Any]:
            return (429, {"error": "slow down"}) if next(refusals, False) else taken(ids)

        ear = Ear()
        async with Ledger.open(where) as ledger, client_of(Vendor(judge)) as client:
            campaign = campaign_of(ledger, file_of(tmp_path, 24), set={"concurrency": 1})
            await campaign.run(client, on_event=ear)
            assert await in_states(ledger) == {State.DELIVERED: 24}
        assert ear.of(Progress)[-1].pauses == 3

    async def test_rows_40_41_what_may_have_been_taken_is_unknown_and_not_sent_again(
        self, tmp_path: Path, where: Path
    ) -> None:
        broken = iter([True])

        def judge(ids: list[str]) -> tuple[int, Any]:
            return (500, {}) if next(broken, False) else taken(ids)

        path, vendor = file_of(tmp_path, 12), Vendor(judge)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, path, set={"concurrency": 1}).run(client)
            assert await in_states(ledger) == {State.DELIVERED: 8, State.UNKNOWN: 4}
            await campaign_of(ledger, path).run(client)
            assert await in_states(ledger) == {State.DELIVERED: 8, State.UNKNOWN: 4}
        assert set(vendor.got.values()) == {1}

    async def test_an_exception_of_a_transport_leaves_its_messages_unknown(
        self, tmp_path: Path, where: Path
    ) -> None:
        async def explode() -> None:
            raise RuntimeError("a bug")

        vendor = Vendor(wait=explode)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            with pytest.raises(RuntimeError, match="a bug"):
                await campaign_of(ledger, file_of(tmp_path, 12), set={"concurrency": 1}).run(client)
            assert await in_states(ledger) == {State.UNKNOWN: 4, State.PENDING: 8}

    async def test_eight_refusals_in_a_row_for_one_reason_stop_it(self, tmp_path: Path, where: Path) -> None:
        vendor = Vendor(lambda ids: (400, {"error": {"code": "INVALID_FROM", "message": "no"}}))
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaign = campaign_of(ledger, file_of(tmp_path, 100), set={"chunk_size": 50, "concurrency": 1})
            summary = await campaign.run(client)
            assert await in_states(ledger) == {State.REJECTED: 8, State.PENDING: 92}
        assert summary.state is CampaignState.STOPPED
        assert "INVALID_FROM" in (summary.reason or "")


class TestRules:
    async def test_too_many_failures_stop_it(self, tmp_path: Path, where: Path) -> None:
        def judge(ids: list[str]) -> tuple[int, Any]:
            return 200, [{"messageId": "", "trackinId": each, "error": "bad phone"} for each in ids[:2]] + [
                {"messageId": f"v-{each}", "trackinId": each} for each in ids[2:]
            ]

        stop = StopRule(share=0.4, last=16)
        async with Ledger.open(where) as ledger, client_of(Vendor(judge)) as client:
            campaign = campaign_of(ledger, file_of(tmp_path, 200), set={"stop": stop, "concurrency": 1})
            summary = await campaign.run(client)
            states = await in_states(ledger)
        assert summary.state is CampaignState.STOPPED
        assert "of the last" in (summary.reason or "")
        assert states[State.PENDING] == 200 - 16

    async def test_messages_that_are_not_delivered_stop_it(self, tmp_path: Path, where: Path) -> None:
        vendor = Vendor(word=lambda vendor_id: "undeliverable", wait=lambda: asyncio.sleep(0.01))
        stop = StopRule(share=0.5, last=20)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaign = campaign_of(ledger, file_of(tmp_path, 4_000), set={"stop": stop, "concurrency": 1})
            summary = await campaign.run(client)
            states = await in_states(ledger)
        assert summary.state is CampaignState.STOPPED
        assert "not delivered" in (summary.reason or "")
        assert states[State.PENDING] > 0

    async def test_the_budget_is_never_passed(self, tmp_path: Path, where: Path) -> None:
        path, vendor = file_of(tmp_path, 40), Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaign = campaign_of(ledger, path, prices=PRICES, set={"budget": Decimal("0.93")})
            summary = await campaign.run(client)
            assert await in_states(ledger) == {State.DELIVERED: 16, State.PENDING: 24}
            assert summary.state is CampaignState.STOPPED
            assert summary.committed == Decimal("0.80")
            more = Campaign("spring", ledger=ledger, settings=CampaignSettings(budget=Decimal("1.21")))
            summary = await more.resume(client)
            assert await in_states(ledger) == {State.DELIVERED: 24, State.PENDING: 16}
        assert "budget of 1.21" in (summary.reason or "")

    async def test_a_budget_needs_a_price_for_every_message(self, tmp_path: Path, where: Path) -> None:
        path = file_of(tmp_path, 4, bad=["+48601234567,Ready"])
        async with Ledger.open(where) as ledger, client_of(Vendor()) as client:
            with pytest.raises(ConfigurationError, match="budget: needs prices"):
                await campaign_of(ledger, path, set={"budget": Decimal(1)}).run(client)
            with pytest.raises(ConfigurationError, match="1 messages have no price"):
                await campaign_of(ledger, path, set={"budget": Decimal(1)}, prices=PRICES).run(client)
            assert await ledger.campaigns() == []

    async def test_a_budget_that_comes_later_needs_a_price_for_every_message_too(
        self, tmp_path: Path, where: Path
    ) -> None:
        path, vendor = file_of(tmp_path, 8), Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, path).prepare()  # without prices
            bounded = Campaign("spring", ledger=ledger, settings=CampaignSettings(budget=Decimal(1)))
            with pytest.raises(ConfigurationError, match="budget: 8 messages have no price"):
                await bounded.resume(client)
            with pytest.raises(ConfigurationError, match="budget: 8 messages have no price"):
                await campaign_of(ledger, path, prices=PRICES, set={"budget": Decimal(1)}).run(client)
            assert await in_states(ledger) == {State.PENDING: 8}
        assert vendor.sends == []

    async def test_a_test_send_goes_to_other_phones_and_leaves_the_campaign_alone(
        self, tmp_path: Path, where: Path
    ) -> None:
        vendor = Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaign = campaign_of(ledger, file_of(tmp_path, 4))
            results = await campaign.test(client, [phone(900), phone(901)])
            assert [result.message.to_phone for result in results] == [phone(900), phone(901)]
            assert {result.outcome for result in results} == {SendOutcome.ACCEPTED}
            assert await ledger.campaigns() == []
            await campaign.run(client)
        assert len(vendor.got) == 6


class TestFollowing:
    async def test_what_is_not_over_when_the_close_following_ends_is_asked_after_from_the_ledger(
        self, tmp_path: Path, where: Path
    ) -> None:
        vendor = Vendor(word=lambda vendor_id: "delivered" if vendor.asked[vendor_id] > 5 else "processing")
        async with Ledger.open(where) as ledger, client_of(vendor, polling=SOON) as client:
            summary = await campaign_of(ledger, file_of(tmp_path, 9)).run(client)
            # A poll that its deadline cuts off is not counted, and may have been answered: one per message.
            assert 0 <= vendor.asked.total() - await requests_counted(ledger) <= 9
        assert summary.counts[State.DELIVERED] == 9

    async def test_more_messages_than_the_window_holds_are_all_followed(
        self, tmp_path: Path, where: Path
    ) -> None:
        ear = Ear()
        async with Ledger.open(where) as ledger, client_of(Vendor()) as client:
            campaign = campaign_of(ledger, file_of(tmp_path, 60), set={"tracking_window": 5})
            summary = await campaign.run(client, on_event=ear)
        assert summary.counts[State.DELIVERED] == 60
        assert max(event.tracked for event in ear.of(Progress)) <= 5

    async def test_what_does_not_end_in_time_is_given_up(self, tmp_path: Path, where: Path) -> None:
        words: dict[str, str | int] = {"v-spring-2": "processing", "v-spring-3": 404}
        vendor = Vendor(word=lambda vendor_id: words.get(vendor_id, "delivered"))
        async with Ledger.open(where) as ledger, client_of(vendor, polling=SOON) as client:
            await campaign_of(ledger, file_of(tmp_path, 3), set={"track_for": 0.3}).run(client)
            assert await in_states(ledger) == {
                State.DELIVERED: 1,
                State.TIMED_OUT: 1,
                State.NOT_FOUND: 1,
            }

    async def test_what_was_accepted_before_a_crash_is_followed_after_it(
        self, tmp_path: Path, where: Path
    ) -> None:
        path, vendor = file_of(tmp_path, 9), Vendor()
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, path, set={"track_for": 0}).run(client)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            summary = await campaign_of(ledger, path).run(client)
        assert summary.counts[State.DELIVERED] == 9

    async def test_what_a_dead_process_followed_is_asked_after_at_once(
        self, tmp_path: Path, where: Path
    ) -> None:
        never, sent = asyncio.Event(), asyncio.Event()

        async def hang_at_the_third() -> None:
            if len(vendor.sends) > 2:
                sent.set()
                await never.wait()

        path, vendor = file_of(tmp_path, 12), Vendor(word=lambda _: "processing", wait=hang_at_the_third)
        slow = PollPolicy(initial=60.0, maximum=60.0, timeout=600.0)
        async with Ledger.open(where) as ledger, client_of(vendor, polling=slow) as client:
            follow_long = {"track_for": 3600.0, "concurrency": 1}
            running = asyncio.create_task(campaign_of(ledger, path, set=follow_long).run(client))
            await sent.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert not vendor.asked
        vendor.word, vendor.wait = (lambda _: "delivered"), None
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            summary = await campaign_of(ledger, path, set=follow_long).run(client)
        assert summary.counts[State.DELIVERED] == 8
        assert summary.counts[State.UNKNOWN] == 4

    async def test_what_was_never_asked_after_is_not_given_up(self, tmp_path: Path, where: Path) -> None:
        path, vendor, clock = file_of(tmp_path, 100), Vendor(), Clock()
        async with Ledger.open(where, clock=clock) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, path, set={"track_for": 0}).run(client)
            clock.later(100_000)
            summary = await campaign_of(ledger, path, set={"track_for": 60.0}).run(client)
        assert summary.counts[State.DELIVERED] == 100

    async def test_row_45_ends_that_were_being_written_when_a_run_is_cancelled_are_written(
        self, tmp_path: Path, where: Path
    ) -> None:
        class Slow(Ledger):
            failing = False

            async def record_ends(self, campaign: CampaignRecord, ends: Iterable[End]) -> int:
                if not self.failing:
                    self.failing = True
                    begun.set()
                    raise LedgerUnavailableError("not now")
                return await super().record_ends(campaign, ends)

        begun = asyncio.Event()
        async with Slow.open(where) as ledger, client_of(Vendor()) as client:
            running = asyncio.create_task(campaign_of(ledger, file_of(tmp_path, 4)).run(client))
            await begun.wait()
            while client.poller.pending:  # noqa: ASYNC110 - until all ends are known
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)  # it waits to try again
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await in_states(ledger) == {State.DELIVERED: 4}

    async def test_credentials_that_are_refused_stop_the_following(self, tmp_path: Path, where: Path) -> None:
        async with Ledger.open(where) as ledger, client_of(Vendor(word=lambda _: 401)) as client:
            summary = await campaign_of(ledger, file_of(tmp_path, 3)).run(client)
            assert await in_states(ledger) == {State.ACCEPTED: 3}
        assert summary.state is CampaignState.STOPPED
        assert "asked after" in (summary.reason or "")

    async def test_webhooks_are_heard_for_messages_in_memory_and_in_the_ledger(
        self, tmp_path: Path, where: Path
    ) -> None:
        campaigns: list[Campaign] = []

        def word(vendor_id: str) -> str:
            for line in range(2, 11):
                status = MessageStatus(
                    message_id=f"v-spring-{line}", delivery_status="delivered", cost=Decimal("0.04")
                )
                campaigns[0].feed(status)
            return "processing"

        vendor = Vendor(word=word)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaigns.append(campaign_of(ledger, file_of(tmp_path, 9), set={"tracking_window": 2}))
            summary = await campaigns[0].run(client)
        assert summary.counts[State.DELIVERED] == 9
        assert summary.charged == 9 * Decimal("0.04"), "each once, however often and by whom it was told"

    async def test_news_that_came_while_nobody_ran_it_are_heard(self, tmp_path: Path, where: Path) -> None:
        path, vendor = file_of(tmp_path, 4), Vendor(word=lambda _: "processing")
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            await campaign_of(ledger, path, set={"track_for": 0}).run(client)
            await ledger.add_news(
                News(vendor_id=f"v-spring-{line}", outcome=Outcome.DELIVERED) for line in range(2, 6)
            )
            summary = await campaign_of(ledger, path).run(client)
        assert summary.counts[State.DELIVERED] == 4
        assert not vendor.asked

    async def test_news_that_came_right_before_a_pause_are_kept(self, tmp_path: Path, where: Path) -> None:
        campaigns: list[Campaign] = []

        def word(vendor_id: str) -> str:
            status = MessageStatus(message_id="v-77", delivery_status="delivered")
            campaigns[0].feed(status, tracking_id="spring-2")
            campaigns[0].pause()
            return "processing"

        vendor = Vendor(lambda ids: (500, {}) if "spring-2" in ids else taken(ids), word=word)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaigns.append(campaign_of(ledger, file_of(tmp_path, 8), set={"concurrency": 1}))
            assert (await campaigns[0].run(client)).state is CampaignState.PAUSED
            vendor.word = lambda _: "delivered"
            summary = await Campaign("spring", ledger=ledger).resume(client)
        assert summary.counts[State.DELIVERED] == 5

    async def test_row_64_a_webhook_that_names_an_unknown_message_settles_it(
        self, tmp_path: Path, where: Path
    ) -> None:
        campaigns: list[Campaign] = []

        def judge(ids: list[str]) -> tuple[int, Any]:
            return (500, {}) if "spring-2" in ids else taken(ids)

        def word(vendor_id: str) -> str:
            status = MessageStatus(message_id="v-77", delivery_status="delivered")
            campaigns[0].feed(status, tracking_id="spring-2")
            return "delivered"

        vendor = Vendor(judge, word=word)
        async with Ledger.open(where) as ledger, client_of(vendor) as client:
            campaigns.append(campaign_of(ledger, file_of(tmp_path, 8), set={"concurrency": 1}))
            summary = await campaigns[0].run(client)
        assert summary.counts[State.DELIVERED] == 5
        assert summary.counts[State.UNKNOWN] == 3
