"""What one process holds and spends for many messages that it follows; prints it as JSON.

`benchmarks.memory` starts one such process per way and count, since memory once used is not always given
back.
"""

import argparse
import asyncio
import gc
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from benchmarks import machine
from benchmarks.ticker import Stall, Ticker
from smsbat_async import Limits, PollPolicy, Request, Response, SessionPool, SmsBatClient
from smsbat_async.http import LowerHeaders
from smsbat_async.transport.protocol import Attempt

WAIT = 600.0
"""How long until the first poll and between polls, in seconds: longer than anything here takes."""

POLICY = PollPolicy(initial=WAIT, factor=1.0, maximum=WAIT, timeout=10 * WAIT)
WARM = 20_000
"""How many are asked about before anything is measured, which fills the client's cache of answers."""

AT_A_TIME = 100
"""How many are tracked before the event loop gets its turn, as a program would that sends in between."""

SOON = 0.002
REMEMBERED = 1.2
"""How long to wait before looking at what is left, in seconds: for one the poller knows whom it asked."""

WAYS = ("futures", "track", "deliveries")
"""How messages may be followed; `futures` are futures and ids alone, which nobody follows."""


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock can be put forward, so that everything that waits is due at once."""

    skipped = 0.0

    def time(self) -> float:
        """Return the time, in seconds."""
        return super().time() + self.skipped

    def skip(self, seconds: float) -> None:
        """Put the clock forward."""
        self.skipped += seconds


class Pending:
    """A transport that answers at once, without a network, that a message is still on its way."""

    def __init__(self) -> None:
        self.asked = self.in_flight = self.peak = 0
        self._headers = LowerHeaders({"Content-Type": "application/json"})

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        """Answer after the event loop has had its turn."""
        attempt.started = True
        self.asked += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        message_id = request.url.rpartition("/")[2].encode()
        body = b'{"messageId":"%s","deliverystatus":"processing","partscount":1,"cost":0.05}' % message_id
        return Response(200, self._headers, body)

    async def aclose(self) -> None:
        """Do nothing."""


class Phase(NamedTuple):
    """What one phase took and left.

    Args:
        resident: Bytes of RSS more than before the first phase, or None where the system does not tell.
        blocks: Blocks of memory that Python holds more than before the first phase.
        cpu: Seconds of CPU.
        stall: What held the loop up longest.
    """

    resident: int | None
    blocks: int
    cpu: float
    stall: Stall


def new_ids(count: int) -> Iterator[str]:
    """Yield ids of 32 characters."""
    return (f"{0xA5C3 << 96 | number:032x}" for number in range(count))


class Tracked:
    """Follows messages, and lets go of them.

    Args:
        client: The client.
        transport: What its pool asks.
        count: How many messages.
    """

    def __init__(self, client: SmsBatClient, transport: Pending, count: int) -> None:
        self._client = client
        self._transport = transport
        self._count = count
        # The caller's own lists are not the SDK's to answer for: there before the first look at the memory.
        self._futures: list[asyncio.Future[Any] | None] = [None] * count
        self._ids: list[str | None] = [None] * count
        self._reader: asyncio.Task[None] | None = None
        self.calls = 0.0
        gc.collect()
        self.resident = machine.resident_bytes()
        self._blocks = sys.getallocatedblocks()

    async def measure(self, work: Callable[[], Awaitable[None]], *, collect: bool = False) -> Phase:
        """Do some work, and return what it took and left."""
        began = time.process_time()
        async with Ticker() as ticker:
            await work()
            cpu = time.process_time() - began
        if collect:
            await asyncio.sleep(REMEMBERED)
            gc.collect()
        resident = machine.resident_bytes()
        return Phase(
            None if resident is None or self.resident is None else resident - self.resident,
            sys.getallocatedblocks() - self._blocks,
            cpu,
            ticker.stall,
        )

    async def bare(self) -> None:
        """Make a future for every id: what is left of `track()` without the tracking."""
        create = asyncio.get_running_loop().create_future
        await self._call(lambda _: create())

    async def track(self) -> None:
        """Call `track()` for every id."""
        await self._call(self._client.track)

    async def _call(self, call: Callable[[str], asyncio.Future[Any]]) -> None:
        """Make a future of every id, and add up the CPU time within these calls alone."""
        futures, kept, ids, place = self._futures, self._ids, new_ids(self._count), 0
        while some := list(itertools.islice(ids, AT_A_TIME)):
            began = time.thread_time()
            for message_id in some:
                futures[place] = call(message_id)
                kept[place] = message_id
                place += 1
            self.calls += time.thread_time() - began
            await asyncio.sleep(0)

    async def stream(self) -> None:
        """Give every id to `deliveries()`, in whose window there is room for all."""
        stream = self._client.deliveries(new_ids(self._count), window=self._count)

        async def read() -> None:
            async with stream as deliveries:
                async for _ in deliveries:
                    pass

        self._reader = asyncio.create_task(read())
        await self._until(lambda: self._client.poller.pending == self._count)

    async def poll(self) -> None:
        """Let the time of every first poll come at once, and wait until all have been made."""
        first = self._transport.asked
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SkippingLoop)
        loop.skip(2 * WAIT)
        await self._until(lambda: self._transport.asked - first >= self._count)
        await asyncio.sleep(SOON)

    async def expire(self) -> None:
        """Let the time of every deadline come at once, and wait until nothing is followed any more."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SkippingLoop)
        loop.skip(2 * POLICY.timeout)
        await self._until(lambda: self._client.poller.pending == 0)
        await self.let_go()

    async def let_go(self) -> None:
        """Cancel every future, or leave the stream."""
        for place in range(self._count):
            future = self._futures[place]
            if future is not None:
                future.cancel()
                self._futures[place] = self._ids[place] = None
            if place % AT_A_TIME == 0:
                await asyncio.sleep(0)
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        await self._until(lambda: self._client.poller.pending == 0)

    async def _until(self, happened: Callable[[], bool]) -> None:
        while not happened():  # noqa: ASYNC110 - nothing tells, and it is an event loop that is watched
            await asyncio.sleep(SOON)


async def measure(way: str, count: int, *, poll: bool) -> dict[str, Any]:
    """Return what following so many messages in one way costs, first unpolled, then polled once."""
    transport = Pending()
    async with (
        SessionPool(transport=transport) as pool,
        SmsBatClient(api_key="bench", pool=pool, polling=POLICY, limits=Limits(status=None)) as client,
    ):
        began = time.process_time()
        await client.fetch_statuses(new_ids(WARM))
        asking = (time.process_time() - began) / WARM
        client.track("the-first-starts-the-workers").cancel()
        await asyncio.sleep(SOON)
        tracked = Tracked(client, transport, count)
        fill = {"futures": tracked.bare, "track": tracked.track, "deliveries": tracked.stream}[way]
        phases = {"fill": await tracked.measure(fill)}
        calls, peak = tracked.calls, machine.peak_resident_bytes()
        phases["left"] = await tracked.measure(tracked.let_go, collect=True)
        if poll:
            await fill()
            transport.peak = 0
            phases["poll"] = await tracked.measure(tracked.poll)
            phases["left_after_poll"] = await tracked.measure(tracked.let_go, collect=True)
            await fill()
            phases["left_after_expiry"] = await tracked.measure(tracked.expire, collect=True)
        return {
            "way": way,
            "count": count,
            "peak_resident": None if peak is None else peak - (tracked.resident or 0),
            "calls_cpu": calls or None,
            "asking_cpu_each": asking,
            "in_flight": {"peak": transport.peak, "bound": pool.host_bulk_maximum},
            "phases": {name: _plain(phase) for name, phase in phases.items()},
        }


def _plain(phase: Phase) -> dict[str, Any]:
    return {**phase._asdict(), "stall": phase.stall._asdict()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracked", description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("count", type=int)
    parser.add_argument("--poll", action="store_true", help="once more, and poll each of them once")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        print(json.dumps(runner.run(measure(options.way, options.count, poll=options.poll)), indent=2))
