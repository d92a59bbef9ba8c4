"""Ledger: what a campaign has done and what is left, safe on disk before anything is sent."""

import contextlib
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import (
    CampaignRecord,
    CampaignState,
    Chunk,
    Costs,
    Counts,
    DueChunk,
    End,
    NewMessage,
    News,
    OpenMessage,
    Settled,
    Settlement,
    State,
    UnknownMessage,
    check_outcome,
    check_settled,
)
from smsbat_async.campaign.schema import CHUNK_MAXIMUM, from_moment, to_moment
from smsbat_async.campaign.storage import (
    arrivals,
    campaigns,
    intake,
    sending,
    settling,
    sums,
    tracking,
)
from smsbat_async.campaign.storage.contents import kept
from smsbat_async.campaign.storage.database import Database, Dialect
from smsbat_async.campaign.storage.postgres import PostgreSQL
from smsbat_async.campaign.storage.sqlite import SQLite
from smsbat_async.errors import ConfigurationError
from smsbat_async.messages import SendResult
from smsbat_async.policies import check_count
from smsbat_async.statuses import MessageStatus, Outcome
from smsbat_async.vendors.webhook import WebhookEvent

T = TypeVar("T")

CHUNKS = 50
"""How many chunks are changed with one transaction where all of a campaign's are gone through."""

NEWS_KEPT = 86_400.0
"""How long news are kept that are about no message of the ledger, in seconds."""


class Ledger:
    """The memory of campaigns, in a file or in PostgreSQL; made by `Ledger.open()`.

    Every call is one transaction, or several where much is to be done, and runs to its end even if its
    caller is cancelled. What a call returns is on disk. Times are aware datetimes.

    Args:
        dialect: What database it is.
        clock: What tells the time, in seconds since 1970.
    """

    def __init__(self, dialect: Dialect, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._dialect = dialect
        self._database = Database(dialect, self._now)
        self._common: dict[int, str | None] = {}

    @classmethod
    def open(
        cls,
        where: str | Path,
        *,
        max_bytes: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Return a ledger, which is opened by `async with`.

        Args:
            where: A file, which is made where there is none, or the URL of a PostgreSQL database.
            max_bytes: How large the file may become, in bytes; None for as large as the disk lets it.
            clock: What tells the time, in seconds since 1970.

        Raises:
            ConfigurationError: If it is neither a file nor such a URL.
        """
        return cls(_dialect(where, max_bytes), clock=clock)

    @property
    def place(self) -> str:
        """Where it is, without credentials."""
        return self._dialect.place

    @property
    def now(self) -> dt.datetime:
        """The time by its clock, UTC."""
        return from_moment(self._now())

    def __repr__(self) -> str:
        return f"Ledger({self.place!r})"

    async def __aenter__(self) -> Self:
        await self._database.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let what has begun end, and close the ledger."""
        await self._database.close()

    # -- campaigns ---------------------------------------------------------------------------------------

    async def begin(
        self,
        name: str,
        *,
        fingerprint: str,
        settings: dict[str, Any] | None = None,
        chunk_size: int = 500,
    ) -> CampaignRecord:
        """Make a campaign, or return the one that was begun with this name and source, as it is.

        Args:
            name: Its name.
            fingerprint: What tells its source from another.
            settings: What is to be kept with it, as JSON; a campaign that exists keeps its own.
            chunk_size: How many messages are claimed at a time, 1 to 1,000.

        Raises:
            LedgerConflictError: If the name is taken by a campaign with another source.
            ConfigurationError: If the settings are no JSON, or the chunk size is out of range.
        """
        if not name or not fingerprint:
            raise ConfigurationError("name, fingerprint: must not be empty")
        check_count("chunk_size", chunk_size, maximum=CHUNK_MAXIMUM)
        kept = settings or {}
        return await self._database.run(
            lambda connection: campaigns.begin(
                connection,
                name,
                fingerprint=fingerprint,
                settings=kept,
                chunk_size=chunk_size,
                now=self._now(),
            )
        )

    async def campaign(self, name: str) -> CampaignRecord:
        """Return a campaign by its name.

        Raises:
            LedgerConflictError: If there is none.
        """
        return await self._database.run(lambda connection: campaigns.get(connection, name))

    async def campaigns(self) -> list[CampaignRecord]:
        """Return all campaigns, the oldest first."""
        return await self._database.run(campaigns.everyone)

    async def set_state(
        self, campaign: CampaignRecord, state: CampaignState, *, reason: str | None = None
    ) -> CampaignRecord:
        """Say where a campaign is, and why.

        Args:
            campaign: The campaign.
            state: Where it is; the ledger follows no rules here, but what is not sealed stays unsent.
            reason: Why, for people.
        """
        return await self._change(campaign, state=state.value, reason=kept(reason))

    async def save_settings(self, campaign: CampaignRecord, settings: dict[str, Any]) -> CampaignRecord:
        """Keep other settings with a campaign.

        Raises:
            ConfigurationError: If they are no JSON.
        """
        return await self._change(campaign, settings=campaigns.written(settings))

    async def discard(self, campaign: CampaignRecord) -> None:
        """Remove a campaign of which nothing was ever claimed.

        Raises:
            LedgerConflictError: If something was: that must be remembered.
        """
        self._common.pop(campaign.id, None)  # its number may be given to another
        while await self._write(
            campaign, lambda connection: intake.discard(connection, campaign.id, limit=CHUNKS)
        ):
            pass

    # -- import ------------------------------------------------------------------------------------------

    async def add(
        self, campaign: CampaignRecord, messages: Sequence[NewMessage], *, read_to: int | None = None
    ) -> CampaignRecord:
        """Keep messages of a campaign; an import that breaks off goes on after `imported_line`.

        Args:
            campaign: The campaign.
            messages: Messages whose lines grow, and are beyond all that are there; best a multiple of its
                chunk size.
            read_to: The last line that was read, those without a good message included.

        Returns:
            The campaign as it is then.

        Raises:
            LedgerConflictError: If the campaign is complete, or has these lines.
        """
        intake.check(messages, read_to)
        parts = intake.slices(messages, campaign.chunk_size)
        for number, part in enumerate(parts, 1):
            last = part[-1].line if number < len(parts) or read_to is None else read_to
            await self._add(campaign, part, last)
        if not parts and read_to is not None:
            await self._add(campaign, (), read_to)
        return await self._database.run(lambda connection: campaigns.by_id(connection, campaign.id))

    async def _add(self, campaign: CampaignRecord, part: Sequence[NewMessage], read_to: int) -> None:
        await self._write(
            campaign, lambda connection: intake.add(connection, self._dialect, campaign.id, part, read_to)
        )

    async def seal(self, campaign: CampaignRecord) -> CampaignRecord:
        """Say that all messages of a campaign are there; only then may they be claimed.

        Raises:
            LedgerConflictError: If two of them have one id.
        """

        async def work(connection: AsyncConnection) -> CampaignRecord:
            await intake.seal(connection, campaign.id, self._now())
            return await campaigns.by_id(connection, campaign.id)

        return await self._write(campaign, work)

    # -- sending -----------------------------------------------------------------------------------------

    async def claim(self, campaign: CampaignRecord, *, owner: str) -> Chunk | None:
        """Claim the next chunk to be sent, so that nobody else can; send only what this returns.

        A claim whose caller was cancelled is given back.

        Args:
            campaign: The campaign.
            owner: Who sends it: something that tells this process from others.

        Returns:
            The chunk with its messages, or None where nothing is to be sent now.

        Raises:
            LedgerConflictError: If the campaign is not sealed.
            LedgerError: If the claim could not be written; nothing may be sent then.
        """
        common = await self._common_of(campaign)
        claimed = await self._database.run(
            lambda connection: sending.claim(
                connection, campaign.id, common=common, owner=owner, now=self._now()
            ),
            campaign_id=campaign.id,
            undo=lambda claimed: lambda connection: sending.unclaim(connection, claimed, campaign.id),
        )
        return None if claimed is None else claimed.chunk(campaign.id)

    async def _common_of(self, campaign: CampaignRecord) -> str | None:
        # What is sealed never changes, so that it is asked for once.
        if campaign.id not in self._common:
            self._common[campaign.id] = await self._database.run(
                lambda connection: sending.common_of(connection, campaign.id)
            )
        return self._common[campaign.id]

    async def next_claim(self, campaign: CampaignRecord) -> dt.datetime | None:
        """Return when the next chunk may be claimed; None where none is left to claim."""
        at = await self._database.run(lambda connection: sending.next_claim(connection, campaign.id))
        return None if at is None else from_moment(at)

    async def record(
        self, chunk: Chunk, results: Iterable[SendResult], *, due_at: dt.datetime | None = None
    ) -> int:
        """Write what became of messages of a chunk; it may be said again, which changes nothing.

        Only what is SUBMITTING or UNKNOWN since this very claim changes.

        Args:
            chunk: What was claimed.
            results: What became of its messages, or of some of them.
            due_at: When to ask after those that were accepted, or None for now.

        Returns:
            How many messages changed.

        Raises:
            LedgerError: If it could not be written: keep the results, send nothing more, and say it again.
        """
        told, now = tuple(results), self._now()
        due = now if due_at is None else to_moment(due_at)
        return await self._database.run(
            lambda connection: sending.record(connection, chunk, told, now, due),
            campaign_id=chunk.campaign_id,
        )

    async def give_back(self, chunk: Chunk, *, not_before: dt.datetime | None = None) -> int:
        """Let messages be claimed again of which surely nothing left this process.

        Args:
            chunk: What was claimed.
            not_before: When at the earliest they may be claimed, or None for now.

        Returns:
            How many messages those were of which nothing had been recorded.
        """
        earliest = None if not_before is None else to_moment(not_before)
        return await self._database.run(
            lambda connection: sending.give_back(connection, chunk, earliest), campaign_id=chunk.campaign_id
        )

    async def recover(self, campaign: CampaignRecord, *, owner: str | None = None) -> int:
        """Make UNKNOWN what a dead process left in flight; call it before the first claim.

        Args:
            campaign: The campaign.
            owner: Whose claims, or None for everybody's.

        Returns:
            How many messages those were.
        """
        return await self._restate(campaign, State.SUBMITTING, State.UNKNOWN, owner)

    async def requeue(self, campaign: CampaignRecord) -> int:
        """Let messages be claimed again that are NOT_SENT, and return how many those were."""
        return await self._restate(campaign, State.NOT_SENT, State.PENDING, None)

    async def _restate(self, campaign: CampaignRecord, before: State, after: State, owner: str | None) -> int:
        moved, more = 0, True
        while more:
            some, more = await self._write(
                campaign,
                lambda connection: sending.restate(
                    connection, campaign.id, before, after, owner=owner, limit=CHUNKS
                ),
            )
            moved += some
        return moved

    # -- tracking ----------------------------------------------------------------------------------------

    async def due(
        self, campaign: CampaignRecord, *, limit: int = 10, horizon: float | None = None
    ) -> list[DueChunk]:
        """Return chunks whose messages are to be asked after, the longest due first.

        Args:
            campaign: The campaign.
            limit: How many at most.
            horizon: What is due in more than so many seconds is due now: the clock was put back.
        """
        beyond = None if horizon is None else round(horizon * 1000)
        return await self._database.run(
            lambda connection: tracking.due(
                connection, campaign.id, limit=limit, now=self._now(), horizon=beyond
            )
        )

    async def next_due(self, campaign: CampaignRecord) -> dt.datetime | None:
        """Return when the next chunk is due, or None where nothing is to be asked after."""
        at = await self._database.run(lambda connection: tracking.next_due(connection, campaign.id))
        return None if at is None else from_moment(at)

    async def open_messages(self, chunk_id: int) -> list[OpenMessage]:
        """Return the messages of a chunk that have not come to an end and have a vendor's id to ask for."""
        return await self._database.run(lambda connection: tracking.open_messages(connection, chunk_id))

    async def hasten(self, campaign: CampaignRecord) -> None:
        """Say that all chunks are to be asked after now: a process that followed them is no more."""
        await self._write(campaign, lambda connection: tracking.hasten(connection, campaign.id, self._now()))

    async def postpone(self, campaign: CampaignRecord, chunk_ids: Sequence[int], due_at: dt.datetime) -> None:
        """Say when chunks are to be asked after next."""
        await self._write(
            campaign,
            lambda connection: tracking.postpone(connection, campaign.id, chunk_ids, to_moment(due_at)),
        )

    async def add_asked(self, campaign: CampaignRecord, asked: Mapping[int, int]) -> None:
        """Count status requests that brought no end; those that did are counted with the ends.

        Args:
            campaign: The campaign.
            asked: How many were made about messages of a chunk, by its number.
        """
        await self._write(campaign, lambda connection: tracking.add_asked(connection, campaign.id, asked))

    async def record_ends(self, campaign: CampaignRecord, ends: Iterable[End]) -> int:
        """Write how messages ended; it may be said again, which changes nothing.

        The first news of a message is what counts, except that the vendor's word is better than a
        TIMED_OUT or a NOT_FOUND.

        Args:
            campaign: The campaign.
            ends: How its messages ended, any number of them.

        Returns:
            How many messages changed.

        Raises:
            LedgerError: If it could not be written: keep them, and say it again.
        """
        changed = 0
        for part in _parts(ends, tracking.TRANSACTION):
            changed += await self._ends(campaign, part)
        return changed

    async def _ends(self, campaign: CampaignRecord, part: Sequence[End]) -> int:
        return await self._write(
            campaign,
            lambda connection: tracking.record_ends(connection, campaign.id, part, self._now()),
        )

    async def expire(
        self,
        campaign: CampaignRecord,
        before: dt.datetime,
        *,
        outcome: Outcome = Outcome.TIMED_OUT,
        chunk_ids: Sequence[int] | None = None,
    ) -> int:
        """End what was accepted before some time and has not come to an end.

        Args:
            campaign: The campaign.
            before: The time.
            outcome: How it ends: `TIMED_OUT` or `NOT_FOUND`.
            chunk_ids: In which chunks; None for all.

        Returns:
            How many messages those were.
        """
        check_outcome(outcome)
        moved, after_chunk = 0, 0
        while True:
            some, last = await self._expire(campaign, to_moment(before), outcome, chunk_ids, after_chunk)
            moved += some
            if last is None:
                return moved
            after_chunk = last

    async def _expire(
        self,
        campaign: CampaignRecord,
        before: int,
        outcome: Outcome,
        among: Sequence[int] | None,
        after_chunk: int,
    ) -> tuple[int, int | None]:
        return await self._write(
            campaign,
            lambda connection: tracking.expire(
                connection,
                campaign.id,
                before=before,
                outcome=outcome,
                among=among,
                after_chunk=after_chunk,
                limit=CHUNKS,
                now=self._now(),
            ),
        )

    # -- what the vendor tells by itself -----------------------------------------------------------------

    async def add_news(self, news: Iterable[News]) -> None:
        """Keep what the vendor told of messages that are not in memory, until `merge_news()`."""
        for part in _parts(news, tracking.TRANSACTION):
            await self._news(part)

    async def add_events(self, events: Iterable[WebhookEvent[MessageStatus]]) -> None:
        """Keep what webhooks told of the ends of messages, until `merge_news()`: a `WebhookReceiver`'s store.

        Args:
            events: What came; those that tell of no end are left out.

        Raises:
            LedgerError: If they cannot be kept.
        """
        told = (News.of(event.status, event.tracking_id) for event in events if event.status is not None)
        await self.add_news(news for news in told if news is not None)

    async def _news(self, part: Sequence[News]) -> None:
        await self._database.run(lambda connection: arrivals.add(connection, part, self._now()))

    async def merge_news(self, campaign: CampaignRecord, *, keep: float = NEWS_KEPT) -> int:
        """End the messages that the vendor told of by itself, and settle the UNKNOWN ones that it named.

        All messages that have not come to an end are walked through, a few chunks at a time.

        Args:
            campaign: The campaign.
            keep: How long news are kept that are about no message of the ledger, in seconds.

        Returns:
            How many messages changed.
        """
        moved, last = 0, 0
        while await self._database.run(arrivals.any_left):
            some, after_chunk = await self._merge(campaign, last)
            moved += some
            if after_chunk is None:
                break
            last = after_chunk
        oldest = self._now() - round(keep * 1000)
        await self._database.run(lambda connection: arrivals.forget(connection, oldest))
        return moved

    async def _merge(self, campaign: CampaignRecord, after_chunk: int) -> tuple[int, int | None]:
        return await self._write(
            campaign, lambda connection: arrivals.merge(connection, campaign.id, after_chunk)
        )

    # -- settling ----------------------------------------------------------------------------------------

    async def unknown(
        self, campaign: CampaignRecord, *, after: int = 0, limit: int = 100
    ) -> list[UnknownMessage]:
        """Return messages that may or may not have gone out, a page at a time.

        Args:
            campaign: The campaign.
            after: The number of the last message of the page before.
            limit: How many at most.
        """
        return await self._database.run(
            lambda connection: settling.unknown(connection, campaign.id, after=after, limit=limit)
        )

    async def settle(
        self, campaign: CampaignRecord, settlements: Iterable[Settlement], *, who: str, why: str
    ) -> int:
        """Settle UNKNOWN messages by their tracking ids, and remember who said so; others stay as they are.

        Args:
            campaign: The campaign.
            settlements: What became of which message; the last word on each counts.
            who: Who says so.
            why: On what grounds.

        Returns:
            How many messages were settled.
        """
        _check_words(who=who, why=why)
        settled = 0
        for part in _parts(settlements, settling.TRANSACTION):
            settled += await self._settle(campaign, {said.tracking_id: said for said in part}, who, why)
        return settled

    async def _settle(self, campaign: CampaignRecord, said: dict[str, Settlement], who: str, why: str) -> int:
        async def work(connection: AsyncConnection) -> int:
            found = await settling.unknown(connection, campaign.id, after=0, limit=len(said), ids=list(said))
            settled = {one.id: said[one.tracking_id] for one in found}
            return await settling.settle(connection, campaign.id, settled, who=who, why=why, now=self._now())

        return await self._write(campaign, work)

    async def settle_all(self, campaign: CampaignRecord, state: State, *, who: str, why: str) -> int:
        """Settle every UNKNOWN message alike, and remember who said so.

        Args:
            campaign: The campaign.
            state: `ACCEPTED` if they went out, `PENDING` if they are to be sent again, or how they ended.
            who: Who says so.
            why: On what grounds.

        Returns:
            How many messages were settled.
        """
        check_settled(state)
        _check_words(who=who, why=why)

        async def work(connection: AsyncConnection) -> int:
            found = await settling.unknown(connection, campaign.id, after=0, limit=settling.TRANSACTION)
            settled = {one.id: Settlement(one.tracking_id, state) for one in found}
            return await settling.settle(connection, campaign.id, settled, who=who, why=why, now=self._now())

        settled = 0
        while some := await self._write(campaign, work):
            settled += some
        return settled

    async def settlements(
        self, campaign: CampaignRecord, *, skip: int = 0, limit: int = 100
    ) -> list[Settled]:
        """Return what was settled, the earliest first, a page at a time.

        Args:
            campaign: The campaign.
            skip: How many to leave out.
            limit: How many at most.
        """
        return await self._database.run(
            lambda connection: settling.settlements(connection, campaign.id, after=skip, limit=limit)
        )

    # -- sums --------------------------------------------------------------------------------------------

    async def counts(self, campaign: CampaignRecord) -> Counts:
        """Return how many messages are in each state; it is quick, however many there are."""
        return await self._database.run(lambda connection: sums.counts(connection, campaign.id))

    async def costs(self, campaign: CampaignRecord) -> Costs:
        """Return what a campaign costs; every message is looked at."""
        return await self._database.run(lambda connection: sums.costs(connection, campaign.id))

    async def read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Read the tables of `schema.py` in one transaction, for what this class has no method for.

        Args:
            work: What to read; it changes nothing.

        Returns:
            What the work returns.
        """
        return await self._database.run(work)

    async def verify(self, campaign: CampaignRecord) -> None:
        """Compare the counts with the messages that there are.

        Raises:
            LedgerCorruptError: If they differ.
        """
        await self._database.run(lambda connection: sums.verify(connection, campaign.id))

    # ----------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return round(self._clock() * 1000)

    async def _write(self, campaign: CampaignRecord, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self._database.run(work, campaign_id=campaign.id)

    async def _change(self, campaign: CampaignRecord, **values: Any) -> CampaignRecord:
        return await self._write(
            campaign, lambda connection: campaigns.change(connection, campaign.id, **values)
        )


def _dialect(where: str | Path, max_bytes: int | None) -> Dialect:
    if max_bytes is not None and max_bytes < 1:
        raise ConfigurationError("max_bytes: must be at least 1")
    if isinstance(where, Path) or "://" not in where:
        return SQLite(Path(where), max_bytes)
    url = None
    with contextlib.suppress(ArgumentError, ValueError):
        url = make_url(where)
    if url is None or url.get_backend_name() not in {"postgresql", "postgres"}:
        raise ConfigurationError("where: must be a file, or a URL as postgresql://user@host/database")
    if max_bytes is not None:
        raise ConfigurationError("max_bytes: only a file is bounded, see to the server's disk instead")
    return PostgreSQL(url)


def _parts(items: Iterable[T], size: int) -> Iterable[Sequence[T]]:
    iterator = iter(items)
    while part := tuple(islice(iterator, size)):
        yield part


def _check_words(**words: str) -> None:
    for field, word in words.items():
        if not word.strip():
            raise ConfigurationError(f"{field}: must say something: settling is remembered")
