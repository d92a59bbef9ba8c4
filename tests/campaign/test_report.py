"""The figures of a report: each of them is what the ledger says, whatever the database."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async import BadRequestError, LedgerConflictError, Outcome, SendOutcome, SendResult
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import (
    CampaignRecord,
    CampaignState,
    Chunk,
    End,
    NewMessage,
    News,
    Settlement,
    State,
)
from smsbat_async.campaign.report import queries
from smsbat_async.campaign.report.figures import GROUPS, Breakdown, Group, Point, Row
from smsbat_async.campaign.report.report import Report
from tests.campaign.ledgers import (
    PHONE,
    START,
    Clock,
    after,
    begun,
    came_to,
    claimed,
    filled,
    message,
    new,
    taken,
)


async def sealed(ledger: Ledger, messages: Iterable[NewMessage], *, chunk_size: int = 500) -> CampaignRecord:
    campaign = await begun(ledger, chunk_size=chunk_size)
    await ledger.add(campaign, list(messages))
    return await ledger.seal(campaign)


async def sent(ledger: Ledger, campaign: CampaignRecord) -> Chunk:
    """Return the next chunk, of which the vendor took everything."""
    chunk = await claimed(ledger, campaign)
    await ledger.record(chunk, taken(chunk))
    return chunk


def end(chunk: Chunk, place: int, outcome: Outcome = Outcome.DELIVERED, **other: Any) -> End:
    return End(chunk.messages[place].id, outcome, **other)


async def delivered_after(ledger: Ledger, seconds: Iterable[float]) -> Report:
    """Return the report of a campaign whose messages were delivered after some times, in seconds."""
    times = list(seconds)
    campaign = await filled(ledger, len(times), chunk_size=500)
    chunk = await sent(ledger, campaign)
    ends = [end(chunk, place, ended_at=after(seconds)) for place, seconds in enumerate(times)]
    await ledger.record_ends(campaign, ends)
    return await Report.of(ledger, "spring")


def refused(chunk: Chunk, codes: Iterable[str | None], text: str = "no") -> list[SendResult]:
    return [
        SendResult(
            one.message,
            SendOutcome.REJECTED,
            error=BadRequestError(status_code=400, code=code, message=text),
        )
        for one, code in zip(chunk.messages, codes, strict=False)
    ]


def names(breakdown: Breakdown) -> dict[str | None, int]:
    return {row.name: row.messages for row in breakdown.rows}


class TestWhole:
    async def test_no_campaign_no_report(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            with pytest.raises(LedgerConflictError, match="no campaign 'spring'"):
                await Report.of(ledger, "spring")

    async def test_tells_which_campaign_it_is_of_and_when(self, path: Path) -> None:
        async with Ledger.open(path, clock=Clock()) as ledger:
            campaign = await filled(ledger, 1)
            await ledger.set_state(campaign, CampaignState.PAUSED, reason=f"2026-03-01: {PHONE} asked for it")
            made_at = after(60).astimezone(dt.timezone(dt.timedelta(hours=2)))
            report = await Report.of(ledger, "spring", made_at=made_at)
        assert (report.name, report.state, report.created_at) == ("spring", CampaignState.PAUSED, START)
        assert report.reason == "2026-03-01: +380***67 asked for it"
        assert report.made_at == after(60)
        assert report.made_at.tzinfo is dt.UTC

    async def test_is_about_one_campaign_alone(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            other = await filled(ledger, 4, "other")
            chunk = await sent(ledger, other)
            await ledger.record_ends(other, [end(chunk, 0, cost=Decimal(7), channel="viber", polls=9)])
            chunk = await claimed(ledger, await filled(ledger, 1, "third"))
            await ledger.record(chunk, came_to(chunk, SendOutcome.UNKNOWN))
            third = await ledger.campaign("third")
            gone = [Settlement("third-1", State.DELIVERED)]
            await ledger.settle(third, gone, who="Ann", why="she asked")
            await filled(ledger, 3)
            report = await Report.of(ledger, "spring")
        assert report.funnel.recipients == report.states[State.PENDING] == 3
        assert report.cost.charged == 0
        assert report.channels.rows == ()
        assert report.unknown.settled == 0
        assert report.requests.status_requests == report.requests.claims == 0
        assert report.timeline.bins == ()

    async def test_of_a_campaign_without_recipients_has_no_figures(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            await begun(ledger)
            report = await Report.of(ledger, "spring")
        assert msgspec.structs.astuple(report.funnel) == (0, 0, 0)
        assert set(report.states.values()) == {0}
        assert report.countries == Breakdown(rows=(), others=None)
        assert report.delivery.percentiles == {}
        assert report.delivery.longest is None
        assert report.cost.estimated == 0
        assert report.errors.rows == ()
        assert report.requests.per_message is None


class TestFunnel:
    async def test_counts_what_the_ledger_counts(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 20)
            chunk = await sent(ledger, campaign)
            outcomes = (Outcome.DELIVERED, Outcome.UNDELIVERABLE, Outcome.TIMED_OUT)
            ends = [end(chunk, place, outcome) for place, outcome in enumerate(outcomes)]
            await ledger.record_ends(campaign, ends)
            for outcome in (SendOutcome.REJECTED, SendOutcome.UNKNOWN, SendOutcome.NOT_SENT):
                chunk = await claimed(ledger, campaign)
                await ledger.record(chunk, came_to(chunk, outcome))
            report = await Report.of(ledger, "spring")
            counts = await ledger.counts(campaign)
        assert report.states == counts.by_state
        assert msgspec.structs.astuple(report.funnel) == (20, 4, 1)

    def test_every_state_is_in_a_group(self) -> None:
        assert set(GROUPS) == set(State)

    def test_what_the_campaign_stopped_asking_about_is_no_failure_that_the_vendor_told(self) -> None:
        failed = {state for state, group in GROUPS.items() if group is Group.FAILED}
        assert failed == {State.UNDELIVERABLE, State.PERMANENT_ERROR}
        assert GROUPS[State.TIMED_OUT] is GROUPS[State.NOT_FOUND] is Group.GIVEN_UP


class TestBreakdowns:
    async def test_by_country_is_of_all_messages_the_largest_first(self, where: str) -> None:
        lands = ["PL", "UA", "UA", None]
        async with Ledger.open(where) as ledger:
            messages = [
                msgspec.structs.replace(new(line), country=land) for line, land in enumerate(lands, 1)
            ]
            campaign = await sealed(ledger, messages)
            chunk = await sent(ledger, campaign)
            await ledger.record_ends(campaign, [end(chunk, 1, cost=Decimal("0.25")), end(chunk, 2)])
            report = await Report.of(ledger, "spring")
        assert report.countries.others is None
        first, *others = report.countries.rows
        states = {State.DELIVERED: 2}
        assert first == Row(name="UA", messages=2, states=states, charged=Decimal("0.25"))
        assert {(row.name, row.messages, row.count(Group.OPEN)) for row in others} == {
            ("PL", 1, 1),
            (None, 1, 1),
        }

    async def test_by_channel_is_of_what_the_vendor_took(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 8)
            chunk = await sent(ledger, campaign)
            cheap, dear = Decimal("0.1"), Decimal("0.2")
            ends = [
                end(chunk, 0, channel="viber", cost=cheap),
                end(chunk, 1, channel="viber", cost=dear),
                end(chunk, 2, Outcome.UNDELIVERABLE, channel="sms"),
            ]
            await ledger.record_ends(campaign, ends)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, came_to(chunk, SendOutcome.REJECTED))
            report = await Report.of(ledger, "spring")
        assert names(report.channels) == {"viber": 2, "sms": 1, None: 1}
        assert report.channels.others is None
        assert report.channels.rows[0].charged == Decimal("0.3")
        assert [row.count(Group.FAILED) for row in report.channels.rows if row.name == "sms"] == [1]

    async def test_what_is_too_much_to_be_told_apart_is_counted_together(self, where: str) -> None:
        count = queries.CHANNELS + 5
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, count + 1, chunk_size=500)
            chunk = await sent(ledger, campaign)
            ends = [end(chunk, place, channel=f"c{place}", cost=Decimal(1)) for place in range(count)]
            ends.append(end(chunk, count, Outcome.UNDELIVERABLE, channel="c0", cost=Decimal(1)))
            await ledger.record_ends(campaign, ends)
            report = await Report.of(ledger, "spring")
        assert len(report.channels.rows) == queries.CHANNELS
        assert report.channels.rows[0].states == {State.DELIVERED: 1, State.UNDELIVERABLE: 1}
        states = {State.DELIVERED: 5}
        assert report.channels.others == Row(name=None, messages=5, states=states, charged=Decimal(5))


class TestDeliveryTimes:
    async def test_percentiles_are_the_bounds_that_so_many_were_within(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            report = await delivered_after(ledger, (place / 10 for place in range(1, 101)))
        assert report.delivery.percentiles == {50: 5.0, 75: 7.5, 90: 9.0, 95: 9.5, 99: 9.9}
        assert report.delivery.longest == 10.0
        assert report.delivery.within == (Point(1, 10), Point(2, 20), Point(5, 50), Point(10, 100))

    @pytest.mark.parametrize(
        ("seconds", "told"),
        [
            (0.001, 0.1),
            (0.1, 0.1),
            (0.101, 0.2),
            (60, 60),
            (60.001, 61),
            (3_600, 3_600),
            (3_600.001, 3_660),
            (86_400, 86_400),
            (86_400.001, 87_600),
            (2_592_000, 2_592_000),
            (9_000_000, 2_593_200),
        ],
    )
    async def test_a_time_is_told_as_the_upper_bound_of_its_bucket(
        self, path: Path, seconds: float, told: float
    ) -> None:
        async with Ledger.open(path, clock=Clock()) as ledger:
            report = await delivered_after(ledger, [seconds])
        assert report.delivery.percentiles[50] == told
        assert report.delivery.longest == seconds

    async def test_no_bucket_is_a_sixtieth_wider_than_what_it_tells(self) -> None:
        begins = 0
        for until, width in queries.BUCKETS:
            assert width <= max(begins, 6_000) / 60
            begins = until

    async def test_round_times_are_bounds_of_buckets(self) -> None:
        for moment in queries.ROUND:
            width = next(width for until, width in queries.BUCKETS if moment <= until)
            assert moment % width == 0

    async def test_the_curve_is_told_in_few_steps_and_reaches_everything(self, path: Path) -> None:
        async with Ledger.open(path, clock=Clock()) as ledger:
            report = await delivered_after(ledger, (place / 10 for place in range(1, 501)))
        curve = report.delivery.curve
        assert len(curve) == queries.CURVE
        assert curve[0] == Point(0.3, 3)
        assert curve[-1] == Point(50.0, 500)
        assert [one.messages for one in curve] == sorted({one.messages for one in curve})

    async def test_is_about_deliveries_alone(self, path: Path) -> None:
        clock = Clock()
        async with Ledger.open(path, clock=clock) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await sent(ledger, campaign)
            clock.later(5)
            ends = [
                end(chunk, place, outcome)
                for place, outcome in enumerate((Outcome.DELIVERED, Outcome.UNDELIVERABLE, Outcome.TIMED_OUT))
            ]
            await ledger.record_ends(campaign, ends)
            report = await Report.of(ledger, "spring")
        assert (report.delivery.messages, report.delivery.untimed) == (1, 0)
        assert report.delivery.longest == 5.0

    async def test_an_unknown_message_that_news_resolve_has_no_time(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign = await filled(ledger, 1)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, came_to(chunk, SendOutcome.UNKNOWN))
            news = News(vendor_id="v", tracking_id=chunk.messages[0].message.id, outcome=Outcome.DELIVERED)
            await ledger.add_news([news])
            await ledger.merge_news(campaign)
            report = await Report.of(ledger, "spring")
        assert report.funnel.delivered == 1
        assert (report.delivery.messages, report.delivery.untimed) == (0, 1)

    async def test_a_delivery_from_before_its_acceptance_has_no_time(self, path: Path) -> None:
        async with Ledger.open(path, clock=Clock()) as ledger:
            report = await delivered_after(ledger, [-3.0, 3.0])
        assert (report.delivery.messages, report.delivery.untimed) == (1, 1)
        assert report.delivery.percentiles[99] == 3.0


class TestTimeline:
    async def test_counts_acceptances_and_deliveries_in_stretches(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await filled(ledger, 8)
            first = await sent(ledger, campaign)
            clock.later(61)
            await sent(ledger, campaign)
            ends = [end(first, 0), end(first, 1, ended_at=after(95)), end(first, 2, Outcome.UNDELIVERABLE)]
            await ledger.record_ends(campaign, ends)
            report = await Report.of(ledger, "spring")
        assert report.timeline.width == 2
        assert [(one.at, one.accepted, one.delivered) for one in report.timeline.bins] == [
            (START, 4, 0),
            (after(60), 4, 1),
            (after(94), 0, 1),
        ]

    async def test_stretches_begin_at_round_times(self, path: Path) -> None:
        clock = Clock()
        clock.later(59)
        async with Ledger.open(path, clock=clock) as ledger:
            campaign = await filled(ledger, 1)
            chunk = await sent(ledger, campaign)
            await ledger.record_ends(campaign, [end(chunk, 0, ended_at=after(59 + 7_000))])
            report = await Report.of(ledger, "spring")
        assert report.timeline.width == 120
        assert [one.at for one in report.timeline.bins] == [START, after(7_000 // 120 * 120)]

    @pytest.mark.parametrize(
        ("seconds", "width"), [(0, 1), (60, 1), (61, 2), (3_600, 60), (86_400, 1_800), (9e6, 172_800)]
    )
    def test_stretches_are_as_short_as_keeps_them_few(self, seconds: float, width: int) -> None:
        assert queries.stretch(round(seconds * 1000)) == width * 1000

    def test_however_long_it_was_they_are_few(self) -> None:
        century = 100 * 365 * 86_400_000
        assert century / queries.stretch(century) <= queries.BINS


class TestCost:
    async def test_is_exact_and_what_each_delivered_message_cost_is_rounded(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await sent(ledger, campaign)
            costs = (Decimal("0.1"), Decimal("0.2"), Decimal("12345.00000000000000000000000000000000001"))
            ends = [end(chunk, place, cost=cost) for place, cost in enumerate(costs)]
            await ledger.record_ends(campaign, ends)
            report = await Report.of(ledger, "spring", currency="EUR")
        cost = report.cost
        assert cost.charged == Decimal("12345.30000000000000000000000000000000001")
        assert cost.charged_per_delivered == Decimal("4115.100000")
        assert (cost.estimated, cost.committed, cost.currency) == (Decimal("0.20"), Decimal("0.20"), "EUR")
        assert (cost.unpriced, cost.uncharged) == (0, 1)

    async def test_nothing_delivered_has_no_price(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 2)
            chunk = await sent(ledger, campaign)
            await ledger.record_ends(campaign, [end(chunk, 0, Outcome.UNDELIVERABLE, cost=Decimal(1))])
            report = await Report.of(ledger, "spring")
        assert (report.cost.charged, report.cost.charged_per_delivered) == (Decimal(1), None)
        assert report.cost.currency is None


class TestErrors:
    async def test_counts_codes_by_state_with_an_example_each(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 8)
            first = await claimed(ledger, campaign)
            text = f"{PHONE} is no number"
            await ledger.record(first, refused(first, ["BAD", "BLOCKED", "BAD"], text))
            await ledger.record(first, [SendResult(first.messages[3].message, SendOutcome.ACCEPTED, "v")])
            failed = end(first, 3, Outcome.UNDELIVERABLE, error_code="BAD", error="call 050 123-45-67")
            await ledger.record_ends(campaign, [failed])
            report = await Report.of(ledger, "spring")
        rows = {(one.code, one.state): one for one in report.errors.rows}
        assert [one.messages for one in report.errors.rows] == [2, 1, 1]
        example = rows["BAD", State.REJECTED].example
        assert (example.line, example.phone) == (1, "+380***67")
        assert example.error is not None
        assert "+380***67 is no number" in example.error
        assert rows["BAD", State.UNDELIVERABLE].example.error == "call 0501***67"
        assert (report.errors.others, report.errors.without_code) == (0, 0)

    async def test_rare_codes_are_counted_together(self, path: Path) -> None:
        count = queries.ERRORS + 3
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, count, chunk_size=500)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, refused(chunk, (f"E{place}" for place in range(count))))
            report = await Report.of(ledger, "spring")
        assert len(report.errors.rows) == queries.ERRORS
        assert report.errors.others == 3

    async def test_says_of_how_many_nobody_said_why(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await sent(ledger, campaign)
            ends = [end(chunk, 0, Outcome.PERMANENT_ERROR), end(chunk, 1), end(chunk, 2, Outcome.TIMED_OUT)]
            await ledger.record_ends(campaign, ends)
            report = await Report.of(ledger, "spring")
        assert report.errors.rows == ()
        assert report.errors.without_code == 1


class TestUnknown:
    async def test_lists_the_first_of_them(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await filled(ledger, queries.SHOWN + 2, chunk_size=500)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, came_to(chunk, SendOutcome.UNKNOWN))
            gone = [Settlement("spring-1", State.DELIVERED)]
            await ledger.settle(campaign, gone, who="Ann", why="she asked")
            report = await Report.of(ledger, "spring")
        unknown = report.unknown
        assert (unknown.messages, unknown.settled) == (queries.SHOWN + 1, 1)
        assert [row.line for row in unknown.rows] == list(range(2, queries.SHOWN + 2))
        row = unknown.rows[0]
        assert (row.tracking_id, row.phone, row.claimed_at) == ("spring-2", "+380***67", START)

    async def test_an_id_that_tells_the_number_is_masked(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await sealed(ledger, [NewMessage(1, message(1, id="ann-050/123/4567"))])
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, came_to(chunk, SendOutcome.UNKNOWN))
            report = await Report.of(ledger, "spring")
        assert report.unknown.rows[0].tracking_id == "ann-***/***/****"


class TestRequests:
    async def test_adds_claims_polls_and_what_was_asked_in_vain(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 12)
            chunk = await sent(ledger, campaign)
            await sent(ledger, campaign)
            await ledger.record_ends(campaign, [end(chunk, 0, polls=3), end(chunk, 1, polls=0)])
            await ledger.add_asked(campaign, {chunk.id: 4})
            await ledger.add_asked(campaign, {chunk.id: 1})
            report = await Report.of(ledger, "spring")
        found = report.requests
        assert (found.claims, found.claimed_messages) == (2, 8)
        assert found.status_requests == 8
        assert found.per_message == pytest.approx((2 + 8) / 8)


class TestJson:
    async def test_has_every_figure_and_amounts_in_quotes(self, path: Path) -> None:
        async with Ledger.open(path, clock=Clock()) as ledger:
            report = await delivered_after(ledger, [1.0, 2.0])
        found = msgspec.json.decode(report.to_json())
        assert set(found) == set(Report.__struct_fields__)
        assert found["cost"]["estimated"] == "0.10"
        assert found["delivery"]["percentiles"]["50"] == 1.0
        assert found["created_at"] == "2026-03-01T12:00:00Z"
        assert msgspec.json.decode(report.to_json(), type=Report) == report

    async def test_tells_no_phone_number_and_no_text(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 8)
            for results in (came_to, lambda chunk, _: refused(chunk, [PHONE] * 4, f"to {PHONE}: no")):
                chunk = await claimed(ledger, campaign)
                await ledger.record(chunk, results(chunk, SendOutcome.UNKNOWN))
            told = (await Report.of(ledger, "spring")).to_json().decode()
        assert "1234567" not in told
        assert "4071" not in told
        assert told.count("+380***67") >= 2


async def test_all_figures_are_of_one_snapshot(postgres: str) -> None:
    async def isolation(connection: AsyncConnection) -> Any:
        await queries.one_snapshot(connection)
        return await connection.scalar(sa.text("SHOW transaction_isolation"))

    async with Ledger.open(postgres) as ledger:
        assert await ledger.read(isolation) == "repeatable read"
        await filled(ledger, 1)  # which may be written, later


class TestSize:
    async def asked(self, ledger: Ledger, count: int, name: str) -> tuple[int, int]:
        """Return how many statements the report of a campaign of so many messages takes, and their rows."""
        campaign = await filled(ledger, count, name, chunk_size=500)
        while (chunk := await ledger.claim(campaign, owner="test")) is not None:
            await ledger.record(chunk, taken(chunk))
            ends = [
                end(chunk, place, cost=Decimal(place % 2), channel="sms", ended_at=after(1 + place % 5))
                for place in range(len(chunk.messages))
            ]
            await ledger.record_ends(campaign, ends)
        statements: list[tuple[str, Any]] = []

        async def engine(connection: AsyncConnection) -> sa.Engine:
            return connection.engine.sync_engine

        def heard(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            if statement.lstrip().startswith("SELECT"):
                statements.append((statement, parameters))

        watched = await ledger.read(engine)
        sa.event.listen(watched, "before_cursor_execute", heard)
        await Report.of(ledger, name)
        sa.event.remove(watched, "before_cursor_execute", heard)

        async def rows(connection: AsyncConnection) -> int:
            found = [(await connection.exec_driver_sql(*one)).all() for one in statements]
            return sum(map(len, found))

        return len(statements), await ledger.read(rows)

    async def test_neither_statements_nor_their_rows_grow_with_the_messages(self, path: Path) -> None:
        async with Ledger.open(path, clock=Clock()) as ledger:
            few = await self.asked(ledger, 20, "few")
            many = await self.asked(ledger, 3_000, "many")
        assert few == many
