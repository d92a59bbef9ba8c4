"""A process that works on a ledger until it is killed: `python -m tests.campaign.ledger_child WHAT WHERE`."""

import asyncio
import resource
import sys
from pathlib import Path

from smsbat_async import LedgerError
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord
from tests.campaign.ledgers import begun, claimed, new, taken


def say(word: str) -> None:
    print(word, flush=True)


async def idle() -> None:
    say("ready")
    await asyncio.Event().wait()


async def claim(ledger: Ledger) -> None:
    """Have one chunk accepted, claim another, and be killed before anything is recorded of it."""
    campaign = await begun(ledger)
    chunk = await claimed(ledger, campaign)
    await ledger.record(chunk, taken(chunk))
    await claimed(ledger, campaign)
    await idle()


async def import_(ledger: Ledger) -> None:
    """Import for as long as it is let, ten messages at a time."""
    campaign = await begun(ledger)
    line = campaign.imported_line
    while True:
        campaign = await ledger.add(campaign, [new(line + more) for more in range(1, 11)])
        line += 10
        say(str(line))


async def hold(ledger: Ledger) -> None:
    """Have the ledger, and a campaign, to itself."""
    await ledger.recover(await begun(ledger))
    await idle()


async def starve(ledger: Ledger) -> None:
    """Claim, and send, until the system lets no file grow any more."""
    campaign: CampaignRecord = await begun(ledger)
    log = Path(f"{sys.argv[2]}-wal")
    sent = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 400_000, resource.RLIM_INFINITY))
    try:
        while (chunk := await ledger.claim(campaign, owner="child")) is not None:
            sent += len(chunk.messages)
            await ledger.record(chunk, taken(chunk))
    except LedgerError as error:
        say(f"{type(error).__name__} {error.__context__}")
    say(str(sent))


async def main() -> None:
    work = {"claim": claim, "import": import_, "hold": hold, "starve": starve}[sys.argv[1]]
    try:
        async with Ledger.open(sys.argv[2]) as ledger:
            await work(ledger)
    except LedgerError as error:
        say(type(error).__name__)


if __name__ == "__main__":
    asyncio.run(main())
