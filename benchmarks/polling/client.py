"""Polls under the vendor's rate, by the real client in virtual time: an hour takes seconds."""

import asyncio
import selectors
from collections.abc import Sequence
from random import Random
from typing import Any

from benchmarks.polling.figures import Outcome
from smsbat_async import Delivery, Limits, MessageStatus, PollPolicy, Rate, SessionPool, SmsBatClient
from smsbat_async.http import LowerHeaders, Request, Response
from smsbat_async.transport.protocol import Attempt

ENDED = b'{"messageId":"%s","deliverystatus":"delivered"}'
NOT_YET = b'{"messageId":"%s","deliverystatus":"processing"}'


class VirtualSelector(selectors.SelectSelector):
    """A selector for programs without a network: instead of waiting it moves the clock on.

    Attributes:
        now: The time, in seconds.
    """

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; if nothing is, let the time pass."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen")
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on the clock of a virtual selector."""

    def __init__(self) -> None:
        self._clock = VirtualSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._clock.now


class World:
    """A transport that answers by the time: ended or not yet.

    Args:
        arrivals: When each message is sent, in seconds.
        ends: At which age each ends.
    """

    def __init__(self, arrivals: Sequence[float], ends: Sequence[float]) -> None:
        self._arrivals = arrivals
        self._ends = ends
        self.firsts = [0.0] * len(ends)

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        """Answer at once."""
        attempt.started = True
        message_id = request.url.rpartition("/")[2].encode()
        number = int(message_id)
        age = asyncio.get_running_loop().time() - self._arrivals[number]
        self.firsts[number] = self.firsts[number] or age
        body = (ENDED if self._ends[number] <= age else NOT_YET) % message_id
        return Response(200, LowerHeaders(), body)

    async def aclose(self) -> None:
        """Close nothing."""


def follow(
    policy: PollPolicy, arrivals: Sequence[float], ends: Sequence[float], *, rate: Rate | None, seed: int
) -> list[Outcome]:
    """Follow messages to their end.

    Args:
        policy: When to ask.
        arrivals: When each message is sent, ascending, in seconds.
        ends: At which age each ends.
        rate: How many polls may start, or None for no limit.
        seed: Of the client's source of jitter.

    Returns:
        What became of each, in order.
    """
    world = World(arrivals, ends)

    async def main() -> list[Outcome]:
        loop = asyncio.get_running_loop()
        client = SmsBatClient(
            api_key="benchmark",
            pool=SessionPool(transport=world),
            polling=policy,
            limits=Limits(status=rate),
            random=Random(seed),
        )
        async with client:
            deliveries: list[asyncio.Future[Delivery[MessageStatus]]] = []
            for number, arrival in enumerate(arrivals):
                if arrival > loop.time():
                    await asyncio.sleep(arrival - loop.time())
                deliveries.append(client.track(f"{number:06d}"))
            return [
                _outcome(await delivery, ends[number], world.firsts[number])
                for number, delivery in enumerate(deliveries)
            ]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


def _outcome(delivery: Delivery[Any], end: float, first: float) -> Outcome:
    return Outcome(delivery.polls, None if delivery.timed_out else delivery.elapsed - end, first)
