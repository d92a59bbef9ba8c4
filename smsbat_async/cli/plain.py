"""Plain: a campaign as lines, where standard error is no terminal."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Final

from smsbat_async.campaign.events import CampaignEvent, Imported, Progress, Started, StateChanged
from smsbat_async.campaign.records import State
from smsbat_async.cli.figures import Figures, clock, cost
from smsbat_async.cli.screen import Screen, plural, printable

INTERVAL: Final = 5.0
"""How often progress is told, in seconds."""

IDLE: Final = 60.0
"""How often it is told while nothing changes."""


class Plain:
    """Writes lines to standard error: what changes at once, progress every few seconds.

    Args:
        screen: Where to write.
        now: What tells the time that has passed, in seconds.
    """

    def __init__(self, screen: Screen, *, now: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._now = now
        self._campaign = ""
        self._told_at: float | None = None
        self._waiting: str | None = None
        self._pausing = False
        self._line_before = ""

    def start(self, campaign: str) -> None:
        """Note which campaign it is."""
        self._campaign = campaign
        self._told_at = None

    def tell(self, event: CampaignEvent) -> None:
        """Write an event, if it is time."""
        match event:
            case Imported():
                if self._is_time():
                    self._line(f"read {plural(event.rows, 'row')}: {event.good:,} good, {event.bad:,} bad")
            case Started():
                pending = event.counts[State.PENDING]
                self._line(f"{pending:,} of {plural(event.counts.total, 'message')} to be sent")
                if event.recovered:
                    self._line(
                        f"{plural(event.recovered, 'message')} in flight when a process died: now UNKNOWN"
                    )
            case Progress():
                self._progress(event)
            case StateChanged():
                self._line(f"{event.state}{': ' + printable(event.reason) if event.reason else ''}")
            case _:
                pass

    def pausing(self, hint: str) -> None:
        """Write that it is being paused."""
        self._pausing = True
        self._line(f"pausing: {hint}")

    def stop(self) -> None:
        """Do nothing: the summary that follows has the last figures."""

    def _progress(self, event: Progress) -> None:
        if event.waiting != self._waiting:
            self._waiting = event.waiting
            if event.waiting is not None:
                self._line(f"waiting: {printable(event.waiting)}")
            elif not self._pausing:
                self._line("sending again")
        line = line_of(event)
        if self._is_time(INTERVAL if line != self._line_before else IDLE):
            self._line_before = line
            self._line(line)

    def _is_time(self, interval: float = INTERVAL) -> bool:
        now = self._now()
        if self._told_at is not None and now - self._told_at < interval:
            return False
        self._told_at = now
        return True

    def _line(self, text: str) -> None:
        moment = dt.datetime.now().astimezone().strftime("%H:%M:%S")
        self._screen.note(f"{moment} {printable(self._campaign)}: {text}")


def line_of(event: Progress) -> str:
    """Return how far a campaign is, as a line.

    Args:
        event: How far it is.
    """
    figures = Figures.of(event.counts)
    return ", ".join(
        [
            f"sent {figures.sent:,} of {figures.total:,}",
            f"accepted {figures.accepted:,}",
            f"delivered {figures.delivered:,}",
            f"failed {figures.failed:,}",
            f"unknown {figures.unknown:,}",
            *(
                [
                    f"{event.per_second:,.0f}/s (average {event.average:,.0f}/s)",
                    f"time left {clock(event.seconds_left)}",
                ]
                if figures.left or figures.in_flight
                else [f"{figures.open:,} still asked after"]
            ),
            f"cost {cost(event.committed, event.charged, event.currency)}",
            f"429 pauses {event.pauses:,}",
        ]
    )
