"""How long the event loop is held up while something else runs in it."""

import asyncio
import gc
import time
from types import TracebackType
from typing import Any, NamedTuple, Self

EVERY = 0.001
"""How often it ticks, in seconds."""


class Stall(NamedTuple):
    """What was longest, in seconds.

    Args:
        wall: Between two ticks, beyond what was asked for; other programs hold the loop up as well.
        cpu: Between two ticks, of this thread's own CPU time: what is of our own making.
        collection: One run of the garbage collector, of CPU time; it is part of both.
    """

    wall: float
    cpu: float
    collection: float


class Ticker:
    """Ticks every millisecond within `async with`, and remembers the longest time between two ticks."""

    def __init__(self) -> None:
        self._wall = self._cpu = self._collection = 0.0
        self._collection_began = 0.0

    @property
    def stall(self) -> Stall:
        """What was longest so far."""
        return Stall(self._wall, self._cpu, self._collection)

    async def __aenter__(self) -> Self:
        gc.callbacks.append(self._on_collection)
        self._task = asyncio.create_task(self._tick())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.sleep(EVERY)  # what held the loop up last counts as well
        self._task.cancel()
        gc.callbacks.remove(self._on_collection)

    async def _tick(self) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(EVERY)
            now, spent = time.perf_counter(), time.thread_time()
            self._wall = max(self._wall, now - wall - EVERY)
            self._cpu = max(self._cpu, spent - cpu)
            wall, cpu = now, spent

    def _on_collection(self, phase: str, _: dict[str, Any]) -> None:
        now = time.thread_time()
        if phase == "start":
            self._collection_began = now
        else:
            self._collection = max(self._collection, now - self._collection_began)
