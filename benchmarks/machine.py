"""What the figures were measured on."""

import asyncio
import importlib.metadata
import os
import platform
from collections.abc import Callable
from pathlib import Path

PACKAGES = ("aiohttp", "yarl", "multidict", "msgspec", "anyio", "uvloop")

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def loops() -> dict[str, LoopFactory]:
    """Return the event loops that are installed here, the fastest last."""
    found: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    try:
        import uvloop
    except ImportError:
        return found
    return {**found, "uvloop": uvloop.new_event_loop}


def describe() -> dict[str, str | int]:
    """Return the versions and the number of cores that the figures depend on."""
    described: dict[str, str | int] = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 0,
    }
    for package in PACKAGES:
        try:
            described[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            described[package] = "none"
    return described


def line(described: dict[str, str | int]) -> str:
    """Return the description as one line."""
    versions = ", ".join(f"{package} {described[package]}" for package in PACKAGES)
    return f"{described['python']}, {described['system']}, {described['cores']} cores; {versions}"


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time of another process so far in seconds, or None where there is no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The name of the program comes second, in parentheses, and may hold anything.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
