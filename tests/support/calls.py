"""Calls: a client on a transport by name, the four ways to meet a fault, and what came of each."""

import asyncio
import contextlib
import ssl as tls
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Literal

import aiohttp
import pytest

from smsbat_async import (
    CascadeMessage,
    ChunkSent,
    MessageType,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PollPolicy,
    RequestFinished,
    RetryPolicy,
    SendOutcome,
    SendResult,
    SessionPool,
    SmsBatClient,
    SmsBatError,
)
from smsbat_async.transport.wire import WireTransport
from tests.support.arrivals import Arrival, serve
from tests.support.recorded import Recorded
from tests.support.server import ScriptedServer
from tests.support.steps import Step, json_answer

TransportName = Literal["aiohttp", "wire"]
TRANSPORTS: tuple[TransportName, ...] = ("aiohttp", "wire")
"""The transports that every fault is tried on: a further one is a further name here."""

AT_ONCE = RetryPolicy(initial=0.0, maximum=0.0)
"""Three attempts with no wait between them."""

SWIFT = PollPolicy(initial=0.005, factor=1.0, maximum=0.005, jitter=0.0, timeout=5.0, allow_fast=True)
"""Polls that hardly wait."""

KEY = "key-that-must-not-show"

Kind = str | tuple[str, ...] | None


class Log:
    """A hook that keeps every event."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def __call__(self, event: object) -> None:
        self.events.append(event)

    @property
    def attempts(self) -> list[RequestFinished]:
        """Every attempt that came to its end."""
        return [event for event in self.events if isinstance(event, RequestFinished)]

    @property
    def chunks(self) -> list[ChunkSent]:
        """Every report about messages."""
        return [event for event in self.events if isinstance(event, ChunkSent)]

    @property
    def told(self) -> list[SendResult]:
        """What was reported about messages, in the order of the reports."""
        return [result for chunk in self.chunks for result in chunk.results]

    def outcomes(self) -> dict[str, SendOutcome]:
        """Give what was reported about each message, having made sure that it was reported once."""
        counts = Counter(result.message.id for result in self.told)
        assert set(counts.values()) <= {1}, f"told more than once: {counts.most_common(3)}"
        return {result.message.id: result.outcome for result in self.told}


@contextlib.asynccontextmanager
async def make_pool(
    transport: TransportName,
    *,
    max_concurrency: int = 50,
    ssl: tls.SSLContext | None = None,
    proxy: str | None = None,
) -> AsyncIterator[SessionPool]:
    """Open a pool on a transport, with trust in other authorities or behind a proxy if need be."""
    async with contextlib.AsyncExitStack() as stack:
        session: aiohttp.ClientSession | None = None
        if transport == "wire" and ssl is not None:
            wire = WireTransport(context=ssl)
            stack.push_async_callback(wire.aclose)
            yield await stack.enter_async_context(SessionPool(max_concurrency, transport=wire))
            return
        if ssl is not None or proxy is not None:
            connector = aiohttp.TCPConnector(ssl=ssl or True)
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, proxy=proxy))
        pool = SessionPool(max_concurrency, transport=transport, session=session)
        yield await stack.enter_async_context(pool)


@contextlib.asynccontextmanager
async def opened(
    url: str,
    transport: TransportName,
    log: Log | None = None,
    *,
    pool: SessionPool | None = None,
    **options: Any,
) -> AsyncIterator[SmsBatClient]:
    """Open a client of this place that retries and polls without waiting, on its own pool or a given one."""
    settings: dict[str, Any] = {
        "api_key": KEY,
        "retry": AT_ONCE,
        "polling": SWIFT,
        "hooks": [log] if log else [],
        **options,
    }
    async with contextlib.AsyncExitStack() as stack:
        if pool is None:
            pool = await stack.enter_async_context(make_pool(transport))
        client = SmsBatClient(base_url=url, pool=pool, **settings)
        yield await stack.enter_async_context(client)


def message(id: str = "m1") -> CascadeMessage:  # noqa: A002
    """Make a message with this id."""
    return CascadeMessage(
        id=id, from_name="Shop", to_phone="+380501234567", message_type=MessageType.TRANSACTION, text="hello"
    )


def messages(count: int, prefix: str = "m") -> list[CascadeMessage]:
    """Make so many messages, from `m1` on."""
    return [message(f"{prefix}{number}") for number in range(1, count + 1)]


def sent_ids(request: Recorded) -> list[str]:
    """Give the tracking ids of the messages in a send."""
    return [row["id"] for row in request.json()]


def vendor_id(tracking_id: str) -> str:
    """Give the id under which the good vendor of these tests takes a message."""
    return f"v-{tracking_id}"


def good(request: Recorded) -> Step:
    """Answer as a vendor in good health: take every message, and call every message delivered."""
    if request.method == "POST":
        return json_answer([{"messageId": vendor_id(sent), "trackinId": sent} for sent in sent_ids(request)])
    message_id = request.path.rpartition("/")[2]
    return json_answer({"messageId": message_id, "deliverystatus": "delivered"})


def first(*faults: Step, later: Callable[[Recorded], Step] = good) -> Callable[[Recorded], Step]:
    """Let the first requests meet faults and all later ones a vendor in good health."""
    return lambda request: faults[request.index] if request.index < len(faults) else later(request)


def times_reached(server: ScriptedServer) -> int:
    """Count how often a client has reached this server, with or without getting a request through."""
    return max(server.connections, len(server.requests))


def check_clean(error: BaseException) -> None:
    """Make sure that no error of a library hangs on an error of ours, nor the credential."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        found = left.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        assert isinstance(found, SmsBatError), f"{found!r} hangs on {error!r}"
        assert KEY not in f"{found!r} {found} {found.args} {found.__dict__}"
        left += [found.__cause__, found.__context__, getattr(found, "error", None)]


def check_error(
    error: object, wanted: type[SmsBatError], kind: Kind = None, status: int | None = None
) -> None:
    """Make sure that an error is of exactly this class, kind and status, and clean."""
    assert type(error) is wanted, f"{error!r} is no {wanted.__name__}"
    assert isinstance(error, SmsBatError)
    if kind is not None:
        assert getattr(error, "kind", None) in ((kind,) if isinstance(kind, str) else kind)
    if status is not None:
        assert getattr(error, "status_code", None) == status
    check_clean(error)


async def failure(call: Awaitable[object]) -> SmsBatError:
    """Await a call that must fail with an error of ours, and give the error."""
    with pytest.raises(SmsBatError) as raised:
        await call
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0, "a cancellation of the client's own is left over"
    check_clean(raised.value)
    return raised.value


async def send_ends_unknown(
    transport: TransportName,
    fault: Step | None = None,
    *,
    arrival: Arrival | None = None,
    error: type[SmsBatError],
    kind: Kind = None,
    status: int | None = None,
    **options: Any,
) -> None:
    """Send one message into a fault: its fate is unknown, it is told once, and never sent again."""
    log = Log()
    async with (
        ScriptedServer(fault or good, arrivals=arrival) as server,
        opened(server.url, transport, log, **options) as client,
    ):
        met = await failure(client.send(message("m1")))
        assert type(met) is OutcomeUnknownError
        assert met.tracking_ids == ("m1",)
        check_error(met.error, error, kind, status)
        assert log.outcomes() == {"m1": SendOutcome.UNKNOWN}
        assert times_reached(server) == 1
        assert len(log.attempts) == 1


async def chunk_ends_unknown(
    transport: TransportName,
    fault: Step | None = None,
    *,
    arrival: Arrival | None = None,
    error: type[SmsBatError],
    kind: Kind = None,
    **options: Any,
) -> None:
    """Send three chunks of which the first meets a fault: it alone is unknown, and it is not sent again."""
    log = Log()
    async with (
        ScriptedServer(
            first(fault) if fault else good, arrivals=[arrival, serve()] if arrival else None
        ) as server,
        opened(server.url, transport, log, **options) as client,
    ):
        results = await client.send_many(messages(6), chunk_size=2, concurrency=1)
        assert [result.message.id for result in results] == ["m1", "m2", "m3", "m4", "m5", "m6"]
        assert [result.outcome for result in results] == [SendOutcome.UNKNOWN] * 2 + [
            SendOutcome.ACCEPTED
        ] * 4
        for result in results[:2]:
            assert isinstance(result.error, OutcomeUnknownError)
            assert result.message.id in result.error.tracking_ids
            check_error(result.error.error, error, kind)
        assert [result.message_id for result in results[2:]] == ["v-m3", "v-m4", "v-m5", "v-m6"]
        assert log.outcomes() == {result.message.id: result.outcome for result in results}
        assert len(log.attempts) == 3
        sent = [sent_ids(request) for request in server.requests]
        assert sent == ([["m1", "m2"]] if fault else []) + [["m3", "m4"], ["m5", "m6"]]


async def status_fails(
    transport: TransportName,
    fault: Step | None = None,
    *,
    arrival: Arrival | None = None,
    error: type[SmsBatError],
    kind: Kind = None,
    status: int | None = None,
    asked: int,
    **options: Any,
) -> None:
    """Ask for a status that always meets a fault, alone and in a batch: it is asked for just so often."""
    async with (
        ScriptedServer(fault or good, arrivals=arrival) as server,
        opened(server.url, transport, **options) as client,
    ):
        check_error(await failure(client.status("a1")), error, kind, status)
        assert times_reached(server) == asked
        (result,) = await client.fetch_statuses(["a1"])
        assert (result.message_id, result.status) == ("a1", None)
        check_error(result.error, error, kind, status)
        assert times_reached(server) == 2 * asked


async def status_comes_after(
    transport: TransportName, fault: Step | None = None, *, arrival: Arrival | None = None, **options: Any
) -> None:
    """Ask for a status that meets a fault once: asking again helps."""
    async with (
        ScriptedServer(
            first(fault) if fault else good, arrivals=[arrival, serve()] if arrival else None
        ) as server,
        opened(server.url, transport, **options) as client,
    ):
        assert (await client.status("a1")).delivery_status == "delivered"
        assert times_reached(server) == 2


async def tracking_goes_on(
    transport: TransportName,
    fault: Step | None = None,
    *,
    arrival: Arrival | None = None,
    error: type[SmsBatError],
    kind: Kind = None,
    **options: Any,
) -> None:
    """Track a message whose first poll meets a fault: the second one finds it delivered."""
    async with (
        ScriptedServer(
            first(fault) if fault else good, arrivals=[arrival, serve()] if arrival else None
        ) as server,
        opened(server.url, transport, **options) as client,
    ):
        delivery = await client.track("a1")
        assert delivery.outcome is Outcome.DELIVERED
        check_error(delivery.last_error, error, kind)
        assert delivery.polls == 2
        assert times_reached(server) == 2


async def tracking_fails_at_once(
    transport: TransportName,
    fault: Step,
    *,
    error: type[SmsBatError],
    kind: Kind = None,
    status: int | None = None,
    **options: Any,
) -> None:
    """Track a message whose first poll meets what cannot get better: the future fails with it."""
    async with ScriptedServer(fault) as server, opened(server.url, transport, **options) as client:
        check_error(await failure(client.track("a1")), error, kind, status)
        assert len(server.requests) == 1
        assert client.poller.pending == 0


async def nothing_is_sent(client: SmsBatClient, log: Log, kind: Kind, *, attempts: int = 3) -> None:
    """Send one message and then several: all is known not to be sent, after so many attempts."""
    check_error(await failure(client.send(message("single"))), NotSentError, kind)
    assert log.outcomes() == {"single": SendOutcome.NOT_SENT}
    assert len(log.attempts) == attempts
    log.events.clear()
    results = await client.send_many(messages(4), chunk_size=2, concurrency=1)
    assert [result.outcome for result in results] == [SendOutcome.NOT_SENT] * 4
    for result in results:
        check_error(result.error, NotSentError, kind)
    assert log.outcomes() == {f"m{number}": SendOutcome.NOT_SENT for number in (1, 2, 3, 4)}


async def nothing_is_asked(
    client: SmsBatClient, log: Log, kind: Kind, *, error: type[SmsBatError] = NotSentError, attempts: int = 3
) -> None:
    """Ask for a status, alone and in a batch: it fails after so many attempts."""
    check_error(await failure(client.status("a1")), error, kind)
    assert len(log.attempts) == attempts
    (result,) = await client.fetch_statuses(["a1"])
    assert (result.message_id, result.status) == ("a1", None)
    check_error(result.error, error, kind)
    assert len(log.attempts) == 2 * attempts


async def tracking_times_out(
    client: SmsBatClient,
    kind: Kind,
    *,
    elapsed: float = 120.0,
    error: type[SmsBatError] = NotSentError,
) -> None:
    """Track a message on a road that stays closed: the deadline is the end, and says what was met."""
    delivery = await client.with_options(polling=PollPolicy(jitter=0.0)).track("a1")
    assert delivery.elapsed == pytest.approx(elapsed, abs=1e-3)
    assert (delivery.outcome, delivery.status) == (Outcome.TIMED_OUT, None)
    check_error(delivery.last_error, error, kind)


async def settle(turns: int = 5) -> None:
    """Let everything that is ready to run do so."""
    for _ in range(turns):
        await asyncio.sleep(0)


def ids_of(results: Iterable[SendResult], outcome: SendOutcome) -> set[str]:
    """Give the ids of those messages that came to this end."""
    return {result.message.id for result in results if result.outcome is outcome}
