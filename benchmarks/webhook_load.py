"""One process that sends webhooks over kept connections, at a fixed rate or one after the other; prints JSON.

At a fixed rate each wait is counted from the moment at which its webhook was meant to be sent, whatever
became of those before.
"""

import argparse
import asyncio
import json
import re
import time
from collections import Counter, deque
from typing import Any, cast

from benchmarks import machine
from benchmarks.latency import percentile
from benchmarks.metronome import Metronome
from benchmarks.webhook_server import BODY, PATH, SECRET, id_of, message_of, pin

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "X-Webhook-Secret: {secret}\r\nContent-Length: {length}\r\n\r\n"
)
LENGTH = re.compile(rb"\ncontent-length: *(\d+)", re.IGNORECASE)
END = b"\r\n\r\n"


def webhook(number: int) -> bytes:
    """Return the bytes of a webhook."""
    body = BODY % id_of(message_of(number))
    return (HEAD.format(path=PATH, secret=SECRET, length=len(body)) + body).encode()


class Sender(asyncio.Protocol):
    """A kept connection on which one webhook is on its way at a time."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._held = b""
        self.number: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be free."""
        self._write = cast("asyncio.WriteTransport", transport).write
        self._load.free.append(self)

    def send(self, number: int, first: int) -> None:
        """Send the webhook of a number, counted from the first."""
        self.number = number
        self._write(webhook(first + number))

    def data_received(self, data: bytes) -> None:
        """Take an answer, as soon as it is whole."""
        self._held += data
        end = self._held.find(END)
        length = LENGTH.search(self._held, 0, end) if end >= 0 else None
        if length is None or len(self._held) < end + len(END) + int(length[1]):
            return
        status, self._held = int(self._held[9:12]), b""
        assert self.number is not None
        number, self.number = self.number, None
        self._load.answered(self, number, status)

    def connection_lost(self, error: Exception | None) -> None:
        """Count what was on its way for lost."""
        if self.number is not None:
            self._load.answered(None, self.number, 0)


class Load:
    """All connections, and what was answered on them.

    Args:
        first: The number of the first webhook.
        count: How many webhooks.
        rate: How many a second; 0 for as many as are answered.
    """

    def __init__(self, first: int, count: int, rate: float) -> None:
        self._first = first
        self._count = count
        self._rate = rate
        self.free: deque[Sender] = deque()
        self._due: deque[int] = deque()
        self._sent = 0
        self._answers = Counter[int]()
        self._waits: list[float] = []
        self._began = 0.0
        self._done = asyncio.Event()

    def answered(self, sender: Sender | None, number: int, status: int) -> None:
        """Note an answer, and send on its connection what is due."""
        self._answers[status] += 1
        self._waits.append(time.monotonic() - self._began - (number / self._rate if self._rate else 0.0))
        if self._answers.total() == self._count:
            self._done.set()
        elif sender is not None:
            self.free.append(sender)
            self._go_on()

    def _go_on(self) -> None:
        while self.free and (self._due or (not self._rate and self._sent < self._count)):
            if not self._rate:
                self._due.append(self._sent)
                self._sent += 1
            self.free.popleft().send(self._due.popleft(), self._first)

    async def run(self) -> dict[str, Any]:
        """Send all, and return what came of it."""
        if self._rate:
            await self._paced()
        else:
            self._began = time.monotonic()
            self._go_on()
            await self._done.wait()
        seconds = time.monotonic() - self._began
        ordered = sorted(self._waits)
        waits = {f"p{part:g}": 1e3 * percentile(ordered, part) for part in (50.0, 99.0, 99.9)}
        answers = {str(status): count for status, count in self._answers.items()}
        return {"seconds": seconds, "answers": answers, "milliseconds": waits if self._rate else None}

    async def _paced(self) -> None:
        loop = asyncio.get_running_loop()
        with Metronome(self._rate, self._count) as metronome:
            self._began = metronome.began

            def beat() -> None:
                for _ in range(metronome.beats()):
                    self._due.append(self._sent)
                    self._sent += 1
                self._go_on()
                if self._sent == self._count:
                    loop.remove_reader(metronome.fileno())

            loop.add_reader(metronome.fileno(), beat)
            await self._done.wait()


async def measure(port: int, first: int, count: int, rate: float, connections: int) -> dict[str, Any]:
    """Send webhooks to a port of loopback, and return what came of them.

    Args:
        port: Where the server is.
        first: The number of the first webhook.
        count: How many webhooks.
        rate: How many a second; 0 for as many as are answered.
        connections: How many connections are kept.
    """
    load = Load(first, count, rate)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Sender(load), "127.0.0.1", port)
    return await load.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhook_load", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("connections", type=int)
    pin(-1)
    with asyncio.Runner(loop_factory=list(machine.loops().values())[-1]) as runner:
        print(json.dumps(runner.run(measure(**vars(parser.parse_args())))))
