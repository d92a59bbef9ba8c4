"""Place: which ledger a command works on."""

import asyncio
import contextlib
import dataclasses
import os
import shlex
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

from cyclopts import Group, Parameter

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.cli.beacon import Signal, beacon_path, read_beacon
from smsbat_async.cli.options import COMMON
from smsbat_async.cli.screen import printable
from smsbat_async.errors import ConfigurationError, LedgerConflictError, LedgerLockedError

DEFAULT: Final = "campaigns.db"
VARIABLE: Final = "SMSBAT_LEDGER"

LEDGER: Final[Group] = COMMON


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Which ledger a command works on."""

    ledger: Annotated[str | None, Parameter(group=LEDGER, metavar="FILE|URL")] = None
    """The ledger: a file, or postgresql://host/database; $SMSBAT_LEDGER or campaigns.db unless given."""

    @property
    def where(self) -> str:
        """The path of the file, or the URL of the database.

        Raises:
            ConfigurationError: If a password is in the argument, where other users of the machine see it.
        """
        if self.ledger is None:
            return os.environ.get(VARIABLE) or DEFAULT
        if self.is_database(self.ledger) and has_password(self.ledger):
            raise ConfigurationError(
                f"--ledger must not hold a password, which other users can see: put the URL into "
                f"${VARIABLE}, or the password into PGPASSWORD or ~/.pgpass"
            )
        return self.ledger

    @staticmethod
    def is_database(where: str) -> bool:
        """Return whether a ledger is a database, and no file."""
        return "://" in where

    @contextlib.asynccontextmanager
    async def opened(self, *, new: bool = False) -> AsyncGenerator[Ledger]:
        """Give the ledger, open.

        Args:
            new: Whether a file may be made where there is none.

        Raises:
            ConfigurationError: If there is none.
        """
        where = self.where
        if not new and not self.is_database(where) and not await asyncio.to_thread(Path(where).exists):
            raise ConfigurationError(f"there is no ledger {where}: name it with --ledger or ${VARIABLE}")
        async with contextlib.AsyncExitStack() as stack:
            try:
                ledger = await stack.enter_async_context(Ledger.open(where))
            except LedgerLockedError as met:
                running, said = await self.holder(), str(met)
                if running is None:
                    raise
            else:
                yield ledger
                return
        name = printable(running.campaign)
        raise LedgerLockedError(
            f"{said}. It runs campaign {name}, in process {running.pid}: see `campaign status` and "
            f"`campaign pause {name}`"
        )

    def beacon(self, campaign: str) -> Path:
        """Return where a campaign that runs on this ledger says so."""
        return beacon_path(self.where, campaign)

    async def running(self, campaign: str) -> Signal | None:
        """Return what is said by the process that runs a campaign on this ledger, if there is one."""
        found = await asyncio.to_thread(read_beacon, self.beacon(campaign))
        return None if found is None or found.campaign != campaign else found

    async def holder(self) -> Signal | None:
        """Return what is said by the process that has the file open to run a campaign, if there is one."""
        if self.is_database(self.where):
            return None
        return await asyncio.to_thread(read_beacon, self.beacon(""))

    def command(self, *words: str) -> str:
        """Return a command that works on this ledger, for people to copy.

        Args:
            words: What follows `smsbat campaign`.
        """
        ledger = () if self.ledger is None else ("--ledger", self.ledger)
        return shlex.join(("smsbat", "campaign", *words, *ledger))


def has_password(url: str) -> bool:
    """Return whether the URL of a database holds a password.

    Args:
        url: The URL.
    """
    parts = urlsplit(url)
    return bool(parts.password) or "password" in parse_qs(parts.query)


def no_such(name: str, known: list[str]) -> LedgerConflictError:
    """Return the error for a campaign that is not in the ledger."""
    there = ", ".join(known) or "none"
    return LedgerConflictError(f"there is no campaign {name!r} in the ledger (there: {there})")
