"""Sending: the options that say how a campaign is sent and followed."""

import dataclasses
import math
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Group, Parameter

from smsbat_async.campaign.hours import SendingHours
from smsbat_async.campaign.rules import StopRule
from smsbat_async.campaign.settings import CampaignSettings
from smsbat_async.cli.options import Seconds, polling
from smsbat_async.errors import ConfigurationError
from smsbat_async.messages import Route
from smsbat_async.policies import Limits, PollPolicy, Rate

PACE: Final = Group("How it is sent", sort_key=3)
RULES: Final = Group("When it waits or stops", sort_key=4)

BURST: Final = 1.5
"""How many requests may start within one second, in those per second: as the vendor's own limits have it."""

ALWAYS: Final = "always"


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Sending:
    """How a campaign is sent and followed; what is not given stays as it was."""

    rate: Annotated[float | None, Parameter(group=PACE, metavar="N")] = None
    """Send at most N requests per second (100), each of up to --chunk-size messages; 0 lifts that."""

    concurrency: Annotated[int | None, Parameter(group=PACE, metavar="N")] = None
    """How many requests at once (4)."""

    route: Annotated[Route | None, Parameter(group=PACE)] = None
    """Which channels are tried first (standard)."""

    track_for: Annotated[Seconds | None, Parameter(group=PACE, metavar="TIME")] = None
    """How long a message is asked after, as 30m or 4h (1h); 0 asks after none."""

    status_rate: Annotated[float | None, Parameter(group=PACE, metavar="N")] = None
    """Ask at most N times per second (50); 0 lifts that."""

    poll: Annotated[Seconds | None, Parameter(group=PACE, metavar="TIME")] = None
    """Ask after a message first when it is so old, then ever later; it is learned unless given."""

    hours: Annotated[str | None, Parameter(group=RULES, metavar="FROM-TO")] = None
    """Send only at these hours, as 09:00-20:00; `always` lifts that."""

    zone: Annotated[str | None, Parameter(group=RULES)] = None
    """On whose clock: Europe/Kyiv, say, or `recipient`; goes with --hours."""

    budget: Annotated[Decimal | None, Parameter(group=RULES, metavar="AMOUNT")] = None
    """Stop before the expected cost passes this, in the currency of --prices; 0 lifts that."""

    stop_share: Annotated[float | None, Parameter(group=RULES, metavar="SHARE")] = None
    """Stop when this share of the last messages failed, 0 to 1 (0.5); 0 lifts that."""

    stop_last: Annotated[int | None, Parameter(group=RULES, metavar="N")] = None
    """How many messages --stop-share looks back on (1000)."""

    def settings(self, kept: CampaignSettings) -> CampaignSettings:
        """Return the settings that result.

        Args:
            kept: Those that count where nothing is given.

        Raises:
            ConfigurationError: If one is wrong.
        """
        changes: dict[str, Any] = {}
        if self.route is not None:
            changes["route"] = self.route
        if self.concurrency is not None:
            changes["concurrency"] = self.concurrency
        if self.track_for is not None:
            changes["track_for"] = self.track_for
        if self.hours is not None:
            changes["hours"] = self._hours(self.hours)
        elif self.zone is not None:
            raise ConfigurationError("--zone goes with --hours")
        if self.budget is not None:
            changes["budget"] = self.budget or None
        if self.stop_share is not None or self.stop_last is not None:
            changes["stop"] = self._stop(kept.stop or StopRule())
        return msgspec.structs.replace(kept, **changes)

    def client_options(self, base_url: str | None) -> dict[str, Any]:
        """Return how the client is to be made: its limits and when it asks.

        Args:
            base_url: Where the vendor is, if that was said.

        Raises:
            ConfigurationError: If one is wrong.
        """
        limits = Limits()
        limits = Limits(
            send=limits.send if self.rate is None else _rate(self.rate),
            status=limits.status if self.status_rate is None else _rate(self.status_rate),
        )
        policy = polling(self.poll, base_url) or PollPolicy.adaptive()
        return {"limits": limits, "polling": policy}

    def _hours(self, written: str) -> SendingHours | None:
        if written == ALWAYS:
            return None
        start, dash, end = written.partition("-")
        if not dash:
            raise ConfigurationError("--hours must be two times, as 09:00-20:00, or `always`")
        if self.zone is None:
            raise ConfigurationError("--hours needs --zone: Europe/Kyiv, say, or `recipient`")
        return SendingHours(start=start.strip(), end=end.strip(), zone=self.zone)

    def _stop(self, kept: StopRule) -> StopRule | None:
        share = kept.share if self.stop_share is None else self.stop_share
        if share == 0:
            return None
        return StopRule(share=share, last=kept.last if self.stop_last is None else self.stop_last)


def _rate(per_second: float) -> Rate | None:
    if per_second == 0:
        return None
    burst = math.ceil(per_second * BURST) if 0 < per_second < math.inf else 1
    return Rate(per_second, max(1, burst))
