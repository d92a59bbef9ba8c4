"""Channel: what workers and their reader share."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

T = TypeVar("T")

BUFFER = 1_000
"""How many results wait for their reader before the workers do."""


class Channel(Generic[T]):
    """What workers and their reader share: a bounded buffer and the word to stop."""

    __slots__ = ("_capacity", "_error", "_finished", "_items", "_limits", "_readers", "_writers", "stopped")

    def __init__(self, capacity: int = BUFFER) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._readers: deque[asyncio.Future[None]] = deque()
        self._writers: deque[asyncio.Future[None]] = deque()
        self._limits: set[asyncio.Timeout] = set()
        self._error: BaseException | None = None
        self._finished = False
        self.stopped = False

    def __len__(self) -> int:
        return len(self._items)

    def put_nowait(self, item: T) -> None:
        """Add a result, whether or not there is room."""
        self._items.append(item)
        _wake_one(self._readers)

    async def put(self, item: T) -> None:
        """Add a result as soon as there is room, or at once after a stop, since no more will follow."""
        while len(self._items) >= self._capacity and not self.stopped:
            await self.changed()
        self.put_nowait(item)

    async def changed(self) -> None:
        """Wait until a result is taken, the word to stop is given, or somebody nudges."""
        change = asyncio.get_running_loop().create_future()
        self._writers.append(change)
        await change

    def nudge(self) -> None:
        """Let everybody who waits for a change look again."""
        _wake_all(self._writers)

    async def get(self) -> T:
        """Return the next result.

        Raises:
            StopAsyncIteration: If there are no more.
            BaseException: What the workers failed with, after the results that were there before.
        """
        while not self._items:
            if self._finished:
                if self._error is not None:
                    error, self._error = self._error, None
                    if isinstance(error, StopAsyncIteration):  # which would look like the end
                        raise RuntimeError("StopAsyncIteration was raised within") from error
                    raise error
                raise StopAsyncIteration
            news = asyncio.get_running_loop().create_future()
            self._readers.append(news)
            try:
                await news
            except asyncio.CancelledError:
                if not news.cancelled():
                    _wake_one(self._readers)  # the wake-up was meant for one reader and must reach one
                raise
        item = self._items.popleft()
        _wake_one(self._writers)
        return item

    def stop(self, *, break_off: bool = True) -> None:
        """Tell the workers to begin nothing new.

        Args:
            break_off: Whether `until_stopped` ends; not where the workers are cancelled at once.
        """
        self.stopped = True
        _wake_all(self._writers)
        if break_off:
            for limit in self._limits:
                _expire(limit)

    @contextlib.asynccontextmanager
    async def until_stopped(self) -> AsyncGenerator[None]:
        """Break the block off at the word to stop: for waiting on a source that may be silent for long.

        It is cancelled once, so that a source may clean up.
        """
        limit = asyncio.timeout(None)
        try:
            async with limit:
                if self.stopped:
                    _expire(limit)
                self._limits.add(limit)
                try:
                    yield
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            if not limit.expired():
                raise

    def keep(self, error: BaseException) -> None:
        """Keep an error for the reader, who gets it after all results."""
        if self._error is None:
            self._error = error

    def fail(self, error: BaseException) -> None:
        """Keep an error for the reader, and tell the workers to begin nothing new."""
        self.keep(error)
        self.stop()

    def finish(self) -> None:
        """Say that no more results come."""
        self._finished = True
        _wake_all(self._readers)

    @property
    def failure(self) -> BaseException | None:
        """What the workers failed with."""
        return self._error


def _expire(limit: asyncio.Timeout) -> None:
    if limit.when() is None:
        limit.reschedule(asyncio.get_running_loop().time())


def _wake_one(waiting: "deque[asyncio.Future[None]]") -> None:
    while waiting:
        future = waiting.popleft()
        if not future.done():
            future.set_result(None)
            return


def _wake_all(waiting: "deque[asyncio.Future[None]]") -> None:
    while waiting:
        future = waiting.popleft()
        if not future.done():
            future.set_result(None)
