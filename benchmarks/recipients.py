"""What a file of recipients takes: to read it, and to check every row of it.

Each pass has a process of its own, `benchmarks.passes`, and the ways take turns.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import child, machine
from benchmarks.passes import WAYS
from benchmarks.table import Report, Spread, Table

BAD_EVERY = 100
"""Every so manieth row is bad: half of them have no number, half the one of the row before."""

WRITTEN_EVERY = 10
"""Every so manieth phone is written as people do, and not in E.164 form."""

NAMES = ("Олена", "Anna", "Nguyễn Thị", "Jan", "Тарас")


class Size(NamedTuple):
    """How much is measured.

    Args:
        rows: How many rows the file has.
        rounds: How often each way has its turn.
    """

    rows: int = 1_000_000
    rounds: int = 3


QUICK = Size(rows=20_000, rounds=1)


def lines(rows: int) -> Iterator[str]:
    """Return the lines of a file of recipients, the header first."""
    yield "phone,name\n"
    for number in range(rows):
        name = NAMES[number % len(NAMES)]
        if number % BAD_EVERY == BAD_EVERY - 1:
            phone = "ask her" if number % (2 * BAD_EVERY) < BAD_EVERY else f"+38067{number - 1:07d}"
        elif number % WRITTEN_EVERY == 0:
            phone = f"067 {number // 10_000:03d}-{number // 100 % 100:02d}-{number % 100:02d}"
        else:
            phone = f"+38067{number:07d}"
        yield f"{phone},{name}\n"


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    taken: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(lines(size.rows))
        turns = list(WAYS)
        for _ in range(size.rounds):
            for way in turns:
                found = child.run("passes", way, path)
                assert found["good"] + found["bad"] == size.rows, f"{way} read {found}"
                taken[way].append(found)
            turns.append(turns.pop(0))
        megabytes = path.stat().st_size / 1e6
    base = next(iter(taken.values()))
    table = Table(
        f"A file of {size.rows:,} recipients, {megabytes:,.0f} MB: median (min..max) of {size.rounds} rounds",
        ("way", "rows/s of CPU", "rows/s", "seconds", "CPU x csv", "before MiB", "peak MiB"),
    )
    for way, found in taken.items():
        table.add(way, *_cells(found, base, size))
    table.notes = [
        "csv.DictReader: what most people write; it checks nothing. CsvSource: rows with their lines, "
        "strictly read, and the fingerprint of the bytes. Preflight.of: besides, every phone, text and part, "
        "repeated phones, prices, and a file of the bad rows. Campaign.prepare: besides, every good message "
        "into a new ledger in SQLite, sealed, in the same pass.",
        f"One row in {BAD_EVERY} is bad, one phone in {WRITTEN_EVERY} is not in E.164 form and goes through "
        f"phonenumbers, texts come from a template, two names in {len(NAMES)} make them UCS-2.",
        "CPU x csv: how many times the CPU time of csv.DictReader in the same round.",
        "before, peak: resident memory of the process before the pass, imports included, and at most.",
    ]
    return Report("preflight", table, {"machine": machine.describe(), "size": size._asdict(), "ways": taken})


def _cells(found: list[dict[str, Any]], base: list[dict[str, Any]], size: Size) -> tuple[str, ...]:
    ratios = Spread.of_ratios([one["cpu"] for one in found], [one["cpu"] for one in base])
    return (
        Spread.of(size.rows / one["cpu"] for one in found).text(),
        Spread.of(size.rows / one["wall"] for one in found).text(),
        Spread.of(one["wall"] for one in found).text(1),
        ratios.text(1),
        _mebibytes(found, "before"),
        _mebibytes(found, "peak"),
    )


def _mebibytes(found: list[dict[str, Any]], name: str) -> str:
    if any(one[name] is None for one in found):
        return "?"
    return Spread.of(one[name] / 2**20 for one in found).text()


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipients", description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=Size().rows)
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    options = parser.parse_args()
    print(run(Size(options.rows, options.rounds)).table)
