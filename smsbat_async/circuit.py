"""Whether a host can be reached at all."""

THRESHOLD = 10
"""After how many connections in a row that could not be made a host counts as out of reach."""

PROBE_EVERY = 5.0
"""How often one request may try a host that is out of reach, in seconds."""


class Circuit:
    """Fails at once what would only wait for a connection that cannot be made.

    Only failures before the first byte count: anything later concerns the request and not the road.

    Attributes:
        is_open: Whether the host counts as out of reach.
    """

    __slots__ = ("_failures", "_probe_at", "is_open")

    def __init__(self) -> None:
        self._failures = 0
        self._probe_at = 0.0
        self.is_open = False

    def allows(self, now: float) -> bool:
        """Return whether a request may start; while the host is out of reach, one in five seconds may."""
        if not self.is_open:
            return True
        if now < self._probe_at:
            return False
        self._probe_at = now + PROBE_EVERY
        return True

    def reached(self) -> None:
        """Note that a connection could be made."""
        self._failures = 0
        self.is_open = False

    def missed(self, now: float) -> None:
        """Note that a connection could not be made."""
        self._failures += 1
        if self._failures >= THRESHOLD and not self.is_open:
            self.is_open = True
            self._probe_at = now + PROBE_EVERY
