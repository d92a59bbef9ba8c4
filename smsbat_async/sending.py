"""Sends of any kind: one message, or many in chunks, none of them twice."""

import asyncio
import dataclasses
from collections import OrderedDict
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from smsbat_async.cancelling import broken_off
from smsbat_async.channel import Channel
from smsbat_async.crew import Crew, Job
from smsbat_async.errors import (
    ApiError,
    ClientClosedError,
    InvalidMessageError,
    NotSentError,
    OutcomeUnknownError,
    SmsBatError,
)
from smsbat_async.hooks import Call, Hooks
from smsbat_async.http import Request, Response
from smsbat_async.messages import SendOutcome
from smsbat_async.policies import check_count
from smsbat_async.requester import Requester, Terms
from smsbat_async.sources import Source
from smsbat_async.streams import ResultStream
from smsbat_async.transport.protocol import Attempt
from smsbat_async.turn import Turn
from smsbat_async.vendors.outcome import is_refusal, may_be_split, stops_a_run

REFUSALS_IN_A_ROW = 8
"""After how many single messages refused with one and the same code a run gives up."""

REPEAT_WINDOW = 100_000
"""How many of the last ids a stream remembers, to refuse a repeated one."""

GRACE = 10.0
"""How long sends on the wire may take to finish after a run is stopped, in seconds."""


class Sendable(Protocol):
    """A message, as far as sending has to know it."""

    @property
    def id(self) -> str:
        """Your own id of the message."""
        ...


class Result(Protocol):
    """What became of one message, as far as sending has to know it."""

    @property
    def message(self) -> Any:
        """The message."""
        ...

    @property
    def outcome(self) -> SendOutcome:
        """What became of it."""
        ...

    @property
    def error(self) -> SmsBatError | None:
        """Why it was not accepted, or None."""
        ...


M = TypeVar("M", bound=Sendable)
R = TypeVar("R", bound=Result)


class Wire(Protocol[M, R]):
    """How messages of one kind go out and what comes back is read: the vendor modules' business."""

    message_type: type[M]
    chunk_maximum: int

    def check_can_send(self) -> None:
        """Raise `ConfigurationError` if no credential that such messages take was given."""
        ...

    def send_request(self, messages: Sequence[M], /) -> Request:
        """Return the request that sends some messages."""
        ...

    def read_receipts(self, response: Response, messages: Sequence[M], /) -> tuple[list[R], tuple[str, ...]]:
        """Return what became of each message, in their order, and the ids that nobody asked for."""
        ...

    def result(self, message: M, outcome: SendOutcome, error: SmsBatError, /) -> R:
        """Return the result of a message that was not accepted."""
        ...


Told = Callable[[tuple[R, ...], tuple[str, ...], Call | None], object]
"""Makes the event for the hooks: of results, of ids that nobody asked for, and of the call they belong to."""

Keep = Callable[[R], None]
Take = Callable[[], Awaitable[Sequence[M]]]


@dataclasses.dataclass(frozen=True, slots=True)
class Chunking:
    """How many messages are cut into requests.

    Args:
        maximum: The most messages that one request may have.
        chunk_size: Messages in one request, 1 to `maximum`.
        concurrency: Requests at once.
        split_refused: Whether a refused chunk is halved until the bad messages stand alone.
    """

    maximum: int
    chunk_size: int = 500
    concurrency: int = 4
    split_refused: bool = True

    def __post_init__(self) -> None:
        check_count("chunk_size", self.chunk_size, maximum=self.maximum)
        check_count("concurrency", self.concurrency)


class _Run(Generic[R]):
    """What the chunks of one run share: why it stopped, and how the last refusals looked."""

    __slots__ = ("_code", "_refusals", "channel", "stopped_by")

    def __init__(self, channel: Channel[R]) -> None:
        self.channel = channel
        self.stopped_by: SmsBatError | None = None
        self._code: tuple[int, str | None] | None = None
        self._refusals = 0

    def learn(self, results: Sequence[R]) -> None:
        """Take what became of one request to heart."""
        error = results[0].error
        if any(result.outcome is SendOutcome.ACCEPTED for result in results):
            self._refusals = 0
        elif error is not None and stops_a_run(error):
            self._stop(error)
        elif isinstance(error, ApiError) and len(results) == 1 and may_be_split(error):
            code = (error.status_code, error.code)
            self._refusals = self._refusals + 1 if code == self._code else 1
            self._code = code
            if self._refusals >= REFUSALS_IN_A_ROW:
                self._stop(error)

    def _stop(self, error: SmsBatError) -> None:
        if self.stopped_by is None:
            self.stopped_by = error

    def obstacle(self) -> SmsBatError | None:
        """Why nothing new may be sent, or None."""
        if self.stopped_by is not None:
            return self.stopped_by
        return _stopped() if self.channel.stopped else None


class Sender(Generic[M, R]):
    """Sends messages of one kind for one client; it holds nothing of any run.

    Args:
        wire: How to write requests and read answers.
        requester: How to make calls.
        crew: Where the workers run.
        hooks: Who is told of every outcome.
        told: Makes the event that they are told.
    """

    def __init__(
        self, wire: Wire[M, R], requester: Requester, crew: Crew, hooks: Hooks, told: Told[R]
    ) -> None:
        self._wire = wire
        self._requester = requester
        self._crew = crew
        self._hooks = hooks
        self._told = told

    async def send(self, message: M, terms: Terms) -> R:
        """Send one message and return that it was accepted, or raise why not; see `SmsBatClient.send`."""
        self._check(message, "message")
        results = await self._post([message], terms)
        assert results is not None
        result = results[0]
        if result.outcome is not SendOutcome.ACCEPTED:
            assert result.error is not None
            raise result.error
        return result

    async def send_many(
        self,
        messages: Iterable[M] | AsyncIterable[M],
        chunking: Chunking,
        terms: Terms,
    ) -> list[R]:
        """Send many messages; see `SmsBatClient.send_many`."""
        self._wire.check_can_send()
        source = Source(messages, "messages", self._check)
        everything = await source.take_many(2**62)
        await source.take_many(1)  # raises what the iterable raised, before anything is sent
        places: dict[str, int] = {}
        for place, message in enumerate(everything):
            if places.setdefault(message.id, place) != place:
                raise _repeated(message.id)
        results: list[R | None] = [None] * len(everything)

        def keep(result: R) -> None:
            results[places[result.message.id]] = result

        channel: Channel[R] = Channel()
        run = _Run(channel)
        size = chunking.chunk_size
        chunks = iter([everything[start : start + size] for start in range(0, len(everything), size)])

        async def work() -> None:
            try:
                for chunk in chunks:
                    await self._send_chunk(run, chunk, chunking, terms, keep)
            except BaseException:
                for chunk in chunks:
                    self._not_sent(chunk, _stopped(), terms, keep)
                raise

        job = Job(work, max(1, min(chunking.concurrency, -(-len(everything) // size))), channel)
        self._crew.launch(job)
        try:
            await job.wait()
        except asyncio.CancelledError:
            job.stop(GRACE)
            raise
        if channel.failure is not None and not isinstance(channel.failure, ClientClosedError):
            raise channel.failure
        left = [message for message, result in zip(everything, results, strict=True) if result is None]
        if left:
            self._not_sent(left, ClientClosedError(), terms, keep)
        return [result for result in results if result is not None]

    def stream(
        self,
        messages: Iterable[M] | AsyncIterable[M],
        chunking: Chunking,
        terms: Terms,
    ) -> ResultStream[R]:
        """Send many messages and give the results as they come; see `SmsBatClient.send_stream`."""
        self._wire.check_can_send()
        source = Source(messages, "messages", self._check)

        def begin() -> tuple[Job, Channel[R]]:
            channel: Channel[R] = Channel()
            run = _Run(channel)
            recent = _RecentIds(self._wire)

            async def work() -> None:
                while not channel.stopped:
                    taken: list[M] = []
                    try:
                        async with channel.until_stopped():
                            await source.take_many(chunking.chunk_size, taken)
                    except BaseException:
                        if taken:  # from its source, and came no further
                            self._not_sent(taken, _stopped(), terms, channel.put_nowait)
                        raise
                    if not taken:
                        return
                    chunk, results = recent.sift(taken)
                    if results:
                        self._tell(results, terms)
                    place = 0
                    try:
                        await self._send_chunk(run, chunk, chunking, terms, results.append)
                        for place in range(len(results)):
                            await channel.put(results[place])
                    except BaseException:
                        # What became of them is known, and whoever reads on has to know it too.
                        for result in () if run.channel.stopped else results[place:]:
                            channel.put_nowait(result)
                        raise

            job = Job(work, chunking.concurrency, channel, terms.scope)
            self._crew.launch(job)
            return job, channel

        return ResultStream(begin, GRACE, terms.scope)

    async def send_when_ready(
        self, take: Take[M], keep: Keep[R] | None, *, split_refused: bool, terms: Terms
    ) -> list[R]:
        """Send messages that are taken when it is their turn; see `SmsBatClient.send_when_ready`."""
        self._wire.check_can_send()
        results: list[R] = []

        def note(result: R) -> None:
            results.append(result)
            if keep is not None:
                keep(result)

        turn = await self._requester.turn("send", terms)
        try:
            messages = list(await take())
            if not messages:
                return results
            self._check_chunk(messages)
            size = len(messages)
            chunking = Chunking(size, size, concurrency=1, split_refused=split_refused)
            await self._send_chunk(_Run(Channel[R]()), messages, chunking, terms, note, turn)
        finally:
            turn.release()
        places = {message.id: place for place, message in enumerate(messages)}
        return sorted(results, key=lambda result: places[result.message.id])

    async def _send_chunk(
        self,
        run: _Run[R],
        chunk: list[M],
        chunking: Chunking,
        terms: Terms,
        keep: Keep[R],
        turn: Turn | None = None,
    ) -> None:
        """Send a chunk, halving what is refused; every message is kept and told exactly once."""
        parts = [chunk] if chunk else []
        try:
            while parts:
                part = parts.pop()
                obstacle = run.obstacle()
                if obstacle is not None:
                    self._not_sent(part, obstacle, terms, keep)
                    continue
                splits = chunking.split_refused and len(part) > 1
                results = await self._post(part, terms, keep, splits=splits, turn=turn)
                if results is None:
                    middle = len(part) // 2
                    parts += (part[middle:], part[:middle])
                else:
                    run.learn(results)
        except BaseException:
            for part in parts:
                self._not_sent(part, _stopped(), terms, keep)
            raise

    async def _post(
        self,
        messages: list[M],
        terms: Terms,
        keep: Keep[R] | None = None,
        *,
        splits: bool = False,
        turn: Turn | None = None,
    ) -> list[R] | None:
        """Make one request and return what became of each message, or None if its halves are to be tried."""
        ids = tuple(message.id for message in messages)
        attempt = Attempt()
        foreign: tuple[str, ...] = ()
        try:
            request = self._wire.send_request(messages)
            results, foreign = await self._requester.send(
                request, self._wire.read_receipts, messages, terms, attempt, ids, turn
            )
        except SmsBatError as error:
            if splits and may_be_split(error):
                return None
            results = [self._failed(message, error) for message in messages]
        except BaseException as met:
            # Cancelled, or broken off by what is not ours. Told right here, without an await: a second
            # cancellation must not lose it.
            fate = OutcomeUnknownError(ids, broken_off(met)) if attempt.started else _stopped()
            self._tell([self._failed(message, fate) for message in messages], terms, keep)
            raise
        self._tell(results, terms, keep, foreign)
        return results

    def _not_sent(
        self, messages: Sequence[M], error: SmsBatError, terms: Terms, keep: Keep[R] | None = None
    ) -> None:
        result, outcome = self._wire.result, SendOutcome.NOT_SENT
        self._tell([result(message, outcome, error) for message in messages], terms, keep)

    def _failed(self, message: M, error: SmsBatError) -> R:
        outcome = SendOutcome.NOT_SENT
        if isinstance(error, OutcomeUnknownError):
            outcome = SendOutcome.UNKNOWN
        elif is_refusal(error):
            outcome = SendOutcome.REJECTED
        return self._wire.result(message, outcome, error)

    def _tell(
        self,
        results: Sequence[R],
        terms: Terms,
        keep: Keep[R] | None = None,
        foreign: tuple[str, ...] = (),
    ) -> None:
        if keep is not None:
            for result in results:
                keep(result)
        if self._hooks:
            self._hooks.emit(self._told(tuple(results), foreign, terms.scope.call))

    def _check(self, message: object, field: str = "messages") -> None:
        wanted = self._wire.message_type
        if not isinstance(message, wanted):
            problem = f"must be {wanted.__name__}, not {type(message).__name__}"
            raise InvalidMessageError(field, "no_message", problem)

    def _check_chunk(self, messages: Sequence[M]) -> None:
        maximum = self._wire.chunk_maximum
        if len(messages) > maximum:
            raise InvalidMessageError(
                "messages", "too_many", f"must be at most {maximum:,} at a time, not {len(messages):,}"
            )
        seen: set[str] = set()
        for message in messages:
            self._check(message)
            if message.id in seen:
                raise _repeated(message.id)
            seen.add(message.id)


class _RecentIds(Generic[M, R]):
    """The last ids of a stream, to refuse a repeated one."""

    def __init__(self, wire: Wire[M, R]) -> None:
        self._wire = wire
        self._seen: OrderedDict[str, None] = OrderedDict()

    def sift(self, taken: Sequence[M]) -> tuple[list[M], list[R]]:
        """Return what is to be sent, and the results of what is a repeat."""
        fresh: list[M] = []
        repeated: list[R] = []
        for message in taken:
            if message.id in self._seen:
                error = _repeated(message.id)
                repeated.append(self._wire.result(message, SendOutcome.REJECTED, error))
            else:
                fresh.append(message)
                self._seen[message.id] = None
                if len(self._seen) > REPEAT_WINDOW:
                    self._seen.popitem(last=False)
        return fresh, repeated


def _stopped() -> NotSentError:
    return NotSentError("the run was stopped", kind="stopped")


def _repeated(tracking_id: str) -> InvalidMessageError:
    return InvalidMessageError(
        "id", "repeated_id", f"{tracking_id!r} is the id of another message of this run"
    )
