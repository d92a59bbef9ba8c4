"""What each poll tells: polls per message and the lag of the news, of every policy, at the vendor's rate.

All times are virtual: the figures depend on the seeds alone, not on the machine.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmarks import document, machine
from benchmarks.polling.chart import Course, Dot, Panel, draw_frontier, draw_learning
from benchmarks.polling.client import follow
from benchmarks.polling.figures import Figures
from benchmarks.polling.latencies import MAIN, MIXED, OTHERS, SLOW, Latency
from benchmarks.polling.learning import Known, Score, follow_one, scores
from benchmarks.polling.simulation import Oracle, Planned, simulate
from benchmarks.table import Report, Table
from smsbat_async import PollPolicy, Rate
from smsbat_async.tracking.plans import plan_for

TIMEOUT = 600.0
RATE = Rate(50, 75)
BURST = "burst"
LEARNED = 2_000
SHIFTED = 5_000
TITLES = {
    **{it.name: it.title for it in MAIN},
    "d": "(a) turns into (c) half-way",
}

VENDOR = PollPolicy(initial=5.0, factor=1.0, maximum=5.0, jitter=0.0, timeout=TIMEOUT)
DEFAULT = PollPolicy(timeout=TIMEOUT)
ADAPTIVE = PollPolicy.adaptive(timeout=TIMEOUT)
POLICIES = {"every 5 s": VENDOR, "exponential": DEFAULT, "adaptive": ADAPTIVE}


class Size(NamedTuple):
    """How much is measured.

    Args:
        streams: Messages per second.
        seconds: How long each stream lasts.
        burst: How many messages come at once.
        seeds: How often a plan learns each latency.
        strata: By how many messages a latency is represented.
        prices: The prices of a poll that are drawn, in seconds.
        moments: After how many ends a plan is looked at.
        others: Whether it learns other latencies as well.
        client: Whether streams and bursts go through the real client; else through a simulation.
        pictures: Where the pictures are drawn; None draws none.
    """

    streams: tuple[float, ...] = (5.0, 20.0, 40.0)
    seconds: float = 600.0
    burst: int = 20_000
    seeds: int = 7
    strata: int = 20_000
    prices: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    moments: tuple[int, ...] = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
    others: bool = True
    client: bool = True
    pictures: Path | None = Path("docs")


QUICK = Size(
    streams=(20.0,),
    seconds=150.0,
    burst=2_000,
    seeds=1,
    strata=2_000,
    prices=(2.0,),
    moments=(500, 2_000),
    others=False,
    client=False,
    pictures=None,
)


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    known = {it.name: Known(it, TIMEOUT, size.strata) for it in MAIN}
    loads, load_rows = _under_the_rate(size)
    learned, learned_rows = _after_learning(size, known)
    data: dict[str, Any] = {
        "machine": machine.describe(),
        "size": {**size._asdict(), "pictures": None},
        "loads": load_rows,
        "learned": learned_rows,
        "frontier": _frontier(size, known),
        "learning": _learning(size, known),
    }
    if size.pictures is not None:
        _draw(data, known, size.pictures)
    return Report("poll_efficiency", loads, data, learned)


# -- streams and bursts at the vendor's rate -----------------------------------------------------------


def _under_the_rate(size: Size) -> tuple[Table, list[dict[str, Any]]]:
    through = "the client" if size.client else "a simulation"
    table = Table(
        f"Following messages for up to {TIMEOUT:g} s at {RATE.per_second:g} polls a second, bursts of "
        f"{RATE.burst}, through {through} in virtual time",
        ("latency", "load", "policy", "polls", "mean lag, s", "median", "p95", "p99", "longest first wait"),
    )
    rows: list[dict[str, Any]] = []
    loads: tuple[float | str, ...] = (*size.streams, BURST)
    for name in TITLES:
        for load in loads:
            for policy, figures in _policies(name, load, size):
                text = load if isinstance(load, str) else f"{load:g}/s"
                if load == BURST:
                    text = f"{size.burst:,} at once"
                table.add(
                    name, text, policy, f"{figures.polls:.2f}", *(f"{figure:.2f}" for figure in figures[1:])
                )
                rows.append({"latency": name, "load": load, "policy": policy, **figures._asdict()})
    table.notes = [f"{name}: {title}" for name, title in TITLES.items()]
    table.notes.append("The oracle knows when each message ends, and asks then, as soon as the rate allows.")
    return table, rows


def _policies(name: str, load: float | str, size: Size) -> Iterator[tuple[str, Figures]]:
    arrivals, ends = _messages(name, load, size)
    for label, policy in POLICIES.items():
        if size.client:
            outcomes = follow(policy, arrivals, ends, rate=RATE, seed=1)
        else:
            planned = Planned(plan_for(policy, Random(1)))
            outcomes = simulate(planned, arrivals, ends, timeout=TIMEOUT, rate=RATE)
        yield label, Figures.of(outcomes)
    outcomes = simulate(Oracle(ends, TIMEOUT), arrivals, ends, timeout=TIMEOUT, rate=RATE)
    yield "oracle", Figures.of(outcomes)


def _messages(name: str, load: float | str, size: Size) -> tuple[list[float], list[float]]:
    """Return when messages are sent, and at which age each ends."""
    if isinstance(load, str):
        arrivals = [0.0] * size.burst
    else:
        arrivals = [number / load for number in range(round(load * size.seconds))]
    count = len(arrivals)
    if name == "d":
        half = count // 2
        return arrivals, MIXED.sample(half, 2) + SLOW.sample(count - half, 3)
    return arrivals, next(it for it in MAIN if it.name == name).sample(count, 2)


# -- how much of the possible is learned ---------------------------------------------------------------


def _after_learning(size: Size, known: dict[str, Known]) -> tuple[Table, list[dict[str, Any]]]:
    table = Table(
        f"The adaptive policy after {LEARNED:,} messages have ended (d: since the shift), with no limit "
        f"on the rate: medians of {size.seeds}",
        (
            "latency",
            "polls",
            "mean lag, s",
            "p99",
            "best exponential",
            "in round numbers",
            "optimum",
            "gap closed",
            "of round numbers",
            "default exponential: polls, mean, p99",
        ),
    )
    rows: list[dict[str, Any]] = []
    latencies = [*MAIN, *(OTHERS if size.others else ())]
    for latency in latencies:
        its = known.get(latency.name) or Known(latency, TIMEOUT, size.strata)
        _add_learned(latency.name, [_learned(its, seed) for seed in range(size.seeds)], its, table, rows)
    shifted = [_shifted(known[SLOW.name], (LEARNED, SHIFTED), seed) for seed in range(size.seeds)]
    for number, after in enumerate((LEARNED, SHIFTED)):
        label = f"d, {after:,} after"
        _add_learned(label, [it[number] for it in shifted], known[SLOW.name], table, rows)
    table.notes = [
        "best exponential: the least mean lag of any exponential setting at no more polls, by hindsight",
        "in round numbers: the same of settings on a grid (initial in half seconds and seconds, 16 factors, "
        "13 maxima)",
        "optimum: the least mean lag at as many polls, by dynamic programming with the distribution known",
        "gap closed: from the best exponential to the optimum; - where the gap is under 2 % of the lag",
        *(f"{it.name}: {it.title}" for it in latencies),
    ]
    return table, rows


def _learned(known: Known, seed: int) -> Score:
    # What never ends cannot be waited for by its ends.
    if known.ends.by(TIMEOUT)[0] == 0.0:
        return _unlearned(known, seed)
    ends = known.latency.sample(2 * LEARNED + 1_000, 100 + seed)
    return scores(ADAPTIVE.price, ends, (LEARNED,), known, seed=seed)[0]


def _unlearned(known: Known, seed: int) -> Score:
    """Return how a plan does that has followed as many messages, none of which ended."""
    plan = plan_for(ADAPTIVE, Random(seed))
    taught = known.latency.sample(LEARNED, seed)
    simulate(Planned(plan), [0.2 * it for it in range(LEARNED)], taught, timeout=TIMEOUT, rate=None)
    figures = Figures.of([follow_one(plan, end, TIMEOUT) for end in known.ends.ages])
    return Score(figures, 0.0, 0.0, 0.0)


def _shifted(known: Known, counted: Sequence[int], seed: int, before: int = 3_000) -> list[Score]:
    """Return how a plan does that knew (a) well when (c) began."""
    ends = chain(MIXED.sample(before, 200 + seed), SLOW.sample(max(counted) + 3_000, 300 + seed))
    return scores(ADAPTIVE.price, ends, counted, known, seed=seed, after=before)


def _add_learned(
    name: str, found: Sequence[Score], known: Known, table: Table, rows: list[dict[str, Any]]
) -> None:
    default = _fixed(DEFAULT, known)
    middle = {
        "polls": statistics.median(it.figures.polls for it in found),
        "mean": statistics.median(it.figures.mean for it in found),
        "p99": statistics.median(it.figures.p99 for it in found),
        "exponential": statistics.median(it.exponential for it in found),
        "round numbers": statistics.median(it.on_the_grid for it in found),
        "optimum": statistics.median(it.optimum for it in found),
    }
    closed = statistics.median(it.closed for it in found)
    rounded = statistics.median(it.closed_on_the_grid for it in found)
    table.add(
        name,
        *(f"{figure:.2f}" for figure in middle.values()),
        _share(closed, middle["exponential"], middle["optimum"]),
        _share(rounded, middle["round numbers"], middle["optimum"]),
        f"{default.polls:.2f}, {default.mean:.2f}, {default.p99:.2f}",
    )
    rows.append(
        {
            "latency": name,
            **middle,
            "closed": [it.closed for it in found],
            "closed of round numbers": [it.closed_on_the_grid for it in found],
            "default": default._asdict(),
        }
    )


def _share(closed: float, worst: float, best: float) -> str:
    return f"{100.0 * closed:.0f} %" if worst - best > 0.02 * best and worst < TIMEOUT else "-"


def _fixed(policy: PollPolicy, known: Known) -> Figures:
    """Return the figures of a policy that does not learn."""
    plan = plan_for(policy, Random(1))
    return Figures.of([follow_one(plan, end, TIMEOUT) for end in known.ends.ages])


# -- what is drawn -------------------------------------------------------------------------------------


def _frontier(size: Size, known: dict[str, Known]) -> list[dict[str, Any]]:
    rows = []
    for name, its in known.items():
        for price in size.prices:
            figures = []
            for seed in range(min(3, size.seeds)):
                ends = its.latency.sample(2 * LEARNED + 1_000, 100 + seed)
                figures.append(scores(price, ends, (LEARNED,), its, seed=seed)[0].figures)
            rows.append(
                {
                    "latency": name,
                    "price": price,
                    "polls": statistics.mean(it.polls for it in figures),
                    "mean": statistics.mean(it.mean for it in figures),
                    "p99": statistics.mean(it.p99 for it in figures),
                }
            )
    return rows


def _learning(size: Size, known: dict[str, Known]) -> list[dict[str, Any]]:
    rows = []
    for name in TITLES:
        its = known[SLOW.name if name == "d" else name]
        courses = []
        for seed in range(size.seeds):
            if name == "d":
                found = _shifted(its, size.moments, seed)
            else:
                ends = its.latency.sample(int(1.3 * max(size.moments)) + 3_000, 400 + seed)
                found = scores(ADAPTIVE.price, ends, size.moments, its, seed=seed)
            courses.append([it.figures.mean / it.optimum - 1.0 for it in found])
        rows.append(
            {
                "latency": name,
                "ended": list(size.moments),
                "excess": [statistics.median(values) for values in zip(*courses, strict=True)],
            }
        )
    return rows


def _draw(data: dict[str, Any], known: dict[str, Known], folder: Path) -> None:
    draw_frontier([panel(its, data["frontier"]) for its in known.values()], folder / "polling_frontier.png")
    courses = [
        Course(f"{row['latency']}: {TITLES[row['latency']]}", row["ended"], row["excess"])
        for row in data["learning"]
    ]
    draw_learning(courses, folder / "polling_learning.png")


def panel(known: Known, rows: Sequence[dict[str, Any]]) -> Panel:
    """Return what is drawn of one latency.

    Args:
        known: The latency.
        rows: What the adaptive policy did at some prices, of any latency.
    """
    default, vendor = (_fixed(policy, known) for policy in (DEFAULT, VENDOR))
    return Panel(
        _title(known.latency),
        [Dot(it.polls, it.lag, known.ends.p99_of(it.ages)) for it in known.optimum.points],
        [Dot(it.polls, it.lag, 0.0) for it in known.exponential.frontier()],
        [Dot(polls, 0.0, p99) for polls, p99 in known.exponential.tail()],
        [
            Dot(row["polls"], row["mean"], row["p99"], f"price {row['price']:g} s")
            for row in rows
            if row["latency"] == known.latency.name
        ],
        Dot(default.polls, default.mean, default.p99),
        Dot(vendor.polls, vendor.mean, vendor.p99),
    )


def _title(latency: Latency) -> str:
    text = f"({latency.name}) {latency.title}"
    middle = text.find("; ") if "; " in text else text.find(", ", len(text) // 2 - 8)
    return text if middle < 0 else f"{text[: middle + 1]}\n{text[middle + 2 :]}"


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments ask for, print the tables, write JSON and pictures.

    Args:
        arguments: The words of the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.poll_efficiency", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, rougher figures, no pictures")
    parser.add_argument("--markdown", type=Path, help="a page between whose marks the tables are put")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"), help="where JSON goes")
    options = parser.parse_args(arguments)
    report = run(QUICK if options.quick else Size())
    assert report.summary is not None
    if options.markdown is not None:
        document.put(options.markdown, "polling", report.table.markdown())
        document.put(options.markdown, "polling summary", report.summary.markdown())
    print(f"{report.table}\n\n{report.summary}\n\nwritten to {report.write(options.results)}")


if __name__ == "__main__":
    main(sys.argv[1:])
