"""What tests of the ledger need: messages, campaigns full of them, answers, and a clock set by hand."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from smsbat_async import (
    BadRequestError,
    CascadeMessage,
    MessageType,
    OutcomeUnknownError,
    SendOutcome,
    SendResult,
    TransportError,
)
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, Chunk, NewMessage, State

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SOURCE = "sha256:0f"
PHONE = "+380501234567"
TEXT = "Your code is 4071"


class Clock:
    """The time, set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now.timestamp()

    def later(self, seconds: float) -> dt.datetime:
        self.now += dt.timedelta(seconds=seconds)
        return self.now


def after(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def message(line: int, **other: Any) -> CascadeMessage:
    given = {
        "id": f"spring-{line}",
        "from_name": "Shop",
        "to_phone": PHONE,
        "message_type": MessageType.PROMO,
        "text": TEXT,
    }
    return CascadeMessage(**{**given, **other})


def new(line: int, *, price: str | None = "0.05", **other: Any) -> NewMessage:
    return NewMessage(line, message(line, **other), 1, "UA", None if price is None else Decimal(price))


def news_of(lines: Iterable[int]) -> list[NewMessage]:
    return [new(line) for line in lines]


async def begun(ledger: Ledger, name: str = "spring", *, chunk_size: int = 4) -> CampaignRecord:
    return await ledger.begin(name, fingerprint=SOURCE, chunk_size=chunk_size)


async def filled(ledger: Ledger, count: int, name: str = "spring", *, chunk_size: int = 4) -> CampaignRecord:
    """Return a campaign that is ready to be sent."""
    campaign = await begun(ledger, name, chunk_size=chunk_size)
    await ledger.add(campaign, [new(line, id=f"{name}-{line}") for line in range(1, count + 1)])
    return await ledger.seal(campaign)


async def claimed(ledger: Ledger, campaign: CampaignRecord) -> Chunk:
    """Return the next chunk, which must be there."""
    chunk = await ledger.claim(campaign, owner="test")
    assert chunk is not None
    return chunk


def vendor_id(chunk: Chunk, place: int) -> str:
    return f"vendor-{chunk.messages[place].id}"


def taken(chunk: Chunk) -> list[SendResult]:
    """Return that the vendor took all of a chunk."""
    return [
        SendResult(one.message, SendOutcome.ACCEPTED, vendor_id(chunk, place))
        for place, one in enumerate(chunk.messages)
    ]


def came_to(chunk: Chunk, outcome: SendOutcome) -> list[SendResult]:
    """Return that all of a chunk came to one outcome, other than accepted."""
    broken = TransportError("ConnectionResetError (errno 104)", kind="disconnected")
    error = {
        SendOutcome.REJECTED: BadRequestError(status_code=400, code="BAD_PHONE", message="no such number"),
        SendOutcome.UNKNOWN: OutcomeUnknownError(tuple(one.message.id for one in chunk.messages), broken),
    }.get(outcome, broken)
    return [SendResult(one.message, outcome, error=error) for one in chunk.messages]


async def states(ledger: Ledger, campaign: CampaignRecord) -> dict[State, int]:
    """Return the states that there are messages in, after a comparison with the messages themselves."""
    await ledger.verify(campaign)
    counts = await ledger.counts(campaign)
    return {state: count for state, count in counts.by_state.items() if count}


def files_of(path: Path) -> dict[str, bytes]:
    """Return what a ledger's file holds, and what is beside it that SQLite may write to."""
    return {name: Path(name).read_bytes() for name in (str(path), f"{path}-wal") if Path(name).exists()}
