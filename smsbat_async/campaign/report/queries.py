"""What a report asks the ledger: sums that the database makes, of any number of messages.

No answer grows with the campaign: messages are counted, never fetched, but for the few that are shown. Sums
of money have a row for each different amount, which is streamed.
"""

import decimal
import itertools
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import Costs, Counts, State
from smsbat_async.campaign.report.figures import (
    GROUPS,
    TAKEN,
    Bin,
    Breakdown,
    Cost,
    DeliveryTimes,
    ErrorCount,
    Errors,
    Example,
    Funnel,
    Group,
    Point,
    Requests,
    Row,
    Timeline,
    Unknown,
    UnknownRow,
)
from smsbat_async.campaign.report.masking import mask_numbers, mask_one
from smsbat_async.campaign.schema import (
    CODES,
    STATES,
    chunk,
    from_moment,
    message,
    of_campaign,
    recipient,
    settlement,
)
from smsbat_async.campaign.storage import settling
from smsbat_async.campaign.storage.sums import EXACT
from smsbat_async.phones import mask_phone

COUNTRIES: Final = 250
CHANNELS: Final = 25
ERRORS: Final = 50
SHOWN: Final = 20
"""How many countries, channels, errors and UNKNOWN messages are told apart; the rest is counted together."""

PERCENTILES: Final = (50, 75, 90, 95, 99)

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
LONGEST: Final = 30 * DAY
"""Beyond this, a time to delivery is in the last bucket, whatever it is."""

BUCKETS: Final = ((MINUTE, 100), (HOUR, SECOND), (DAY, MINUTE), (LONGEST, 20 * MINUTE))
"""Up to how many milliseconds buckets are how wide: no time is told worse than by 1.7 %, from 6 s on."""

ROUND: Final = tuple(
    [count * SECOND for count in (1, 2, 5, 10, 30)]
    + [count * MINUTE for count in (1, 2, 5, 10, 30)]
    + [count * HOUR for count in (1, 2, 6, 12)]
    + [count * DAY for count in (1, 3, 7, 30)]
)
"""Times that people ask for, in milliseconds; each is the upper bound of a bucket."""

CURVE: Final = 200
"""In how many steps the curve is told."""

WIDTHS: Final = tuple(
    [count * SECOND for count in (1, 2, 5, 10, 15, 30)]
    + [count * MINUTE for count in (1, 2, 5, 10, 15, 30)]
    + [count * HOUR for count in (1, 2, 3, 6, 12)]
    + [count * DAY for count in (1, 2, 7, 14, 28)]
)
"""How long the stretches of a timeline may be, in milliseconds."""

BINS: Final = 60
"""How many stretches a timeline has at most, or two more where it begins and ends within one."""

PLACES: Final = Decimal("0.000001")
"""To what a quotient of money is rounded."""


async def one_snapshot(connection: AsyncConnection) -> None:
    """Have all that follows in the transaction see one state of the ledger.

    Args:
        connection: A connection whose transaction has not read yet.
    """
    if connection.dialect.name == "postgresql":  # a file is this process's alone
        await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def funnel(counts: Counts) -> Funnel:
    """Return how far messages came.

    Args:
        counts: How many are in each state.
    """
    taken = sum(count for state, count in counts.by_state.items() if state in TAKEN)
    return Funnel(recipients=counts.total, accepted=taken, delivered=counts.by_state[State.DELIVERED])


# -- by channel, by country ------------------------------------------------------------------------------


States = dict[State, int]
Kinds = dict[str | None, States]
"""How many messages are in each state, by a property; the most frequent first."""


async def by_country(connection: AsyncConnection, campaign_id: int) -> Kinds:
    """Return the outcome by country, of all messages."""
    return await _kinds(connection, campaign_id, message.c.country, frozenset(State), COUNTRIES)


async def by_channel(connection: AsyncConnection, campaign_id: int) -> Kinds:
    """Return the outcome by channel, of the messages that the vendor took: only those can have one."""
    return await _kinds(connection, campaign_id, message.c.channel, TAKEN, CHANNELS)


async def _kinds(
    connection: AsyncConnection,
    campaign_id: int,
    column: sa.Column[Any],
    which: frozenset[State],
    limit: int,
) -> Kinds:
    count = sa.func.count()
    total = sa.func.sum(count).over(partition_by=column)
    query = (
        sa.select(column, message.c.state, count)
        .select_from(of_campaign(message, campaign_id))
        .where(message.c.state.in_([CODES[state] for state in which]))
        .group_by(column, message.c.state)
        .order_by(total.desc(), column, message.c.state)
        .limit((limit + 1) * len(STATES))
    )
    found: Kinds = {}
    for name, state, number in await connection.execute(query):
        if name in found or len(found) < limit:
            found.setdefault(name, {})[STATES[state]] = number
    return found


class Charges(NamedTuple):
    """What was charged by channel and by country."""

    channels: dict[str | None, Decimal]
    countries: dict[str | None, Decimal]


async def charges(
    connection: AsyncConnection, campaign_id: int, channels: Kinds, countries: Kinds
) -> Charges:
    """Return what was charged for some channels and countries, exactly."""
    cost, count = message.c.cost, sa.func.count()
    query = (
        sa.select(message.c.channel, message.c.country, cost, count)
        .select_from(of_campaign(message, campaign_id))
        .where(cost.is_not(None))
        .group_by(message.c.channel, message.c.country, cost)
    )
    found = Charges(dict.fromkeys(channels, Decimal(0)), dict.fromkeys(countries, Decimal(0)))
    with decimal.localcontext(EXACT):
        async with connection.stream(query) as rows:
            async for channel, country, amount, times in rows:
                product = Decimal(amount) * times
                if channel in found.channels:
                    found.channels[channel] += product
                if country in found.countries:
                    found.countries[country] += product
    return found


def breakdown(
    kinds: Kinds, charged: dict[str | None, Decimal], whole: Mapping[State, int], all_charged: Decimal
) -> Breakdown:
    """Return rows of some kinds, and what of the whole is in none of them.

    Args:
        kinds: How many messages are in each state, by their kind.
        charged: What was charged for each kind.
        whole: How many messages there are in each state.
        all_charged: What was charged for them.
    """
    rows = tuple(
        Row(name=name, messages=sum(states.values()), states=states, charged=charged[name])
        for name, states in kinds.items()
    )
    left = Counter(whole)
    for states in kinds.values():
        left.subtract(states)
    rest = {state: number for state, number in left.items() if number}
    with decimal.localcontext(EXACT):
        others = Row(
            name=None,
            messages=sum(rest.values()),
            states=rest,
            charged=all_charged - sum(charged.values(), Decimal(0)),
        )
    return Breakdown(rows=rows, others=others if rest else None)


# -- time to delivery ------------------------------------------------------------------------------------

# What a webhook or a person told of an UNKNOWN message has no acceptance of its own: the two times are one.
TAKES = message.c.ended_at - message.c.accepted_at
TIMED = sa.and_(message.c.state == CODES[State.DELIVERED], TAKES > 0)


def _rounded_up(value: sa.ColumnElement[Any], width: int) -> sa.ColumnElement[Any]:
    return (value + (width - 1)) // width * width


BUCKET = sa.case(
    *((until >= TAKES, _rounded_up(TAKES, width)) for until, width in BUCKETS), else_=LONGEST + 20 * MINUTE
)
"""The upper bound of the bucket that a time to delivery is in, in milliseconds."""


async def delivery_times(connection: AsyncConnection, campaign_id: int, delivered: int) -> DeliveryTimes:
    """Return how long delivered messages took."""
    bucket = BUCKET.label("bucket")
    query = (
        sa.select(bucket, sa.func.count(), sa.func.max(TAKES))
        .select_from(of_campaign(message, campaign_id))
        .where(TIMED)
        .group_by(bucket)
        .order_by(bucket)
    )
    rows = (await connection.execute(query)).all()
    buckets = [(row[0], row[1]) for row in rows]
    timed = sum(count for _, count in buckets)
    return DeliveryTimes(
        messages=timed,
        untimed=delivered - timed,
        percentiles={
            percent: _after(buckets, percent * timed, 100) / SECOND for percent in PERCENTILES if timed
        },
        longest=max((row[2] for row in rows), default=0) / SECOND if rows else None,
        within=_within(buckets),
        curve=_curve(buckets, timed),
    )


def _after(buckets: list[tuple[int, int]], share: int, whole: int) -> int:
    """Return the end of the bucket with which `share / whole` messages are reached."""
    reached = itertools.accumulate(count for _, count in buckets)
    return next(until for (until, _), so_far in zip(buckets, reached, strict=True) if so_far * whole >= share)


def _within(buckets: list[tuple[int, int]]) -> tuple[Point, ...]:
    points: list[Point] = []
    timed = sum(count for _, count in buckets)
    for moment in ROUND:
        reached = sum(count for until, count in buckets if until <= moment)
        if reached:
            points.append(Point(moment / SECOND, reached))
        if reached == timed:
            break
    return tuple(points)


def _curve(buckets: list[tuple[int, int]], timed: int) -> tuple[Point, ...]:
    points: list[Point] = []
    reached = step = 0
    for until, count in buckets:
        reached += count
        if reached * CURVE >= (step + 1) * timed:
            step = reached * CURVE // timed
            points.append(Point(until / SECOND, reached))
    return tuple(points)


# -- over time -------------------------------------------------------------------------------------------


class Totals(NamedTuple):
    """What one pass over the messages tells."""

    first: int | None
    last: int | None
    polls: int


async def totals(connection: AsyncConnection, campaign_id: int) -> Totals:
    """Return when it began and ended, and how many polls the ends took."""
    low, high = sa.func.min(message.c.accepted_at), sa.func.max(message.c.accepted_at)
    delivered = message.c.state == CODES[State.DELIVERED]
    first_end = sa.func.min(sa.case((delivered, message.c.ended_at)))
    last_end = sa.func.max(sa.case((delivered, message.c.ended_at)))
    query = sa.select(low, first_end, high, last_end, sa.func.sum(message.c.polls)).select_from(
        of_campaign(message, campaign_id)
    )
    begun, arrived, accepted, ended, polls = (await connection.execute(query)).one()
    return Totals(
        min((moment for moment in (begun, arrived) if moment is not None), default=None),
        max((moment for moment in (accepted, ended) if moment is not None), default=None),
        int(polls or 0),
    )


async def timeline(
    connection: AsyncConnection, campaign_id: int, first: int | None, last: int | None
) -> Timeline:
    """Return what happened when, in stretches that are as short as keeps them few."""
    if first is None or last is None:
        return Timeline(width=0, bins=())
    width = stretch(last - first)
    origin = first // width * width
    taken = message.c.accepted_at.is_not(None)
    delivered = message.c.state == CODES[State.DELIVERED]
    accepted = await _binned(connection, campaign_id, message.c.accepted_at, taken, origin, width)
    arrived = await _binned(connection, campaign_id, message.c.ended_at, delivered, origin, width)
    return Timeline(
        width=width // SECOND,
        bins=tuple(
            Bin(
                at=from_moment(origin + number * width),
                accepted=accepted.get(number, 0),
                delivered=arrived.get(number, 0),
            )
            for number in sorted(accepted.keys() | arrived.keys())
        ),
    )


def stretch(span: int) -> int:
    """Return the shortest round width that cuts a span into few, both in milliseconds."""
    fitting = next((width for width in WIDTHS if span <= width * BINS), None)
    return fitting or -(-span // (WIDTHS[-1] * BINS)) * WIDTHS[-1]


async def _binned(
    connection: AsyncConnection,
    campaign_id: int,
    column: sa.Column[Any],
    which: sa.ColumnElement[bool],
    origin: int,
    width: int,
) -> dict[int, int]:
    number = ((column - origin) // width).label("number")
    query = (
        sa.select(number, sa.func.count())
        .select_from(of_campaign(message, campaign_id))
        .where(which)
        .group_by(number)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


# -- cost, errors, unknown, requests ---------------------------------------------------------------------


def cost(costs: Costs, delivered: int, currency: str | None) -> Cost:
    """Return what it costs.

    Args:
        costs: What the ledger counts.
        delivered: How many messages were delivered.
        currency: The currency of all amounts, if it is known.
    """
    each = None
    if delivered and costs.charged:
        with decimal.localcontext(prec=60):
            each = (costs.charged / delivered).quantize(PLACES)
    return Cost(
        currency=currency,
        estimated=costs.estimated,
        committed=costs.committed,
        charged=costs.charged,
        unpriced=costs.unpriced,
        uncharged=costs.uncharged,
        charged_per_delivered=each,
    )


async def errors(connection: AsyncConnection, campaign_id: int) -> Errors:
    """Return what went wrong: how often, and the first message that it happened to."""
    code, state, count = message.c.error_code, message.c.state, sa.func.count()
    first = sa.func.min(message.c.id).label("first")
    several = (
        sa.select(code, state, count.label("messages"), first, sa.func.sum(count).over().label("everything"))
        .select_from(of_campaign(message, campaign_id))
        .where(code.is_not(None))
        .group_by(code, state)
        .order_by(count.desc(), code, state)
        .limit(ERRORS)
        .subquery()
    )
    example = message.alias("example")
    query = (
        sa.select(several, recipient.c.line, recipient.c.phone, example.c.error)
        .select_from(
            several.join(recipient, recipient.c.id == several.c.first).join(
                example, example.c.id == several.c.first
            )
        )
        .order_by(several.c.messages.desc(), several.c.error_code, several.c.state)
    )
    found = (await connection.execute(query)).all()
    rows = tuple(
        ErrorCount(
            code=mask_numbers(mask_one(row.error_code, row.phone)),
            state=STATES[row.state],
            messages=row.messages,
            example=Example(
                line=row.line,
                phone=mask_phone(row.phone),
                error=None if row.error is None else mask_one(mask_numbers(row.error), row.phone),
            ),
        )
        for row in found
    )
    everything = int(found[0].everything) if found else 0
    return Errors(
        rows=rows,
        others=everything - sum(row.messages for row in rows),
        without_code=await _without_code(connection, campaign_id),
    )


async def _without_code(connection: AsyncConnection, campaign_id: int) -> int:
    bad = [CODES[state] for state, group in GROUPS.items() if group in (Group.FAILED, Group.REJECTED)]
    query = (
        sa.select(sa.func.count())
        .select_from(of_campaign(message, campaign_id))
        .where(message.c.state.in_(bad), message.c.error_code.is_(None))
    )
    found: int = (await connection.execute(query)).scalar_one()
    return found


async def unknown(connection: AsyncConnection, campaign_id: int, counts: Counts) -> Unknown:
    """Return the messages whose fate is not known: how many, and the first of them."""
    shown = await settling.unknown(connection, campaign_id, after=0, limit=SHOWN)
    query = sa.select(sa.func.count()).where(settlement.c.campaign_id == campaign_id)
    return Unknown(
        messages=counts.by_state[State.UNKNOWN],
        rows=tuple(
            UnknownRow(
                line=one.line,
                tracking_id=mask_one(one.tracking_id, one.phone),
                phone=mask_phone(one.phone),
                claimed_at=one.claimed_at,
            )
            for one in shown
        ),
        settled=(await connection.execute(query)).scalar_one(),
    )


async def requests(connection: AsyncConnection, campaign_id: int, polls: int) -> Requests:
    """Return what it took to send messages and to follow them."""
    claimed = sa.func.sum(sa.case((chunk.c.attempt > 0, chunk.c.size), else_=0))
    query = sa.select(sa.func.sum(chunk.c.attempt), claimed, sa.func.sum(chunk.c.asked)).where(
        chunk.c.campaign_id == campaign_id
    )
    claims, messages, asked = (int(value or 0) for value in (await connection.execute(query)).one())
    return Requests(
        claims=claims,
        claimed_messages=messages,
        status_requests=polls + asked,
        per_message=(claims + polls + asked) / messages if messages else None,
    )
