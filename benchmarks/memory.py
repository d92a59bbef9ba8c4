"""Memory and time per message that is followed, in `track()` and in the window of `deliveries()`.

Each figure comes from a process of its own, `benchmarks.tracked`, which follows ids of 32 characters.
"""

from typing import Any, NamedTuple

from benchmarks import child, machine
from benchmarks.table import Report, Table
from benchmarks.tracked import AT_A_TIME, WAYS


class Size(NamedTuple):
    """How much is measured.

    Args:
        counts: How many messages are followed at a time.
        polled: Up to which count each is also polled once, which takes seconds for every hundred thousand.
    """

    counts: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    polled: int = 100_000


QUICK = Size(counts=(10_000,), polled=10_000)


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    table = Table(
        "Following messages: memory, time and stalls of the event loop",
        (
            "way",
            "messages",
            "bytes/id",
            "at most",
            "us/id",
            "stall ms (CPU)",
            "collection ms",
            "left bytes/id",
            "left blocks",
            "polled bytes/id",
            "us/poll (asking)",
            "poll stall ms (CPU)",
            "in flight",
        ),
    )
    rows = []
    for way in WAYS:
        for count in size.counts:
            polling = ["--poll"] if count <= size.polled and way != "futures" else []
            found = child.run("tracked", way, count, *polling)
            rows.append(found)
            table.add(*_cells(found))
    table.notes = [
        "bytes/id: RSS more than before, the id of 32 characters and its future included, but not the "
        "caller's list of futures; at most: the same at its peak, while tables grow.",
        "us/id: CPU time of one call of track(), or of all that deliveries() does to take one in. Nothing is "
        f"polled meanwhile, and the loop has its turn after every {AT_A_TIME} ids.",
        "stall: the longest time that a ticker of 1 ms was kept waiting while the messages came in, and in "
        "parentheses the most CPU time between two ticks; collection: the longest run of the garbage "
        "collector, in CPU time.",
        "left: what is still held after every future was cancelled, or the stream was left; blocks are those "
        "of Python's allocator, all in all: then / after the same with polls / after all deadlines passed.",
        "futures: a bare future and an id for each, with nobody to follow it: what track() is beside.",
        "polled: after a second filling, in which each was polled once, all being due at the same moment and "
        "no rate set; asking: what fetch_statuses spends on such a request. RSS then holds the answers.",
    ]
    return Report("memory", table, {"machine": machine.describe(), "size": size._asdict(), "rows": rows})


def _cells(found: dict[str, Any]) -> tuple[str, ...]:
    count, phases = found["count"], found["phases"]
    fill, left, poll = phases["fill"], phases["left"], phases.get("poll")
    flight = found["in_flight"]
    spent = fill["cpu"] if found["calls_cpu"] is None else found["calls_cpu"]
    return (
        found["way"],
        f"{count:,}",
        _each(fill["resident"], count),
        _each(found["peak_resident"], count),
        f"{1e6 * spent / count:.2f}",
        _stall(fill),
        f"{1e3 * fill['stall']['collection']:.1f}",
        _each(left["resident"], count),
        " / ".join(f"{phases[name]['blocks']:,}" for name in phases if name.startswith("left")),
        _each(poll["resident"], count) if poll else "",
        f"{1e6 * poll['cpu'] / count:.1f} ({1e6 * found['asking_cpu_each']:.1f})" if poll else "",
        _stall(poll) if poll else "",
        f"{flight['peak']} of {flight['bound']}" if poll else "",
    )


def _each(resident: int | None, count: int) -> str:
    return "?" if resident is None else f"{resident / count:,.0f}"


def _stall(phase: dict[str, Any]) -> str:
    return f"{1e3 * phase['stall']['wall']:.1f} ({1e3 * phase['stall']['cpu']:.1f})"


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("counts", type=int, nargs="*", default=Size().counts)
    parser.add_argument("--polled", type=int, default=Size().polled, help="poll each once, up to this count")
    options = parser.parse_args()
    print(run(Size(tuple(options.counts), options.polled)).table)
