"""Iterables for tests of streams: well-behaved ones, and one that breaks."""

import asyncio
from collections.abc import AsyncIterator, Iterator


async def ids(count: int, ask: "list[int] | None" = None) -> AsyncIterator[str]:
    """Give ids one at a time, and note each time one was asked for."""
    for number in range(count):
        if ask is not None:
            ask.append(number)
        await asyncio.sleep(0)
        yield f"m-{number}"


def broken_after(count: int) -> Iterator[str]:
    """Give some ids, and then raise."""
    yield from (f"m-{number}" for number in range(count))
    raise LookupError("the table is gone")


async def turns(count: int = 20) -> None:
    """Let the loop turn some times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def await_the_cancelled() -> None:
    """Await a task that somebody else cancels."""
    task = asyncio.ensure_future(asyncio.sleep(3_600))
    asyncio.get_running_loop().call_soon(task.cancel)
    await task
