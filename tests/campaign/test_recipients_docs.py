"""What the page on recipients shows is what comes out."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smsbat_async.campaign.prices import PriceTable

PAGE = Path(__file__).parent.parent.parent / "docs" / "recipients.md"


def block(kind: str, part: str) -> str:
    """Return the one block of a kind that holds a text."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = [text for text in blocks if part in text]
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the block that defines `main`, in a folder that holds the file of the page."""
    (tmp_path / "people.csv").write_text(block("csv", "phone,name,code"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block("python", "Preflight.of").replace("asyncio.run(main())", ""), names)
    return names


async def test_the_preflight_of_the_page_is_what_it_shows(
    page: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    await page["main"]()
    assert capsys.readouterr().out == block("text", "Preflight of")


def test_the_prices_of_the_page_are_a_table(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(block("toml", "[prices]"), encoding="utf-8")
    assert PriceTable.from_toml(path).price("+380671234567") == Decimal("0.041")
