"""CampaignSettings: how a campaign is sent and followed; kept with it in the ledger."""

from decimal import Decimal
from typing import Any, Self

import msgspec

from smsbat_async.campaign.hours import SendingHours
from smsbat_async.campaign.rules import StopRule
from smsbat_async.errors import ConfigurationError
from smsbat_async.messages import Route
from smsbat_async.policies import check_count, is_number
from smsbat_async.vendors.smsbat import CHUNK_MAXIMUM


class CampaignSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign is sent and followed.

    Args:
        route: Which channels are tried first.
        chunk_size: Messages in one request, 1 to 1,000; fixed when the campaign is prepared.
        concurrency: Requests at once.
        track_for: How long a message is asked after, in seconds from its acceptance; 0 asks after none.
        tracking_window: How many messages are followed closely at a time; the others are asked after from the
            ledger.
        hours: When messages may be sent; None for at any time.
        stop: When too many failures stop the campaign; None for never.
        budget: What the expected prices of all that goes out may come to, in the currency of the price table;
            None for no bound. Every message needs a price then.
        accept_bad_rows: Whether the good rows are sent though there are bad ones.
        patience: How long a vendor that cannot be reached, or says nothing but "too many requests", is tried
            before the campaign stops, in seconds.

    Raises:
        ConfigurationError: If one of them is wrong; it names the field and says what would be right.
    """

    route: Route = Route.STANDARD
    chunk_size: int = 500
    concurrency: int = 4
    track_for: float = 3600.0
    tracking_window: int = 100_000
    hours: SendingHours | None = None
    stop: StopRule | None = StopRule()
    budget: Decimal | None = None
    accept_bad_rows: bool = False
    patience: float = 600.0

    def __post_init__(self) -> None:
        if self.route not in tuple(Route):
            raise ConfigurationError(f"route: must be one of {', '.join(Route)}")
        check_count("chunk_size", self.chunk_size, maximum=CHUNK_MAXIMUM)
        check_count("concurrency", self.concurrency)
        check_count("tracking_window", self.tracking_window)
        if not is_number(self.track_for) or self.track_for < 0:
            raise ConfigurationError("track_for: must be a number of seconds, at least 0")
        if not is_number(self.patience) or self.patience < 0:
            raise ConfigurationError("patience: must be a number of seconds, at least 0")
        budget: object = self.budget
        if budget is not None and not (isinstance(budget, Decimal) and budget.is_finite() and budget > 0):
            raise ConfigurationError("budget: must be a Decimal of more than 0, as Decimal('500')")

    def written(self) -> dict[str, Any]:
        """Return them as JSON can hold them."""
        kept: dict[str, Any] = msgspec.to_builtins(self)
        return kept

    @classmethod
    def read(cls, kept: Any) -> Self:
        """Return what `written` gave.

        Raises:
            ConfigurationError: If that is something else.
        """
        try:
            return msgspec.convert(kept, cls)
        except msgspec.ValidationError as met:
            said = str(met)
        raise ConfigurationError(f"the settings in the ledger are not those of a campaign: {said}")
