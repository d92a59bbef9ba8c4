"""Says when the receiver of webhooks begins to refuse them, and when it takes them again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from smsbat_async.sandbox.attempts import WebhookAttempt

QUIET_SECONDS: Final = 10.0
"""How long after a complaint about a URL there is no other one about it."""

_VENDORS: Final = {"smsbat": "SMSBAT", "zns": "ZNS"}


@dataclass(slots=True)
class _Receiver:
    url: str
    is_refusing: bool = False
    complained_at: float = float("-inf")


class Reachability:
    """Follows whether webhooks are taken; says so when that changes, and not for each of them.

    Args:
        say: Takes a line.
        now: Gives monotonic seconds.
    """

    def __init__(self, say: Callable[[str], object], *, now: Callable[[], float]) -> None:
        self._say = say
        self._now = now
        self._receivers: dict[str, _Receiver] = {}

    def note(self, attempt: WebhookAttempt) -> None:
        """Hear of an attempt.

        Args:
            attempt: It.
        """
        vendor = attempt.message.vendor
        receiver = self._receivers.get(vendor)
        if receiver is None or receiver.url != attempt.url:
            receiver = self._receivers[vendor] = _Receiver(attempt.url)
        who = f"{_VENDORS[vendor]}'s webhooks to {attempt.url}"
        if attempt.is_accepted:
            if receiver.is_refusing:
                receiver.is_refusing = False
                self._say(f"{who} are taken again: {attempt.outcome}")
        # One that takes some and refuses others would be told of with every message.
        elif not receiver.is_refusing and self._now() >= receiver.complained_at + QUIET_SECONDS:
            receiver.is_refusing = True
            receiver.complained_at = self._now()
            how = "are refused" if attempt.error is None else "do not get through"
            self._say(f"{who} {how}: {attempt.outcome}")
