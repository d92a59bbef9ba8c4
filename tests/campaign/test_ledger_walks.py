"""The ledger under long random work: nobody is lost, doubled, or taken back from an end."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async import Outcome, SendOutcome, SendResult
from smsbat_async.campaign import schema
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, Chunk, End, News, Settlement, State
from tests.campaign.ledgers import Clock, came_to, filled, states, taken, vendor_id

COUNT = 60
STEPS = 150


class Walk:
    """Does this and that to a campaign, and remembers who was let out how often, and for what reason.

    Args:
        ledger: The ledger.
        campaign: The campaign.
        clock: What the ledger takes for the time.
        seed: Where the random numbers begin.
    """

    def __init__(self, ledger: Ledger, campaign: CampaignRecord, clock: Clock, seed: int) -> None:
        self.ledger, self.campaign, self.clock = ledger, campaign, clock
        self.random = random.Random(seed)
        self.chunks: list[Chunk] = []
        self.sent = Counter[str]()
        self.may_be_sent = Counter({f"spring-{line}": 1 for line in range(1, COUNT + 1)})

    async def step(self) -> None:
        does = [self.claim] * 4 + [self.record] * 6 + [self.end] * 3
        does += [self.give_back, self.recover, self.requeue, self.tell, self.settle, self.expire]
        await self.random.choice(does)()

    def some(self) -> Chunk | None:
        return self.random.choice(self.chunks) if self.chunks else None

    async def claim(self) -> None:
        chunk = await self.ledger.claim(self.campaign, owner="walker")
        if chunk is not None:
            self.chunks.append(chunk)
            for one in chunk.messages:
                self.sent[one.message.id] += 1
                assert self.sent[one.message.id] <= self.may_be_sent[one.message.id], "sent once too often"

    async def record(self) -> None:
        chunk = self.some()
        if chunk is not None:
            outcome = self.random.choice(list(SendOutcome))
            results: Sequence[SendResult] = (
                taken(chunk) if outcome is SendOutcome.ACCEPTED else came_to(chunk, outcome)
            )
            await self.ledger.record(chunk, self.random.sample(results, self.random.randint(0, len(results))))

    async def end(self) -> None:
        chunk = self.some()
        if chunk is not None:
            outcome = self.random.choice(list(Outcome)[:5])
            few = self.random.sample(chunk.messages, self.random.randint(0, len(chunk.messages)))
            await self.ledger.record_ends(self.campaign, [End(one.id, outcome) for one in few])

    async def give_back(self) -> None:
        chunk = self.some()
        before = await self.pending()
        if chunk is not None and await self.ledger.give_back(chunk):
            self.let_out(await self.pending() - before)

    async def recover(self) -> None:
        before = await self.pending()
        await self.ledger.recover(self.campaign)
        assert await self.pending() == before

    async def requeue(self) -> None:
        before = await self.pending()
        await self.ledger.requeue(self.campaign)
        self.let_out(await self.pending() - before)

    async def tell(self) -> None:
        chunk = self.some()
        if chunk is not None:
            place = self.random.randrange(len(chunk.messages))
            named = self.random.choice([None, chunk.messages[place].message.id])
            outcome = self.random.choice(list(Outcome)[:3])
            news = News(vendor_id=vendor_id(chunk, place), tracking_id=named, outcome=outcome)
            await self.ledger.add_news([news])
            await self.ledger.merge_news(self.campaign)

    async def settle(self) -> None:
        for one in (await self.ledger.unknown(self.campaign))[:2]:
            state = self.random.choice([State.PENDING, State.ACCEPTED, State.DELIVERED])
            said = Settlement(one.tracking_id, state, "vendor-settled")
            await self.ledger.settle(self.campaign, [said], who="me", why="a walk")
            if state is State.PENDING:
                self.let_out({one.tracking_id})

    async def expire(self) -> None:
        moment = self.clock.later(1)
        await self.ledger.expire(self.campaign, moment)

    def let_out(self, ids: set[str]) -> None:
        self.may_be_sent.update(ids)

    async def pending(self) -> set[str]:
        return {tracking_id for tracking_id, state in (await self.seen()).items() if state is State.PENDING}

    async def seen(self) -> dict[str, State]:
        """Return the state of every message, as its row says."""

        async def read(connection: AsyncConnection) -> dict[str, State]:
            query = sa.select(schema.recipient.c.tracking_id, schema.message.c.state).join(
                schema.message, schema.message.c.id == schema.recipient.c.id
            )
            rows = await connection.execute(query)
            return {tracking_id: schema.STATES[code] for tracking_id, code in rows}

        return await self.ledger.read(read)


FINAL = {State.DELIVERED, State.UNDELIVERABLE, State.PERMANENT_ERROR, State.REJECTED}


@pytest.mark.parametrize("seed", range(4))
async def test_a_walk_loses_nobody_and_doubles_nobody(where: str, seed: int) -> None:
    clock = Clock()
    async with Ledger.open(where, clock=clock) as ledger:
        campaign = await filled(ledger, COUNT, chunk_size=7)
        walk = Walk(ledger, campaign, clock, seed)
        before = await walk.seen()
        for _ in range(STEPS):
            await walk.step()
            now = await walk.seen()
            assert now.keys() == before.keys()
            for tracking_id, state in before.items():
                assert state not in FINAL or now[tracking_id] is state, "taken back from its end"
            before = now
        assert sum((await states(ledger, campaign)).values()) == COUNT
        assert sum(walk.sent.values()) > COUNT
