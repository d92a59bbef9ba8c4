"""Refusals: the webhooks that nobody took, and how a test hears of them."""

from collections.abc import Iterable
from typing import Final

from smsbat_async.sandbox.attempts import UnansweredError, WebhookAttempt
from smsbat_async.testing.deliveries import is_in_memory

SHOWN: Final = 5
"""How many refused webhooks an error shows."""

_HINTS: Final = {
    401: "does the receiver have config.smsbat_webhook_secret, or zalo_signature() for ZNS?",
    404: "is the path right?",
    405: "is the path right?",
}


class WebhooksRefusedError(AssertionError):
    """Webhooks were refused until they were given up, or what was to take them raised.

    `settle(allow_refused=True)` and `wait_until_settled(allow_refused=True)` do not raise this.
    """


class Refusals:
    """Remembers webhooks that were not taken, until they are, or a test was told of them."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], WebhookAttempt] = {}

    def note(self, attempt: WebhookAttempt) -> None:
        """Hear of an attempt.

        Args:
            attempt: It.
        """
        webhook = attempt.message.message_id, attempt.told
        if attempt.is_accepted:
            self._last.pop(webhook, None)
        else:
            self._last[webhook] = attempt

    def has_raised(self) -> bool:
        """Tell whether what was to take a webhook raised: a test need not wait for retries then."""
        return any(map(_has_raised, self._last.values()))

    def tell(self) -> str:
        """Return which webhooks are refused so far; empty if none is."""
        return _tell(self._last.values())

    def forget(self) -> None:
        """Forget what is known so far; what is sent again may be refused again."""
        self._last.clear()

    def error(self) -> WebhooksRefusedError | None:
        """Make the error that tells of them, and forget them; None if all were taken.

        Returns:
            An error whose cause is what the first of them raised, if one did.
        """
        if not self._last:
            return None
        refused = sorted(self._last.values(), key=_has_raised, reverse=True)
        self.forget()
        error = WebhooksRefusedError(
            f"{_tell(refused)}\nWhere that is what is tested: settle(allow_refused=True)."
        )
        if _has_raised(refused[0]):
            error.__cause__ = refused[0].error
        return error


def _has_raised(attempt: WebhookAttempt) -> bool:
    # Of a URL it is known only that nobody was there, which may pass.
    is_late = attempt.error is None or isinstance(attempt.error, UnansweredError)
    return is_in_memory(attempt.url) and not is_late


def _tell(attempts: Iterable[WebhookAttempt]) -> str:
    every = list(attempts)
    lines = [_line(attempt) for attempt in every[:SHOWN]]
    left = len(every) - len(lines)
    return "\n".join([*lines, f"... and {left} more"] if left else lines)


def _line(attempt: WebhookAttempt) -> str:
    who = f"the webhook of {attempt.message.phone} ({attempt.told})"
    if _has_raised(attempt):
        return f"{who} was not taken, since what takes it raised {attempt.outcome}"
    times = "once" if attempt.number == 1 else f"{attempt.number} times"
    if attempt.error is not None:
        return f"{who} was sent {times} and never answered, last {attempt.outcome}"
    hint = _HINTS.get(attempt.status or 0)
    return f"{who} was refused {times}, last {attempt.outcome}{f': {hint}' if hint else ''}"
