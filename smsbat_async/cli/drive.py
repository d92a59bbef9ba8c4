"""Driving a campaign: it runs, is shown, can be stopped, and says how it ended."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from smsbat_async.campaign.events import CampaignEvent, CampaignSummary, Progress
from smsbat_async.campaign.records import CampaignState, State
from smsbat_async.campaign.runner import Campaign
from smsbat_async.cli.beacon import Beacon
from smsbat_async.cli.exits import Exit
from smsbat_async.cli.figures import Figures, cost, progress_fields
from smsbat_async.cli.jsonl import JsonLines
from smsbat_async.cli.live import Live
from smsbat_async.cli.place import Place
from smsbat_async.cli.plain import Plain
from smsbat_async.cli.screen import Screen, duration, plural, printable, table
from smsbat_async.cli.stops import LOST, WORDS, Stops
from smsbat_async.cli.watcher import Watcher
from smsbat_async.errors import CampaignStateError, LedgerError

ON_SECOND: Final = "what is under way is recorded. Ctrl-C again stops at once."

Go = Callable[[Callable[[CampaignEvent], None]], Awaitable[CampaignSummary]]


def watcher(screen: Screen) -> Watcher:
    """Return who shows a campaign: to a program, on a terminal, or in lines.

    Args:
        screen: Where.
    """
    if screen.json:
        return JsonLines(screen)
    return Live(screen) if screen.err_is_terminal else Plain(screen)


async def drive(campaign: Campaign, go: Go, *, screen: Screen, place: Place, ledger: str) -> int:
    """Run a campaign that is in the ledger whole, and say how it ended.

    Args:
        campaign: The campaign.
        go: Starts it, and tells what is given what happens.
        screen: Where to write.
        place: Its ledger.
        ledger: Where that is, without credentials.

    Returns:
        The exit code.
    """
    name = campaign.name
    shown = watcher(screen)
    beacon = Beacon(place.beacon(name), name, ledger)

    def tell(event: CampaignEvent) -> None:
        if isinstance(event, Progress):
            beacon.tell(progress_fields(event))
        shown.tell(event)

    def pause(reason: str) -> None:
        if reason == LOST:
            screen.lose_terminal()
        shown.pausing(ON_SECOND)
        try:
            campaign.pause(reason)
        except CampaignStateError:  # nothing has begun that could be paused
            stops.stop()

    stops = Stops(pause)
    async with beacon:
        shown.start(name)
        try:
            with stops:
                summary = await go(tell)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not stops.at_once or task is None:
                raise
            task.uncancel()
            summary = None
        except LedgerError:
            shown.stop()
            screen.note("Nothing unrecorded was sent. To go on, when that is mended:")
            screen.note(f"  {place.command('resume', name)}")
            raise
        finally:
            shown.stop()
    if summary is None:
        return await _stopped_at_once(campaign, screen, place)
    if not screen.json:
        _tell(summary, screen, place)
    return code_of(summary)


def code_of(summary: CampaignSummary) -> Exit:
    """Return the exit code for how a run ended.

    Args:
        summary: How.
    """
    if summary.state is CampaignState.PAUSED:
        # Who sends SIGTERM asked for just this: for a service manager it is no failure.
        by_system = summary.reason == WORDS[signal.SIGTERM]
        return Exit.DONE if by_system else Exit.PAUSED
    if summary.state in {CampaignState.STOPPED, CampaignState.CANCELLED}:
        return Exit.STOPPED
    return Exit.UNKNOWN if summary.counts[State.UNKNOWN] else Exit.DONE


def _tell(summary: CampaignSummary, screen: Screen, place: Place) -> None:
    figures = Figures.of(summary.counts)
    why = f" ({printable(summary.reason)})" if summary.reason else ""
    screen.say(f"{printable(summary.name)} is {summary.state}{why} after {duration(summary.elapsed)}.")
    rows = [
        ("recipients", figures.total),
        ("sent", figures.sent),
        ("accepted", figures.accepted),
        ("delivered", figures.delivered),
        ("failed", figures.failed),
        ("no news", figures.no_news),
        ("open", figures.open),
        ("unknown", figures.unknown),
        ("in flight", figures.in_flight),
        ("to be sent", figures.left),
    ]
    width = len(f"{figures.total:,}")
    lines = [(name, f"{count:>{width},}") for name, count in rows if count or name in ALWAYS_TOLD]
    lines.append(("cost", cost(summary.committed, summary.charged, summary.currency)))
    for line in table(lines):
        screen.result(line)
    if figures.unknown:
        screen.say(f"{plural(figures.unknown, 'message')} may or may not have gone out. To see which:")
        screen.result(f"  {place.command('settle', summary.name, '--list')}")
    if summary.state is not CampaignState.CANCELLED and (figures.left or figures.open):
        screen.say("To go on:")
        more = ("--budget", "MORE") if "budget" in (summary.reason or "") else ()
        screen.result(f"  {place.command('resume', summary.name, *more)}")


ALWAYS_TOLD: Final = frozenset({"recipients", "sent", "accepted", "delivered", "failed", "unknown"})


async def _stopped_at_once(campaign: Campaign, screen: Screen, place: Place) -> int:
    counts = await campaign.counts()
    doubtful = counts[State.UNKNOWN] + counts[State.SUBMITTING]
    command = place.command("resume", campaign.name)
    if screen.json:
        screen.give(event="stopped_at_once", campaign=campaign.name, unknown=doubtful, command=command)
    else:
        screen.note(
            f"Stopped at once. {plural(doubtful, 'message')} may or may not have gone out, and will not be "
            "sent again by themselves."
        )
        screen.note("To see which, and to go on:")
        screen.note(f"  {place.command('settle', campaign.name, '--list')}")
        screen.note(f"  {command}")
    return Exit.STOPPED_AT_ONCE
