"""A fate that is decided by hand: the one way in which a fate changes."""

import math

from smsbat_async.sandbox.config import OUTCOMES, Outcome
from smsbat_async.sandbox.messages import PROCESSING, SCHEDULED, UNDELIVERABLE, Fate, Message


class EndedError(ValueError):
    """The message has ended: nothing about it changes any more."""

    def __init__(self) -> None:
        super().__init__("the message has ended, and nothing about it changes any more")


def decide(message: Message, outcome: Outcome, now: float, channel: str | None = None) -> None:
    """Give a message an end now, or none ever.

    What has happened stays as it was: channels that have ended keep their ends, and a message that was
    scheduled for later starts now. One that was decided to never end may be decided again.

    Args:
        message: It.
        outcome: How it ends.
        now: Seconds of the sandbox's clock.
        channel: The last channel that is tried; None takes the one that is tried now, or, if the message
            becomes `undeliverable`, the last of all.

    Raises:
        EndedError: If the message has ended.
        ValueError: If that channel has ended, or is none of the message's, or the outcome is none.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, not {outcome}")
    if message.status(now) not in (SCHEDULED, PROCESSING):
        raise EndedError
    current = message.tried(now)
    last = current
    if channel is not None:
        last = _find(message, channel, current)
    elif outcome == UNDELIVERABLE:
        last = len(message.channels) - 1
    message.starts_at = min(message.starts_at, now)
    moment = _elapsed(message.starts_at, now)
    ends = [*message.fate.channel_ends[:current], *[moment] * (last - current + 1)]
    if outcome == "never":
        ends[-1] = math.inf
    message.fate = Fate(outcome, min(message.fate.processing_at, moment), tuple(ends), ends[-1])
    message.decided = True


def _find(message: Message, channel: str, current: int) -> int:
    names = [item.name for item in message.channels]
    if channel not in names[current:]:
        left = ", ".join(names[current:])
        raise ValueError(f"channel must be one that has not ended: {left}, not {channel}")
    return names.index(channel)


def _elapsed(start: float, now: float) -> float:
    # A message is held against the sum, which rounding may carry past now.
    elapsed = now - start
    while start + elapsed > now:
        elapsed = math.nextafter(elapsed, -math.inf)
    return elapsed
