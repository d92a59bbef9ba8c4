"""Runs the benchmarks: prints a table for each and writes JSON."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import decode, machine, status
from benchmarks.table import Report

RESULTS = Path(__file__).resolve().parent / "results"


def main(arguments: Sequence[str], results: Path = RESULTS) -> None:
    """Run what the arguments ask for.

    Args:
        arguments: The words of the command line.
        results: The folder that JSON is written into.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, and rougher figures")
    parser.add_argument("--only", choices=("status", "decode"), help="one benchmark instead of all")
    options = parser.parse_args(arguments)
    print(machine.line(machine.describe()))
    if options.only in (None, "status"):
        show(status.run(status.QUICK if options.quick else status.Size()), results)
    if options.only in (None, "decode"):
        show(decode.run(decode.QUICK if options.quick else decode.Size()), results)


def show(report: Report, results: Path) -> None:
    """Print what a benchmark found, and write it down."""
    print(f"\n{report.table}\n\nwritten to {report.write(results)}")


if __name__ == "__main__":
    main(sys.argv[1:])
