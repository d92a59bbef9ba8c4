"""ResultStream: results as they come, made by workers that belong to the client."""

import asyncio
import contextlib
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from contextvars import Context
from typing import Any, Final, Generic, TypeVar

import anyio
import anyio.abc

from smsbat_async.errors import ClientClosedError, InvalidMessageError

T = TypeVar("T")
Worker = Callable[[], Coroutine[Any, Any, None]]

BUFFER = 1_000
"""How many results wait for their reader before the workers do."""


class End:
    """What a source gives when it has no more."""


END: Final = End()


class Source(Generic[T]):
    """One iterable, sync or async, that many workers take items from.

    Args:
        items: The iterable.
        field: The name of the parameter, for the error.

    Raises:
        InvalidMessageError: If it cannot be iterated over, or is one text.
    """

    def __init__(self, items: Iterable[T] | AsyncIterable[T], field: str) -> None:
        self._sync: Iterator[T] | None = None
        self._async: AsyncIterator[T] | None = None
        self._lock = asyncio.Lock()  # an async generator cannot be asked twice at once
        self._kept: Exception | None = None
        self._over = False
        if isinstance(items, str | bytes) or not isinstance(items, AsyncIterable | Iterable):
            raise InvalidMessageError(field, "not_iterable", "must be an iterable or async iterable of them")
        if isinstance(items, AsyncIterable):
            self._async = aiter(items)
        else:
            self._sync = iter(items)

    async def take(self, channel: "Channel[Any]") -> T | End:
        """Return the next item, or END; an error of the iterable is raised once and is the end.

        Args:
            channel: Whose word to stop ends the waiting for a source that is silent.
        """
        if self._sync is not None:
            return await self._take()
        with channel.until_stopped():
            async with self._lock:
                return await self._take()
        return END

    async def take_many(self, count: int, into: list[T] | None = None) -> list[T]:
        """Return up to `count` items; fewer only at the end or before an error.

        Args:
            count: How many at most.
            into: Where they are put one by one, for a caller that must not lose them when it is cancelled.
        """
        taken: list[T] = [] if into is None else into
        async with self._lock:
            while len(taken) < count:
                try:
                    item = await self._take()
                except Exception as met:  # noqa: BLE001 - the user's own iterable may raise anything
                    self._kept = met
                    break
                if isinstance(item, End):
                    break
                taken.append(item)
            if not taken and self._kept is not None:
                error, self._kept = self._kept, None
                raise error
        return taken

    async def _take(self) -> T | End:
        if self._over:
            return END
        try:
            if self._sync is not None:
                return next(self._sync)
            assert self._async is not None
            return await anext(self._async)
        except (StopIteration, StopAsyncIteration):
            self._over = True
            return END
        except BaseException:
            self._over = True
            raise


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


class Job:
    """Some workers, run together in the client's task group.

    Args:
        worker: What each worker runs, until it returns.
        width: How many of them.
        channel: Where they put results; it is finished when all have returned.
    """

    def __init__(self, worker: Worker, width: int, channel: "Channel[Any]") -> None:
        self._worker = worker
        self._width = width
        self._channel = channel
        self._scope: anyio.CancelScope | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._done = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Run the workers to their end."""
        try:
            with anyio.CancelScope() as self._scope:
                async with anyio.create_task_group() as group:
                    for _ in range(self._width):
                        group.start_soon(self._guarded)
        finally:
            self.settle()

    def settle(self) -> None:
        """Note that no worker runs any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._channel.finish()
        if not self._done.done():
            self._done.set_result(None)

    async def _guarded(self) -> None:
        try:
            await self._worker()
        except Exception as error:  # noqa: BLE001 - the reader gets whatever it is
            self._channel.fail(error)

    def stop(self, grace: float | None = None, *, error: BaseException | None = None) -> None:
        """Begin nothing new.

        Args:
            grace: After how many seconds what is under way is cancelled; None lets it finish.
            error: What the reader gets after the results, if anything.
        """
        if error is not None:
            self._channel.keep(error)
        self._channel.stop()
        if grace is not None and self._timer is None and not self._done.done():
            self._timer = asyncio.get_running_loop().call_later(grace, self.cancel)

    def cancel(self) -> None:
        """Cancel what is under way."""
        self._channel.stop()
        if self._scope is not None:
            self._scope.cancel()

    async def wait(self) -> None:
        """Wait until every worker has returned."""
        await asyncio.shield(self._done)


class Crew:
    """The one task group of a client, and the jobs in it.

    It is opened and closed by one task with an empty context: `aclose` may be called from anywhere, and no
    worker inherits the trace or the variables of the request that happened to be first.
    """

    def __init__(self) -> None:
        self._group: anyio.abc.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop: asyncio.Event | None = None
        self._early: list[Worker] = []
        self._jobs: set[Job] = set()
        self.closed = False

    def start(self, worker: Worker) -> None:
        """Run something in the task group until it returns or the client is closed.

        Raises:
            ClientClosedError: If the client is closed.
        """
        if self.closed:
            raise ClientClosedError
        if self._group is not None:
            Context().run(self._group.start_soon, worker)
            return
        self._early.append(worker)
        if self._task is None:
            self._stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._run(self._stop), name="smsbat_async", context=Context())

    def launch(self, job: Job) -> None:
        """Run a job.

        Raises:
            ClientClosedError: If the client is closed.
        """

        async def run() -> None:
            try:
                await job.run()
            finally:
                self._jobs.discard(job)

        self.start(run)
        self._jobs.add(job)

    async def _run(self, stop: asyncio.Event) -> None:
        async with anyio.create_task_group() as group:
            self._group = group
            for worker in self._early:
                group.start_soon(worker)
            self._early.clear()
            await stop.wait()
            group.cancel_scope.cancel()

    def stop_jobs(self) -> None:
        """Let no job begin anything new."""
        self.closed = True
        for job in tuple(self._jobs):
            job.stop(error=ClientClosedError())

    async def drain(self, grace: float) -> None:
        """Wait until every job is done, at most so many seconds."""
        waits = [job.wait() for job in tuple(self._jobs)]
        if waits:
            try:
                async with asyncio.timeout(grace):
                    await asyncio.gather(*waits)
            except TimeoutError:
                pass

    async def aclose(self) -> None:
        """Cancel whatever still runs and wait until it has ended."""
        self.closed = True
        if self._task is not None and self._stop is not None:
            self._stop.set()
            await asyncio.shield(self._task)


class ResultStream(Generic[T]):
    """Results as they come; read it with `async for`.

    `async with stream as items:` also stops the work at once when the block is left early. A stream that is
    simply dropped stops when its bounded buffer is full, and ends with its client.

    It is an object and not a generator: a generator that holds a task group can cancel its caller.
    """

    def __init__(self, begin: Callable[[], tuple[Job, Channel[T]]], grace: float | None = None) -> None:
        self._begin = begin
        self._grace = grace
        self._job: Job | None = None
        self._channel: Channel[T] | None = None

    def _started(self) -> Channel[T]:
        if self._channel is None:
            self._job, self._channel = self._begin()
        return self._channel

    def __aiter__(self) -> "ResultStream[T]":
        return self

    async def __anext__(self) -> T:
        return await self._started().get()

    async def __aenter__(self) -> "ResultStream[T]":
        self._started()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the work: status requests at once, sends when those on the wire have come to their end."""
        if self._job is None:
            self._channel = self._channel or Channel()
            self._channel.finish()
            return
        if self._grace is None:
            self._job.cancel()
        else:
            self._job.stop(self._grace)
        await self._job.wait()
