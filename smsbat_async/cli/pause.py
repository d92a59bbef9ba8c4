"""`smsbat campaign pause`: a campaign that another process runs ends what is under way."""

import asyncio
import os
import signal
from typing import Final

from smsbat_async.campaign.records import CampaignState
from smsbat_async.cli.beacon import Signal
from smsbat_async.cli.exits import Exit
from smsbat_async.cli.options import Output, Seconds
from smsbat_async.cli.place import Place
from smsbat_async.cli.screen import Screen
from smsbat_async.errors import ConfigurationError, LedgerError, LedgerLockedError

LOOK: Final = 0.05
"""How often it is looked whether the process has ended, in seconds."""

REASON: Final = "by campaign pause"

PAUSABLE: Final = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})


async def pause(
    name: str, /, *, timeout: Seconds = 60.0, place: Place = Place(), output: Output = Output()
) -> int:
    """Pause a campaign, wherever on this machine it runs; it goes on when somebody says `resume`.

    What is under way is answered and recorded first. If nothing runs it, it is only noted that it is paused.

    Args:
        name: The campaign's name.
        timeout: How long to wait until what is under way has ended.
        place: Which ledger.
        output: What all commands have.
    """
    screen = output.screen()
    running = await place.running(name)
    if running is not None:
        await _end(screen, running, timeout)
    try:
        state = await _note(place, name)
    except LedgerLockedError:
        holder = await place.holder()
        if holder is None or holder.campaign == name:
            raise
    else:
        _tell(screen, place, name, state)
        return Exit.DONE
    raise LedgerLockedError(
        f"the ledger is in use: it runs campaign {holder.campaign!r}, and {name!r} does not run"
    )


async def _end(screen: Screen, running: Signal, timeout: float) -> None:
    """Have the process end, and wait for it."""
    if not running.is_here:
        raise ConfigurationError(
            f"{running.campaign} runs on {running.host}, in process {running.pid}: pause it there"
        )
    if os.name != "posix":
        raise ConfigurationError(
            "a process cannot be told to pause on this system: press Ctrl-C where it runs"
        )
    try:
        os.kill(running.pid, signal.SIGTERM)
        is_ours = True
    except ProcessLookupError:
        return
    except PermissionError:
        is_ours = False
    if not is_ours:
        raise ConfigurationError(
            f"process {running.pid}, which runs {running.campaign}, belongs to somebody else"
        )
    screen.note(f"Asked process {running.pid} to pause; it records what is under way.")
    if not await _has_ended(running, timeout):
        raise LedgerError(f"process {running.pid} has not ended after {timeout:g} s; it is pausing still")


async def _has_ended(running: Signal, timeout: float) -> bool:
    """Wait until a process has ended, and return whether it has."""
    clock = asyncio.get_running_loop().time
    until = clock() + timeout
    while await asyncio.to_thread(lambda: running.is_alive):
        if clock() >= until:
            return False
        await asyncio.sleep(LOOK)
    return True


async def _note(place: Place, name: str) -> CampaignState:
    """Note that the campaign is paused, if it is one that can be, and return where it is."""
    async with place.opened() as ledger:
        record = await ledger.campaign(name)
        if record.state in PAUSABLE:
            record = await ledger.set_state(record, CampaignState.PAUSED, reason=REASON)
        return record.state


def _tell(screen: Screen, place: Place, name: str, state: CampaignState) -> None:
    if screen.json:
        screen.give(campaign=name, state=state)
        return
    screen.result(f"{name} is {state}.")
    if state is CampaignState.PAUSED:
        screen.note("To go on:")
        screen.note(f"  {place.command('resume', name)}")
