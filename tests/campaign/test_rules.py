"""When a campaign stops by itself."""

import decimal
from collections import deque
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ConfigurationError
from smsbat_async.campaign.rules import Budget, FailureShare, StopRule

amounts = st.decimals(0, 10**6, places=9, allow_nan=False, allow_infinity=False)


class TestStopRule:
    @pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan"), float("inf"), "0.5", True, None])
    def test_a_share_lies_between_0_and_1(self, share: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"StopRule\.share must be more than 0 and at most 1"):
            StopRule(share=share)

    @pytest.mark.parametrize("last", [0, -1, 1_000_001, 10.0, True, None])
    def test_looks_at_1_to_a_million_messages(self, last: Any) -> None:
        with pytest.raises(
            ConfigurationError, match=r"StopRule\.last must be a whole number from 1 to 1000000"
        ):
            StopRule(last=last)

    def test_is_the_same_after_a_way_through_json(self) -> None:
        rule = StopRule(share=0.07, last=100)
        assert msgspec.json.decode(msgspec.json.encode(rule), type=StopRule) == rule
        assert msgspec.json.decode(b"{}", type=StopRule) == StopRule(share=0.5, last=1_000)

    def test_that_is_wrong_is_refused_from_json_as_well(self) -> None:
        with pytest.raises(ConfigurationError, match="share must be"):
            msgspec.json.decode(b'{"share": 2}', type=StopRule)


class TestFailureShare:
    @given(
        st.integers(1, 20),
        st.integers(1, 100),
        st.lists(st.tuples(st.booleans(), st.integers(1, 50)), max_size=30),
    )
    def test_is_that_of_a_plain_window(self, last: int, percent: int, runs: list[tuple[bool, int]]) -> None:
        failures = FailureShare(StopRule(share=percent / 100, last=last))
        window: deque[bool] = deque(maxlen=last)
        for failed, count in runs:
            failures.add(failed, count)
            window.extend([failed] * count)
            assert failures.share == sum(window) / len(window)
            assert failures.tripped == (Fraction(sum(window), last) >= Fraction(percent, 100))

    def test_is_nothing_before_the_first_message(self) -> None:
        failures = FailureShare(StopRule())
        assert (failures.share, failures.tripped) == (0.0, False)

    def test_trips_when_it_reaches_the_limit(self) -> None:
        failures = FailureShare(StopRule(share=0.3, last=10))
        failures.add(False, 7)
        failures.add(True, 2)
        assert not failures.tripped
        failures.add(True)
        assert failures.tripped
        assert str(failures) == "3 of the last 10 messages"

    def test_trips_exactly_there_though_floats_round(self) -> None:
        # 0.07 * 100 is more than 7 in floats.
        failures = FailureShare(StopRule(share=0.07, last=100))
        failures.add(True, 7)
        assert failures.tripped

    def test_is_not_tripped_by_a_bad_start_alone(self) -> None:
        failures = FailureShare(StopRule(share=0.5, last=10))
        failures.add(True, 4)
        assert failures.share == 1.0
        assert not failures.tripped

    def test_trips_before_the_window_is_full_once_it_is_certain(self) -> None:
        failures = FailureShare(StopRule(share=0.5, last=10))
        failures.add(True, 5)
        assert failures.tripped

    def test_forgets_what_is_long_ago(self) -> None:
        failures = FailureShare(StopRule(share=0.5, last=4))
        failures.add(True, 4)
        failures.add(False, 3)
        assert (failures.share, failures.tripped) == (0.25, False)
        failures.add(False, 10**12)
        assert failures.share == 0.0

    @pytest.mark.parametrize("count", [0, -1, 1.5])
    def test_counts_whole_messages(self, count: Any) -> None:
        with pytest.raises(ConfigurationError, match="count must be"):
            FailureShare(StopRule()).add(True, count)


class TestBudget:
    def test_fits_up_to_its_limit_and_not_beyond(self) -> None:
        budget = Budget(Decimal("1.00"))
        assert budget.fits(Decimal("1.00"))
        assert not budget.fits(Decimal("1.000000001"))
        budget.take(Decimal("0.965"))
        assert budget.fits(Decimal("0.035"))
        assert not budget.fits(Decimal("0.036"))
        assert budget.taken == Decimal("0.965")

    def test_knows_what_is_given_back(self) -> None:
        budget = Budget(Decimal(1))
        budget.take(Decimal("0.9"))
        budget.give_back(Decimal("0.4"))
        assert budget.taken == Decimal("0.5")

    def test_puts_what_was_charged_in_the_place_of_what_was_expected(self) -> None:
        budget = Budget(Decimal(1))
        budget.take(Decimal("0.9"))
        budget.correct(Decimal("0.3"), Decimal("0.1"))
        assert budget.taken == Decimal("0.7")
        budget.correct(Decimal("0.7"), Decimal(2))
        assert budget.taken == 2
        assert not budget.fits(Decimal(0))

    def test_takes_what_was_spent_before_it_was_set(self) -> None:
        budget = Budget(Decimal(1))
        budget.take(Decimal(5))
        assert (budget.taken, budget.fits(Decimal(0))) == (Decimal(5), False)

    def test_of_nothing_has_room_for_what_is_free(self) -> None:
        assert Budget(Decimal(0)).fits(Decimal(0))
        assert not Budget(Decimal(0)).fits(Decimal("0.000000001"))

    @given(st.lists(amounts, max_size=50))
    def test_is_exact_in_every_context(self, prices: list[Decimal]) -> None:
        budget = Budget(Decimal(10**9))
        with decimal.localcontext(decimal.Context(prec=2, rounding=decimal.ROUND_UP, traps=[])):
            for price in prices:
                budget.take(price)
        assert Fraction(budget.taken) == sum(map(Fraction, prices))
        with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
            exact = budget.taken
            assert Budget(exact).fits(exact)
            for price in prices:
                budget.correct(price, price)
                budget.give_back(price)
        assert budget.taken == 0

    @pytest.mark.parametrize(
        "wrong", ["-0.01", "NaN", "sNaN", "Infinity", "-Infinity", "1E+18", "1E-19", "1E+999999"]
    )
    def test_refuses_amounts_that_are_none(self, wrong: str) -> None:
        budget, amount = Budget(Decimal(10)), Decimal(wrong)
        budget.take(Decimal(1))
        with pytest.raises(ConfigurationError, match="limit must"):
            Budget(amount)
        for call in (budget.fits, budget.take, budget.give_back):
            with pytest.raises(ConfigurationError, match="price must"):
                call(amount)
        with pytest.raises(ConfigurationError, match="expected must"):
            budget.correct(amount, Decimal(1))
        with pytest.raises(ConfigurationError, match="charged must"):
            budget.correct(Decimal(1), amount)
        assert budget.taken == 1

    @pytest.mark.parametrize("wrong", [1, 1.0, "1", None])
    def test_refuses_what_is_no_decimal(self, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match="limit must be a Decimal of 0 or more"):
            Budget(wrong)

    def test_gives_back_no_more_than_was_spent(self) -> None:
        budget = Budget(Decimal(10))
        budget.take(Decimal(1))
        with pytest.raises(ConfigurationError, match="price must be at most 1, which"):
            budget.give_back(Decimal("1.01"))
        with pytest.raises(ConfigurationError, match="expected must be at most 1, which"):
            budget.correct(Decimal("1.01"), Decimal(5))
        assert budget.taken == 1
