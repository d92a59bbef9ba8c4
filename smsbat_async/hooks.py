"""What happens inside, told as events.

A hook is any callable that takes one event. It is called synchronously, on the event loop, and must not
block. If it raises, that is logged and counted, and nothing else happens.
"""

import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any, Generic

import msgspec

from smsbat_async.errors import ConfigurationError, SmsBatError
from smsbat_async.messages import Route, SendResult
from smsbat_async.statuses import Delivery, S

logger = logging.getLogger("smsbat_async.hooks")


class RequestFinished(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of one HTTP request is over.

    Args:
        kind: `status` or `send`.
        host: The vendor's host.
        method: The HTTP method.
        template: The path with placeholders for ids.
        attempt: Which attempt it was, from 1.
        status_code: The HTTP status, or None where no answer came.
        elapsed: Seconds from the start of the attempt to its end.
        error: What went wrong, or None.
    """

    kind: str
    host: str
    method: str
    template: str
    attempt: int
    status_code: int | None
    elapsed: float
    error: SmsBatError | None


class RetryScheduled(msgspec.Struct, frozen=True, kw_only=True):
    """A request failed and is going to be tried again.

    Args:
        kind: `status` or `send`.
        host: The vendor's host.
        attempt: Which attempt failed, from 1.
        delay: Seconds until the next.
        error: What went wrong.
    """

    kind: str
    host: str
    attempt: int
    delay: float
    error: SmsBatError


class Paused(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor said "too many requests", and all of this kind wait.

    Args:
        kind: `status` or `send`.
        host: The vendor's host.
        seconds: For how long from now.
        per_second: The rate after the pause, or None where there is no limit.
    """

    kind: str
    host: str
    seconds: float
    per_second: float | None


class PollDone(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """The vendor was asked about a message that is being tracked.

    Args:
        message_id: The vendor's id of the message.
        polls: How many times it has been asked.
        status: The answer, or None.
        error: Why there is none, or None.
    """

    message_id: str
    polls: int
    status: S | None
    error: SmsBatError | None


class DeliveryResolved(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """The tracking of a message ended, once for each that waited.

    Args:
        delivery: How it ended.
    """

    delivery: Delivery[S]


class ChunkSent(msgspec.Struct, frozen=True, kw_only=True):
    """The fate of some messages of a send is known, or known to be unknown.

    Each message of a send is in exactly one of these, also where the caller was cancelled and saw none of it.

    Args:
        results: What became of each message.
        route: Which route was asked for.
        foreign_ids: Tracking ids that the answer named and nobody asked for.
    """

    results: tuple[SendResult, ...]
    route: Route
    foreign_ids: tuple[str, ...] = ()


Event = RequestFinished | RetryScheduled | Paused | PollDone[Any] | DeliveryResolved[Any] | ChunkSent
"""What a hook takes."""


class Hooks:
    """The hooks of a client.

    Args:
        hooks: Callables that take one event.

    Raises:
        ConfigurationError: If one of them is not.

    Attributes:
        failures: How many times a hook has raised.
    """

    __slots__ = ("_hooks", "failures")

    def __init__(self, hooks: Iterable[Callable[..., None]] = ()) -> None:
        self._hooks = _checked(hooks)
        self.failures = 0

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def emit(self, event: object) -> None:
        """Give an event to every hook."""
        for hook in self._hooks:
            try:
                hook(event)
            except Exception as error:  # noqa: BLE001 - a broken hook must not break a send
                self.failures += 1
                logger.error(  # noqa: TRY400 - what a hook raises may quote a text or a phone number
                    "hook %r raised %s on %s", hook, type(error).__name__, type(event).__name__
                )


def _checked(hooks: object) -> tuple[Callable[..., None], ...]:
    found: tuple[Any, ...] = tuple(hooks) if isinstance(hooks, Iterable) else (None,)
    if any(not callable(hook) or inspect.iscoroutinefunction(hook) for hook in found):
        raise ConfigurationError("hooks must be an iterable of callables, and none a coroutine function")
    return found
