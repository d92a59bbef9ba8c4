"""Tally: how many messages of which chunks went from which state to which."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.schema import COUNTED, chunk
from smsbat_async.campaign.storage.bulk import Bulk, within

_MORE = {code: sa.bindparam(f"more_{code}", type_=sa.Integer) for code in COUNTED}

WRITE = Bulk(
    sa.update(chunk)
    .where(chunk.c.id == sa.bindparam("chunk_id"))
    .values({column.name: column + _MORE[code] for code, column in COUNTED.items()}),
    *(bound.key for bound in _MORE.values()),
    "chunk_id",
)


class Tally:
    """What changes in the counts of chunks; written in the transaction that moves the messages."""

    def __init__(self) -> None:
        self.moved = 0
        self._changes: dict[int, list[int]] = {}

    def move(self, chunk_id: int, before: int, after: int, count: int = 1) -> None:
        """Count messages of a chunk that go from one state to another, by the codes of the states."""
        changes = self._changes.get(chunk_id)
        if changes is None:
            changes = self._changes[chunk_id] = [0] * len(COUNTED)
        changes[before] -= count
        changes[after] += count
        self.moved += count

    async def write(self, connection: AsyncConnection) -> None:
        """Write the changes."""
        changes = sorted(self._changes.items())
        await WRITE.run(connection, [(*more, chunk_id) for chunk_id, more in changes])


async def hold(connection: AsyncConnection, chunk_ids: Iterable[int], campaign_id: int) -> set[int]:
    """Keep chunks of a campaign from being changed by others until the transaction ends.

    It comes before any change of theirs.

    Args:
        connection: A connection within a transaction.
        chunk_ids: Which chunks.
        campaign_id: The campaign that they must belong to.

    Returns:
        Those that there are.
    """
    query = (
        sa.select(chunk.c.id)
        .where(within(connection, chunk.c.id, chunk_ids), chunk.c.campaign_id == campaign_id)
        .order_by(chunk.c.id)
        .with_for_update()
    )
    return set(await connection.scalars(query))
