"""Campaign: a file of recipients, sent and followed to the end, whatever happens on the way."""

import asyncio
import contextlib
import inspect
import os
from collections.abc import Callable, Generator, Sequence

import msgspec

from smsbat_async.campaign.events import CampaignEvent, CampaignSummary, Imported, Prepared
from smsbat_async.campaign.importer import Importer
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.preflight import Preflight
from smsbat_async.campaign.prices import PriceTable
from smsbat_async.campaign.reading import Batches, checked
from smsbat_async.campaign.recipients import Recipient, Recipients
from smsbat_async.campaign.records import CampaignRecord, CampaignState, Counts
from smsbat_async.campaign.rows import Fingerprint, Source
from smsbat_async.campaign.run import Run
from smsbat_async.campaign.settings import CampaignSettings
from smsbat_async.campaign.tally import Tally
from smsbat_async.client import SmsBatClient
from smsbat_async.errors import CampaignStateError, ConfigurationError, LedgerConflictError, SourceError
from smsbat_async.hooks import Hooks
from smsbat_async.messages import SendResult
from smsbat_async.policies import Rate
from smsbat_async.statuses import MessageStatus

OnEvent = Callable[[CampaignEvent], None]

HELD = frozenset({CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.CANCELLED})
"""Where a campaign is that goes on only when somebody says so."""


class Campaign:
    """Messages to all recipients of a file, each sent once at most, and followed to its end.

    What it does is in the ledger before it happens, so that it can be run again after whatever broke it off.

    Args:
        name: Its name, unique in the ledger.
        source: The file of recipients; not needed for one that is in the ledger whole.
        ledger: Where it is kept; open.
        recipients: How rows become messages; goes with the source.
        prices: What a part of an SMS costs.
        settings: How it is sent and followed; None for those kept in the ledger, or the defaults.

    Raises:
        ConfigurationError: If an argument is missing or wrong.
    """

    def __init__(
        self,
        name: str,
        source: Source | None = None,
        *,
        ledger: Ledger,
        recipients: Recipients | None = None,
        prices: PriceTable | None = None,
        settings: CampaignSettings | None = None,
    ) -> None:
        if not name:
            raise ConfigurationError("name: must not be empty")
        if (source is None) != (recipients is None):
            raise ConfigurationError("source, recipients: give both, or none for a campaign in the ledger")
        self.name = name
        self._source = source
        self._recipients = recipients
        self._ledger = ledger
        self._prices = prices
        self._settings = settings
        self._run: Run | None = None
        self._busy = False

    def __repr__(self) -> str:
        return f"Campaign({self.name!r})"

    @contextlib.contextmanager
    def _alone(self) -> Generator[None, None, None]:
        """Let one call at a time prepare or run it."""
        if self._busy:
            raise CampaignStateError(f"{self.name} is being prepared or run already")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def record(self) -> CampaignRecord:
        """Return what the ledger knows of it.

        Raises:
            LedgerConflictError: If it does not know it.
        """
        return await self._ledger.campaign(self.name)

    async def counts(self) -> Counts:
        """Return how many messages are in each state."""
        return await self._ledger.counts(await self.record())

    async def prepare(
        self,
        *,
        rejects: str | os.PathLike[str] | None = None,
        rate: Rate | None = None,
        progress: Callable[[int], None] | None = None,
        on_event: OnEvent | None = None,
    ) -> Preflight:
        """Check all rows and bring the good ones into the ledger, in one pass; nothing is sent.

        It may be said again after whatever broke it off, and goes on.

        Args:
            rejects: Where to write every bad row, as CSV.
            rate: How many requests may start, for the time it will take.
            progress: Is told how many rows have been read.
            on_event: Is told what happens.

        Returns:
            What the file comes to.

        Raises:
            SourceError: If the file cannot be read, or not twice, or changed meanwhile.
            LedgerConflictError: If the name is taken by a campaign with another file, texts, or id twice.
            ConfigurationError: If there is a budget and a message without a price.
        """
        with self._alone():
            return await self._prepare(rejects, rate, progress, _hooks(on_event))

    async def _prepare(
        self,
        rejects: str | os.PathLike[str] | None,
        rate: Rate | None,
        progress: Callable[[int], None] | None,
        hooks: Hooks,
    ) -> Preflight:
        source, recipients = self._given()
        fingerprint = await _fingerprint(source)
        record = await self._begin(fingerprint, recipients)
        if record.sealed_at is not None:
            return await Preflight.of(
                source,
                recipients,
                prices=self._prices,
                rate=rate,
                chunk_size=record.chunk_size,
                rejects=rejects,
                progress=progress,
            )

        def told(tally: Tally) -> None:
            rows = tally.good + tally.bad
            if progress is not None:
                progress(rows)
            hooks.emit(Imported(rows=rows, good=tally.good, bad=tally.bad))

        importer = Importer(source, recipients, self._prices)
        try:
            preflight = await importer.run(
                self._ledger, record, fingerprint, rejects=rejects, rate=rate, told=told
            )
            _check_prices(self._chosen(record), preflight.unpriced)
        except ConfigurationError:
            await self._ledger.discard(record)  # the file has to be mended, and is another one then
            raise
        kept = {**record.settings, "bad_rows": preflight.bad}
        record = await self._ledger.save_settings(record, kept)
        await self._ledger.seal(record)
        hooks.emit(Prepared(preflight=preflight))
        return preflight

    def _given(self) -> tuple[Source, Recipients]:
        if self._source is None or self._recipients is None:
            raise ConfigurationError(f"source: {self.name} is not in the ledger whole: give its file")
        return self._source, self._recipients

    async def _begin(self, fingerprint: Fingerprint, recipients: Recipients) -> CampaignRecord:
        settings = self._settings or CampaignSettings()
        if settings.budget is not None and self._prices is None:
            raise ConfigurationError("budget: needs prices")
        record = await self._ledger.begin(
            self.name,
            fingerprint=f"sha256:{fingerprint.sha256}",
            chunk_size=settings.chunk_size,
            settings={
                "campaign": settings.written(),
                "recipients": recipients.digest,
                "currency": None if self._prices is None else self._prices.currency,
                "bad_rows": None,
            },
        )
        if record.settings.get("recipients") != recipients.digest:
            raise LedgerConflictError(
                f"{self.name} was prepared with another text, sender or mapping of columns: give that, or "
                "another name"
            )
        return record

    async def run(self, client: SmsBatClient, *, on_event: OnEvent | None = None) -> CampaignSummary:
        """Send all messages and follow them to their ends; after whatever broke it off, go on.

        Cancelling it breaks off what is under way and writes what is known of it.

        Args:
            client: Who sends and asks.
            on_event: Is told what happens.

        Returns:
            How it ended: finished, or paused, stopped, cancelled, with the reason.

        Raises:
            CampaignStateError: If it was paused, stopped or cancelled: `resume` it.
            SourceError: If there are bad rows, and the settings do not accept them.
            LedgerError: If what happens cannot be written down; nothing is sent then.
        """
        with self._alone():
            hooks = _hooks(on_event)
            record = await self._known()
            if record is None or record.sealed_at is None or self._source is not None:
                record = await self._ready(record, hooks)
            if record.state in HELD:
                raise CampaignStateError(f"{_where(record)}: resume it to go on")
            return await self._go(client, record, hooks)

    async def resume(self, client: SmsBatClient, *, on_event: OnEvent | None = None) -> CampaignSummary:
        """Go on with a campaign in the ledger, wherever it is; of a cancelled one nothing more is sent.

        Args:
            client: Who sends and asks.
            on_event: Is told what happens.

        Returns:
            How it ended.

        Raises:
            LedgerConflictError: If the ledger does not know it.
            CampaignStateError: If its import is not complete: `run` it with its file.
            ConfigurationError: If there is a budget and a message without a price.
            LedgerError: If what happens cannot be written down; nothing is sent then.
        """
        with self._alone():
            record = await self.record()
            if record.sealed_at is None:
                raise CampaignStateError(f"{self.name} is not in the ledger whole: run it with its file")
            return await self._go(client, record, _hooks(on_event))

    async def _known(self) -> CampaignRecord | None:
        known = {record.name: record for record in await self._ledger.campaigns()}
        return known.get(self.name)

    async def _ready(self, record: CampaignRecord | None, hooks: Hooks) -> CampaignRecord:
        """Bring in what is not there yet, and return the campaign."""
        if record is None or record.sealed_at is None:
            await self._prepare(None, None, None, hooks)
            return await self.record()
        source, recipients = self._given()
        return await self._begin(await _fingerprint(source), recipients)

    async def _go(self, client: SmsBatClient, record: CampaignRecord, hooks: Hooks) -> CampaignSummary:
        settings = self._chosen(record)
        bad = record.settings.get("bad_rows")
        if bad and not settings.accept_bad_rows:
            if record.state is CampaignState.READY:
                await self._ledger.discard(record)  # the mended file is another one
            raise SourceError(
                f"{bad:,} rows of {self.name} are bad: mend them, or say accept_bad_rows to send the others"
            )
        if settings.budget is not None:  # which may be later than the prices, or the prices of half a file
            _check_prices(settings, (await self._ledger.costs(record)).unpriced)
        if self._settings is not None:
            kept = {**record.settings, "campaign": settings.written()}
            record = await self._ledger.save_settings(record, kept)
        currency = record.settings.get("currency")
        self._run = Run(client, self._ledger, record, settings, currency=currency, hooks=hooks)
        try:
            return await self._run.run()
        finally:
            self._run = None

    def _chosen(self, record: CampaignRecord) -> CampaignSettings:
        """Return the settings: those given, or those kept."""
        if self._settings is None:
            return CampaignSettings.read(record.settings.get("campaign"))
        # How messages are cut was decided when they were brought in.
        return msgspec.structs.replace(self._settings, chunk_size=record.chunk_size)

    def pause(self, reason: str | None = None) -> None:
        """Send nothing new; `run` returns when requests under way are answered and recorded.

        Args:
            reason: Why, for people.

        Raises:
            CampaignStateError: If it is not being run by this object.
        """
        self._running().halt.say(CampaignState.PAUSED, reason)

    def cancel(self, reason: str | None = None) -> None:
        """Send nothing more, ever; what was sent is still followed, and then `run` returns.

        Args:
            reason: Why, for people.

        Raises:
            CampaignStateError: If it is not being run by this object.
        """
        self._running().halt.say(CampaignState.CANCELLED, reason, follow=True)

    def feed(self, status: MessageStatus, *, tracking_id: str | None = None) -> None:
        """Take news about a message that a webhook brought.

        Args:
            status: The same struct that a poll gives.
            tracking_id: Your own id of the message, if the vendor named it: it settles an UNKNOWN message.

        Raises:
            CampaignStateError: If it is not being run by this object: give news to `Ledger.add_news` then.
        """
        self._running().feed(status, tracking_id)

    def _running(self) -> Run:
        if self._run is None:
            raise CampaignStateError(f"{self.name} is not being run here")
        return self._run

    async def discard(self) -> None:
        """Forget a campaign of which nothing was sent.

        Raises:
            LedgerConflictError: If something was.
        """
        await self._ledger.discard(await self.record())

    async def test(self, client: SmsBatClient, phones: Sequence[str]) -> list[SendResult]:
        """Send the message of the first good row to other phones; the ledger does not know of it.

        Args:
            client: Who sends.
            phones: Where to, in E.164 form.

        Returns:
            What became of each, in the order of the phones.

        Raises:
            SourceError: If there is no good row.
            InvalidMessageError: If a phone is wrong; nothing was sent.
        """
        source, recipients = self._given()
        async with Batches(checked(source, recipients), size=100) as batches:
            async for batch in batches:
                for found in batch:
                    if isinstance(found, Recipient):
                        return await self._send_test(client, found, phones)
        raise SourceError(f"{source.name} has no good row")

    async def _send_test(
        self, client: SmsBatClient, found: Recipient, phones: Sequence[str]
    ) -> list[SendResult]:
        stamp = f"{self._ledger.now:%Y%m%d%H%M%S}"
        settings = self._settings or CampaignSettings()
        messages = [
            msgspec.structs.replace(
                found.message, id=f"test-{stamp}-{number}-{self.name}"[:254], to_phone=phone
            )
            for number, phone in enumerate(phones, 1)
        ]
        return await client.send_many(messages, route=settings.route)


def _hooks(on_event: OnEvent | None) -> Hooks:
    if on_event is None:
        return Hooks()
    if inspect.iscoroutinefunction(on_event):
        raise ConfigurationError("on_event: must be no coroutine function: it is called, and not awaited")
    return Hooks((on_event,))


def _check_prices(settings: CampaignSettings, unpriced: int) -> None:
    if unpriced and settings.budget is not None:
        raise ConfigurationError(f"budget: {unpriced:,} messages have no price: complete the price table")


def _where(record: CampaignRecord) -> str:
    return f"{record.name} is {record.state}" + (f" ({record.reason})" if record.reason else "")


async def _fingerprint(source: Source) -> Fingerprint:
    if not source.rereadable:
        raise SourceError(f"{source.name} can be read once only: save it to a file first")
    return await asyncio.to_thread(source.fingerprint)
