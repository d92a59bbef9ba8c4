"""What goes wrong on purpose."""

import random
from dataclasses import dataclass
from typing import Literal, TypeVar

from smsbat_async.sandbox.config import SandboxConfig

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What will go wrong with one request.

    Args:
        fail: Answer 500 and do nothing.
        lose: Do all, then drop the connection.
        slow: Do all, then answer late.
    """

    fail: bool = False
    lose: bool = False
    slow: bool = False


NO_FAULT = Fault()


class Faults:
    """Draws the faults that the configuration asks for.

    Args:
        config: The shares.
        rng: Where the randomness comes from; not the messages' own, so that fates do not depend on polls.
    """

    def __init__(self, config: SandboxConfig, rng: random.Random) -> None:
        self._config = config
        self._rng = rng

    def draw(self, kind: Literal["send", "status"]) -> Fault:
        """Draw what goes wrong with one request.

        Args:
            kind: Whether it sends or asks.

        Returns:
            The fault; a request that fails is neither lost nor slow.
        """
        config = self._config
        if config.faults_on not in ("all", kind):
            return NO_FAULT
        if not (config.fail_share or config.lose_share or config.slow_share):
            return NO_FAULT
        if self._rng.random() < config.fail_share:
            return Fault(fail=True)
        return Fault(
            lose=self._rng.random() < config.lose_share,
            slow=self._rng.random() < config.slow_share,
        )

    def disturb(self, receipts: list[_T]) -> list[_T]:
        """Leave out and reorder parts of an answer as the configuration says.

        Args:
            receipts: The whole answer, in the request's order.

        Returns:
            What is answered.
        """
        if self._config.incomplete_share:
            receipts = [item for item in receipts if self._rng.random() >= self._config.incomplete_share]
        if self._config.shuffle:
            receipts = self._rng.sample(receipts, len(receipts))
        return receipts
