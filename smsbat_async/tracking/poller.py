"""DeliveryPoller: one schedule, a few long-lived workers, any number of messages."""

import asyncio
import itertools
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Generic, TypeVar

import anyio

from smsbat_async.crew import Crew
from smsbat_async.errors import (
    ClientClosedError,
    InvalidMessageError,
    NotFoundError,
    NotSentError,
    SmsBatError,
)
from smsbat_async.hooks import DeliveryResolved, Hooks, PollDone
from smsbat_async.policies import MINIMUM_POLL_GAP, PollPolicy, check_duration
from smsbat_async.statuses import Delivery, MessageStatus, Outcome, S, Source, ZnsStatus
from smsbat_async.tracking.cache import StatusCache
from smsbat_async.tracking.entry import IN_FLIGHT, UNSCHEDULED, Entry
from smsbat_async.tracking.schedule import Alarm, Schedule
from smsbat_async.tracking.waiters import FutureWaiter, Waiter
from smsbat_async.vendors.ids import check_message_id
from smsbat_async.vendors.outcome import NOT_TRIED, ends_tracking

W = TypeVar("W", bound=Waiter[Any])

logger = logging.getLogger("smsbat_async.tracking")

Ask = Callable[[str, float], Awaitable[S]]
"""Asks for a status once: the id, and until when in seconds of the loop's clock."""


class DeliveryPoller(Generic[S]):
    """Follows messages to their end.

    There is one entry and at most one poll in flight per message, however many wait for it. Polls are due by
    a schedule; a fixed number of workers make them. Deadlines are kept by a second schedule and one timer.

    Args:
        ask: Asks for a status once.
        crew: Where the workers run.
        width: How many workers.
        cache: Where final answers are kept.
        hooks: Who is told.
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
        policy: PollPolicy,
        loop: Callable[[], asyncio.AbstractEventLoop],
        random: Random,
    ) -> None:
        self._ask = ask
        self._crew = crew
        self._width = width
        self._cache = cache
        self._hooks = hooks
        self._policy = policy
        self._loop = loop
        self._random = random
        self._entries: dict[str, Entry[S]] = {}
        self._polls: Schedule[Entry[S]] = Schedule()
        self._deadlines: Schedule[tuple[Entry[S], Waiter[S]]] = Schedule()
        self._poll_alarm = Alarm(self._wake_worker)
        self._deadline_alarm = Alarm(self._on_deadline)
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
        return len(self._entries)

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
        check_duration("timeout", timeout)
        policy = policy or self._policy
        duration = timeout or policy.timeout

        def make(entry: Entry[S], now: float) -> FutureWaiter[S]:
            return FutureWaiter(loop, entry, now, now + duration)

        return self.admit(message_id, make, policy)

    def feed(self, status: S, *, source: Source = "webhook") -> bool:
        """Take news about a message from elsewhere, exactly as if a poll had brought it.

        The first news of an end wins; later and older news changes nothing.

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
        self._loop()
        if not isinstance(status, MessageStatus | ZnsStatus):
            raise InvalidMessageError("status", "no_status", "must be a MessageStatus or ZnsStatus")
        return self.hear(status, source)

    def hear(self, status: S, source: Source) -> bool:
        """Do what `feed` does with a status that surely is one, also while the client is closing."""
        now = asyncio.get_running_loop().time()
        self._cache.put(status, now)
        entry = self._entries.get(status.message_id)
        if entry is None:
            return False
        self._take_news(entry, status, source, now)
        return True

    async def drain(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being tracked.

        Args:
            timeout: For how long, in seconds; None for as long as it takes.

        Returns:
            Whether nothing is being tracked any more.
        """
        check_duration("timeout", timeout)
        if self._entries:
            empty = self._loop().create_future()
            self._drained.append(empty)
            try:
                async with asyncio.timeout(timeout):
                    await empty
            except TimeoutError:
                return not self._entries
            finally:
                if empty in self._drained:
                    self._drained.remove(empty)
        return True

    def close(self) -> None:
        """Fail whatever still waits with `ClientClosedError`, and track nothing more."""
        if self._closed:
            return
        self._closed = True
        self._poll_alarm.cancel()
        self._deadline_alarm.cancel()
        for entry in list(self._entries.values()):
            self._fail(entry, ClientClosedError(), tell=False)
        for scope in self._scopes:
            scope.cancel()  # nobody waits for what the polls under way would bring

    def admit(self, message_id: str, make: Callable[[Entry[S], float], W], policy: PollPolicy) -> W:
        """Let somebody wait for a message, and return it.

        Args:
            message_id: The vendor's id.
            make: Makes the one that waits, of the entry and the time.
            policy: When to ask.

        Raises:
            InvalidMessageError: If the id is not fit for a URL.
            ClientClosedError: If the client is closed.
        """
        if self._closed:
            raise ClientClosedError
        loop = self._loop()
        check_message_id(message_id)
        now = loop.time()
        entry = self._entries.get(message_id)
        if entry is None:
            entry = Entry(self, message_id, policy)
            known = self._cache.get(message_id, 0.0, now)
            if known is not None and known.outcome is not None:
                entry.status = known
                waiter = make(entry, now)
                self._hand_over(waiter, entry.delivery(waiter, known.outcome, "cache", now))
                return waiter
            self._entries[message_id] = entry
            entry.polled_at = self._asked.get(message_id)
        waiter = make(entry, now)
        entry.waiters.append(waiter)
        expires_at = waiter.deadline + entry.policy.last_poll_grace
        waiter.expiry = self._deadlines.add((entry, waiter), expires_at)
        self._deadline_alarm.set(expires_at, loop)
        if entry.ticket == UNSCHEDULED or (entry.ticket != IN_FLIGHT and waiter.deadline < entry.due):
            self._schedule(entry, now, loop)
        if not self._working:
            self._working = True
            for _ in range(self._width):
                self._crew.start(self._work)
        return waiter

    def forget(self, entry: Entry[S], waiter: Waiter[S]) -> None:
        """Let somebody wait no more; the message is tracked as long as anybody else waits."""
        if waiter in entry.waiters:
            entry.waiters.remove(waiter)
            self._deadlines.drop(waiter.expiry)
            if not entry.waiters:
                self._remove(entry)

    def _schedule(self, entry: Entry[S], now: float, loop: asyncio.AbstractEventLoop) -> None:
        """Set the time of an entry's next poll: by its policy, but no later than the next deadline."""
        self._polls.drop(entry.ticket)
        due = now + entry.policy.delay(entry.polls, self._random)
        deadline = entry.next_deadline(now)
        if deadline is not None and deadline < due:
            due = deadline
        if entry.polled_at is not None:
            due = max(due, entry.polled_at + entry.policy.minimum_gap)
        entry.due = due
        entry.ticket = self._polls.add(entry, due)
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
        while not self._closed:
            entry = self._polls.pop(loop.time())
            due = self._polls.next_time()
            if entry is None:
                self._poll_alarm.set(due, loop)
                turn = loop.create_future()
                self._idle.append(turn)
                await turn
                continue
            if due is not None and due <= loop.time():
                self._wake_worker()
            else:
                self._poll_alarm.set(due, loop)
            if entry.message_id in self._in_flight:
                # The poll of an earlier entry for the same id is still under way.
                entry.polled_at = loop.time()
                self._schedule(entry, entry.polled_at, loop)
                continue
            await self._poll(entry, loop)

    async def _poll(self, entry: Entry[S], loop: asyncio.AbstractEventLoop) -> None:
        message_id = entry.message_id
        entry.ticket = IN_FLIGHT
        self._in_flight.add(message_id)
        status: S | None = None
        error: SmsBatError | None = None
        try:
            status = await self._ask(message_id, entry.last_moment())
        except SmsBatError as met:
            error = met
        except Exception as met:  # noqa: BLE001 - one bad poll must not end the tracking of all others
            logger.error("a poll raised %s", type(met).__name__)  # noqa: TRY400 - its text may quote anything
        finally:
            self._in_flight.discard(message_id)
        now = loop.time()
        entry.ticket = UNSCHEDULED
        entry.polled_at = now
        if entry.policy.minimum_gap:
            self._note_poll(message_id, now)
        if not isinstance(error, NotSentError) or error.kind not in NOT_TRIED:
            entry.polls += 1
        if self._hooks:
            self._hooks.emit(PollDone(message_id=message_id, polls=entry.polls, status=status, error=error))
        if status is not None:
            self._cache.put(status, now)
        if entry.over:
            follower = self._entries.get(message_id)
            if follower is not None:
                self._hand_on(follower, status, now, loop)
            return
        if status is not None:
            self._take_news(entry, status, "poll", now)
        elif error is not None:
            entry.last_error = error
            if isinstance(error, NotFoundError) and entry.status is None:
                entry.missing = True
            if ends_tracking(error):
                self._fail(entry, error)
        self._expire(entry, now)
        if not entry.over:
            self._schedule(entry, now, loop)

    def _hand_on(
        self, entry: Entry[S], status: S | None, now: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Give an entry what came of a poll of an earlier entry for the same id."""
        entry.polled_at = now
        if status is not None:
            self._take_news(entry, status, "poll", now)
        if not entry.over and entry.due < now + entry.policy.minimum_gap:
            self._schedule(entry, now, loop)

    def _note_poll(self, message_id: str, now: float) -> None:
        """Remember for a second when a message was asked about, should it be tracked anew within it."""
        asked = self._asked
        asked.pop(message_id, None)
        asked[message_id] = now
        for known, at in tuple(itertools.islice(asked.items(), 2)):  # a few at a time will do
            if at + MINIMUM_POLL_GAP <= now:
                del asked[known]

    def _take_news(self, entry: Entry[S], status: S, source: Source, now: float) -> None:
        entry.learn(status)
        outcome = status.outcome
        if outcome is None:
            return
        waiters = entry.waiters
        self._remove(entry)  # first, since a hook may track or cancel this very message
        for waiter in waiters:
            self._deadlines.drop(waiter.expiry)
            self._hand_over(waiter, entry.delivery(waiter, outcome, source, now))

    def _hand_over(self, waiter: Waiter[S], delivery: Delivery[S]) -> None:
        waiter.resolve(delivery)
        if self._hooks:
            self._hooks.emit(DeliveryResolved(delivery=delivery))

    def _fail(self, entry: Entry[S], error: SmsBatError, *, tell: bool = True) -> None:
        now = asyncio.get_running_loop().time()  # a pool that was closed first must not keep us from closing
        waiters = entry.waiters
        self._remove(entry)
        for waiter in waiters:
            self._deadlines.drop(waiter.expiry)
            delivery = entry.delivery(waiter, Outcome.FAILED, "poll", now)
            waiter.fail(error, delivery)
            if tell and self._hooks:
                self._hooks.emit(DeliveryResolved(delivery=delivery))

    def _expire(self, entry: Entry[S], now: float) -> None:
        """Hand over to those whose deadline a poll has just outlasted: there will be no fresher news."""
        for waiter in [waiter for waiter in entry.waiters if waiter.deadline <= now]:
            self._deadlines.drop(waiter.expiry)
            self._time_out(entry, waiter, now)

    def _on_deadline(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while (expired := self._deadlines.pop(now)) is not None:
            self._time_out(*expired, now)
        self._deadline_alarm.set(self._deadlines.next_time(), loop)

    def _time_out(self, entry: Entry[S], waiter: Waiter[S], now: float) -> None:
        if waiter not in entry.waiters:
            return  # a hook has just cancelled it
        outcome = Outcome.NOT_FOUND if entry.missing else Outcome.TIMED_OUT
        entry.waiters.remove(waiter)
        if not entry.waiters:
            self._remove(entry)
        self._hand_over(waiter, entry.delivery(waiter, outcome, "poll", now))

    def _remove(self, entry: Entry[S]) -> None:
        entry.over = True
        entry.waiters = []
        self._polls.drop(entry.ticket)
        if self._entries.get(entry.message_id) is entry:
            del self._entries[entry.message_id]
        if not self._entries:
            while self._drained:
                empty = self._drained.popleft()
                if not empty.done():
                    empty.set_result(None)
