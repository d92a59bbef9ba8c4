"""What the witness answers, by a seed."""

import enum
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from zlib import crc32


class Answer(enum.StrEnum):
    """What the witness does with messages."""

    TAKEN = "taken"
    BUSY = "refused with 429"
    REFUSED = "refused with 400"
    HALF = "taken, and half of them named"
    FAILED_BEFORE = "500, not taken"
    FAILED_AFTER = "500, taken"
    CUT_BEFORE = "reset, not taken"
    CUT_AFTER = "reset, taken"

    @property
    def takes(self) -> bool:
        """Whether the messages are taken: a vendor would send them."""
        return self in {Answer.TAKEN, Answer.HALF, Answer.FAILED_AFTER, Answer.CUT_AFTER}

    @property
    def leaves_doubt(self) -> bool:
        """Whether who reads the answer cannot know of every message whether it was taken."""
        return self not in {Answer.TAKEN, Answer.BUSY, Answer.REFUSED}


CHANCES = {
    Answer.BUSY: 0.05,
    Answer.HALF: 0.015,
    Answer.FAILED_BEFORE: 0.02,
    Answer.FAILED_AFTER: 0.02,
    Answer.CUT_BEFORE: 0.01,
    Answer.CUT_AFTER: 0.01,
}
"""How likely each is; the rest are taken and told so."""

REFUSED_ONE_IN = 500
"""How many messages there are to one that is always refused, and any request with it."""

DELAYS = (0.010, 0.030)
"""Between how many seconds an answer takes."""


class Plan:
    """Says what becomes of a request; the same requests fare alike, in whatever order they come.

    Args:
        seed: What it all hangs on.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._met: Counter[tuple[str, int]] = Counter()

    def meet(self, ids: Sequence[str]) -> tuple[Answer, float]:
        """Return what becomes of a request with these messages, and after how many seconds it is told."""
        key = (ids[0], len(ids))
        self._met[key] += 1
        random = Random(f"{self._seed} {key} {self._met[key]}")
        delay = random.uniform(*DELAYS)
        [answer] = random.choices([*CHANCES, Answer.TAKEN], cum_weights=[*accumulate(CHANCES.values()), 1.0])
        if answer is Answer.TAKEN and any(map(self.is_refused, ids)):
            answer = Answer.REFUSED
        return answer, delay

    def is_refused(self, tracking_id: str) -> bool:
        """Return whether a message is refused for good."""
        return crc32(f"{self._seed} {tracking_id}".encode()) % REFUSED_ONE_IN == 0
