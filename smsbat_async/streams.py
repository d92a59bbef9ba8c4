"""ResultStream: results as they come, made by workers that belong to the client."""

from collections.abc import Callable
from typing import Generic, TypeVar

from smsbat_async.calls import UNTOLD, Scope
from smsbat_async.channel import Channel
from smsbat_async.crew import Job

T = TypeVar("T")


class ResultStream(Generic[T]):
    """Results as they come; read it with `async for`.

    `async with stream as items:` also stops the work at once when the block is left early. A stream that is
    simply dropped stops when its bounded buffer is full, and ends with its client.

    It is an object and not a generator: a generator that holds a task group can cancel its caller.
    """

    def __init__(
        self,
        begin: Callable[[], tuple[Job, Channel[T]]],
        grace: float | None = None,
        scope: Scope = UNTOLD,
    ) -> None:
        self._begin = begin
        self._grace = grace
        self._scope = scope
        self._job: Job | None = None
        self._channel: Channel[T] | None = None

    def _started(self) -> Channel[T]:
        if self._channel is None:
            self._scope.begin()
            try:
                self._job, self._channel = self._begin()
            except BaseException as error:
                self._scope.end(type(error).__name__)
                raise
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
