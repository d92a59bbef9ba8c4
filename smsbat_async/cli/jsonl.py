"""JsonLines: a campaign's events as one JSON object per line, for programs."""

from typing import Any

from smsbat_async.campaign.events import (
    CampaignEvent,
    ChunkRecorded,
    EndsRecorded,
    Finished,
    Imported,
    Prepared,
    Progress,
    Started,
    StateChanged,
)
from smsbat_async.campaign.preflight import Preflight
from smsbat_async.cli.figures import progress_fields, states, summary_fields
from smsbat_async.cli.screen import Screen, only
from smsbat_async.messages import SendOutcome


class JsonLines:
    """Writes a campaign's events to standard output.

    Args:
        screen: Where to write.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._campaign = ""

    def start(self, campaign: str) -> None:
        """Note whose events these are."""
        self._campaign = campaign

    def tell(self, event: CampaignEvent) -> None:
        """Write an event."""
        name, fields = fields_of(event)
        self._screen.give(event=name, **{"campaign": self._campaign, **fields})

    def pausing(self, hint: str) -> None:
        """Write that it is being paused."""
        self._screen.give(event="pausing", campaign=self._campaign, hint=hint)

    def stop(self) -> None:
        """Do nothing: nothing is kept."""


def fields_of(event: CampaignEvent) -> tuple[str, dict[str, Any]]:
    """Return the name of an event and its fields; phones and texts are not among them.

    Args:
        event: The event.
    """
    match event:
        case Imported():
            return "imported", {"rows": event.rows, "good": event.good, "bad": event.bad}
        case Prepared():
            return "prepared", preflight_fields(event.preflight)
        case Started():
            return "started", {
                "state_before": event.state_before,
                "recovered": event.recovered,
                "states": states(event.counts),
            }
        case ChunkRecorded():
            outcomes = [result.outcome for result in event.results]
            return "chunk", {
                **{outcome.value: outcomes.count(outcome) for outcome in SendOutcome if outcome in outcomes},
                "given_back": event.given_back,
            }
        case EndsRecorded():
            ends = [end.outcome for end in event.ends]
            return "ends", {outcome.value: ends.count(outcome) for outcome in sorted(set(ends))}
        case Progress():
            return "progress", progress_fields(event)
        case StateChanged():
            return "state", {"state": event.state, **only({"reason": event.reason})}
        case Finished():
            return "finished", summary_fields(event.summary)


def preflight_fields(found: Preflight) -> dict[str, Any]:
    """Return the fields of a preflight for programs.

    Args:
        found: The preflight.
    """
    return {
        "source": found.source,
        "sha256": found.fingerprint.sha256,
        "bytes": found.fingerprint.size,
        "rows": found.rows,
        "good": found.good,
        "bad": found.bad,
        "reasons": [
            {
                "code": reason.code,
                **only({"field": reason.field}),
                "reason": reason.reason,
                "count": reason.count,
                "lines": reason.lines,
            }
            for reason in found.reasons
        ],
        "encodings": found.encodings,
        "parts": {str(parts): count for parts, count in found.parts.items()},
        "countries": {country or "unknown": count for country, count in found.countries.items()},
        "unpriced": found.unpriced,
        **only(
            {
                "cost": found.cost,
                "currency": found.currency,
                "seconds": found.seconds,
                "rejects": found.rejects,
            }
        ),
    }
