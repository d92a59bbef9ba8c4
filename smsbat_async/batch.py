"""The statuses of many ids."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sized
from typing import Generic

from smsbat_async.calls import Scope
from smsbat_async.channel import Channel
from smsbat_async.crew import Crew, Job
from smsbat_async.errors import SmsBatError
from smsbat_async.policies import check_count
from smsbat_async.sources import End, Source
from smsbat_async.statuses import S, StatusResult
from smsbat_async.streams import ResultStream

Ask = Callable[[str], Awaitable[S]]


class StatusBatch(Generic[S]):
    """Asks for the statuses of many ids with a bounded number of workers.

    Args:
        crew: Where the workers run.
        width: How many requests of a batch the pool lets be in flight.
    """

    def __init__(self, crew: Crew, width: int) -> None:
        self._crew = crew
        self._width = width

    def stream(
        self,
        ask: Ask[S],
        message_ids: Iterable[str] | AsyncIterable[str],
        concurrency: int | None,
        scope: Scope,
    ) -> ResultStream[StatusResult[S]]:
        """Return the results as they complete; the call begins when they are first asked for."""
        source = Source(message_ids, "message_ids")
        width = self._workers(message_ids, concurrency)

        def begin() -> tuple[Job, Channel[StatusResult[S]]]:
            channel: Channel[StatusResult[S]] = Channel()

            async def work() -> None:
                while not channel.stopped:
                    message_id = source.take_now() if source.is_sync else await source.take(channel)
                    if isinstance(message_id, End):
                        return
                    try:
                        result = StatusResult(message_id, await ask(message_id))
                    except SmsBatError as error:
                        result = StatusResult(message_id, None, error)
                    await channel.put(result)

            job = Job(work, width, channel, scope)
            self._crew.launch(job)
            return job, channel

        return ResultStream(begin, scope=scope)

    async def fetch(
        self, ask: Ask[S], message_ids: Iterable[str] | AsyncIterable[str], concurrency: int | None
    ) -> list[StatusResult[S]]:
        """Return one result per id, in the order of the ids."""
        source = Source(message_ids, "message_ids")
        channel: Channel[StatusResult[S]] = Channel()
        results: list[StatusResult[S] | None] = []

        async def work() -> None:
            while not channel.stopped:
                message_id = source.take_now() if source.is_sync else await source.take(channel)
                if isinstance(message_id, End):
                    return
                place = len(results)
                results.append(None)
                try:
                    results[place] = StatusResult(message_id, await ask(message_id))
                except SmsBatError as error:
                    results[place] = StatusResult(message_id, None, error)

        job = Job(work, self._workers(message_ids, concurrency), channel)
        self._crew.launch(job)
        try:
            await job.wait()
        finally:
            job.cancel()
        if channel.failure is not None:
            raise channel.failure
        return [result for result in results if result is not None]

    def _workers(self, message_ids: object, concurrency: int | None) -> int:
        if concurrency is not None:
            check_count("concurrency", concurrency)
        width = self._width if concurrency is None else min(concurrency, self._width)
        return max(1, min(width, len(message_ids))) if isinstance(message_ids, Sized) else width
