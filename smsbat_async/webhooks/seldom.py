"""Seldom: warnings that whoever knows a URL could provoke without end."""

import asyncio
import logging
from typing import Final

EVERY: Final = 60.0
"""How long one and the same warning is not repeated, in seconds."""

logger = logging.getLogger("smsbat_async.webhooks")


class Seldom:
    """Logs a warning the first time, and then once a minute at most, with how often it was due."""

    __slots__ = ("_due", "_said")

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._due: dict[str, int] = {}

    def warn(self, warning: str) -> None:
        """Log a warning unless it was logged lately.

        Args:
            warning: One of a fixed few.
        """
        now = asyncio.get_running_loop().time()
        self._due[warning] = self._due.get(warning, 0) + 1
        last = self._said.get(warning)
        if last is None or now - last >= EVERY:
            self._said[warning] = now
            logger.warning("%s (%d so far)", warning, self._due[warning])
