"""Tracker: follows what was accepted to its end, closely at first and then from the ledger."""

import asyncio
import datetime as dt
import functools
from collections import Counter
from collections.abc import Sequence
from typing import Final

from smsbat_async.calls import UNTOLD, Scope
from smsbat_async.campaign.common import Common
from smsbat_async.campaign.events import EndsRecorded
from smsbat_async.campaign.reach import Reach
from smsbat_async.campaign.records import (
    CampaignState,
    Chunk,
    End,
    News,
    OpenMessage,
    channel_of,
)
from smsbat_async.campaign.rules import FailureShare
from smsbat_async.campaign.schema import chunk_of
from smsbat_async.errors import (
    ClientClosedError,
    InvalidMessageError,
    LedgerError,
    NotFoundError,
    RateLimitError,
    ServerError,
    SmsBatError,
    TransportError,
)
from smsbat_async.messages import SendOutcome, SendResult
from smsbat_async.statuses import Delivery, MessageStatus, Outcome
from smsbat_async.vendors.outcome import is_hopeless

BEAT: Final = 0.5
"""How long ends wait to be written together, and how often the ledger is asked what is due, in seconds."""

AT_ONCE: Final = 10
"""How many chunks are asked after from the ledger at a time."""

GROWTH: Final = 0.25
"""By which part of its age a message has grown older when it is asked after again."""

REST_MAXIMUM: Final = 900.0
"""How long a message is left alone at most, in seconds."""

MERGE_EVERY: Final = 30.0
"""How often news of messages that are not in memory are brought to them, in seconds."""

MOMENT: Final = dt.timedelta(milliseconds=1)

PASSING: Final = (TransportError, RateLimitError, ServerError)
"""What says nothing of a message, and may pass."""

FAILED = frozenset({Outcome.UNDELIVERABLE, Outcome.PERMANENT_ERROR, Outcome.NOT_FOUND})


class Tracker:
    """Follows the messages of one run.

    What was just accepted is followed by the client's poller, for as long as its policy says and where the
    window has room. The rest is asked after from the ledger, chunk by chunk, each time its age has grown by a
    quarter, until it is too old.

    Args:
        common: What all parts of the run work with.
        failures: The share of messages that were not delivered of late, if it is looked at.
    """

    def __init__(self, common: Common, *, failures: FailureShare | None) -> None:
        self._client = common.client
        self._ledger = common.ledger
        self._record = common.record
        self._settings = common.settings
        self._halt = common.halt
        self._pen = common.pen
        self._meter = common.meter
        self._hooks = common.hooks
        self._failures = failures
        self.scope: Scope = UNTOLD  # polls of a campaign belong to no call
        self._span = dt.timedelta(seconds=common.settings.track_for)
        self._close = min(common.client.polling.timeout, common.settings.track_for)
        self._first = common.client.polling.initial
        self._reach = Reach(common.settings.patience)
        self._followed: dict[str, int] = {}
        self._ends: list[End] = []
        self._asked: Counter[int] = Counter()
        self._news: list[News] = []
        self._loop = asyncio.get_running_loop()
        # At once, for what came while nobody ran the campaign.
        self._merge_at: float | None = self._loop.time()

    @property
    def followed(self) -> int:
        """How many messages are followed closely."""
        return len(self._followed)

    # -- what was just accepted --------------------------------------------------------------------------

    def accepted(self, chunk: Chunk, results: Sequence[SendResult]) -> dt.datetime:
        """Follow what was accepted, and return when the chunk is to be asked after from the ledger."""
        now = self._ledger.now
        if not self._settings.track_for:
            return now
        numbers = {one.message.id: one.id for one in chunk.messages}
        all_fit = True
        for result in results:
            if result.outcome is SendOutcome.ACCEPTED and result.message_id is not None:
                fits = self._halt.following and self._follow(result.message_id, numbers[result.message.id])
                all_fit = all_fit and fits
        polling = self._client.polling
        wait = self._close + polling.last_poll_grace if all_fit else self._first
        return now + dt.timedelta(seconds=wait)

    def _follow(self, vendor_id: str, number: int) -> bool:
        if len(self._followed) >= self._settings.tracking_window or vendor_id in self._followed:
            return False
        self._followed[vendor_id] = number
        try:
            self._client.poller.admit(vendor_id, self, self._close, self._client.polling, self._loop)
        except (InvalidMessageError, ClientClosedError):
            self._followed.pop(vendor_id, None)  # an id that no URL can hold: webhooks may tell of it
            return False
        return True

    def resolve(self, delivery: Delivery[MessageStatus]) -> None:
        """Take the news that a message ended, or that the close following did."""
        number = self._followed.pop(delivery.message_id, None)
        if number is None:
            return
        given_up = delivery.outcome in {Outcome.TIMED_OUT, Outcome.NOT_FOUND}
        if given_up and self._close < self._settings.track_for:
            self._asked[chunk_of(number)] += delivery.polls
            return  # it is asked after from the ledger
        self._end(number, delivery.outcome, delivery.status, delivery.polls)

    def fail(self, error: SmsBatError, delivery: Delivery[MessageStatus]) -> None:
        """Take the news that asking after a message is of no use."""
        self._followed.pop(delivery.message_id, None)
        self._learn(error)

    def _end(self, number: int, outcome: Outcome, status: MessageStatus | None, polls: int) -> None:
        cost = None if status is None else status.cost
        self._ends.append(
            End(number, outcome, cost, channel_of(status), polls=polls, ended_at=self._ledger.now)
        )
        if cost is not None:
            self._meter.add_charged(cost)
        if self._failures is not None and outcome is not Outcome.TIMED_OUT:
            self._failures.add(outcome in FAILED)
            if self._failures.tripped:
                self._halt.say(CampaignState.STOPPED, f"{self._failures}: not delivered", follow=True)

    def _learn(self, error: SmsBatError) -> None:
        if isinstance(error, ClientClosedError):
            self._halt.say(CampaignState.PAUSED, "the client was closed")
        elif is_hopeless(error):
            self._halt.say(CampaignState.STOPPED, f"messages cannot be asked after: {error}")

    # -- what the vendor tells by itself -----------------------------------------------------------------

    def feed(self, status: MessageStatus, tracking_id: str | None) -> None:
        """Take news that a webhook brought."""
        ours = status.message_id in self._followed
        self._client.poller.feed(status)
        news = News.of(status, tracking_id)
        if not ours and news is not None:
            self._news.append(news)

    # -- from the ledger ---------------------------------------------------------------------------------

    async def work(self, sending: asyncio.Event) -> None:
        """Follow messages until all have ended, or the word to stop is said.

        Args:
            sending: Is set when nothing more will be accepted.
        """
        try:
            while self._halt.following:
                over = sending.is_set()
                await self.write()
                await self._merge_news(force=over and not self._followed)
                if await self._ask_after_what_is_due():
                    continue
                if over and not self._followed and not self._ends and await self._all_ended():
                    return
                await self._halt.change(BEAT)
        except LedgerError as met:
            self._halt.fail(met)
        except ClientClosedError as met:
            self._learn(met)
        finally:
            self._client.poller.forget_all(self)
            self._followed.clear()

    async def write(self) -> None:
        """Write what is known: ends, news, and how much was asked in vain."""
        if self._news:
            news, self._news = self._news, []
            try:
                await self._pen.write(lambda: self._ledger.add_news(news))
            except BaseException:
                self._news = news + self._news  # for the last try, when the run ends
                raise
            self._merge_at = self._merge_at or self._loop.time() + MERGE_EVERY
        if self._asked:
            asked, self._asked = self._asked, Counter()
            await self._pen.write(lambda: self._ledger.add_asked(self._record, asked))
        if not self._ends:
            return
        ends, self._ends = self._ends, []
        try:
            await self._pen.write(lambda: self._ledger.record_ends(self._record, ends))
        except BaseException:
            self._ends = ends + self._ends  # as above
            raise
        self._hooks.emit(EndsRecorded(ends=tuple(ends)))

    async def _merge_news(self, *, force: bool) -> None:
        """Bring news to the messages that they are about, if there are any and it is time."""
        if self._merge_at is not None and (force or self._loop.time() >= self._merge_at):
            self._merge_at = None
            await self._pen.write(lambda: self._ledger.merge_news(self._record))

    async def _all_ended(self) -> bool:
        if not self._settings.track_for:
            return True
        return await self._ledger.next_due(self._record) is None

    async def _ask_after_what_is_due(self) -> bool:
        """Ask after the chunks that are due, and return whether there were any."""
        if not self._settings.track_for:
            return False
        horizon = self._settings.track_for + REST_MAXIMUM
        due = await self._ledger.due(self._record, limit=AT_ONCE, horizon=horizon)
        if not due:
            return False
        asked: dict[str, OpenMessage] = {}
        ages: dict[int, dt.timedelta] = {}
        for chunk in due:
            ages[chunk.id] = self._ledger.now - chunk.accepted_at
            found = await self._ledger.open_messages(chunk.id)
            asked.update((one.vendor_id, one) for one in found if one.vendor_id not in self._followed)
        unheard: set[int] = set()
        with self._halt.breaking_off(follows=True):
            unheard = await self._ask(asked)
        await self.write()
        if not self._halt.following:
            return False
        old = [chunk_id for chunk_id, age in ages.items() if age >= self._span and chunk_id not in unheard]
        if old:  # they were asked after once more just now
            before = self._ledger.now - self._span + MOMENT
            await self._pen.write(lambda: self._ledger.expire(self._record, before, chunk_ids=old))
        for chunk_id, age in ages.items():
            rest = self._rest(age)
            if chunk_id in unheard and age >= self._span:
                rest = dt.timedelta(seconds=max(self._reach.rest, self._first, BEAT))
            due_at = self._ledger.now + rest
            await self._pen.write(functools.partial(self._ledger.postpone, self._record, (chunk_id,), due_at))
        return True

    def _rest(self, age: dt.timedelta) -> dt.timedelta:
        """Return how long messages of an age are left alone."""
        seconds = min(max(age.total_seconds() * GROWTH, self._first), REST_MAXIMUM)
        left = (self._span - age).total_seconds()
        return dt.timedelta(seconds=min(seconds, left) if left > 0 else seconds)

    async def _ask(self, asked: dict[str, OpenMessage]) -> set[int]:
        """Ask once after some messages, and return the chunks of those that no answer came for."""
        written_at = self._loop.time()
        unheard: set[int] = set()
        async with self._client.statuses(list(asked)) as results:
            async for result in results:
                one, status = asked[result.message_id], result.status
                too_old = self._ledger.now - one.accepted_at >= self._span
                if status is not None and status.outcome is not None:
                    self._end(one.id, status.outcome, status, 1)
                elif isinstance(result.error, NotFoundError) and too_old:
                    self._end(one.id, Outcome.NOT_FOUND, None, 1)
                else:
                    self._asked[chunk_of(one.id)] += 1
                    if result.error is not None:
                        self._learn(result.error)
                if not isinstance(result.error, PASSING):
                    self._reach.took()
                elif self._reach.took_nothing(result.error):
                    unheard.add(chunk_of(one.id))
                if self._loop.time() - written_at >= BEAT:
                    await self.write()
                    written_at = self._loop.time()
        return unheard
