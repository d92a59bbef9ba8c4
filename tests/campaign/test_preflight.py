"""What a file will come to, before anything is sent."""

import asyncio
import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smsbat_async import ConfigurationError, Rate
from smsbat_async.campaign.preflight import Preflight
from smsbat_async.campaign.prices import PriceTable
from smsbat_async.campaign.recipients import Recipients
from smsbat_async.campaign.rejects import safe_cell
from smsbat_async.campaign.rows import BadRow, Fingerprint, Row
from smsbat_async.campaign.sources import CsvSource, JsonLinesSource
from smsbat_async.campaign.tally import Reason
from smsbat_async.errors import SourceError

PRICES = PriceTable({"380": "0.035", "48": "0.05"}, currency="EUR")
MAPPING = Recipients(campaign="spring", from_name="Shop")

ROWS = (
    "phone,text\n"
    "+380501234567,Hello\n"
    "+380501234568," + "ї" * 71 + "\n"
    "+48501234567,Hello\n"
    "+447700900123,Hello\n"
    "3.80501E+11,Hello\n"
    "+380501234567,again\n"
    "ragged\n"
    "=cmd,Hello\n"
)


class Endless:
    """A source of as many rows as are wanted."""

    name = "endless"
    columns = ("phone", "text")
    rereadable = True

    def __init__(self) -> None:
        self.closed = False

    def rows(self) -> Iterator[Row | BadRow]:
        try:
            for line in range(2, 10**9):
                yield Row(line, {"phone": f"+380{line:09d}", "text": "Hello"})
        finally:
            self.closed = True

    def fingerprint(self) -> Fingerprint:
        return Fingerprint(0, "")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def of(text: str, **given: Any) -> Preflight:
    return await Preflight.of(CsvSource(io.BytesIO(text.encode())), MAPPING, **given)


class TestFigures:
    async def test_row_73_count_what_is_good_and_what_is_bad(self, people: Path) -> None:
        found = await Preflight.of(CsvSource(people), MAPPING)
        assert (found.rows, found.good, found.bad) == (8, 4, 4)
        assert found.source == str(people)
        assert found.fingerprint == CsvSource(people).fingerprint()

    async def test_row_73_tell_the_reasons_with_their_lines(self, people: Path) -> None:
        found = await Preflight.of(CsvSource(people), MAPPING)
        assert [(reason.code, reason.field, reason.count, reason.lines) for reason in found.reasons] == [
            ("rounded_phone", "phone", 1, (6,)),
            ("duplicate_phone", "phone", 1, (7,)),
            ("ragged", None, 1, (8,)),
            ("invalid_phone", "phone", 1, (9,)),
        ]

    async def test_row_73_keep_the_first_twenty_lines_of_each_reason(self) -> None:
        found = await of("phone,text\n" + "x\n" * 30 + "+380501234567,\n" * 50)
        assert found.reasons == (
            Reason("missing_text", "text", "a promo message needs a text", 50, tuple(range(32, 52))),
            Reason("ragged", None, "must have as many values as the header: 2", 30, tuple(range(2, 22))),
        )

    async def test_tell_encodings_parts_and_countries(self) -> None:
        found = await of(ROWS)
        assert found.encodings == {"GSM-7": 3, "UCS-2": 1}
        assert found.parts == {1: 3, 2: 1}
        assert found.total_parts == 5
        assert found.countries == {"UA": 2, "PL": 1, "GB": 1}

    async def test_tell_an_exact_cost_and_what_has_no_price(self) -> None:
        found = await of(ROWS, prices=PRICES)
        assert (found.cost, found.currency, found.unpriced) == (Decimal("0.155"), "EUR", 1)
        without = await of(ROWS)
        assert (without.cost, without.currency, without.unpriced) == (None, None, 0)

    @pytest.mark.parametrize(
        ("rows", "chunk_size", "seconds"), [(1_000, 500, 0.2), (1_001, 500, 0.3), (5, 1, 0.5)]
    )
    async def test_tell_how_long_sending_takes(self, rows: int, chunk_size: int, seconds: float) -> None:
        text = "phone,text\n" + "".join(f"+38050{number:07d},Hello\n" for number in range(rows))
        found = await of(text, rate=Rate(10, 15), chunk_size=chunk_size)
        assert found.seconds == pytest.approx(seconds)

    async def test_are_all_zero_for_a_header_alone(self) -> None:
        found = await of("phone,text\n", prices=PRICES, rate=Rate(10, 15))
        assert (found.rows, found.cost, found.seconds) == (0, Decimal(0), 0.0)
        assert found.reasons == ()

    async def test_count_kinds_that_are_too_many_together(self) -> None:
        rows = "".join(f'{{"phone": "+380501234567", "x{number}": []}}\n' for number in range(150))
        found = await Preflight.of(JsonLinesSource(io.BytesIO(rows.encode())), MAPPING)
        assert len(found.reasons) == 101
        assert (found.reasons[0].code, found.reasons[0].count) == ("others", 50)

    async def test_are_told_while_they_grow(self) -> None:
        told: list[int] = []
        text = "phone,text\n" + "".join(f"+38050{number:07d},Hello\n" for number in range(4_500))
        await of(text, progress=told.append)
        assert told == [2_000, 4_000, 4_500]


class TestRejects:
    async def test_row_73_hold_every_bad_row(self, people: Path, tmp_path: Path) -> None:
        path = tmp_path / "rejects.csv"
        found = await Preflight.of(CsvSource(people), MAPPING, rejects=path)
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))
        assert [row[:3] for row in rows] == [
            ["line", "field", "code"],
            ["6", "phone", "rounded_phone"],
            ["7", "phone", "duplicate_phone"],
            ["8", "", "ragged"],
            ["9", "phone", "invalid_phone"],
        ]
        assert found.rejects == str(path)
        assert names(tmp_path) == ["people.csv", "rejects.csv"]

    async def test_row_73_hold_more_than_is_kept_in_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "rejects.csv"
        await of("phone,text\n" + "x\n" * 5_000, rejects=path)
        assert len(list(CsvSource(path).rows())) == 5_000

    async def test_hold_no_phone_and_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "rejects.csv"
        await of(
            "phone,text\n+380671234567,secret\n+380671234567,secret\n+380x671234567,secret\n", rejects=path
        )
        text = path.read_text(encoding="utf-8")
        assert "0671234" not in text
        assert "secret" not in text

    async def test_hold_no_formula(self, tmp_path: Path) -> None:
        path = tmp_path / "rejects.csv"
        source = JsonLinesSource(io.BytesIO(b'{"=HYPERLINK(1)": []}\n{"\\ud800": []}\n'))
        await Preflight.of(source, MAPPING, rejects=path)
        fields = [row.fields["field"] for row in CsvSource(path).rows() if isinstance(row, Row)]
        assert fields == ["'=HYPERLINK(1)", "\\ud800"]

    @pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1"])
    def test_cells_that_begin_like_a_formula_get_an_apostrophe(self, text: str) -> None:
        assert safe_cell(text) == "'" + text
        assert safe_cell("x" + text) == "x" + text

    async def test_are_not_there_when_the_source_cannot_be_read(self, tmp_path: Path) -> None:
        path = tmp_path / "rejects.csv"
        path.write_text("of an earlier run")
        with pytest.raises(SourceError, match="no column"):
            await of("a,b\n1\n", rejects=path)
        assert path.read_text() == "of an earlier run"
        assert names(tmp_path) == ["rejects.csv"]

    async def test_never_replace_the_source(self, people: Path, tmp_path: Path) -> None:
        link = tmp_path / "link.csv"
        link.symlink_to(people)
        for path in (people, link):
            with pytest.raises(SourceError, match="another file than the source"):
                await Preflight.of(CsvSource(people), MAPPING, rejects=path)
        assert people.read_text(encoding="utf-8") == ROWS

    @pytest.mark.parametrize(
        "name", ["none/rejects.csv", "folder", "a\0b"], ids=["no folder", "a folder", "nul"]
    )
    async def test_that_cannot_be_written_are_told(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder").mkdir()
        with pytest.raises(SourceError, match="cannot be written"):
            await of(ROWS, rejects=tmp_path / name)
        assert names(tmp_path) == ["folder"]


class TestReadingIt:
    async def test_is_given_up_when_it_is_cancelled(self, tmp_path: Path) -> None:
        source, path = Endless(), tmp_path / "rejects.csv"
        begun = asyncio.Event()

        def progress(rows: int) -> None:
            begun.set()

        reading = asyncio.create_task(Preflight.of(source, MAPPING, rejects=path, progress=progress))
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert source.closed
        assert names(tmp_path) == []

    async def test_a_path_can_be_read_afterwards_and_a_stream_cannot(self, people: Path) -> None:
        source = CsvSource(people)
        await Preflight.of(source, MAPPING)
        assert (await Preflight.of(source, MAPPING)).rows == 8
        with people.open("rb") as stream:
            source = CsvSource(stream)
            await Preflight.of(source, MAPPING)
            with pytest.raises(SourceError, match="save it to a file first"):
                await Preflight.of(source, MAPPING)

    @pytest.mark.parametrize("chunk_size", [0, 1_001, 1.5, True])
    async def test_a_chunk_has_a_size_within_bounds(self, chunk_size: Any) -> None:
        with pytest.raises(ConfigurationError, match="chunk_size must be"):
            await of(ROWS, chunk_size=chunk_size)


class TestShownText:
    async def test_reads_well_at_80_columns(self, tmp_path: Path) -> None:
        path = tmp_path / "rejects.csv"
        found = await of(ROWS, prices=PRICES, rate=Rate(10, 15), rejects=path)
        assert str(found).splitlines() == [
            "Preflight of the stream",
            "  rows                    8   283 bytes",
            "  good                    4   50.0 %",
            "  bad                     4   50.0 %",
            "  countries               3   UA 2, PL 1, GB 1",
            "  SMS parts               5   single 3, of 2 1",
            "  encodings               2   GSM-7 3, UCS-2 1",
            "  cost                0.155   EUR, if all go out by SMS",
            "  no price                1   messages that the cost leaves out",
            "  time                  1 s   to send them, at the configured rate",
            "",
            "      bad rows  what is wrong",
            "             1  phone: was rounded by a spreadsheet, as 3.8E+11, and its last",
            "                digits are lost: format the column as text, and export it again",
            "                (rounded_phone, line 6)",
            "             1  phone: is the phone of line 2 as well",
            "                (duplicate_phone, line 7)",
            "             1  row: must have as many values as the header: 2",
            "                (ragged, line 8)",
            "             1  phone: must be one phone number: +380501234567",
            "                (invalid_phone, line 9)",
            "",
            f"Every bad row is in {path}",
        ]

    def test_never_leaves_80_columns(self) -> None:
        countries: dict[str | None, int] = {f"C{number}": 10**9 - number for number in range(50)}
        found = Preflight(
            source="people.csv",
            fingerprint=Fingerprint(10**13, "f" * 64),
            good=10**10 - 1,
            bad=1,
            reasons=(Reason("a" * 20, "x" * 99, "why " * 60, 10**9 - 1, tuple(range(10**9, 10**9 + 20))),),
            encodings={"GSM-7": 10**10, "UCS-2": 10**10},
            parts=dict.fromkeys(range(1, 30), 10**9),
            countries={**countries, None: 7},
            cost=Decimal("123456789.123456789"),
            currency="EUR",
            unpriced=10**9,
            seconds=10**7,
        )
        lines = str(found).splitlines()
        assert [line for line in lines if len(line) > 80] == []
        assert any(line.endswith("others") for line in lines)

    @pytest.mark.parametrize(
        ("good", "bad", "shares"),
        [(999_999, 1, ["99.9 %", "0.1 %"]), (1, 999_999, ["0.1 %", "99.9 %"]), (5, 0, ["100.0 %", "0.0 %"])],
    )
    def test_says_all_and_nothing_only_where_it_is_so(self, good: int, bad: int, shares: list[str]) -> None:
        found = Preflight(
            source="a",
            fingerprint=Fingerprint(1, ""),
            good=good,
            bad=bad,
            reasons=(),
            encodings={},
            parts={},
            countries={},
        )
        lines = str(found).splitlines()
        assert [line.split(maxsplit=2)[2] for line in lines[2:4]] == shares

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [(0.2, "1 s"), (59, "59 s"), (61, "2 min"), (3_600, "1 h 00 min"), (9_000, "2 h 30 min")],
    )
    def test_says_how_long_in_words(self, seconds: float, said: str) -> None:
        found = Preflight(
            source="a",
            fingerprint=Fingerprint(1, ""),
            good=1,
            bad=0,
            reasons=(),
            encodings={},
            parts={},
            countries={},
            seconds=seconds,
        )
        assert f" {said}   to send them" in str(found)
