"""What a service with webhooks bears: a fixed rate for a minute, and the highest that one core takes.

Each service has a process and a core of its own, and webhooks come from another process on another core.
"""

import json
import subprocess
import sys
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from benchmarks import child, machine
from benchmarks.table import Report, Spread, Table
from benchmarks.webhook_server import FILLED, FRAMEWORKS, MARKS, REPEATED_EVERY, is_tracked, message_of


class Size(NamedTuple):
    """How much is measured.

    Args:
        rate: Webhooks per second.
        seconds: For how long.
        burst: How many webhooks come one after the other for the highest rate.
        rounds: How often that has its turn.
        connections: How many connections are kept.
        remembered: Of how many messages the receiver remembers the last word; the parking has its own bound.
    """

    rate: float = 2_000.0
    seconds: float = 60.0
    burst: int = 20_000
    rounds: int = 3
    connections: int = 32
    remembered: int = 100_000


QUICK = Size(seconds=5.0, burst=4_000, rounds=1, remembered=10_000)


class ServiceProcess:
    """A service as a child process; `with` starts and ends it.

    Args:
        framework: What it is written in.
        loop: Its event loop.
        size: How many webhooks will come, and of how many messages it has heard before.
    """

    port: int

    def __init__(self, framework: str, loop: str, size: Size) -> None:
        count = round(size.rate * size.seconds)
        numbers = (count, count + size.rounds * size.burst, size.remembered)
        words = (framework, loop, *(str(number) for number in numbers))
        self._command = [sys.executable, "-m", "benchmarks.webhook_server", *words]
        self._come = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._read())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def load(self, count: int, rate: float, connections: int) -> dict[str, Any]:
        """Send it webhooks, and return what came of them.

        Args:
            count: How many.
            rate: How many a second; 0 for as many as are answered.
            connections: How many connections are kept.

        Raises:
            RuntimeError: If one was lost, or something else came of one than should.
        """
        first, self._come = self._come, self._come + count
        before = self._told()
        found: dict[str, Any] = child.run("webhook_load", self.port, first, count, rate, connections)
        after = self._told()
        found |= {name: after[name] - before[name] for name in before.keys() - {"resident"}}
        found["resident"] = after["resident"]
        own = [number for number in range(first, self._come) if message_of(number) == number]
        wanted = {
            "answers": {"200": count},
            "received": count,
            "accepted": len(own),
            "repeated": count - len(own),
            "heard": len(own),
            "resolved": sum(is_tracked(number) for number in own),
        }
        wrong = {name: found[name] for name, value in wanted.items() if found[name] != value}
        if wrong:
            raise RuntimeError(f"{' '.join(self._command)}: {wrong} and not {wanted}")
        return found

    def _told(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return dict(json.loads(self._read()))

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    count = round(size.rate * size.seconds)
    table = Table(
        f"{size.rate:,.0f} webhooks a second for {size.seconds:,.0f} s, and as many as one core takes: "
        f"median (min..max) of {size.rounds} rounds of {size.burst:,}",
        (
            *("framework", "loop", "answered 200", "lost", "per second", "p50 ms", "p99 ms", "of a core"),
            *(f"MiB at {mark}" for mark in ("start", *(f"{mark:.0%}" for mark in MARKS))),
            *("most per second", "per second of CPU"),
        ),
    )
    rows: list[dict[str, Any]] = [
        {"framework": framework, "loop": loop, "paced": None, "bursts": []}
        for loop in machine.loops()
        for framework in FRAMEWORKS
    ]
    with ExitStack() as stack:
        services = [stack.enter_context(ServiceProcess(row["framework"], row["loop"], size)) for row in rows]
        turns = list(zip(rows, services, strict=True))
        for row, service in turns:
            row["paced"] = service.load(count, size.rate, size.connections)
        for _ in range(size.rounds):
            for row, service in turns:
                row["bursts"].append(service.load(size.burst, 0.0, size.connections))
            turns.append(turns.pop(0))
    for row in rows:
        table.add(row["framework"], row["loop"], *_cells(row["paced"], row["bursts"], count))
    table.notes = [
        f"One in {REPEATED_EVERY} repeats another; the others are about messages of their own, every other "
        "of which is tracked, and its future resolves. Every event that is news runs a callback. None is "
        "lost: each was answered 200, counted, told and resolved as it should be, or the benchmark fails.",
        f"Before the start the service has heard of {FILLED * size.remembered:,} other messages, {FILLED} "
        "times as many as it remembers, and tracks those to come: it holds then the most that it ever holds.",
        "p50, p99: from the moment at which a webhook was meant to be sent, set by another process whatever "
        "became of those before, to the end of its answer. Server and sender have a core each, where the "
        "system lets them choose; other programs on the machine take their part of both.",
        "of a core: CPU time of the service in the minute. per second of CPU: of the bursts.",
        f"FastAPI {version('fastapi')} behind uvicorn {version('uvicorn')} with httptools, and aiohttp.web "
        f"{version('aiohttp')}; no access log.",
    ]
    return Report("webhooks", table, {"machine": machine.describe(), "size": size._asdict(), "rows": rows})


def _cells(paced: dict[str, Any], bursts: list[dict[str, Any]], count: int) -> tuple[str, ...]:
    answered = paced["answers"]["200"]
    sizes = [paced["resident"].get(mark) for mark in ("start", *(f"{mark:.0%}" for mark in MARKS))]
    return (
        f"{answered:,}",
        f"{count - paced['accepted'] - paced['repeated']:,}",
        f"{count / paced['seconds']:,.0f}",
        *(f"{paced['milliseconds'][part]:.2f}" for part in ("p50", "p99")),
        f"{paced['cpu'] / paced['seconds']:.0%}",
        *("?" if size is None else f"{size / 2**20:,.1f}" for size in sizes),
        Spread.of(one["received"] / one["seconds"] for one in bursts).text(),
        Spread.of(one["received"] / one["cpu"] for one in bursts).text(),
    )
