"""What a campaign's report costs: seconds of CPU and memory, at a million messages unless told otherwise.

The ledger is a file that is filled by hand with a made-up campaign: several countries and channels, errors,
messages that are open, unknown, or never sent. With `--html` the page is kept, to be looked at.
"""

import argparse
import asyncio
import datetime as dt
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import machine
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignState, State
from smsbat_async.campaign.report.page import page
from smsbat_async.campaign.report.report import Report
from smsbat_async.campaign.schema import CHUNK_MAXIMUM, CODES

NAME = "spring"
CHUNK = 500
START = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)

COUNTRIES = {"UA": (560, "380", "0.0350"), "PL": (140, "48", "0.0290"), "KZ": (90, "7", "0.0420")}
COUNTRIES |= {"MD": (60, "373", "0.0510"), "RO": (50, "40", "0.0480"), "VN": (45, "84", "0.0330")}
COUNTRIES |= {"DE": (30, "49", "0.0720"), "LT": (15, "370", "0.0310"), "GE": (10, "995", "0.0610")}
"""How many in a thousand, the calling code, the price of a part."""

CHANNELS = {"viber": (60, "0.0210", 1.0), "sms": (28, "", 3.5), "telegram": (8, "0.0150", 0.7)}
CHANNELS |= {"rcs": (4, "0.0180", 1.6)}
"""How many in a hundred, what a message costs if not the country's price, how slow it is."""

FATES = {State.DELIVERED: 9_230, State.UNDELIVERABLE: 310, State.PERMANENT_ERROR: 95, State.REJECTED: 140}
FATES |= {State.TIMED_OUT: 60, State.NOT_FOUND: 15, State.UNKNOWN: 7, State.ACCEPTED: 140, State.NOT_SENT: 3}
"""How many in ten thousand."""

ERRORS: dict[State, list[tuple[str, str | None]]] = {
    State.UNDELIVERABLE: [("ABSENT_SUBSCRIBER", "the phone was switched off"), ("EXPIRED", None)],
    State.PERMANENT_ERROR: [("UNKNOWN_SUBSCRIBER", "no subscriber has the number {phone}")],
    State.REJECTED: [("BAD_PHONE", "HTTP 400: {phone} is no mobile number"), ("BLOCKED", "on the stop list")],
    State.NOT_SENT: [("ConnectTimeoutError", "api.smsbat.com: no connection within 10 s")],
}
PENDING_FROM = 0.985
"""From this part of the file on nothing has been sent yet."""


class Measured(NamedTuple):
    """What a report took.

    Args:
        messages: How many the campaign has.
        figures: Seconds of CPU, all threads, for the figures.
        page: The same for the page.
        seconds: By the clock, both.
        size: Of the page, in bytes.
        before: Memory in use before, in bytes.
        peak: The most memory in use until then, in bytes.
    """

    messages: int
    figures: float
    page: float
    seconds: float
    size: int
    before: int | None
    peak: int | None


def rows(messages: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Return the rows of a made-up campaign: whom messages are for, and what became of them."""
    dice = random.Random(1)
    zero = round(START.timestamp() * 1000)
    countries, weights = list(COUNTRIES), [share for share, _, _ in COUNTRIES.values()]
    channels, shares = list(CHANNELS), [share for share, _, _ in CHANNELS.values()]
    fates, odds = list(FATES), list(FATES.values())
    pace = 90 * 60_000 / messages  # it takes an hour and a half, with a break
    for line in range(messages):
        number = (line // CHUNK + 1) * CHUNK_MAXIMUM + line % CHUNK
        country = dice.choices(countries, weights)[0]
        _, code, price = COUNTRIES[country]
        phone = f"+{code}{dice.randrange(500_000_000, 999_999_999)}"
        fate = dice.choices(fates, odds)[0] if line < PENDING_FROM * messages else State.PENDING
        accepted_at = zero + int(line * pace + (25 * 60_000 if line > 0.4 * messages else 0))
        error_code, error = dice.choice(ERRORS[fate]) if fate in ERRORS else (None, None)
        vendor_id = ended_at = channel = cost = polls = None
        if fate in {State.ACCEPTED, State.DELIVERED} or fate in list(State)[4:8]:
            vendor_id = f"{dice.getrandbits(64):016x}"
        if fate in {State.DELIVERED, State.UNDELIVERABLE, State.PERMANENT_ERROR}:
            channel = dice.choices(channels, shares)[0]
            _, fixed, slow = CHANNELS[channel]
            cost = fixed or price
            took = max(900, int(1_000 * slow * dice.lognormvariate(1.6, 1.1)))
            ended_at = accepted_at + (took if fate is State.DELIVERED else 8 * took)
            polls = 1 + min(took // 12_000, 9)
        elif fate in {State.TIMED_OUT, State.NOT_FOUND}:
            ended_at, polls = accepted_at + 3_600_000, 34
        yield (
            (number, line + 2, f"{NAME}-{line + 2}", phone, "Hello", None),
            (
                *(number, CODES[fate], int(fate is not State.PENDING), 1, country, price, vendor_id),
                accepted_at if vendor_id else None,
                *(ended_at, polls, channel, cost, error_code, error and error.format(phone=phone)),
            ),
        )


async def fill(where: Path, messages: int) -> None:
    """Make a ledger with a made-up campaign of so many messages."""
    async with Ledger.open(where, clock=START.timestamp) as ledger:
        campaign = await ledger.begin(NAME, fingerprint="made up", chunk_size=CHUNK)
    await asyncio.to_thread(_insert, where, campaign.id, messages)
    async with Ledger.open(where) as ledger:
        campaign = await ledger.set_state(await ledger.campaign(NAME), CampaignState.RUNNING)
        await ledger.verify(campaign)


def _insert(where: Path, campaign_id: int, messages: int) -> None:
    with closing(sqlite3.connect(where)) as connection, connection:
        for recipient, message in rows(messages):
            connection.execute("INSERT INTO recipient VALUES (?,?,?,?,?,?)", recipient)
            connection.execute("INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", message)
        counted = ", ".join(f"sum(state = {code})" for code in CODES.values())
        columns = ", ".join(state.value for state in CODES)
        connection.execute(
            f"INSERT INTO chunk (id, campaign_id, size, attempt, claimed_at, {columns}) "
            f"SELECT id / {CHUNK_MAXIMUM}, {campaign_id}, count(*), max(attempt), min(accepted_at), "
            f"{counted} FROM message GROUP BY id / {CHUNK_MAXIMUM}"
        )
        connection.execute("UPDATE campaign SET size = ?, sealed_at = created_at", (messages,))


async def figures_of(where: Path) -> Report:
    """Return the figures of what is in a ledger."""
    async with Ledger.open(where) as ledger:
        return await Report.of(ledger, NAME, currency="EUR", made_at=START + dt.timedelta(hours=3))


def measure(where: Path, html: Path | None) -> Measured:
    """Make the report of what is in a ledger, opened and closed for it, and return what it took."""
    before, wall, cpu = machine.resident_bytes(), time.perf_counter(), time.process_time()
    report = asyncio.run(figures_of(where))
    figures = time.process_time() - cpu
    text = page(report)
    done = time.process_time() - cpu - figures
    seconds = time.perf_counter() - wall
    if html is not None:
        html.write_text(text, "utf-8")
    return Measured(
        messages=report.funnel.recipients,
        figures=figures,
        page=done,
        seconds=seconds,
        size=len(text.encode()),
        before=before,
        peak=machine.peak_resident_bytes(),
    )


def told(measured: Measured) -> str:
    """Return a line for people."""
    megabytes = [f"{(value or 0) / 1e6:.0f}" for value in (measured.before, measured.peak)]
    return (
        f"{measured.messages:,} messages: {measured.figures:.1f} s of CPU for the figures, "
        f"{measured.page:.1f} s for the page of {measured.size / 1e3:.0f} kB, "
        f"{measured.seconds:.1f} s by the clock; memory {megabytes[0]} MB before, {megabytes[1]} MB at most"
    )


def main() -> None:
    """Fill a ledger if need be, and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="how many messages")
    parser.add_argument("--html", type=Path, help="where to keep the page")
    parser.add_argument("--ledger", type=Path, help="a ledger that was made so before, or is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = options.ledger or Path(folder) / "ledger.db"
        if not where.exists():
            asyncio.run(fill(where, options.size))
        print(told(measure(where, options.html)))


if __name__ == "__main__":
    main()
