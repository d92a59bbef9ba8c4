"""Live changes for whoever watches, merged so that a slow reader costs no memory."""

import asyncio
from typing import Final

from smsbat_async.sandbox.messages import Message

_MOST: Final = 200


class Subscription:
    """What one reader has not read yet; used by `Feed`.

    Attributes:
        news: Set while there is something to read, or nothing will come any more.
        is_closed: Whether nothing will come any more.
    """

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.is_closed = False
        self._messages: dict[str, Message] = {}
        self._more = False
        self._cleared = False

    def add(self, message: Message) -> None:
        """Note a change of a message.

        Args:
            message: It; above the bound it is only noted that there are more.
        """
        if message.message_id in self._messages:
            return
        if len(self._messages) < _MOST:
            self._messages[message.message_id] = message
        else:
            self._more = True
        self.news.set()

    def forget(self, message: Message) -> None:
        """Note that a message was dropped.

        Args:
            message: It.
        """
        self._messages.pop(message.message_id, None)
        self._more = True
        self.news.set()

    def clear(self) -> None:
        """Note that all messages were dropped."""
        self._messages.clear()
        self._more = False
        self._cleared = True
        self.news.set()

    def close(self) -> None:
        """Let the reader go."""
        self.is_closed = True
        self.news.set()

    def take(self) -> tuple[bool, list[Message], bool]:
        """Read what there is.

        Returns:
            Whether all messages were dropped, which messages changed since, and whether others did too.
        """
        taken = self._cleared, list(self._messages.values()), self._more
        self._messages.clear()
        self._more = self._cleared = False
        if not self.is_closed:
            self.news.clear()
        return taken


class Feed:
    """Passes every change on to every subscription."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def __len__(self) -> int:
        return len(self._subscriptions)

    def subscribe(self) -> Subscription:
        """Begin to read.

        Returns:
            What will hold the changes from now on.
        """
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop reading.

        Args:
            subscription: One that was given out.
        """
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Let every reader go."""
        for subscription in self._subscriptions:
            subscription.close()

    def changed(self, message: Message, moment: float, status: str | None) -> None:
        """Hear of a change of a message.

        Args:
            message: It.
            moment: When, in seconds of the sandbox's clock.
            status: Its new status; None if that is still the same.
        """
        for subscription in self._subscriptions:
            subscription.add(message)

    def forgotten(self, message: Message) -> None:
        """Hear of a message that was dropped because there were too many.

        Args:
            message: It.
        """
        for subscription in self._subscriptions:
            subscription.forget(message)

    def cleared(self) -> None:
        """Hear that all messages were dropped."""
        for subscription in self._subscriptions:
            subscription.clear()
