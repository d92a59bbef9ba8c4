"""Channel: what workers and their reader share."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Generator
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")

BUFFER = 1_000
"""How many results wait for their reader before the workers do."""


class Channel(Generic[T]):
    """What workers and their reader share: a bounded buffer and the word to stop."""

    __slots__ = ("_capacity", "_error", "_finished", "_items", "_readers", "_scopes", "_writers", "stopped")

    def __init__(self, capacity: int = BUFFER) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._readers: deque[asyncio.Future[None]] = deque()
        self._writers: deque[asyncio.Future[None]] = deque()
        self._scopes: set[anyio.CancelScope] = set()
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

    def stop(self) -> None:
        """Tell the workers to begin nothing new."""
        self.stopped = True
        _wake_all(self._writers)
        for scope in tuple(self._scopes):
            scope.cancel()

    @contextlib.contextmanager
    def until_stopped(self) -> Generator[None, None, None]:
        """Break the block off at the word to stop: for waiting on a source that may be silent for long."""
        with anyio.CancelScope() as scope:
            if self.stopped:
                scope.cancel()
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)

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
