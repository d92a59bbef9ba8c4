"""Verdict: what the ledger says became of every message, held against the witness's log."""

import asyncio
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignState, State
from smsbat_async.campaign.schema import CHUNK_MAXIMUM, STATES, chunk, message, recipient
from tests.crash.command import CONCURRENCY, NAME, Command
from tests.crash.plan import Answer
from tests.crash.witness import Meeting, Witness, vendor_id

TAKEN = frozenset(
    {
        State.ACCEPTED,
        State.DELIVERED,
        State.UNDELIVERABLE,
        State.PERMANENT_ERROR,
        State.NOT_FOUND,
        State.TIMED_OUT,
    }
)
"""Where messages are that the vendor is said to have taken."""

REFUSALS = frozenset({Answer.BUSY, Answer.REFUSED})
"""Answers after which a message may be sent again, in the same company or another."""

UNSENT = frozenset({State.PENDING, State.NOT_SENT})


class Ran(Protocol):
    """A run of the command."""

    @property
    def pid(self) -> int:
        """The number of its process."""

    @property
    def killed(self) -> bool:
        """Whether it was killed."""


class Row(NamedTuple):
    """What the ledger says of a message."""

    tracking_id: str
    state: State
    attempt: int
    chunk_id: int
    chunk_attempt: int
    owner: str | None


@dataclasses.dataclass
class Verdict:
    """What was found.

    Attributes:
        lost: Messages that are not in the ledger, have not ended there, or are said to be taken and were not.
        doubled: Messages that the witness took more than once.
        wrong: What else the ledger says that did not happen, and why that is known.
        unexplained: UNKNOWN messages that neither a kill nor a fault accounts for.
        states: How many messages are in each state.
        reasons: Why messages are UNKNOWN, and how many for each reason.
        taken: How many messages the witness took, each counted once.
        answers: How often the witness gave each answer.
    """

    lost: list[str] = dataclasses.field(default_factory=list)
    doubled: list[str] = dataclasses.field(default_factory=list)
    wrong: list[str] = dataclasses.field(default_factory=list)
    unexplained: list[str] = dataclasses.field(default_factory=list)
    states: dict[State, int] = dataclasses.field(default_factory=dict)
    reasons: Counter[str] = dataclasses.field(default_factory=Counter)
    taken: int = 0
    answers: Counter[Answer] = dataclasses.field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether nothing is amiss."""
        return not (self.lost or self.doubled or self.wrong or self.unexplained)

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(self.reasons.items()))
        amiss = [
            f"{len(found)} {name}: {', '.join(found[:5])}"
            for name in ("lost", "doubled", "wrong", "unexplained")
            if (found := getattr(self, name))
        ]
        return "; ".join([*amiss, states, f"taken {self.taken}", f"UNKNOWN since: {reasons or 'none'}"])


def judge(command: Command, witness: Witness, runs: Sequence[Ran]) -> Verdict:
    """Compare what the ledger says with what the witness took.

    Args:
        command: What was run.
        witness: The vendor that it sent to.
        runs: Every run of it, the first one first.

    Raises:
        AssertionError: If the witness itself failed.
        LedgerCorruptError: If the counts of the ledger are not those of its messages.
    """
    assert not witness.failures, witness.failures
    rows, finished = asyncio.run(_read(command.where))
    last: dict[str, Meeting] = {one: meeting for meeting in witness.meetings for one in meeting.ids}
    refused = {met.ids[0] for met in witness.meetings if met.answer is Answer.REFUSED and len(met.ids) == 1}
    verdict = Verdict(
        states=dict(Counter(row.state for row in rows)),
        taken=len(witness.taken),
        answers=Counter(meeting.answer for meeting in witness.meetings),
    )
    verdict.doubled = [one for one, count in witness.taken.items() if count > 1]
    kept = Counter(row.tracking_id for row in rows)
    verdict.lost += sorted(set(command.ids) - kept.keys())
    verdict.wrong += [f"{one} is no recipient" for one in (kept.keys() | witness.taken) - set(command.ids)]
    verdict.wrong += [f"{one} is in the ledger {count} times" for one, count in kept.items() if count > 1]
    if not finished:
        verdict.wrong.append("the campaign is not finished")
    cut: defaultdict[int, set[int]] = defaultdict(set)
    for row in rows:
        one, taken = row.tracking_id, witness.taken[row.tracking_id]
        if row.state in TAKEN and not taken:
            verdict.lost.append(f"{one} ({row.state}, never taken)")
        elif row.state in UNSENT or row.state is State.SUBMITTING:
            verdict.lost.append(f"{one} ({row.state} at the end)")
            if taken:
                verdict.wrong.append(f"{one} is {row.state} and was taken")
        elif row.state is State.TIMED_OUT and not witness.asked[vendor_id(one)]:
            verdict.wrong.append(f"{one} was given up and never asked after")
        elif row.state is State.REJECTED and (taken or one not in refused):
            verdict.wrong.append(f"{one} is rejected, and was taken or never refused")
        elif row.state is State.UNKNOWN:
            why, run = _reason(row, last.get(one), runs)
            verdict.reasons[why or "for no reason"] += 1
            if why is None:
                verdict.unexplained.append(one)
            elif run is not None:
                cut[run].add(row.chunk_id)
    verdict.unexplained += [
        f"{len(chunks)} chunks in flight at the end of run {run}"
        for run, chunks in cut.items()
        if len(chunks) > CONCURRENCY
    ]
    return verdict


def _reason(row: Row, last: Meeting | None, runs: Sequence[Ran]) -> tuple[str | None, int | None]:
    """Return why a message is UNKNOWN, and the run whose kill made it so, if one did."""
    owner = None if row.owner is None else int(row.owner.split(":")[1])
    claimed_by = next((number for number, ran in enumerate(runs, 1) if ran.pid == owner), None)
    if last is None or (claimed_by is not None and last.run < claimed_by and last.answer in REFUSALS):
        # The witness has not seen it since. That process claimed it which was the last to claim of its chunk.
        if claimed_by is None or row.attempt != row.chunk_attempt or not runs[claimed_by - 1].killed:
            return None, None
        return "killed before it was sent", claimed_by
    if last.told and last.leaves_doubt(row.tracking_id):
        return f"answered with a fault ({last.answer})", None
    if not runs[last.run - 1].killed:
        return None, None
    return f"killed before the answer{' was recorded' if last.told else ''}", last.run


async def _read(where: str) -> tuple[list[Row], bool]:
    """Return all messages of the ledger, and whether the campaign is finished."""
    async with Ledger.open(where) as ledger:
        record = await ledger.campaign(NAME)
        await ledger.verify(record)
        query = (
            sa.select(
                *(recipient.c.tracking_id, message.c.state, message.c.attempt),
                *(chunk.c.id, chunk.c.attempt, chunk.c.owner),
            )
            .select_from(recipient)
            .outerjoin(message, message.c.id == recipient.c.id)
            .outerjoin(chunk, chunk.c.id == recipient.c.id // CHUNK_MAXIMUM)
        )

        async def read(connection: Any) -> Any:
            return (await connection.execute(query)).all()

        found = await ledger.read(read)
    rows = [Row(one, STATES[state], *rest) for one, state, *rest in found]
    return rows, record.state is CampaignState.FINISHED
