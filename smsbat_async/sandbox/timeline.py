"""How many messages are in which state, kept up to date change by change."""

import asyncio
import math
from collections import deque
from typing import Final, Protocol

from smsbat_async.sandbox.agenda import Agenda
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.messages import (
    DELIVERED,
    NO_COST,
    PERMANENT_ERROR,
    PROCESSING,
    SCHEDULED,
    UNDELIVERABLE,
    Message,
)
from smsbat_async.sandbox.store import Store

STATUSES: Final[tuple[str, ...]] = (SCHEDULED, PROCESSING, DELIVERED, UNDELIVERABLE, PERMANENT_ERROR)
_AT_ONCE: Final = 500


class Listener(Protocol):
    """Who is told of changes, each as it happens."""

    def changed(self, message: Message, moment: float, status: str | None) -> None:
        """Hear of a change of a message.

        Args:
            message: It, which may have changed again since.
            moment: When, in seconds of the sandbox's clock.
            status: Its new status; None if it is still the same and something else changed.
        """

    def forgotten(self, message: Message) -> None:
        """Hear of a message that was dropped because there were too many."""

    def cleared(self) -> None:
        """Hear that all messages were dropped."""


class Timeline:
    """Follows messages through their fates; statuses themselves are still looked up by time.

    It does nothing until `take_up` or `catch_up` is called first, so that who does not look at it does not
    pay for it. From then on it hears of every message; changes that time brings are taken up by the
    agenda's timer while somebody keeps that, else by `catch_up`.

    Args:
        store: The messages.
        clock: The time.
        agenda: Where coming changes are put.
    """

    def __init__(self, store: Store, clock: Clock, agenda: Agenda) -> None:
        self._store = store
        self._clock = clock
        self._agenda = agenda
        self._known: dict[str, str] = {}
        self._untaken: deque[Message] = deque()
        self._listeners: list[Listener] = []
        self._forgotten = 0
        self.counts: dict[str, int] = dict.fromkeys(STATUSES, 0)
        self.cost = NO_COST
        self.revision = 0

    def tell(self, *listeners: Listener) -> None:
        """Tell somebody of changes from now on.

        Args:
            listeners: Whom.
        """
        self._listeners.extend(listeners)

    def take_up(self) -> None:
        """Begin to follow messages, those that are there already at once."""
        self._watch()
        while self._take_up_some():
            pass

    async def catch_up(self) -> None:
        """Bring the counts up to date without holding the loop for long."""
        self._watch()
        while self._take_up_some() or self._agenda.run_due():  # noqa: ASYNC110 - this is no waiting
            await asyncio.sleep(0)

    def accepted(self, message: Message) -> None:
        """Hear of a message that came.

        Args:
            message: It.
        """
        status = self._add(message, message.accepted_at)
        self._report(message, message.accepted_at, status)

    def forgotten(self, message: Message) -> None:
        """Hear of a message that was dropped because there were too many.

        Args:
            message: It.
        """
        status = self._known.pop(message.message_id, None)
        if status is None:
            return
        self.counts[status] -= 1
        if status == DELIVERED:
            self.cost -= message.cost(math.inf) or NO_COST
        self.revision += 1
        for listener in self._listeners:
            listener.forgotten(message)
        self._forgotten += 1
        # Else what is to come of them, for some in weeks, would hold forgotten messages in memory.
        if self._forgotten > max(_AT_ONCE, len(self._agenda) // 2):
            self._forgotten = 0
            self._agenda.take_back(self._change, self._is_forgotten)

    def decided(self, message: Message) -> None:
        """Hear that a message's fate was decided by hand.

        Args:
            message: It.
        """
        if self._store.watcher is None:
            return
        now = self._clock.now()
        known = self._known.get(message.message_id)
        if known is None:
            self._report(message, now, self._add(message, now))
            return
        began = message.starts_at + message.fate.processing_at
        if known == SCHEDULED and began < now:
            # It had begun before it was decided, though that was not taken up yet.
            self._move(message, began)
        self._move(message, now)

    def touched(self, message: Message) -> None:
        """Hear of a change that is none of the status.

        Args:
            message: It.
        """
        if message.message_id in self._known:
            self._report(message, self._clock.now(), None)

    def cleared(self) -> None:
        """Hear that all messages were dropped."""
        self._known.clear()
        self._untaken.clear()
        self._agenda.clear()
        self.counts = dict.fromkeys(STATUSES, 0)
        self.cost = NO_COST
        self.revision += 1
        for listener in self._listeners:
            listener.cleared()

    def _watch(self) -> None:
        if self._store.watcher is None:
            self._untaken.extend(self._store.messages())
            self._store.watcher = self

    def _take_up_some(self) -> bool:
        for _ in range(_AT_ONCE):
            if not self._untaken:
                return False
            message = self._untaken.popleft()
            if message.message_id not in self._known and self._store.get(message.message_id) is message:
                self._add(message, self._clock.now())
        return True

    def _add(self, message: Message, now: float) -> str:
        status = message.status(now)
        self._known[message.message_id] = status
        self.counts[status] += 1
        if status == DELIVERED:
            self.cost += message.cost(now) or NO_COST
        self._await(message, now)
        return status

    def _change(self, message: Message, moment: float) -> None:
        # A decision has already been heard of, and leaves nothing for time to change.
        if message.message_id in self._known and not message.decided:
            self._move(message, moment)
            self._await(message, moment)

    def _move(self, message: Message, now: float) -> None:
        before = self._known[message.message_id]
        status = message.status(now)
        if status == before:
            self._report(message, now, None)
            return
        self._known[message.message_id] = status
        self.counts[before] -= 1
        self.counts[status] += 1
        if status == DELIVERED:
            self.cost += message.cost(now) or NO_COST
        self._report(message, now, status)

    def _is_forgotten(self, message: Message) -> bool:
        return message.message_id not in self._known

    def _await(self, message: Message, now: float) -> None:
        coming = message.next_change(now)
        if coming < math.inf:
            self._agenda.add(coming, self._change, message)

    def _report(self, message: Message, moment: float, status: str | None) -> None:
        self.revision += 1
        for listener in self._listeners:
            listener.changed(message, moment, status)
