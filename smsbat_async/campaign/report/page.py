"""The page: a report as one HTML file that needs nothing else, no network and no scripts."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape
from typing import NamedTuple

from smsbat_async.campaign.records import State
from smsbat_async.campaign.report import charts
from smsbat_async.campaign.report.figures import GROUPS, Breakdown, Group, Row
from smsbat_async.campaign.report.report import Report
from smsbat_async.campaign.report.style import COLOURS, STYLE, colour
from smsbat_async.campaign.report.wording import amount, duration, messages, moment, number, share, word

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do for this page: show it."""

MEANINGS: dict[State, str] = {
    State.PENDING: "has not left, and may",
    State.SUBMITTING: "is being sent",
    State.ACCEPTED: "the vendor took it, its delivery is being followed",
    State.DELIVERED: "the vendor says that it arrived",
    State.UNDELIVERABLE: "the vendor says that it did not arrive",
    State.PERMANENT_ERROR: "the vendor says that it cannot arrive",
    State.NOT_FOUND: "the vendor took it, and knew nothing of it until the campaign stopped asking",
    State.TIMED_OUT: "the vendor took it, and told no end of it until the campaign stopped asking",
    State.REJECTED: "the vendor refused it",
    State.NOT_SENT: "surely did not go out, and may when the campaign is resumed",
    State.UNKNOWN: "may or may not have gone out: settle it",
}


class Column(NamedTuple):
    """A column of a table.

    Args:
        title: What is in it.
        css: The class of its cells.
    """

    title: str
    css: str = ""


def numbers(*titles: str) -> tuple[Column, ...]:
    """Return columns of numbers."""
    return tuple(Column(title, "number") for title in titles)


def page(report: Report) -> str:
    """Return a report as HTML; it takes a second or so, so let a thread do it where that matters.

    Args:
        report: The figures.
    """
    left = (
        _funnel(report),
        _delivery(report),
        _breakdown("By channel", "channel", report.channels, report, _channel),
        _states(report),
    )
    right = (
        _timeline(report),
        _breakdown("By country", "country", report.countries, report, _country),
        _cost(report),
        _requests(report),
    )
    sections = (
        f'<div class="column">{"".join(left)}</div><div class="column">{"".join(right)}</div>'
        f"{_errors(report)}{_unknown(report)}"
    )
    name = escape(report.name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{name} – campaign report</title><style>{STYLE}</style></head>\n<body>"
        f"<header><h1>{name}</h1>{_subtitle(report)}{_tiles(report)}</header>\n"
        f"<main>{sections}</main>\n"
        "<footer>Counted in the campaign's ledger. Phone numbers are masked, and the texts that were sent "
        "are not in this file. All times are UTC.</footer></body></html>\n"
    )


# -- pieces ----------------------------------------------------------------------------------------------


def _subtitle(report: Report) -> str:
    reason = f": {escape(report.reason)}" if report.reason else ""
    return (
        f'<p class="quiet">Campaign report · <strong>{report.state.value}</strong>{reason} · figures of '
        f"{moment(report.made_at)}, begun {moment(report.created_at)}</p>"
    )


def _tiles(report: Report) -> str:
    funnel, cost = report.funnel, report.cost
    charged = amount(cost.charged, None) if cost.charged else "–"
    half = report.delivery.percentiles.get(50)
    tiles = [
        ("recipients", number(funnel.recipients)),
        ("accepted", _with_share(funnel.accepted, funnel.recipients)),
        ("delivered", _with_share(funnel.delivered, funnel.recipients)),
        ("half delivered within", "–" if half is None else duration(half)),
        (escape(f"charged, {cost.currency}" if cost.currency else "charged"), charged),
        ("fate unknown", number(report.unknown.messages)),
    ]
    return '<dl class="tiles">' + "".join(f"<div><dt>{t}</dt><dd>{v}</dd></div>" for t, v in tiles) + "</dl>"


def _with_share(part: int, whole: int) -> str:
    return f"{number(part)} <small>{share(part, whole)}</small>" if whole else number(part)


def _money(value: Decimal, report: Report) -> str:
    return escape(amount(value, report.cost.currency))


def _section(title: str, *parts: str, css: str = "") -> str:
    return f'<section class="{css}"><h2>{title}</h2>{"".join(parts)}</section>'


def _said(text: str) -> str:
    return f"<p>{text}</p>"


def _quietly(text: str) -> str:
    return f'<p class="quiet">{text}</p>'


def _figure(chart: str, legend: str = "") -> str:
    return f"<figure>{legend}{chart}</figure>"


def _legend(entries: Iterable[tuple[str, str, str]]) -> str:
    items = "".join(
        f'<li><i class="{css}" style="background:{colour(name)}"></i>{text}</li>'
        for text, name, css in entries
    )
    return f'<ul class="legend">{items}</ul>'


def _table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col" class="{one.css}">{one.title}</th>' for one in columns)
    body = ""
    for first, *others in rows:
        cells = "".join(
            f'<td class="{column.css}">{cell}</td>' for column, cell in zip(columns[1:], others, strict=True)
        )
        body += f'<tr><th scope="row" class="{columns[0].css}">{first}</th>{cells}</tr>'
    return (
        f'<div class="scroll" role="region" aria-label="{caption}" tabindex="0"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _behind(table: str, summary: str = "Show as a table") -> str:
    return f"<details><summary>{summary}</summary>{table}</details>"


# -- sections --------------------------------------------------------------------------------------------


def _funnel(report: Report) -> str:
    funnel = report.funnel
    if not funnel.recipients:
        return _section("How far messages came", _said("This campaign has no recipients."))
    steps = [
        ("recipients", funnel.recipients, funnel.recipients),
        ("accepted", funnel.accepted, funnel.recipients),
        ("delivered", funnel.delivered, funnel.accepted),
    ]
    rows = [
        (name, number(count), share(count, funnel.recipients), share(count, before))
        for name, count, before in steps
    ]
    groups = {group: sum(report.states[one] for one in State if GROUPS[one] is group) for group in Group}
    before = [f"{number(groups[one])} {one.value}" for one in list(Group)[4:] if groups[one]]
    after = [f"{number(groups[one])} {one.value}" for one in list(Group)[1:4] if groups[one]]
    ways = (("Not accepted:", before), ("Accepted, but:", after))
    lost = [f"{way} {', '.join(some)}." for way, some in ways if some]
    columns = (Column("step"), *numbers("messages", "of recipients", "of the step before"))
    return _section(
        "How far messages came",
        _quietly(" ".join(lost) or "All of them arrived."),
        _figure(charts.funnel(funnel)),
        _behind(_table("How far messages came", columns, rows)),
    )


def _timeline(report: Report) -> str:
    title, bins, width = "Over time", report.timeline.bins, report.timeline.width
    if not bins:
        return _section(title, _said("Nothing has been accepted or delivered yet."))
    rows = [(moment(one.at), number(one.accepted), number(one.delivered)) for one in bins]
    columns = (Column("from"), *numbers("accepted", "delivered"))
    table = _table(f"Accepted and delivered in {duration(width)}", columns, rows)
    if len(bins) == 1:
        said = f"Everything happened within {duration(width)}, from {moment(bins[0].at)} on."
        return _section(title, _said(said), _behind(table))
    legend = _legend([("delivered", "delivered", ""), ("accepted", "accepted", "rule")])
    return _section(
        title,
        _quietly("When acceptances were recorded, and when deliveries were seen."),
        _figure(charts.timeline(report.timeline), legend),
        _behind(table),
    )


def _delivery(report: Report) -> str:
    title, figures, open_now = "Time to delivery", report.delivery, report.states[State.ACCEPTED]
    notes: list[str] = []
    if open_now:
        notes.append(f"{messages(open_now)} still open, and in none of these figures.")
    if figures.untimed:
        notes.append(f"Of {messages(figures.untimed)} more it is not known how long they took.")
    if not figures.messages:
        said = "No delivery has been timed" if report.funnel.delivered else "Nothing has been delivered yet"
        return _section(title, _said(f"{said}."), *map(_quietly, notes))
    caveat = (
        f"Delivered and timed: {messages(figures.messages)}, from the recorded acceptance until the delivery "
        "was seen. That was by asking or by a webhook, so it is known only as closely as the vendor was "
        "asked: it may have been earlier, never later."
    )
    rows = [(f"{percent} %", duration(seconds)) for percent, seconds in figures.percentiles.items()]
    if figures.longest is not None:
        rows.append(("the slowest", duration(figures.longest)))
    within = [
        (duration(one.seconds), number(one.messages), share(one.messages, figures.messages))
        for one in figures.within
    ]
    tables = _table("Time within which messages arrived", (Column("of messages"), *numbers("within")), rows)
    if within:
        columns = (Column("within"), *numbers("messages", "share"))
        tables += _table("Delivered within round times", columns, within)
    if figures.curve[0].seconds == figures.curve[-1].seconds:
        shown = _said(f"All of them took {duration(figures.curve[0].seconds)} or less.")
    else:
        shown = _figure(charts.curve(figures))
    return _section(title, _quietly(" ".join([caveat, *notes])), shown, _behind(tables))


def _channel(row: Row) -> str:
    return "channel not told" if row.name is None else row.name


def _country(row: Row) -> str:
    return "country not known" if row.name is None else row.name


def _breakdown(title: str, what: str, breakdown: Breakdown, report: Report, name: charts.Naming) -> str:
    if not breakdown.rows:
        nothing = "has no recipients" if what == "country" else "has no accepted messages yet"
        return _section(title, _said(f"This campaign {nothing}."))
    listed = [(escape(name(row)), row) for row in breakdown.rows]
    if breakdown.others is not None:
        listed.append((f"all other {title[3:]} values", breakdown.others))
    used = [group for group in Group if any(row.count(group) for _, row in listed)]
    rows = [
        (
            shown,
            number(row.messages),
            *(number(row.count(group)) for group in used),
            share(row.count(Group.DELIVERED), row.messages),
            _money(row.charged, report),
        )
        for shown, row in listed
    ]
    columns = (
        Column(what),
        *numbers("messages", *(group.value for group in used), "share delivered", "charged"),
    )
    about = (
        "All recipients, by the country of their number."
        if what == "country"
        else "What the vendor accepted, by the channel that it named at the end."
    )
    legend = _legend([(group.value, COLOURS[group], "") for group in used])
    return _section(
        title,
        _quietly(about),
        _figure(charts.outcomes(breakdown, what, name), legend),
        _behind(_table(f"Outcome by {what}", columns, rows)),
    )


def _cost(report: Report) -> str:
    cost = report.cost
    priced, charged = report.funnel.recipients - cost.unpriced, cost.charged != 0
    if not priced and not charged:
        return _section("Cost", _said("No prices were given, and the vendor has named no cost yet."))
    rows: list[tuple[str, str]] = []
    if priced:
        rows.append(("expected for all recipients", _money(cost.estimated, report)))
        rows.append(("expected for what went out, or may have", _money(cost.committed, report)))
    rows.append(("charged so far, as the vendor says", _money(cost.charged, report)))
    if cost.charged_per_delivered is not None:
        each = _money(cost.charged_per_delivered.normalize(), report)
        rows.append(("charged for each delivered message, rounded", each))
    notes: list[str] = []
    if cost.uncharged:
        notes.append(
            f"{messages(cost.uncharged)} that went out, or may have, with no cost from the vendor yet."
        )
    if cost.unpriced:
        notes.append(f"{messages(cost.unpriced)} without an expected price.")
    if cost.currency is None:
        notes.append("No currency was named.")
    columns = (Column("what", "text"), *numbers("amount"))
    return _section(
        "Cost", _table("Exact sums", columns, rows), *([_quietly(" ".join(notes))] if notes else [])
    )


def _errors(report: Report) -> str:
    errors = report.errors
    missing = (
        _quietly(f"{messages(errors.without_code)} rejected or not delivered without a code.")
        if errors.without_code
        else ""
    )
    if not errors.rows:
        nothing = "No error has a code." if errors.without_code else "There are no errors."
        return _section("Errors", _said(nothing), missing, css="whole")
    rows = [
        (
            escape(one.code),
            word(one.state.value),
            number(one.messages),
            f"line {one.example.line}, {escape(one.example.phone)}",
            escape(one.example.error or "–"),
        )
        for one in errors.rows
    ]
    if errors.others:
        rows.append(("all other codes", "", number(errors.others), "", ""))
    columns = (
        Column("code", "text"),
        Column("state"),
        *numbers("messages"),
        Column("first example"),
        Column("what was said of it", "text"),
    )
    return _section("Errors", _table("Errors by code", columns, rows), missing, css="whole")


def _unknown(report: Report) -> str:
    unknown = report.unknown
    settled = _quietly(f"{messages(unknown.settled)} settled by hand.") if unknown.settled else ""
    if not unknown.messages:
        return _section("Unknown", _said("The fate of every message is known."), settled, css="whole")
    rows = [
        (str(one.line), escape(one.tracking_id), escape(one.phone), moment(one.claimed_at))
        for one in unknown.rows
    ]
    columns = (Column("line", "number"), Column("id", "text"), Column("phone"), Column("claimed"))
    listed = f"Show the first {len(rows)}" if unknown.messages > len(rows) else "Show them"
    said = (
        f"{messages(unknown.messages)} may or may not have gone out: the connection or the process ended "
        f"before the vendor's answer came. They are sent again only if somebody says so."
    )
    table = _table("Messages whose fate is not known", columns, rows)
    return _section("Unknown", _said(said), _behind(table, listed), settled, css="whole")


def _requests(report: Report) -> str:
    found = report.requests
    if found.per_message is None:
        return _section("Requests", _said("Nothing has been sent yet."))
    rows = [
        ("chunks claimed to be sent, each one request at least", number(found.claims)),
        ("messages in them", number(found.claimed_messages)),
        ("status requests", number(found.status_requests)),
        ("requests for each message", f"{found.per_message:.3f}"),
    ]
    columns = (Column("what", "text"), *numbers("number"))
    note = (
        "Not in the ledger, and so not counted: the further requests of a chunk that was refused and halved, "
        "status requests that were repeated, and how often the vendor was asked after messages that are "
        "followed at this moment."
    )
    return _section("Requests", _table("Requests spent", columns, rows), _quietly(note))


def _states(report: Report) -> str:
    total = report.funnel.recipients
    rows = [
        (word(state.value), number(count), share(count, total), MEANINGS[state])
        for state, count in report.states.items()
        if count
    ]
    if not rows:
        return ""
    columns = (Column("state"), *numbers("messages", "share"), Column("meaning", "text"))
    said = "Each recipient is in exactly one of these."
    return _section("States", _quietly(said), _table("Messages by state", columns, rows))
