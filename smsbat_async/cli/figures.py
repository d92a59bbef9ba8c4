"""Figures: what people want to know of a campaign, out of its counts."""

from decimal import Decimal
from typing import Any

import msgspec

from smsbat_async.campaign.events import CampaignSummary, Progress
from smsbat_async.campaign.records import Counts, State
from smsbat_async.cli.screen import duration, only

LEFT = (State.PENDING, State.NOT_SENT)
REFUSED = (State.REJECTED,)
FAILED = (State.UNDELIVERABLE, State.PERMANENT_ERROR, State.REJECTED)
NO_NEWS = (State.TIMED_OUT, State.NOT_FOUND)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of a campaign are where.

    Args:
        total: All of them.
        sent: Those that left, or may have.
        accepted: Those that the vendor took, whatever became of them.
        delivered: Those that arrived.
        failed: Those that the vendor refused, or could not deliver.
        no_news: Those whose end was not known when the campaign stopped asking.
        unknown: Those that may or may not have gone out.
        in_flight: Those that are being sent, or were when a process died.
        open: Those that the vendor took and that have not come to an end.
        left: Those that have not left.
    """

    total: int
    sent: int
    accepted: int
    delivered: int
    failed: int
    no_news: int
    unknown: int
    in_flight: int
    open: int
    left: int

    @classmethod
    def of(cls, counts: Counts) -> "Figures":
        """Return the figures of some counts."""
        left = _sum(counts, LEFT)
        return cls(
            total=counts.total,
            sent=counts.total - left,
            accepted=counts.total - left - _sum(counts, (*REFUSED, State.UNKNOWN, State.SUBMITTING)),
            delivered=counts[State.DELIVERED],
            failed=_sum(counts, FAILED),
            no_news=_sum(counts, NO_NEWS),
            unknown=counts[State.UNKNOWN],
            in_flight=counts[State.SUBMITTING],
            open=counts[State.ACCEPTED],
            left=left,
        )

    @property
    def ended(self) -> int:
        """How many have come to an end that is known."""
        return self.delivered + self.failed + self.no_news


def _sum(counts: Counts, states: tuple[State, ...]) -> int:
    return sum(counts[state] for state in states)


def states(counts: Counts) -> dict[str, int]:
    """Return the number of messages in each state that has any."""
    return {state.value: count for state, count in counts.by_state.items() if count}


def progress_fields(progress: Progress) -> dict[str, Any]:
    """Return the fields of an event for programs."""
    return {
        **msgspec.structs.asdict(Figures.of(progress.counts)),
        "states": states(progress.counts),
        "per_second": round(progress.per_second, 1),
        "average": round(progress.average, 1),
        "pauses": progress.pauses,
        **only(
            {
                "seconds_left": progress.seconds_left,
                "committed": progress.committed,
                "charged": progress.charged,
                "currency": progress.currency,
                "waiting": progress.waiting,
                "waiting_seconds": progress.waiting_seconds,
            }
        ),
    }


def summary_fields(summary: CampaignSummary) -> dict[str, Any]:
    """Return the fields of a summary for programs."""
    return {
        "campaign": summary.name,
        "state": summary.state,
        **msgspec.structs.asdict(Figures.of(summary.counts)),
        "states": states(summary.counts),
        "elapsed": round(summary.elapsed, 3),
        **only(
            {
                "reason": summary.reason,
                "committed": summary.committed,
                "charged": summary.charged,
                "currency": summary.currency,
            }
        ),
    }


def cost(committed: Decimal | None, charged: Decimal | None, currency: str | None) -> str:
    """Return what a campaign costs, for people: what was expected, and what the vendor said."""
    said = []
    if committed is not None:
        said.append(f"{amount(committed, currency)} expected")
    if charged:
        said.append(f"{charged:,.2f} charged")
    return ", ".join(said) or "not known"


def amount(money: Decimal, currency: str | None) -> str:
    """Return an amount of money, for people."""
    return f"{money:,.2f} {currency or ''}".rstrip()


def clock(seconds: float | None) -> str:
    """Return a time that may not be known."""
    return "-" if seconds is None else duration(seconds)
