"""Command: `smsbat campaign run` in a process, the same words each time."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from tests.crash.points import Kill, Point

ROOT = Path(__file__).resolve().parents[2]
NAME = "spring"
CONCURRENCY = 6
TRACK_FOR = 2


class Command:
    """The command that sends a file of recipients to a witness.

    Args:
        folder: Where its files are.
        url: The witness.
        where: The ledger.
        messages: How many recipients there are.
        chunk_size: Messages in one request.
        ablated: Whether the ledger is kept from knowing what leaves before it leaves.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        where: str,
        *,
        messages: int,
        chunk_size: int = 40,
        ablated: bool = False,
    ) -> None:
        self.folder = folder
        self.where = where
        self.ids = [f"{NAME}-{number}" for number in range(messages)]
        self.chunk_size = chunk_size
        self.ablated = ablated
        self._file = folder / "people.csv"
        rows = [f"{one},+38050{number:07},Ready" for number, one in enumerate(self.ids)]
        self._file.write_text("\n".join(["id,phone,text", *rows]) + "\n")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SMSBAT_")},
            "SMSBAT_API_KEY": "key-of-the-tests",
            "SMSBAT_BASE_URL": url,
            "SMSBAT_LEDGER": where,
            "SMSBAT_CONFIG": str(folder / "no-config.toml"),
            "XDG_STATE_HOME": str(folder),
        }

    @property
    def arguments(self) -> list[str]:
        """What follows `smsbat`."""
        return [
            *("campaign", "run", NAME, str(self._file), "--yes", "--from", "Shop", "--id-column", "id"),
            *("--chunk-size", str(self.chunk_size), "--concurrency", str(CONCURRENCY), "--rate", "0"),
            *("--status-rate", "0", "--poll", "0.05", "--track-for", str(TRACK_FOR), "--stop-share", "0"),
        ]

    def start(self, log: IO[bytes], kill: Kill | None = None) -> subprocess.Popen[bytes]:
        """Start it; it is the program itself, unless something in it is to kill it.

        Args:
            log: Where it writes to.
            kill: Where it is killed, if it is.
        """
        program = ["smsbat_async.cli"]
        if self.ablated or (kill is not None and kill.point.is_within):
            kill = kill or Kill(Point.RANDOM)  # from without, which the program need not care for
            ablated = "ablated" if self.ablated else "whole"
            program = ["tests.crash.child", kill.point.name, str(kill.count), str(kill.delay), ablated]
        return subprocess.Popen(
            [sys.executable, "-m", *program, *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=self._environment,
        )
