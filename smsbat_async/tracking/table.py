"""What is known of the messages that are being tracked."""

from array import array
from math import inf
from typing import Any, Generic, NamedTuple

import msgspec

from smsbat_async.errors import SmsBatError
from smsbat_async.statuses import Delivery, Outcome, S, Source
from smsbat_async.tracking.waiters import Waiter

NEVER = -inf
"""When a message was asked about that was not."""


STATES = 1_000
"""How many different states are shared at a time."""

SHARDS = 64
"""How many dicts the ids are spread over: a dict that grows is copied, and one of a million is a stall."""


class Wait(NamedTuple):
    """Somebody's waiting for a message, among others.

    Args:
        waiter: Who waits.
        began: Since when, in seconds of the loop's clock.
        deadline: Until when.
    """

    waiter: Waiter[Any]
    began: float
    deadline: float


class Table(Generic[S]):
    """One row per message that is being tracked, however many wait for it.

    The columns are arrays of plain numbers where they can be: a million rows are a handful of objects for the
    garbage collector. What few rows have stands in dicts. A row that is removed is used again.

    Attributes:
        ids: The id in each row.
        held: Who waits in each row: one waiter, or a list of `Wait` where there are more.
        began: When tracking began, in seconds of the loop's clock.
        polled_at: When the message was asked about last, or NEVER.
        polls: How many polls there were.
        plans: The number of the plan that says when to ask.
        statuses: The last that the vendor said, without its id, or None.
        missing: The rows of messages that the vendor does not know and never has.
        errors: What the last failed poll met, where one failed.
    """

    __slots__ = (
        "_free",
        "_shards",
        "_states",
        "began",
        "errors",
        "held",
        "ids",
        "missing",
        "plans",
        "polled_at",
        "polls",
        "statuses",
    )

    def __init__(self) -> None:
        self._shards: list[dict[str, int]] = [{} for _ in range(SHARDS)]
        self.ids: list[str] = []
        self.held: list[Waiter[S] | list[Wait] | None] = []
        self.began = array("d")
        self.polled_at = array("d")
        self.polls = array("I")
        self.plans = array("I")
        self.statuses: list[S | None] = []
        self.missing: set[int] = set()
        self.errors: dict[int, SmsBatError] = {}
        self._states: dict[S, S] = {}
        self._free = array("I")

    def __len__(self) -> int:
        return len(self.ids) - len(self._free)

    def find(self, message_id: str) -> int | None:
        """Return the row of a message, or None."""
        return self._shards[hash(message_id) % SHARDS].get(message_id)

    def rows(self) -> list[int]:
        """Return every row that is in use."""
        return [row for row, held in enumerate(self.held) if held is not None]

    def add(self, message_id: str, waiter: Waiter[S], began: float, polled_at: float, plan: int) -> int:
        """Add a message, and return its row."""
        if self._free:
            row = self._free.pop()
            self.ids[row] = message_id
            self.held[row] = waiter
            self.began[row] = began
            self.polled_at[row] = polled_at
            self.polls[row] = 0
            self.plans[row] = plan
        else:
            row = len(self.ids)
            self.ids.append(message_id)
            self.held.append(waiter)
            self.began.append(began)
            self.polled_at.append(polled_at)
            self.polls.append(0)
            self.plans.append(plan)
            self.statuses.append(None)
        self._shards[hash(message_id) % SHARDS][message_id] = row
        return row

    def remove(self, row: int) -> None:
        """Take a message out; the memory of an empty table is given back."""
        message_id = self.ids[row]
        del self._shards[hash(message_id) % SHARDS][message_id]
        self.ids[row] = ""
        self.held[row] = None
        self.statuses[row] = None
        self.missing.discard(row)
        self.errors.pop(row, None)
        self._free.append(row)
        if not len(self):
            self._clear()

    def keep_status(self, row: int, status: S) -> None:
        """Keep what the vendor said: messages in one and the same state share one struct."""
        state = msgspec.structs.replace(status, message_id="")
        try:
            shared = self._states.get(state)
        except TypeError:  # the states of the channels are a dict, which has no hash
            shared = state
        if shared is None:
            if len(self._states) >= STATES:
                self._states.clear()
            shared = self._states[state] = state
        self.statuses[row] = shared

    def delivery(
        self, row: int, began: float, outcome: Outcome, source: Source, now: float, status: S | None = None
    ) -> Delivery[S]:
        """Return how the tracking ended for one that waited since `began`, by the last status or this one."""
        message_id = self.ids[row]
        state = self.statuses[row]
        if status is None and state is not None:
            status = msgspec.structs.replace(state, message_id=message_id)
        return Delivery(
            message_id=message_id,
            outcome=outcome,
            status=status,
            polls=self.polls[row],
            elapsed=now - began,
            source=source,
            last_error=self.errors.get(row),
        )

    def _clear(self) -> None:
        """Give the memory back."""
        if len(self.ids) > SHARDS:
            for shard in self._shards:
                shard.clear()
        self.ids.clear()
        self.held.clear()
        self.statuses.clear()
        self._states.clear()
        for numbers in (self.began, self.polled_at, self.polls, self.plans, self._free):
            del numbers[:]
