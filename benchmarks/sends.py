"""What one process spends to send a file of recipients, in one of several ways; prints it as JSON.

`benchmarks.campaigns` starts one such process per way and round.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self

from benchmarks import machine
from benchmarks.recipients import lines
from smsbat_async import CascadeMessage, Limits, PollPolicy, SendOutcome, SessionPool, SmsBatClient
from smsbat_async.campaign import (
    Campaign,
    CampaignSettings,
    CsvSource,
    Ledger,
    PriceTable,
    Recipient,
    Recipients,
    State,
    Template,
)
from smsbat_async.campaign.reading import checked

MAPPING = Recipients(
    campaign="bench",
    from_name="Shop",
    text=Template(
        "Dear {name}, our spring sale starts on Monday: 20% off everything in the shop. Reply STOP to end."
    ),
    default_region="UA",
)
PRICES = PriceTable({"380": Decimal("0.035"), "38067": Decimal("0.041")}, currency="EUR")
POLLING = PollPolicy(initial=2.0)

Measured = dict[str, Any]
Way = Callable[[SmsBatClient, Path, Path], Awaitable[Measured]]


class Stretch:
    """Times what is done within, by the clock and by the CPU."""

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._wall
        self.cpu = time.process_time() - self._cpu


async def bare(client: SmsBatClient, people: Path, ledger: Path) -> Measured:
    """Send without a ledger: `send_stream`, of messages that are made beforehand."""
    messages = await asyncio.to_thread(_messages, people)
    accepted = 0
    with Stretch() as spent:
        async with client.send_stream(messages) as results:
            async for result in results:
                accepted += result.outcome is SendOutcome.ACCEPTED
    return _measured(accepted, len(messages), spent)


def _messages(people: Path) -> list[CascadeMessage]:
    return [found.message for found in checked(CsvSource(people), MAPPING) if isinstance(found, Recipient)]


async def campaign(client: SmsBatClient, people: Path, ledger: Path) -> Measured:
    """Send as a campaign that follows nothing."""
    return await _campaign(client, people, ledger, track_for=0.0)


async def followed(client: SmsBatClient, people: Path, ledger: Path) -> Measured:
    """Send as a campaign, and follow every message to its end at the same time."""
    return await _campaign(client, people, ledger, track_for=3600.0)


async def _campaign(client: SmsBatClient, people: Path, where: Path, *, track_for: float) -> Measured:
    settings = CampaignSettings(track_for=track_for, accept_bad_rows=True)
    async with Ledger.open(where) as ledger:
        made = Campaign(
            "bench", CsvSource(people), ledger=ledger, recipients=MAPPING, prices=PRICES, settings=settings
        )
        preflight = await made.prepare()
        with Stretch() as spent:
            summary = await made.run(client)
        wanted = State.DELIVERED if track_for else State.ACCEPTED
        return _measured(summary.counts[wanted], preflight.good, spent)


def _measured(done: int, wanted: int, spent: Stretch) -> Measured:
    assert done == wanted, f"{done} of {wanted}"
    return {"messages": done, "wall": spent.wall, "cpu": spent.cpu}


WAYS: dict[str, Way] = {"send_stream": bare, "campaign": campaign, "followed": followed}


async def main(way: str, url: str, transport: Literal["aiohttp", "wire"], rows: int) -> Measured:
    """Send a file of so many rows, and return what it took."""
    with tempfile.TemporaryDirectory() as folder:
        people = Path(folder) / "people.csv"
        with people.open("w", encoding="utf-8") as file:
            file.writelines(lines(rows))
        pool = SessionPool(transport=transport)
        client = SmsBatClient(
            api_key="key", base_url=url, limits=Limits(status=None, send=None), pool=pool, polling=POLLING
        )
        async with pool, client:
            return await WAYS[way](client, people, Path(folder) / "ledger.db")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sends", description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url")
    parser.add_argument("transport", choices=("aiohttp", "wire"))
    parser.add_argument("loop", choices=machine.loops())
    parser.add_argument("rows", type=int)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=machine.loops()[options.loop]) as runner:
        found = runner.run(main(options.way, options.url, options.transport, options.rows))
    json.dump({**found, "peak": machine.peak_resident_bytes()}, sys.stdout)
