"""Run: one run of a campaign, from its first claim to the last word about it."""

import asyncio
import os
import secrets
import socket
from collections.abc import Coroutine
from typing import Any, Final

from smsbat_async.campaign.common import Common
from smsbat_async.campaign.dispatcher import Dispatcher
from smsbat_async.campaign.events import CampaignSummary, Finished, Progress, Started, StateChanged
from smsbat_async.campaign.halt import Halt
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.meter import Meter
from smsbat_async.campaign.pen import Pen
from smsbat_async.campaign.records import CampaignRecord, CampaignState, Counts, State
from smsbat_async.campaign.rules import Budget, FailureShare
from smsbat_async.campaign.settings import CampaignSettings
from smsbat_async.campaign.tracker import Tracker
from smsbat_async.cancelling import cancelled_within, is_cancellation
from smsbat_async.client import SmsBatClient
from smsbat_async.errors import LedgerError
from smsbat_async.hooks import Hooks
from smsbat_async.statuses import MessageStatus

TICK: Final = 1.0
"""How often progress is told, in seconds."""


class Run:
    """One run of a campaign that is in the ledger whole.

    Args:
        client: Who sends and asks.
        ledger: Where the campaign is.
        record: The campaign.
        settings: How it is sent and followed.
        currency: The ISO 4217 code of the expected prices; None without prices.
        hooks: Who is told.
    """

    def __init__(
        self,
        client: SmsBatClient,
        ledger: Ledger,
        record: CampaignRecord,
        settings: CampaignSettings,
        *,
        currency: str | None,
        hooks: Hooks,
    ) -> None:
        self.halt = Halt()
        self._client = client
        self._ledger = ledger
        self._record = record
        self._settings = settings
        self._currency = currency
        self._hooks = hooks
        self._began = asyncio.get_running_loop().time()
        self._meter = Meter()
        self._tracker: Tracker | None = None

    def feed(self, status: MessageStatus, tracking_id: str | None) -> None:
        """Take news that a webhook brought."""
        if self._tracker is not None:
            self._tracker.feed(status, tracking_id)

    async def run(self) -> CampaignSummary:
        """Send what is to be sent and follow it, until all is done or the word to stop is said.

        Raises:
            LedgerError: If what happens cannot be written down.
        """
        before, ledger = self._record, self._ledger
        await self._take_up()
        if before.state is CampaignState.CANCELLED:
            self.halt.say(CampaignState.CANCELLED, before.reason, follow=True)
        else:
            await self._move(CampaignState.RUNNING, None)
        await self._send_and_follow(self._begun())
        if self.halt.error is not None:
            raise self.halt.error
        state = self.halt.state or CampaignState.FINISHED
        if self._record.state is not state:
            await self._move(state, self.halt.reason)
        # Not as the meter has it: what webhooks told of messages not in memory is in the ledger only.
        costs = await ledger.costs(before)
        self._meter.committed, self._meter.charged = costs.committed, costs.charged
        counts = await ledger.counts(before)
        self._tell(counts)
        summary = self._summary(counts)
        self._hooks.emit(Finished(summary=summary))
        return summary

    async def _take_up(self) -> None:
        """Find out what earlier runs did, and set right what a dead process left."""
        record, ledger = self._record, self._ledger
        recovered = await ledger.recover(record)
        await ledger.requeue(record)
        await ledger.hasten(record)
        if record.state is not CampaignState.READY:
            costs = await ledger.costs(record)
            self._meter = Meter(costs.committed, costs.charged)
        counts = await ledger.counts(record)
        self._hooks.emit(Started(state_before=record.state, recovered=recovered, counts=counts))

    def _begun(self) -> Dispatcher:
        settings = self._settings
        common = Common(
            client=self._client,
            ledger=self._ledger,
            record=self._record,
            settings=settings,
            halt=self.halt,
            pen=Pen(self.halt),
            meter=self._meter,
            hooks=self._hooks,
        )
        budget = None
        if settings.budget is not None:
            budget = Budget(settings.budget)
            budget.take(self._meter.committed)
        rule = settings.stop
        self._tracker = Tracker(common, failures=None if rule is None else FailureShare(rule))
        return Dispatcher(
            common,
            owner=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
            budget=budget,
            failures=None if rule is None else FailureShare(rule),
            accepted=self._tracker.accepted,
        )

    async def _send_and_follow(self, dispatcher: Dispatcher) -> None:
        assert self._tracker is not None
        over = asyncio.Event()
        telling = asyncio.create_task(self._guarded(self._tell_now_and_then()))
        following = asyncio.create_task(self._guarded(self._tracker.work(over)))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.concurrency):
                    group.create_task(self._guarded(dispatcher.work()))
            if self.halt.state is not None and self.halt.error is None:
                await self._move(self.halt.state, self.halt.reason)
            over.set()
            self.halt.nudge()
            await following
        except asyncio.CancelledError:
            self.halt.fail(asyncio.CancelledError())
            raise
        finally:
            telling.cancel()
            following.cancel()
            await asyncio.wait({telling, following})
            await self._write_the_last()

    async def _write_the_last(self) -> None:
        """Write what is known and not written, whatever ended the run."""
        assert self._tracker is not None
        try:
            await asyncio.shield(asyncio.ensure_future(self._tracker.write()))
        except LedgerError as met:
            self.halt.fail(met)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something whose failure ends the run, and not only itself."""
        try:
            await work
        except asyncio.CancelledError as met:
            if is_cancellation(met):
                raise
            # A group takes a task that ends like this for one that is done.
            self.halt.fail(cancelled_within("the run", met))
        except Exception as met:  # noqa: BLE001 - the run raises it
            self.halt.fail(met)

    async def _tell_now_and_then(self) -> None:
        while True:
            self._tell(await self._ledger.counts(self._record))
            await asyncio.sleep(TICK)

    def _tell(self, counts: Counts) -> None:
        if not self._hooks:
            return
        meter, pending = self._meter, counts[State.PENDING] + counts[State.SUBMITTING]
        rate, wait = meter.per_second, meter.wait
        self._hooks.emit(
            Progress(
                counts=counts,
                sent=meter.sent,
                per_second=rate,
                average=meter.average,
                seconds_left=pending / rate if rate and pending else None,
                committed=None if self._currency is None else meter.committed,
                charged=meter.charged,
                currency=self._currency,
                tracked=0 if self._tracker is None else self._tracker.followed,
                pauses=meter.pauses,
                waiting=None if wait is None else wait[0],
                waiting_seconds=None if wait is None else wait[1],
            )
        )

    async def _move(self, state: CampaignState, reason: str | None) -> None:
        self._record = await self._ledger.set_state(self._record, state, reason=reason)
        self._hooks.emit(StateChanged(state=state, reason=reason))

    def _summary(self, counts: Counts) -> CampaignSummary:
        return CampaignSummary(
            name=self._record.name,
            state=self._record.state,
            reason=self._record.reason,
            counts=counts,
            committed=None if self._currency is None else self._meter.committed,
            charged=self._meter.charged,
            currency=self._currency,
            elapsed=asyncio.get_running_loop().time() - self._began,
        )
