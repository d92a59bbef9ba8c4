"""A Markdown page with tables of figures in it, each between two marks."""

import re
from pathlib import Path


def has(page: Path, name: str) -> bool:
    """Return whether a page has a place of a name.

    Args:
        page: The Markdown file.
        name: What stands in its marks.
    """
    return f"<!-- begin {name} -->" in page.read_text(encoding="utf-8")


def put(page: Path, name: str, text: str) -> None:
    """Put a text between the two marks of a name, in place of what is there.

    Args:
        page: The Markdown file.
        name: What stands in its marks, `<!-- begin name -->` and `<!-- end name -->`.
        text: What is put between them.

    Raises:
        ValueError: If the page does not have these marks exactly once.
    """
    old = page.read_text(encoding="utf-8")
    marks = re.compile(rf"(<!-- begin {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
    new, found = marks.subn(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", old)
    if found != 1:
        raise ValueError(f"{page.name} has {found} places for {name!r}, and must have one, between its marks")
    page.write_text(new, encoding="utf-8")
