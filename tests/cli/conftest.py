"""The sandbox as a program, credentials for it, and a folder of its own for every test."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smsbat_async.cli.profile import ENVIRONMENT
from tests.cli.program import Served, serving

HURRY = ("--speed", "1000", "--status-rate", "0", "--send-rate", "0", "--never-ends-share", "0")


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """A sandbox in which everybody gets everything at once, but for a few phones and senders."""
    options = (
        *HURRY,
        *("--undeliverable-share", "0", "--permanent-error-share", "0"),
        *("--outcome", "+380500000013=undeliverable", "--outcome", "+380500000014=never"),
        *("--refused-sender", "Nobody"),
    )
    with serving(*options) as found:
        yield found


GiveStdin = Callable[[str], None]


@pytest.fixture
def give_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GiveStdin]:
    """Put a text on standard input."""
    with contextlib.ExitStack() as files:

        def give(text: str) -> None:
            path = tmp_path / "stdin"
            path.write_text(text)
            monkeypatch.setattr("sys.stdin", files.enter_context(path.open()))

        yield give


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, without anybody's credentials."""
    for name in (*ENVIRONMENT.values(), "SMSBAT_CONFIG", "SMSBAT_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def at_sandbox(here: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, with the credentials of the sandbox in the environment."""
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    return here
