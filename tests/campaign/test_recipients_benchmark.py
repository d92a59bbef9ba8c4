"""The benchmark of files of recipients: its file is what it says, and every way goes through all of it."""

from pathlib import Path

import pytest

from benchmarks import passes, recipients

pytestmark = pytest.mark.unmeasured


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("".join(recipients.lines(1_000)), encoding="utf-8")
    return path


def test_tells_of_every_way() -> None:
    report = recipients.run(recipients.Size(rows=200, rounds=2))
    assert report.name == "preflight"
    assert [row[0] for row in report.table.rows] == list(passes.WAYS)
    for rounds in report.data["ways"].values():
        assert [one["good"] + one["bad"] for one in rounds] == [200, 200]
        assert all(one["cpu"] > 0 for one in rounds)


def test_one_row_in_a_hundred_is_bad(people: Path) -> None:
    assert passes.preflight(people) == (990, 10)


def test_one_phone_in_ten_is_written_as_people_do(people: Path) -> None:
    phones = [line.split(",")[0] for line in people.read_text(encoding="utf-8").splitlines()[1:]]
    assert sum(phone.startswith("067 ") for phone in phones) == 100
    assert phones[10] == "067 000-00-10"


@pytest.mark.parametrize("way", [passes.bare, passes.read], ids=["csv", "source"])
def test_a_way_that_checks_nothing_takes_every_row_for_good(way: passes.Way, people: Path) -> None:
    assert way(people) == (1_000, 0)
