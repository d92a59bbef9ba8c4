"""What every test stands on: both event loops, virtual time, and a watch on blocking calls."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
import uvloop
from blockbuster import BlockBuster, blockbuster_ctx


def pytest_sessionstart() -> None:
    """Have no event loop but the tests' own: pytest-asyncio asks for one, and would get one nobody closes."""
    asyncio.set_event_loop(None)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every async test on both loops; virtual time exists on asyncio's alone."""
    if item.get_closest_marker("looptime") is not None:
        return {"virtual": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[BlockBuster | None]:
    """Fail a test in which the package blocks the event loop."""
    with blockbuster_ctx("smsbat_async") as watch:
        for call in ("os.stat", "io.BufferedReader.read"):
            # A time zone is a file of two kilobytes, read once, the first time that it is met.
            watch.functions[call].can_block_in("zoneinfo/_tzpath.py", "find_tzfile")
            watch.functions[call].can_block_in("zoneinfo/_common.py", "load_data")
        yield watch
