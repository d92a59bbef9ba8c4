"""Status checks per second and per CPU-second: the whole client beside two hand-written loops.

The contenders take many short turns in one process, against one server, in an order that rotates: what
disturbs the machine disturbs all of them alike, and each ratio is taken within one round. A process for each
would be no cleaner, since they share nothing but modules, and would measure them further apart.
"""

import asyncio
import gc
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, NamedTuple

from benchmarks import machine
from benchmarks.contenders import BASE, CONTENDERS, Contender, Seen, pool_size
from benchmarks.server import ServerProcess, variant_of
from benchmarks.table import Report, Spread, Table


class Size(NamedTuple):
    """How much is measured.

    Args:
        ids: Status checks in one round of one contender.
        rounds: How often each contender has its turn.
        width: Requests at once.
    """

    ids: int = 2_000
    rounds: int = 21
    width: int = 50


QUICK = Size(ids=500, rounds=7)


class Turn(NamedTuple):
    """What one turn of one contender took, in seconds."""

    wall: float
    cpu: float
    server_cpu: float | None


async def take_turn(contender: Contender, ids: Sequence[str], width: int, server: ServerProcess) -> Turn:
    """Let a contender check every id once, and check what it says.

    Raises:
        RuntimeError: If an answer is wrong.
    """
    await contender.check(ids[: 2 * width])  # opens connections that were idle for too long
    gc.collect()
    server_began = server.cpu_seconds()
    wall, cpu = time.perf_counter(), time.process_time()
    answers = await contender.check(ids)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    server_ended = server.cpu_seconds()
    check(contender, ids, answers)
    if server_began is None or server_ended is None:
        return Turn(wall, cpu, None)
    return Turn(wall, cpu, server_ended - server_began)


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


async def _rounds(server: ServerProcess, size: Size) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {kind.name: [] for kind in CONTENDERS}
    async with AsyncExitStack() as stack:
        contenders = [await stack.enter_async_context(kind(server.url, size.width)) for kind in CONTENDERS]
        for contender in contenders:
            await contender.check(fresh_ids(0, 10 * size.width))  # warms caches and the interpreter
        for number in range(1, size.rounds + 1):
            ids = fresh_ids(number, size.ids)
            for contender in contenders:
                turns[contender.name].append(await take_turn(contender, ids, size.width, server))
            contenders.append(contenders.pop(0))
    return turns


def run(size: Size) -> Report:
    """Measure on every loop, and return what was found."""
    table = Table(
        f"Status checks of {size.ids:,} ids, {size.width} at once: median (min..max) of {size.rounds} rounds",
        ("loop", "contender", "checks/s", "checks/CPU-s", "CPU us", "x tuned, CPU", "x tuned, wall"),
    )
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    with ServerProcess() as server:
        for loop, factory in machine.loops().items():
            with asyncio.Runner(loop_factory=factory) as runner:
                turns = runner.run(_rounds(server, size))
            for name, taken in turns.items():
                rows.append(_row(table, loop, name, taken, turns[BASE.name], size))
            notes += _server_note(loop, [turn for taken in turns.values() for turn in taken])
    table.notes = [
        *notes,
        f"The client's pool lets one batch hold 64 % of its bound: {pool_size(size.width)} here, for a batch "
        f"as wide as the other loops, {size.width}. Rate limits are off.",
        f"Ratios are to the {BASE.name}, each within one round; above 1 is better than it.",
    ]
    return Report("status", table, {"machine": machine.describe(), "size": size._asdict(), "rows": rows})


def _row(
    table: Table, loop: str, name: str, taken: list[Turn], base: list[Turn], size: Size
) -> dict[str, Any]:
    per_second = [size.ids / turn.wall for turn in taken]
    per_cpu = [size.ids / turn.cpu for turn in taken]
    ratios = {
        "cpu": Spread.of_ratios(per_cpu, [size.ids / turn.cpu for turn in base]),
        "wall": Spread.of_ratios(per_second, [size.ids / turn.wall for turn in base]),
    }
    table.add(
        loop,
        name,
        Spread.of(per_second).text(),
        Spread.of(per_cpu).text(),
        f"{1e6 / Spread.of(per_cpu).median:.1f}",
        ratios["cpu"].text(2),
        ratios["wall"].text(2),
    )
    return {
        "loop": loop,
        "contender": name,
        "checks_per_second": per_second,
        "checks_per_cpu_second": per_cpu,
        "ratio_to_tuned_cpu": ratios["cpu"]._asdict(),
        "ratio_to_tuned_wall": ratios["wall"]._asdict(),
        "server_cpu_share": _share(taken),
    }


def _share(turns: list[Turn]) -> float | None:
    """Return which part of a core the server kept busy, or None where the system does not tell."""
    spent = [turn.server_cpu for turn in turns if turn.server_cpu is not None]
    return sum(spent) / sum(turn.wall for turn in turns) if len(spent) == len(turns) else None


def _server_note(loop: str, turns: list[Turn]) -> list[str]:
    share = _share(turns)
    if share is None:
        return []
    return [f"Server beside {loop}: {share:.0%} of one core busy, {1 - share:.0%} idle."]
