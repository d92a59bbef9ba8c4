"""Telling a task that is cancelled from one in which something that it awaited was."""

import asyncio

from smsbat_async.errors import TransportError


def is_cancellation(error: BaseException) -> bool:
    """Return whether an error says that somebody cancels the running task.

    An `asyncio.CancelledError` comes as well from another task that was awaited and that somebody cancelled.
    That is a failure like any other, and whoever waits for the work has to hear of it.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def ends_the_task(error: BaseException) -> bool:
    """Return whether an error is to go on its way: a cancellation of the running task, or the program's end.

    Whatever else user's own code raises, also what is no `Exception`, is a failure of that code alone.
    """
    return is_cancellation(error) or isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)


def broken_off(error: BaseException) -> TransportError:
    """Return what became of a request that an error broke off which is none of ours."""
    if isinstance(error, asyncio.CancelledError):
        return TransportError("the request was cancelled", kind="cancelled")
    return TransportError(f"the request was broken off by {type(error).__name__}", kind="broken")


def cancelled_within(
    what: str, error: asyncio.CancelledError, met: str = "something that was awaited there was cancelled"
) -> RuntimeError:
    """Return that failure as an error that does not look as if its reader had been cancelled."""
    made = RuntimeError(f"{what}: {met}")
    made.__cause__ = error
    return made
