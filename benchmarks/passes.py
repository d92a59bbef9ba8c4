"""What one process spends and holds for one pass over a file of recipients; prints it as JSON.

`benchmarks.recipients` starts one such process per way and round, since the most memory that a process ever
held is never less again.
"""

import argparse
import asyncio
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import machine
from smsbat_async import Rate
from smsbat_async.campaign import (
    BadRow,
    Campaign,
    CsvSource,
    Ledger,
    Preflight,
    PriceTable,
    Recipients,
    Template,
)

MAPPING = Recipients(
    campaign="bench",
    from_name="Shop",
    text=Template(
        "Dear {name}, our spring sale starts on Monday: 20% off everything in the shop. Reply STOP to end."
    ),
    default_region="UA",
)
PRICES = PriceTable({"380": "0.035", "38067": "0.041", "48": "0.05", "84": "0.02"}, currency="EUR")


class Read(NamedTuple):
    """What a pass came to.

    Args:
        good: How many rows a message can be sent to, as far as the way looks at that.
        bad: How many cannot.
    """

    good: int
    bad: int


def bare(path: Path) -> Read:
    """Read it as most people would: `csv.DictReader`, and no checks."""
    rows = 0
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows += bool(row["phone"])
    return Read(rows, 0)


def read(path: Path) -> Read:
    """Read it by the source of the SDK, which checks its form and takes its fingerprint."""
    good = bad = 0
    for row in CsvSource(path).rows():
        if isinstance(row, BadRow):
            bad += 1
        else:
            good += 1
    return Read(good, bad)


def preflight(path: Path) -> Read:
    """Check every row, and tell what all will come to."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(
            Preflight.of(
                CsvSource(path),
                MAPPING,
                prices=PRICES,
                rate=Rate(100, 150),
                rejects=Path(folder) / "rejects.csv",
            )
        )
    return Read(found.good, found.bad)


def prepare(path: Path) -> Read:
    """Check every row and bring the good ones into a new ledger, ready to be sent."""

    async def made(folder: Path) -> Preflight:
        async with Ledger.open(folder / "ledger.db") as ledger:
            campaign = Campaign("bench", CsvSource(path), ledger=ledger, recipients=MAPPING, prices=PRICES)
            return await campaign.prepare(rejects=folder / "rejects.csv", rate=Rate(100, 150))

    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(made(Path(folder)))
    return Read(found.good, found.bad)


Way = Callable[[Path], Read]

WAYS: dict[str, Way] = {
    "csv.DictReader": bare,
    "CsvSource": read,
    "Preflight.of": preflight,
    "Campaign.prepare": prepare,
}
"""How a file may be gone through; the first is what the others are compared to."""


def main(way: str, path: Path) -> None:
    """Make one pass, and print what it took."""
    before = machine.resident_bytes()
    wall, cpu = time.perf_counter(), time.process_time()
    done = WAYS[way](path)
    found = {
        **done._asdict(),
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "before": before,
        "peak": machine.peak_resident_bytes(),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.passes", description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("path", type=Path)
    options = parser.parse_args()
    main(options.way, options.path)
