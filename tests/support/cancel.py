"""Cancelling a task at an exact moment of its request."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.support.deadline import within
from tests.support.server import ScriptedServer

Moment = Callable[[ScriptedServer], bool]
"""Whether the moment has come, judged by what the server has seen."""


def at_connection(count: int = 1) -> Moment:
    """The moment when the server has accepted so many connections."""
    return lambda server: server.connections >= count


def at_bytes(count: int) -> Moment:
    """The moment when the server has read at least so many bytes."""
    return lambda server: server.bytes_seen >= count


def at_request(count: int = 1) -> Moment:
    """The moment when the server has got so many requests, before it does anything about the last."""
    return lambda server: len(server.requests) >= count


async def cancel_when(
    task: asyncio.Task[Any], server: ScriptedServer, moment: Moment, *, times: int = 1
) -> object:
    """Cancel a task from inside the server's callback that makes the moment come.

    Args:
        task: What to cancel.
        server: Who watches.
        moment: When.
        times: How often; each further cancellation comes one turn of the loop after the one before.

    Returns:
        How the task ended: the exception, CancelledError included, or its result.

    Raises:
        AssertionError: When the task ended before the moment came, or the moment never came.
    """
    over = asyncio.Event()
    came: list[bool] = []

    def act() -> None:
        came.append(task.cancel())
        over.set()

    server.watch.when(lambda: moment(server), act)
    task.add_done_callback(lambda _task: over.set())
    await within(over.wait(), "the moment of the cancellation")
    if came != [True]:
        raise AssertionError(f"the task ended before the moment came: {await ending(task)!r}")
    for _ in range(times - 1):
        await asyncio.sleep(0)
        task.cancel()
    return await ending(task)


async def cancel_after_turns(task: asyncio.Task[Any], turns: int) -> object:
    """Cancel a task after so many turns of the loop; 0 is before its first line.

    Going through all of 0, 1, 2, ... until the task ends by itself tries every await that it has.

    Args:
        task: What to cancel.
        turns: How often other callbacks run before.

    Returns:
        How the task ended: the exception, CancelledError included, or its result.
    """
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    return await ending(task)


async def ending(task: asyncio.Task[Any]) -> object:
    """Wait for the end of a task and give its exception, CancelledError included, or its result."""
    await within(asyncio.wait([task]), "the task's end")
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception() or task.result()
