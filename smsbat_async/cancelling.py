"""Telling a task that is cancelled from one in which something that it awaited was."""

import asyncio


def is_cancellation(error: BaseException) -> bool:
    """Return whether an error says that somebody cancels the running task.

    An `asyncio.CancelledError` comes as well from another task that was awaited and that somebody cancelled.
    That is a failure like any other, and whoever waits for the work has to hear of it.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def cancelled_within(
    what: str, error: asyncio.CancelledError, met: str = "something that was awaited there was cancelled"
) -> RuntimeError:
    """Return that failure as an error that does not look as if its reader had been cancelled."""
    made = RuntimeError(f"{what}: {met}")
    made.__cause__ = error
    return made
