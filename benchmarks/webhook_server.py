"""One process that takes webhooks in a framework, on a core of its own; tells what it did as JSON.

It begins with as much in memory as it ever has: it has heard of three times as many messages as it remembers,
until no table grows any more. Then it follows every other message that webhooks will be about.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from benchmarks import machine
from benchmarks.tracked import Pending
from smsbat_async import Limits, MessageStatus, PollPolicy, SessionPool, SmsBatClient
from smsbat_async.webhooks import WebhookReceiver
from smsbat_async.webhooks.aiohttp import WebhookHandler, client_ctx

SECRET = "a-secret-of-the-benchmark"
PATH = "/webhooks/smsbat"
BODY = '{"messageId":"%s","deliverystatus":"delivered","timestamp":"2025-01-23T10:30:00Z","cost":0.05}'

REPEATED_EVERY = 20
"""Every so manieth webhook repeats one of those before."""

FILLED = 3
"""How many times as many messages as are remembered it hears of before."""

MARKS = (0.25, 0.5, 1.0)
"""After which parts of all webhooks the memory in use is noted."""

EVERY = 0.02
"""How often it is looked whether one of them has come, in seconds."""

NEVER = PollPolicy.webhook_first(after=100_000.0, maximum=100_000.0, timeout=200_000.0)


def message_of(number: int) -> int:
    """Return which message the webhook of a number is about."""
    return number - 10 if number % REPEATED_EVERY == REPEATED_EVERY - 1 else number


def id_of(message: int) -> str:
    """Return the id of a message, as long as the vendor's."""
    return f"3fa85f64-5717-4562-b3fc-{message:012x}"


def is_tracked(message: int) -> bool:
    """Return whether a message is followed; nobody knows the others."""
    return message % 2 == 0


async def piece(raw: bytes) -> AsyncIterator[bytes]:
    """Give a body in one piece."""
    yield raw


class Service:
    """A receiver and its client.

    Args:
        count: After how many webhooks the last mark is.
        total: How many webhooks will come.
        remembered: Of how many messages the receiver remembers the last word.
    """

    def __init__(self, count: int, total: int, remembered: int) -> None:
        self._count = count
        self._total = total
        self._remembered = remembered
        limits = Limits(status=None, send=None)
        pool = SessionPool(transport=Pending())
        self.client = SmsBatClient(api_key="key", pool=pool, limits=limits, polling=NEVER)
        self.heard = self.resolved = 0
        self.receiver: WebhookReceiver[MessageStatus] = WebhookReceiver(
            self.client, secrets=[SECRET], on_event=self._hear, remembered=remembered
        )
        self._resident: dict[str, int | None] = {}

    async def _hear(self, event: object) -> None:
        self.heard += 1

    def _note(self, future: "asyncio.Future[Any]") -> None:
        self.resolved += 1

    async def fill(self) -> None:
        """Remember as many messages as ever, and follow those that webhooks will be about."""
        for number in range(FILLED * self._remembered):
            raw = (BODY % f"before-{number:030x}").encode()
            await self.receiver.receive({}, piece(raw), secret=SECRET)
            if number % 100 == 0:
                await asyncio.sleep(0)
        while self.receiver.callbacks_pending:  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0)
        for number in range(self._total):
            if message_of(number) == number and is_tracked(number):
                self.client.track(id_of(number)).add_done_callback(self._note)
        await asyncio.sleep(0)
        gc.collect()
        self._before = self.receiver.stats.received, self.receiver.stats.accepted, self.heard

    async def watch(self) -> None:
        """Note the memory in use now, and at each of the marks."""
        self._resident["start"] = machine.resident_bytes()
        for mark in MARKS:
            while self.receiver.stats.received - self._before[0] < mark * self._count:  # noqa: ASYNC110
                await asyncio.sleep(EVERY)
            self._resident[f"{mark:.0%}"] = machine.resident_bytes()

    def told(self) -> dict[str, Any]:
        """Return what was done so far."""
        stats = self.receiver.stats
        return {
            "cpu": time.process_time(),
            "received": stats.received - self._before[0],
            "accepted": stats.accepted - self._before[1],
            "repeated": stats.repeated,
            "heard": self.heard - self._before[2],
            "resolved": self.resolved,
            "resident": self._resident,
        }


@asynccontextmanager
async def in_fastapi(service: Service) -> AsyncGenerator[int]:
    """Serve with FastAPI and uvicorn, and give the port."""
    import uvicorn
    from fastapi import FastAPI

    from smsbat_async.webhooks.fastapi import lifespan, webhook_router

    app = FastAPI(lifespan=lifespan(service.client, service.receiver))
    app.include_router(webhook_router(service.receiver, PATH))
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, ws="none", lifespan="on")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event for that
        await asyncio.sleep(EVERY)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def in_aiohttp(service: Service) -> AsyncGenerator[int]:
    """Serve with aiohttp, and give the port."""
    app = web.Application()
    app.cleanup_ctx.append(client_ctx(service.client, service.receiver))
    WebhookHandler(service.receiver).register(app, PATH)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


FRAMEWORKS: dict[str, Callable[[Service], Any]] = {"fastapi": in_fastapi, "aiohttp": in_aiohttp}


def pin(place: int) -> None:
    """Keep this process on one core, counted from 0, or from the last with -1; not every system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[place]})


async def serve(framework: str, count: int, total: int, remembered: int) -> None:
    """Serve, tell the port, and then what was done, at each line of the standard input; end with it.

    Args:
        framework: One of `FRAMEWORKS`.
        count: After how many webhooks the last mark is.
        total: How many webhooks will come.
        remembered: Of how many messages the receiver remembers the last word.
    """
    service = Service(count, total, remembered)
    await service.fill()
    async with FRAMEWORKS[framework](service) as port:
        watching = asyncio.create_task(service.watch())
        print(port, flush=True)
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def asked() -> None:
            if not sys.stdin.readline():
                ended.set()
            else:
                print(json.dumps(service.told()), flush=True)

        loop.add_reader(sys.stdin.fileno(), asked)
        await ended.wait()
        loop.remove_reader(sys.stdin.fileno())
        watching.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhook_server", description=__doc__)
    parser.add_argument("framework", choices=FRAMEWORKS)
    parser.add_argument("loop", choices=machine.loops())
    parser.add_argument("count", type=int)
    parser.add_argument("total", type=int)
    parser.add_argument("remembered", type=int)
    options = parser.parse_args()
    pin(0)
    with asyncio.Runner(loop_factory=machine.loops()[options.loop]) as runner:
        runner.run(serve(options.framework, options.count, options.total, options.remembered))
