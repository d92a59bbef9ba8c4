"""LogHook: what happens inside, as log records."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from smsbat_async.hooks import (
    CallFinished,
    CallStarted,
    DeliveryResolved,
    Paused,
    PollDone,
    RequestFinished,
    RetryScheduled,
    TrackingEnded,
    TrackingStarted,
    ZnsSent,
)
from smsbat_async.messages import SendOutcome
from smsbat_async.phones import mask_phone
from smsbat_async.telemetry.sends import SENDS, Result, Sent, phone_of, results_of
from smsbat_async.telemetry.words import error_text, error_type, shown_id

LOGGER = "smsbat_async.events"
"""The logger that records go to, unless another is given."""

IDS_SHOWN = 5
"""How many ids the text of one record names; a field of it has all."""

LEVELS = {
    SendOutcome.ACCEPTED: logging.INFO,
    SendOutcome.REJECTED: logging.WARNING,
    SendOutcome.NOT_SENT: logging.WARNING,
    SendOutcome.UNKNOWN: logging.ERROR,
}


class LogHook:
    """A hook that writes log records, with their values as fields: `smsbat_event` and others like it.

    Calls, requests and polls are DEBUG, retries and pauses WARNING; what was accepted or delivered is INFO,
    what was not is WARNING, and a send of unknown fate is ERROR. No record holds a key, a text, a full phone
    number or the words of a vendor's error; ids are there, with phone numbers in them masked.

    Args:
        logger: Where records go; None takes the logger `smsbat_async.events`.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logging.getLogger(LOGGER) if logger is None else logger
        self._writers: dict[type, Callable[[Any], None]] = {
            CallStarted: self._call_started,
            CallFinished: self._call_finished,
            RequestFinished: self._request_finished,
            RetryScheduled: self._retry_scheduled,
            Paused: self._paused,
            TrackingStarted: self._tracking_started,
            TrackingEnded: self._tracking_ended,
            PollDone: self._poll_done,
            DeliveryResolved: self._delivery_resolved,
            **dict.fromkeys(SENDS, self._chunk_sent),
        }

    def __call__(self, event: object) -> None:
        """Write what an event says; events of other kinds are left out."""
        writer = self._writers.get(type(event))
        if writer is not None:
            writer(event)

    def _write(self, level: int, event: str, text: str, *values: object, **fields: object) -> None:
        if self._logger.isEnabledFor(level):
            extra = {f"smsbat_{name}": value for name, value in fields.items() if value is not None}
            self._logger.log(level, text, *values, extra={"smsbat_event": event, **extra})

    def _call_started(self, event: CallStarted) -> None:
        call = event.call
        self._write(
            logging.DEBUG,
            "call_started",
            "%s: call %d began",
            call.operation,
            call.number,
            call=call.number,
            operation=call.operation,
            vendor=call.vendor,
            host=call.host,
        )

    def _call_finished(self, event: CallFinished) -> None:
        call = event.call
        self._write(
            logging.DEBUG,
            "call_finished",
            "%s: call %d ended after %.3f s%s",
            call.operation,
            call.number,
            event.elapsed,
            "" if event.error_type is None else f" with {event.error_type}",
            call=call.number,
            operation=call.operation,
            vendor=call.vendor,
            seconds=event.elapsed,
            error=event.error_type,
        )

    def _request_finished(self, event: RequestFinished) -> None:
        error = event.error
        answer = "no answer" if event.status_code is None else event.status_code
        self._write(
            logging.DEBUG,
            "request",
            "%s %s: %s in %.3f s at attempt %d%s",
            event.method,
            event.template,
            answer,
            event.elapsed,
            event.attempt,
            "" if error is None else f", {error_text(error)}",
            call=None if event.call is None else event.call.number,
            kind=event.kind,
            host=event.host,
            method=event.method,
            template=event.template,
            attempt=event.attempt,
            status_code=event.status_code,
            seconds=event.elapsed,
            error=None if error is None else error_type(error),
        )

    def _retry_scheduled(self, event: RetryScheduled) -> None:
        self._write(
            logging.WARNING,
            "retry",
            "attempt %d of a %s request to %s failed with %s; the next is in %.2f s",
            event.attempt,
            event.kind,
            event.host,
            error_text(event.error),
            event.delay,
            call=None if event.call is None else event.call.number,
            kind=event.kind,
            host=event.host,
            attempt=event.attempt,
            seconds=event.delay,
            error=error_type(event.error),
        )

    def _paused(self, event: Paused) -> None:
        rate = "" if event.per_second is None else f", then {event.per_second:g} a second"
        self._write(
            logging.WARNING,
            "pause",
            "%s has had too many %s requests: they wait for %.1f s%s",
            event.host,
            event.kind,
            event.seconds,
            rate,
            kind=event.kind,
            host=event.host,
            seconds=event.seconds,
            per_second=event.per_second,
        )

    def _tracking_started(self, event: TrackingStarted) -> None:
        shown = shown_id(event.message_id)
        self._write(
            logging.DEBUG,
            "tracking_started",
            "message %s is being tracked",
            shown,
            vendor=event.vendor,
            message_id=shown,
        )

    def _tracking_ended(self, event: TrackingEnded) -> None:
        shown = shown_id(event.message_id)
        self._write(
            logging.DEBUG,
            "tracking_ended",
            "message %s is not tracked any more",
            shown,
            vendor=event.vendor,
            message_id=shown,
        )

    def _poll_done(self, event: PollDone[Any]) -> None:
        shown = shown_id(event.message_id)
        if event.error is not None:
            found = error_text(event.error)
        elif event.status is None:
            found = "no answer"
        else:
            found = event.status.outcome or "not the end"
        self._write(
            logging.DEBUG,
            "poll",
            "message %s: %s at poll %d",
            shown,
            found,
            event.polls,
            vendor=event.vendor,
            message_id=shown,
            polls=event.polls,
            error=None if event.error is None else error_type(event.error),
        )

    def _delivery_resolved(self, event: DeliveryResolved[Any]) -> None:
        delivery = event.delivery
        shown = shown_id(delivery.message_id)
        error = None if delivery.success else delivery.last_error
        self._write(
            logging.INFO if delivery.success else logging.WARNING,
            "delivery",
            "message %s: %s after %.1f s (source: %s, polls: %d)%s",
            shown,
            delivery.outcome,
            delivery.elapsed,
            delivery.source,
            delivery.polls,
            "" if error is None else f"; the last error was {error_text(error)}",
            call=None if event.call is None else event.call.number,
            vendor=event.vendor,
            message_id=shown,
            outcome=str(delivery.outcome),
            polls=delivery.polls,
            seconds=delivery.elapsed,
            source=delivery.source,
            error=None if error is None else error_type(error),
        )

    def _chunk_sent(self, event: Sent) -> None:
        call = None if event.call is None else event.call.number
        count = 0 if isinstance(event, ZnsSent) else len(event.foreign_ids)
        if count:
            self._write(
                logging.WARNING,
                "foreign_ids",
                "an answer named ids that nobody asked for: %d",
                count,
                call=call,
                count=count,
            )
        told = results_of(event)
        if len(told) == 1:
            self._one_sent(told[0], call)
            return
        by_outcome: dict[SendOutcome, list[Result]] = {}
        for result in told:
            by_outcome.setdefault(result.outcome, []).append(result)
        for outcome, results in by_outcome.items():
            self._some_sent(outcome, results, len(told), call)

    def _one_sent(self, result: Result, call: int | None) -> None:
        phone = phone_of(result.message)
        shown = shown_id(result.message.id, phone)
        vendor_id = None if result.message_id is None else shown_id(result.message_id)
        self._write(
            LEVELS[result.outcome],
            "send",
            "message %s to %s: %s%s",
            shown,
            mask_phone(phone),
            result.outcome,
            f" as {vendor_id}" if result.error is None else f", {error_text(result.error)}",
            call=call,
            tracking_id=shown,
            message_id=vendor_id,
            phone=mask_phone(phone),
            outcome=str(result.outcome),
            error=None if result.error is None else error_type(result.error),
        )

    def _some_sent(
        self, outcome: SendOutcome, results: Sequence[Result], total: int, call: int | None
    ) -> None:
        level = LEVELS[outcome]
        if not self._logger.isEnabledFor(level):
            return
        error = results[0].error
        fields: dict[str, object] = {"call": call, "outcome": str(outcome), "count": len(results)}
        text, values = "%s: %d of %d messages", [outcome, len(results), total]
        if outcome is not SendOutcome.ACCEPTED:
            ids = [shown_id(result.message.id, phone_of(result.message)) for result in results]
            more = "" if len(ids) <= IDS_SHOWN else ", ..."
            text += " (%s%s)%s"
            values += [", ".join(ids[:IDS_SHOWN]), more, "" if error is None else f", {error_text(error)}"]
            fields["tracking_ids"] = ids
            fields["error"] = None if error is None else error_type(error)
        self._write(level, "send", text, *values, **fields)
