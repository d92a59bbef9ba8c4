"""Pen: writes to the ledger for a run, and does not give up at the first failure."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from smsbat_async.campaign.halt import Halt
from smsbat_async.errors import LedgerError, LedgerFullError, LedgerUnavailableError

T = TypeVar("T")

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""How long to wait before writing is tried again, in seconds."""


class Pen:
    """Writes what is known to the ledger. What cannot be written stops the sending, and is tried again.

    Args:
        halt: Who is told that nothing more may be sent.
        pauses: How long to wait before each further try, in seconds.
    """

    def __init__(self, halt: Halt, pauses: tuple[float, ...] = PAUSES) -> None:
        self._halt = halt
        self._pauses = pauses
        self._gave_up = False

    async def write(self, work: Callable[[], Awaitable[T]]) -> T:
        """Write something that may be said again.

        Args:
            work: What writes it.

        Raises:
            LedgerError: If it could not be written; the run fails with it.
        """
        for pause in () if self._gave_up else self._pauses:
            try:
                return await work()
            except (LedgerFullError, LedgerUnavailableError) as met:
                # A full disk may be given room, a lost connection may come back; until then nothing is sent.
                self._halt.fail(met)
            await asyncio.sleep(pause)
        try:
            return await work()
        except LedgerError as met:
            self._gave_up = True
            self._halt.fail(met)
            raise
