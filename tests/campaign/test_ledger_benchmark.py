"""The ledger's benchmark: it runs, and says what it measured."""

import pytest

from benchmarks import ledger

pytestmark = pytest.mark.unmeasured


def test_tells_of_every_phase_and_of_what_an_index_would_cost() -> None:
    report = ledger.run(ledger.Size(messages=300, chunk=50, rounds=2))
    assert [row[0] for row in report.table.rows] == list(ledger.PHASES)
    assert report.name == "ledger"
    assert {len(rounds) for rounds in report.data["rounds"].values()} == {2}
    for rounds in report.data["rounds"].values():
        for phases in rounds:
            assert all(spent["cpu"] > 0 for spent in phases.values())
