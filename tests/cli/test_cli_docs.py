"""docs/cli.md is what the program says of itself."""

import subprocess
import sys
from pathlib import Path

from smsbat_async.cli.app import CAMPAIGN, COMMANDS, CONFIG
from smsbat_async.cli.exits import Exit
from tests.cli.program import PATIENCE

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "cli.md"


def test_the_page_is_what_its_generator_writes() -> None:
    made = subprocess.run(
        [sys.executable, "docs/generate_cli.py"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    assert made.stdout == PAGE.read_bytes(), "run: python docs/generate_cli.py > docs/cli.md"


def test_it_tells_of_every_command_and_exit_code() -> None:
    page = PAGE.read_text()
    for path in (
        *COMMANDS,
        *(f"campaign {name}" for name in CAMPAIGN),
        *(f"config {name}" for name in CONFIG),
    ):
        assert f" smsbat {path}\n" in page
    for code in Exit:
        assert f"\n| {code.value} | " in page
