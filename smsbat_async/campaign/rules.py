"""StopRule, FailureShare and Budget: when a campaign stops by itself."""

from decimal import Decimal
from typing import Final

import msgspec

from smsbat_async.campaign.prices import EXACT
from smsbat_async.errors import ConfigurationError
from smsbat_async.policies import check_count, is_number

LAST_MAXIMUM: Final = 1_000_000

DIGITS: Final = 18
"""How many digits an amount may have on either side of the point: sums of as many amounts as there are people
are exact then."""


class StopRule(msgspec.Struct, frozen=True, kw_only=True):
    """When too many messages of late have failed.

    Args:
        share: Which share of the last messages is too many, more than 0 and at most 1.
        last: Of how many messages, 1 to 1,000,000.

    Raises:
        ConfigurationError: If a parameter is wrong.
    """

    share: float = 0.5
    last: int = 1_000

    def __post_init__(self) -> None:
        if not is_number(self.share) or not 0 < self.share <= 1:
            raise ConfigurationError("StopRule.share must be more than 0 and at most 1, as 0.5")
        check_count("StopRule.last", self.last, maximum=LAST_MAXIMUM)


class FailureShare:
    """The share of failures among the last messages.

    Needs a byte for each of them, and the same time for each however many they are.

    Args:
        rule: When it is too large.
    """

    def __init__(self, rule: StopRule) -> None:
        self._rule = rule
        self._window = bytearray(rule.last)
        self._next = 0
        self._seen = 0
        self._failed = 0

    @property
    def share(self) -> float:
        """The share of failures among the last messages, or among all if there were fewer; 0 without any."""
        return self._failed / self._seen if self._seen else 0.0

    @property
    def tripped(self) -> bool:
        """Whether too many of the last messages have failed.

        Those that are still to come count as good until as many have been seen as the rule looks at. So a
        first few failures stop nothing, a campaign stops as soon as it is certain that it has to, and one of
        fewer messages stops only if they have as many failures as would be too many among `last`.
        """
        return self._failed / self._rule.last >= self._rule.share

    def add(self, failed: bool, count: int = 1) -> None:
        """Add messages that went the same way.

        Args:
            failed: Whether they failed.
            count: How many.

        Raises:
            ConfigurationError: If `count` is less than 1.
        """
        check_count("count", count)
        last = len(self._window)
        self._seen = min(self._seen + count, last)
        left = min(count, last)
        while left:
            end = min(self._next + left, last)
            many = end - self._next
            self._failed += (many if failed else 0) - self._window.count(1, self._next, end)
            self._window[self._next : end] = (b"\1" if failed else b"\0") * many
            self._next = end % last
            left -= many

    def __str__(self) -> str:
        return f"{self._failed:,} of the last {self._seen:,} messages"


class Budget:
    """What a campaign may cost; exact, whatever the decimal context of the thread.

    Args:
        limit: The most it may cost, 0 or more.

    Raises:
        ConfigurationError: If it is wrong.
    """

    def __init__(self, limit: Decimal) -> None:
        self.limit = _amount("limit", limit)
        self._taken = Decimal(0)

    @property
    def taken(self) -> Decimal:
        """What is spent, or may be."""
        return self._taken

    def fits(self, price: Decimal) -> bool:
        """Return whether something can be bought within the limit.

        Args:
            price: What it costs, 0 or more.

        Raises:
            ConfigurationError: If the price is wrong.
        """
        return EXACT.add(self._taken, _amount("price", price)) <= self.limit

    def take(self, price: Decimal) -> None:
        """Spend; also beyond the limit, for what was spent before anybody asked.

        Args:
            price: How much, 0 or more.

        Raises:
            ConfigurationError: If the price is wrong.
        """
        self._taken = EXACT.add(self._taken, _amount("price", price))

    def give_back(self, price: Decimal) -> None:
        """Take back what was not spent after all.

        Args:
            price: How much, 0 or more.

        Raises:
            ConfigurationError: If the price is wrong, or more than was spent.
        """
        self._taken = self._without("price", price)

    def correct(self, expected: Decimal, charged: Decimal) -> None:
        """Put what was charged in the place of what was expected.

        Args:
            expected: What was spent before, 0 or more.
            charged: What it came to, 0 or more.

        Raises:
            ConfigurationError: If one of them is wrong, or more was expected than was spent.
        """
        charged = _amount("charged", charged)
        self._taken = EXACT.add(self._without("expected", expected), charged)

    def _without(self, name: str, amount: Decimal) -> Decimal:
        """Return what is spent without an amount."""
        left = EXACT.subtract(self._taken, _amount(name, amount))
        if left < 0:
            raise ConfigurationError(f"{name} must be at most {self._taken:f}, which is what was spent")
        return left


def _amount(name: str, amount: object) -> Decimal:
    if not isinstance(amount, Decimal) or not amount.is_finite() or amount < 0:
        raise ConfigurationError(f"{name} must be a Decimal of 0 or more, as Decimal('100')")
    if int(amount.as_tuple().exponent) < -DIGITS or amount.adjusted() >= DIGITS:
        raise ConfigurationError(f"{name} must have at most {DIGITS} digits before and after the point")
    return amount
