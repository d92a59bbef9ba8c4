"""Reach: how long to leave a vendor alone that takes nothing, and when to give up."""

import asyncio
from typing import Final

from smsbat_async.errors import NotSentError, RateLimitError, SmsBatError
from smsbat_async.vendors.outcome import NOT_TRIED

WAITS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""How long nothing is sent after the first, the second ... request that came to nothing, in seconds."""

OWN = NOT_TRIED - {"circuit_open"}
"""What says nothing of the vendor: our own rate is low, or a pause is kept."""


class Reach:
    """What is known of whether the vendor takes messages.

    Args:
        patience: How long one that takes none is tried, in seconds.

    Attributes:
        rest_until: Before when nothing is to be sent, in seconds of the loop's clock.
        why: Why not.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: float | None = None
        self._count = 0
        self.rest_until = 0.0
        self.why = ""

    @property
    def rest(self) -> float:
        """For how long nothing is to be sent, in seconds."""
        return self.rest_until - asyncio.get_running_loop().time()

    def took(self) -> None:
        """Note that the vendor answered for messages, with yes or no."""
        self._since, self._count = None, 0

    def took_nothing(self, error: SmsBatError) -> bool:
        """Note that a request came to nothing, and return whether to go on trying."""
        if isinstance(error, NotSentError) and error.kind in OWN:
            return True
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
        if now - self._since >= self._patience:
            return False
        # A pause that the vendor asked for is kept by the pool. What several met together counts once.
        if not isinstance(error, RateLimitError) and now >= self.rest_until:
            self.rest_until = now + WAITS[min(self._count, len(WAITS) - 1)]
            self.why = f"the vendor takes nothing: {error}"
            self._count += 1
        return True
