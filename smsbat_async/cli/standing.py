"""`smsbat campaign status`: where campaigns are."""

import datetime as dt
from decimal import Decimal
from typing import Any, Final

import msgspec
from rich.table import Table

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, CampaignState, Counts, State
from smsbat_async.cli.beacon import Signal
from smsbat_async.cli.exits import Exit
from smsbat_async.cli.figures import Figures, cost, states
from smsbat_async.cli.options import Output
from smsbat_async.cli.place import Place, no_such
from smsbat_async.cli.screen import Screen, duration, only, plural, printable, table
from smsbat_async.errors import LedgerLockedError

SHOWN: Final = (
    "total",
    "sent",
    "accepted",
    "delivered",
    "failed",
    "no_news",
    "open",
    "unknown",
    "in_flight",
    "left",
)
NAME: Final = 20
"""How much of a campaign's name is shown in a list."""

NAMES: Final = {"total": "recipients", "no_news": "no news", "in_flight": "in flight", "left": "to be sent"}


async def standing(name: str | None = None, /, *, place: Place = Place(), output: Output = Output()) -> int:
    """Show where a campaign is, or all of them; also while it runs.

    Args:
        name: The campaign's name; all are listed unless given.
        place: Which ledger.
        output: What all commands have.
    """
    screen = output.screen()
    try:
        async with place.opened() as ledger:
            records = await ledger.campaigns()
            if name is None:
                return await _list(screen, place, ledger, records)
            record = next((one for one in records if one.name == name), None)
            if record is None:
                raise no_such(name, [one.name for one in records])
            return await _tell(screen, place, ledger, record)
    except LedgerLockedError:
        # A file cannot be read while a campaign runs, which is why that says how far it is.
        running = await place.holder()
        if running is None:
            raise
    if name is not None and name != running.campaign:
        raise LedgerLockedError(
            f"the ledger is in use: it runs campaign {running.campaign!r}; {name!r} can be seen after that"
        )
    _tell_running(screen, running)
    return Exit.DONE


async def _list(screen: Screen, place: Place, ledger: Ledger, records: list[CampaignRecord]) -> int:
    counted = [(record, Figures.of(await ledger.counts(record))) for record in records]
    if screen.json:
        for record, figures in counted:
            screen.give(
                **_record_fields(record),
                **msgspec.structs.asdict(figures),
                running=(await place.running(record.name)) is not None,
            )
    elif not records:
        screen.note(f"There is no campaign in {ledger.place}.")
    else:
        screen.console(results=True).print(_board(counted))
    return Exit.DONE


def _board(counted: list[tuple[CampaignRecord, Figures]]) -> Table:
    board = Table(box=None, pad_edge=False, header_style="bold")
    board.add_column("Campaign", no_wrap=True)
    board.add_column("State", no_wrap=True)
    for column in ("Recipients", "Accepted", "Delivered", "Failed", "Unknown"):
        board.add_column(column, justify="right", no_wrap=True)
    for record, figures in counted:
        numbers = (figures.total, figures.accepted, figures.delivered, figures.failed, figures.unknown)
        board.add_row(
            _short(printable(record.name)), str(record.state), *(f"{number:,}" for number in numbers)
        )
    return board


async def _tell(screen: Screen, place: Place, ledger: Ledger, record: CampaignRecord) -> int:
    counts = await ledger.counts(record)
    costs = await ledger.costs(record)
    currency = record.settings.get("currency")
    committed = costs.committed if currency else None
    running = await place.running(record.name)
    if screen.json:
        screen.give(
            **_record_fields(record),
            **msgspec.structs.asdict(Figures.of(counts)),
            states=states(counts),
            running=running is not None,
            **only({"committed": committed, "charged": costs.charged, "currency": currency}),
        )
        return Exit.DONE
    why = f" ({printable(record.reason)})" if record.reason else ""
    by = "" if running is None else f", in process {running.pid} on {running.host}"
    if running is None and record.state is CampaignState.RUNNING:
        screen.say(_of_the_dead(record, counts, in_file=not place.is_database(place.where)))
    else:
        screen.say(f"{printable(record.name)} is {record.state}{why}{by}.")
    said = cost(committed, costs.charged, currency)
    rows = _rows(msgspec.structs.asdict(Figures.of(counts)))
    began = record.created_at.astimezone()
    for line in table([*rows, ("cost", said), ("began", f"{began:%Y-%m-%d %H:%M:%S %Z}")]):
        screen.result(line)
    _tell_unknown(screen, place, record.name, counts)
    return Exit.DONE


def _of_the_dead(record: CampaignRecord, counts: Counts, *, in_file: bool) -> str:
    """Return what to say of a campaign that runs by the ledger, though nobody says that he runs it."""
    if not in_file:  # whoever runs it may be on another machine
        return f"{printable(record.name)} is running on another machine, or its process died."
    flying = counts[State.SUBMITTING]
    lost = f" {plural(flying, 'message')} may or may not have gone out." if flying else ""
    return (
        f"{printable(record.name)} was running when its process ended.{lost} The same `campaign run` goes on."
    )


def _tell_unknown(screen: Screen, place: Place, name: str, counts: Counts) -> None:
    unknown = counts[State.UNKNOWN]
    if unknown:
        screen.say(f"{plural(unknown, 'message')} may or may not have gone out. To see which:")
        screen.result(f"  {place.command('settle', name, '--list')}")


def _tell_running(screen: Screen, running: Signal) -> None:
    now = dt.datetime.now(dt.UTC)
    since = duration((now - running.started_at).total_seconds())
    progress = running.progress or {}
    if screen.json:
        screen.give(
            campaign=running.campaign,
            state="running",
            running=True,
            pid=running.pid,
            host=running.host,
            started_at=running.started_at,
            updated_at=running.updated_at,
            **progress,
        )
        return
    screen.say(
        f"{printable(running.campaign)} has been running for {since}, "
        f"in process {running.pid} on {running.host}."
    )
    rows = _rows(progress)
    if progress:
        rows.append(("rate", f"{progress['per_second']:,.0f}/s, {progress['average']:,.0f}/s on average"))
        if (left := progress.get("seconds_left")) is not None:
            rows.append(("time left", duration(left)))
        if (waiting := progress.get("waiting")) is not None:
            rows.append(("waiting", printable(waiting)))
        amounts = {name: Decimal(progress[name]) for name in ("committed", "charged") if name in progress}
        said = cost(amounts.get("committed"), amounts.get("charged"), progress.get("currency"))
        rows.append(("cost", said))
    age = duration((now - running.updated_at).total_seconds())
    rows.append(("as of", f"{age} ago"))
    for line in table(rows):
        screen.result(line)


def _short(name: str) -> str:
    """Return a name that leaves room for the numbers."""
    return name if len(name) <= NAME else f"{name[: NAME - 3]}..."


def _rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    shown = [(NAMES.get(name, name), int(figures[name])) for name in SHOWN if name in figures]
    width = max((len(f"{number:,}") for _, number in shown), default=0)
    return [(name, f"{number:>{width},}") for name, number in shown]


def _record_fields(record: CampaignRecord) -> dict[str, Any]:
    return {
        "campaign": record.name,
        "state": record.state,
        "created_at": record.created_at,
        **only({"reason": record.reason}),
    }
