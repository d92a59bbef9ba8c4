"""Who waits for a message to come to its end."""

import asyncio
from typing import TYPE_CHECKING, Any, Generic, Protocol

from smsbat_async.errors import SmsBatError
from smsbat_async.statuses import Delivery, S

if TYPE_CHECKING:
    from smsbat_async.tracking.entry import Entry


class Waiter(Protocol[S]):
    """One that waits for one message.

    Attributes:
        began: When it began to wait, in seconds of the loop's clock.
        deadline: Until when it waits.
        expiry: Its ticket among the deadlines.
    """

    began: float
    deadline: float
    expiry: int

    def resolve(self, delivery: Delivery[S]) -> None:
        """Hand over how the tracking ended."""
        ...

    def fail(self, error: SmsBatError, delivery: Delivery[S]) -> None:
        """Hand over why the tracking cannot go on, and how far it got."""
        ...


class FutureWaiter(asyncio.Future[Delivery[S]], Generic[S]):
    """The future that `track()` returns: it tells its entry when it is cancelled, without a callback."""

    __slots__ = ("began", "deadline", "entry", "expiry")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        entry: "Entry[S]",
        began: float,
        deadline: float,
    ) -> None:
        super().__init__(loop=loop)
        self.entry: Entry[S] | None = entry
        self.began = began
        self.deadline = deadline
        self.expiry = -1

    def cancel(self, msg: Any | None = None) -> bool:
        """Stop waiting; others that wait for the same message are not touched."""
        cancelled = super().cancel(msg)
        entry, self.entry = self.entry, None
        if cancelled and entry is not None:
            entry.poller.forget(entry, self)
        return cancelled

    def resolve(self, delivery: Delivery[S]) -> None:
        """Hand over how the tracking ended."""
        self.entry = None
        if not self.done():
            self.set_result(delivery)

    def fail(self, error: SmsBatError, delivery: Delivery[S]) -> None:
        """Hand over why the tracking cannot go on, and how far it got."""
        self.entry = None
        if not self.done():
            self.set_exception(error)
            self.exception()  # whoever does not look at it has not forgotten anything
