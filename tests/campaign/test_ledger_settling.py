"""The ledger and UNKNOWN messages: listed, settled by what somebody knows, and never by themselves."""

import pytest

from smsbat_async import ConfigurationError, SendOutcome
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, Settlement, State
from tests.campaign.ledgers import PHONE, START, Clock, after, came_to, claimed, filled, states, taken

WHO = {"who": "olena", "why": "the vendor's cabinet"}


async def doubtful(ledger: Ledger, count: int, *, chunk_size: int = 4) -> CampaignRecord:
    """Return a campaign of whose messages nobody knows whether they went out."""
    campaign = await filled(ledger, count, chunk_size=chunk_size)
    while await ledger.claim(campaign, owner="dead") is not None:
        pass
    await ledger.recover(campaign)
    return campaign


class TestListing:
    async def test_turns_pages(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign = await doubtful(ledger, 10)
            await doubtful_other(ledger)
            pages, after_message = [], 0
            while page := await ledger.unknown(campaign, after=after_message, limit=3):
                pages.append([one.line for one in page])
                after_message = page[-1].id
            assert pages == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]
            [first] = await ledger.unknown(campaign, limit=1)
            assert (first.tracking_id, first.phone, first.attempt) == ("spring-1", PHONE, 1)
            assert first.claimed_at == START

    async def test_shows_nothing_that_is_known(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, [*taken(chunk)[:3], *came_to(chunk, SendOutcome.UNKNOWN)[3:]])
            assert [one.line for one in await ledger.unknown(campaign)] == [4]


async def doubtful_other(ledger: Ledger) -> None:
    other = await filled(ledger, 2, "other")
    await ledger.claim(other, owner="dead")
    await ledger.recover(other)


class TestSettling:
    async def test_takes_the_word_of_people_and_remembers_whose(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await doubtful(ledger, 6)
            clock.later(60)
            said = [
                Settlement("spring-1", State.ACCEPTED, "vendor-1"),
                Settlement("spring-2", State.ACCEPTED),
                Settlement("spring-3", State.DELIVERED, "vendor-3"),
                Settlement("spring-4", State.PENDING),
                Settlement("spring-5", State.REJECTED),
                Settlement("nobody", State.DELIVERED),
            ]
            assert await ledger.settle(campaign, said, **WHO) == 5
            assert await states(ledger, campaign) == {
                State.ACCEPTED: 2,
                State.DELIVERED: 1,
                State.PENDING: 1,
                State.REJECTED: 1,
                State.UNKNOWN: 1,
            }
            remembered = await ledger.settlements(campaign)
            assert [(one.tracking_id, one.state, one.vendor_id) for one in remembered] == [
                (one.tracking_id, one.state, one.vendor_id) for one in said[:5]
            ]
            assert {(one.who, one.why, one.at) for one in remembered} == {(*WHO.values(), after(60))}
            assert [one.tracking_id for one in await ledger.settlements(campaign, skip=1, limit=2)] == [
                "spring-2",
                "spring-3",
            ]

    async def test_has_accepted_messages_asked_after_if_they_can_be(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await doubtful(ledger, 2)
            clock.later(60)
            said = [
                Settlement("spring-1", State.ACCEPTED, "vendor-1"),
                Settlement("spring-2", State.ACCEPTED),
            ]
            await ledger.settle(campaign, said, **WHO)
            [due] = await ledger.due(campaign)
            assert (due.due_at, due.accepted) == (after(60), 2)
            [asked] = await ledger.open_messages(due.id)
            assert (asked.vendor_id, asked.accepted_at) == ("vendor-1", after(60))
            assert await ledger.expire(campaign, after(61)) == 2

    async def test_sends_again_only_what_was_said_to(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await doubtful(ledger, 4)
            await ledger.settle(campaign, [Settlement("spring-3", State.PENDING)], **WHO)
            chunk = await claimed(ledger, campaign)
            assert (chunk.attempt, [one.line for one in chunk.messages]) == (2, [3])
            assert await ledger.claim(campaign, owner="test") is None

    async def test_leaves_alone_what_is_known(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, taken(chunk))
            assert await ledger.settle(campaign, [Settlement("spring-1", State.PENDING)], **WHO) == 0
            assert await ledger.settle_all(campaign, State.PENDING, **WHO) == 0
            assert await states(ledger, campaign) == {State.ACCEPTED: 4}
            assert await ledger.settlements(campaign) == []

    async def test_settles_all_alike(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await doubtful(ledger, 1_205, chunk_size=400)
            assert await ledger.settle_all(campaign, State.PENDING, **WHO) == 1_205
            assert await states(ledger, campaign) == {State.PENDING: 1_205}
            assert len(await ledger.settlements(campaign, limit=2_000)) == 1_205

    async def test_takes_the_last_word_on_a_message(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await doubtful(ledger, 1)
            said = [Settlement("spring-1", State.PENDING), Settlement("spring-1", State.DELIVERED)]
            assert await ledger.settle(campaign, said, **WHO) == 1
            assert await states(ledger, campaign) == {State.DELIVERED: 1}

    @pytest.mark.parametrize("state", [State.UNKNOWN, State.SUBMITTING])
    async def test_is_no_settling_without_an_end(self, where: str, state: State) -> None:
        with pytest.raises(ConfigurationError, match="settles nothing"):
            Settlement("spring-1", state)
        async with Ledger.open(where) as ledger:
            campaign = await doubtful(ledger, 1)
            with pytest.raises(ConfigurationError, match="settles nothing"):
                await ledger.settle_all(campaign, state, **WHO)

    @pytest.mark.parametrize("missing", ["who", "why"])
    async def test_wants_to_know_who_and_why(self, where: str, missing: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await doubtful(ledger, 1)
            with pytest.raises(ConfigurationError, match=f"{missing}: must say something"):
                await ledger.settle_all(campaign, State.DELIVERED, **{**WHO, missing: " "})
            assert await states(ledger, campaign) == {State.UNKNOWN: 1}
