"""The comparison of polling policies measures what it says."""

import itertools
import json
import math
from random import Random

import pytest

from benchmarks import poll_efficiency
from benchmarks.poll_efficiency import ADAPTIVE, DEFAULT, RATE, TIMEOUT, Size
from benchmarks.polling.bounds import BestExponential, Optimum, exponential
from benchmarks.polling.chart import Dot
from benchmarks.polling.client import follow
from benchmarks.polling.figures import Ends, Figures, Outcome, quantile
from benchmarks.polling.latencies import CASCADE, MAIN, MIXED, OTHERS, SLOW, Latency
from benchmarks.polling.learning import Known, follow_one, scores
from benchmarks.polling.simulation import Oracle, Planned, simulate
from smsbat_async import PollPolicy, Rate
from smsbat_async.tracking.plans import plan_for

pytestmark = pytest.mark.unmeasured

SMALL = Size(
    streams=(10.0,),
    seconds=10.0,
    burst=150,
    seeds=1,
    strata=500,
    prices=(2.0,),
    moments=(100,),
    others=False,
    client=False,
    pictures=None,
)


class TestLatencies:
    @pytest.mark.parametrize("latency", [*MAIN, *OTHERS], ids=lambda latency: latency.name)
    def test_the_same_seed_draws_the_same(self, latency: Latency) -> None:
        assert latency.sample(50, 1) == latency.sample(50, 1)
        assert all(age > 0.0 for age in latency.sample(500, 2))

    def test_mixtures_have_their_parts(self) -> None:
        ends = Ends(MIXED.strata(4_000))
        assert 1.0 - ends.by(math.inf)[0] == pytest.approx(0.05, abs=0.01)
        assert ends.by(5.0)[0] == pytest.approx(0.85 * 0.5, abs=0.02)
        cascade = Ends(CASCADE.strata(4_000))
        assert cascade.by(10.0)[0] == pytest.approx(cascade.by(40.0)[0], abs=0.01)
        assert Ends(SLOW.strata(4_000)).by(60.0)[0] == pytest.approx(0.5, abs=0.01)


class TestFigures:
    def test_are_of_those_that_ended_but_polls_are_of_all(self) -> None:
        figures = Figures.of([Outcome(1, 2.0, 5.0), Outcome(3, 4.0, 6.0), Outcome(5, None, 7.0)])
        assert figures == (3.0, 3.0, 4.0, 4.0, 4.0, 7.0)

    def test_nothing_has_no_quantiles(self) -> None:
        assert quantile([], 0.5) == 0.0
        assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0

    def test_a_fixed_schedule_costs_what_it_costs_one_by_one(self) -> None:
        ends = Ends(MIXED.strata(500))
        ages = exponential(5.0, 1.6, 30.0, TIMEOUT)
        policy = PollPolicy(timeout=TIMEOUT, jitter=0.0)
        one_by_one = Figures.of([follow_one(plan_for(policy, Random(1)), end, TIMEOUT) for end in ends.ages])
        assert ends.cost_of(ages) == pytest.approx((one_by_one.polls, one_by_one.mean))
        assert ends.p99_of(ages) == pytest.approx(one_by_one.p99)


class TestBounds:
    def test_exponential_waits_grow_to_their_maximum_and_end_at_the_timeout(self) -> None:
        assert exponential(5.0, 2.0, 15.0, 60.0) == (5.0, 15.0, 30.0, 45.0, 60.0)

    @pytest.mark.parametrize("latency", MAIN, ids=lambda latency: latency.name)
    def test_the_optimum_is_better_than_the_best_exponential_setting_and_that_than_the_default(
        self, latency: Latency
    ) -> None:
        known = Known(latency, TIMEOUT, 500)
        polls, lag = known.ends.cost_of(exponential(5.0, 1.6, 30.0, TIMEOUT))
        assert (
            known.optimum.at(polls) < known.exponential.at(polls, 200) <= known.exponential.on_the_grid(polls)
        )
        assert known.exponential.on_the_grid(polls) <= lag

    def test_nothing_is_reached_with_no_polls(self) -> None:
        best = BestExponential(Ends([1.0, 2.0]), 10.0)
        assert best.on_the_grid(0.5) == best.at(0.5) == math.inf

    def test_the_optimum_for_one_end_is_one_poll_just_after_it(self) -> None:
        optimum = Optimum(Ends([10.0] * 100), 60.0, (1.0, 5.0))
        assert [point.polls for point in optimum.points] == pytest.approx([1.0, 1.0])
        assert all(0.0 <= point.lag < 0.11 for point in optimum.points)

    def test_the_optimum_keeps_a_second_between_polls(self) -> None:
        optimum = Optimum(
            Ends(Latency("x", "x", lambda random: random.uniform(0, 20)).strata(300)), 30.0, (0.01,)
        )
        ages = [0.0, *optimum.points[0].ages]
        assert all(after - before > 1.0 - 1e-6 for before, after in itertools.pairwise(ages))

    def test_between_two_prices_it_is_drawn_as_a_line(self) -> None:
        optimum = Optimum(Ends(SLOW.strata(300)), TIMEOUT, (1.0, 8.0))
        low, high = optimum.points
        middle = (low.polls + high.polls) / 2.0
        assert optimum.at(middle) == pytest.approx((low.lag + high.lag) / 2.0)
        assert optimum.at(0.0) == low.lag
        assert optimum.at(99.0) == high.lag


class TestSimulation:
    @pytest.mark.parametrize("policy", [DEFAULT, ADAPTIVE], ids=["exponential", "adaptive"])
    def test_is_what_the_real_client_does(self, policy: PollPolicy) -> None:
        arrivals = [number / 8.0 for number in range(400)]
        ends = MIXED.sample(400, 1)
        simulated = simulate(
            Planned(plan_for(policy, Random(1))), arrivals, ends, timeout=TIMEOUT, rate=Rate(50, 75)
        )
        real = follow(policy, arrivals, ends, rate=Rate(50, 75), seed=1)
        assert Figures.of(real) == pytest.approx(Figures.of(simulated), rel=1e-3)
        assert [it.polls for it in real] == [it.polls for it in simulated]

    def test_keeps_the_rate(self) -> None:
        outcomes = simulate(
            Planned(plan_for(DEFAULT, Random(1))),
            [0.0] * 400,
            [1.0] * 400,
            timeout=TIMEOUT,
            rate=Rate(50, 75),
        )
        firsts = sorted(it.first for it in outcomes)
        assert all(firsts[number + 76] - firsts[number] > 1.0 for number in range(400 - 76))
        assert firsts[-1] == pytest.approx(firsts[0] + (400 - 25) / 50, abs=0.1)

    def test_the_oracle_is_late_only_where_the_rate_is(self) -> None:
        ends = [3.0, 1.0, math.inf]
        free = simulate(Oracle(ends, 60.0), [0.0, 1.0, 2.0], ends, timeout=60.0, rate=None)
        assert free == [(1, 0.0, 3.0), (1, 0.0, 1.0), (1, None, 60.0)]
        bound = simulate(Oracle([5.0] * 100, 60.0), [0.0] * 100, [5.0] * 100, timeout=60.0, rate=Rate(1, 1))
        assert max(it.lag or 0.0 for it in bound) > 50.0

    def test_in_a_burst_the_adaptive_policy_asks_in_the_order_of_arrival(self) -> None:
        ends = MIXED.sample(2_000, 3)
        outcomes = simulate(
            Planned(plan_for(ADAPTIVE, Random(1))), [0.0] * 2_000, ends, timeout=TIMEOUT, rate=RATE
        )
        firsts = [it.first for it in outcomes]
        assert firsts == sorted(firsts)
        # At 50 a second from the first on, less what the bucket holds.
        assert firsts[-1] <= firsts[0] + 2_000 / 50

    def test_nobody_is_starved_while_too_many_come(self) -> None:
        arrivals = [number / 80.0 for number in range(8_000)]
        outcomes = simulate(
            Planned(plan_for(ADAPTIVE, Random(1))),
            arrivals,
            SLOW.sample(8_000, 3),
            timeout=TIMEOUT,
            rate=RATE,
        )
        assert all(it.polls >= 1 for it in outcomes)
        assert max(it.first for it in outcomes) < 250.0


class TestLearning:
    def test_most_of_the_gap_is_closed_where_there_is_one(self) -> None:
        known = Known(CASCADE, TIMEOUT, 2_000)
        [score] = scores(2.0, CASCADE.sample(4_000, 1), (2_000,), known, seed=1)
        assert score.closed > 0.5
        assert score.optimum < score.figures.mean < score.exponential <= score.on_the_grid

    def test_it_needs_enough_messages(self) -> None:
        known = Known(CASCADE, TIMEOUT, 100)
        with pytest.raises(ValueError, match="too few messages"):
            scores(2.0, CASCADE.sample(50, 1), (100,), known, seed=1)


class TestReport:
    def test_every_load_and_policy_has_its_row(self) -> None:
        report = poll_efficiency.run(SMALL)
        wanted = [
            (latency, load, policy)
            for latency in "abcd"
            for load in ("10/s", "150 at once")
            for policy in ("every 5 s", "exponential", "adaptive", "oracle")
        ]
        assert [row[:3] for row in report.table.rows] == wanted
        assert report.summary is not None
        assert [row[0] for row in report.summary.rows] == ["a", "b", "c", "d, 2,000 after", "d, 5,000 after"]
        assert [row["latency"] for row in report.data["learning"]] == list("abcd")
        assert len(report.data["frontier"]) == 3
        json.dumps(report.data)

    def test_a_picture_shows_the_bounds_and_each_price_of_its_latency(self) -> None:
        known = Known(SLOW, TIMEOUT, 200)
        rows = [
            {"latency": latency, "price": price, "polls": 9.0 - price, "mean": price, "p99": 3.0 * price}
            for latency in ("a", "c")
            for price in (1.0, 2.0)
        ]
        panel = poll_efficiency.panel(known, rows)
        assert panel.adaptive == [Dot(8.0, 1.0, 3.0, "price 1 s"), Dot(7.0, 2.0, 6.0, "price 2 s")]
        assert [dot.polls for dot in panel.optimum] == sorted(dot.polls for dot in panel.optimum)
        assert panel.vendor.polls > panel.default.polls
        assert panel.vendor.mean < panel.default.mean
