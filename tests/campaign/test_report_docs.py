"""The program on the page about reports does what it says."""

from pathlib import Path

import msgspec
import pytest

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.report import queries
from smsbat_async.campaign.report.wording import SPACE, duration
from tests.campaign.ledgers import filled
from tests.test_readme import ROOT, block_with, names_of

PAGE = "docs/report.md"


async def test_makes_the_page_and_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Ledger.open("campaigns.db") as ledger:
        await filled(ledger, 3)
    await names_of(block_with(PAGE, "Report.of("))["main"]()
    assert capsys.readouterr().out == "0 of 3\n"
    assert msgspec.json.decode(Path("report.json").read_bytes())["funnel"]["recipients"] == 3
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_tells_the_buckets_as_they_are() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    for until, width in queries.BUCKETS:
        ends, steps = duration(until / 1000), duration(width / 1000)
        assert f"| {ends} | {steps} |".replace(SPACE, " ") in text


def test_shows_pictures_that_are_there_and_small() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    named = [part.split(")")[0] for part in text.split("](images/")[1:]]
    assert len(named) == 3
    for name in named:
        assert 10_000 < (ROOT / "docs/images" / name).stat().st_size < 250_000
