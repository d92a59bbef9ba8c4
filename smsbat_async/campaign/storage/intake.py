"""Intake: the recipients of a campaign come in, and are complete."""

from collections.abc import Sequence
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import CampaignState, NewMessage, State
from smsbat_async.campaign.schema import (
    CODES,
    campaign,
    chunk,
    message,
    of_campaign,
    range_of,
    recipient,
    settlement,
)
from smsbat_async.campaign.storage.contents import options
from smsbat_async.campaign.storage.database import Dialect
from smsbat_async.errors import ConfigurationError, LedgerConflictError

TRANSACTION = 2_000
"""How many messages come in with one transaction, at most: more hold up the event loop."""

SHOWN = 5
"""How many repeated ids an error names."""

RECIPIENT = ("id", "line", "tracking_id", "phone", "text", "options")
MESSAGE = ("id", "state", "attempt", "parts", "country", "price")


def slices(messages: Sequence[NewMessage], chunk_size: int) -> list[Sequence[NewMessage]]:
    """Cut messages into what comes in with one transaction each: whole chunks, but for the last."""
    step = max(1, TRANSACTION // chunk_size) * chunk_size
    return [messages[start : start + step] for start in range(0, len(messages), step)]


def check(messages: Sequence[NewMessage], read_to: int | None) -> None:
    """Check that lines grow, and that any database can keep the messages.

    Raises:
        ConfigurationError: If they do not.
    """
    lines = [new.line for new in messages]
    if any(after <= before for before, after in pairwise(lines)) or lines[:1] == [0]:
        raise ConfigurationError("messages: their lines must begin at 1 and grow")
    if read_to is not None and lines and read_to < lines[-1]:
        raise ConfigurationError(f"read_to: must be {lines[-1]} or more, the line of the last message")
    for new in messages:
        if "\0" in (new.message.text or "") or "\0" in new.message.from_name:
            raise ConfigurationError(
                f"messages: the one of line {new.line} has a NUL in it, which nobody can read"
            )


async def add(
    connection: AsyncConnection,
    dialect: Dialect,
    campaign_id: int,
    messages: Sequence[NewMessage],
    read_to: int,
) -> None:
    """Keep messages, and that their source was read up to some line."""
    query = sa.select(campaign).where(campaign.c.id == campaign_id).with_for_update()
    known = (await connection.execute(query)).one()
    if known.sealed_at is not None:
        raise LedgerConflictError(
            f"campaign {known.name!r} is complete: begin another one for more recipients"
        )
    if messages and messages[0].line <= known.imported_line:
        raise LedgerConflictError(
            f"messages: line {messages[0].line} of campaign {known.name!r} is dealt with: go on after line "
            f"{known.imported_line}"
        )
    common = known.common
    if common is None and messages:
        common = options(messages[0].message)
    recipients, fates = [], []
    for start in range(0, len(messages), known.chunk_size):
        some = messages[start : start + known.chunk_size]
        first, _ = range_of(await _new_chunk(connection, campaign_id, len(some)))
        for number, new in enumerate(some, first):
            what = new.message
            own = options(what)
            kept = None if own == common else own
            recipients.append((number, new.line, what.id, what.to_phone, what.text, kept))
            price = None if new.price is None else str(new.price)
            fates.append((number, CODES[State.PENDING], 0, new.parts, new.country, price))
    if messages:
        await dialect.insert(connection, recipient, RECIPIENT, recipients)
        await dialect.insert(connection, message, MESSAGE, fates)
    await connection.execute(
        campaign.update()
        .where(campaign.c.id == campaign_id)
        .values(common=common, imported_line=read_to, size=campaign.c.size + len(messages))
    )


async def _new_chunk(connection: AsyncConnection, campaign_id: int, size: int) -> int:
    new = {"campaign_id": campaign_id, "size": size, "pending": size, "attempt": 0}
    number: int = (await connection.execute(chunk.insert().returning(chunk.c.id), new)).scalar_one()
    return number


async def seal(connection: AsyncConnection, campaign_id: int, now: int) -> None:
    """Say that all recipients are there, once it is sure that none is there twice."""
    known = (await connection.execute(sa.select(campaign).where(campaign.c.id == campaign_id))).one()
    if known.sealed_at is not None:
        return
    # Sorting all ids once costs a small part of what keeping them sorted while they come in would cost.
    first, count = sa.func.min(recipient.c.line), sa.func.count()
    query = (
        sa.select(first, sa.func.max(recipient.c.line))
        .select_from(of_campaign(recipient, campaign_id))
        .group_by(recipient.c.tracking_id)
        .having(count > 1)
        .order_by(first)
        .limit(SHOWN)
    )
    repeated = (await connection.execute(query)).all()
    if repeated:
        lines = ", ".join(f"{one} and {other}" for one, other in repeated)
        raise LedgerConflictError(
            f"campaign {known.name!r} has ids that occur more than once, on lines {lines}"
            + (", and maybe more" if len(repeated) == SHOWN else "")
            + ": discard it, and import a source in which every id occurs once"
        )
    await connection.execute(
        campaign.update()
        .where(campaign.c.id == campaign_id)
        .values(sealed_at=now, state=CampaignState.READY.value)
    )


async def discard(connection: AsyncConnection, campaign_id: int, limit: int) -> bool:
    """Remove some chunks of a campaign of which nothing was ever claimed, and at last the campaign.

    Returns:
        Whether there is more to remove.
    """
    claimed = sa.select(chunk.c.id).where(chunk.c.campaign_id == campaign_id, chunk.c.attempt > 0).limit(1)
    if (await connection.execute(claimed)).first() is not None:
        raise LedgerConflictError(
            f"campaign {campaign_id} has begun to send, which must be remembered: cancel it instead"
        )
    some = sa.select(chunk.c.id).where(chunk.c.campaign_id == campaign_id).order_by(chunk.c.id).limit(limit)
    chunk_ids = (await connection.scalars(some)).all()
    for chunk_id in chunk_ids:
        first, last = range_of(chunk_id)
        for table in (recipient, message):
            await connection.execute(table.delete().where(table.c.id.between(first, last)))
        await connection.execute(chunk.delete().where(chunk.c.id == chunk_id))
    if len(chunk_ids) == limit:
        # What is half removed must not be sent if this is where it breaks off.
        await connection.execute(
            campaign.update()
            .where(campaign.c.id == campaign_id)
            .values(sealed_at=None, state=CampaignState.IMPORTING.value, fingerprint="")
        )
        return True
    await connection.execute(settlement.delete().where(settlement.c.campaign_id == campaign_id))
    await connection.execute(campaign.delete().where(campaign.c.id == campaign_id))
    return False
