"""One process that lets every contender check statuses in turn, on one event loop; prints JSON.

What disturbs the machine disturbs all of them alike, since the turns are short and their order rotates. A
process for each would be no cleaner, since they share nothing but modules, and would measure them further
apart.
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
from benchmarks.contenders import OWN, Contender, Seen, everyone, peers
from benchmarks.server import variant_of


class Plan(NamedTuple):
    """How the turns are taken.

    Args:
        url: Where the server is.
        server: The process id of the server.
        turn: How long one turn of one contender lasts, about, in seconds.
        rounds: How often each contender has its turn.
        width: Requests at once.
    """

    url: str
    server: int
    turn: float
    rounds: int
    width: int


class Turn(NamedTuple):
    """What one turn of one contender was.

    Args:
        ids: How many statuses were checked.
        wall: Seconds that passed.
        cpu: Seconds of CPU of this process, all its threads together.
        server_cpu: Seconds of CPU of the server, or None where the system does not tell.
    """

    ids: int
    wall: float
    cpu: float
    server_cpu: float | None


async def take_turn(contender: Contender, ids: Sequence[str], plan: Plan) -> Turn:
    """Let a contender check every id once, and check what it says.

    Raises:
        RuntimeError: If an answer is wrong.
    """
    await contender.check(ids[: plan.width])  # opens connections that were idle for too long
    gc.collect()
    server_began = machine.cpu_seconds(plan.server)
    wall, cpu = time.perf_counter(), time.process_time()
    answers = await contender.check(ids)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    server_ended = machine.cpu_seconds(plan.server)
    check(contender, ids, answers)
    server_cpu = None if server_began is None or server_ended is None else server_ended - server_began
    return Turn(len(ids), wall, cpu, server_cpu)


def check(contender: Contender, ids: Sequence[str], answers: Sequence[Any]) -> None:
    """Check that each id has the answer that the server gives.

    Raises:
        RuntimeError: If one has not.
    """
    if len(answers) != len(ids):
        raise RuntimeError(f"{contender.name}: {len(answers)} answers to {len(ids)} ids")
    for message_id, answer in zip(ids, answers, strict=True):
        word, cost = variant_of(message_id)
        if contender.seen(answer) != Seen(message_id, word, Decimal(cost)):
            raise RuntimeError(f"{contender.name}: {message_id} got {answer}")


def fresh_ids(number: int, count: int) -> list[str]:
    """Return the ids of one round, which no other round has: nothing that remembers ids gains by that."""
    first = 0xABC123000000 + number * 0x1000000
    return [f"{first + place:012x}" for place in range(count)]


async def ids_in_a_turn(contender: Contender, plan: Plan) -> int:
    """Return how many ids a contender checks in the time of one turn: the slow ones would take minutes."""
    await contender.check(fresh_ids(0, plan.width))
    count, spent = plan.width, 0.0
    while True:
        ids = fresh_ids(0, count)
        began = time.perf_counter()
        check(contender, ids, await contender.check(ids))
        spent = time.perf_counter() - began
        if spent >= plan.turn / 3:
            return max(plan.width, round(count * plan.turn / spent))
        count *= 2


async def measure(plan: Plan) -> dict[str, Any]:
    """Return the turns of every contender, and why some took none."""
    turns: dict[str, list[Turn]] = {}
    missing = dict(peers().missing)
    async with AsyncExitStack() as stack:
        playing: list[tuple[Contender, int]] = []
        for kind in everyone():
            contender = await stack.enter_async_context(kind(plan.url, plan.width))
            try:
                count = await ids_in_a_turn(contender, plan)
            except Exception as error:
                if kind in OWN:
                    raise
                missing[kind.name] = f"{type(error).__name__}: {error}"
            else:
                playing.append((contender, count))
                turns[kind.name] = []
        gc.collect()
        gc.freeze()  # nobody pays for walking what the others imported
        for number in range(1, plan.rounds + 1):
            for contender, count in playing:
                turns[contender.name].append(await take_turn(contender, fresh_ids(number, count), plan))
            playing.append(playing.pop(0))
        gc.unfreeze()
    return {"turns": turns, "missing": missing}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checks", description=__doc__)
    parser.add_argument("loop", choices=machine.loops())
    for name, kind in Plan.__annotations__.items():
        parser.add_argument(name, type=kind)
    options = vars(parser.parse_args())
    with asyncio.Runner(loop_factory=machine.loops()[options.pop("loop")]) as runner:
        print(json.dumps(runner.run(measure(Plan(**options)))))
