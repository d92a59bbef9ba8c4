"""Send a campaign, follow every message to its end, and print what became of it.

It starts the sandbox, which speaks the vendor's API and sends nothing. Against the
real vendor only the address, the key and the two lines marked "sandbox" would change.
"""

import asyncio
import csv
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

from smsbat_async import (
    CascadeMessage,
    Limits,
    MessageType,
    Outcome,
    PollPolicy,
    Rate,
    RequestFinished,
    SendOutcome,
    SmsBatClient,
)

RECIPIENTS = Path(__file__).with_name("recipients.csv")

SANDBOX = [
    *("--port", "0", "--speed", "2", "--seed", "11"),
    *("--status-rate", "500", "--status-burst", "750"),  # ten times the vendor's own
    *("--refused-phone", "+380635360060", "--refused-phone", "+380981721960", "--incomplete-share", "0.001"),
]


def messages(path: Path) -> Iterator[CascadeMessage]:
    """Make a message of each row of a file with the columns order, phone and name."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield CascadeMessage(
                id=f"order-{row['order']}",
                from_name="YourStore",
                to_phone=row["phone"],
                message_type=MessageType.TRANSACTION,
                text=f"{row['name']}, your order #{row['order']} is on its way.",
                ttl=86_400,
            )


class Campaign:
    """Sends the messages of a file and counts what becomes of them."""

    def __init__(self, url: str, path: Path) -> None:
        self.path = path
        self.client = SmsBatClient(
            api_key="sandbox-key",
            base_url=url,
            limits=Limits(status=Rate(500, 750)),  # sandbox: the vendor allows Rate(50, 75), the default
            polling=PollPolicy(initial=1.0, maximum=3.0, timeout=25.0, allow_fast=True),  # sandbox
            hooks=[self.on_event],
        )
        self.requests = 0
        self.sent: Counter[SendOutcome] = Counter()
        self.ended: Counter[Outcome] = Counter()
        self.waits: list[float] = []
        self.cost = Decimal(0)
        self.started_at = time.monotonic()
        self.shown_at = 0.0

    def on_event(self, event: object) -> None:
        """Count requests; every other event is of no interest here."""
        if isinstance(event, RequestFinished):
            self.requests += 1

    async def accepted_ids(self) -> AsyncIterator[str]:
        """Send in chunks, and give the id of each message as soon as the vendor has taken it."""
        async with self.client.send_stream(messages(self.path), chunk_size=200) as results:
            async for result in results:
                self.sent[result.outcome] += 1
                self.show_progress()
                if result.message_id is not None:
                    yield result.message_id

    async def run(self) -> None:
        """Send and follow at the same time, until every message has come to its end."""
        async with self.client:
            async for delivery in self.client.deliveries(self.accepted_ids()):
                self.ended[delivery.outcome] += 1
                self.cost += delivery.cost or 0
                if delivery.success:
                    self.waits.append(delivery.elapsed)
                self.show_progress()
        self.show_progress(last=True)

    def show_progress(self, *, last: bool = False) -> None:
        """Keep one line up to date on a terminal; print one every two seconds elsewhere."""
        now = time.monotonic()
        live = sys.stdout.isatty()
        if not last and now - self.shown_at < (0.05 if live else 2.0):
            return
        self.shown_at = now
        accepted, delivered = self.sent[SendOutcome.ACCEPTED], self.ended[Outcome.DELIVERED]
        line = (
            f"{now - self.started_at:4.0f} s  sent {self.sent.total():,}  delivered {delivered:,}"
            f"  failed {self.ended.total() - delivered:,}  on their way {accepted - self.ended.total():,}"
        )
        print(f"\r{line:<78}" if live else line, end="" if live and not last else "\n", flush=True)

    def print_report(self) -> None:
        """Print what became of the messages."""
        accepted = self.sent[SendOutcome.ACCEPTED]
        delivered = self.ended[Outcome.DELIVERED]
        rows: list[tuple[str, object]] = [
            ("accepted", accepted),
            ("rejected", self.sent[SendOutcome.REJECTED] + self.sent[SendOutcome.NOT_SENT]),
            ("unknown", self.sent[SendOutcome.UNKNOWN]),
            ("", ""),
            ("delivered", delivered),
            ("undeliverable", self.ended[Outcome.UNDELIVERABLE]),
            ("permanent errors", self.ended[Outcome.PERMANENT_ERROR]),
            ("timed out", self.ended[Outcome.TIMED_OUT] + self.ended[Outcome.NOT_FOUND]),
            ("", ""),
            ("delivery rate", f"{delivered / max(accepted, 1):.1%}"),
            ("total cost", f"{self.cost:.2f} USD"),
            ("median time to delivery", f"{statistics.median(self.waits or [0]):.1f} s"),
            ("95th percentile", f"{percentile(self.waits or [0], 95):.1f} s"),
            ("requests per message", f"{self.requests / max(self.sent.total(), 1):.2f}"),
        ]
        print()
        for name, value in rows:
            text = f"{value:,}" if isinstance(value, int) else value
            print(f"  {name:<24}{text:>12}".rstrip())


def percentile(values: list[float], percent: int) -> float:
    """Return the value below which so many percent of the values are."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


async def main() -> None:
    """Run the campaign beside a sandbox of its own."""
    sandbox = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smsbat_async.sandbox", *SANDBOX), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert sandbox.stdout is not None
        greeting = (await sandbox.stdout.readline()).decode()
        url = greeting.split()[2]
        print(f"The sandbox listens on {url} and sends nothing to anybody.")
        campaign = Campaign(url, RECIPIENTS)
        await campaign.run()
    finally:
        sandbox.terminate()
        await sandbox.wait()
    campaign.print_report()


if __name__ == "__main__":
    asyncio.run(main())
