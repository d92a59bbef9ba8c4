"""Status checks per second and per CPU-second: the whole client beside what a user could take instead."""

from typing import Any, NamedTuple

from benchmarks import child, machine
from benchmarks.checks import Turn
from benchmarks.contenders import BASE, CEILING, pool_size
from benchmarks.server import ServerProcess
from benchmarks.table import Report, Spread, Table


class Size(NamedTuple):
    """How much is measured.

    Args:
        turn: How long one turn of one contender lasts, about, in seconds.
        rounds: How often each contender has its turn.
        width: Requests at once.
        secure: Whether over TLS.
    """

    turn: float = 0.15
    rounds: int = 15
    width: int = 50
    secure: bool = False


QUICK = Size(turn=0.02, rounds=5)
SECURE = Size(secure=True)
QUICK_SECURE = QUICK._replace(secure=True)


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    table = Table(
        f"Status checks, {size.width} at once{' over TLS' if size.secure else ''}: "
        f"median (min..max) of {size.rounds} alternating rounds",
        ("loop", "client", "checks/s", "checks/CPU-s", "us/check", "x tuned", "of ceiling", "server busy"),
    )
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    with ServerProcess(secure=size.secure) as server:
        for loop in machine.loops():
            found = child.run(
                "checks",
                loop,
                server.url,
                server.process.pid,
                size.turn,
                size.rounds,
                size.width,
                authority=server.authority,
            )
            missing |= found["missing"]
            turns = {name: [Turn(*turn) for turn in taken] for name, taken in found["turns"].items()}
            rows += [row_of(loop, name, taken, turns) for name, taken in turns.items()]
    for row in rows:
        table.add(*_cells(row))
    table.notes = [
        f"x tuned: checks per CPU-second beside those of `{BASE.name}`, each ratio within one round; above 1 "
        f"is better. of ceiling: the same beside `{CEILING.name}`, which is no client at all.",
        f"The pool of the SDK lets one batch hold 64 % of its bound: {pool_size(size.width)} here, for a "
        f"batch as wide as the other loops, {size.width}. Its rate limits are off.",
        server_note(rows),
        *(f"Not measured: {name}, {reason}." for name, reason in missing.items()),
    ]
    return Report(
        "tls" if size.secure else "status",
        table,
        {"machine": machine.describe(), "size": size._asdict(), "rows": rows, "missing": missing},
        summary(rows),
    )


def summary(rows: list[dict[str, Any]]) -> Table:
    """Return checks per CPU-second and their ratio to the base, a row for each client."""
    loops = list(dict.fromkeys(row["loop"] for row in rows))
    heads = (head for loop in loops for head in (f"checks per CPU-second, {loop}", "x tuned"))
    table = Table("Status checks", ("client", *heads))
    found = {(row["loop"], row["contender"]): row for row in rows}
    for name in dict.fromkeys(row["contender"] for row in rows):
        cells: list[str] = []
        for loop in loops:
            row = found.get((loop, name))
            if row is None:
                cells += ["", ""]
            else:
                ratio = row["ratio_to_tuned_cpu"]["median"]
                cells += [f"{Spread.of(row['checks_per_cpu_second']).median:,.0f}", f"{ratio:.2f}"]
        table.add(name, *cells)
    return table


def row_of(loop: str, name: str, taken: list[Turn], turns: dict[str, list[Turn]]) -> dict[str, Any]:
    """Return the figures of one contender on one loop, beside those of the base and the ceiling."""
    base, ceiling = turns[BASE.name], turns[CEILING.name]
    return {
        "loop": loop,
        "contender": name,
        "checks_per_second": _per_second(taken),
        "checks_per_cpu_second": _per_cpu_second(taken),
        "ratio_to_tuned_cpu": Spread.of_ratios(_per_cpu_second(taken), _per_cpu_second(base))._asdict(),
        "ratio_to_tuned_wall": Spread.of_ratios(_per_second(taken), _per_second(base))._asdict(),
        "ratio_to_ceiling_cpu": Spread.of_ratios(_per_cpu_second(taken), _per_cpu_second(ceiling))._asdict(),
        "server_cpu_share": _share(taken),
    }


def _per_second(taken: list[Turn]) -> list[float]:
    return [turn.ids / turn.wall for turn in taken]


def _per_cpu_second(taken: list[Turn]) -> list[float]:
    return [turn.ids / turn.cpu for turn in taken]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    per_cpu = Spread.of(row["checks_per_cpu_second"])
    share = row["server_cpu_share"]
    return (
        row["loop"],
        row["contender"],
        f"{Spread.of(row['checks_per_second']).median:,.0f}",
        per_cpu.text(),
        f"{1e6 / per_cpu.median:,.1f}",
        Spread(**row["ratio_to_tuned_cpu"]).text(2),
        f"{Spread(**row['ratio_to_ceiling_cpu']).median:.0%}",
        "?" if share is None else f"{share:.0%}",
    )


def _share(turns: list[Turn]) -> float | None:
    """Return which part of a core the server kept busy, or None where the system does not tell."""
    spent = [turn.server_cpu for turn in turns if turn.server_cpu is not None]
    return sum(spent) / sum(turn.wall for turn in turns) if len(spent) == len(turns) else None


def server_note(rows: list[dict[str, Any]]) -> str:
    """Say whether the server was ever what a client waited for."""
    busiest = max(rows, key=lambda row: row["server_cpu_share"] or 0.0)
    share = busiest["server_cpu_share"]
    if share is None:
        return "How busy the server was, the system does not tell."
    return (
        f"The server is one process, of which at most {share:.0%} of one core was busy "
        f"(beside {busiest['contender']} on {busiest['loop']}): below 100 % it is never what limits a client."
    )
