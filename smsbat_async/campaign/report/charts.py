"""Charts: SVG without scripts, whose colours the page's style sheet decides.

They are drawn twice, for wide and for narrow screens: a picture that shrinks with the screen takes its text
along.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Final

try:
    import vl_convert
except ImportError:  # pragma: no cover - the extra is there in tests
    raise ImportError("a report's page needs vl-convert: pip install 'smsbat-async[report]'") from None

from smsbat_async.campaign.report.figures import Breakdown, DeliveryTimes, Funnel, Group, Row, Timeline
from smsbat_async.campaign.report.style import COLOURS, colour
from smsbat_async.campaign.report.wording import duration, number, share

Spec = dict[str, Any]
Naming = Callable[[Row], str]
"""What a row of figures is called."""

WIDTHS: Final = {"wide": 520, "narrow": 310}
"""How wide charts are, in pixels, by the class that the style sheet knows them by."""

BAND: Final = 42
"""How high a bar is with the words above it, in pixels."""

HEIGHT: Final = 230
"""How high charts with two axes are, in pixels."""

SHOWN: Final = 10
"""How many bars a chart has at most, beside one for all others."""

TICKS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400),
    *(259_200, 604_800, 2_592_000),
)
"""Round times in seconds, for an axis of times."""

CONFIG: Final[Spec] = {
    "font": "system-ui, sans-serif",
    "background": None,
    "view": {"stroke": None},
    "text": {"fill": colour("ink"), "fontSize": 13},
    "axis": {
        "labelColor": colour("muted"),
        "titleColor": colour("muted"),
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": colour("line"),
        "domainColor": colour("line"),
        "tickColor": colour("line"),
        "labelLimit": 400,
    },
}


def chart(spec: Callable[[int], Spec], title: str, description: str) -> str:
    """Return a chart as SVG, in every width.

    Args:
        spec: Returns what is to be drawn for a width in pixels, in the words of Vega-Lite.
        title: What it shows, in a few words.
        description: What can be seen in it, in a sentence.
    """
    return "".join(_drawn(spec(width), width, name, title, description) for name, width in WIDTHS.items())


def _drawn(spec: Spec, width: int, name: str, title: str, description: str) -> str:
    whole = {
        **spec,
        "width": width,
        "padding": 2,
        "autosize": {"type": "fit", "contains": "padding"},
        "config": CONFIG,
    }
    drawn: str = vl_convert.vegalite_to_svg(whole)
    body = drawn[drawn.index(">") + 1 :]
    opening = drawn[: drawn.index(">")].replace('class="marks"', f'class="{name}" role="img"', 1)
    return f"{opening}><title>{escape(title)}</title><desc>{escape(description)}</desc>{body}"


# -- bars with words above them --------------------------------------------------------------------------


def funnel(figures: Funnel) -> str:
    """Return how far messages came, as three bars."""
    steps = [
        ("Recipients", figures.recipients, "ink"),
        ("Accepted by the vendor", figures.accepted, "accepted"),
        ("Delivered", figures.delivered, "delivered"),
    ]
    bars: list[Spec] = [
        {"place": place, "left": name, "right": _of(count, figures.recipients), "count": count}
        for place, (name, count, _) in enumerate(steps)
    ]

    def spec(width: int) -> Spec:
        x = {
            "field": "count",
            "type": "quantitative",
            "axis": None,
            "scale": {"domain": [0, figures.recipients]},
        }
        fill = {
            "field": "place",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": [0, 1, 2], "range": [colour(name) for _, _, name in steps]},
        }
        return _barred(bars, [_bar({"x": x, "color": fill})])

    said = ", ".join(f"{bar['left'].lower()} {bar['right']}" for bar in bars)
    return chart(spec, "How far messages came", f"Bars: {said}.")


def outcomes(breakdown: Breakdown, what: str, name: Naming) -> str:
    """Return the outcome by some property, as bars of equal length.

    Args:
        breakdown: The messages by this property.
        what: What the property is called.
        name: Returns the name of a row.
    """
    rows = [(name(row), row) for row in breakdown.rows[:SHOWN]]
    left = [*breakdown.rows[SHOWN:], *([breakdown.others] if breakdown.others else [])]
    groups = {group: sum(row.count(group) for row in left) for group in Group}
    bars = [_outcome(place, *row) for place, row in enumerate(rows)]
    parts = [part for place, (_, row) in enumerate(rows) for part in _parts(place, row.count)]
    if left:
        total = sum(row.messages for row in left)
        bars.append(_words(len(rows), "all others", total, groups[Group.DELIVERED]))
        parts += _parts(len(rows), groups.__getitem__)

    def spec(width: int) -> Spec:
        x = {
            "field": "count",
            "type": "quantitative",
            "stack": "normalize",
            "axis": None,
            "scale": {"domain": [0, 1]},
        }
        fill = {
            "field": "group",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": list(Group), "range": [colour(COLOURS[group]) for group in Group]},
        }
        order = {"field": "order", "type": "quantitative"}
        layer = _bar({"x": x, "color": fill, "order": order}, stroke=colour("card"), strokeWidth=1)
        return _barred(bars, [{"data": {"values": parts}, **layer}], track=False)

    said = "; ".join(f"{bar['left']}: {bar['right']}" for bar in bars)
    return chart(spec, f"Outcome by {what}", f"Bars: {said}.")


def _outcome(place: int, name: str, row: Row) -> Spec:
    return _words(place, name, row.messages, row.count(Group.DELIVERED))


def _words(place: int, name: str, total: int, delivered: int) -> Spec:
    return {"place": place, "left": name, "right": f"{number(total)} · {share(delivered, total)} delivered"}


def _parts(place: int, count: Callable[[Group], int]) -> list[Spec]:
    return [
        {"place": place, "group": group, "order": order, "count": count(group)}
        for order, group in enumerate(Group)
        if count(group)
    ]


def _of(count: int, whole: int) -> str:
    return f"{number(count)} · {share(count, whole)}"


def _bar(encoding: Spec, **mark: Any) -> Spec:
    return {"mark": {"type": "bar", "height": 15, "yOffset": 9, **mark}, "encoding": encoding}


def _barred(bars: Sequence[Spec], layers: Sequence[Spec], *, track: bool = True) -> Spec:
    behind = [
        {
            "mark": {"type": "bar", "height": 15, "yOffset": 9, "color": colour("track")},
            "encoding": {"x": {"value": 0}, "x2": {"value": "width"}},
        }
    ]
    words = [
        {
            "mark": {"type": "text", "align": align, "baseline": "middle", "yOffset": -9, "limit": limit},
            "encoding": {"x": {"value": x}, "text": {"field": align}},
        }
        for align, x, limit in (("left", 0, 150), ("right", "width", 230))
    ]
    place = {"field": "place", "type": "ordinal", "axis": None, "scale": {"padding": 0}}
    return {
        "height": BAND * len(bars),
        "data": {"values": list(bars)},
        "encoding": {"y": place},
        "layer": [*(behind if track else []), *layers, *words],
    }


# -- over time -------------------------------------------------------------------------------------------


def curve(figures: DeliveryTimes) -> str:
    """Return how many messages had been delivered after what time, as a curve on a logarithmic axis."""
    first, last = figures.curve[0], figures.curve[-1]
    low, high = first.seconds / 1.5, last.seconds * 1.1
    points = [{"after": first.seconds, "share": 0.0}]
    points += [
        {"after": point.seconds, "share": point.messages / figures.messages} for point in figures.curve
    ]
    marked = [
        {"after": figures.percentiles[percent], "share": percent / 100, "text": text}
        for percent, text in (
            (50, f"half within {duration(figures.percentiles[50])}"),
            (95, f"95 % within {duration(figures.percentiles[95])}"),
        )
    ]

    def spec(width: int) -> Spec:
        x = {
            "field": "after",
            "type": "quantitative",
            "scale": {"type": "log", "domain": [low, high], "nice": False},
            "axis": _times(low, high, width // 75),
        }
        y = {
            "field": "share",
            "type": "quantitative",
            "scale": {"domain": [0, 1]},
            "axis": {"format": ".0%", "tickCount": 5, "title": None, "domain": False, "ticks": False},
        }
        line = {"line": {"color": colour("delivered"), "strokeWidth": 2}, "color": colour("delivered")}
        shown = {"data": {"values": marked}}
        dot = {"type": "point", "filled": True, "size": 50, "opacity": 1, "color": colour("ink")}
        words = {"type": "text", "align": "right", "dx": -9, "dy": -4, "fontSize": 12}
        return {
            "height": HEIGHT,
            "encoding": {"x": x, "y": y},
            "layer": [
                {"data": {"values": points}, "mark": {"type": "area", "fillOpacity": 0.15, **line}},
                {**shown, "mark": dot},
                {**shown, "mark": words, "encoding": {"text": {"field": "text"}}},
            ],
        }

    said = ", ".join(str(one["text"]) for one in marked)
    return chart(spec, "Time to delivery", f"A rising curve of the share delivered: {said}.")


def _times(low: float, high: float, most: int) -> Spec:
    """Return an axis with round times between two, so many at most."""
    inside = [tick for tick in TICKS if low <= tick <= high]
    values = inside[:: -(-len(inside) // most) or 1]
    labels = [duration(tick) for tick in values]
    return {
        "values": values,
        "labelExpr": f"{labels}[indexof({values}, datum.value)]",
        "title": "after its acceptance, logarithmic",
        "grid": False,
    }


def timeline(figures: Timeline) -> str:
    """Return how many messages were accepted and delivered when: a line, and bars."""
    begin, width_of_bin = figures.bins[0].at, dt.timedelta(seconds=figures.width)
    known = {one.at: one for one in figures.bins}
    count = (figures.bins[-1].at - begin) // width_of_bin + 1
    values: list[Spec] = []
    for place in range(count + 1):
        at = begin + place * width_of_bin
        found = known.get(at)
        values.append(
            {
                "at": _milliseconds(at),
                "until": _milliseconds(at + width_of_bin),
                "accepted": found.accepted if found else 0,
                "delivered": found.delivered if found else 0,
            }
        )
    span = count * figures.width
    form = "%H:%M:%S" if span < 300 else "%H:%M" if span < 86_400 else "%d %b %H:%M"
    axis = {"format": form if span < 8 * 86_400 else "%d %b", "title": "UTC", "grid": False}

    def spec(width: int) -> Spec:
        ticks = {**axis, "tickCount": width // 100, "labelOverlap": "greedy"}
        x = {"field": "at", "type": "temporal", "scale": {"type": "utc"}, "axis": ticks}
        y_axis = {"title": f"messages in {duration(figures.width)}", "tickCount": 5, "format": ",.2~f"}
        y_axis |= {"domain": False, "ticks": False, "tickMinStep": 1}
        bars = {
            "mark": {"type": "bar", "color": colour("delivered"), "fillOpacity": 0.75},
            "transform": [{"filter": "datum.delivered > 0"}],
            "encoding": {
                "x2": {"field": "until"},
                "y": {"field": "delivered", "type": "quantitative", "axis": y_axis},
                "y2": {"datum": 0},
            },
        }
        line = {
            "mark": {
                "type": "line",
                "interpolate": "step-after",
                "color": colour("accepted"),
                "strokeWidth": 2,
            },
            "encoding": {"y": {"field": "accepted", "type": "quantitative", "axis": y_axis}},
        }
        return {
            "height": HEIGHT,
            "data": {"values": values},
            "encoding": {"x": x},
            "layer": [bars, line],
        }

    most = max(figures.bins, key=lambda one: one.delivered)
    said = (
        f"at most {number(most.delivered)} delivered in {duration(figures.width)}, from {most.at:%H:%M:%S} on"
    )
    return chart(spec, "Accepted and delivered over time", f"Bars and a line: {said}.")


def _milliseconds(at: dt.datetime) -> int:
    return round(at.timestamp() * 1000)
