"""The sandbox's time: one monotonic source, and the calendar derived from it."""

import asyncio
import time
from collections.abc import Callable


class Clock:
    """Seconds of a monotonic source, and the calendar time that they stand for.

    The calendar is read once: a test that moves its clock moves both, and a wall clock that jumps moves
    neither.

    Args:
        source: Gives monotonic seconds; None takes the running loop's clock.
    """

    def __init__(self, source: Callable[[], float] | None = None) -> None:
        self._source = source
        self._offset: float | None = None

    def now(self) -> float:
        """Read the monotonic source.

        Returns:
            Seconds since an arbitrary moment.

        Raises:
            RuntimeError: If no source was given and no loop is running.
        """
        if self._source is not None:
            return self._source()
        return asyncio.get_running_loop().time()

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

    def _anchor(self) -> float:
        if self._offset is None:
            self._offset = time.time() - self.now()
        return self._offset
