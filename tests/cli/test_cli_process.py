"""Which process a number means, with and without a `/proc`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smsbat_async.cli.process import born, born_by_proc, born_by_ps, is_alive


@pytest.fixture
def ended() -> int:
    """Give the number of a process that is no more."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def fake_ps(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a `ps` in front of the system's, which may have none."""
    ps = folder / "ps"
    ps.write_text(f"#!/bin/sh\n{script}\n")
    ps.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
def test_a_process_keeps_its_start_and_an_ended_one_has_none(ended: int) -> None:
    assert born_by_proc(os.getpid()) == born_by_proc(os.getpid()) is not None
    assert born_by_proc(ended) is None


def test_without_proc_the_system_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ps(tmp_path, monkeypatch, 'test "$4" = 17 && echo "Sun Nov 22 08:00:00 2026"')
    assert born_by_ps(17) == "Sun Nov 22 08:00:00 2026"
    assert born_by_ps(18) is None


def test_without_anything_that_tells_nobody_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert born_by_ps(os.getpid()) is None


def test_a_number_alone_is_nobody(ended: int) -> None:
    assert is_alive(os.getpid(), None)
    assert not is_alive(ended, "a while ago")
    assert not is_alive(os.getppid(), None)
    assert is_alive(os.getppid(), born(os.getppid()))
    assert not is_alive(0, None)
