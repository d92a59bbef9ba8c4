"""The ways to a phone that a cascade tries."""

from dataclasses import dataclass
from decimal import Decimal

from smsbat_async.sandbox.checks import check_seconds, check_share


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """One way to reach a phone, with its share of success, its delay and its price.

    Args:
        name: The word in `fallbacks[].type` and `extendedStatuses`.
        share: How likely the channel delivers a message that it is tried for, 0 to 1.
        delay: Median seconds from its first try to its end.
        cost: Price of one delivered part, in currency units.

    Raises:
        ValueError: If a value is out of its range.
    """

    name: str
    share: float
    delay: float
    cost: Decimal

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("channels: a channel's name must not be empty")
        check_share(f"channels: the share of {self.name}", self.share)
        check_seconds(f"channels: the delay of {self.name}", self.delay)
        if not (self.cost.is_finite() and self.cost >= 0):
            raise ValueError(f"channels: the cost of {self.name} must be 0 or more, not {self.cost}")


DEFAULT_CHANNELS = (
    Channel(name="telegram", share=0.30, delay=2.0, cost=Decimal("0.01")),
    Channel(name="viber", share=0.60, delay=3.0, cost=Decimal("0.02")),
    Channel(name="rcs", share=0.20, delay=3.0, cost=Decimal("0.03")),
    Channel(name="sms", share=0.95, delay=5.0, cost=Decimal("0.05")),
    Channel(name="flashcall", share=0.95, delay=4.0, cost=Decimal("0.01")),
    Channel(name="zalo", share=0.95, delay=3.0, cost=Decimal("0.01")),
)
