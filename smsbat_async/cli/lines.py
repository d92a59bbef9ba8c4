"""What a status and a delivery look like: as a line, and as fields for programs."""

from collections.abc import Iterable
from typing import Any, Final

from smsbat_async.cli.exits import Exit
from smsbat_async.cli.screen import duration, only, printable
from smsbat_async.errors import SmsBatError
from smsbat_async.statuses import AnyStatus, Delivery, DeliveryStatus, MessageStatus, Outcome, StatusResult

UNDECIDED: Final = frozenset({Outcome.TIMED_OUT})
"""The ends that leave open what became of a message."""


def word(status: AnyStatus) -> str:
    """Return where a message is, in one word."""
    if isinstance(status, MessageStatus):
        return printable(status.delivery_status)
    return {1: "delivered", 0: "processing", -1: "not_found"}.get(status.status, str(status.status))


def channel(status: AnyStatus | None) -> str | None:
    """Return by which channel a message came, if it did and that is known."""
    if not isinstance(status, MessageStatus):
        return None
    told = status.extended_statuses or {one.type: one.status for one in status.fallbacks or ()}
    return next((name for name, said in told.items() if said.lower() == DeliveryStatus.DELIVERED.value), None)


def status_fields(result: StatusResult[Any]) -> dict[str, Any]:
    """Return the fields of the answer for one id."""
    status = result.status
    if status is None:
        return {"message_id": result.message_id, **error_fields(result.error)}
    return {
        "message_id": result.message_id,
        "status": word(status),
        "is_terminal": status.is_terminal,
        **only({"channel": channel(status), "cost": getattr(status, "cost", None)}),
        **only({"delivery_time": getattr(status, "delivery_time", None)}),
    }


def delivery_fields(delivery: Delivery[Any]) -> dict[str, Any]:
    """Return the fields of a delivery."""
    return {
        "message_id": delivery.message_id,
        "outcome": delivery.outcome,
        **only({"channel": channel(delivery.status), "cost": delivery.cost}),
        "polls": delivery.polls,
        "elapsed": round(delivery.elapsed, 3),
        **error_fields(delivery.last_error),
    }


def error_fields(error: SmsBatError | None) -> dict[str, Any]:
    """Return the fields of an error; none where there is none."""
    return {} if error is None else {"error": type(error).__name__, "reason": str(error)}


def status_cells(result: StatusResult[Any]) -> tuple[str, str, str, str]:
    """Return id, status, channel and cost; in the place of a status what went wrong."""
    status = result.status
    if status is None:
        return result.message_id, f"error: {printable(str(result.error))}", "", ""
    cost = getattr(status, "cost", None)
    return (
        result.message_id,
        word(status),
        printable(channel(status) or ""),
        "" if cost is None else f"{cost:f}",
    )


def delivery_cells(delivery: Delivery[Any]) -> tuple[str, str, str, str, str]:
    """Return id, outcome, channel, cost and the time that was waited."""
    cost = "" if delivery.cost is None else f"{delivery.cost:f}"
    outcome = str(delivery.outcome)
    if delivery.outcome is Outcome.FAILED:
        outcome = f"error: {printable(str(delivery.last_error))}"
    name = printable(channel(delivery.status) or "")
    return delivery.message_id, outcome, name, cost, duration(delivery.elapsed)


def delivery_line(delivery: Delivery[Any]) -> str:
    """Return a delivery as a line that programs can cut at its tabs."""
    return "\t".join(delivery_cells(delivery))


def of_deliveries(outcomes: Iterable[Outcome]) -> Exit:
    """Return the exit code for how messages ended: the worst of them."""
    seen = set(outcomes) - {Outcome.DELIVERED}
    if seen - UNDECIDED:
        return Exit.FAILED
    return Exit.UNKNOWN if seen else Exit.DONE
