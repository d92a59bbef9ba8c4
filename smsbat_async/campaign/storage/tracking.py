"""Tracking: which messages are to be asked after, and how they ended."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import DueChunk, End, OpenMessage, State
from smsbat_async.campaign.schema import (
    CODES,
    OUTCOMES,
    chunk,
    chunk_of,
    from_moment,
    message,
    range_of,
    recipient,
    to_moment,
)
from smsbat_async.campaign.storage.bulk import Bulk, within
from smsbat_async.campaign.storage.contents import kept
from smsbat_async.campaign.storage.sending import CODE_KEPT, ERROR_KEPT
from smsbat_async.campaign.storage.tally import Tally, hold
from smsbat_async.statuses import Outcome

TRANSACTION = 2_000
"""How many ends are written with one transaction, at most."""

ACCEPTED = CODES[State.ACCEPTED]
GIVEN_UP = frozenset({CODES[State.TIMED_OUT], CODES[State.NOT_FOUND]})
"""What the campaign said because the vendor told no end: what the vendor tells later is better."""

OPEN = (
    sa.select(message.c.id, message.c.vendor_id, recipient.c.tracking_id, message.c.accepted_at)
    .select_from(message.join(recipient, message.c.id == recipient.c.id))
    .where(
        message.c.id.between(sa.bindparam("first"), sa.bindparam("last")),
        message.c.state == ACCEPTED,
        message.c.vendor_id.is_not(None),
    )
    .order_by(message.c.id)
)

END = Bulk(
    sa.update(message)
    .where(message.c.id == sa.bindparam("message_id"))
    .values(
        state=sa.bindparam("state"),
        ended_at=sa.bindparam("ended_at"),
        polls=sa.bindparam("polls"),
        channel=sa.bindparam("channel"),
        cost=sa.bindparam("cost"),
        error_code=sa.bindparam("error_code"),
        error=sa.bindparam("error"),
    ),
    *("state", "ended_at", "polls", "channel", "cost", "error_code", "error", "message_id"),
)


def may_end(before: int, after: int) -> bool:
    """Return whether a message may go from one state to the state of its end, by their codes."""
    return before == ACCEPTED or (before in GIVEN_UP and after not in GIVEN_UP)


async def due(
    connection: AsyncConnection, campaign_id: int, *, limit: int, now: int, horizon: int | None
) -> list[DueChunk]:
    """Return chunks whose messages are to be asked after, the longest due first."""
    late = chunk.c.due_at <= now
    if horizon is not None:
        late = sa.or_(late, chunk.c.due_at > now + horizon)
    query = (
        sa.select(chunk.c.id, chunk.c.due_at, chunk.c.accepted_at, chunk.c.accepted)
        .where(chunk.c.campaign_id == campaign_id, chunk.c.accepted > 0, late)
        .order_by(chunk.c.due_at, chunk.c.id)
        .limit(limit)
    )
    return [
        DueChunk(row.id, from_moment(row.due_at), from_moment(row.accepted_at), row.accepted)
        for row in await connection.execute(query)
    ]


async def next_due(connection: AsyncConnection, campaign_id: int) -> int | None:
    """Return when the next chunk is due."""
    query = sa.select(sa.func.min(chunk.c.due_at)).where(
        chunk.c.campaign_id == campaign_id, chunk.c.accepted > 0
    )
    at: int | None = await connection.scalar(query)
    return at


async def open_messages(connection: AsyncConnection, chunk_id: int) -> list[OpenMessage]:
    """Return the messages of a chunk that can be asked after."""
    first, last = range_of(chunk_id)
    rows = await connection.execute(OPEN, {"first": first, "last": last})
    return [OpenMessage(number, vendor, own, from_moment(at)) for number, vendor, own, at in rows]


async def hasten(connection: AsyncConnection, campaign_id: int, now: int) -> None:
    """Say that everything is to be asked after now."""
    await connection.execute(
        sa.update(chunk)
        .where(chunk.c.campaign_id == campaign_id, chunk.c.accepted > 0, chunk.c.due_at > now)
        .values(due_at=now)
    )


async def postpone(
    connection: AsyncConnection, campaign_id: int, chunk_ids: Sequence[int], due_at: int
) -> None:
    """Say when chunks are to be asked after next."""
    await connection.execute(
        sa.update(chunk)
        .where(chunk.c.id.in_(sorted(chunk_ids)), chunk.c.campaign_id == campaign_id)
        .values(due_at=due_at)
    )


ASKED = Bulk(
    sa.update(chunk)
    .where(chunk.c.id == sa.bindparam("the_chunk"), chunk.c.campaign_id == sa.bindparam("the_campaign"))
    .values(asked=chunk.c.asked + sa.bindparam("more", type_=sa.BigInteger)),
    *("more", "the_chunk", "the_campaign"),
)


async def add_asked(connection: AsyncConnection, campaign_id: int, asked: Mapping[int, int]) -> None:
    """Count requests that brought no end."""
    await ASKED.run(connection, [(more, chunk_id, campaign_id) for chunk_id, more in sorted(asked.items())])


async def record_ends(connection: AsyncConnection, campaign_id: int, ends: Iterable[End], now: int) -> int:
    """Write how messages ended, the first news of each."""
    wanted: dict[int, End] = {}
    for end in ends:
        wanted.setdefault(end.message_id, end)
    mine = await hold(connection, (chunk_of(number) for number in wanted), campaign_id)
    query = sa.select(message.c.id, message.c.state).where(within(connection, message.c.id, wanted))
    tally, changes = Tally(), list[tuple[Any, ...]]()
    for number, before in await connection.execute(query):
        end, chunk_id = wanted[number], chunk_of(number)
        after = OUTCOMES[end.outcome]
        if chunk_id not in mine or not may_end(before, after):
            continue
        changes.append(
            (
                after,
                now if end.ended_at is None else to_moment(end.ended_at),
                end.polls,
                kept(end.channel, CODE_KEPT),
                None if end.cost is None else str(end.cost),
                kept(end.error_code, CODE_KEPT),
                kept(end.error, ERROR_KEPT),
                number,
            )
        )
        tally.move(chunk_id, before, after)
    await END.run(connection, changes)
    await tally.write(connection)
    return len(changes)


async def expire(
    connection: AsyncConnection,
    campaign_id: int,
    *,
    before: int,
    outcome: Outcome,
    among: Sequence[int] | None,
    after_chunk: int,
    limit: int,
    now: int,
) -> tuple[int, int | None]:
    """End what was accepted before some time, in some chunks.

    Returns:
        How many messages there were, and after which chunk to go on, or None where there is no more.
    """
    query = (
        sa.select(chunk.c.id)
        .where(chunk.c.campaign_id == campaign_id, chunk.c.accepted > 0, chunk.c.id > after_chunk)
        .where(chunk.c.accepted_at < before)
        .order_by(chunk.c.id)
        .limit(limit)
        .with_for_update()
    )
    if among is not None:
        query = query.where(chunk.c.id.in_(sorted(among)))
    chunk_ids = (await connection.scalars(query)).all()
    tally = Tally()
    for chunk_id in chunk_ids:
        first, last = range_of(chunk_id)
        done = await connection.execute(
            sa.update(message)
            .where(message.c.id.between(first, last), message.c.state == ACCEPTED)
            .where(message.c.accepted_at < before)
            .values(state=OUTCOMES[outcome], ended_at=now)
        )
        tally.move(chunk_id, ACCEPTED, OUTCOMES[outcome], done.rowcount)
    await tally.write(connection)
    return tally.moved, chunk_ids[-1] if len(chunk_ids) == limit else None
