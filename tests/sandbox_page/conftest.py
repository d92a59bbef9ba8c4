"""One Chromium for all tests of the page, on one loop: it takes longer to start than most of them to run."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.sandbox_page.browser import PATIENCE, VARIABLE, async_playwright, find_chromium, launched


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on asyncio's loop alone: it is the page that they test."""
    return {"asyncio": asyncio.new_event_loop}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        program = find_chromium(playwright.chromium.executable_path)
        if program is None:
            pytest.skip(f"the page is tested in a Chromium: install one, or name it in {VARIABLE}")
        # Patience costs nothing where all is well, and a busy machine may be slow.
        expect.set_options(timeout=PATIENCE)
        async with launched(playwright, program) as browser:
            yield browser
