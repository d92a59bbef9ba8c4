"""The inbox page's files."""

import asyncio
import re
from pathlib import Path
from typing import Final

from smsbat_async.sandbox.answers import Answer

_FOLDER: Final = Path(__file__).with_name("inbox")
_NAME: Final = re.compile(r"[a-z0-9_-]+\.(css|js|svg)")
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def is_page_file(name: str) -> bool:
    """Tell whether a name is one that a file of the page may have.

    Args:
        name: The last part of a path.

    Returns:
        Whether it is.
    """
    return _NAME.fullmatch(name) is not None


async def read_page(name: str = "index.html") -> Answer | None:
    """Read a file of the inbox page.

    Args:
        name: One for which `is_page_file` holds, or the page itself.

    Returns:
        The file, with headers that let it run nothing but itself; None if there is none.
    """
    path = _FOLDER / name
    try:
        body = await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        return None
    return Answer(200, body, _HEADERS, f"{_TYPES[path.suffix]}")
