"""The ledger and sending: who may send what, and what is written of it."""

import asyncio

import pytest

from smsbat_async import LedgerConflictError, SendOutcome, SendResult
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import Chunk, Settlement, State
from tests.campaign.ledgers import (
    Clock,
    after,
    came_to,
    claimed,
    filled,
    message,
    states,
    taken,
    vendor_id,
)


class TestClaiming:
    async def test_gives_out_every_message_once(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 50, chunk_size=4)
            chunks = await asyncio.gather(*(ledger.claim(campaign, owner=f"{n}") for n in range(20)))
            assert chunks[13:] == [None] * 7
            given = [one.line for chunk in chunks[:13] if chunk is not None for one in chunk.messages]
            assert sorted(given) == list(range(1, 51))
            assert await states(ledger, campaign) == {State.SUBMITTING: 50}

    async def test_is_on_disk_before_it_is_answered(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 6)
            chunk = await claimed(ledger, campaign)
        assert (chunk.campaign_id, chunk.attempt, len(chunk.messages)) == (campaign.id, 1, 4)
        async with Ledger.open(where) as ledger:
            assert await states(ledger, campaign) == {State.SUBMITTING: 4, State.PENDING: 2}

    async def test_finds_nothing_where_all_is_done(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 2)
            assert await ledger.claim(campaign, owner="a") is not None
            assert await ledger.claim(campaign, owner="b") is None

    async def test_of_a_cancelled_caller_is_given_back(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            await ledger.give_back(await claimed(ledger, campaign))
            for turns in range(12):
                claiming = asyncio.create_task(ledger.claim(campaign, owner="test"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                claiming.cancel()
                await asyncio.wait([claiming])
                assert claiming.cancelled()
        async with Ledger.open(where) as ledger:
            assert await states(ledger, campaign) == {State.PENDING: 4}
            assert (await claimed(ledger, campaign)).attempt > 1


class TestRecording:
    async def test_knows_four_outcomes(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            results = [
                taken(chunk)[0],
                came_to(chunk, SendOutcome.REJECTED)[1],
                came_to(chunk, SendOutcome.NOT_SENT)[2],
                came_to(chunk, SendOutcome.UNKNOWN)[3],
            ]
            assert await ledger.record(chunk, reversed(results)) == 4
            assert await states(ledger, campaign) == {
                State.ACCEPTED: 1,
                State.REJECTED: 1,
                State.NOT_SENT: 1,
                State.UNKNOWN: 1,
            }
            [asked] = await ledger.open_messages(chunk.id)
            assert (asked.vendor_id, asked.tracking_id) == (vendor_id(chunk, 0), "spring-1")

    async def test_may_be_said_again_and_in_parts(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            assert await ledger.record(chunk, taken(chunk)[:1]) == 1
            assert await ledger.record(chunk, taken(chunk)) == 3
            assert await ledger.record(chunk, taken(chunk)) == 0
            assert await ledger.record(chunk, came_to(chunk, SendOutcome.UNKNOWN)) == 0
            assert await states(ledger, campaign) == {State.ACCEPTED: 4}

    async def test_ignores_messages_that_were_not_claimed_with_it(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 8)
            chunk, other = await claimed(ledger, campaign), await claimed(ledger, campaign)
            foreign = SendResult(message(99), SendOutcome.ACCEPTED, "vendor-99")
            assert await ledger.record(chunk, [foreign, *taken(other)]) == 0
            assert await states(ledger, campaign) == {State.SUBMITTING: 8}

    async def test_survives_the_cancelling_of_its_caller(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            recording = asyncio.create_task(ledger.record(chunk, taken(chunk)))
            await asyncio.sleep(0)
            recording.cancel()
            await asyncio.wait([recording])
            assert recording.cancelled()
            assert await states(ledger, campaign) == {State.ACCEPTED: 4}

    async def test_refuses_a_chunk_of_another_ledger(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 1)
            with pytest.raises(LedgerConflictError, match="no chunk 77 of this campaign"):
                await ledger.record(Chunk(77, campaign.id, 1, ()), [])


class TestAttempts:
    async def test_of_the_past_have_no_say(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            first = await claimed(ledger, campaign)
            assert await ledger.give_back(first) == 4
            second = await claimed(ledger, campaign)
            assert (first.id, first.attempt, second.id, second.attempt) == (first.id, 1, first.id, 2)
            assert await ledger.record(first, taken(first)) == 0
            assert await ledger.give_back(first) == 0
            assert await states(ledger, campaign) == {State.SUBMITTING: 4}
            assert await ledger.record(second, taken(second)) == 4

    async def test_given_back_keep_what_was_recorded(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, [taken(chunk)[0], came_to(chunk, SendOutcome.UNKNOWN)[1]])
            assert await ledger.give_back(chunk) == 2
            assert await states(ledger, campaign) == {State.ACCEPTED: 1, State.UNKNOWN: 1, State.PENDING: 2}
            again = await claimed(ledger, campaign)
            assert [one.line for one in again.messages] == [3, 4]

    async def test_given_back_may_have_to_wait(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await filled(ledger, 4)
            first = await claimed(ledger, campaign)
            assert await ledger.next_claim(campaign) is None
            await ledger.give_back(first, not_before=after(30))
            assert await ledger.claim(campaign, owner="test") is None
            assert await ledger.next_claim(campaign) == after(30)
            clock.later(30)
            assert (await claimed(ledger, campaign)).attempt == 2

    async def test_that_were_not_sent_are_made_again_on_request(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 420, chunk_size=4)
            for _ in range(103):
                chunk = await claimed(ledger, campaign)
                await ledger.record(chunk, taken(chunk)[:1])
                await ledger.record(chunk, came_to(chunk, SendOutcome.NOT_SENT))
            assert await ledger.requeue(campaign) == 3 * 103
            assert await states(ledger, campaign) == {State.ACCEPTED: 103, State.PENDING: 317}
            again = await claimed(ledger, campaign)
            assert (again.attempt, [one.line for one in again.messages]) == (2, [2, 3, 4])
            assert await ledger.requeue(campaign) == 0


class TestRecovering:
    async def test_row_50_makes_unknown_what_was_in_flight_and_never_pending(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 12)
            done = await claimed(ledger, campaign)
            await ledger.record(done, taken(done))
            await claimed(ledger, campaign)
        async with Ledger.open(where) as ledger:
            assert await ledger.recover(campaign) == 4
            assert await ledger.recover(campaign) == 0
            assert await states(ledger, campaign) == {State.ACCEPTED: 4, State.UNKNOWN: 4, State.PENDING: 4}
            assert [one.line for one in (await claimed(ledger, campaign)).messages] == [9, 10, 11, 12]

    async def test_of_one_owner_leaves_the_others_alone(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 8)
            await ledger.claim(campaign, owner="dead")
            await ledger.claim(campaign, owner="alive")
            assert await ledger.recover(campaign, owner="dead") == 4
            assert await states(ledger, campaign) == {State.UNKNOWN: 4, State.SUBMITTING: 4}

    async def test_lets_a_late_answer_say_what_it_knows(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            await ledger.recover(campaign)
            late = [taken(chunk)[0], came_to(chunk, SendOutcome.REJECTED)[1]]
            assert await ledger.record(chunk, late) == 2
            assert await states(ledger, campaign) == {State.ACCEPTED: 1, State.REJECTED: 1, State.UNKNOWN: 2}

    async def test_keeps_a_late_answer_from_a_message_that_is_sent_again(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 2)
            first = await claimed(ledger, campaign)
            await ledger.recover(campaign)
            await ledger.settle(campaign, [Settlement("spring-1", State.PENDING)], who="me", why="resend")
            assert await ledger.record(first, taken(first)[:1]) == 0
            second = await claimed(ledger, campaign)
            assert [one.line for one in second.messages] == [1]
            assert await ledger.record(first, taken(first)) == 1
            assert await states(ledger, campaign) == {State.SUBMITTING: 1, State.ACCEPTED: 1}
