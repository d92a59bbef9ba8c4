"""Writes docs/cli.md of cli.in.md and the program itself: `python docs/generate_cli.py > docs/cli.md`."""

import re
import sys
from pathlib import Path

from smsbat_async.cli.app import tree
from smsbat_async.cli.exits import MEANING

TEMPLATE = Path(__file__).with_name("cli.in.md")


def page() -> str:
    """Return the page."""
    made = TEMPLATE.read_text(encoding="utf-8")
    for mark, text in (("exit codes", exit_codes()), ("commands", commands())):
        before, found, after = made.partition(f"<!-- {mark} -->\n")
        assert found, f"{TEMPLATE} has no mark for {mark}"
        made = before + text + after
    return made


def exit_codes() -> str:
    """Return the table of exit codes."""
    rows = "".join(f"| {code.value} | {meaning} |\n" for code, meaning in MEANING.items())
    return f"| code | meaning |\n|---|---|\n{rows}"


def commands() -> str:
    """Return what the program says of its commands."""
    written = tree(whole=True).generate_docs(heading_level=2)
    # The list of contents, and the program as a command of its own, say nothing that the rest does not.
    _, found, rest = written.partition("### smsbat send\n")
    assert found
    rest = re.sub(r" +$", "", found + rest, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", rest).strip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
