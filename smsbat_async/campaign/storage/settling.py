"""Settling: the UNKNOWN messages, and what people say became of them."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import Settled, Settlement, State, UnknownMessage
from smsbat_async.campaign.schema import (
    CODES,
    STATES,
    chunk,
    chunk_of,
    from_moment,
    message,
    of_campaign,
    recipient,
    settlement,
)
from smsbat_async.campaign.storage.bulk import within
from smsbat_async.campaign.storage.contents import kept
from smsbat_async.campaign.storage.sending import ask_after
from smsbat_async.campaign.storage.tally import Tally, hold

UNKNOWN, ACCEPTED, PENDING = CODES[State.UNKNOWN], CODES[State.ACCEPTED], CODES[State.PENDING]
NOT_ENDED = frozenset({State.ACCEPTED, State.PENDING, State.NOT_SENT, State.REJECTED})

TRANSACTION = 1_000
"""How many messages are settled with one transaction, at most."""


async def unknown(
    connection: AsyncConnection, campaign_id: int, *, after: int, limit: int, ids: list[str] | None = None
) -> list[UnknownMessage]:
    """Return UNKNOWN messages by their numbers, beginning after one; of these ids, or any."""
    joined = of_campaign(message, campaign_id).join(recipient, recipient.c.id == message.c.id)
    query = (
        sa.select(
            message.c.id,
            recipient.c.line,
            recipient.c.tracking_id,
            recipient.c.phone,
            message.c.attempt,
            chunk.c.claimed_at,
        )
        .select_from(joined)
        .where(chunk.c.unknown > 0, chunk.c.id >= chunk_of(after))
        .where(message.c.state == UNKNOWN, message.c.id > after)
        .order_by(message.c.id)
        .limit(limit)
    )
    if ids is not None:
        query = query.where(recipient.c.tracking_id.in_(ids))
    return [UnknownMessage(*row[:-1], from_moment(row[-1])) for row in await connection.execute(query)]


async def settle(
    connection: AsyncConnection,
    campaign_id: int,
    settled: Mapping[int, Settlement],
    *,
    who: str,
    why: str,
    now: int,
) -> int:
    """Settle UNKNOWN messages, by their numbers, and remember who said so."""
    mine = await hold(connection, (chunk_of(number) for number in settled), campaign_id)
    query = sa.select(message.c.id).where(
        within(connection, message.c.id, settled), message.c.state == UNKNOWN
    )
    tally, chunks = Tally(), set[int]()
    for number in (await connection.scalars(query)).all():
        if chunk_of(number) not in mine:
            continue
        said = settled[number]
        ended = said.state not in NOT_ENDED
        await connection.execute(
            sa.update(message)
            .where(message.c.id == number)
            .values(
                state=CODES[said.state],
                vendor_id=kept(said.vendor_id),
                accepted_at=now if ended or said.state is State.ACCEPTED else None,
                ended_at=now if ended else None,
                error_code=None,
                error=None,
            )
        )
        await connection.execute(
            settlement.insert(),
            {
                "campaign_id": campaign_id,
                "message_id": number,
                "state": CODES[said.state],
                "vendor_id": kept(said.vendor_id),
                "who": kept(who),
                "why": kept(why),
                "at": now,
            },
        )
        tally.move(chunk_of(number), UNKNOWN, CODES[said.state])
        if said.state is State.ACCEPTED:
            chunks.add(chunk_of(number))
    for chunk_id in sorted(chunks):
        await ask_after(connection, chunk_id, now, now)
    await tally.write(connection)
    return tally.moved


async def settlements(
    connection: AsyncConnection, campaign_id: int, *, after: int, limit: int
) -> list[Settled]:
    """Return what was settled, the earliest first."""
    query = (
        sa.select(settlement, recipient.c.tracking_id)
        .join(recipient, recipient.c.id == settlement.c.message_id)
        .where(settlement.c.campaign_id == campaign_id)
        .order_by(settlement.c.id)
        .offset(after)
        .limit(limit)
    )
    return [
        Settled(
            row.message_id,
            row.tracking_id,
            STATES[row.state],
            row.vendor_id,
            row.who,
            row.why,
            from_moment(row.at),
        )
        for row in await connection.execute(query)
    ]
