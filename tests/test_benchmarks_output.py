"""What the benchmarks print and write: tables, JSON, and a page of Markdown."""

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import decode, document, machine
from benchmarks.__main__ import main, show
from benchmarks.table import Report, Spread, Table

pytestmark = pytest.mark.unmeasured


class TestOutput:
    def test_a_spread_is_the_median_between_its_ends(self) -> None:
        assert Spread.of([3.0, 1.0, 10.0]) == (3.0, 1.0, 10.0)
        assert Spread.of([3.0, 1.0, 10.0]).text(1) == "3.0 (1.0..10.0)"

    def test_ratios_are_taken_within_a_round(self) -> None:
        assert Spread.of_ratios([10.0, 100.0, 4.0], [20.0, 50.0, 4.0]) == (1.0, 0.5, 2.0)

    def test_a_table_is_aligned_and_ends_with_its_notes(self) -> None:
        table = Table("A title", ("name", "figure"))
        table.add("a long name", "1")
        table.notes.append("A note.")
        assert str(table).splitlines() == [
            "A title",
            "",
            "name         figure",
            "-----------  ------",
            "a long name  1",
            "",
            "A note.",
        ]

    def test_a_row_needs_a_cell_for_every_column(self) -> None:
        with pytest.raises(ValueError, match="1 cells for 2 columns"):
            Table("A title", ("name", "figure")).add("alone")

    def test_a_report_is_printed_and_written_as_json(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        show(Report("some", Table("A title", ("name",)), {"rows": [1.5]}), tmp_path / "new")
        assert json.loads((tmp_path / "new" / "some.json").read_text()) == {"rows": [1.5]}
        assert "A title" in capsys.readouterr().out

    def test_the_program_runs_what_it_is_asked_for(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small = program.BENCHMARKS["decode"]._replace(quick=decode.Size(answers=10, repeats=1, rounds=2))
        monkeypatch.setitem(program.BENCHMARKS, "decode", small)
        main(["--quick", "--only", "decode"], tmp_path)
        printed = capsys.readouterr().out
        assert printed.startswith("CPython ")
        assert "SmsBat.read_status" in printed
        assert [path.name for path in tmp_path.iterdir()] == ["decode.json"]
        assert json.loads((tmp_path / "decode.json").read_text())["machine"] == machine.describe()

    def test_the_program_refuses_what_it_does_not_know(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["--only", "luck"])
        assert "invalid choice: 'luck'" in capsys.readouterr().err

    def test_the_pages_have_a_place_for_every_benchmark(self) -> None:
        docs = Path(__file__).parent.parent / "docs"
        pages = ("performance.md", "polling.md", "ledger.md", "campaigns.md", "webhooks.md")
        text = "".join((docs / page).read_text(encoding="utf-8") for page in pages)
        for name in ("machine", *program.BENCHMARKS):
            assert text.count(f"<!-- begin {name} -->\n") == text.count(f"<!-- end {name} -->") == 1


class TestMarkdown:
    def test_a_table_has_its_title_its_rows_and_its_notes(self) -> None:
        table = Table("A title", ("name", "figure"))
        table.add("a long name", "1")
        table.notes.append("A note.")
        assert table.markdown().splitlines() == [
            "**A title**",
            "",
            "| name | figure |",
            "| --- | --- |",
            "| a long name | 1 |",
            "",
            "* A note.",
        ]

    def test_it_is_put_between_its_marks_and_nowhere_else(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text(
            "Above\n<!-- begin one -->\nold\n<!-- end one -->\n<!-- begin two -->\n<!-- end two -->\nBelow\n"
        )
        document.put(page, "one", r"new \1")
        document.put(page, "two", "also new")
        document.put(page, "two", "newer")
        assert page.read_text() == (
            "Above\n<!-- begin one -->\n\nnew \\1\n\n<!-- end one -->\n"
            "<!-- begin two -->\n\nnewer\n\n<!-- end two -->\nBelow\n"
        )

    def test_a_page_says_what_it_has_a_place_for(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text("<!-- begin one summary -->\n<!-- end one summary -->\n")
        assert document.has(page, "one summary")
        assert not document.has(page, "one")

    @pytest.mark.parametrize(
        "text", ["", "<!-- begin one -->\n", 2 * "<!-- begin one -->\n<!-- end one -->\n"], ids=range(3)
    )
    def test_a_page_without_its_marks_is_refused(self, tmp_path: Path, text: str) -> None:
        page = tmp_path / "page.md"
        page.write_text(text)
        with pytest.raises(ValueError, match=r"page.md has [02] places for 'one'"):
            document.put(page, "one", "new")
        assert page.read_text() == text

    def test_the_program_writes_its_table_and_the_machine_into_a_page(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = tmp_path / "page.md"
        marks = "<!-- begin {0} -->\n<!-- end {0} -->\n"
        page.write_text(marks.format("machine") + marks.format("decode"))
        other = tmp_path / "other.md"
        other.write_text(marks.format("status"))
        small = program.BENCHMARKS["decode"]._replace(full=decode.Size(answers=10, repeats=1, rounds=2))
        monkeypatch.setitem(program.BENCHMARKS, "decode", small)
        main(["--only", "decode", "--markdown", str(page), "--markdown", str(other)], tmp_path)
        assert machine.line(machine.describe()) in page.read_text()
        assert "| basic | SmsBat.read_status |" in page.read_text()
        assert other.read_text() == marks.format("status")
