"""The examples, run as they stand on fewer recipients."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples import campaign
from smsbat_async import Outcome, SendOutcome
from smsbat_async.sandbox import Sandbox, SandboxConfig

ROOT = Path(__file__).parent.parent


@pytest.fixture
def forty_recipients(tmp_path: Path) -> Path:
    path = tmp_path / "recipients.csv"
    lines = campaign.RECIPIENTS.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:41]), encoding="utf-8")
    return path


def test_there_are_two_thousand_recipients_with_numbers_of_their_own() -> None:
    messages = list(campaign.messages(campaign.RECIPIENTS))
    assert len(messages) == len({message.to_phone for message in messages}) == 2_000


@pytest.mark.looptime
async def test_the_campaign_follows_every_message_to_its_end(
    forty_recipients: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SandboxConfig(refused_phones=frozenset({"+380635360060"}), never_ends_share=0.0)
    async with Sandbox(config) as sandbox:
        run = campaign.Campaign(sandbox.url, forty_recipients)
        await run.run()
        assert sandbox.stats.accepted == 39
        run.print_report()
    assert run.sent == {SendOutcome.ACCEPTED: 39, SendOutcome.REJECTED: 1}
    assert run.ended.total() == 39
    assert run.ended[Outcome.DELIVERED] > 30
    shown = capsys.readouterr().out
    assert re.search(r"^  accepted +39$", shown, re.MULTILINE)
    assert re.search(r"^  total cost +\d+\.\d\d USD$", shown, re.MULTILINE)


def test_the_program_starts_and_stops_its_own_sandbox(forty_recipients: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from examples import campaign\n"
        "campaign.RECIPIENTS = Path(sys.argv[1])\n"
        "campaign.SANDBOX += ['--speed', '20', '--never-ends-share', '0']\n"
        "asyncio.run(campaign.main())\n"
    )
    program = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(forty_recipients)],
        capture_output=True,
        cwd=ROOT,
        timeout=40,
        check=False,
    )
    assert program.returncode == 0, program.stderr.decode()
    assert program.stderr == b""
    assert re.search(rb"^  accepted +38$", program.stdout, re.MULTILINE)
