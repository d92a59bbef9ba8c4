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
from smsbat_async.native.results import NativeResult
from smsbat_async.notifications import ZnsResult
from smsbat_async.statuses import Delivery, S

logger = logging.getLogger("smsbat_async.hooks")


class Call(msgspec.Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """One call of a user, which other events name as theirs; equal to itself only.

    Keep what belongs to a call in a `weakref.WeakKeyDictionary`: events of a call may come after its end,
    where it was cancelled with requests on the wire, and the last of them lets go of it.

    Args:
        number: Counts the calls of this process, from 1.
        operation: The name of the client's method; `track` also for `wait_for_delivery`.
        vendor: `smsbat` or `zns`.
        host: The vendor's host.
        began: When it began, in seconds of the loop's clock.
        message_id: The vendor's id of the message it is about, where it is about one and it is known.
    """

    number: int
    operation: str
    vendor: str
    host: str
    began: float
    message_id: str | None = None


class CallStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A user's call begins; told in the caller's own context, which the requests of a batch do not run in.

    A `status()` that is answered from memory is no call.

    Args:
        call: The call.
    """

    call: Call


class CallFinished(msgspec.Struct, frozen=True, kw_only=True):
    """A user's call is over: it returned, raised or was cancelled, or its stream came to its end.

    Args:
        call: The call.
        elapsed: Seconds since it began.
        error_type: The name of the class of what it raised, or None.
    """

    call: Call
    elapsed: float
    error_type: str | None


class RequestFinished(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of one HTTP request is over: it was answered, or failed.

    What got no slot in time, or met an open circuit, was no attempt. One that is cancelled with its caller
    ends with a `TransportError` of the kind `cancelled`, which is raised to nobody.

    Args:
        kind: `status` or `send`.
        host: The vendor's host.
        method: The HTTP method.
        template: The path with placeholders for ids.
        attempt: Which attempt it was, from 1.
        status_code: The HTTP status, or None where no answer came.
        elapsed: Seconds from the start of the attempt to its end.
        error: What went wrong, or None.
        call: Whose request it was. A poll is made for all who wait and belongs to the first of them; None
            where none of them is a call.
    """

    kind: str
    host: str
    method: str
    template: str
    attempt: int
    status_code: int | None
    elapsed: float
    error: SmsBatError | None
    call: Call | None = None


class RetryScheduled(msgspec.Struct, frozen=True, kw_only=True):
    """A request failed and is going to be tried again.

    Args:
        kind: `status` or `send`.
        host: The vendor's host.
        attempt: Which attempt failed, from 1.
        delay: Seconds until the next.
        error: What went wrong.
        call: Whose request it is, as for `RequestFinished`.
    """

    kind: str
    host: str
    attempt: int
    delay: float
    error: SmsBatError
    call: Call | None = None


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


class TrackingStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A message began to be tracked that was not.

    Args:
        message_id: The vendor's id of the message.
        vendor: `smsbat` or `zns`.
    """

    message_id: str
    vendor: str


class TrackingEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A message is not tracked any more, for whatever reason; one for each `TrackingStarted`.

    Args:
        message_id: The vendor's id of the message.
        vendor: `smsbat` or `zns`.
    """

    message_id: str
    vendor: str


class PollDone(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """The vendor was asked about a message that is being tracked.

    Args:
        message_id: The vendor's id of the message.
        polls: How many times it has been asked.
        status: The answer, or None.
        error: Why there is none, or None.
        vendor: `smsbat` or `zns`.
    """

    message_id: str
    polls: int
    status: S | None
    error: SmsBatError | None
    vendor: str = ""


class DeliveryResolved(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """The tracking of a message ended, once for each that waited.

    Args:
        delivery: How it ended.
        unnoticed: For at most how many seconds the message had ended before a poll told so: since the last
            answer that was not the end, or since tracking began, give or take a round trip. None where
            something else told, where any poll of it has failed, and where the message has not ended.
        vendor: `smsbat` or `zns`.
        call: Who waited, or None.
    """

    delivery: Delivery[S]
    unnoticed: float | None = None
    vendor: str = ""
    call: Call | None = None


class ChunkSent(msgspec.Struct, frozen=True, kw_only=True):
    """The fate of some messages of a send is known, or known to be unknown.

    Each message of a send is in exactly one of these, also where the caller was cancelled and saw none of it.

    Args:
        results: What became of each message.
        route: Which route was asked for.
        foreign_ids: Tracking ids that the answer named and nobody asked for.
        call: Whose messages they are.
    """

    results: tuple[SendResult, ...]
    route: Route
    foreign_ids: tuple[str, ...] = ()
    call: Call | None = None


class NativeChunkSent(msgspec.Struct, frozen=True, kw_only=True):
    """The fate of some messages of a native send is known, or known to be unknown; promises as `ChunkSent`.

    Args:
        results: What became of each message.
        foreign_ids: Tracking ids that the answer named and nobody asked for.
        call: Whose messages they are.
    """

    results: tuple[NativeResult, ...]
    foreign_ids: tuple[str, ...] = ()
    call: Call | None = None


class ZnsSent(msgspec.Struct, frozen=True, kw_only=True):
    """The fate of a ZNS notification is known, or known to be unknown; promises as `ChunkSent`.

    Args:
        result: What became of it.
        call: Whose notification it is.
    """

    result: ZnsResult
    call: Call | None = None


Event = (
    CallStarted
    | CallFinished
    | RequestFinished
    | RetryScheduled
    | Paused
    | TrackingStarted
    | TrackingEnded
    | PollDone[Any]
    | DeliveryResolved[Any]
    | ChunkSent
    | NativeChunkSent
    | ZnsSent
)
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
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - a broken hook must not break a send
                # Also a CancelledError, as the result of a cancelled future: as it is not awaited, a hook is
                # never where the task itself is cancelled, but the task would take it for that and stop.
                self.failures += 1
                logger.error(  # noqa: TRY400 - what a hook raises may quote a text or a phone number
                    "hook %s raised %s on %s", _name(hook), type(error).__name__, type(event).__name__
                )


def _name(hook: object) -> str:
    """Return the name of a hook and not its repr, in which a partial shows its arguments."""
    return str(getattr(hook, "__qualname__", type(hook).__qualname__))


def is_async(function: object) -> bool:
    """Return whether what a callable gives would have to be awaited."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _checked(hooks: object) -> tuple[Callable[..., None], ...]:
    found: tuple[Any, ...] = tuple(hooks) if isinstance(hooks, Iterable) else (None,)
    if any(not callable(hook) or is_async(hook) for hook in found):
        raise ConfigurationError("hooks must be an iterable of callables, and none a coroutine function")
    return found
