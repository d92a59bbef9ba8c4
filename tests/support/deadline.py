"""The longest that anything in these helpers waits."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

DEADLINE = 30.0
"""Seconds of the loop's clock: far more than loopback needs, far less than a hung test run."""

T = TypeVar("T")


async def within(awaitable: Awaitable[T], what: str, seconds: float = DEADLINE) -> T:
    """Await something, and fail the test with a clear sentence when it does not come.

    Args:
        awaitable: What is waited for.
        what: What should have happened, as the failure will name it.
        seconds: How long it may take.

    Returns:
        What the awaitable gives.

    Raises:
        AssertionError: When the time is up.
    """
    watch = asyncio.timeout(seconds)
    try:
        async with watch:
            return await awaitable
    except TimeoutError:
        if not watch.expired():
            raise
    raise AssertionError(f"not within {seconds:g} s: {what}")
