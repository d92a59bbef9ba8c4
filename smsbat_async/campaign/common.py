"""Common: what all parts of one run of a campaign work with."""

import dataclasses

from smsbat_async.campaign.halt import Halt
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.meter import Meter
from smsbat_async.campaign.pen import Pen
from smsbat_async.campaign.records import CampaignRecord
from smsbat_async.campaign.settings import CampaignSettings
from smsbat_async.client import SmsBatClient
from smsbat_async.hooks import Hooks


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Common:
    """What all parts of one run work with.

    Args:
        client: Who sends and asks.
        ledger: Where the messages are; its clock is that of the run.
        record: The campaign.
        settings: How it is sent and followed.
        halt: The word to stop.
        pen: Who writes to the ledger.
        meter: What counts.
        hooks: Who is told.
    """

    client: SmsBatClient
    ledger: Ledger
    record: CampaignRecord
    settings: CampaignSettings
    halt: Halt
    pen: Pen
    meter: Meter
    hooks: Hooks
