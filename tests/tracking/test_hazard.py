"""What is learned of when messages end, from polls that cannot see more than "by now" and "not yet"."""

from collections.abc import Callable
from random import Random

import pytest

from smsbat_async.tracking.ages import Ages
from smsbat_async.tracking.hazard import SMOOTHINGS, Hazard

TIMEOUT = 120.0


def fresh() -> tuple[Ages, Hazard]:
    ages = Ages(TIMEOUT, 2.0)
    return ages, Hazard(ages, 2.0)


def ended_by(ages: Ages, hazard: Hazard, age: float) -> float:
    """Return the believed chance to have ended by an age."""
    alive = 1.0
    for chance in hazard.ends[: ages.nearest(age)]:
        alive *= 1.0 - chance
    return 1.0 - alive


def teach(hazard: Hazard, draw: Callable[[Random], float], messages: int, *, seed: int = 1) -> None:
    """Follow messages with polls at random ages, and think it over now and then."""
    random = Random(seed)
    for number in range(messages):
        end, since = draw(random), 0.0
        while since < TIMEOUT:
            age = min(TIMEOUT, since + random.uniform(1.0, 2.0 + since))
            hazard.observe(since, age, end <= age)
            if end <= age:
                break
            since = age
        if number % 100 == 99:
            hazard.take_in()
            hazard.revise()
            hazard.revise()


@pytest.mark.parametrize(
    "mean",
    [4.0, 20.0, 60.0],
)
def test_a_distribution_is_found_though_no_end_is_ever_seen_exactly(mean: float) -> None:
    ages, hazard = fresh()
    teach(hazard, lambda random: random.expovariate(1.0 / mean), 3_000)
    for age in (2.0, 5.0, 10.0, 30.0, 80.0):
        assert ended_by(ages, hazard, age) == pytest.approx(1.0 - 2.718281828 ** (-age / mean), abs=0.04)


def test_messages_that_never_end_are_told_from_those_that_end_late() -> None:
    ages, hazard = fresh()
    teach(hazard, lambda random: random.uniform(3.0, 6.0) if random.random() < 0.7 else 1e9, 3_000)
    assert ended_by(ages, hazard, 8.0) == pytest.approx(0.7, abs=0.04)
    assert ended_by(ages, hazard, 119.0) == pytest.approx(0.7, abs=0.05)


def test_two_modes_are_kept_apart() -> None:
    ages, hazard = fresh()
    teach(hazard, lambda random: random.uniform(2.5, 3.5) + 40.0 * (random.random() < 0.4), 3_000)
    assert ended_by(ages, hazard, 5.0) == pytest.approx(0.6, abs=0.05)
    assert ended_by(ages, hazard, 30.0) == pytest.approx(0.6, abs=0.07)
    assert ended_by(ages, hazard, 50.0) > 0.93


def test_what_is_sharp_is_smoothed_less_than_what_is_smooth() -> None:
    _, sharp = fresh()
    teach(sharp, lambda random: random.choice([3.0, 20.0, 60.0]), 1_500)
    _, smooth = fresh()
    teach(smooth, lambda random: random.lognormvariate(2.5, 1.2), 1_500)
    assert sum(sharp.credits) == pytest.approx(1.0)
    assert sharp.credits[0] > 0.9
    assert smooth.credits[0] < 0.5


def test_exact_news_are_an_end_at_that_age_after_the_time_before_it() -> None:
    ages, hazard = fresh()
    for _ in range(500):
        hazard.observe(0.0, 10.0, False)
        hazard.observe(10.0, 10.0, True)
    hazard.take_in()
    for _ in range(20):
        hazard.revise()
    assert ended_by(ages, hazard, 8.5) < 0.1
    assert ended_by(ages, hazard, 12.0) > 0.8


def test_old_observations_are_given_up_when_times_change() -> None:
    ages, hazard = fresh()
    teach(hazard, lambda random: random.uniform(3.0, 5.0), 3_000)
    assert ended_by(ages, hazard, 6.0) > 0.95
    teach(hazard, lambda random: random.uniform(30.0, 50.0), 1_000, seed=2)
    assert ended_by(ages, hazard, 6.0) < 0.1


def test_old_observations_are_kept_while_times_stay() -> None:
    ages, hazard = fresh()
    teach(hazard, lambda random: random.expovariate(0.05), 2_000)
    before = ended_by(ages, hazard, 20.0)
    teach(hazard, lambda random: random.expovariate(0.05), 100, seed=2)
    assert ended_by(ages, hazard, 20.0) == pytest.approx(before, abs=0.03)


def test_a_few_surprises_do_not_carry_the_belief_away() -> None:
    ages, hazard = fresh()
    prior = ended_by(ages, hazard, 30.0)
    for _ in range(3):
        hazard.observe(0.0, 4.0, False)
    hazard.take_in()
    hazard.revise()
    assert ended_by(ages, hazard, 30.0) > 0.6 * prior


def test_each_message_counts_once() -> None:
    _, hazard = fresh()
    hazard.observe(0.0, 5.0, False)
    hazard.observe(5.0, 9.0, False)
    hazard.observe(9.0, 20.0, True)
    hazard.observe(0.0, 5.0, True)
    assert hazard.messages == 2


def test_what_happens_after_the_timeout_says_nothing() -> None:
    _, hazard = fresh()
    before = hazard.ends[:]
    hazard.observe(TIMEOUT, TIMEOUT + 50.0, True)
    hazard.take_in()
    hazard.revise()
    assert hazard.ends == pytest.approx(before)


def test_chances_stay_chances_whatever_is_observed() -> None:
    _, hazard = fresh()
    random = Random(3)
    for number in range(5_000):
        since = random.choice([0.0, random.uniform(0.0, 130.0)])
        hazard.observe(since, since + random.choice([0.0, 1e-9, random.expovariate(0.1)]), number % 3 == 0)
        if number % 500 == 0:
            hazard.take_in()
            hazard.revise()
    assert all(0.0 <= chance < 1.0 for chance in hazard.ends)
    assert len(hazard.credits) == len(SMOOTHINGS)
