"""Which process a number means: it may have ended, and the number be somebody else's by now."""

import contextlib
import os
import subprocess
from pathlib import Path

PS = ("ps", "-o", "lstart=", "-p")
"""What tells when a process began, where there is no `/proc`."""

START = 19
"""Where the start of a process stands in `/proc/PID/stat`, counted from behind its name."""


def born(pid: int) -> str | None:
    """Return when a process began, in whatever words the system has for it; None if there is none.

    Args:
        pid: Its number.
    """
    return born_by_proc(pid) if Path("/proc/self/stat").exists() else born_by_ps(pid)


def born_by_proc(pid: int) -> str | None:
    """Return what `born` does, where there is a `/proc`."""
    with contextlib.suppress(OSError, IndexError):
        said = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        # The name comes second, in parentheses, and may hold spaces and parentheses itself.
        state, *fields = said.rpartition(")")[2].split()
        return None if state in "ZX" else fields[START - 1]
    return None


def born_by_ps(pid: int) -> str | None:
    """Return what `born` does, where there is none."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        found = subprocess.run([*PS, str(pid)], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
        return found.stdout.strip() or None
    return None


def is_alive(pid: int, start: str | None) -> bool:
    """Return whether a process is there and began when it is said to have.

    Args:
        pid: Its number.
        start: When it began, as `born` told.
    """
    if pid <= 0 or pid == os.getpid():
        return pid == os.getpid()
    return start is not None and born(pid) == start
