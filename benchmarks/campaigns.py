"""What a campaign sends per second, with a ledger that knows every message before it leaves.

The server answers at once, so that the figures are the client's. Beside it stands the same client without a
ledger. Each figure comes from a process of its own, `benchmarks.sends`, and the ways take turns.
"""

from typing import Any, NamedTuple

from benchmarks import child, machine
from benchmarks.server import ServerProcess
from benchmarks.table import Report, Spread, Table

SET_UPS = (("aiohttp", "asyncio"), ("wire", "uvloop"))


class Size(NamedTuple):
    """How much is measured.

    Args:
        rows: How many rows the file has.
        rounds: How often each way has its turn.
        followed: How many rows the file has of the campaign that is followed to its end, once.
    """

    rows: int = 200_000
    rounds: int = 3
    followed: int = 200_000


QUICK = Size(rows=4_000, rounds=1, followed=2_000)


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    turns = [(way, *set_up) for set_up in SET_UPS for way in ("send_stream", "campaign")]
    taken: dict[tuple[str, str, str], list[dict[str, Any]]] = {turn: [] for turn in turns}
    order = list(turns)
    with ServerProcess(sends=True) as server:
        for _ in range(size.rounds):
            for way, transport, loop in order:
                found = child.run("sends", way, server.url, transport, loop, size.rows)
                taken[way, transport, loop].append(found)
            order.append(order.pop(0))
        followed = child.run("sends", "followed", server.url, "wire", "uvloop", size.followed)
    table = Table(
        f"A file of {size.rows:,} recipients, sent: median (min..max) of {size.rounds} rounds",
        ("way", "client", "messages/s", "per second of CPU", "CPU x send_stream", "peak MiB"),
    )
    for (way, transport, loop), rounds in taken.items():
        base = taken["send_stream", transport, loop]
        table.add(way, f"{transport}, {loop}", *_cells(rounds, base))
    table.add(f"followed, {size.followed:,} rows", "wire, uvloop", *_cells([followed], None))
    table.notes = [
        "send_stream: chunks of 500, four requests at once, no ledger. campaign: the same through the runner "
        "into SQLite with synchronous=FULL: every message is claimed on disk before it leaves, and accepted "
        "on disk before the next. followed: every message is also asked after until it is delivered, while "
        "others are sent; messages/s then counts messages from their claim to their end.",
        "peak: the most memory that the process ever held; send_stream was given a list of all messages.",
        "The server is another process on the same cores, which costs more by the clock than of CPU time.",
    ]
    data = {
        "machine": machine.describe(),
        "size": size._asdict(),
        "ways": {" ".join(turn): rounds for turn, rounds in taken.items()},
        "followed": followed,
    }
    return Report("campaign", table, data)


def _cells(found: list[dict[str, Any]], base: list[dict[str, Any]] | None) -> tuple[str, ...]:
    each = None if base is None else [one["cpu"] / one["messages"] for one in base]
    ratios = [one["cpu"] / one["messages"] for one in found]
    return (
        Spread.of(one["messages"] / one["wall"] for one in found).text(),
        Spread.of(one["messages"] / one["cpu"] for one in found).text(),
        "" if each is None else Spread.of_ratios(ratios, each).text(2),
        "?"
        if any(one["peak"] is None for one in found)
        else f"{max(one['peak'] for one in found) / 2**20:,.0f}",
    )


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(prog="python -m benchmarks.campaigns", description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=Size().rows)
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    parser.add_argument("--followed", type=int, default=Size().followed, help="rows that are also followed")
    options = parser.parse_args()
    print(run(Size(options.rows, options.rounds, options.followed)).table)
