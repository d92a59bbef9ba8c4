"""Outbox: what was sent to a sandbox, and assertions about it."""

from typing import Literal

from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.sandbox import Sandbox
from smsbat_async.sandbox.stats import Stats
from smsbat_async.testing.sought import Sought, Text, tell


class Outbox:
    """The messages that a sandbox accepted, as tests look at them.

    Args:
        sandbox: The sandbox.

    Attributes:
        sandbox: The sandbox itself; what is not here is there.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    @property
    def config(self) -> SandboxConfig:
        """The sandbox's options, the keys among them."""
        return self.sandbox.config

    @property
    def stats(self) -> Stats:
        """What the sandbox counted."""
        return self.sandbox.stats

    @property
    def messages(self) -> list[Message]:
        """The accepted messages, oldest first; a new list each time."""
        return self.sandbox.messages

    def sent_to(self, phone: str) -> list[Message]:
        """Return what was sent to a phone, oldest first.

        Args:
            phone: The phone in any spelling with its country code: digits are compared.
        """
        return self.sandbox.sent_to(phone)

    def assert_sent(
        self,
        *,
        to: str | None = None,
        text: Text | None = None,
        times: int | None = None,
        sender: str | None = None,
        tracking_id: str | None = None,
        message_type: str | None = None,
        vendor: Literal["smsbat", "zns"] | None = None,
    ) -> list[Message]:
        """Check that there are messages like this.

        Args:
            to: The phone, in any spelling with its country code.
            text: A part of the text, or a compiled pattern that is found in it; its first 1,000 characters
                are looked at.
            times: How many there must be; None for one or more.
            sender: `from_name` of a cascade, or the ZNS template id.
            tracking_id: The sender's own id.
            message_type: `transaction`, `promo`, ..., or `zns`.
            vendor: `smsbat` or `zns`.

        Returns:
            Those messages, oldest first.

        Raises:
            AssertionError: If there are not; it tells what was sent instead.
            ConfigurationError: If there is no such message type, or vendor.
        """
        __tracebackhide__ = True
        sought = Sought(
            to=to,
            text=text,
            sender=sender,
            tracking_id=tracking_id,
            message_type=message_type,
            vendor=vendor,
        )
        messages = self.messages
        found = sought.among(messages)
        meant = sought.meant(messages)
        # That nothing went to a phone which is written so that nothing can is no proof.
        is_no_proof = times == 0 and meant is not None
        if is_no_proof or ((not found) if times is None else (len(found) != times)):
            wanted = "a message" if times is None else f"{times} message{'s' * (times != 1)}"
            told = self._told()
            if meant is not None:
                told += f"\nPhones are compared with their country codes: was {meant} meant by {to}?"
            raise AssertionError(f"{wanted}{sought} expected, {len(found)} found. {told}")
        return found

    def assert_not_sent(
        self,
        *,
        to: str | None = None,
        text: Text | None = None,
        sender: str | None = None,
        tracking_id: str | None = None,
        message_type: str | None = None,
        vendor: Literal["smsbat", "zns"] | None = None,
    ) -> None:
        """Check that there is no message like this; the arguments are those of `assert_sent`.

        Raises:
            AssertionError: If there is one, or the phone lacks its country code; it tells what was sent.
            ConfigurationError: If there is no such message type, or vendor.
        """
        __tracebackhide__ = True
        self.assert_sent(
            to=to,
            text=text,
            times=0,
            sender=sender,
            tracking_id=tracking_id,
            message_type=message_type,
            vendor=vendor,
        )

    def assert_nothing_sent(self) -> None:
        """Check that no message was accepted.

        Raises:
            AssertionError: If one was; it tells what was sent.
        """
        __tracebackhide__ = True
        self.assert_sent(times=0)

    def _told(self) -> str:
        messages = self.messages
        lines = ["Nothing was sent." if not messages else f"Sent were {len(messages)}:", *tell(messages)]
        stats = self.stats
        for count, what in (
            (stats.refused, "refused for what they said"),
            (stats.unauthorized, "turned away for their credentials"),
            (stats.rate_limited + stats.too_many, "answered 429"),
            (stats.failed + stats.reset, "failed on purpose"),
        ):
            if count:
                lines.append(f"Requests {what}: {count}.")
        return "\n".join(lines)
