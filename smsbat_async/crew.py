"""Crew: the task group that all workers of a client run in."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

import anyio
import anyio.abc

from smsbat_async.calls import UNTOLD, Scope
from smsbat_async.cancelling import cancelled_within, is_cancellation
from smsbat_async.channel import Channel
from smsbat_async.errors import ClientClosedError

CANCEL_AGAIN = 1.0
"""After how many seconds a worker that went on in spite of it is cancelled again."""

Worker = Callable[[], Coroutine[Any, Any, None]]


class Job:
    """Some workers, run together in the client's task group.

    Args:
        worker: What each worker runs, until it returns.
        width: How many of them.
        channel: Where they put results; it is finished when all have returned.
        scope: The call that they work for, which ends with them.
    """

    def __init__(self, worker: Worker, width: int, channel: Channel[Any], scope: Scope = UNTOLD) -> None:
        self._worker = worker
        self._width = width
        self._channel = channel
        self._call_scope = scope
        self._scope: anyio.CancelScope | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._done = asyncio.get_running_loop().create_future()
        self._torn: asyncio.CancelledError | None = None

    async def run(self) -> None:
        """Run the workers to their end."""
        try:
            with anyio.CancelScope() as self._scope:
                await self._run_workers()
        except asyncio.CancelledError:  # not by `cancel`: the program ends, and results are missing
            self._channel.keep(ClientClosedError())
            raise
        finally:
            self.settle()

    async def _run_workers(self) -> None:
        # Plain tasks: to start one in a task group of anyio costs nearly as much as a status check.
        loop = asyncio.get_running_loop()
        workers = {loop.create_task(self._guarded()) for _ in range(self._width)}
        try:
            await asyncio.wait(workers)
            if self._torn is not None:  # not by this job: a source that yields inside a timeout does it
                self._channel.keep(
                    cancelled_within(
                        "a worker",
                        self._torn,
                        "it was cancelled; does a source yield in a timeout or a task group?",
                    )
                )
        finally:
            with anyio.CancelScope(shield=True):
                under_way = {worker for worker in workers if not worker.done()}
                while under_way:
                    for worker in under_way:
                        worker.cancel()
                    _, under_way = await asyncio.wait(under_way, timeout=CANCEL_AGAIN)

    def settle(self) -> None:
        """Note that no worker runs any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._torn = None  # which holds this job
        failure = self._channel.failure
        self._call_scope.end(None if failure is None else type(failure).__name__)  # before the reader goes on
        self._channel.finish()
        if not self._done.done():
            self._done.set_result(None)

    async def _guarded(self) -> None:
        try:
            await self._worker()
        except asyncio.CancelledError as error:
            if is_cancellation(error):
                self._torn = error
                if not self._channel.stopped:  # else the others know, and a source that cleans up may do so
                    self._channel.stop()
                raise
            self._channel.fail(cancelled_within("a worker", error))
        except GeneratorExit:  # the loop is gone, and the reader with it
            raise
        except BaseException as error:
            self._channel.fail(error)  # whatever it is: without it the results would seem complete
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise

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
        self._channel.stop(break_off=False)
        if self._scope is not None:
            self._scope.cancel()

    async def wait(self) -> None:
        """Wait until every worker has returned."""
        await asyncio.shield(self._done)


class Crew:
    """The one task group of a client, and the jobs in it.

    It is opened and closed by one task with an empty context: `aclose` may be called from anywhere, and no
    worker inherits the trace or the variables of the request that happened to be first.

    Args:
        on_end: Called when it has ended, by `aclose` or because its own task was cancelled.
    """

    def __init__(self, on_end: Callable[[], None] = lambda: None) -> None:
        self._on_end = on_end
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
            self._task.add_done_callback(self._ended, context=Context())

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
        # A program that ends right now ends this task here, and not in the middle of starting others.
        await asyncio.sleep(0)
        async with anyio.create_task_group() as group:
            self._group = group
            while self._early:  # and no name is left that would keep the last one alive
                group.start_soon(self._early.pop(0))
            await stop.wait()
            group.cancel_scope.cancel()

    def _ended(self, _: "asyncio.Task[None]") -> None:
        """Close, and settle the jobs that never began: a program that is cancelled has closed nothing."""
        self.stop_jobs()
        for job in tuple(self._jobs):
            job.settle()
        self._jobs.clear()
        self._on_end()

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
            await asyncio.wait({self._task})  # which does not raise if the task itself was cancelled
