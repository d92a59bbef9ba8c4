"""The demo, run as it stands but faster."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_demo_kills_a_campaign_goes_on_and_proves_that_nothing_was_lost(tmp_path: Path) -> None:
    code = (
        "import asyncio, dataclasses, sys; from pathlib import Path; from examples import demo\n"
        "demo.FOLDER = Path(sys.argv[1]) / 'demo'\n"
        "demo.CONFIG = dataclasses.replace(demo.CONFIG, speed=30.0)\n"
        "sys.exit(asyncio.run(demo.main()))\n"
    )
    program = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert program.returncode == 0, program.stdout[-2_000:] + program.stderr[-2_000:]
    table = program.stdout.split("itself counted")[1]
    counted = dict(re.findall(r"^  (\S.*?) {2,}([\d,]+)$", table, re.MULTILINE))
    assert counted["recipients in the ledger, each in one state"] == "2,000"
    assert counted["messages that it refused"] == "2"
    assert 1_900 < int(counted["messages that the sandbox took"].replace(",", "")) <= 1_998
    assert counted["TWICE: there more than once"] == "0"
    assert "Killed with SIGKILL" in program.stdout
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000
