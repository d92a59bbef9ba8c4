"""The command when it is told to end, and when it is run twice at a time."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smsbat_async.campaign.records import State
from smsbat_async.cli.exits import Exit
from tests.crash.command import CONCURRENCY, Command
from tests.crash.verdict import judge
from tests.crash.witness import Witness

pytestmark = pytest.mark.unmeasured

PATIENCE = 30.0
MESSAGES = 600


@pytest.fixture
def witness() -> Iterator[Witness]:
    with Witness(hold=True) as witness:
        yield witness


@pytest.fixture
def command(tmp_path: Path, witness: Witness, where: str) -> Command:
    return Command(tmp_path, witness.url, where, messages=MESSAGES)


@contextlib.contextmanager
def started(command: Command, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = command.start(file)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def until(met: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.01)


def in_flight(witness: Witness) -> None:
    until(lambda: len(witness.meetings) == CONCURRENCY, "as much is in flight as may be")


def test_row_49_sigterm_lets_what_is_in_flight_end_and_leaves_nothing_in_doubt(
    tmp_path: Path, witness: Witness, command: Command
) -> None:
    log, again = tmp_path / "first.log", tmp_path / "second.log"
    with started(command, log) as process:
        in_flight(witness)
        process.send_signal(signal.SIGTERM)
        until(lambda: b"pausing" in log.read_bytes(), "the signal is heard")
        witness.let_go()
        assert process.wait(PATIENCE) == Exit.DONE, log.read_text()
    assert len(witness.meetings) == CONCURRENCY
    so_far = judge(command, witness, [])
    assert so_far.states.pop(State.PENDING) == MESSAGES - CONCURRENCY * command.chunk_size
    assert so_far.states.keys() <= {State.ACCEPTED, State.DELIVERED}
    with started(command, again) as process:
        assert process.wait(PATIENCE) == Exit.DONE, again.read_text()
    verdict = judge(command, witness, [])
    assert verdict.is_good, f"{verdict}"
    assert verdict.states == {State.DELIVERED: MESSAGES}


def test_row_55_a_second_command_is_refused_and_harms_the_first_in_nothing(
    tmp_path: Path, witness: Witness, command: Command
) -> None:
    log, other = tmp_path / "first.log", tmp_path / "second.log"
    with started(command, log) as process:
        in_flight(witness)
        with started(command, other) as second:
            assert second.wait(PATIENCE) == Exit.LEDGER, other.read_text()
        assert "another process" in other.read_text()
        assert len(witness.meetings) == CONCURRENCY
        witness.let_go()
        assert process.wait(PATIENCE) == Exit.DONE, log.read_text()
    verdict = judge(command, witness, [])
    assert verdict.is_good, f"{verdict}"
    assert verdict.states == {State.DELIVERED: MESSAGES}
