"""The command line is killed again and again; no message is lost, none is sent twice."""

import dataclasses
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from smsbat_async.campaign.records import State
from tests.crash.command import CONCURRENCY, Command
from tests.crash.plan import Answer, Plan
from tests.crash.points import OUTSIDE, Point
from tests.crash.proof import Proof, check_integrity
from tests.crash.verdict import judge
from tests.crash.witness import Witness

pytestmark = [pytest.mark.timeout(600), pytest.mark.unmeasured]

SEED = 7


def proved(proof: Proof, command: Command, witness: Witness, *, kills: int) -> None:
    """Kill so often, run to the end, and check that nothing is amiss and that everything was met."""
    proof.kill(kills)
    verdict = proof.finish()
    assert verdict.is_good, f"{verdict}"
    killed = Counter(ran.kill.point for ran in proof.runs if ran.killed and ran.kill is not None)
    assert killed.total() >= kills, f"the campaign was over after {killed}: {verdict}"
    assert killed.keys() == set(Point), f"{killed}"
    met = verdict.answers
    assert met[Answer.BUSY], f"{met}"
    assert met[Answer.REFUSED], f"{met}"
    for taken in (False, True):
        assert any(answer.leaves_doubt and answer.takes is taken for answer in met), f"{met}"
    assert witness.refusals, "connections were never refused"
    by_kills = sum(count for why, count in verdict.reasons.items() if why.startswith("killed"))
    assert 0 < by_kills <= kills * CONCURRENCY * command.chunk_size, f"{verdict}"


def test_row_50_a_campaign_in_a_file_survives_twenty_kills(tmp_path: Path) -> None:
    path = tmp_path / "campaigns.db"
    with Witness(Plan(SEED)) as witness:
        command = Command(tmp_path, witness.url, str(path), messages=10_000)
        proof = Proof(command, witness, Random(SEED), path=path)
        proved(proof, command, witness, kills=20)
    check_integrity(path)


def test_row_50_a_campaign_in_postgresql_survives_ten_kills(tmp_path: Path, postgres: str) -> None:
    with Witness(Plan(SEED)) as witness:
        command = Command(tmp_path, witness.url, postgres, messages=4_000, chunk_size=20)
        proof = Proof(command, witness, Random(SEED), path=None)
        proved(proof, command, witness, kills=10)


class TestTheProofItself:
    def test_the_verdict_finds_whatever_is_amiss(self, tmp_path: Path) -> None:
        path = tmp_path / "campaigns.db"
        with Witness(Plan(SEED)) as witness:
            command = Command(tmp_path, witness.url, str(path), messages=1_200)
            proof = Proof(command, witness, Random(SEED), path=path)
            proof.kill(1, (Point.WIRE,))
            verdict = proof.finish()
        assert verdict.is_good, f"{verdict}"
        assert {State.UNKNOWN, State.REJECTED} < verdict.states.keys(), f"{verdict}"

        first = next(met.ids[0] for met in reversed(witness.meetings) if met.answer is Answer.TAKEN)
        witness.taken[first] += 1
        assert judge(command, witness, proof.runs).doubled == [first]
        witness.taken[first] = 0
        assert judge(command, witness, proof.runs).lost == [f"{first} (delivered, never taken)"]
        witness.taken[first] = 1
        command.ids.append("one-more")
        assert judge(command, witness, proof.runs).lost == ["one-more"]
        command.ids.remove("one-more")
        alive = [dataclasses.replace(ran, code=0) for ran in proof.runs]
        assert judge(command, witness, alive).unexplained
        taken = [meeting for meeting in witness.meetings if meeting.answer is not Answer.REFUSED]
        witness.meetings[:] = taken
        assert judge(command, witness, proof.runs).wrong, "a rejected message was refused by nobody"

    def test_a_ledger_that_learns_late_what_leaves_does_well_while_nobody_kills(self, tmp_path: Path) -> None:
        path = tmp_path / "campaigns.db"
        with Witness(Plan(SEED)) as witness:
            command = Command(tmp_path, witness.url, str(path), messages=500, ablated=True)
            verdict = Proof(command, witness, Random(SEED), path=path).finish()
        assert verdict.is_good, f"{verdict}"

    def test_it_finds_what_is_doubled_where_a_ledger_learns_late_what_leaves(self, tmp_path: Path) -> None:
        path = tmp_path / "campaigns.db"
        with Witness(Plan(SEED)) as witness:
            command = Command(tmp_path, witness.url, str(path), messages=1_000, ablated=True)
            proof = Proof(command, witness, Random(SEED), path=path)
            proof.kill(4, OUTSIDE)
            verdict = proof.finish()
        assert len(verdict.doubled) >= command.chunk_size, f"{verdict}"
        assert not verdict.is_good
