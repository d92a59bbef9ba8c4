"""One process in which statuses are asked for at a fixed rate, whatever becomes of those before; prints JSON.

Each wait is counted from the moment at which its request was meant to begin. A client that holds up the loop
holds up all that were due meanwhile, and every one of them counts.
"""

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, NamedTuple

from benchmarks import machine
from benchmarks.checks import check, fresh_ids
from benchmarks.contenders import BASE, Contender, Sdk, SdkOnWire, Seen, peers
from benchmarks.metronome import Metronome
from benchmarks.server import variant_of

FAST = ("aiosonic", "pyreqwest", "wreq")
"""The fastest of the peers."""


class Nothing(Contender):
    """Answers by itself, at once: what is measured then is the clock and the event loop alone."""

    name = "nothing"

    async def open(self) -> None:
        """Open nothing."""

    async def one(self, message_id: str) -> Any:
        """Return what the server would say."""
        word, cost = variant_of(message_id)
        return Seen(message_id, word, Decimal(cost))

    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return what the server would say."""
        return [await self.one(message_id) for message_id in ids]

    @staticmethod
    def seen(answer: Any) -> Seen:
        """Return what an answer says."""
        return Seen(*answer)


class Plan(NamedTuple):
    """What arrives.

    Args:
        url: Where the server is.
        rate: Requests per second.
        requests: Requests in one round of one contender.
        rounds: How often each contender has its turn.
        width: Connections that are open before the first round.
    """

    url: str
    rate: float
    requests: int
    rounds: int
    width: int


def contenders() -> tuple[type[Contender], ...]:
    """Return who takes part, the base first."""
    fast = [kind for kind in peers().installed if kind.name in FAST]
    return BASE, *fast, Sdk, SdkOnWire, Nothing


async def take_turn(contender: Contender, number: int, plan: Plan) -> list[float]:
    """Return how long each request took from the moment it was meant to begin, in seconds.

    Raises:
        RuntimeError: If an answer is wrong.
    """
    ids = fresh_ids(number, plan.requests)
    answers: list[Any] = [None] * plan.requests
    waits = [0.0] * plan.requests
    left = plan.requests
    finished = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []
    await contender.check(ids[: plan.width])
    gc.collect()
    loop = asyncio.get_running_loop()
    with Metronome(plan.rate, plan.requests) as metronome:

        async def arrive(place: int) -> None:
            nonlocal left
            try:
                answers[place] = await contender.one(ids[place])
                waits[place] = time.monotonic() - (metronome.began + place / plan.rate)
            finally:
                left -= 1
                if not left:
                    finished.set()

        def begin() -> None:
            for _ in range(metronome.beats()):
                tasks.append(loop.create_task(arrive(len(tasks))))
            if len(tasks) == plan.requests:
                loop.remove_reader(metronome.fileno())

        loop.add_reader(metronome.fileno(), begin)
        await finished.wait()
    await asyncio.gather(*tasks)
    check(contender, ids, answers)
    return waits


async def measure(plan: Plan) -> dict[str, list[list[float]]]:
    """Return the waits of every contender in every round, in seconds."""
    kinds = contenders()
    waits: dict[str, list[list[float]]] = {kind.name: [] for kind in kinds}
    async with AsyncExitStack() as stack:
        playing = [await stack.enter_async_context(kind(plan.url, plan.width)) for kind in kinds]
        for number in range(plan.rounds):
            for contender in playing:
                waits[contender.name].append(await take_turn(contender, number, plan))
            playing.append(playing.pop(0))
    return waits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arrivals", description=__doc__)
    parser.add_argument("loop", choices=machine.loops())
    for name, kind in Plan.__annotations__.items():
        parser.add_argument(name, type=kind)
    options = vars(parser.parse_args())
    with asyncio.Runner(loop_factory=machine.loops()[options.pop("loop")]) as runner:
        print(json.dumps(runner.run(measure(Plan(**options)))))
