"""What the ledger does per second: messages imported, claimed, recorded as accepted, ended, and merged.

Each figure comes from a campaign of its own in a new file, with vendor's ids that are random and ends that
come in no order within a window. Every round does it twice: as it is, and with the index on the vendor's ids
that the ledger does without, so that what the index would cost is seen beside it.
"""

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import machine
from benchmarks.table import Report, Spread, Table
from benchmarks.ticker import Ticker
from smsbat_async import CascadeMessage, MessageType, Outcome, SendOutcome, SendResult
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, Chunk, End, NewMessage, News

BATCH = 2_000
"""How many messages are imported, and how many ends are written, with one call."""

WINDOW = 50_000
"""Among how many messages that are followed at a time ends come in no order."""

TOLD = 20
"""Every so manieth message is one that a webhook tells of while nobody has it in memory."""

TEXT = (
    "Dear customer {}, our spring sale starts on Monday: 20% off everything in the shop. Reply STOP to end."
)

AS_IT_IS, INDEXED = "as it is", "with an index on vendor's ids"
PHASES = ("import", "seal", "claim", "record accepted", "record ends", "merge news")


class Size(NamedTuple):
    """How much is measured.

    Args:
        messages: How many a campaign has.
        chunk: How many are claimed at a time.
        rounds: How often it is measured.
    """

    messages: int = 200_000
    chunk: int = 500
    rounds: int = 3


QUICK = Size(messages=10_000, rounds=1)


class Spent(NamedTuple):
    """What a phase took, in seconds.

    Args:
        wall: By the clock.
        cpu: Of CPU time, all threads.
        stall: The longest time that the event loop was held up, beyond a millisecond.
        collection: The longest run of the garbage collector, of CPU time; it is part of the stall.
    """

    wall: float = 0.0
    cpu: float = 0.0
    stall: float = 0.0
    collection: float = 0.0


class Stopwatch:
    """What the phases took so far."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PHASES, Spent())

    @contextmanager
    def running(self, phase: str) -> Iterator[None]:
        """Add what happens within to a phase."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        known = self.spent[phase]
        self.spent[phase] = known._replace(
            wall=known.wall + time.perf_counter() - wall, cpu=known.cpu + time.process_time() - cpu
        )

    def held_up(self, phase: str, ticker: Ticker) -> None:
        """Note how long the event loop was held up in a phase."""
        self.spent[phase] = self.spent[phase]._replace(
            stall=ticker.stall.wall, collection=ticker.stall.collection
        )


class Round:
    """One campaign, from its import to its end.

    Args:
        where: The ledger's file.
        size: How much is measured.
        indexed: Whether the file gets the index on the vendor's ids.
    """

    def __init__(self, where: Path, size: Size, *, indexed: bool) -> None:
        self._where = where
        self._size = size
        self._indexed = indexed
        self._random = random.Random(size.messages)
        self._watch = Stopwatch()

    async def run(self) -> dict[str, Spent]:
        """Do it, and return what each phase took."""
        async with Ledger.open(self._where) as ledger:
            campaign = await ledger.begin("bench", fingerprint="bench", chunk_size=self._size.chunk)
            campaign = await self._import(ledger, campaign)
        if self._indexed:
            connection = sqlite3.connect(self._where)
            connection.execute(
                "CREATE INDEX of_the_vendor ON message (vendor_id) WHERE vendor_id IS NOT NULL"
            )
            connection.close()
        async with Ledger.open(self._where) as ledger:
            numbers, told = await self._send(ledger, campaign)
            async with Ticker() as ticker:
                await ledger.add_news(News(vendor_id=one, outcome=Outcome.DELIVERED) for one in told)
                with self._watch.running("merge news"):
                    assert await ledger.merge_news(campaign) == len(told)
            self._watch.held_up("merge news", ticker)
            await self._end(ledger, campaign, numbers, len(told))
            await ledger.verify(campaign)
        return self._watch.spent

    async def _import(self, ledger: Ledger, campaign: CampaignRecord) -> CampaignRecord:
        async with Ticker() as ticker:
            for first in range(1, self._size.messages + 1, BATCH):
                last = min(first + BATCH, self._size.messages + 1)
                batch = [_new(line) for line in range(first, last)]
                with self._watch.running("import"):
                    await ledger.add(campaign, batch)
        self._watch.held_up("import", ticker)
        async with Ticker() as ticker:
            with self._watch.running("seal"):
                campaign = await ledger.seal(campaign)
        self._watch.held_up("seal", ticker)
        return campaign

    async def _send(self, ledger: Ledger, campaign: CampaignRecord) -> tuple[list[int], list[str]]:
        numbers: list[int] = []
        told: list[str] = []
        async with Ticker() as ticker:
            while True:
                with self._watch.running("claim"):
                    chunk = await ledger.claim(campaign, owner="bench")
                if chunk is None:
                    break
                results = self._taken(chunk)
                with self._watch.running("record accepted"):
                    await ledger.record(chunk, results)
                numbers += (one.id for one in chunk.messages)
                told += (one.message_id for one in results[::TOLD] if one.message_id is not None)
        for phase in ("claim", "record accepted"):
            self._watch.held_up(phase, ticker)
        return numbers, told

    def _taken(self, chunk: Chunk) -> list[SendResult]:
        draw = self._random.getrandbits
        return [SendResult(one.message, SendOutcome.ACCEPTED, f"{draw(128):032x}") for one in chunk.messages]

    async def _end(self, ledger: Ledger, campaign: CampaignRecord, numbers: list[int], told: int) -> None:
        ended = 0
        async with Ticker() as ticker:
            for start in range(0, len(numbers), WINDOW):
                window = numbers[start : start + WINDOW]
                self._random.shuffle(window)
                for first in range(0, len(window), BATCH):
                    ends = [_end(number) for number in window[first : first + BATCH]]
                    with self._watch.running("record ends"):
                        ended += await ledger.record_ends(campaign, ends)
        self._watch.held_up("record ends", ticker)
        assert ended == len(numbers) - told


def _new(line: int) -> NewMessage:
    message = CascadeMessage(
        id=f"bench-{line}",
        from_name="Shop",
        to_phone=f"+38050{line:07d}",
        message_type=MessageType.PROMO,
        text=TEXT.format(line),
    )
    return NewMessage(line, message, 1, "UA", Decimal("0.05"))


def _end(number: int) -> End:
    return End(number, Outcome.DELIVERED, Decimal("0.05"), "viber", polls=2)


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    rounds: dict[str, list[dict[str, Spent]]] = {AS_IT_IS: [], INDEXED: []}
    for _ in range(size.rounds):
        for way, done in rounds.items():
            with tempfile.TemporaryDirectory() as folder:
                one = Round(Path(folder) / "ledger.db", size, indexed=way == INDEXED)
                done.append(asyncio.run(one.run()))
    table = Table(
        f"The ledger in a file: {size.messages:,} messages in chunks of {size.chunk}",
        ("", "messages/s of CPU", "messages/s", "stall ms", "collection ms", "CPU with that index"),
    )
    for phase in PHASES:
        table.add(phase, *_cells(rounds, phase, size))
    table.notes = [
        "Medians of the rounds, and their ends. messages/s of CPU: by the CPU time of all threads, which "
        "other programs on the machine disturb less than the time by the clock.",
        "stall: the longest time that a ticker of 1 ms was kept waiting, one for claim and record together; "
        "collection: the longest run of the garbage collector, which is part of it.",
        "CPU with that index: how many times the CPU time it takes where the vendor's ids, which are random, "
        "are indexed; ratios of pairs of rounds.",
        f"merge news: a webhook told of one message in {TOLD}; the rate counts all that are walked through.",
        f"Ends come in no order among {WINDOW:,} messages, {BATCH:,} at a time.",
    ]
    data = {
        way: [{phase: one[phase]._asdict() for phase in PHASES} for one in done]
        for way, done in rounds.items()
    }
    return Report("ledger", table, {"machine": machine.describe(), "size": size._asdict(), "rounds": data})


def _cells(rounds: dict[str, list[dict[str, Spent]]], phase: str, size: Size) -> tuple[str, ...]:
    plain, indexed = ([one[phase] for one in rounds[way]] for way in (AS_IT_IS, INDEXED))
    costs = Spread.of_ratios([one.cpu for one in indexed], [one.cpu for one in plain])
    return (
        Spread.of(size.messages / one.cpu for one in plain).text(),
        Spread.of(size.messages / one.wall for one in plain).text(),
        Spread.of(1e3 * one.stall for one in plain).text(1),
        Spread.of(1e3 * one.collection for one in plain).text(1),
        costs.text(2) if phase not in {"import", "seal"} else "",
    )


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("messages", type=int, nargs="?", default=Size().messages)
    parser.add_argument("--chunk", type=int, default=Size().chunk)
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    options: Any = parser.parse_args()
    print(run(Size(options.messages, options.chunk, options.rounds)).table)
