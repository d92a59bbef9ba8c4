"""The benchmark of the report: it runs, and its made-up campaign is one that the ledger takes for sound."""

import asyncio
from pathlib import Path

import pytest

from benchmarks import report

pytestmark = pytest.mark.unmeasured


def test_measures_a_made_up_campaign_and_keeps_its_page(tmp_path: Path) -> None:
    where, html = tmp_path / "ledger.db", tmp_path / "report.html"
    asyncio.run(report.fill(where, 2_000))
    measured = report.measure(where, html)
    assert measured.messages == 2_000
    assert measured.figures > 0
    assert measured.size == len(html.read_bytes())
    assert report.told(measured).startswith("2,000 messages: ")
