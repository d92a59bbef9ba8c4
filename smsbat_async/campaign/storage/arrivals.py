"""Arrivals: what the vendor told by itself is appended, and later merged into the messages it is about.

An index on the vendor's ids of all messages would make the writing of accepted ones several times slower,
since the ids are random. The news are few beside them: they are indexed, and the messages are walked
through.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import News, State
from smsbat_async.campaign.schema import CODES, OUTCOMES, chunk, chunk_of, message, news, range_of, recipient
from smsbat_async.campaign.storage.bulk import Bulk
from smsbat_async.campaign.storage.contents import kept
from smsbat_async.campaign.storage.sending import CODE_KEPT
from smsbat_async.campaign.storage.tally import Tally, hold

ACCEPTED, UNKNOWN = CODES[State.ACCEPTED], CODES[State.UNKNOWN]
GIVEN_UP = (CODES[State.TIMED_OUT], CODES[State.NOT_FOUND])
CHUNKS = 50
"""How many chunks are walked through in one transaction."""

MERGE = Bulk(
    sa.update(message)
    .where(message.c.id == sa.bindparam("message_id"))
    .values(
        state=sa.bindparam("state"),
        vendor_id=sa.bindparam("vendor_id"),
        accepted_at=sa.func.coalesce(message.c.accepted_at, sa.bindparam("since", type_=sa.BigInteger)),
        ended_at=sa.bindparam("ended_at"),
        channel=sa.bindparam("channel"),
        cost=sa.bindparam("cost"),
        error_code=sa.null(),
        error=sa.null(),
    ),
    *("state", "vendor_id", "since", "ended_at", "channel", "cost", "message_id"),
)
FORGET = Bulk(news.delete().where(news.c.id == sa.bindparam("news_id")), "news_id")


async def add(connection: AsyncConnection, told: Iterable[News], now: int) -> None:
    """Keep what was told."""
    await connection.execute(
        news.insert(),
        [
            {
                "vendor_id": kept(one.vendor_id),
                "tracking_id": kept(one.tracking_id),
                "state": OUTCOMES[one.outcome],
                "channel": kept(one.channel, CODE_KEPT),
                "cost": None if one.cost is None else str(one.cost),
                "at": now,
            }
            for one in told
        ],
    )


async def any_left(connection: AsyncConnection) -> bool:
    """Return whether there is anything to merge."""
    return (await connection.execute(sa.select(news.c.id).limit(1))).first() is not None


async def merge(connection: AsyncConnection, campaign_id: int, after_chunk: int) -> tuple[int, int | None]:
    """Merge what was told into some chunks.

    Returns:
        How many messages changed, and after which chunk to go on, or None where there is no more.
    """
    counts = (chunk.c.accepted, chunk.c.unknown, chunk.c.timed_out, chunk.c.not_found)
    query = (
        sa.select(chunk.c.id, chunk.c.unknown)
        .where(chunk.c.campaign_id == campaign_id, chunk.c.id > after_chunk)
        .where(sa.or_(*(count > 0 for count in counts)))
        .order_by(chunk.c.id)
        .limit(CHUNKS)
    )
    chunks = (await connection.execute(query)).all()
    if not chunks:
        return 0, None
    within = message.c.id.between(range_of(chunks[0].id)[0], range_of(chunks[-1].id)[1])
    found = list(await connection.execute(_by_vendor_id(within)))
    if any(one.unknown for one in chunks):
        found += await connection.execute(_by_tracking_id(within))
    moved = await _apply(connection, found, campaign_id)
    return moved, chunks[-1].id if len(chunks) == CHUNKS else None


async def forget(connection: AsyncConnection, before: int) -> None:
    """Forget what was told before some time and was about no message here."""
    await connection.execute(news.delete().where(news.c.at < before))


def _by_vendor_id(within: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    ended = sa.and_(message.c.state.in_(GIVEN_UP), news.c.state.not_in(GIVEN_UP))
    return _matching(message.join(news, news.c.vendor_id == message.c.vendor_id), within).where(
        sa.or_(message.c.state == ACCEPTED, ended)
    )


def _by_tracking_id(within: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    whose = message.join(recipient, recipient.c.id == message.c.id)
    named = whose.join(news, news.c.tracking_id == recipient.c.tracking_id)
    return _matching(named, within).where(message.c.state == UNKNOWN)


def _matching(source: sa.Join, within: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            news.c.id,
            message.c.id,
            message.c.state,
            news.c.state,
            news.c.vendor_id,
            news.c.channel,
            news.c.cost,
            news.c.at,
        )
        .select_from(source)
        .where(within)
        .order_by(news.c.id)
    )


async def _apply(
    connection: AsyncConnection, found: Sequence[sa.Row[*tuple[Any, ...]]], campaign_id: int
) -> int:
    mine = await hold(connection, (chunk_of(row[1]) for row in found), campaign_id)
    tally, changes, used = Tally(), dict[int, tuple[Any, ...]](), list[tuple[int]]()
    for news_id, number, before, state, vendor_id, channel, cost, at in found:
        if chunk_of(number) not in mine:
            continue
        used.append((news_id,))
        if number in changes:
            continue  # the first news of a message is what counts
        changes[number] = (state, vendor_id, at, at, channel, cost, number)
        tally.move(chunk_of(number), before, state)
    await MERGE.run(connection, list(changes.values()))
    await tally.write(connection)
    await FORGET.run(connection, used)
    return len(changes)
