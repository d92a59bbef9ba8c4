"""One attempt to deliver a webhook, as those who watch hear of it."""

from typing import NamedTuple

from smsbat_async.sandbox.messages import Message


class UnansweredError(Exception):
    """Nobody answered a webhook in time.

    Args:
        seconds: How long was waited.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} seconds")


class WebhookAttempt(NamedTuple):
    """What became of one request that carried a webhook.

    Args:
        message: What the webhook tells of.
        told: The status of the message that it tells.
        url: Where it was sent.
        number: Which attempt of this webhook it was; 1 is the first.
        status: HTTP status of the answer; None if there was none.
        error: Why there was none; None if there was one.
        is_last: Whether this webhook is not sent again.
    """

    message: Message
    told: str
    url: str
    number: int
    status: int | None
    error: BaseException | None
    is_last: bool

    @property
    def is_accepted(self) -> bool:
        """Whether the answer was 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def outcome(self) -> str:
        """The answer, or why there was none, in words."""
        if self.error is None:
            return f"answer {self.status}"
        text = str(self.error)
        if isinstance(self.error, UnansweredError):
            return text
        name = type(self.error).__name__
        return f"{name}: {text}" if text else name
