"""A process that says on its standard output when to begin: a byte for each beat of a fixed rate.

It is a process of its own because event loops count in milliseconds, and because it must not wait for the
loop whose delays are measured.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

LEAD = 0.05
"""How long before the first beat its time is told, in seconds."""

WIDTH = 32
"""How many bytes tell the time of the first beat."""


class Metronome:
    """The process; `with` starts and ends it.

    Args:
        rate: Beats per second.
        count: How many beats.
    """

    began: float
    """The time of the first beat, in seconds of `time.monotonic()`, which all processes share."""

    def __init__(self, rate: float, count: int) -> None:
        self._command = [sys.executable, "-m", "benchmarks.metronome", str(rate), str(count)]

    def __enter__(self) -> Self:
        root = Path(__file__).resolve().parent.parent
        self._process = subprocess.Popen(self._command, cwd=root, stdout=subprocess.PIPE, bufsize=0)
        self.began = float(os.read(self.fileno(), WIDTH))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def fileno(self) -> int:
        """Return the file descriptor on which the beats come."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def beats(self) -> int:
        """Return how many beats have come since the last look; wait for one if none has."""
        return len(os.read(self.fileno(), 65_536))


def beat(rate: float, count: int) -> None:
    """Write the time of the first beat, and then a byte at each."""
    began = time.monotonic() + LEAD
    os.write(1, f"{began:<{WIDTH}.9f}".encode())
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        os.write(1, b".")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metronome", description=__doc__)
    parser.add_argument("rate", type=float)
    parser.add_argument("count", type=int)
    beat(**vars(parser.parse_args()))
