"""The last answers, so that nothing is asked twice without need."""

from collections import OrderedDict
from typing import Generic

from smsbat_async.statuses import S, is_older

CAPACITY = 10_000
"""How many answers are kept; the one used longest ago makes room."""


class StatusCache(Generic[S]):
    """A bounded memory of answers, the least recently used of which is forgotten first.

    Answers that are the same for good never grow old. That an id is not known is never kept.

    Args:
        capacity: How many answers are kept.
    """

    __slots__ = ("_answers", "_capacity")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._answers: OrderedDict[str, tuple[float, S]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def put(self, status: S, now: float) -> None:
        """Keep an answer, unless a lasting or a later one is known already.

        Args:
            status: The answer.
            now: When it came, in seconds of the loop's clock.
        """
        if status.is_terminal and not status.is_lasting:
            return
        known = self._answers.get(status.message_id)
        if known is not None and (known[1].is_lasting or is_older(status, known[1])):
            return
        self._answers[status.message_id] = (now, status)
        self._answers.move_to_end(status.message_id)
        if len(self._answers) > self._capacity:
            self._answers.popitem(last=False)

    def get(self, message_id: str, max_age: float, now: float) -> S | None:
        """Return an answer that is lasting or younger than `max_age` seconds, or None."""
        known = self._answers.get(message_id)
        if known is None:
            return None
        came, status = known
        if not status.is_lasting and now - came >= max_age:
            return None
        self._answers.move_to_end(message_id)
        return status
