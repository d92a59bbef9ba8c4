"""How long a status takes while so many are asked for every second: the percentiles of single calls."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks import child, machine
from benchmarks.contenders import BASE
from benchmarks.server import ServerProcess
from benchmarks.table import Report, Table

PERCENTILES = (50.0, 90.0, 99.0, 99.9)


class Size(NamedTuple):
    """How much is measured.

    Args:
        rate: Requests per second.
        seconds: How long one round of one contender lasts.
        rounds: How often each contender has its turn.
        width: Connections that are open before the first round.
    """

    rate: float = 1_000.0
    seconds: float = 2.0
    rounds: int = 4
    width: int = 50


QUICK = Size(seconds=0.2, rounds=2)


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    count = round(size.rate * size.seconds)
    table = Table(
        f"Waiting for one status, ms, at {size.rate:,.0f} requests a second: percentiles of "
        f"{size.rounds * count:,} in {size.rounds} alternating rounds",
        ("loop", "client", *(f"p{percent:g}" for percent in PERCENTILES), "longest", "p99 x tuned"),
    )
    rows: list[dict[str, Any]] = []
    with ServerProcess() as server:
        for loop in machine.loops():
            plan = (server.url, size.rate, count, size.rounds, size.width)
            waits: dict[str, list[list[float]]] = child.run("arrivals", loop, *plan)
            rows += [
                {"loop": loop, "contender": name, "milliseconds": milliseconds(taken), "rounds": taken}
                for name, taken in waits.items()
            ]
    for row in rows:
        base = next(it for it in rows if it["loop"] == row["loop"] and it["contender"] == BASE.name)
        ratio = base["milliseconds"]["p99"] / row["milliseconds"]["p99"]
        table.add(
            row["loop"],
            row["contender"],
            *(f"{wait:.2f}" for wait in row["milliseconds"].values()),
            f"{ratio:.2f}",
        )
    table.notes = [
        "Each wait is counted from the moment at which its request was meant to begin, set by another "
        "process whatever became of the requests before. The SDK is called as `client.status(id)`, rates "
        "unlimited.",
        "`nothing` answers by itself: it shows the clock and the event loop, which are part of all rows.",
        f"p99 x tuned: how many times shorter than that of `{BASE.name}`.",
    ]
    return Report("latency", table, {"machine": machine.describe(), "size": size._asdict(), "rows": rows})


def milliseconds(rounds: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return percentiles of the waits of all rounds together, and the longest, in milliseconds."""
    ordered = sorted(itertools.chain.from_iterable(rounds))
    found = {f"p{percent:g}": 1e3 * percentile(ordered, percent) for percent in PERCENTILES}
    return {**found, "longest": 1e3 * ordered[-1]}


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of all do not exceed.

    Args:
        ordered: The values, the smallest first.
        percent: More than 0, at most 100.
    """
    return ordered[math.ceil(percent / 100 * len(ordered)) - 1]
