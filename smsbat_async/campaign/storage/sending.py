"""Sending: chunks are claimed, and what became of their messages is written down."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import Chunk, MessageRecord, State
from smsbat_async.campaign.schema import CODES, campaign, chunk, message, range_of, recipient
from smsbat_async.campaign.storage.bulk import Bulk
from smsbat_async.campaign.storage.contents import kept, reader
from smsbat_async.campaign.storage.tally import Tally
from smsbat_async.errors import ApiError, LedgerConflictError, SmsBatError
from smsbat_async.messages import SendOutcome, SendResult

PENDING, SUBMITTING, NOT_SENT = CODES[State.PENDING], CODES[State.SUBMITTING], CODES[State.NOT_SENT]
ACCEPTED, UNKNOWN = CODES[State.ACCEPTED], CODES[State.UNKNOWN]

RESULTS: dict[SendOutcome, int] = {
    SendOutcome.ACCEPTED: ACCEPTED,
    SendOutcome.REJECTED: CODES[State.REJECTED],
    SendOutcome.NOT_SENT: NOT_SENT,
    SendOutcome.UNKNOWN: UNKNOWN,
}

CODE_KEPT, ERROR_KEPT = 60, 200
"""How many characters of an error's code and text are kept with a message."""

FIRST, LAST = sa.bindparam("first", type_=sa.BigInteger), sa.bindparam("last", type_=sa.BigInteger)
ATTEMPT = sa.bindparam("the_attempt", type_=sa.Integer)
NOW = sa.bindparam("now", type_=sa.BigInteger)

FREE = (
    sa.select(chunk.c.id)
    .where(chunk.c.campaign_id == sa.bindparam("the_campaign"), chunk.c.pending > 0, chunk.c.submitting == 0)
    .where(sa.or_(chunk.c.not_before.is_(None), chunk.c.not_before <= NOW))
    .order_by(chunk.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)

CLAIM = (
    sa.update(chunk)
    .where(chunk.c.id == FREE.scalar_subquery())
    .values(
        attempt=chunk.c.attempt + 1,
        owner=sa.bindparam("the_owner"),
        claimed_at=NOW,
        not_before=None,
        submitting=chunk.c.pending,
        pending=0,
    )
    .returning(chunk.c.id, chunk.c.attempt)
)

SUBMIT = (
    sa.update(message)
    .where(message.c.id.between(FIRST, LAST), message.c.state == PENDING)
    .values(state=SUBMITTING, attempt=ATTEMPT)
)

CLAIMED = (
    sa.select(
        recipient.c.id,
        recipient.c.line,
        recipient.c.tracking_id,
        recipient.c.phone,
        recipient.c.text,
        recipient.c.options,
        message.c.parts,
        message.c.country,
        message.c.price,
    )
    .select_from(message.join(recipient, message.c.id == recipient.c.id))
    .where(message.c.id.between(FIRST, LAST), message.c.state == SUBMITTING, message.c.attempt == ATTEMPT)
    .order_by(message.c.id)
)

HELD = sa.select(chunk.c.campaign_id).where(chunk.c.id == sa.bindparam("the_chunk")).with_for_update()

OPEN = sa.select(message.c.id, message.c.state).where(
    message.c.id.between(FIRST, LAST),
    message.c.attempt == ATTEMPT,
    sa.or_(message.c.state == SUBMITTING, message.c.state == UNKNOWN),
)

RECORD = Bulk(
    sa.update(message)
    .where(message.c.id == sa.bindparam("message_id"))
    .values(
        state=sa.bindparam("state"),
        vendor_id=sa.bindparam("vendor_id"),
        accepted_at=sa.bindparam("accepted_at"),
        error_code=sa.bindparam("error_code"),
        error=sa.bindparam("error"),
    ),
    *("state", "vendor_id", "accepted_at", "error_code", "error", "message_id"),
)

_DUE = sa.bindparam("due", type_=sa.BigInteger)
_NONE_BEFORE = chunk.c.accepted == 0
ASK_AFTER = (
    sa.update(chunk)
    .where(chunk.c.id == sa.bindparam("the_chunk"))
    .values(
        due_at=sa.case(
            (sa.or_(_NONE_BEFORE, chunk.c.due_at.is_(None), chunk.c.due_at > _DUE), _DUE),
            else_=chunk.c.due_at,
        ),
        accepted_at=sa.case(
            (sa.or_(_NONE_BEFORE, chunk.c.accepted_at.is_(None)), NOW), else_=chunk.c.accepted_at
        ),
    )
)
"""Say of a chunk that messages of it are to be asked after, before the accepted ones are counted."""


NEXT = sa.select(sa.func.min(sa.func.coalesce(chunk.c.not_before, 0))).where(
    chunk.c.campaign_id == sa.bindparam("the_campaign"), chunk.c.pending > 0, chunk.c.submitting == 0
)


class Claim(NamedTuple):
    """What was claimed, not yet made into messages."""

    id: int
    attempt: int
    common: str | None
    rows: Sequence[sa.Row[*tuple[Any, ...]]]

    def chunk(self, campaign_id: int) -> Chunk:
        """Return it with its messages."""
        read = reader(self.common)
        prices: dict[str | None, Decimal | None] = {None: None}  # few prices, many messages
        messages: list[MessageRecord] = []
        for number, line, tracking_id, phone, text, options, parts, country, price in self.rows:
            if price not in prices:
                prices[price] = Decimal(price)
            what = read(tracking_id, phone, text, options)
            messages.append(MessageRecord(number, line, what, parts, country, prices[price]))
        return Chunk(self.id, campaign_id, self.attempt, tuple(messages))


async def common_of(connection: AsyncConnection, campaign_id: int) -> str | None:
    """Return what the messages of a campaign share, once all of them are there."""
    known = (await connection.execute(sa.select(campaign).where(campaign.c.id == campaign_id))).one_or_none()
    if known is None or known.sealed_at is None:
        raise LedgerConflictError(
            f"campaign {campaign_id} is not complete: import all of it and seal it before anything is sent"
        )
    common: str | None = known.common
    return common


async def claim(
    connection: AsyncConnection, campaign_id: int, *, common: str | None, owner: str, now: int
) -> Claim | None:
    """Claim the next chunk, so that nobody else may."""
    asked = {"the_campaign": campaign_id, "the_owner": owner, "now": now}
    free = (await connection.execute(CLAIM, asked)).one_or_none()
    if free is None:
        return None
    chunk_id, attempt = free
    where = _where(chunk_id, attempt)
    await connection.execute(SUBMIT, where)
    rows = await connection.execute(CLAIMED, where)
    return Claim(chunk_id, attempt, common, rows.all())


async def record(
    connection: AsyncConnection, claimed: Chunk, results: Iterable[SendResult], now: int, due_at: int
) -> int:
    """Write what became of messages of a chunk, as far as its attempt still has a say."""
    wanted = {result.message.id: result for result in results}
    await _hold(connection, claimed)
    open_before = await _open(connection, claimed)
    changes = list[tuple[Any, ...]]()
    moves: Counter[tuple[int, int]] = Counter()
    for one in claimed.messages:
        result, before = wanted.get(one.message.id), open_before.get(one.id)
        if result is None or before is None:
            continue
        after = RESULTS[result.outcome]
        if after == before:
            continue
        if after == ACCEPTED:
            changes.append((after, kept(result.message_id), now, None, None, one.id))
        else:
            changes.append((after, None, None, *_told(result.error), one.id))
        moves[before, after] += 1
    if changes:
        await RECORD.run(connection, changes)
        if any(after == ACCEPTED for _, after in moves):
            await ask_after(connection, claimed.id, now, due_at)
        tally = Tally()
        for (before, after), count in moves.items():
            tally.move(claimed.id, before, after, count)
        await tally.write(connection)
    return len(changes)


async def ask_after(connection: AsyncConnection, chunk_id: int, now: int, due_at: int) -> None:
    """Say that messages of a chunk are to be asked after; call it before they are counted as accepted."""
    await connection.execute(ASK_AFTER, {"the_chunk": chunk_id, "now": now, "due": due_at})


async def give_back(connection: AsyncConnection, claimed: Chunk, not_before: int | None) -> int:
    """Make messages claimable again of which nothing was recorded, as far as the attempt has a say."""
    await _hold(connection, claimed)
    open_before = await _open(connection, claimed)
    mine = [one.id for one in claimed.messages if open_before.get(one.id) == SUBMITTING]
    if not mine:
        return 0
    first, last = range_of(claimed.id)
    await connection.execute(
        sa.update(message)
        .where(message.c.id.between(first, last), message.c.state == SUBMITTING)
        .where(message.c.attempt == claimed.attempt)
        .values(state=PENDING)
    )
    tally = Tally()
    tally.move(claimed.id, SUBMITTING, PENDING, len(mine))
    await tally.write(connection)
    await connection.execute(
        sa.update(chunk).where(chunk.c.id == claimed.id).values(not_before=not_before, owner=None)
    )
    return len(mine)


async def next_claim(connection: AsyncConnection, campaign_id: int) -> int | None:
    """Return when the next chunk may be claimed, in milliseconds, or None where none is left."""
    at: int | None = await connection.scalar(NEXT, {"the_campaign": campaign_id})
    return at


async def unclaim(connection: AsyncConnection, claimed: Claim | None, campaign_id: int) -> None:
    """Give back what was claimed for a caller who is gone."""
    if claimed is not None:
        await give_back(connection, claimed.chunk(campaign_id), None)


async def restate(
    connection: AsyncConnection,
    campaign_id: int,
    before: State,
    after: State,
    *,
    owner: str | None,
    limit: int,
) -> tuple[int, bool]:
    """Take the messages of some chunks that are in one state to another.

    Returns:
        How many there were, and whether there are more.
    """
    column = chunk.c[before.value]
    query = sa.select(chunk.c.id, column).where(chunk.c.campaign_id == campaign_id, column > 0)
    if owner is not None:
        query = query.where(chunk.c.owner == owner)
    found = (await connection.execute(query.order_by(chunk.c.id).limit(limit).with_for_update())).all()
    tally = Tally()
    for chunk_id, count in found:
        first, last = range_of(chunk_id)
        await connection.execute(
            sa.update(message)
            .where(message.c.id.between(first, last), message.c.state == CODES[before])
            .values(state=CODES[after], error_code=None, error=None)
        )
        tally.move(chunk_id, CODES[before], CODES[after], count)
    await tally.write(connection)
    return tally.moved, len(found) == limit


async def _hold(connection: AsyncConnection, claimed: Chunk) -> None:
    whose = await connection.scalar(HELD, {"the_chunk": claimed.id})
    if whose is None or whose != claimed.campaign_id:
        raise LedgerConflictError(f"chunk: the ledger has no chunk {claimed.id} of this campaign")


async def _open(connection: AsyncConnection, claimed: Chunk) -> dict[int, int]:
    rows = await connection.execute(OPEN, _where(claimed.id, claimed.attempt))
    return {row[0]: row[1] for row in rows}


def _where(chunk_id: int, attempt: int) -> dict[str, int]:
    first, last = range_of(chunk_id)
    return {"first": first, "last": last, "the_attempt": attempt}


def _told(error: SmsBatError | None) -> tuple[str | None, str | None]:
    if error is None:
        return None, None
    code = error.code if isinstance(error, ApiError) else None
    return kept(code, CODE_KEPT) or type(error).__name__, kept(str(error), ERROR_KEPT)
