"""Beacon: a small file beside the ledger by which other processes see a campaign that is running."""

import asyncio
import contextlib
import datetime as dt
import hashlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

import msgspec

from smsbat_async.cli.process import born, is_alive

INTERVAL: Final = 1.0
"""How often it is written, in seconds."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What a beacon says.

    Args:
        pid: The process that runs the campaign.
        born: When that process began, in the system's words.
        host: Where it runs.
        campaign: The campaign's name.
        ledger: The ledger, without credentials.
        started_at: Since when, UTC.
        updated_at: When this was written, UTC.
        progress: How far the campaign is, with the fields of the event `progress` of `--json`.
    """

    pid: int
    born: str | None
    host: str
    campaign: str
    ledger: str
    started_at: dt.datetime
    updated_at: dt.datetime
    progress: dict[str, Any] | None = None

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether its process is still there; one on another machine is taken to be."""
        return is_alive(self.pid, self.born) if self.is_here else True


class Beacon:
    """Writes where a running campaign is, about once a second, and takes it away at the end.

    Args:
        path: The file; see `beacon_path`.
        campaign: The campaign's name.
        ledger: The ledger, without credentials.
    """

    def __init__(self, path: Path, campaign: str, ledger: str) -> None:
        self._path = path
        self._campaign = campaign
        self._ledger = ledger
        self._signal: Signal | None = None
        self._progress: dict[str, Any] | None = None
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._write)
        self._writing = asyncio.create_task(self._keep_writing())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._path.unlink, missing_ok=True)

    def tell(self, progress: dict[str, Any]) -> None:
        """Note how far the campaign is; it is written with the next second."""
        self._progress = progress

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await asyncio.to_thread(self._write)

    def _first(self) -> Signal:
        now = dt.datetime.now(dt.UTC)
        return Signal(
            pid=os.getpid(),
            born=born(os.getpid()),
            host=socket.gethostname(),
            campaign=self._campaign,
            ledger=self._ledger,
            started_at=now,
            updated_at=now,
        )

    def _write(self) -> None:
        if self._signal is None:
            self._signal = self._first()
        signal = msgspec.structs.replace(
            self._signal, updated_at=dt.datetime.now(dt.UTC), progress=self._progress
        )
        part = Path(f"{self._path}.part")
        # A campaign does not fail because nobody can watch it.
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(msgspec.json.encode(signal))
            part.replace(self._path)


def beacon_path(ledger: str, campaign: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the beacon of a campaign is.

    Args:
        ledger: The path of the ledger, or the URL of its database.
        campaign: The campaign's name.
        environ: The environment.
    """
    if "://" not in ledger:
        return Path(f"{ledger}.running.json")  # one for all of its campaigns: a file runs one at a time
    base = environ.get("XDG_STATE_HOME")
    folder = (Path(base) if base else Path.home() / ".local" / "state") / "smsbat"
    # The place without its credentials: whoever may read names of files may not learn these.
    parts = urlsplit(ledger)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "password"]
    place = f"{parts.netloc.rpartition('@')[2]}{parts.path}?{query}"
    digest = hashlib.sha256(f"{place}\0{campaign}".encode()).hexdigest()[:16]
    return folder / f"{digest}.running.json"


def read_beacon(path: Path) -> Signal | None:
    """Return what a beacon says, if there is one and its process is still there.

    Args:
        path: The file.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Signal)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.is_alive else None
