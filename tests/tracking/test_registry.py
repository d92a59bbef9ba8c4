"""One plan per policy."""

from random import Random

from smsbat_async import PollPolicy
from smsbat_async.tracking.registry import KEPT, PlanRegistry


def policy(number: int) -> PollPolicy:
    return PollPolicy(timeout=100.0 + number)


def test_messages_of_equal_policies_share_a_plan() -> None:
    plans = PlanRegistry(Random(1))
    first = plans.take(policy(1))
    assert plans.take(policy(2)) != first
    assert plans.take(policy(1)) == first
    assert plans[first].timeout == 101.0


def test_a_plan_that_nobody_follows_is_kept_for_those_who_come_back() -> None:
    plans = PlanRegistry(Random(1))
    number = plans.take(policy(1))
    plan = plans[number]
    plans.give_back(number)
    assert plans[plans.take(policy(1))] is plan


def test_policies_without_end_do_not_pile_up() -> None:
    plans = PlanRegistry(Random(1))
    for number in range(10 * KEPT):
        plans.give_back(plans.take(policy(number)))
    assert len(plans) == KEPT


def test_a_plan_that_somebody_follows_is_never_forgotten() -> None:
    plans = PlanRegistry(Random(1))
    followed = {plans.take(policy(number)): number for number in range(0, 4 * KEPT, 2)}
    for number in range(1, 4 * KEPT, 2):
        plans.give_back(plans.take(policy(number)))
    assert [plans[number].timeout - 100 for number in followed] == list(followed.values())
    assert [plans.take(policy(number)) for number in followed.values()] == list(followed)
