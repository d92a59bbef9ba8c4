"""Runs the benchmarks: prints a table for each and writes JSON."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import (
    campaigns,
    decode,
    document,
    latency,
    ledger,
    machine,
    memory,
    poll_efficiency,
    recipients,
    status,
    webhooks,
)
from benchmarks.table import Report

RESULTS = Path(__file__).resolve().parent / "results"


class Benchmark(NamedTuple):
    """A benchmark in its two sizes.

    Args:
        run: Measures, and returns what it found.
        full: The size of a whole run.
        quick: The size that takes seconds.
    """

    run: Callable[[Any], Report]
    full: Any
    quick: Any


BENCHMARKS = {
    "status": Benchmark(status.run, status.Size(), status.QUICK),
    "tls": Benchmark(status.run, status.SECURE, status.QUICK_SECURE),
    "latency": Benchmark(latency.run, latency.Size(), latency.QUICK),
    "memory": Benchmark(memory.run, memory.Size(), memory.QUICK),
    "decode": Benchmark(decode.run, decode.Size(), decode.QUICK),
    "polling": Benchmark(poll_efficiency.run, poll_efficiency.Size(), poll_efficiency.QUICK),
    "preflight": Benchmark(recipients.run, recipients.Size(), recipients.QUICK),
    "ledger": Benchmark(ledger.run, ledger.Size(), ledger.QUICK),
    "campaign": Benchmark(campaigns.run, campaigns.Size(), campaigns.QUICK),
    "webhooks": Benchmark(webhooks.run, webhooks.Size(), webhooks.QUICK),
}


def main(arguments: Sequence[str], results: Path = RESULTS) -> None:
    """Run what the arguments ask for.

    Args:
        arguments: The words of the command line.
        results: The folder that JSON is written into.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten, and rougher figures")
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="not all; may be repeated")
    parser.add_argument(
        "--markdown",
        type=Path,
        action="append",
        default=[],
        help="a page between whose marks the tables are put; may be repeated",
    )
    options = parser.parse_args(arguments)
    described = machine.line(machine.describe())
    print(described)
    put(options.markdown, "machine", described)
    for name in options.only or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        report = benchmark.run(benchmark.quick if options.quick else benchmark.full)
        show(report, results)
        put(options.markdown, name, report.table.markdown())
        if report.summary is not None:
            put(options.markdown, f"{name} summary", report.summary.markdown())


def put(pages: Sequence[Path], name: str, text: str) -> None:
    """Put a text into every page that has a place for it."""
    for page in pages:
        if document.has(page, name):
            document.put(page, name, text)


def show(report: Report, results: Path) -> None:
    """Print what a benchmark found, and write it down."""
    print(f"\n{report.table}\n\nwritten to {report.write(results)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
