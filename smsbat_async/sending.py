"""Cascade sends: one message, or many in chunks, none of them twice."""

import asyncio
import dataclasses
from collections import OrderedDict
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence

from smsbat_async.channel import Channel
from smsbat_async.crew import Crew, Job
from smsbat_async.errors import (
    ApiError,
    ClientClosedError,
    InvalidMessageError,
    NotSentError,
    OutcomeUnknownError,
    SmsBatError,
    TransportError,
)
from smsbat_async.hooks import ChunkSent, Hooks
from smsbat_async.messages import CascadeMessage, Receipt, Route, SendOutcome, SendResult
from smsbat_async.policies import check_count
from smsbat_async.requester import Requester, Terms
from smsbat_async.sources import Source
from smsbat_async.streams import ResultStream
from smsbat_async.transport.protocol import Attempt
from smsbat_async.turn import Turn
from smsbat_async.vendors.outcome import is_refusal, may_be_split, stops_a_run
from smsbat_async.vendors.smsbat import CHUNK_MAXIMUM, SmsBat

REFUSALS_IN_A_ROW = 8
"""After how many single messages refused with one and the same code a run gives up."""

REPEAT_WINDOW = 100_000
"""How many of the last ids a stream remembers, to refuse a repeated one."""

GRACE = 10.0
"""How long sends on the wire may take to finish after a run is stopped, in seconds."""


Keep = Callable[[SendResult], None]
Take = Callable[[], Awaitable[Sequence[CascadeMessage]]]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Chunking:
    """How many messages are cut into requests.

    Args:
        chunk_size: Messages in one request, 1 to 1,000.
        concurrency: Requests at once.
        split_refused: Whether a refused chunk is halved until the bad messages stand alone.
    """

    chunk_size: int = 500
    concurrency: int = 4
    split_refused: bool = True

    def __post_init__(self) -> None:
        check_count("chunk_size", self.chunk_size, maximum=CHUNK_MAXIMUM)
        check_count("concurrency", self.concurrency)


class _Run:
    """What the chunks of one run share: why it stopped, and how the last refusals looked."""

    __slots__ = ("_code", "_refusals", "channel", "stopped_by")

    def __init__(self, channel: Channel[SendResult]) -> None:
        self.channel = channel
        self.stopped_by: SmsBatError | None = None
        self._code: tuple[int, str | None] | None = None
        self._refusals = 0

    def learn(self, results: Sequence[SendResult]) -> None:
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


class Sender:
    """Sends cascade messages for one client.

    Args:
        vendor: How to write requests and read answers.
        requester: How to make calls.
        crew: Where the workers run.
        hooks: Who is told of every outcome.
    """

    def __init__(self, vendor: SmsBat, requester: Requester, crew: Crew, hooks: Hooks) -> None:
        self._vendor = vendor
        self._requester = requester
        self._crew = crew
        self._hooks = hooks

    async def send(self, message: CascadeMessage, route: Route, terms: Terms) -> Receipt:
        """Send one message; see `SmsBatClient.send`."""
        _check_message(message, "message")
        results = await self._post([message], _route(route), terms)
        assert results is not None
        result = results[0]
        if result.message_id is None:
            assert result.error is not None
            raise result.error
        return Receipt(result.message_id, message.id)

    async def send_many(
        self,
        messages: Iterable[CascadeMessage] | AsyncIterable[CascadeMessage],
        route: Route,
        chunking: Chunking,
        terms: Terms,
    ) -> list[SendResult]:
        """Send many messages; see `SmsBatClient.send_many`."""
        route = _route(route)
        self._vendor.check_can_send()
        source = Source(messages, "messages", _check_message)
        everything = await source.take_many(2**62)
        await source.take_many(1)  # raises what the iterable raised, before anything is sent
        places: dict[str, int] = {}
        for place, message in enumerate(everything):
            if places.setdefault(message.id, place) != place:
                raise _repeated(message.id)
        results: list[SendResult | None] = [None] * len(everything)

        def keep(result: SendResult) -> None:
            results[places[result.message.id]] = result

        channel: Channel[SendResult] = Channel()
        run = _Run(channel)
        size = chunking.chunk_size
        chunks = iter([everything[start : start + size] for start in range(0, len(everything), size)])

        async def work() -> None:
            try:
                for chunk in chunks:
                    await self._send_chunk(run, chunk, route, chunking, terms, keep)
            except asyncio.CancelledError:
                for chunk in chunks:
                    self._not_sent(chunk, _stopped(), route, keep)
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
            self._not_sent(left, ClientClosedError(), route, keep)
        return [result for result in results if result is not None]

    def stream(
        self,
        messages: Iterable[CascadeMessage] | AsyncIterable[CascadeMessage],
        route: Route,
        chunking: Chunking,
        terms: Terms,
    ) -> ResultStream[SendResult]:
        """Send many messages and give the results as they come; see `SmsBatClient.send_stream`."""
        route = _route(route)
        self._vendor.check_can_send()
        source = Source(messages, "messages", _check_message)

        def begin() -> tuple[Job, Channel[SendResult]]:
            channel: Channel[SendResult] = Channel()
            run = _Run(channel)
            recent = _RecentIds()

            async def work() -> None:
                while not channel.stopped:
                    taken: list[CascadeMessage] = []
                    try:
                        with channel.until_stopped():
                            await source.take_many(chunking.chunk_size, taken)
                    except asyncio.CancelledError:
                        if taken:  # from its source, and came no further
                            self._not_sent(taken, _stopped(), route)
                        raise
                    if not taken:
                        return
                    chunk, results = recent.sift(taken)
                    if results:
                        self._tell(results, route)
                    await self._send_chunk(run, chunk, route, chunking, terms, results.append)
                    for result in results:
                        await channel.put(result)

            job = Job(work, chunking.concurrency, channel)
            self._crew.launch(job)
            return job, channel

        return ResultStream(begin, grace=GRACE)

    async def send_when_ready(
        self, take: Take, route: Route, keep: Keep | None, *, split_refused: bool, terms: Terms
    ) -> list[SendResult]:
        """Send messages that are taken when it is their turn; see `SmsBatClient.send_when_ready`."""
        route = _route(route)
        self._vendor.check_can_send()
        results: list[SendResult] = []

        def note(result: SendResult) -> None:
            results.append(result)
            if keep is not None:
                keep(result)

        turn = await self._requester.turn("send", terms)
        try:
            messages = list(await take())
            if not messages:
                return results
            _check_chunk(messages)
            chunking = Chunking(chunk_size=len(messages), concurrency=1, split_refused=split_refused)
            await self._send_chunk(_Run(Channel()), messages, route, chunking, terms, note, turn)
        finally:
            turn.release()
        places = {message.id: place for place, message in enumerate(messages)}
        return sorted(results, key=lambda result: places[result.message.id])

    async def _send_chunk(
        self,
        run: _Run,
        chunk: list[CascadeMessage],
        route: Route,
        chunking: Chunking,
        terms: Terms,
        keep: Keep,
        turn: Turn | None = None,
    ) -> None:
        """Send a chunk, halving what is refused; every message is kept and told exactly once."""
        parts = [chunk] if chunk else []
        try:
            while parts:
                part = parts.pop()
                obstacle = run.obstacle()
                if obstacle is not None:
                    self._not_sent(part, obstacle, route, keep)
                    continue
                splits = chunking.split_refused and len(part) > 1
                results = await self._post(part, route, terms, keep, splits=splits, turn=turn)
                if results is None:
                    middle = len(part) // 2
                    parts += (part[middle:], part[:middle])
                else:
                    run.learn(results)
        except asyncio.CancelledError:
            for part in parts:
                self._not_sent(part, _stopped(), route, keep)
            raise

    async def _post(
        self,
        messages: list[CascadeMessage],
        route: Route,
        terms: Terms,
        keep: Keep | None = None,
        *,
        splits: bool = False,
        turn: Turn | None = None,
    ) -> list[SendResult] | None:
        """Make one request and return what became of each message, or None if its halves are to be tried."""
        ids = tuple(message.id for message in messages)
        attempt = Attempt()
        foreign: tuple[str, ...] = ()
        try:
            request = self._vendor.send_request(messages, route)
            results, foreign = await self._requester.send(
                request, self._vendor.read_receipts, messages, terms, attempt, ids, turn
            )
        except asyncio.CancelledError:
            # Told right here, without an await: a second cancellation must not lose it.
            error: SmsBatError = _stopped()
            if attempt.started:
                error = OutcomeUnknownError(ids, TransportError("the send was cancelled", kind="cancelled"))
            self._tell([_failed(message, error) for message in messages], route, keep)
            raise
        except SmsBatError as error:
            if splits and may_be_split(error):
                return None
            results = [_failed(message, error) for message in messages]
        self._tell(results, route, keep, foreign)
        return results

    def _not_sent(
        self,
        messages: Sequence[CascadeMessage],
        error: SmsBatError,
        route: Route,
        keep: Keep | None = None,
    ) -> None:
        self._tell(
            [SendResult(message, SendOutcome.NOT_SENT, None, error) for message in messages], route, keep
        )

    def _tell(
        self,
        results: Sequence[SendResult],
        route: Route,
        keep: Keep | None = None,
        foreign: tuple[str, ...] = (),
    ) -> None:
        if keep is not None:
            for result in results:
                keep(result)
        if self._hooks:
            self._hooks.emit(ChunkSent(results=tuple(results), route=route, foreign_ids=foreign))


class _RecentIds:
    """The last ids of a stream, to refuse a repeated one."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def sift(self, taken: Sequence[CascadeMessage]) -> tuple[list[CascadeMessage], list[SendResult]]:
        """Return what is to be sent, and the results of what is a repeat."""
        fresh: list[CascadeMessage] = []
        repeated: list[SendResult] = []
        for message in taken:
            if message.id in self._seen:
                repeated.append(SendResult(message, SendOutcome.REJECTED, None, _repeated(message.id)))
            else:
                fresh.append(message)
                self._seen[message.id] = None
                if len(self._seen) > REPEAT_WINDOW:
                    self._seen.popitem(last=False)
        return fresh, repeated


def _failed(message: CascadeMessage, error: SmsBatError) -> SendResult:
    if isinstance(error, OutcomeUnknownError):
        return SendResult(message, SendOutcome.UNKNOWN, None, error)
    outcome = SendOutcome.REJECTED if is_refusal(error) else SendOutcome.NOT_SENT
    return SendResult(message, outcome, None, error)


def _stopped() -> NotSentError:
    return NotSentError("the run was stopped", kind="stopped")


def _check_message(message: object, field: str = "messages") -> None:
    if not isinstance(message, CascadeMessage):
        wanted = f"must be CascadeMessage, not {type(message).__name__}"
        raise InvalidMessageError(field, "no_message", wanted)


def _check_chunk(messages: Sequence[CascadeMessage]) -> None:
    if len(messages) > CHUNK_MAXIMUM:
        raise InvalidMessageError(
            "messages", "too_many", f"must be at most {CHUNK_MAXIMUM:,} at a time, not {len(messages):,}"
        )
    seen: set[str] = set()
    for message in messages:
        _check_message(message)
        if message.id in seen:
            raise _repeated(message.id)
        seen.add(message.id)


def _repeated(tracking_id: str) -> InvalidMessageError:
    return InvalidMessageError(
        "id", "repeated_id", f"{tracking_id!r} is the id of another message of this run"
    )


def _route(route: object) -> Route:
    try:
        return Route(route)  # type: ignore[arg-type]
    except ValueError:
        wanted = " or ".join(f'"{known}"' for known in Route)
    raise InvalidMessageError("route", "invalid_route", f"must be {wanted}")
