"""The calls of a user, as the hooks hear of them: each begins once and ends once."""

import asyncio
import itertools
from types import TracebackType
from typing import Protocol, Self

from smsbat_async.hooks import Call, CallFinished, CallStarted, Hooks

_numbers = itertools.count(1)


class Named(Protocol):
    """What is wanted of a vendor here."""

    name: str
    host: str


class Scope:
    """One call of a user, from its begin to its end.

    Without hooks it does nothing. With hooks, use it with `with`, or `begin()` it and `end()` it.

    Attributes:
        call: The call while it has begun, for the events that belong to it, or None.
    """

    __slots__ = ("_calls", "_is_over", "_message_id", "_operation", "call")

    def __init__(self, calls: "Calls | None", operation: str, message_id: str | None = None) -> None:
        self._calls = calls
        self._operation = operation
        self._message_id = message_id
        self._is_over = False
        self.call: Call | None = None

    def begin(self) -> None:
        """Tell the hooks that the call begins; they hear it in the context of whoever calls this."""
        if self._calls is not None and self.call is None:
            self.call = self._calls.begin(self._operation, self._message_id)

    def end(self, error_type: str | None = None) -> None:
        """Tell the hooks that the call is over, the first time that this is called.

        Args:
            error_type: The name of the class of what the call raised, or None.
        """
        if self._calls is not None and self.call is not None and not self._is_over:
            self._is_over = True
            self._calls.end(self.call, error_type)

    def __enter__(self) -> Self:
        if self._calls is not None:
            self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._calls is not None:
            self.end(None if kind is None else kind.__name__)


UNTOLD = Scope(None, "")
"""The scope of every call that no hook hears of."""


class Calls:
    """Tells the hooks of a client about its calls.

    Args:
        hooks: Who is told.
        vendor: Whose calls they are.

    Attributes:
        told: Whether anybody is told.
        vendor: The vendor's name.
    """

    def __init__(self, hooks: Hooks, vendor: Named) -> None:
        self.told = bool(hooks)
        self.vendor = vendor.name
        self._hooks = hooks
        self._host = vendor.host

    def scope(self, operation: str, message_id: str | None = None) -> Scope:
        """Return the scope of a new call, which has not begun.

        Args:
            operation: The name of the client's method.
            message_id: The vendor's id of the message it is about, where it is about one.
        """
        return Scope(self, operation, message_id) if self.told else UNTOLD

    def begin(self, operation: str, message_id: str | None) -> Call:
        """Tell the hooks that a call begins, and return it."""
        call = Call(
            number=next(_numbers),
            operation=operation,
            vendor=self.vendor,
            host=self._host,
            began=_now(),
            message_id=message_id,
        )
        self._hooks.emit(CallStarted(call=call))
        return call

    def end(self, call: Call, error_type: str | None) -> None:
        """Tell the hooks that a call is over."""
        self._hooks.emit(CallFinished(call=call, elapsed=_now() - call.began, error_type=error_type))


def _now() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:  # of which the call itself makes an error that says what to do
        return 0.0
