"""The ledger and what becomes of accepted messages: who is asked after, how they end, what they cost."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from smsbat_async import ConfigurationError, Outcome, SendOutcome
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, Chunk, End, NewMessage, News, State
from tests.campaign.ledgers import (
    START,
    Clock,
    after,
    begun,
    came_to,
    claimed,
    filled,
    message,
    new,
    states,
    taken,
    vendor_id,
)


async def sent(ledger: Ledger, count: int, *, chunk_size: int = 4) -> tuple[CampaignRecord, list[Chunk]]:
    """Return a campaign all of whose messages were accepted, and its chunks."""
    campaign = await filled(ledger, count, chunk_size=chunk_size)
    chunks = []
    while (chunk := await ledger.claim(campaign, owner="test")) is not None:
        await ledger.record(chunk, taken(chunk))
        chunks.append(chunk)
    return campaign, chunks


def ends(chunk: Chunk, outcome: Outcome, **other: Any) -> list[End]:
    return [End(one.id, outcome, **other) for one in chunk.messages]


def told(chunk: Chunk, place: int, outcome: Outcome = Outcome.DELIVERED, **other: Any) -> News:
    return News(vendor_id=vendor_id(chunk, place), outcome=outcome, **other)


class TestDue:
    async def test_comes_when_it_was_said_to_the_earliest_first(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await filled(ledger, 12)
            chunks = [await claimed(ledger, campaign) for _ in range(3)]
            for chunk, due in zip(chunks, (20, 10, None), strict=True):
                at = None if due is None else after(due)
                await ledger.record(chunk, taken(chunk), due_at=at)
            assert [one.id for one in await ledger.due(campaign)] == [chunks[2].id]
            clock.later(20)
            found = await ledger.due(campaign)
            assert [one.id for one in found] == [chunks[2].id, chunks[1].id, chunks[0].id]
            assert [one.due_at for one in found] == [START, after(10), after(20)]
            assert {one.accepted for one in found} == {4}
            assert [one.id for one in await ledger.due(campaign, limit=1)] == [chunks[2].id]

    async def test_is_put_off(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign, [one, other] = await sent(ledger, 8)
            await ledger.postpone(campaign, [one.id, other.id], after(60))
            assert await ledger.due(campaign) == []
            assert await ledger.next_due(campaign) == after(60)
            await ledger.postpone(campaign, [other.id], after(30))
            assert await ledger.next_due(campaign) == after(30)

    async def test_is_put_off_for_no_other_campaign(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            other = await filled(ledger, 1, "other")
            await ledger.postpone(other, [chunk.id], after(60))
            assert await ledger.next_due(campaign) == START

    async def test_is_as_early_as_the_first_of_its_messages(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            for place, seconds in enumerate((40, 30, 50)):
                await ledger.record(chunk, [taken(chunk)[place]], due_at=after(seconds))
            assert await ledger.next_due(campaign) == after(30)

    async def test_row_57_is_now_where_the_clock_was_put_back(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            await ledger.postpone(campaign, [chunk.id], after(30))
            clock.later(-3600)
            assert await ledger.due(campaign) == []
            assert [one.id for one in await ledger.due(campaign, horizon=120)] == [chunk.id]
            assert await ledger.due(campaign, horizon=4000) == []

    async def test_ends_with_the_last_message(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            await ledger.record_ends(campaign, ends(chunk, Outcome.DELIVERED)[:3])
            [due] = await ledger.due(campaign)
            assert due.accepted == 1
            [last] = await ledger.open_messages(chunk.id)
            assert (last.id, last.accepted_at) == (chunk.messages[3].id, START)
            await ledger.record_ends(campaign, ends(chunk, Outcome.DELIVERED))
            assert await ledger.due(campaign) == []
            assert await ledger.next_due(campaign) is None
            assert await ledger.open_messages(chunk.id) == []


class TestEnds:
    @pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.FAILED])
    async def test_are_written_once(self, where: str, outcome: Outcome) -> None:
        async with Ledger.open(where) as ledger:
            campaign, [chunk, _] = await sent(ledger, 8)
            assert await ledger.record_ends(campaign, ends(chunk, outcome)) == 4
            assert await ledger.record_ends(campaign, ends(chunk, outcome)) == 0
            assert await states(ledger, campaign) == {State(outcome.value): 4, State.ACCEPTED: 4}

    @pytest.mark.parametrize("first", ["DELIVERED", "UNDELIVERABLE", "PERMANENT_ERROR"])
    async def test_of_the_vendor_are_never_changed(self, where: str, first: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            await ledger.record_ends(campaign, ends(chunk, Outcome[first]))
            for later in set(Outcome) - {Outcome.FAILED}:
                assert await ledger.record_ends(campaign, ends(chunk, later)) == 0
            assert await ledger.record(chunk, came_to(chunk, SendOutcome.UNKNOWN)) == 0
            assert await states(ledger, campaign) == {State[first]: 4}

    @pytest.mark.parametrize("given_up", ["TIMED_OUT", "NOT_FOUND"])
    async def test_of_our_own_give_way_to_the_vendors_word(self, where: str, given_up: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            await ledger.record_ends(campaign, ends(chunk, Outcome[given_up]))
            for other in (Outcome.TIMED_OUT, Outcome.NOT_FOUND):
                assert await ledger.record_ends(campaign, ends(chunk, other)) == 0
            assert await ledger.record_ends(campaign, ends(chunk, Outcome.DELIVERED)) == 4
            assert await states(ledger, campaign) == {State.DELIVERED: 4}

    async def test_that_contradict_each_other_count_by_their_order(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            both = [*ends(chunk, Outcome.UNDELIVERABLE), *ends(chunk, Outcome.DELIVERED)]
            assert await ledger.record_ends(campaign, both) == 4
            assert await states(ledger, campaign) == {State.UNDELIVERABLE: 4}

    async def test_come_in_any_number_and_order(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign, chunks = await sent(ledger, 4_500, chunk_size=500)
            several = [end for chunk in reversed(chunks) for end in ends(chunk, Outcome.DELIVERED)]
            assert await ledger.record_ends(campaign, several[::2] + several[1::2]) == 4_500
            assert await states(ledger, campaign) == {State.DELIVERED: 4_500}

    async def test_of_what_was_not_accepted_or_is_not_there_change_nothing(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            other = await filled(ledger, 1, "other")
            chunk = await claimed(ledger, campaign)
            assert await ledger.record_ends(campaign, ends(chunk, Outcome.DELIVERED)) == 0
            await ledger.record(chunk, taken(chunk))
            assert await ledger.record_ends(other, ends(chunk, Outcome.DELIVERED)) == 0
            assert await ledger.record_ends(campaign, [End(10**12, Outcome.DELIVERED)]) == 0
            assert await states(ledger, campaign) == {State.ACCEPTED: 4}

    def test_are_ends(self) -> None:
        with pytest.raises(ConfigurationError, match="outcome: FAILED"):
            End(1, Outcome.FAILED)
        with pytest.raises(ConfigurationError, match="outcome: FAILED"):
            News(vendor_id="v", outcome=Outcome.FAILED)


class TestExpiring:
    async def test_ends_what_was_accepted_too_long_ago(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await filled(ledger, 260, chunk_size=2)
            chunks = [await claimed(ledger, campaign) for _ in range(130)]
            for chunk in chunks:
                await ledger.record(chunk, taken(chunk)[:1])
            clock.later(100)
            for chunk in chunks:
                await ledger.record(chunk, taken(chunk)[1:])
            assert await ledger.expire(campaign, START) == 0
            assert await ledger.expire(campaign, after(50)) == 130
            assert await states(ledger, campaign) == {State.TIMED_OUT: 130, State.ACCEPTED: 130}
            assert await ledger.expire(campaign, after(101), outcome=Outcome.NOT_FOUND) == 130
            assert await states(ledger, campaign) == {State.TIMED_OUT: 130, State.NOT_FOUND: 130}

    async def test_ends_what_is_old_in_some_chunks_only(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await filled(ledger, 12)
            chunks = [await claimed(ledger, campaign) for _ in range(3)]
            for chunk in chunks:
                await ledger.record(chunk, taken(chunk))
            assert await ledger.expire(campaign, after(1), chunk_ids=[chunks[1].id]) == 4
            assert await ledger.open_messages(chunks[1].id) == []
            assert await states(ledger, campaign) == {State.TIMED_OUT: 4, State.ACCEPTED: 8}

    async def test_ends_nothing_as_failed(self, path: Any) -> None:
        async with Ledger.open(path) as ledger:
            campaign = await filled(ledger, 1)
            with pytest.raises(ConfigurationError, match="outcome: FAILED"):
                await ledger.expire(campaign, START, outcome=Outcome.FAILED)


class TestHastening:
    async def test_makes_everything_due_that_is_to_be_asked_after(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign = await filled(ledger, 12)
            chunks = [await claimed(ledger, campaign) for _ in range(3)]
            for chunk in chunks[:2]:
                await ledger.record(chunk, taken(chunk), due_at=after(100))
            assert await ledger.due(campaign) == []
            await ledger.hasten(campaign)
            due = await ledger.due(campaign)
            assert [(one.id, one.due_at, one.accepted_at) for one in due] == [
                (chunk.id, START, START) for chunk in chunks[:2]
            ]


class TestNews:
    async def test_finds_its_message_among_many(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign, chunks = await sent(ledger, 240, chunk_size=2)
            await ledger.add_news([told(chunk, 1, cost=Decimal("0.07")) for chunk in chunks])
            assert await ledger.merge_news(campaign) == 120
            assert await ledger.merge_news(campaign) == 0
            assert await states(ledger, campaign) == {State.DELIVERED: 120, State.ACCEPTED: 120}
            assert (await ledger.costs(campaign)).charged == Decimal("8.40")

    async def test_row_61_and_62_come_twice_or_late_and_change_nothing(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            await ledger.add_news([told(chunk, 0), told(chunk, 0), told(chunk, 0, Outcome.UNDELIVERABLE)])
            assert await ledger.merge_news(campaign) == 1
            await ledger.add_news([told(chunk, 0, Outcome.PERMANENT_ERROR)])
            assert await ledger.merge_news(campaign) == 0
            assert await states(ledger, campaign) == {State.DELIVERED: 1, State.ACCEPTED: 3}

    async def test_row_63_that_comes_before_the_answer_waits_for_it(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            await ledger.add_news([told(chunk, 2)])
            assert await ledger.merge_news(campaign) == 0
            await ledger.record(chunk, taken(chunk))
            assert await ledger.merge_news(campaign) == 1
            assert await states(ledger, campaign) == {State.ACCEPTED: 3, State.DELIVERED: 1}

    async def test_row_64_that_names_the_tracking_id_settles_an_unknown_message(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            await ledger.recover(campaign)
            await ledger.add_news([told(chunk, 1, tracking_id="spring-2"), told(chunk, 2)])
            assert await ledger.merge_news(campaign) == 1
            assert await states(ledger, campaign) == {State.DELIVERED: 1, State.UNKNOWN: 3}
            assert await ledger.record(chunk, taken(chunk)) == 3

    async def test_row_64_that_names_the_tracking_id_leaves_a_pending_message_alone(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, came_to(chunk, SendOutcome.UNKNOWN)[:1])
            await ledger.give_back(chunk)
            await ledger.add_news([told(chunk, 1, tracking_id="spring-2")])
            assert await ledger.merge_news(campaign) == 0
            assert await states(ledger, campaign) == {State.UNKNOWN: 1, State.PENDING: 3}

    async def test_is_better_than_giving_up(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            await ledger.record_ends(campaign, ends(chunk, Outcome.TIMED_OUT))
            await ledger.add_news([told(chunk, 0), told(chunk, 1, Outcome.NOT_FOUND)])
            assert await ledger.merge_news(campaign) == 1
            assert await states(ledger, campaign) == {State.DELIVERED: 1, State.TIMED_OUT: 3}

    async def test_about_nobody_is_forgotten_in_time(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await filled(ledger, 8)
            chunk, other = await claimed(ledger, campaign), await claimed(ledger, campaign)
            await ledger.record(other, taken(other))
            await ledger.add_news([told(chunk, 0)])
            clock.later(600)
            await ledger.add_news([told(chunk, 1)])
            await ledger.merge_news(campaign, keep=300)
            await ledger.record(chunk, taken(chunk))
            assert await ledger.merge_news(campaign, keep=300) == 1

    async def test_of_another_campaign_stays_for_it(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await ledger.add(await begun(ledger), [new(1)])
            other = await filled(ledger, 1, "other")
            await ledger.add(campaign, [new(2)])
            campaign = await ledger.seal(campaign)
            chunks = [await claimed(ledger, whose) for whose in (campaign, campaign, other)]
            for chunk in chunks:
                await ledger.record(chunk, taken(chunk))
            assert chunks[0].id < chunks[2].id < chunks[1].id
            await ledger.add_news([told(chunk, 0) for chunk in chunks])
            assert await ledger.merge_news(campaign) == 2
            assert await states(ledger, other) == {State.ACCEPTED: 1}
            assert await ledger.merge_news(other) == 1
            assert await states(ledger, campaign) == {State.DELIVERED: 2}


class TestCosts:
    async def test_are_exact_whatever_their_digits(self, where: str) -> None:
        prices = ["0.1", "0.2", "0.0000000000001", "12345678901234567890.05", "1E+3", None, "0.1", "0.05"]
        async with Ledger.open(where) as ledger:
            campaign = await begun(ledger, chunk_size=7)
            await ledger.add(campaign, [new(line, price=price) for line, price in enumerate(prices, 1)])
            campaign = await ledger.seal(campaign)
            chunk = await claimed(ledger, campaign)
            results = [*taken(chunk)[:5], *came_to(chunk, SendOutcome.UNKNOWN)[5:6]]
            await ledger.record(chunk, [*results, *came_to(chunk, SendOutcome.REJECTED)[6:]])
            charged = ["0.1", "0.2", "0.00000000000000000003"]
            await ledger.record_ends(
                campaign,
                [
                    End(one.id, Outcome.DELIVERED, Decimal(cost))
                    for one, cost in zip(chunk.messages, charged, strict=False)
                ],
            )
            costs = await ledger.costs(campaign)
        assert str(costs.estimated) == "12345678901234568890.5000000000001"
        assert str(costs.committed) == "12345678901234568890.3500000000001"
        assert str(costs.charged) == "0.30000000000000000003"
        assert (costs.unpriced, costs.uncharged) == (1, 3)

    async def test_of_nothing_are_nothing(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            costs = await ledger.costs(await begun(ledger))
        assert (costs.estimated, costs.committed, costs.charged) == (Decimal(0),) * 3
        assert (costs.unpriced, costs.uncharged) == (0, 0)

    @pytest.mark.parametrize("amount", ["NaN", "Infinity", "1E+41", "0." + "1" * 41])
    def test_that_nobody_could_pay_are_refused(self, amount: str) -> None:
        with pytest.raises(ConfigurationError, match="cost: must"):
            End(1, Outcome.DELIVERED, Decimal(amount))
        with pytest.raises(ConfigurationError, match="price: must"):
            NewMessage(1, message(1), price=Decimal(amount))


class TestCounts:
    async def test_name_every_state(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign, _ = await sent(ledger, 5)
            counts = await ledger.counts(campaign)
        assert counts.by_state.keys() == set(State)
        assert (counts[State.ACCEPTED], counts[State.PENDING], counts.total) == (5, 0, 5)


class TestTimes:
    async def test_are_kept_to_the_millisecond_in_utc(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign, [chunk] = await sent(ledger, 4)
            east = dt.timezone(dt.timedelta(hours=7))
            await ledger.postpone(
                campaign, [chunk.id], dt.datetime(2027, 1, 1, 3, 0, 0, 123_456, tzinfo=east)
            )
            due = await ledger.next_due(campaign)
        assert due == dt.datetime(2026, 12, 31, 20, 0, 0, 123_000, tzinfo=dt.UTC)
        assert due.tzinfo is dt.UTC
