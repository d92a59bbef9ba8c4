"""Dispatcher: sends a campaign's messages, each claimed in the ledger before it leaves."""

import asyncio
import datetime as dt
import functools
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import anyio

from smsbat_async.campaign.common import Common
from smsbat_async.campaign.events import ChunkRecorded
from smsbat_async.campaign.prices import EXACT
from smsbat_async.campaign.reach import Reach
from smsbat_async.campaign.records import CampaignState, Chunk, MessageRecord
from smsbat_async.campaign.rules import Budget, FailureShare
from smsbat_async.campaign.zones import zone
from smsbat_async.errors import (
    ClientClosedError,
    LedgerError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitError,
    SmsBatError,
    TransportError,
)
from smsbat_async.messages import CascadeMessage, SendOutcome, SendResult
from smsbat_async.policies import RetryPolicy
from smsbat_async.vendors.outcome import is_refusal, stops_a_run

LOOK: Final = 30.0
"""After how many seconds, at most, whoever waits looks at the clock again: it may have been put right."""

Accepted = Callable[[Chunk, Sequence[SendResult]], dt.datetime]


class Dispatcher:
    """Sends the messages of one run.

    Args:
        common: What all parts of the run work with.
        owner: What tells this process from others.
        budget: What may be spent, if that is bounded.
        failures: The share of messages that failed of late, if it is looked at.
        accepted: Is told what became of messages before that is recorded, and returns when they are due.
    """

    def __init__(
        self,
        common: Common,
        *,
        owner: str,
        budget: Budget | None,
        failures: FailureShare | None,
        accepted: Accepted,
    ) -> None:
        # One attempt at a time: between two, the ledger has to know what became of the first.
        self._client = common.client.with_options(retry=RetryPolicy(attempts=1))
        self._ledger = common.ledger
        self._record = common.record
        self._settings = common.settings
        self._halt = common.halt
        self._pen = common.pen
        self._meter = common.meter
        self._hooks = common.hooks
        self._owner = owner
        self._budget = budget
        self._failures = failures
        self._accepted = accepted
        self._reach = Reach(common.settings.patience)
        self._in_flight = 0

    async def work(self) -> None:
        """Send chunk after chunk until nothing is left to be sent, or the word to stop is said."""
        while self._halt.sending:
            if await self._waited():
                continue
            claim = _Claim()
            try:
                with self._halt.breaking_off() as scope:
                    await self._client.send_when_ready(
                        functools.partial(self._take, claim, scope),
                        route=self._settings.route,
                        keep=claim.results.append,
                    )
            except NotSentError as met:  # no turn came, and nothing was claimed
                self._try_on(met)
            except ClientClosedError:
                self._halt.say(CampaignState.PAUSED, CLOSED)
            except LedgerError as met:
                self._halt.fail(met)
            finally:
                if claim.chunk is not None:
                    await _finish(self._settle(claim, claim.chunk))
            if claim.found_nothing and not await self._more_may_come():
                return

    # -- before the claim --------------------------------------------------------------------------------

    async def _waited(self) -> bool:
        """Wait for a while if nothing may be sent now, and return whether that was so."""
        if (rest := self._reach.rest) > 0:
            with self._meter.waiting(self._reach.why, rest):
                await self._halt.change(rest)
            return True
        opens = self._closed_until()
        if opens is None:
            return False
        await self._wait_until(opens, f"sending hours begin at {self._said(opens)}")
        return True

    def _closed_until(self) -> dt.datetime | None:
        hours = self._settings.hours
        return None if hours is None or hours.per_recipient else hours.opens_at(self._ledger.now)

    async def _wait_until(self, moment: dt.datetime, why: str) -> None:
        left = (moment - self._ledger.now).total_seconds()
        with self._meter.waiting(why, left):
            await self._halt.change(min(left, LOOK))

    def _said(self, moment: dt.datetime) -> str:
        """Return a moment by the clock of the sending hours, or of this machine."""
        hours = self._settings.hours
        known = None if hours is None or hours.per_recipient else zone(hours.zone)
        return f"{moment.astimezone(known):%a %H:%M %Z}"

    async def _more_may_come(self) -> bool:
        """Wait until there may be something to claim, and return whether there ever may be."""
        following = await self._ledger.next_claim(self._record)
        if following is None:
            if not self._in_flight:
                return False
            await self._halt.change(LOOK)  # what others have in flight may be given back
        elif following > self._ledger.now:
            await self._wait_until(following, f"the next messages may leave at {self._said(following)}")
        return True

    # -- from the claim to the record --------------------------------------------------------------------

    async def _take(self, claim: "_Claim", scope: anyio.CancelScope) -> list[CascadeMessage]:
        """Claim a chunk, now that it is our turn, and return which of its messages may be sent."""
        self._halt.spare(scope)
        if not self._halt.sending or self._closed_until() is not None:
            return []
        chunk = await self._ledger.claim(self._record, owner=self._owner)
        if chunk is None:
            claim.found_nothing = True
            return []
        claim.chunk = chunk
        self._in_flight += 1
        messages = self._awake(claim, chunk.messages)
        if self._budget is not None:
            price = _sum(messages)
            if not self._budget.fits(price):
                self._stop(f"the next messages do not fit the budget of {self._settings.budget:f}")
                return []
            self._budget.take(price)
        claim.sent = {one.message.id: one for one in messages}
        return [one.message for one in messages]

    def _awake(self, claim: "_Claim", messages: Sequence[MessageRecord]) -> Sequence[MessageRecord]:
        """Return the messages whose recipients may be written to now."""
        hours = self._settings.hours
        if hours is None or not hours.per_recipient:
            return messages
        now = self._ledger.now
        awake: list[MessageRecord] = []
        for one in messages:
            opens = hours.opens_at(now, one.message.to_phone)
            if opens is None:
                awake.append(one)
            elif claim.not_before is None or opens < claim.not_before:
                claim.not_before = opens
        return awake

    async def _settle(self, claim: "_Claim", chunk: Chunk) -> None:
        """Write what became of a chunk, and let go of what surely did not leave."""
        told = {result.message.id for result in claim.results}
        results = [result for result in claim.results if not _stayed(result)]
        # Of what was handed over and never told of, it cannot be said that it stayed.
        results += [_lost(one.message) for tracking_id, one in claim.sent.items() if tracking_id not in told]
        stayed = len(chunk.messages) - len(results)
        try:
            if results:
                due_at = self._accepted(chunk, results)
                await self._pen.write(lambda: self._ledger.record(chunk, results, due_at=due_at))
            if stayed:
                await self._pen.write(lambda: self._ledger.give_back(chunk, not_before=claim.not_before))
        except LedgerError as met:
            self._halt.fail(met)
        else:
            self._count(claim, results)
            self._learn(claim.results)
            self._hooks.emit(ChunkRecorded(results=tuple(results), given_back=stayed))
        finally:
            self._in_flight -= 1
            self._halt.nudge()

    def _count(self, claim: "_Claim", results: Sequence[SendResult]) -> None:
        if results:
            self._meter.add_sent(len(results))
        paid = _sum(
            claim.sent[result.message.id] for result in results if result.outcome is not SendOutcome.REJECTED
        )
        self._meter.add_committed(paid)
        if self._budget is not None and claim.sent:
            self._budget.give_back(EXACT.subtract(_sum(claim.sent.values()), paid))
        if self._failures is not None:
            accepted = sum(result.outcome is SendOutcome.ACCEPTED for result in results)
            for failed, count in ((True, len(results) - accepted), (False, accepted)):
                if count:
                    self._failures.add(failed, count)
            if self._failures.tripped:
                self._stop(f"{self._failures}: refused, or their fate is unknown")

    def _learn(self, results: Sequence[SendResult]) -> None:
        """Take to heart what results say of the vendor: stop, or wait a while."""
        if not results:
            return
        fatal = next((result.error for result in results if _is_fatal(result)), None)
        if fatal is not None:
            self._stop(str(fatal))
        if any(isinstance(result.error, ClientClosedError) for result in results):
            self._halt.say(CampaignState.PAUSED, CLOSED)
        limit = next((result.error for result in results if isinstance(result.error, RateLimitError)), None)
        if limit is not None:
            self._meter.add_pause(limit.retry_after)
        if any(result.outcome in ANSWERED for result in results):
            self._reach.took()
        elif (error := results[0].error) is not None:
            self._try_on(error)

    def _stop(self, reason: str) -> None:
        self._halt.say(CampaignState.STOPPED, reason, follow=True)

    def _try_on(self, error: SmsBatError) -> None:
        """Note that a request came to nothing, and stop where that has gone on for too long."""
        if not self._reach.took_nothing(error):
            self._stop(f"nothing could be sent for {self._settings.patience:g} s: {error}")


CLOSED: Final = "the client was closed"
ANSWERED: Final = frozenset({SendOutcome.ACCEPTED, SendOutcome.REJECTED})


class _Claim:
    """A chunk between its claim and its record.

    Attributes:
        chunk: What was claimed, if anything was.
        found_nothing: Whether there was nothing to claim.
        sent: What was handed over to be sent, by its tracking id.
        results: What became of it, as far as that is known.
        not_before: When the rest may leave, if not at once.
    """

    def __init__(self) -> None:
        self.chunk: Chunk | None = None
        self.found_nothing = False
        self.sent: dict[str, MessageRecord] = {}
        self.results: list[SendResult] = []
        self.not_before: dt.datetime | None = None


def _stayed(result: SendResult) -> bool:
    """Return whether a message did not leave, or was refused for a reason that is not its own."""
    if result.outcome is SendOutcome.NOT_SENT:
        return True
    return result.outcome is SendOutcome.REJECTED and result.error is not None and stops_a_run(result.error)


def _is_fatal(result: SendResult) -> bool:
    """Return whether all further messages would fare alike until somebody mends something."""
    error = result.error
    if error is None or result.outcome is SendOutcome.UNKNOWN:
        return False
    # Left unsent since others were refused, one after the other, all for one reason.
    return stops_a_run(error) or (result.outcome is SendOutcome.NOT_SENT and is_refusal(error))


def _lost(message: CascadeMessage) -> SendResult:
    cause = TransportError("the send ended without a word", kind="lost")
    return SendResult(message, SendOutcome.UNKNOWN, None, OutcomeUnknownError((message.id,), cause))


def _sum(messages: Any) -> Decimal:
    total = Decimal(0)
    for one in messages:
        if one.price is not None:
            total = EXACT.add(total, one.price)
    return total


async def _finish(work: Any) -> None:
    """Await something to its end, whoever is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as met:
            cancelled = met
    if cancelled is not None:
        raise cancelled
    task.result()
