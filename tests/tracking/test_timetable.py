"""The timetable is the cheapest there is: against every other one, and where the answer is known."""

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsbat_async.tracking.ages import Ages
from smsbat_async.tracking.timetable import Timetable

CHANCES = st.lists(st.one_of(st.just(0.0), st.floats(0.0, 0.9)), min_size=8, max_size=8)


def eight(timeout: float) -> Ages:
    """Return ages with only eight steps, so that all timetables can be tried."""
    ages = Ages(timeout, timeout)
    ages.edges = [timeout * part / 36.0 for part in (0, 1, 3, 6, 10, 15, 21, 28, 36)]
    ages.widths = [after - before for before, after in itertools.pairwise(ages.edges)]
    return ages


def lag(ages: Ages, chances: Sequence[float], since: float, age: float) -> float:
    """Return the mean of max(0, age - end) over the ends after `since`, integrated step by step."""
    alive, total = 1.0, 0.0
    for start, stop, chance in zip(ages.edges, ages.edges[1:], chances, strict=False):
        density = alive * chance / (stop - start)
        alive *= 1.0 - chance
        low, high = max(start, since), min(stop, age)
        if high > low:
            total += density * (high - low) * (age - (low + high) / 2.0)
    return total


def price_of(
    ages: Ages, chances: Sequence[float], polls: Sequence[int], price: float, patience: float
) -> float:
    """Return what one message costs with polls at these edges."""
    alive = [1.0, *itertools.accumulate((1.0 - chance for chance in chances), lambda a, b: a * b)]
    total, before = 0.0, 0
    for edge in polls:
        since, age = ages.edges[before], ages.edges[edge]
        total += price * alive[before] + lag(ages, chances, since, age)
        if age - patience > since:
            total += lag(ages, chances, since, age - patience)
        before = edge
    return total


@settings(max_examples=150)
@given(CHANCES, st.floats(0.01, 20.0), st.floats(0.5, 60.0), st.sampled_from([0.0, 1.5, 5.0, 30.0]))
def test_no_other_timetable_is_cheaper(
    chances: list[float], price: float, patience: float, gap: float
) -> None:
    ages = eight(36.0)
    table = Timetable(ages, chances, price=price, patience=patience, gap=gap, slacks=())
    cheapest = math.inf
    for count in range(8):
        for inner in itertools.combinations(range(1, 8), count):
            polls = (*inner, 8)
            edges = [0.0, *(ages.edges[it] for it in inner)]
            # The last poll is made at the timeout, however soon after the one before.
            if all(after - before >= gap for before, after in itertools.pairwise(edges)):
                cheapest = min(cheapest, price_of(ages, chances, polls, price, patience))
    assert table.cost == pytest.approx(cheapest)


@given(st.lists(st.floats(0.0, 0.05), min_size=5, max_size=5), st.floats(0.05, 50.0))
def test_a_later_poll_is_never_followed_by_an_earlier_one(five: list[float], price: float) -> None:
    ages = Ages(120.0, 2.0)
    chances = [five[step * 5 // len(ages)] for step in range(len(ages))]
    table = Timetable(ages, chances, price=price, patience=10.0 * price, gap=1.0, slacks=(0.01, 0.2))
    assert table.best == sorted(table.best)
    for earliest, latest in table.ranges:
        for age, low, best, high in zip(ages.edges[:-1], earliest, table.best, latest, strict=False):
            assert age < low <= best <= high <= 120.0


def test_a_constant_hazard_is_asked_about_at_even_gaps() -> None:
    ages = Ages(600.0, 2.0)
    chances = [-math.expm1(-width / 20.0) for width in ages.widths]
    table = Timetable(ages, chances, price=2.0, patience=math.inf, gap=1.0, slacks=())
    # The gap d of the least price / (1 - exp(-d/20)) + d / (1 - exp(-d/20)) is near to 8.3 s.
    polls = [0.0]
    while polls[-1] < 60.0:
        polls.append(table.best[ages.nearest(polls[-1])])
    for before, after in itertools.pairwise(polls):
        assert after - before == pytest.approx(8.3, rel=0.15)


def test_what_ends_at_one_age_is_asked_about_just_then() -> None:
    ages = Ages(60.0, 2.0)
    step = ages.nearest(10.0)
    chances = [0.0] * len(ages)
    chances[step - 1] = 1.0
    table = Timetable(ages, chances, price=2.0, patience=20.0, gap=1.0, slacks=())
    assert table.best[0] == ages.edges[step]
    assert table.polls == pytest.approx(1.0)


def test_what_never_ends_is_asked_about_at_the_timeout_alone() -> None:
    ages = Ages(60.0, 2.0)
    table = Timetable(ages, [0.0] * len(ages), price=2.0, patience=20.0, gap=1.0, slacks=())
    assert set(table.best) == {60.0}
    assert (table.cost, table.polls) == (2.0, 1.0)


def test_a_higher_price_makes_fewer_polls() -> None:
    ages = Ages(600.0, 2.0)
    chances = [-math.expm1(-width / (age + 5.0)) for age, width in zip(ages.edges, ages.widths, strict=False)]
    polls = [
        Timetable(ages, chances, price=price, patience=20.0, gap=1.0, slacks=()).polls
        for price in (0.5, 1.0, 2.0, 5.0, 20.0)
    ]
    assert polls == sorted(polls, reverse=True)
    assert polls[0] > 2.0 * polls[-1]


def test_a_lag_beyond_the_patience_is_asked_about_sooner() -> None:
    ages = Ages(600.0, 2.0)
    chances = [-math.expm1(-width / 1_000.0) for width in ages.widths]
    patient, impatient = (
        Timetable(ages, chances, price=2.0, patience=patience, gap=1.0, slacks=())
        for patience in (math.inf, 20.0)
    )
    assert impatient.best[0] < patient.best[0]
