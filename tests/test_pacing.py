"""Rates, pauses and the retry budget: told the time, so no clock is needed."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import Rate
from smsbat_async.pacing import Pacer, RetryBudget
from tests.support.fake import most_in_one_second

RATES = [Rate(50, 75), Rate(100, 150), Rate(1, 1), Rate(0.5, 1), Rate(50, 50)]


def eager(pacer: Pacer, now: float, until: float) -> list[float]:
    """Start a request whenever one may start."""
    starts = []
    while (now := pacer.next_start(now)) < until:
        assert pacer.try_start(now)
        starts.append(now)
    return starts


def fitful(pacer: Pacer, rate: Rate, until: float, seed: int) -> list[float]:
    """Try at random moments: now in a rush, now after a rest."""
    random = Random(seed)
    now, starts = 0.0, []
    while now < until:
        rush = random.random() < 0.9
        now += random.expovariate(8 * rate.burst) if rush else random.uniform(0, 3 / rate.per_second)
        if pacer.try_start(now):
            starts.append(now)
    return starts


# -- rates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_an_eager_caller_never_starts_more_than_the_burst_in_any_one_second(rate: Rate) -> None:
    starts = eager(Pacer(rate, 0.0), 0.0, 60.0)
    assert most_in_one_second(starts) == rate.burst


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_an_eager_caller_gets_the_configured_rate_in_the_long_run(rate: Rate) -> None:
    starts = eager(Pacer(rate, 0.0), 0.0, 300.0)
    assert len(starts) / 300.0 == pytest.approx(rate.per_second, rel=0.01)


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_fitful_caller_never_gets_more_than_rate_and_burst(rate: Rate, seed: int) -> None:
    starts = fitful(Pacer(rate, 0.0), rate, 60.0, seed)
    assert starts
    assert most_in_one_second(starts) <= rate.burst
    for skipped in range(0, len(starts), 7):
        part = starts[skipped:]
        spare = max(1.0, rate.burst - rate.per_second)
        assert len(part) <= rate.per_second * (part[-1] - part[0]) + spare + 1e-6


@given(
    rate=st.builds(
        lambda per_second, more: Rate(per_second, max(1, int(per_second) + more)),
        st.floats(0.1, 20),
        st.integers(1, 30),
    ),
    gaps=st.lists(st.one_of(st.just(0.0), st.floats(0, 0.05), st.floats(0, 5)), max_size=300),
)
def test_whatever_the_caller_does_no_second_holds_more_than_the_burst(rate: Rate, gaps: list[float]) -> None:
    pacer, now, starts = Pacer(rate, 0.0), 0.0, []
    for gap in gaps:
        now += gap
        may = pacer.next_start(now) <= now
        assert pacer.try_start(now) is may
        if may:
            starts.append(now)
    assert most_in_one_second(starts) <= rate.burst


def test_a_rest_earns_the_burst_again_and_no_more() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    first = eager(pacer, 0.0, 1.0)
    later = eager(pacer, 3600.0, 3601.0)
    assert len(first) == len(later) == 75


def test_at_one_a_second_any_two_starts_are_more_than_a_second_apart() -> None:
    starts = eager(Pacer(Rate(1, 1), 0.0), 0.0, 10.0)
    assert all(1.0 < after - before < 1.01 for before, after in pairwise(starts))


def test_without_a_limit_everything_may_start_at_once() -> None:
    pacer = Pacer(None, 0.0)
    assert pacer.per_second(0.0) is None
    assert all(pacer.try_start(0.0) for _ in range(10_000))


# -- pauses ---------------------------------------------------------------------------------------


def test_nothing_starts_before_the_pause_is_over() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    assert pacer.pause(10.0, 7.0, started_at=9.9) is True
    assert pacer.paused_until == 17.0
    assert pacer.next_start(10.0) == 17.0
    assert not pacer.try_start(16.999)
    assert pacer.try_start(17.0)


def test_after_a_pause_one_request_tries_the_water_and_the_rest_follow_at_the_lower_rate() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    pacer.pause(0.0, 5.0, started_at=0.0)
    starts = eager(pacer, 0.0, 5.1)
    assert starts[0] == 5.0
    assert [after - before for before, after in pairwise(starts)] == pytest.approx([1 / 25] * 2, rel=0.05)


def test_a_pause_halves_the_rate_once_however_many_are_refused() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    told = [pacer.pause(1.0 + late / 100, 5.0, started_at=0.9) for late in range(40)]
    assert told == [True] + [False] * 39
    assert pacer.per_second(pacer.paused_until) == 25.0
    assert pacer.paused_until == pytest.approx(1.39 + 5.0)  # the last word counts


def test_a_shorter_word_of_the_vendor_does_not_shorten_a_pause() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    pacer.pause(0.0, 30.0, started_at=0.0)
    pacer.pause(1.0, 2.0, started_at=0.0)
    assert pacer.paused_until == 30.0


def test_the_rate_comes_back_by_a_tenth_of_the_configured_one_each_second() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    pacer.pause(0.0, 10.0, started_at=0.0)
    seen = [pacer.per_second(10.0 + second) for second in range(7)]
    assert seen == pytest.approx([25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 50.0])


def test_a_second_pause_halves_what_the_first_had_left() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    pacer.pause(0.0, 1.0, started_at=0.0)
    pacer.pause(1.0, 1.0, started_at=1.0)
    assert pacer.per_second(2.0) == 12.5
    pacer.pause(3.0, 1.0, started_at=2.5)
    assert pacer.per_second(4.0) == pytest.approx((12.5 + 5.0) / 2)


def test_pauses_never_bring_the_rate_under_one_a_second() -> None:
    pacer, rates = Pacer(Rate(50, 75), 0.0), []
    for _ in range(8):
        assert pacer.pause(pacer.paused_until, 1.0, started_at=pacer.paused_until)
        rates.append(pacer.per_second(pacer.paused_until))
    assert rates == [25.0, 12.5, 6.25, 3.125, 1.5625, 1.0, 1.0, 1.0]


def test_a_rate_that_is_lower_from_the_start_stays_as_it_is() -> None:
    pacer = Pacer(Rate(0.5, 1), 0.0)
    pacer.pause(0.0, 1.0, started_at=0.0)
    assert pacer.per_second(1.0) == 0.5


def test_pauses_of_untold_length_are_1_2_4_and_8_seconds() -> None:
    pacer, now, lengths = Pacer(Rate(50, 75), 0.0), 0.0, []
    for _ in range(6):
        assert pacer.pause(now, None, started_at=now)
        lengths.append(pacer.paused_until - now)
        now = pacer.paused_until
    assert lengths == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_a_success_after_the_pause_sets_the_backoff_back() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    pacer.pause(0.0, None, started_at=0.0)
    pacer.pause(1.0, None, started_at=1.0)
    pacer.succeeded(started_at=3.0)
    pacer.pause(4.0, None, started_at=3.5)
    assert pacer.paused_until == 5.0


def test_a_success_of_a_request_from_before_the_pause_sets_nothing_back() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    pacer.pause(1.0, None, started_at=0.5)
    pacer.succeeded(started_at=0.9)
    pacer.pause(2.0, None, started_at=2.0)
    assert pacer.paused_until == 4.0


def test_another_refusal_of_the_same_pause_does_not_lengthen_it_where_the_vendor_is_silent() -> None:
    pacer = Pacer(Rate(50, 75), 0.0)
    pacer.pause(1.0, None, started_at=0.5)
    assert pacer.pause(1.9, None, started_at=0.8) is False
    assert pacer.paused_until == 2.0


def test_an_unlimited_rate_only_pauses() -> None:
    pacer = Pacer(None, 0.0)
    assert pacer.pause(0.0, 3.0, started_at=0.0)
    assert pacer.per_second(3.0) is None
    assert pacer.next_start(1.0) == 3.0
    assert not pacer.try_start(2.9)
    assert all(pacer.try_start(3.0) for _ in range(1_000))


@given(
    events=st.lists(
        st.tuples(st.floats(0, 2), st.one_of(st.none(), st.floats(0, 60)), st.booleans()), max_size=60
    )
)
def test_pauses_keep_the_burst_and_let_nothing_start_inside_them(
    events: list[tuple[float, float | None, bool]],
) -> None:
    rate = Rate(5, 8)
    pacer, now, starts = Pacer(rate, 0.0), 0.0, []
    for gap, seconds, refused in events:
        now += gap
        before = pacer.paused_until
        if pacer.try_start(now):
            assert now >= before
            starts.append(now)
            if refused:
                pacer.pause(now, seconds, started_at=now)
        assert pacer.paused_until >= before
        assert pacer.next_start(now) >= pacer.paused_until
        assert 1.0 <= (pacer.per_second(now) or 0.0) <= 5.0
    assert most_in_one_second(starts) <= rate.burst


# -- the retry budget -----------------------------------------------------------------------------


def test_a_hundred_retries_may_be_made_without_any_success() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(101)] == [True] * 100 + [False]
    assert budget.left == 0


def test_ten_successes_give_one_retry_back() -> None:
    budget = RetryBudget(tokens=1.0)
    assert budget.spend()
    for _ in range(9):
        budget.earn()
    assert not budget.spend()
    for _ in range(2):  # ten tenths are a hair less than one
        budget.earn()
    assert budget.spend()


def test_successes_never_fill_the_budget_over_its_size() -> None:
    budget = RetryBudget()
    for _ in range(10_000):
        budget.earn()
    assert budget.left == 100


@pytest.mark.parametrize("success", [0.0, 0.05, 0.5, 0.9])
def test_row_70_an_outage_costs_at_most_a_tenth_more_requests(success: float) -> None:
    random, budget = Random(7), RetryBudget()
    calls, requests = 20_000, 0
    for _ in range(calls):
        for attempt in range(3):
            requests += 1
            if random.random() < success:
                budget.earn()
                break
            if attempt == 2 or not budget.spend():
                break
    assert requests - calls <= 100 + calls / 10
    assert requests - calls >= 100
