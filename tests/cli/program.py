"""The programs that the tests of the command line start, and end by their id."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

PATIENCE = 30.0
"""How long anything may take before a test fails, in seconds."""

SMSBAT = (sys.executable, "-m", "smsbat_async.cli")

FAST = ("--poll", "0.05", "--status-rate", "0", "--track-for", "20s")
"""How a campaign is followed in a sandbox in a hurry."""


class Served(NamedTuple):
    """A sandbox that is running."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SMSBAT_API_KEY": "sandbox-key",
            "SMSBAT_BASE_URL": self.url,
            "ZNS_API_KEY": "sandbox-zns-key",
            "ZNS_BASE_URL": self.url,
        }

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_sandbox/stats", timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Served]:
    """Run a sandbox as a program."""
    command = (sys.executable, "-m", "smsbat_async.sandbox", "--port", "0", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield Served(found[0])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


class Ended(NamedTuple):
    """A program that has ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What it wrote for programs."""
        return [json.loads(line) for line in self.out.splitlines()]


class Program:
    """The command line as a program of its own.

    Args:
        arguments: What follows its name.
        environment: What is added to the environment.
    """

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            (*SMSBAT, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def press_ctrl_c(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()

    def read_line(self) -> str:
        """Read a line of its results."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def stop_reading(self) -> None:
        """Close the other end of its standard output."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def read_error_until(self, words: str) -> None:
        """Read its progress up to a line with some words."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if words in line:
                return
        raise AssertionError(f"{words!r} was never said")

    def ended(self) -> Ended:
        """Wait for its end."""
        assert self._process.stdout is not None
        if self._process.stdout.closed:
            self._process.stdout = None
        out, err = self._process.communicate(timeout=PATIENCE)
        return Ended(self._process.returncode, out or "", err)


def until(condition: Any, what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def recipients(folder: Path, count: int, *, bad: Sequence[str] = (), name: str = "people.csv") -> Path:
    """Write a file of recipients, the bad ones last."""
    rows = [f"+38067{number:07},Person {number}" for number in range(count)]
    path = folder / name
    path.write_text("\n".join(["phone,name", *rows, *bad]) + "\n")
    return path
