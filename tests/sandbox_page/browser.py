"""A Chromium for tests, wherever there is one."""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Playwright, async_playwright

VARIABLE = "SMSBAT_CHROMIUM"
PATIENCE = 20_000
_NAMES = ("chromium", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium(own: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The program named by the environment, else Playwright's own, else one on the path."""
    if named := environ.get(VARIABLE):
        return named
    if Path(own).exists():
        return own
    found = (shutil.which(name, path=environ.get("PATH")) for name in _NAMES)
    return next((path for path in found if path is not None), None)


@asynccontextmanager
async def launched(playwright: Playwright, program: str) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(executable_path=program, args=_FLAGS)
    try:
        yield browser
    finally:
        await browser.close()


__all__ = ["PATIENCE", "VARIABLE", "async_playwright", "find_chromium", "launched"]
