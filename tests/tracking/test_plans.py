"""Plans: when to ask, as the poller is told."""

import itertools
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.polling.learning import follow_one, teach
from smsbat_async import PollPolicy
from smsbat_async.tracking.adaptive import AdaptivePlan
from smsbat_async.tracking.plan import ExponentialPlan
from smsbat_async.tracking.plans import plan_for

LONG = PollPolicy.adaptive(timeout=600.0)


def adaptive(policy: PollPolicy = LONG, seed: int = 1) -> AdaptivePlan:
    plan = plan_for(policy, Random(seed))
    assert isinstance(plan, AdaptivePlan)
    return plan


def taught(ends: Sequence[float], policy: PollPolicy = LONG) -> AdaptivePlan:
    """Return a plan that has followed messages to the last."""
    plan = adaptive(policy)
    for _ in teach(plan, ends, policy.timeout):
        pass
    return plan


def ages_of(plan: AdaptivePlan, timeout: float) -> list[float]:
    """Return the ages at which the plan asks about a message that never ends."""
    ages = [plan.delay(0.0, 0)]
    while ages[-1] < timeout:
        ages.append(ages[-1] + plan.delay(ages[-1], len(ages)))
    return ages


class TestChoice:
    def test_an_exponential_policy_has_an_exponential_plan(self) -> None:
        policy = PollPolicy(initial=7.0, factor=2.0, maximum=20.0, timeout=90.0, jitter=0.0)
        plan = plan_for(policy, Random(1))
        assert isinstance(plan, ExponentialPlan)
        assert (plan.minimum_gap, plan.timeout, plan.last_poll_grace) == (1.0, 90.0, 5.0)
        assert [plan.delay(99.0, polls) for polls in range(4)] == [7.0, 14.0, 20.0, 20.0]
        plan.learn(0.0, 7.0, True)
        plan.started(100.0)
        assert plan.delay(0.0, 0) == plan.delay_after_failure(0) == 7.0

    def test_an_adaptive_policy_has_a_plan_that_learns(self) -> None:
        plan = adaptive(PollPolicy.adaptive(timeout=60.0, last_poll_grace=3.0, allow_fast=True))
        assert (plan.minimum_gap, plan.timeout, plan.last_poll_grace) == (0.0, 60.0, 3.0)


class TestBeforeLearning:
    def test_it_asks_much_like_the_exponential_policy(self) -> None:
        ages = ages_of(adaptive(), 120.0)
        assert 3.5 < ages[0] < 5.5
        assert all(after - before > 3.0 for before, after in itertools.pairwise(ages))
        assert 5 <= len(ages) <= 9

    def test_the_order_of_many_that_come_at_once_is_kept(self) -> None:
        plan = adaptive()
        assert len({plan.delay(0.0, 0) for _ in range(20_000)}) == 1

    def test_who_comes_later_to_a_message_waits_for_what_is_left(self) -> None:
        plan = adaptive()
        first = plan.delay(0.0, 0)
        assert plan.delay(1.5, 0) == pytest.approx(first - 1.5)
        assert plan.delay(first + 1.0, 0) > 0.0

    def test_a_poll_without_an_answer_is_followed_as_after_any_policy(self) -> None:
        plan = adaptive()
        assert 4.5 <= plan.delay_after_failure(0) <= 5.5
        assert 27.0 <= plan.delay_after_failure(9) <= 33.0


class TestLearning:
    def test_messages_that_end_at_one_age_cost_one_poll(self) -> None:
        random = Random(1)
        plan = taught([random.uniform(9.95, 10.05) for _ in range(2_000)])
        outcomes = [follow_one(plan, 10.0, 600.0) for _ in range(50)]
        assert sum(it.polls for it in outcomes) <= 55
        lags = [it.lag for it in outcomes if it.lag is not None]
        assert len(lags) == 50
        assert sum(lags) / 50 < 0.6

    def test_messages_that_never_end_are_hardly_asked_about(self) -> None:
        plan = taught([1e9] * 1_500)
        assert len(ages_of(plan, 600.0)) <= 5

    def test_messages_that_end_at_once_are_asked_about_as_soon_as_may_be(self) -> None:
        plan = taught([0.05] * 1_000)
        assert 1.0 <= plan.delay(0.0, 0) < 1.5

    def test_nobody_asks_between_two_modes(self) -> None:
        random = Random(2)
        plan = taught([random.uniform(2.5, 3.5) + 40.0 * (random.random() < 0.4) for _ in range(3_000)])
        between = [sum(8.0 < age < 38.0 for age in ages_of(plan, 600.0)) for _ in range(50)]
        assert sum(between) <= 25

    def test_more_is_asked_where_a_poll_is_cheaper(self) -> None:
        random = Random(3)
        ends = [random.expovariate(0.05) for _ in range(1_500)]
        polls = []
        for price in (0.5, 2.0, 8.0):
            plan = taught(ends, PollPolicy.adaptive(price=price, timeout=600.0))
            polls.append(sum(follow_one(plan, end, 600.0).polls for end in ends))
        assert polls == sorted(polls, reverse=True)

    def test_polls_are_rarer_while_they_start_late_and_more_keeps_coming(self) -> None:
        random = Random(4)
        plan = taught([random.expovariate(0.05) for _ in range(1_500)])
        before = plan.timetable.polls
        for _ in range(3_000):
            plan.delay(0.0, 0)
            plan.started(30.0)
        assert plan.timetable.polls < 0.8 * before
        assert plan.price > LONG.price

    def test_the_same_seed_makes_the_same_plan(self) -> None:
        ends = [Random(5).lognormvariate(2.0, 1.0) for _ in range(500)]
        assert ages_of(taught(ends), 600.0) == ages_of(taught(ends), 600.0)


class TestRules:
    @settings(max_examples=25)
    @given(
        st.floats(0.01, 100.0),
        st.sampled_from([0.5, 3.0, 120.0, 1e5]),
        st.booleans(),
        st.integers(0, 2**32),
    )
    def test_two_polls_are_never_too_near_and_never_out_of_bounds(
        self, price: float, timeout: float, fast: bool, seed: int
    ) -> None:
        policy = PollPolicy.adaptive(price=price, timeout=timeout, allow_fast=fast)
        plan, random = adaptive(policy, seed), Random(seed)
        for _ in range(60):
            end = random.expovariate(1.0 / (0.3 * timeout))
            since, age, polls = 0.0, plan.delay(0.0, 0), 1
            assert (0.0 if fast else 1.0) <= age <= max(timeout, 1.0)
            while end > age < timeout:
                plan.learn(since, age, False)
                wait = plan.delay(age, polls)
                assert wait >= plan.minimum_gap
                assert wait > 0.0 or age >= timeout
                since, age, polls = age, age + wait, polls + 1
            plan.learn(since, age, end <= age)

    @pytest.mark.parametrize("price", [1e-300, 1e-9, 1e9, 1e300])
    @pytest.mark.parametrize("timeout", [1e-3, 1.0, 1e9, 1e300])
    def test_absurd_prices_and_timeouts_break_nothing(self, price: float, timeout: float) -> None:
        plan = adaptive(PollPolicy.adaptive(price=price, timeout=timeout, allow_fast=True))
        for number in range(200):
            plan.learn(0.0, number * timeout / 150.0, number % 2 == 0)
            plan.started(1.0)
        assert 0.0 < plan.delay(0.0, 0) <= timeout
        assert plan.delay(timeout / 2.0, 1) >= 0.0

    def test_past_the_timeout_of_the_policy_it_asks_at_growing_waits(self) -> None:
        plan = adaptive(PollPolicy.adaptive(timeout=60.0))
        assert plan.delay(60.0, 9) == pytest.approx(15.0)
        assert plan.delay(200.0, 9) == pytest.approx(50.0)
