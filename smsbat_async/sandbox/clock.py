"""The sandbox's time: one monotonic source, and the calendar derived from it."""

import asyncio
import time
from collections.abc import Callable


class Clock:
    """Seconds of a monotonic source, and the calendar time that they stand for.

    The calendar is read once: a test that moves its clock moves both, and a wall clock that jumps moves
    neither. `has_own_source` tells whether the seconds may jump without the loop's knowing.

    Args:
        source: Gives monotonic seconds; None takes the running loop's clock.
    """

    def __init__(self, source: Callable[[], float] | None = None) -> None:
        self.has_own_source = source is not None
        self._source = source
        self._offset: float | None = None
        self._advanced = 0.0

    def now(self) -> float:
        """Read the monotonic source.

        Returns:
            Seconds since an arbitrary moment.

        Raises:
            RuntimeError: If no source was given and no loop is running.
        """
        return self._read() + self._advanced

    def advance(self, seconds: float) -> None:
        """Move forward, as if the time had passed.

        Args:
            seconds: How far; 0 or more.
        """
        self._advanced += seconds

    def epoch(self, moment: float | None = None) -> float:
        """Tell the calendar time.

        Args:
            moment: Seconds of the source; None is now.

        Returns:
            Seconds since 1970 in UTC.
        """
        return (self.now() if moment is None else moment) + self._anchor()

    def moment(self, epoch: float) -> float:
        """Tell when on the source a calendar time is.

        Args:
            epoch: Seconds since 1970 in UTC.

        Returns:
            Seconds of the source.
        """
        return epoch - self._anchor()

    def wall(self) -> float:
        """Tell the calendar time of whoever did not advance with this clock.

        Returns:
            Seconds since 1970 in UTC.
        """
        return self.epoch() - self._advanced

    def _read(self) -> float:
        return asyncio.get_running_loop().time() if self._source is None else self._source()

    def _anchor(self) -> float:
        if self._offset is None:
            self._offset = time.time() - self._read()
        return self._offset
