"""Proof: a command is killed and run again until it was killed often enough, and then it runs to its end."""

import contextlib
import dataclasses
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import IO

from smsbat_async.cli.exits import Exit
from tests.crash.command import CONCURRENCY, Command
from tests.crash.points import IMPORT_COMMITS, Kill, Point, kill_at, order
from tests.crash.verdict import Verdict, judge
from tests.crash.witness import Witness

TRIES = 20
"""How often a command is started for one kill: one that was killed may be taken for alive for a moment."""

DEAF_EVERY = 9
"""In every how manieth run connections are refused for a moment."""


@dataclasses.dataclass(frozen=True)
class Ran:
    """A run of the command.

    Args:
        pid: The number of its process.
        kill: Where it was to be killed, if it was.
        code: With which code it ended.
    """

    pid: int
    kill: Kill | None
    code: int

    @property
    def killed(self) -> bool:
        """Whether it was killed."""
        return self.code == -signal.SIGKILL


class Proof:
    """Runs a command, and kills it.

    Args:
        command: The command.
        witness: The vendor that it sends to.
        random: Chooses when it is killed.
        path: The ledger, if it is a file.
        bound: How long a run may take, in seconds.
        told: Is told of every run.
    """

    def __init__(
        self,
        command: Command,
        witness: Witness,
        random: Random,
        *,
        path: Path | None,
        bound: float = 120.0,
        told: Callable[[Ran], None] | None = None,
    ) -> None:
        self.runs: list[Ran] = []
        self.locked = 0
        self._command = command
        self._witness = witness
        self._random = random
        self._path = path
        self._bound = bound
        self._told = told

    def kill(self, times: int, points: tuple[Point, ...] = tuple(Point)) -> None:
        """Run the command until it was killed so often; less, if the campaign is over before.

        Args:
            times: How often.
            points: Where.
        """
        for number, point in enumerate(order(times, self._random, points)):
            left = len(self._command.ids) - len({one for met in self._witness.meetings for one in met.ids})
            share = left / self._command.chunk_size / (times - number + 1)
            kill = kill_at(point, share=share, random=self._random)
            if number == 0 and Point.COMMIT in points:
                kill = Kill(Point.COMMIT, IMPORT_COMMITS)
            if self._until_done(kill).code in {Exit.DONE, Exit.UNKNOWN}:
                return

    def finish(self) -> Verdict:
        """Run the command to its end, and say what became of every message."""
        last = self._until_done(None)
        assert last.code in {Exit.DONE, Exit.UNKNOWN}, f"ended with {last.code}: {self._said(last)}"
        return judge(self._command, self._witness, self.runs)

    def _until_done(self, kill: Kill | None) -> Ran:
        for _ in range(TRIES):
            ran = self._run(kill)
            if ran.code != Exit.LEDGER:
                break
            self.locked += 1
            time.sleep(0.1)
        expected = {-signal.SIGKILL, Exit.DONE, Exit.UNKNOWN}
        assert ran.code in expected, f"ended with {ran.code} at {kill}: {self._said(ran)}"
        if ran.killed and self._path is not None:
            self._check_file(self._path)
        return ran

    def _run(self, kill: Kill | None) -> Ran:
        number = len(self.runs) + 1
        self._witness.begin_run()
        if number % DEAF_EVERY == 0:
            self._witness.turn_deaf()
        with self._log(number).open("wb") as log, self._started(log, kill) as process:
            if kill is not None:
                self._aim(kill, process)
            code = process.wait(self._bound)
        self._witness.disarm()
        self._witness.await_silence()
        ran = Ran(process.pid, kill, code)
        self.runs.append(ran)
        if self._told is not None:
            self._told(ran)
        return ran

    @contextlib.contextmanager
    def _started(self, log: IO[bytes], kill: Kill | None) -> Iterator[subprocess.Popen[bytes]]:
        process = self._command.start(log, kill)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _aim(self, kill: Kill, process: subprocess.Popen[bytes]) -> None:
        """Have a process killed at a point that is outside of it."""
        if kill.point in {Point.WIRE, Point.ANSWER}:
            self._witness.arm(kill, process.kill)
        elif kill.point is Point.EARLY:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(kill.delay)
            process.kill()
        elif kill.point is Point.RANDOM:
            end = time.monotonic() + self._bound
            while not self._witness.met.wait(0.05) and process.poll() is None and time.monotonic() < end:
                pass
            time.sleep(kill.delay)
            process.kill()

    def _check_file(self, path: Path) -> None:
        """Check a copy of the ledger as it was left: whole, and with no more in flight than there may be."""
        folder = path.parent / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for one in path.parent.glob(f"{path.name}*"):
            if one.is_file():
                shutil.copy(one, folder)
        copy = folder / path.name
        if not copy.exists():
            return
        check_integrity(copy)
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            [[made]] = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'chunk'")
            if made:
                [[claimed]] = connection.execute("SELECT count(*) FROM chunk WHERE submitting > 0")
                assert claimed <= CONCURRENCY, f"{claimed} chunks in flight after {self.runs[-1]}"

    def _log(self, number: int) -> Path:
        return self._command.folder / f"run-{number}.log"

    def _said(self, ran: Ran) -> str:
        return self._log(self.runs.index(ran) + 1).read_text(errors="replace")[-2000:]


def check_integrity(path: Path) -> None:
    """Check that a file is a whole database."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        [[said], *_] = connection.execute("PRAGMA integrity_check").fetchall()
    assert said == "ok", f"{path}: {said}"
