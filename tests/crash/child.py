"""The command line that kills itself: `python -m tests.crash.child POINT COUNT DELAY ABLATED ARGUMENTS...`.

What kills it is put around public methods of the ledger, and where SQLAlchemy tells of a commit. All else is
the program as it is.
"""

import asyncio
import itertools
import os
import signal
import sys
import threading
import time
from typing import Any

from sqlalchemy import Engine, event

from smsbat_async.campaign import ledger as ledger_module
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, Chunk
from smsbat_async.cli.__main__ import main
from tests.crash.ablation import forget_intents
from tests.crash.points import Kill, Point


def die() -> None:
    """End at once, as with `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_after_claim(kill: Kill) -> None:
    """Die when a claim is on disk and nothing of it has left."""
    real, claims = Ledger.claim, itertools.count(1)

    async def claim(self: Ledger, campaign: CampaignRecord, *, owner: str) -> Chunk | None:
        chunk = await real(self, campaign, owner=owner)
        if chunk is not None and next(claims) == kill.count:
            die()
        return chunk

    Ledger.claim = claim  # type: ignore[method-assign]


def die_at_commit(kill: Kill) -> None:
    """Die right before a commit, or a moment later, when it is being written."""
    commits = itertools.count(1)

    def later() -> None:
        time.sleep(kill.delay)
        die()

    def committing(_: Any) -> None:
        if next(commits) != kill.count:
            return
        if kill.point is Point.COMMIT:
            die()
        threading.Thread(target=later).start()

    event.listen(Engine, "commit", committing)


def die_in_recovery(kill: Kill) -> None:
    """Die when some transactions of the recovery are on disk, or right after the last of them."""
    real, commits, within = Ledger.recover, itertools.count(1), asyncio.Event()
    ledger_module.CHUNKS = 1  # each chunk in a transaction of its own, so that one can die between two

    def committing(_: Any) -> None:
        if within.is_set() and next(commits) == kill.count:
            die()

    async def recover(self: Ledger, campaign: CampaignRecord, *, owner: str | None = None) -> int:
        within.set()
        await real(self, campaign, owner=owner)
        die()
        raise AssertionError

    event.listen(Engine, "commit", committing)
    Ledger.recover = recover  # type: ignore[method-assign]


WITHIN = {
    Point.INTENT: die_after_claim,
    Point.COMMIT: die_at_commit,
    Point.IN_COMMIT: die_at_commit,
    Point.RECOVERY: die_in_recovery,
}


def start(point: str, count: str, delay: str, ablated: str, *arguments: str) -> None:
    """Run the command line, to be killed as it is said."""
    kill = Kill(Point[point], int(count), float(delay))
    if ablated == "ablated":
        forget_intents()
    if kill.point.is_within:
        WITHIN[kill.point](kill)
    sys.argv = ["smsbat", *arguments]
    main()


if __name__ == "__main__":
    start(*sys.argv[1:])
