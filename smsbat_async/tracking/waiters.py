"""Who waits for a message to come to its end."""

import asyncio
from typing import TYPE_CHECKING, Any, Generic, Protocol

from smsbat_async.calls import UNTOLD, Scope
from smsbat_async.errors import SmsBatError
from smsbat_async.statuses import Delivery, S

if TYPE_CHECKING:
    from smsbat_async.tracking.poller import DeliveryPoller


class Waiter(Protocol[S]):
    """One that waits, for one message or for many.

    Attributes:
        scope: The call that it waits for, as the hooks hear of it.
    """

    scope: Scope

    def resolve(self, delivery: Delivery[S]) -> None:
        """Hand over how the tracking of a message ended."""
        ...

    def fail(self, error: SmsBatError, delivery: Delivery[S]) -> None:
        """Hand over why the tracking of a message cannot go on, and how far it got."""
        ...


class FutureWaiter(asyncio.Future[Delivery[S]], Generic[S]):
    """The future that `track()` returns: it tells the poller when it is cancelled, without a callback."""

    __slots__ = ("_message_id", "_poller", "scope")

    def __init__(self, loop: asyncio.AbstractEventLoop, poller: "DeliveryPoller[S]", message_id: str) -> None:
        super().__init__(loop=loop)
        self._poller: DeliveryPoller[S] | None = poller
        self._message_id = message_id
        self.scope: Scope = UNTOLD

    def cancel(self, msg: Any | None = None) -> bool:
        """Stop waiting; others that wait for the same message are not touched."""
        cancelled = super().cancel(msg)
        poller, self._poller = self._poller, None
        if cancelled and poller is not None:
            poller.forget(self._message_id, self)
            if self.scope is not UNTOLD:
                self.scope.end("CancelledError")
        return cancelled

    def resolve(self, delivery: Delivery[S]) -> None:
        """Hand over how the tracking ended."""
        self._poller = None
        if not self.done():
            self.set_result(delivery)

    def fail(self, error: SmsBatError, delivery: Delivery[S]) -> None:
        """Hand over why the tracking cannot go on, and how far it got."""
        self._poller = None
        if not self.done():
            self.set_exception(error)
            self.exception()  # whoever does not look at it has not forgotten anything
