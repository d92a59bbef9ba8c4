"""One pass over a file both counts its rows and hands them on."""

import asyncio
import io
from decimal import Decimal
from pathlib import Path

import pytest

from smsbat_async import ConfigurationError, Rate
from smsbat_async.campaign.preflight import Preflight
from smsbat_async.campaign.prices import PriceTable
from smsbat_async.campaign.reading import checked
from smsbat_async.campaign.recipients import Recipient, Recipients
from smsbat_async.campaign.rows import BadRow, Fingerprint
from smsbat_async.campaign.sources import CsvSource
from smsbat_async.campaign.tally import Tally, counted

PRICES = PriceTable({"380": "0.035"}, currency="EUR")
MAPPING = Recipients(campaign="spring", from_name="Shop")
ROWS = b"phone,text\n+380501234567,Hello\nragged\n+380501234567,again\n+48501234567,Hello\n"


def source() -> CsvSource:
    return CsvSource(io.BytesIO(ROWS))


class TestCounted:
    async def test_comes_to_what_a_preflight_says(self, tmp_path: Path) -> None:
        path, rate = tmp_path / "rejects.csv", Rate(10, 15)
        said = await Preflight.of(
            source(), MAPPING, prices=PRICES, rate=rate, chunk_size=2, rejects=str(path)
        )
        rejects = path.read_bytes()
        path.unlink()
        tally, read = Tally(PRICES), source()
        assert len(await asyncio.to_thread(list, counted(read, MAPPING, tally, str(path)))) == 4
        assert tally.fingerprint == read.fingerprint()
        found = Preflight.tallied(
            tally, read.name, read.fingerprint(), rate=rate, chunk_size=2, rejects=str(path)
        )
        assert found == said
        assert (found.good, found.bad, found.cost, found.unpriced) == (2, 2, Decimal("0.035"), 1)
        assert path.read_bytes() == rejects

    def test_hands_on_every_row_in_its_order(self) -> None:
        found = list(counted(source(), MAPPING, Tally()))
        assert found == list(checked(source(), MAPPING))
        assert [type(one) for one in found] == [Recipient, BadRow, BadRow, Recipient]

    def test_counts_a_row_before_it_hands_it_on(self) -> None:
        tally = Tally()
        seen = [(tally.good, tally.bad) for _ in counted(source(), MAPPING, tally)]
        assert seen == [(1, 0), (1, 1), (1, 2), (2, 2)]

    def test_left_early_knows_no_fingerprint_and_leaves_no_file_of_bad_rows(self, tmp_path: Path) -> None:
        tally = Tally()
        rows = counted(source(), MAPPING, tally, tmp_path / "rejects.csv")
        assert [type(next(rows)) for _ in range(2)] == [Recipient, BadRow]
        rows.close()
        assert tally.fingerprint is None
        assert list(tmp_path.iterdir()) == []

    def test_counts_rows_of_several_sources_together(self) -> None:
        tally = Tally()
        for _ in range(2):
            for _ in counted(source(), MAPPING, tally):
                pass
        assert (tally.good, tally.bad) == (4, 4)
        assert [(reason.code, reason.lines) for reason in tally.reasons()] == [
            ("ragged", (3, 3)),
            ("duplicate_phone", (4, 4)),
        ]


class TestTallied:
    @pytest.mark.parametrize("chunk_size", [0, 1_001])
    def test_a_chunk_has_a_size_within_bounds(self, chunk_size: int) -> None:
        with pytest.raises(ConfigurationError, match="chunk_size must be"):
            Preflight.tallied(Tally(), "a", Fingerprint(0, ""), chunk_size=chunk_size)

    def test_has_a_currency_with_prices_alone(self) -> None:
        assert (Tally().cost(), Tally().currency) == (None, None)
        assert (Tally(PRICES).cost(), Tally(PRICES).currency) == (Decimal(0), "EUR")
