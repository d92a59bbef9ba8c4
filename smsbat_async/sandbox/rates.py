"""How many requests a second are served."""

from collections import deque


class RateLimit:
    """A burst that holds exactly within any one second, and an average that a token bucket holds.

    Args:
        rate: Requests per second on average; 0 is unlimited.
        burst: Most requests within any one second, and the size of the bucket.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at: float | None = None
        self._served: deque[float] = deque()
        self._seen: deque[float] = deque()
        self.busiest = 0

    def allow(self, now: float) -> bool:
        """Decide about one request (SMSBAT, Rate Limits).

        Args:
            now: Seconds of the sandbox's clock; never less than before.

        Returns:
            Whether it is served. One that is not costs nothing.
        """
        self._seen.append(now)
        _forget(self._seen, now)
        self.busiest = max(self.busiest, len(self._seen))
        if not self._rate:
            return True
        if self._filled_at is not None:
            self._tokens = min(float(self._burst), self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        _forget(self._served, now)
        # A full bucket that refills while it is emptied lets more than a burst through in its first second.
        if len(self._served) >= self._burst or self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        self._served.append(now)
        return True


def _forget(moments: deque[float], now: float) -> None:
    while moments and moments[0] <= now - 1.0:
        moments.popleft()
