"""Sums: how many messages are in which state, and what they cost, exactly."""

import decimal
from collections import Counter
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import Costs, Counts, State
from smsbat_async.campaign.schema import COUNTED, STATES, chunk, message, of_campaign
from smsbat_async.errors import LedgerCorruptError

EXACT = decimal.Context(prec=200, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
"""Sums of any amounts that the ledger takes, without rounding: they have at most 40 digits on either side."""

STAYED = frozenset({State.PENDING, State.NOT_SENT, State.REJECTED})
"""The states of messages that cost nothing: they did not go out."""


async def counts(connection: AsyncConnection, campaign_id: int) -> Counts:
    """Return how many messages are in each state, as their chunks count them."""
    query = sa.select(*(sa.func.coalesce(sa.func.sum(column), 0) for column in COUNTED.values())).where(
        chunk.c.campaign_id == campaign_id
    )
    row = (await connection.execute(query)).one()
    return Counts({STATES[code]: int(count) for code, count in zip(COUNTED, row, strict=True)})


async def costs(connection: AsyncConnection, campaign_id: int) -> Costs:
    """Return what a campaign costs.

    The database counts how often each amount occurs, and the few products are added up here: exact in any
    database, without a scale that a price might not fit.
    """
    query = (
        sa.select(message.c.state, message.c.price, message.c.cost, sa.func.count())
        .select_from(of_campaign(message, campaign_id))
        .group_by(message.c.state, message.c.price, message.c.cost)
    )
    estimated = committed = charged = Decimal(0)
    unpriced = uncharged = 0
    with decimal.localcontext(EXACT):
        async with connection.stream(query) as rows:
            async for state, price, cost, count in rows:
                went = STATES[state] not in STAYED
                if price is None:
                    unpriced += count
                else:
                    estimated += Decimal(price) * count
                    committed += Decimal(price) * count if went else 0
                if cost is not None:
                    charged += Decimal(cost) * count
                elif went:
                    uncharged += count
    return Costs(
        estimated=estimated, committed=committed, charged=charged, unpriced=unpriced, uncharged=uncharged
    )


async def verify(connection: AsyncConnection, campaign_id: int) -> None:
    """Compare what chunks count with the messages that there are."""
    counted: dict[int, Counter[int]] = {}
    query = (
        sa.select(chunk.c.id, message.c.state, sa.func.count())
        .select_from(of_campaign(message, campaign_id))
        .group_by(chunk.c.id, message.c.state)
    )
    for number, state, count in await connection.execute(query):
        counted.setdefault(number, Counter())[state] = count
    chunks = await connection.execute(sa.select(chunk).where(chunk.c.campaign_id == campaign_id))
    for row in chunks.mappings():
        found = counted.pop(row["id"], Counter())
        wrong = [STATES[code] for code, column in COUNTED.items() if row[column.name] != found[code]]
        if wrong:
            raise LedgerCorruptError(
                f"chunk {row['id']} counts its messages wrongly ({', '.join(wrong)}): the ledger is damaged, "
                "go on with a backup"
            )
