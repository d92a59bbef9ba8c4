"""Live: a campaign on a terminal, drawn anew a few times per second."""

import time
from collections.abc import Callable
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from smsbat_async.campaign.events import CampaignEvent, Imported, Progress, Started, StateChanged
from smsbat_async.campaign.records import CampaignState
from smsbat_async.cli.figures import Figures, amount, clock
from smsbat_async.cli.screen import Screen, duration, plural, printable

WIDTH: Final = 100
"""How wide it gets at most; more would only put names and numbers apart."""

REDRAWN: Final = 4
"""How often per second it is drawn."""

HINT: Final = "Ctrl-C pauses"

STYLES: Final = {
    CampaignState.RUNNING: "green",
    CampaignState.FINISHED: "green",
    CampaignState.PAUSED: "yellow",
    CampaignState.STOPPED: "red",
    CampaignState.CANCELLED: "red",
}


class Live:
    """Shows bars and figures in the last lines of a terminal; their number and places never change.

    Args:
        screen: Where to write.
        now: What tells the time that has passed, in seconds.
    """

    def __init__(self, screen: Screen, *, now: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._now = now
        self._live: RichLive | None = None
        self._campaign = ""
        self._state: CampaignState | None = None
        self._reason: str | None = None
        self._started = 0.0
        self._hint = HINT
        self._imported: Imported | None = None
        self._progress: Progress | None = None

    def start(self, campaign: str) -> None:
        """Begin to draw."""
        self._campaign = printable(campaign)
        self._started = self._now()
        self._imported = self._progress = None
        self._live = RichLive(
            console=self._screen.console(),
            get_renderable=self.draw,
            refresh_per_second=REDRAWN,
            transient=False,
        )
        self._live.start()

    def tell(self, event: CampaignEvent) -> None:
        """Note what happened; the next drawing shows it."""
        match event:
            case Imported():
                self._imported = event
            case Started():
                self._state = CampaignState.RUNNING
                if event.recovered:
                    self._above(
                        f"{plural(event.recovered, 'message')} in flight when a process died: now UNKNOWN."
                    )
            case Progress():
                self._progress = event
            case StateChanged():
                self._state, self._reason = event.state, event.reason
            case _:
                pass

    def pausing(self, hint: str) -> None:
        """Show that it is being paused."""
        self._hint = "pausing ..."
        self._above(f"Pausing: {hint}")

    def stop(self) -> None:
        """Draw a last time."""
        if self._live is not None:
            self._hint = ""
            self._live.stop()
        self._live = None

    def draw(self) -> RenderableType:
        """Return what is shown now."""
        if self._progress is None:
            return self._reading()
        elapsed = self._now() - self._started
        return board(self._campaign, self._state, self._reason, self._progress, elapsed, self._hint)

    def _reading(self) -> RenderableType:
        found = self._imported
        if found is None:
            return Text("")
        seconds = duration(self._now() - self._started)
        return Text(f"Reading: {found.rows:,} rows, {found.good:,} good, {found.bad:,} bad, {seconds}")

    def _above(self, line: str) -> None:
        if self._live is not None:
            self._live.console.print(Text(line))


def board(
    campaign: str,
    state: CampaignState | None,
    reason: str | None,
    progress: Progress,
    elapsed: float,
    hint: str,
) -> RenderableType:
    """Return the bars and figures of a campaign.

    Args:
        campaign: Its name.
        state: Where it is.
        reason: Why it is there, if that was told.
        progress: How far it is.
        elapsed: For how long it has been running, in seconds.
        hint: What the keyboard can do.
    """
    figures = Figures.of(progress.counts)
    word = "running" if state is None else str(state)
    style = "green" if state is None else STYLES.get(state, "")
    head = Table.grid(expand=True)
    head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    head.add_column(no_wrap=True, justify="right")
    head.add_row(
        Text.assemble((word, style), f"  {duration(elapsed)}  ", (campaign, "bold")),
        Text(hint, style="dim"),
    )
    return _Framed(Group(head, _bars(figures), _figures(figures, progress), _last_line(progress, reason)))


class _Framed:
    """Something drawn no wider than figures should stand apart."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._inner, options.update_width(min(options.max_width, WIDTH)))


def _bars(figures: Figures) -> RenderableType:
    bars = Table.grid(padding=(0, 1, 0, 0), expand=True)
    bars.add_column(no_wrap=True, width=5)
    bars.add_column(ratio=1)
    bars.add_column(no_wrap=True, justify="right", width=2 * len(f"{figures.total:,}") + 4)
    bars.add_column(no_wrap=True, justify="right", width=7)
    for name, done in (("sent", figures.sent), ("ended", figures.ended)):
        bars.add_row(
            name,
            ProgressBar(total=max(figures.total, 1), completed=done),
            f"{done:,} of {figures.total:,}",
            _percent(done, figures.total),
        )
    return bars


def _figures(figures: Figures, progress: Progress) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    for width in (9, 12):
        grid.add_column(no_wrap=True, width=width, min_width=width, style="dim")
        grid.add_column(no_wrap=True, justify="right", width=10, min_width=10)
    grid.add_column(no_wrap=True, width=11, min_width=11, style="dim")
    # It takes what is left, so that a long value in it moves no other.
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    rate = f"{progress.per_second:,.0f}/s"
    average = f"{progress.average:,.0f}/s"
    paid = "-" if progress.committed is None else amount(progress.committed, progress.currency)
    rows = (
        ("sent", figures.sent, "", "  delivered", figures.delivered, "green", "  rate", rate),
        ("accepted", figures.accepted, "", "  failed", figures.failed, "red", "  average", average),
        (
            "unknown",
            figures.unknown,
            "bold red",
            "  no news",
            figures.no_news,
            "",
            "  time left",
            clock(progress.seconds_left),
        ),
        ("429 waits", progress.pauses, "yellow", "  open", figures.open, "", "  cost", paid),
    )
    for one, first, first_style, other, second, second_style, third, value in rows:
        grid.add_row(one, _number(first, first_style), other, _number(second, second_style), third, value)
    return grid


def _number(number: int, style: str) -> Text:
    return Text(f"{number:,}", style=style if number else "dim")


def _last_line(progress: Progress, reason: str | None) -> RenderableType:
    """Return why nothing is sent; an empty line if something is, so that the board keeps its height."""
    said = progress.waiting or reason or _of_the_rest(Figures.of(progress.counts))
    seconds = progress.waiting_seconds if progress.waiting else None
    until = "" if seconds is None else f" ({duration(seconds)})"
    return Text(f"{printable(said)}{until}", style="yellow", no_wrap=True, overflow="ellipsis")


def _of_the_rest(figures: Figures) -> str:
    if figures.left or figures.in_flight or not figures.open:
        return ""
    return f"all sent; {figures.open:,} still asked after, now or with `campaign resume`"


def _percent(part: int, whole: int) -> str:
    """Return a share in percent, rounded down, so that only all is 100."""
    return f"{part * 1_000 // whole / 10:.1f} %" if whole else ""
