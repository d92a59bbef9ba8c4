"""Report: all figures of a campaign at one moment."""

import datetime as dt
from typing import Self

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignState, State
from smsbat_async.campaign.report import queries
from smsbat_async.campaign.report.figures import (
    TAKEN,
    Breakdown,
    Cost,
    DeliveryTimes,
    Errors,
    Funnel,
    Requests,
    Timeline,
    Unknown,
)
from smsbat_async.campaign.report.masking import mask_numbers
from smsbat_async.campaign.storage import campaigns, sums


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a campaign, as the ledger knows it at one moment; made by `await Report.of(...)`.

    Args:
        name: The campaign's name.
        state: Where it is.
        reason: Why it is there, if that was told; what may be a phone number is masked.
        created_at: When it was begun, UTC.
        made_at: When these figures were taken, UTC.
        funnel: How far messages came.
        states: How many messages are in each state.
        channels: The outcome of what the vendor took, by the channel that it named.
        countries: The outcome of all messages by country.
        delivery: How long delivered messages took.
        timeline: What happened when.
        cost: What it costs.
        errors: What went wrong.
        unknown: The messages whose fate is not known.
        requests: What it took to send messages and to follow them.
    """

    name: str
    state: CampaignState
    reason: str | None
    created_at: dt.datetime
    made_at: dt.datetime
    funnel: Funnel
    states: dict[State, int]
    channels: Breakdown
    countries: Breakdown
    delivery: DeliveryTimes
    timeline: Timeline
    cost: Cost
    errors: Errors
    unknown: Unknown
    requests: Requests

    @classmethod
    async def of(
        cls, ledger: Ledger, name: str, *, currency: str | None = None, made_at: dt.datetime | None = None
    ) -> Self:
        """Return the report of a campaign, all of it as of one moment.

        Args:
            ledger: The ledger; it does nothing else meanwhile.
            name: The campaign's name.
            currency: The ISO 4217 code of all amounts, if it is known.
            made_at: When this is, an aware datetime, or None for now.

        Raises:
            LedgerConflictError: If there is no such campaign.
        """
        now = (made_at or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)

        async def work(connection: AsyncConnection) -> Self:
            return await cls._of(connection, name, currency, now)

        return await ledger.read(work)

    @classmethod
    async def _of(
        cls, connection: AsyncConnection, name: str, currency: str | None, now: dt.datetime
    ) -> Self:
        await queries.one_snapshot(connection)
        campaign = await campaigns.get(connection, name)
        counts = await sums.counts(connection, campaign.id)
        costs = await sums.costs(connection, campaign.id)
        totals = await queries.totals(connection, campaign.id)
        channels = await queries.by_channel(connection, campaign.id)
        countries = await queries.by_country(connection, campaign.id)
        charged = await queries.charges(connection, campaign.id, channels, countries)
        taken = {state: count for state, count in counts.by_state.items() if state in TAKEN}
        funnel = queries.funnel(counts)
        return cls(
            name=campaign.name,
            state=campaign.state,
            reason=None if campaign.reason is None else mask_numbers(campaign.reason),
            created_at=campaign.created_at,
            made_at=now,
            funnel=funnel,
            states=dict(counts.by_state),
            channels=queries.breakdown(channels, charged.channels, taken, costs.charged),
            countries=queries.breakdown(countries, charged.countries, counts.by_state, costs.charged),
            delivery=await queries.delivery_times(connection, campaign.id, funnel.delivered),
            timeline=await queries.timeline(connection, campaign.id, totals.first, totals.last),
            cost=queries.cost(costs, funnel.delivered, currency),
            errors=await queries.errors(connection, campaign.id),
            unknown=await queries.unknown(connection, campaign.id, counts),
            requests=await queries.requests(connection, campaign.id, totals.polls),
        )

    def to_json(self) -> bytes:
        """Return it as JSON: amounts are exact and in quotes, times are UTC, durations are seconds."""
        return msgspec.json.encode(self)
