"""Campaigns: a file of recipients, a durable ledger, and what became of each message.

Needs the extra `campaign`. What is in here is what a program needs; how it is made lies in the modules.
"""

try:
    import sqlalchemy  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError:
    raise ImportError("campaigns need SQLAlchemy: pip install 'smsbat-async[campaign]'") from None

from smsbat_async.campaign.events import (
    CampaignEvent,
    CampaignSummary,
    ChunkRecorded,
    EndsRecorded,
    Finished,
    Imported,
    Prepared,
    Progress,
    Started,
    StateChanged,
)
from smsbat_async.campaign.hours import SendingHours
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.preflight import Preflight
from smsbat_async.campaign.prices import PriceTable
from smsbat_async.campaign.recipients import Column, Recipient, Recipients
from smsbat_async.campaign.records import (
    CampaignRecord,
    CampaignState,
    Chunk,
    Costs,
    Counts,
    DueChunk,
    End,
    MessageRecord,
    NewMessage,
    News,
    OpenMessage,
    Settled,
    Settlement,
    State,
    UnknownMessage,
)
from smsbat_async.campaign.rows import BadRow, Fingerprint, Row, Source
from smsbat_async.campaign.rules import StopRule
from smsbat_async.campaign.runner import Campaign
from smsbat_async.campaign.settings import CampaignSettings
from smsbat_async.campaign.sources import CsvSource, JsonLinesSource
from smsbat_async.campaign.template import Template

__all__ = [
    "BadRow",
    "Campaign",
    "CampaignEvent",
    "CampaignRecord",
    "CampaignSettings",
    "CampaignState",
    "CampaignSummary",
    "Chunk",
    "ChunkRecorded",
    "Column",
    "Costs",
    "Counts",
    "CsvSource",
    "DueChunk",
    "End",
    "EndsRecorded",
    "Fingerprint",
    "Finished",
    "Imported",
    "JsonLinesSource",
    "Ledger",
    "MessageRecord",
    "NewMessage",
    "News",
    "OpenMessage",
    "Preflight",
    "Prepared",
    "PriceTable",
    "Progress",
    "Recipient",
    "Recipients",
    "Row",
    "SendingHours",
    "Settled",
    "Settlement",
    "Source",
    "Started",
    "State",
    "StateChanged",
    "StopRule",
    "Template",
    "UnknownMessage",
]
