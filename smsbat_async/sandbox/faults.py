"""What goes wrong on purpose, on demand and at random."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar, get_args

from smsbat_async.sandbox.config import SandboxConfig

_T = TypeVar("_T")

FaultName = Literal["lose", "reset", "fail", "too_many", "slow", "garbage", "shuffle", "incomplete"]
FaultOn = Literal["all", "send", "status"]
Refusal = Literal["reset", "fail", "too_many"]

FAULT_NAMES: Final[tuple[str, ...]] = get_args(FaultName)
FAULTS_ON: Final[tuple[str, ...]] = get_args(FaultOn)
_OF_RECEIPTS: Final = ("shuffle", "incomplete")
_WITH_SECONDS: Final = ("slow", "too_many")


@dataclass(frozen=True, slots=True)
class Fault:
    """What will go wrong with one request.

    Args:
        refusal: Do nothing, and reset the connection, answer 500 or answer 429; None serves the request.
        seconds: For a 429, the whole seconds of its `Retry-After`; None sends what the options say.
        lose: Do all, then drop the connection.
        slow: Do all, then answer this many seconds late; None answers at once.
        garbage: Do all, then answer 200 with a page instead of JSON.
        shuffle: Name the messages of the answer in any order.
        incomplete: Leave half of the messages out of the answer, at least one.
    """

    refusal: Refusal | None = None
    seconds: float | None = None
    lose: bool = False
    slow: float | None = None
    garbage: bool = False
    shuffle: bool = False
    incomplete: bool = False


NO_FAULT = Fault()


@dataclass(frozen=True, kw_only=True, slots=True)
class Injected:
    """A fault that the next requests of a kind will meet.

    Args:
        fault: Which: `lose`, `reset`, `fail`, `too_many`, `slow`, `garbage`, `shuffle` or `incomplete`.
        on: Which requests: `all`, `send` or `status`. The last two faults are met only by requests whose
            answer names several messages, and those send.
        times: How many requests.
        seconds: For `slow`, how late, and for `too_many`, the `Retry-After`; None takes the options'.

    Raises:
        ValueError: If a value is out of its range; the text names the field.
    """

    fault: FaultName
    on: FaultOn = "all"
    times: int = 1
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.fault not in FAULT_NAMES:
            raise ValueError(f"fault must be one of {', '.join(FAULT_NAMES)}, not {self.fault}")
        if self.on not in FAULTS_ON:
            raise ValueError(f"on must be one of {', '.join(FAULTS_ON)}, not {self.on}")
        if self.fault in _OF_RECEIPTS and self.on == "status":
            raise ValueError(f"on must be all or send for {self.fault}: a status names no messages")
        if self.times < 1:
            raise ValueError(f"times must be 1 or more, not {self.times}")
        if self.seconds is None:
            return
        if self.fault not in _WITH_SECONDS:
            raise ValueError(f"seconds is for {' and '.join(_WITH_SECONDS)}, not for {self.fault}")
        if not (self.seconds >= 0 and math.isfinite(self.seconds)):
            raise ValueError(f"seconds must be 0 or more and finite, not {self.seconds}")

    def meets(self, kind: str, has_receipts: bool) -> bool:
        """Tell whether a request meets it.

        Args:
            kind: Whether the request sends or asks.
            has_receipts: Whether its answer names several messages.

        Returns:
            Whether it does.
        """
        return self.on in ("all", kind) and (has_receipts or self.fault not in _OF_RECEIPTS)


class Faults:
    """Gives each request its fault: one that was injected, else one by the shares of the configuration.

    Args:
        config: The shares.
        rng: Where the randomness comes from; not the messages' own, so that fates do not depend on polls.
    """

    def __init__(self, config: SandboxConfig, rng: random.Random) -> None:
        self._config = config
        self._rng = rng
        self._injected: list[Injected] = []
        self._shares = (
            config.fail_share
            or config.lose_share
            or config.slow_share
            or config.reset_share
            or config.too_many_share
            or config.garbage_share
        )

    @property
    def injected(self) -> tuple[Injected, ...]:
        """What was injected and not met yet, in the order in which requests will meet it."""
        return tuple(self._injected)

    def inject(self, *faults: Injected) -> None:
        """Have the next requests meet faults.

        Args:
            faults: What, in the order in which requests meet it: each request meets one of them.
        """
        self._injected.extend(faults)

    def clear(self) -> None:
        """Take back what was injected and not met yet."""
        self._injected.clear()

    def draw(self, kind: Literal["send", "status"], has_receipts: bool) -> Fault:
        """Decide what goes wrong with one request.

        Args:
            kind: Whether it sends or asks.
            has_receipts: Whether its answer names several messages.

        Returns:
            The fault.
        """
        for index, injected in enumerate(self._injected):
            if injected.meets(kind, has_receipts):
                if injected.times > 1:
                    self._injected[index] = replace(injected, times=injected.times - 1)
                else:
                    del self._injected[index]
                return self._make(injected)
        if not self._shares or self._config.faults_on not in ("all", kind):
            return NO_FAULT
        return self._draw()

    def disturb(self, receipts: Iterable[_T], fault: Fault = NO_FAULT) -> list[_T]:
        """Leave out and reorder parts of an answer as the configuration and the request's fault say.

        Args:
            receipts: The whole answer, in the request's order.
            fault: What goes wrong with this request.

        Returns:
            What is answered.
        """
        receipts = list(receipts)
        if fault.incomplete:
            kept = sorted(self._rng.sample(range(len(receipts)), len(receipts) // 2))
            receipts = [receipts[index] for index in kept]
        if self._config.incomplete_share:
            receipts = [item for item in receipts if self._rng.random() >= self._config.incomplete_share]
        if self._config.shuffle or fault.shuffle:
            receipts = self._rng.sample(receipts, len(receipts))
        return receipts

    def _make(self, injected: Injected) -> Fault:
        match injected.fault:
            case "reset" | "fail":
                return Fault(refusal=injected.fault)
            case "too_many":
                return Fault(refusal="too_many", seconds=injected.seconds)
            case "slow":
                seconds = self._config.slow_seconds if injected.seconds is None else injected.seconds
                return Fault(slow=seconds)
            case "lose":
                return Fault(lose=True)
            case "garbage":
                return Fault(garbage=True)
            case "shuffle":
                return Fault(shuffle=True)
            case "incomplete":
                return Fault(incomplete=True)

    def _draw(self) -> Fault:
        config = self._config
        if self._rng.random() < config.fail_share:
            return Fault(refusal="fail")
        lose = self._rng.random() < config.lose_share
        slow = config.slow_seconds if self._rng.random() < config.slow_share else None
        # Drawn only where they are asked for: the shares above fall as they did without these.
        if config.reset_share and self._rng.random() < config.reset_share:
            return Fault(refusal="reset")
        if config.too_many_share and self._rng.random() < config.too_many_share:
            return Fault(refusal="too_many")
        garbage = bool(config.garbage_share) and self._rng.random() < config.garbage_share
        return Fault(lose=lose, slow=slow, garbage=garbage)
