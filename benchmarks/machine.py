"""What the figures were measured on."""

import asyncio
import importlib.metadata
import os
import platform
from collections.abc import Callable
from pathlib import Path

PACKAGES = (
    "aiohttp",
    "yarl",
    "multidict",
    "msgspec",
    "anyio",
    "uvloop",
    "httptools",
    "SQLAlchemy",
    "aiosqlite",
    "phonenumbers",
)
PEERS = (
    "requests",
    "urllib3",
    "httpx",
    "httpcore",
    "niquests",
    "aiosonic",
    "blacksheep",
    "pyreqwest",
    "wreq",
)

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
    """Return the machine and the versions that the figures depend on."""
    described: dict[str, str | int] = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "kernel": platform.release(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 0,
    }
    for package in PACKAGES + PEERS:
        try:
            described[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            described[package] = "none"
    return described


def line(described: dict[str, str | int]) -> str:
    """Return the description as one line."""
    versions = ", ".join(
        f"{name} {described[name]}" for name in PACKAGES + PEERS if described[name] != "none"
    )
    return (
        f"{described['python']}, {described['system']}, kernel {described['kernel']}, {described['cpu']}, "
        f"{described['cores']} cores; {versions}"
    )


def _cpu_model() -> str:
    text = _read(Path("/proc/cpuinfo")) or ""
    named = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(named, platform.processor() or "an unnamed processor")


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time of another process so far in seconds, or None where there is no /proc.

    Of a process with several threads it is that of the first, where the kernel counts in nanoseconds.
    """
    exact = _read(Path(f"/proc/{pid}/schedstat"))
    if exact:
        return int(exact.split()[0]) / 1e9
    text = _read(Path(f"/proc/{pid}/stat"))
    if text is None:
        return None
    # The name of the program comes second, in parentheses, and may hold anything.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes() -> int | None:
    """Return how much memory of the machine this process holds, in bytes, or None where there is no /proc."""
    return _of_status("VmRSS")


def peak_resident_bytes() -> int | None:
    """Return the most that this process has held so far, in bytes, or None where there is no /proc."""
    return _of_status("VmHWM")


def _of_status(name: str) -> int | None:
    text = _read(Path("/proc/self/status"))
    if text is None:
        return None
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(f"{name}:"))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
