"""What every test stands on: both event loops, virtual time, and a watch on blocking calls."""

import asyncio
import gc
import os
from collections.abc import Callable, Iterator

import pytest
import uvloop
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

# How long an example takes says nothing on a busy machine. Whether a change may land is asked of the same
# examples every time; at a desk there are new ones.
settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("tests")


def pytest_sessionstart() -> None:
    """Have no event loop but the tests' own: pytest-asyncio asks for one, and would get one nobody closes."""
    asyncio.set_event_loop(None)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every async test on both loops; virtual time exists on asyncio's alone."""
    if item.get_closest_marker("looptime") is not None:
        return {"virtual": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_collection_finish() -> None:
    """Let no collection of garbage look at the tests themselves: there are 10,000 of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[BlockBuster | None]:
    """Fail a test in which the package blocks the event loop."""
    with blockbuster_ctx("smsbat_async") as watch:
        for call in ("os.stat", "io.BufferedReader.read"):
            # A time zone is a file of two kilobytes, read once, the first time that it is met.
            watch.functions[call].can_block_in("zoneinfo/_tzpath.py", "find_tzfile")
            watch.functions[call].can_block_in("zoneinfo/_common.py", "load_data")
        yield watch
