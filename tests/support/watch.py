"""Watch: act at the very moment when something has been seen."""

import asyncio
from collections.abc import Callable

from tests.support.deadline import DEADLINE, within


class Watch:
    """Conditions that wait to turn true; whoever changes what they read calls `check`."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], Callable[[], object]]] = []

    def when(self, ready: Callable[[], bool], act: Callable[[], object]) -> None:
        """Call `act` once, inside the callback that makes `ready` true, or now if it is."""
        if ready():
            act()
        else:
            self._waiting.append((ready, act))

    def check(self) -> None:
        """Call what has become ready."""
        for entry in [entry for entry in self._waiting if entry[0]()]:
            if entry in self._waiting:
                self._waiting.remove(entry)
                entry[1]()

    async def until(self, ready: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
        """Wait for a condition, and fail with a clear sentence when it does not come."""
        seen = asyncio.Event()
        self.when(ready, seen.set)
        try:
            await within(seen.wait(), what, seconds)
        finally:
            self._waiting = [entry for entry in self._waiting if entry[1] != seen.set]
