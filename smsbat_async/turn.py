"""Turn: a slot and a start, taken before it is known what is sent with them."""

from smsbat_async.pool import Gate, SessionPool


class Turn:
    """A slot and a start that somebody holds; whoever takes it gives the slot back.

    Args:
        pool: Whose slot.
        gate: Whose start.
        bulk: Whether the slot is one of those for batches.
    """

    __slots__ = ("_bulk", "_gate", "_held", "_pool")

    def __init__(self, pool: SessionPool, gate: Gate, *, bulk: bool) -> None:
        self._pool = pool
        self._gate = gate
        self._bulk = bulk
        self._held = True

    def take(self) -> bool:
        """Hand the slot over, and return whether it was still held: it is to the first who asks."""
        held, self._held = self._held, False
        return held

    def release(self) -> None:
        """Give the slot back, unless it was taken."""
        if self.take():
            self._pool.leave(self._gate, self._bulk)
