"""The figures as pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

BLUE, ORANGE, BLACK, GREEN, PINK = "#0072b2", "#d55e00", "#000000", "#009e73", "#cc79a7"
"""Colours that colour-blind people can tell apart; the kind of line and the mark differ as well."""


class Dot(NamedTuple):
    """What one policy costs.

    Args:
        polls: Polls per message.
        mean: The mean lag, in seconds.
        p99: The lag of which 99 % are lower.
        label: What stands beside it.
    """

    polls: float
    mean: float
    p99: float
    label: str = ""


class Panel(NamedTuple):
    """What is known of one latency.

    Args:
        title: The latency.
        optimum: The best schedules of all.
        exponential: The exponential settings of the least mean lag.
        tail: The exponential settings of the least 99th percentile.
        adaptive: The adaptive policy, one dot for each price.
        default: The exponential policy as it is by default.
        vendor: Every 5 seconds.
    """

    title: str
    optimum: Sequence[Dot]
    exponential: Sequence[Dot]
    tail: Sequence[Dot]
    adaptive: Sequence[Dot]
    default: Dot
    vendor: Dot


def draw_frontier(panels: Sequence[Panel], path: Path) -> None:
    """Draw polls against lags, the mean above and the 99th percentile below.

    Args:
        panels: One for each latency.
        path: Where the PNG is written.
    """
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    figure, rows = plt.subplots(2, len(panels), figsize=(4.6 * len(panels), 8.2), sharex="col", squeeze=False)
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for (upper, lower), panel in zip(zip(*rows, strict=True), panels, strict=True):
        upper.set_title(panel.title, fontsize=10)
        for axes, field, settings in ((upper, "mean", panel.exponential), (lower, "p99", panel.tail)):
            _line(axes, settings, field, color=BLUE, linestyle="-", label="best exponential settings")
            _line(
                axes,
                panel.optimum,
                field,
                color=BLACK,
                linestyle="--",
                label="least mean lag, distribution known",
            )
            _line(
                axes,
                panel.adaptive,
                field,
                color=ORANGE,
                linestyle=":",
                marker="o",
                label="adaptive, after 2,000 ends",
            )
            for dot in panel.adaptive:
                axes.annotate(
                    dot.label,
                    (dot.polls, getattr(dot, field)),
                    xytext=(-6, -11),
                    ha="right",
                    textcoords="offset points",
                    fontsize=8,
                    color=ORANGE,
                )
            for dot, marker, color, label in (
                (panel.default, "s", BLUE, "exponential, as it is by default"),
                (panel.vendor, "D", PINK, "every 5 s, as in the vendor's sample"),
            ):
                axes.plot(
                    dot.polls, getattr(dot, field), marker=marker, color=color, linestyle="", label=label
                )
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlim(0.95, 1.15 * max(panel.vendor.polls, panel.default.polls))
            lags = [getattr(dot, field) for dot in (*panel.adaptive, panel.default, panel.vendor)]
            axes.set_ylim(0.6 * min(lags), 2.5 * max(lags))
            axes.grid(visible=True, which="both", linewidth=0.4, color="#dddddd")
            for axis, places in (
                (axes.xaxis, (1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30)),
                (axes.yaxis, (0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500)),
            ):
                axis.set_major_locator(FixedLocator(places))
                axis.set_major_formatter(plain)
                axis.set_minor_formatter(NullFormatter())
        lower.set_xlabel("polls per message")
    rows[0][0].set_ylabel("mean lag, seconds")
    rows[1][0].set_ylabel("99th percentile of the lag, seconds")
    handles, labels = rows[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, fontsize=9, frameon=False)
    figure.tight_layout(rect=(0.0, 0.07, 1.0, 1.0))
    _save(figure, path)


class Course(NamedTuple):
    """How one latency was learned.

    Args:
        label: The latency.
        ended: After how many ends it was looked at.
        excess: By which part the mean lag was above the optimum at as many polls then.
    """

    label: str
    ended: Sequence[int]
    excess: Sequence[float]


def draw_learning(courses: Sequence[Course], path: Path) -> None:
    """Draw how far from the optimum the adaptive policy is as it learns.

    Args:
        courses: One for each latency.
        path: Where the PNG is written.
    """
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, PercentFormatter

    figure, axes = plt.subplots(figsize=(7.2, 5.2))
    styles = zip((BLUE, GREEN, ORANGE, PINK), ("o", "s", "^", "D"), ("-", "--", "-.", ":"), strict=True)
    for course, (color, marker, linestyle) in zip(courses, styles, strict=False):
        axes.plot(
            course.ended,
            course.excess,
            color=color,
            marker=marker,
            linestyle=linestyle,
            label=course.label,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sorted({ended for it in courses for ended in it.ended})))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(FixedLocator((0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, linewidth=0.4, color="#dddddd")
    axes.set_xlabel("messages that have ended (for d: since the shift)")
    axes.set_ylabel("mean lag above the optimum at equal polls")
    figure.legend(loc="lower center", ncols=1, fontsize=9, frameon=False)
    figure.tight_layout(rect=(0.0, 0.19, 1.0, 1.0))
    _save(figure, path)


def _line(axes: Any, dots: Sequence[Dot], field: str, **style: Any) -> None:
    axes.plot([dot.polls for dot in dots], [getattr(dot, field) for dot in dots], **style)


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
