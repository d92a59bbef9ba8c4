"""DeliveryPoller: one schedule, a few long-lived workers, any number of messages."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from math import inf
from random import Random
from typing import Generic

import anyio

from smsbat_async.calls import Calls, Scope
from smsbat_async.cancelling import ends_the_task
from smsbat_async.crew import Crew
from smsbat_async.errors import (
    ClientClosedError,
    InvalidMessageError,
    NotFoundError,
    NotSentError,
    SmsBatError,
)
from smsbat_async.hooks import DeliveryResolved, Hooks, PollDone, TrackingEnded, TrackingStarted
from smsbat_async.policies import MINIMUM_POLL_GAP, PollPolicy, check_duration
from smsbat_async.statuses import Delivery, MessageStatus, Outcome, S, Source, ZnsStatus, is_older
from smsbat_async.tracking.cache import StatusCache
from smsbat_async.tracking.parking import Parking
from smsbat_async.tracking.registry import PlanRegistry
from smsbat_async.tracking.schedule import HAIR, Alarm, Schedule
from smsbat_async.tracking.table import NEVER, Table, Wait
from smsbat_async.tracking.waiters import FutureWaiter, Waiter
from smsbat_async.vendors.ids import check_message_id
from smsbat_async.vendors.outcome import NOT_TRIED, ends_tracking

AT_A_TIME = 1_000
"""How many messages are given up before the event loop gets its turn."""

MOMENT = 0.01
"""How long before its last waiter gives up a poll is broken off, in seconds."""

logger = logging.getLogger("smsbat_async.tracking")

Ask = Callable[[str, float, Scope], Awaitable[S]]
"""Asks for a status once: the id, until when in seconds of the loop's clock, and for whose call."""


class DeliveryPoller(Generic[S]):
    """Follows messages to their end.

    There is one row and at most one poll in flight per message, however many wait for it. Polls are due by
    a schedule; a fixed number of workers make them. Deadlines are kept by a second schedule and one timer.

    Args:
        ask: Asks for a status once.
        crew: Where the workers run.
        width: How many workers.
        cache: Where final answers are kept.
        hooks: Who is told.
        calls: Tells them of the calls.
        policy: When to ask, where a call does not say.
        loop: Returns the running loop, or raises.
        random: The source of jitter.
    """

    def __init__(
        self,
        *,
        ask: Ask[S],
        crew: Crew,
        width: int,
        cache: StatusCache[S],
        hooks: Hooks,
        calls: Calls,
        policy: PollPolicy,
        loop: Callable[[], asyncio.AbstractEventLoop],
        random: Random,
    ) -> None:
        self._ask = ask
        self._crew = crew
        self._width = width
        self._cache = cache
        self._parking: Parking[S] = Parking()
        self._hooks = hooks
        self._calls = calls
        self._policy = policy
        self._loop = loop
        self._table: Table[S] = Table()
        self._plans = PlanRegistry(random)
        self._polls = Schedule()
        self._deadlines = Schedule()
        self._poll_alarm = Alarm(self._wake_worker)
        self._deadline_alarm = Alarm(self._on_deadline)
        self._asked_alarm = Alarm(self._forget_asked)
        self._in_flight: set[str] = set()
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._drained: deque[asyncio.Future[None]] = deque()
        self._scopes: list[anyio.CancelScope] = []
        self._working = False
        self._closed = False

    @property
    def pending(self) -> int:
        """How many messages are being tracked."""
        return len(self._table)

    def track(
        self, message_id: str, *, timeout: float | None = None, policy: PollPolicy | None = None
    ) -> "asyncio.Future[Delivery[S]]":
        """Follow a message to its end.

        Args:
            message_id: The vendor's id.
            timeout: For how long, in seconds; None takes the policy's.
            policy: When to ask; None takes the client's.

        Returns:
            A future of its own: cancelling it harms no other. It gives a `Delivery`, also at the deadline.

        Raises:
            InvalidMessageError: If the id is not fit for a URL.
            ClientClosedError: If the client is closed.
            ConfigurationError: If no event loop runs.
        """
        if self._closed:
            raise ClientClosedError
        loop = self._loop()
        if timeout is not None:
            check_duration("timeout", timeout)
        policy = policy or self._policy
        waiter = FutureWaiter(loop, self, message_id)
        if self._calls.told:
            waiter.scope = self._calls.scope("track", message_id)
            waiter.scope.begin()
        try:
            self.admit(message_id, waiter, timeout or policy.timeout, policy, loop)
        except SmsBatError as error:
            waiter.scope.end(type(error).__name__)
            raise
        return waiter

    def feed(self, status: S, *, source: Source = "webhook") -> bool:
        """Take news about a message from elsewhere, exactly as if a poll had brought it.

        The first news of an end wins; later and older news changes nothing. News of a message that nobody
        follows are kept for ten minutes, for the latest 100,000 of such, should it be followed by then.

        Args:
            status: The same struct that a poll gives.
            source: Who brings it.

        Returns:
            Whether the message is being tracked.

        Raises:
            InvalidMessageError: If it is no status.
            ClientClosedError: If the client is closed.
        """
        if self._closed:
            raise ClientClosedError
        now = self._loop().time()
        if not isinstance(status, MessageStatus | ZnsStatus):
            raise InvalidMessageError("status", "no_status", "must be a MessageStatus or ZnsStatus")
        known = self._cache.get(status.message_id, 0.0, now)
        followed = self.hear(status, source)
        if not followed and known is None:  # what is known already has ended for good
            self._parking.put(status, now)
        return followed

    def hear(self, status: S, source: Source) -> bool:
        """Do what `feed` does with a status that surely is one, also while the client is closing."""
        now = asyncio.get_running_loop().time()
        self._cache.put(status, now)
        row = self._table.find(status.message_id)
        if row is None:
            return False
        self._take_news(row, status, source, now)
        return True

    async def drain(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being tracked.

        Args:
            timeout: For how long, in seconds; None for as long as it takes.

        Returns:
            Whether nothing is being tracked any more.
        """
        check_duration("timeout", timeout)
        if len(self._table):
            empty = self._loop().create_future()
            self._drained.append(empty)
            try:
                async with asyncio.timeout(timeout):
                    await empty
            except TimeoutError:
                return not len(self._table)
            finally:
                if empty in self._drained:
                    self._drained.remove(empty)
        return True

    def close(self) -> None:
        """Fail whatever still waits with `ClientClosedError`, and track nothing more."""
        if self._closed:
            return
        self._closed = True
        self.fail_all()
        for scope in self._scopes:
            scope.cancel()  # nobody waits for what the polls under way would bring

    def fail_all(self) -> None:
        """Fail whatever still waits with `ClientClosedError`: nobody asks any more."""
        self._working = False
        self._poll_alarm.cancel()
        self._deadline_alarm.cancel()
        self._asked_alarm.cancel()
        self._polls.clear()  # at once: to drop a million rows one by one takes seconds
        self._deadlines.clear()
        table = self._table
        for message_id in [table.ids[row] for row in table.rows()]:
            row = table.find(message_id)
            if row is not None:  # a hook may have let it go
                self._fail(row, ClientClosedError(), tell=False)

    def admit(
        self,
        message_id: str,
        waiter: Waiter[S],
        timeout: float,
        policy: PollPolicy,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Let somebody wait for a message.

        Args:
            message_id: The vendor's id.
            waiter: Who is told how it ended.
            timeout: For how long, in seconds.
            policy: When to ask.
            loop: The running loop.

        Raises:
            InvalidMessageError: If the id is not fit for a URL.
            ClientClosedError: If the client is closed.
        """
        if self._closed:
            raise ClientClosedError
        check_message_id(message_id)
        now = loop.time()
        row = self._table.find(message_id)
        if row is not None:
            self._join(row, waiter, now, now + timeout, loop)
            return
        known = self._cache.get(message_id, 0.0, now)
        source: Source = "cache"
        parked = self._parking.take(message_id, now)
        if known is None or known.outcome is None:
            known, source = parked, "webhook"
        if known is not None and known.outcome is not None:
            delivery = Delivery(message_id=message_id, outcome=known.outcome, status=known, source=source)
            self._hand_over(waiter, delivery)
            return
        if not self._working:  # before anything is noted: where the program is being cancelled, this raises
            for _ in range(self._width):
                self._crew.start(self._work)
            self._working = True
        number = self._plans.take(policy)
        row = self._table.add(message_id, waiter, now, self._asked.get(message_id, NEVER), number)
        if parked is not None:
            self._table.keep_status(row, parked)
        self._set_deadline(row, now + timeout + self._plans[number].last_poll_grace, now, loop)
        self._schedule(row, now, loop)
        if self._calls.told:  # last, since a hook may let this very message go
            self._hooks.emit(TrackingStarted(message_id=message_id, vendor=self._calls.vendor))

    def _join(
        self, row: int, waiter: Waiter[S], now: float, deadline: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Let one more wait for a message that is being tracked."""
        table = self._table
        waits = table.held[row] = self._waits(row)
        waits.append(Wait(waiter, now, deadline))
        expiry = deadline + self._grace(row)
        if expiry < self._deadlines.time_of(row):
            self._deadlines.drop(row)
            self._set_deadline(row, expiry, now, loop)
        if deadline < self._polls.time_of(row) and table.ids[row] not in self._in_flight:
            self._schedule(row, now, loop)

    def forget(self, message_id: str, waiter: Waiter[S]) -> None:
        """Let somebody wait no more; the message is tracked as long as anybody else waits."""
        table = self._table
        row = table.find(message_id)
        if row is None:
            return
        held = table.held[row]
        if isinstance(held, list):
            self._keep(row, [wait for wait in held if wait.waiter is not waiter])
        elif held is waiter:
            self._remove(row)

    def forget_all(self, waiter: Waiter[S]) -> None:
        """Let somebody who waits for many messages wait no more."""
        table = self._table
        rows = (
            row
            for row, held in enumerate(table.held)
            if held is waiter or (isinstance(held, list) and any(wait.waiter is waiter for wait in held))
        )
        self._forget_some([table.ids[row] for row in rows], waiter)

    def _forget_some(self, message_ids: list[str], waiter: Waiter[S]) -> None:
        some = message_ids[-AT_A_TIME:]
        del message_ids[-AT_A_TIME:]
        for message_id in some:
            self.forget(message_id, waiter)
        if message_ids:
            asyncio.get_running_loop().call_soon(self._forget_some, message_ids, waiter)

    def _waits(self, row: int) -> list[Wait]:
        """Return everybody who waits for a message."""
        held = self._table.held[row]
        if isinstance(held, list):
            return held
        assert held is not None
        return [Wait(held, self._table.began[row], self._deadlines.time_of(row) - self._grace(row))]

    def _scope_of(self, row: int) -> Scope:
        """Return whose call a poll is, of all who wait for the message: the first's."""
        held = self._table.held[row]
        assert held is not None
        return held[0].waiter.scope if isinstance(held, list) else held.scope

    def _keep(self, row: int, waits: list[Wait]) -> None:
        """Let only some go on waiting for a message."""
        if waits:
            self._table.held[row] = waits
        else:
            self._remove(row)

    def _grace(self, row: int) -> float:
        return self._plans[self._table.plans[row]].last_poll_grace

    def _set_deadline(self, row: int, at: float, now: float, loop: asyncio.AbstractEventLoop) -> None:
        self._deadlines.add(row, at, now)
        self._deadline_alarm.set(at, loop)

    def _schedule(
        self, row: int, now: float, loop: asyncio.AbstractEventLoop, *, failed: bool = False
    ) -> None:
        """Set the time of the next poll: by the plan, but no later than the next deadline."""
        table = self._table
        plan = self._plans[table.plans[row]]
        polls = table.polls[row]
        wait = plan.delay_after_failure(polls) if failed else plan.delay(now - table.began[row], polls)
        due = now + wait
        held = table.held[row]
        if isinstance(held, list):
            deadline = min((wait.deadline for wait in held if wait.deadline > now + HAIR), default=inf)
        else:
            deadline = self._deadlines.time_of(row) - plan.last_poll_grace
        if now + HAIR < deadline < due:
            due = deadline
        earliest = table.polled_at[row] + plan.minimum_gap
        if due < earliest:
            due = earliest
        self._polls.drop(row)
        self._polls.add(row, due, now)
        self._poll_alarm.set(due, loop)

    def _wake_worker(self) -> None:
        while self._idle:
            worker = self._idle.popleft()
            if not worker.done():
                worker.set_result(None)
                return

    async def _work(self) -> None:
        with anyio.CancelScope() as scope:
            self._scopes.append(scope)
            await self._poll_what_is_due()

    async def _poll_what_is_due(self) -> None:
        loop = asyncio.get_running_loop()
        table, polls = self._table, self._polls
        while not self._closed:
            now = loop.time()
            first = polls.pop(now)
            following = polls.next_time(now)
            if first is None:
                self._poll_alarm.set(following, loop)
                turn = loop.create_future()
                self._idle.append(turn)
                await turn
                continue
            if following is not None and following <= now:
                self._wake_worker()
            else:
                self._poll_alarm.set(following, loop)
            due, row = first
            self._plans[table.plans[row]].started(now - due)
            if table.ids[row] in self._in_flight:
                # The poll of an earlier row for the same id is still under way.
                table.polled_at[row] = now
                self._schedule(row, now, loop, failed=True)
                continue
            await self._poll(row, loop)

    async def _poll(self, row: int, loop: asyncio.AbstractEventLoop) -> None:
        message_id = self._table.ids[row]
        polls = self._table.polls[row]
        until = max(wait.deadline for wait in self._waits(row)) + self._grace(row) - MOMENT
        self._in_flight.add(message_id)
        status: S | None = None
        error: SmsBatError | None = None
        try:
            status = await self._ask(message_id, until, self._scope_of(row))
        except SmsBatError as met:
            error = met
        except BaseException as met:  # one bad poll must not end the tracking of all others
            if ends_the_task(met):
                raise
            logger.error("a poll raised %s", type(met).__name__)  # noqa: TRY400 - its text may quote anything
        finally:
            self._in_flight.discard(message_id)
        now = loop.time()
        # What was asked about may have ended meanwhile, and may be tracked anew in another row.
        known = self._table.find(message_id)
        if not isinstance(error, NotSentError) or error.kind not in NOT_TRIED:
            polls += 1
            if known is not None:
                polls = self._table.polls[known] = self._table.polls[known] + 1
        self._note_poll(message_id, now, loop)
        if self._hooks:
            self._hooks.emit(
                PollDone(
                    message_id=message_id,
                    polls=polls,
                    status=status,
                    error=error,
                    vendor=self._calls.vendor,
                )
            )
        if status is not None:
            self._cache.put(status, now)
        known = self._table.find(message_id)  # a hook may have let it go
        if known is not None:
            self._go_on(known, status, error, now, loop)

    def _go_on(
        self,
        row: int,
        status: S | None,
        error: SmsBatError | None,
        now: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Take what came of a poll, and set the time of the next one if there is to be one."""
        table = self._table
        message_id = table.ids[row]
        if status is not None:
            self._take_news(row, status, "poll", now)
        elif error is not None:
            table.errors[row] = error.with_traceback(None)
            if isinstance(error, NotFoundError) and table.statuses[row] is None:
                table.missing.add(row)
            if ends_tracking(error):
                self._fail(row, error)
        if table.find(message_id) == row:
            table.polled_at[row] = now
            ending, staying = _parted(self._waits(row), now + HAIR)
            if ending:  # there will be no fresher news for them
                self._lapse(row, ending, staying, now)
        if table.find(message_id) == row:
            self._schedule(row, now, loop, failed=status is None)

    def _note_poll(self, message_id: str, now: float, loop: asyncio.AbstractEventLoop) -> None:
        """Remember for a second when a message was asked about, should it be tracked anew within it."""
        self._asked.pop(message_id, None)
        self._asked[message_id] = now
        self._asked_alarm.set(now + MINIMUM_POLL_GAP, loop)

    def _forget_asked(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for _ in range(AT_A_TIME):
            if not self._asked:
                self._asked.clear()  # which gives its memory back
                return
            message_id, at = next(iter(self._asked.items()))
            if at + MINIMUM_POLL_GAP > now + HAIR:
                self._asked_alarm.set(at + MINIMUM_POLL_GAP, loop)
                return
            del self._asked[message_id]
        self._asked_alarm.set(now, loop)

    def _take_news(self, row: int, status: S, source: Source, now: float) -> None:
        table = self._table
        outcome = status.outcome
        self._learn(row, now, ended=outcome is not None, exact=source == "webhook")
        table.missing.discard(row)
        if outcome is not None:
            self._end(row, self._waits(row), [], outcome, source, now, status)
        elif not is_older(status, table.statuses[row]):
            table.keep_status(row, status)

    def _learn(self, row: int, now: float, *, ended: bool, exact: bool) -> None:
        """Let the plan know what an answer says about when messages end."""
        table = self._table
        if row in table.errors:
            return  # a poll that failed has made it unknown until when the message surely had not ended
        plan = self._plans[table.plans[row]]
        age = now - table.began[row]
        since = max(table.polled_at[row] - table.began[row], 0.0)
        if exact and ended:
            plan.learn(since, age, False)
            since = age
        plan.learn(since, age, ended)

    def _end(
        self,
        row: int,
        ending: list[Wait],
        staying: list[Wait],
        outcome: Outcome,
        source: Source,
        now: float,
        status: S | None = None,
    ) -> None:
        """Tell some of those who wait how it ended for them."""
        table = self._table
        ends = [
            (wait.waiter, table.delivery(row, wait.began, outcome, source, now, status)) for wait in ending
        ]
        unnoticed = None
        if self._calls.told and status is not None and source == "poll" and row not in table.errors:
            unnoticed = now - max(table.polled_at[row], table.began[row])
        self._keep(row, staying)  # first, since a hook may track or cancel this very message
        for waiter, delivery in ends:
            self._hand_over(waiter, delivery, unnoticed)

    def _lapse(self, row: int, ending: list[Wait], staying: list[Wait], now: float) -> None:
        """Tell some of those who wait that their time is over."""
        outcome = Outcome.NOT_FOUND if row in self._table.missing else Outcome.TIMED_OUT
        self._end(row, ending, staying, outcome, "poll", now)

    def _on_deadline(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for _ in range(AT_A_TIME):
            first = self._deadlines.pop(now)
            if first is None:
                break
            at, row = first
            grace = self._grace(row)
            held = self._table.held[row]
            if isinstance(held, list):
                ending, staying = _parted(held, now - grace + HAIR)
                if staying:
                    self._set_deadline(row, min(wait.deadline for wait in staying) + grace, now, loop)
                self._lapse(row, ending, staying, now)
            else:
                assert held is not None
                self._lapse(row, [Wait(held, self._table.began[row], at - grace)], [], now)
        self._deadline_alarm.set(self._deadlines.next_time(now), loop)

    def _hand_over(self, waiter: Waiter[S], delivery: Delivery[S], unnoticed: float | None = None) -> None:
        waiter.resolve(delivery)
        if self._calls.told:
            self._tell_end(waiter, delivery, unnoticed)

    def _tell_end(
        self,
        waiter: Waiter[S],
        delivery: Delivery[S],
        unnoticed: float | None = None,
        error: SmsBatError | None = None,
        *,
        resolved: bool = True,
    ) -> None:
        """Tell the hooks how it ended for one that waited, and that its call is over if it was but this."""
        if isinstance(waiter, FutureWaiter) and waiter.cancelled():  # by a hook, and told as such
            return
        if resolved:
            self._hooks.emit(
                DeliveryResolved(
                    delivery=delivery,
                    unnoticed=unnoticed,
                    vendor=self._calls.vendor,
                    call=waiter.scope.call,
                )
            )
        if isinstance(waiter, FutureWaiter):
            waiter.scope.end(None if error is None else type(error).__name__)

    def _fail(self, row: int, error: SmsBatError, *, tell: bool = True) -> None:
        now = asyncio.get_running_loop().time()  # a pool that was closed first must not keep us from closing
        table = self._table
        ends = [
            (wait.waiter, table.delivery(row, wait.began, Outcome.FAILED, "poll", now))
            for wait in self._waits(row)
        ]
        self._remove(row)
        for waiter, delivery in ends:
            waiter.fail(error, delivery)
            if self._hooks:
                self._tell_end(waiter, delivery, None, error, resolved=tell)

    def _remove(self, row: int) -> None:
        table = self._table
        message_id = table.ids[row]
        self._plans.give_back(table.plans[row])
        self._polls.drop(row)
        self._deadlines.drop(row)
        table.remove(row)
        if not len(table):
            self._polls.clear()
            self._deadlines.clear()
            while self._drained:
                empty = self._drained.popleft()
                if not empty.done():
                    empty.set_result(None)
        if self._calls.told:
            self._hooks.emit(TrackingEnded(message_id=message_id, vendor=self._calls.vendor))


def _parted(waits: list[Wait], until: float) -> tuple[list[Wait], list[Wait]]:
    """Return those whose deadline comes at some time or earlier, and the others."""
    ending = [wait for wait in waits if wait.deadline <= until]
    return ending, [wait for wait in waits if wait.deadline > until] if ending else waits
