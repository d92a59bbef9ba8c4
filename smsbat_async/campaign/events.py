"""What happens in a campaign, told as events.

Whoever listens is any callable that takes one event. It is called on the event loop and must not block. If it
raises, that is logged, and nothing else happens.
"""

from decimal import Decimal

import msgspec

from smsbat_async.campaign.preflight import Preflight
from smsbat_async.campaign.records import CampaignState, Counts, End
from smsbat_async.messages import SendResult


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """Some more rows were read and kept in the ledger.

    Args:
        rows: How many were read so far.
        good: How many of them a message can be sent to.
        bad: How many cannot.
    """

    rows: int
    good: int
    bad: int


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """All rows are in the ledger; nothing has been sent.

    Args:
        preflight: What they come to.
    """

    preflight: Preflight


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """Sending and following begin, or go on.

    Args:
        state_before: Where the campaign was; `RUNNING` if its process died.
        recovered: How many messages are UNKNOWN because a dead process had them in flight.
        counts: How many messages are in each state.
    """

    state_before: CampaignState
    recovered: int
    counts: Counts


class ChunkRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of some messages is in the ledger.

    Args:
        results: What became of each that left, or may have.
        given_back: How many surely did not leave, and are to be sent later.
    """

    results: tuple[SendResult, ...]
    given_back: int


class EndsRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """How some messages ended is in the ledger.

    Args:
        ends: How each ended.
    """

    ends: tuple[End, ...]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a campaign is; told about once a second, and at the end.

    Args:
        counts: How many messages are in each state.
        sent: How many left in this run, whatever became of them.
        per_second: How many left per second, of late.
        average: How many left per second, since the first of this run did.
        seconds_left: How long sending the rest takes at that rate; None where that cannot be said.
        committed: The expected prices of all that left or may have; None without prices.
        charged: What the vendor said that messages cost, as far as it did.
        currency: The ISO 4217 code of the expected prices.
        tracked: How many messages are followed closely now.
        pauses: How often the vendor said "too many requests" in this run.
        waiting: Why nothing is sent at the moment; None if something is.
        waiting_seconds: For how long yet, as far as that is known.
    """

    counts: Counts
    sent: int
    per_second: float
    average: float
    seconds_left: float | None
    committed: Decimal | None
    charged: Decimal
    currency: str | None
    tracked: int
    pauses: int
    waiting: str | None
    waiting_seconds: float | None


class StateChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign is somewhere else.

    Args:
        state: Where.
        reason: Why.
    """

    state: CampaignState
    reason: str | None


class CampaignSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How a run of a campaign ended.

    Args:
        name: The campaign's name.
        state: Where the campaign is.
        reason: Why it is there, if that was told.
        counts: How many messages are in each state.
        committed: The expected prices of all that left or may have; None without prices.
        charged: What the vendor said that messages cost, as far as it did.
        currency: The ISO 4217 code of the expected prices.
        elapsed: How long the run took, in seconds.
    """

    name: str
    state: CampaignState
    reason: str | None
    counts: Counts
    committed: Decimal | None
    charged: Decimal
    currency: str | None
    elapsed: float


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the campaign is over.

    Args:
        summary: How it ended.
    """

    summary: CampaignSummary


CampaignEvent = (
    Imported | Prepared | Started | ChunkRecorded | EndsRecorded | Progress | StateChanged | Finished
)
"""What `on_event` takes."""
