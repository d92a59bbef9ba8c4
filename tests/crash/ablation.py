"""A ledger with nothing on disk before messages leave: what was sent is written when the answer has come.

Within one process it does what the real one does. It has to fail where that one must not.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, Chunk, State
from smsbat_async.campaign.schema import CODES, message
from smsbat_async.campaign.schema import chunk as chunks
from smsbat_async.campaign.storage.tally import Tally
from smsbat_async.messages import SendResult

LONG = dt.timedelta(days=1)
PENDING, SUBMITTING = CODES[State.PENDING], CODES[State.SUBMITTING]


def forget_intents() -> None:
    """Let every ledger of this process keep its claims in memory only."""
    claim, record, recover, give_back = Ledger.claim, Ledger.record, Ledger.recover, Ledger.give_back

    async def undone(self: Ledger, campaign: CampaignRecord, *, owner: str) -> Chunk | None:
        """Claim, and take the claim back from the disk; for this process alone it is gone for a day."""
        claimed = await claim(self, campaign, owner=owner)
        if claimed is not None:
            await give_back(self, claimed, not_before=self.now + LONG)
        return claimed

    async def written_late(
        self: Ledger, chunk: Chunk, results: Iterable[SendResult], *, due_at: dt.datetime | None = None
    ) -> int:
        await self.read(lambda connection: _submit(connection, chunk))
        return await record(self, chunk, results, due_at=due_at)

    async def let_go(self: Ledger, chunk: Chunk, *, not_before: dt.datetime | None = None) -> int:
        await self.read(lambda connection: _submit(connection, chunk))
        return await give_back(self, chunk, not_before=not_before)

    async def begun_anew(self: Ledger, campaign: CampaignRecord, *, owner: str | None = None) -> int:
        """Let everything be claimed that a dead process had claimed: nothing on disk says what that was."""
        free = sa.update(chunks).where(chunks.c.campaign_id == campaign.id).values(not_before=None)
        await self.read(lambda connection: connection.execute(free))
        return await recover(self, campaign, owner=owner)

    Ledger.claim = undone  # type: ignore[method-assign]
    Ledger.record = written_late  # type: ignore[method-assign]
    Ledger.give_back = let_go  # type: ignore[method-assign]
    Ledger.recover = begun_anew  # type: ignore[method-assign]


async def _submit(connection: Any, claimed: Chunk) -> None:
    """Make of a claim what it would have been on disk all the time."""
    numbers = [one.id for one in claimed.messages]
    mine = sa.update(message).where(
        message.c.id.in_(numbers), message.c.state == PENDING, message.c.attempt == claimed.attempt
    )
    changed = await connection.execute(mine.values(state=SUBMITTING))
    tally = Tally()
    if changed.rowcount:
        tally.move(claimed.id, PENDING, SUBMITTING, changed.rowcount)
        await tally.write(connection)
