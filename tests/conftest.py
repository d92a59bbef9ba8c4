"""What every test stands on: both event loops, virtual time, and a watch on blocking calls."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop
from blockbuster import BlockBuster, blockbuster_ctx


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every async test on both loops; virtual time exists on asyncio's alone."""
    if item.get_closest_marker("looptime") is not None:
        return {"virtual": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def no_blocking_calls(request: pytest.FixtureRequest) -> Iterator[BlockBuster | None]:
    """Fail a test whose package code blocks the event loop."""
    with blockbuster_ctx("smsbat_async") as watch:
        yield watch
