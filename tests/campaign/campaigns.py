"""What tests of running campaigns need: a file, a vendor that remembers, and fast settings."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from smsbat_async import (
    Attempt,
    Limits,
    PollPolicy,
    Request,
    Response,
    SessionPool,
    SmsBatClient,
)
from smsbat_async.campaign import (
    Campaign,
    CampaignRecord,
    CampaignSettings,
    CsvSource,
    Ledger,
    Recipients,
    State,
)
from smsbat_async.http import LowerHeaders

FAST = PollPolicy(initial=0.01, factor=2.0, maximum=0.05, timeout=5.0, allow_fast=True)
SOON = PollPolicy(initial=0.01, factor=2.0, maximum=0.02, timeout=0.05, last_poll_grace=0.0, allow_fast=True)
"""Follows closely for a moment only; the rest comes from the ledger."""

Judge = Callable[[list[str]], tuple[int, Any]]


def phone(number: int) -> str:
    return f"+38050{number:07}"


def file_of(folder: Path, count: int, *, bad: Iterable[str] = (), name: str = "people.csv") -> Path:
    """Write a file of recipients, and some rows that are none."""
    path = folder / name
    rows = [f"{phone(number)},Ready" for number in range(count)]
    path.write_text("\n".join(["phone,text", *rows, *bad]) + "\n")
    return path


class Vendor:
    """A transport that takes what it is sent and tells how it went on.

    Args:
        judge: Gives the HTTP status and the JSON that answer a send of these ids; None takes them all.
        word: Gives the word for the status of a message by its vendor's id, or an HTTP status.
        wait: Awaited while a send is on the wire, if given.

    Attributes:
        sends: The ids of every send that has left, in their order.
        asked: How often each vendor's id was asked after.
    """

    def __init__(
        self,
        judge: Judge | None = None,
        *,
        word: Callable[[str], str | int] = lambda vendor_id: "delivered",
        wait: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.sends: list[list[str]] = []
        self.asked: Counter[str] = Counter()
        self.in_flight = 0
        self.peak = 0
        self.judge = judge
        self.word = word
        self.wait = wait

    @property
    def got(self) -> Counter[str]:
        """How often each message left."""
        return Counter(tracking_id for ids in self.sends for tracking_id in ids)

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        attempt.started = False
        await asyncio.sleep(0)
        attempt.started = True
        if request.method == "POST":
            status, answer = await self._take([item["id"] for item in json.loads(request.body or b"")])
        else:
            status, answer = self._tell(request.url.rpartition("/")[2])
        return Response(status, LowerHeaders(), json.dumps(answer).encode())

    async def _take(self, ids: list[str]) -> tuple[int, Any]:
        self.sends.append(ids)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            if self.wait is not None:
                await self.wait()
            if self.judge is not None:
                return self.judge(ids)
        finally:
            self.in_flight -= 1
        return taken(ids)

    def _tell(self, vendor_id: str) -> tuple[int, Any]:
        self.asked[vendor_id] += 1
        word = self.word(vendor_id)
        if isinstance(word, int):
            return word, {"error": "no"}
        return 200, {"messageId": vendor_id, "deliverystatus": word, "cost": 0.04}

    async def aclose(self) -> None:
        pass


def taken(ids: Iterable[str]) -> tuple[int, Any]:
    """Give the answer that takes messages."""
    return 200, [{"messageId": f"v-{each}", "trackinId": each} for each in ids]


def client_of(vendor: Vendor, **options: Any) -> SmsBatClient:
    """Make a client of a vendor without a socket, with no limits unless they are given."""
    chosen = {
        "api_key": "key-of-the-tests",
        "base_url": "https://vendor.test",
        "limits": Limits(status=None, send=None),
        "pool": SessionPool(transport=vendor),
        "polling": FAST,
        **options,
    }
    return SmsBatClient(**chosen)


def campaign_of(ledger: Ledger, path: Path, *, name: str = "spring", **other: Any) -> Campaign:
    """Make a campaign of a file, in small chunks unless something else is said."""
    settings = {"chunk_size": 4, "concurrency": 2, "track_for": 10.0, "stop": None, **other.pop("set", {})}
    chosen = {
        "recipients": Recipients(campaign=name, from_name="Shop"),
        "settings": CampaignSettings(**settings),
        **other,
    }
    return Campaign(name, CsvSource(path), ledger=ledger, **chosen)


async def in_states(ledger: Ledger, name: str = "spring") -> dict[State, int]:
    """Give how many messages are in each state, without the empty ones."""
    record: CampaignRecord = await ledger.campaign(name)
    await ledger.verify(record)
    counts = await ledger.counts(record)
    return {state: count for state, count in counts.by_state.items() if count}


class Ear:
    """Listens to a campaign, and remembers."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, event: Any) -> None:
        self.events.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        """Give the events of one type."""
        return [event for event in self.events if isinstance(event, kind)]
