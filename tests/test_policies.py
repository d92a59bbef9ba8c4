"""The numbers that a user may change: they check themselves, and what they compute stays in bounds."""

import dataclasses
import math
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ConfigurationError, Limits, PollPolicy, Rate, RetryPolicy
from smsbat_async.policies import MINIMUM_POLL_GAP, check_count, check_duration, is_number

NO_NUMBERS: list[Any] = [
    None,
    "5",
    b"5",
    True,
    False,
    float("nan"),
    float("inf"),
    -float("inf"),
    10**400,
    1j,
    [],
]
COUNTS = st.one_of(st.integers(1, 50), st.integers(1, 10**12))
SEEDS = st.integers(0, 2**32)


def refused(make: Any, **fields: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make(**fields)
    return str(caught.value)


class TestNumbers:
    @pytest.mark.parametrize("value", [0, 1, -1, 0.5, 1e308, 10**300])
    def test_finite_ones_are_numbers(self, value: float) -> None:
        assert is_number(value)

    @pytest.mark.parametrize("value", NO_NUMBERS)
    def test_anything_else_is_none(self, value: object) -> None:
        assert not is_number(value)

    @pytest.mark.parametrize("value", [None, 0.001, 5, 1e9])
    def test_a_duration_is_more_than_0_or_none(self, value: float | None) -> None:
        check_duration("timeout", value)

    @pytest.mark.parametrize("value", [0, -1, *NO_NUMBERS[1:]])
    def test_any_other_duration_is_refused_by_name(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^total_timeout must be more than 0 seconds, or None"):
            check_duration("total_timeout", value)

    @pytest.mark.parametrize("value", [0, -1, 1.0, *NO_NUMBERS])
    def test_a_count_is_a_whole_number_of_at_least_1(self, value: Any) -> None:
        if value == 10**400:
            check_count("window", value)
        else:
            with pytest.raises(ConfigurationError, match=r"^window must be a whole number of at least 1$"):
                check_count("window", value)

    def test_a_count_may_have_a_maximum(self) -> None:
        check_count("chunk_size", 1_000, maximum=1_000)
        with pytest.raises(ConfigurationError, match=r"^chunk_size must be a whole number from 1 to 1000$"):
            check_count("chunk_size", 1_001, maximum=1_000)


class TestDefaults:
    def test_are_those_of_the_contract(self) -> None:
        assert dataclasses.asdict(RetryPolicy()) == {
            "attempts": 3,
            "initial": 0.5,
            "maximum": 8.0,
            "resend_unknown": False,
        }
        assert dataclasses.asdict(PollPolicy()) == {
            "initial": 5.0,
            "factor": 1.6,
            "maximum": 30.0,
            "timeout": 120.0,
            "jitter": 0.1,
            "last_poll_grace": 5.0,
            "allow_fast": False,
        }
        assert Limits() == Limits(status=Rate(50, 75), send=Rate(100, 150))

    @pytest.mark.parametrize("policy", [RetryPolicy(), PollPolicy(), Rate(1, 1), Limits()])
    def test_cannot_be_changed_and_have_no_other_fields(self, policy: Any) -> None:
        name = dataclasses.fields(policy)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(policy, name, 1)
        # On Python 3.11 a frozen class with slots answers an unknown field with a TypeError of its own.
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            policy.unheard_of = 1
        assert not hasattr(policy, "__dict__")

    @pytest.mark.parametrize("policy", [RetryPolicy, PollPolicy, Limits])
    def test_take_keywords_only(self, policy: Any) -> None:
        with pytest.raises(TypeError):
            policy(3)

    def test_change_by_replace_and_check_themselves_again(self) -> None:
        assert dataclasses.replace(PollPolicy(), timeout=60.0).timeout == 60.0
        with pytest.raises(ConfigurationError):
            dataclasses.replace(PollPolicy(), timeout=0.0)


class TestRetryChecks:
    @pytest.mark.parametrize("attempts", [0, -1, 1.0, True, None, "3"])
    def test_attempts(self, attempts: object) -> None:
        text = refused(RetryPolicy, attempts=attempts)
        assert text == "RetryPolicy.attempts must be a whole number of at least 1"

    @pytest.mark.parametrize("initial", [-0.1, *NO_NUMBERS])
    def test_initial(self, initial: object) -> None:
        assert refused(RetryPolicy, initial=initial) == "RetryPolicy.initial must be at least 0 seconds"

    @pytest.mark.parametrize("maximum", [0.4, -1, *NO_NUMBERS])
    def test_maximum(self, maximum: object) -> None:
        assert (
            refused(RetryPolicy, maximum=maximum) == "RetryPolicy.maximum must be at least as long as initial"
        )

    def test_no_wait_at_all_is_allowed(self) -> None:
        assert RetryPolicy(initial=0, maximum=0).delay(3, Random(1)) == 0.0


class TestRetryDelay:
    def test_doubles_its_longest_per_failure_up_to_the_maximum(self) -> None:
        class Longest(Random):
            def random(self) -> float:
                return 1.0

        policy = RetryPolicy(initial=0.5, maximum=8.0)
        assert [policy.delay(failures, Longest()) for failures in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]

    def test_may_be_nothing(self) -> None:
        class Shortest(Random):
            def random(self) -> float:
                return 0.0

        assert RetryPolicy().delay(5, Shortest()) == 0.0

    @given(COUNTS, st.floats(0, 1e300), st.floats(0, 1e300), SEEDS)
    def test_is_between_0_and_its_longest(self, failures: int, one: float, other: float, seed: int) -> None:
        initial, maximum = sorted((one, other))
        delay = RetryPolicy(initial=initial, maximum=maximum).delay(failures, Random(seed))
        assert 0.0 <= delay <= maximum
        if failures == 1:
            assert delay <= initial

    def test_is_drawn_from_the_given_source_alone(self) -> None:
        policy = RetryPolicy()
        assert [policy.delay(n, Random(7)) for n in range(1, 5)] == [
            policy.delay(n, Random(7)) for n in range(1, 5)
        ]
        assert policy.delay(4, Random(7)) != policy.delay(4, Random(8))


class TestPollChecks:
    @pytest.mark.parametrize("initial", [0.999, 0, -1, *NO_NUMBERS])
    def test_initial(self, initial: object) -> None:
        assert refused(PollPolicy, initial=initial) == (
            "PollPolicy.initial must be at least 1 second (allow_fast=True lifts that for a sandbox)"
        )

    @pytest.mark.parametrize("initial", [0, -1.0])
    def test_initial_is_never_0_not_even_in_a_sandbox(self, initial: float) -> None:
        assert refused(PollPolicy, initial=initial, allow_fast=True).startswith("PollPolicy.initial must be")

    def test_initial_may_be_short_in_a_sandbox(self) -> None:
        assert PollPolicy(initial=0.01, allow_fast=True).initial == 0.01

    @pytest.mark.parametrize("factor", [0.999, 0, -2, *NO_NUMBERS])
    def test_factor(self, factor: object) -> None:
        assert refused(PollPolicy, factor=factor) == "PollPolicy.factor must be at least 1"

    @pytest.mark.parametrize("maximum", [4.999, 0, *NO_NUMBERS])
    def test_maximum(self, maximum: object) -> None:
        assert (
            refused(PollPolicy, maximum=maximum) == "PollPolicy.maximum must be at least as long as initial"
        )

    @pytest.mark.parametrize("timeout", [0, -1, *NO_NUMBERS])
    def test_timeout(self, timeout: object) -> None:
        assert refused(PollPolicy, timeout=timeout) == "PollPolicy.timeout must be more than 0 seconds"

    @pytest.mark.parametrize("jitter", [-0.01, 1, 1.5, *NO_NUMBERS])
    def test_jitter(self, jitter: object) -> None:
        assert refused(PollPolicy, jitter=jitter) == "PollPolicy.jitter must be from 0 to under 1"

    @pytest.mark.parametrize("grace", [-0.01, *NO_NUMBERS])
    def test_last_poll_grace(self, grace: object) -> None:
        assert (
            refused(PollPolicy, last_poll_grace=grace)
            == "PollPolicy.last_poll_grace must be at least 0 seconds"
        )


class TestPollDelay:
    def test_grows_by_the_factor_up_to_the_maximum(self) -> None:
        policy = PollPolicy(initial=5, factor=2, maximum=30, jitter=0)
        assert [policy.delay(polls, Random(1)) for polls in range(5)] == [5.0, 10.0, 20.0, 30.0, 30.0]

    def test_is_spread_by_the_jitter_either_way(self) -> None:
        policy = PollPolicy(initial=10, jitter=0.2)
        random = Random(3)
        waits = [policy.delay(0, random) for _ in range(2_000)]
        assert 8.0 <= min(waits) < 8.1
        assert 11.9 < max(waits) <= 12.0

    def test_two_polls_are_never_less_than_a_second_apart(self) -> None:
        policy = PollPolicy(initial=1, factor=1, maximum=1, jitter=0.9)
        random = Random(3)
        assert min(policy.delay(polls, random) for polls in range(500)) == MINIMUM_POLL_GAP == 1.0
        assert policy.minimum_gap == 1.0

    def test_may_be_shorter_in_a_sandbox(self) -> None:
        policy = PollPolicy(initial=0.01, maximum=0.01, jitter=0, allow_fast=True)
        assert policy.minimum_gap == 0.0
        assert policy.delay(3, Random(1)) == 0.01

    @given(
        COUNTS,
        st.floats(1, 1e6),
        st.floats(1, 1e6),
        st.one_of(st.floats(1, 1e300), st.integers(1, 1_000)),
        st.floats(0, 0.999),
        st.booleans(),
        SEEDS,
    )
    def test_is_in_its_bounds_after_any_number_of_polls(
        self, polls: int, one: float, other: float, factor: float, jitter: float, fast: bool, seed: int
    ) -> None:
        initial, maximum = sorted((one, other))
        policy = PollPolicy(initial=initial, maximum=maximum, factor=factor, jitter=jitter, allow_fast=fast)
        delay = policy.delay(polls, Random(seed))
        assert max(policy.minimum_gap, initial * (1 - jitter) * 0.999_999) <= delay
        assert delay <= maximum * (1 + jitter) * 1.000_001


class TestRate:
    @pytest.mark.parametrize("value", [0, -1, *NO_NUMBERS])
    def test_per_second(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^Rate\.per_second must be more than 0$"):
            Rate(value, 75)

    @pytest.mark.parametrize("value", [0, -1, 75.0, None, True, "75"])
    def test_burst(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^Rate\.burst must be a whole number of at least 1$"):
            Rate(0.5, value)

    def test_a_burst_is_at_least_the_rate(self) -> None:
        assert Rate(50, 50).burst == 50
        with pytest.raises(ConfigurationError, match=r"^Rate\.burst must be at least per_second$"):
            Rate(50, 49)

    def test_may_be_less_than_one_a_second(self) -> None:
        assert Rate(0.1, 1).per_second == 0.1

    @pytest.mark.parametrize("processes", [0, -1, 1.5, None, True])
    def test_is_shared_by_a_whole_number_of_processes(self, processes: Any) -> None:
        for shared in (Rate(50, 75), Limits()):
            with pytest.raises(ConfigurationError, match=r"^processes must be a whole number of at least 1$"):
                shared.share(processes)

    def test_is_shared_in_equal_parts(self) -> None:
        assert Rate(100, 150).share(4) == Rate(25, 37)
        assert Rate(100, 150).share(1) == Rate(100, 150)

    def test_leaves_every_process_one_start(self) -> None:
        assert Rate(50, 75).share(1_000) == Rate(0.05, 1)

    @given(st.floats(1e-6, 1e9), st.integers(0, 10**9), st.integers(1, 10_000))
    def test_parts_are_never_more_than_the_whole(self, per_second: float, room: int, processes: int) -> None:
        burst = math.ceil(per_second) + room
        part = Rate(per_second, burst).share(processes)
        whole = Fraction(per_second) * (1 + Fraction(1, 10**12))
        assert Fraction(part.per_second) * processes <= whole
        assert part.burst * processes <= burst or part.burst == 1
        assert math.isfinite(part.per_second)


class TestLimits:
    @pytest.mark.parametrize("kind", ["status", "send"])
    @pytest.mark.parametrize("wrong", [5, "50/s", (50, 75)])
    def test_are_rates_or_none(self, kind: str, wrong: object) -> None:
        with pytest.raises(
            ConfigurationError, match=rf"^limits\.{kind} must be a Rate, or None for no limit$"
        ):
            Limits(**{kind: wrong})  # type: ignore[arg-type]

    def test_are_shared_kind_by_kind(self) -> None:
        assert Limits().share(5) == Limits(status=Rate(10, 15), send=Rate(20, 30))

    def test_none_stays_none(self) -> None:
        assert Limits(status=None, send=None).share(4) == Limits(status=None, send=None)
        assert Limits(status=None).share(2) == Limits(status=None, send=Rate(50, 75))


class TestAdaptive:
    def test_is_a_poll_policy_of_its_own_kind(self) -> None:
        policy = PollPolicy.adaptive()
        assert isinstance(policy, PollPolicy)
        assert (policy.price, policy.group, policy.timeout, policy.last_poll_grace) == (2.0, "", 120.0, 5.0)
        assert policy != PollPolicy()
        assert policy.minimum_gap == MINIMUM_POLL_GAP
        assert PollPolicy.adaptive(allow_fast=True).minimum_gap == 0.0

    def test_equal_ones_are_one_and_groups_tell_them_apart(self) -> None:
        assert PollPolicy.adaptive(group="viber") == PollPolicy.adaptive(group="viber")
        assert len({PollPolicy.adaptive(group=group) for group in ("viber", "sms", "viber")}) == 2

    def test_cannot_be_changed_takes_keywords_only_and_has_no_waits_to_set(self) -> None:
        policy: Any = PollPolicy.adaptive()
        with pytest.raises(dataclasses.FrozenInstanceError):
            policy.price = 1.0
        assert not hasattr(policy, "__dict__")
        make: Any = PollPolicy.adaptive
        with pytest.raises(TypeError):
            make(3.0)
        with pytest.raises(TypeError):
            make(initial=3.0)
        assert repr(policy) == (
            "AdaptivePollPolicy(timeout=120.0, last_poll_grace=5.0, allow_fast=False, price=2.0, group='')"
        )

    def test_changes_by_replace_and_checks_itself_again(self) -> None:
        assert dataclasses.replace(PollPolicy.adaptive(group="sms"), price=4.0) == PollPolicy.adaptive(
            price=4.0, group="sms"
        )
        with pytest.raises(ConfigurationError):
            dataclasses.replace(PollPolicy.adaptive(), price=0.0)

    @pytest.mark.parametrize("price", [0, -1.0, *NO_NUMBERS])
    def test_the_price(self, price: object) -> None:
        text = refused(PollPolicy.adaptive, price=price)
        assert text == "PollPolicy.adaptive.price must be more than 0 seconds"

    @pytest.mark.parametrize("group", [None, 3, b"viber"])
    def test_the_group(self, group: object) -> None:
        text = refused(PollPolicy.adaptive, group=group)
        assert text == "PollPolicy.adaptive.group must be a text"

    def test_the_timeout_and_the_grace_as_of_any_policy(self) -> None:
        assert "PollPolicy.timeout" in refused(PollPolicy.adaptive, timeout=0.0)
        assert "PollPolicy.last_poll_grace" in refused(PollPolicy.adaptive, last_poll_grace=-1.0)
