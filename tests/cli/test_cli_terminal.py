"""The program on a real terminal of 80 columns: what it draws, what it asks, and Ctrl-C from the keyboard."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from smsbat_async.cli.app import run
from tests.cli.program import PATIENCE, SMSBAT, Served, recipients

ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>])")
COLOUR = re.compile(r"\x1b\[[0-9;]*[34][0-9][0-9;]*m")
FAST = ("--poll", "0.05", "--status-rate", "0", "--track-for", "2s")
SLOW = ("--chunk-size", "5", "--rate", "2")


class Terminal:
    """The program with a terminal around it.

    Args:
        arguments: What follows the program's name.
        size: Lines and columns; zeros where the terminal does not know.
        environment: What is added to the environment.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        size: tuple[int, int] = (24, 80),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, size)
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self._process = subprocess.Popen(
            (*SMSBAT, *arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**kept, "TERM": "xterm-256color", **(environment or {})},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(PATIENCE)
        os.close(self._master)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def read_until(self, pattern: str) -> None:
        """Read what it writes, up to something."""
        deadline = time.monotonic() + PATIENCE
        while re.search(pattern, self.plain) is None:
            assert time.monotonic() < deadline, f"never seen: {pattern} in {self.plain[-2000:]}"
            assert self._read(), f"ended before {pattern}: {self.plain[-2000:]}"

    def closed(self) -> int:
        """Close the terminal, and return the program's exit code."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDONLY)
        return self._process.wait(PATIENCE)

    def ended(self) -> int:
        """Read what it writes to its end, and return its exit code."""
        while self._read():
            pass
        return self._process.wait(PATIENCE)

    @property
    def plain(self) -> str:
        """What it wrote, without what moves the cursor."""
        return ESCAPE.sub("", self.text)

    @property
    def lines(self) -> list[str]:
        """The lines that it wrote, each drawing of one anew."""
        return re.split(r"[\r\n]+", self.plain)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE)
        assert ready, f"silence after {self.plain[-2000:]}"
        try:
            block = os.read(self._master, 65_536)
        except OSError:  # the other side is closed
            return False
        self.text += block.decode(errors="replace")
        return bool(block)


def _take_terminal() -> None:
    """Make the terminal the one whose Ctrl-C the program hears, also where the tests run under `nohup`."""
    import fcntl

    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def command(*more: str) -> list[str]:
    return ["campaign", "run", "spring", "people.csv", "--from", "Shop", "--text", "Hi", *FAST, *more]


def test_a_campaign_is_asked_for_and_drawn_in_eighty_columns(at_sandbox: Path, served: Served) -> None:
    recipients(at_sandbox, 1200)
    (at_sandbox / "prices.toml").write_text('currency = "EUR"\n[prices]\n380 = 0.035\n')
    with Terminal(command("--prices", "prices.toml", "--chunk-size", "100", "--rate", "5")) as terminal:
        terminal.read_until(r"Send 1,200 messages\? \[y/N\] ")
        terminal.type("y\n")
        assert terminal.ended() == 0
    assert max(map(len, terminal.lines)) <= 80
    assert COLOUR.search(terminal.text) is not None
    drawn = terminal.plain
    for words in (
        r"running  0:0\d  spring +Ctrl-C pauses",
        r"sent  .* of 1,200 +\d+\.\d %",
        r"ended .* of 1,200 +\d+\.\d %",
        r"accepted +[\d,]+ +failed +0 +average +[\d,]+/s",
        r"unknown +0 +no news +0 +time left 0:0\d",
        r"429 waits +0 +open +[\d,]+ +cost +\d+\.\d\d EUR",
        r"spring is finished after",
    ):
        assert re.search(words, drawn), words
    boards = [line for line in terminal.lines if line.startswith(("sent  ", "ended "))]
    bars = [line for line in boards if " of " in line]
    assert len({line.index(" of ") for line in bars}) == 1, "numbers grow, and stay where they are"
    assert "+38067" not in drawn


def test_no_is_the_answer_of_whoever_only_presses_return(
    at_sandbox: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 3)
    before = served.stats()["accepted"]
    with Terminal(command()) as terminal:
        terminal.read_until(r"Send 3 messages\? \[y/N\] ")
        terminal.type("\n")
        assert terminal.ended() == 1
    assert "Nothing was sent." in terminal.plain
    assert served.stats()["accepted"] == before
    assert run(["campaign", "status"]) == 0
    assert "There is no campaign in campaigns.db." in capsys.readouterr().err


def test_a_terminal_that_does_not_know_its_size_is_taken_to_have_eighty_columns() -> None:
    with Terminal(["campaign", "status", "--ledger", "nothing/here.db"], size=(0, 0)) as terminal:
        assert terminal.ended() == 2
    assert max(map(len, terminal.lines)) > 40, terminal.lines


def test_ctrl_c_at_the_question_ends_it(at_sandbox: Path) -> None:
    recipients(at_sandbox, 3)
    with Terminal(command()) as terminal:
        terminal.read_until(r"Send 3 messages\? \[y/N\] ")
        terminal.type("\x03")
        assert terminal.ended() == 130
    assert "Stopped. The same command goes on." in terminal.plain
    assert "Traceback" not in terminal.plain


def test_ctrl_c_from_the_keyboard_pauses_and_the_cursor_comes_back(at_sandbox: Path) -> None:
    recipients(at_sandbox, 300)
    with Terminal(command("--yes", *SLOW)) as terminal:
        terminal.read_until(r"sent  .* [1-9]\d* of 300")
        terminal.type("\x03")
        assert terminal.ended() == 5
    assert "Pausing: what is under way is recorded. Ctrl-C again stops at once." in terminal.plain
    assert "spring is paused (by Ctrl-C) after" in terminal.plain
    assert "smsbat campaign resume spring" in terminal.plain
    assert max(map(len, terminal.lines)) <= 80
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")


def test_a_closed_terminal_pauses_a_campaign_as_ctrl_c_does(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 300)
    with Terminal(command("--yes", *SLOW)) as terminal:
        terminal.read_until(r"sent  .* [1-9]\d* of 300")
        assert terminal.closed() == 5
    assert run(["campaign", "status", "spring", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["reason"]) == ("paused", "since the terminal was closed")
    assert found["unknown"] == 0
    assert 0 < found["sent"] < 300


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_colours_are_left_out_when_that_is_wished(at_sandbox: Path, environment: dict[str, str]) -> None:
    recipients(at_sandbox, 30)
    with Terminal(command("--yes"), environment=environment) as terminal:
        assert terminal.ended() == 0
    assert COLOUR.search(terminal.text) is None
    assert ("\x1b[?25l" in terminal.text) is (environment.get("TERM") != "dumb")


def test_watch_draws_a_row_per_message(at_sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = []
    for phone in ("+380501234567", "+380500000013"):
        assert run(["send", "--to", phone, "--from", "Shop", "--text", "Hi"]) == 0
        ids.append(capsys.readouterr().out.strip())
    with Terminal(["watch", *ids, "--poll", "1"]) as terminal:
        assert terminal.ended() == 1
    assert max(map(len, terminal.lines)) <= 80
    assert re.search(r"Message +Status +Channel +Cost +Time", terminal.plain)
    assert re.search(ids[0] + " +asked soon", terminal.plain)
    assert re.search(ids[0] + r" +delivered +\w+ +0\.\d+ +0:0\d", terminal.plain)
    assert re.search(ids[1] + " +undeliverable", terminal.plain)
    with Terminal(["status", *ids]) as terminal:
        assert terminal.ended() == 0
    assert re.search(ids[0] + " +delivered", terminal.plain)
