"""The program with a ledger in PostgreSQL, where others can look while it runs."""

import re
from pathlib import Path

import pytest

from tests.campaign.conftest import postgres, server  # noqa: F401 - fixtures
from tests.cli.program import Program, Served, recipients, until

COUNT = 60
FAST = ("--poll", "0.05", "--status-rate", "0", "--track-for", "2s")


def command(*more: str) -> list[str]:
    return [
        "campaign",
        "run",
        "spring",
        "people.csv",
        "--from",
        "Shop",
        "--text",
        "Hi",
        "--yes",
        *FAST,
        *more,
    ]


def test_a_campaign_in_a_database_is_looked_at_paused_and_resumed(
    at_sandbox: Path,
    served: Served,
    postgres: str,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMSBAT_LEDGER", postgres)
    recipients(at_sandbox, COUNT)
    before = served.stats()["accepted"]
    with Program(*command("--chunk-size", "5", "--rate", "2", "--json")) as program:
        until(lambda: served.stats()["accepted"] > before, "anything is sent")
        [beacon] = (at_sandbox / "state" / "smsbat").glob("*.running.json")
        until(lambda: re.search(rb'"sent":[1-9]', beacon.read_bytes()), "progress is written")
        with Program("campaign", "status", "spring") as looking:
            ended = looking.ended()
        assert ended.code == 0, ended.err
        assert f"spring is running, in process {program.pid} on " in ended.out
        with Program("campaign", "pause", "spring") as pausing:
            ended = pausing.ended()
        assert (ended.code, ended.out) == (0, "spring is paused.\n")
        assert program.ended().code == 0
    assert not beacon.exists()
    with Program("campaign", "resume", "spring", *FAST, "--rate", "0", "--json") as program:
        ended = program.ended()
    assert ended.code == 0, ended.err
    assert ended.objects[-1]["states"] == {"delivered": COUNT}
    assert served.stats()["accepted"] == before + COUNT
