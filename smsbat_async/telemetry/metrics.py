"""Metrics: what is counted and measured of requests, sends, polls and deliveries."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import Meter

from smsbat_async.hooks import (
    CallFinished,
    DeliveryResolved,
    Paused,
    PollDone,
    RequestFinished,
    RetryScheduled,
    TrackingEnded,
    TrackingStarted,
)
from smsbat_async.statuses import Outcome, ZnsStatus
from smsbat_async.telemetry import attributes as names
from smsbat_async.telemetry.sends import Sent, results_of
from smsbat_async.telemetry.words import error_type

ENDS = frozenset({Outcome.DELIVERED, Outcome.UNDELIVERABLE, Outcome.PERMANENT_ERROR})
"""The ends that a message comes to at the vendor, at a time that is noticed later."""


class Metrics:
    """The instruments of one hook; no attribute of theirs names a message, a person or an error's words.

    Args:
        meter: Makes instruments.
        clock: Tells the time of day in nanoseconds since 1970.
    """

    def __init__(self, meter: Meter, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._requests = meter.create_histogram(
            names.HTTP_CLIENT_REQUEST_DURATION,
            unit="s",
            description="How long an attempt of an HTTP request took.",
            explicit_bucket_boundaries_advisory=names.REQUEST_BOUNDARIES,
        )
        self._operations = meter.create_histogram(
            names.MESSAGING_CLIENT_OPERATION_DURATION,
            unit="s",
            description="How long a call that sends took, with its waiting and retries.",
            explicit_bucket_boundaries_advisory=names.REQUEST_BOUNDARIES,
        )
        self._retries = meter.create_counter(
            "smsbat.retries", unit="{retry}", description="Failed attempts that are made again."
        )
        self._pauses = meter.create_counter(
            "smsbat.pauses", unit="{pause}", description="Times that the vendor had too many requests."
        )
        self._sends = meter.create_counter(
            "smsbat.sends", unit="{message}", description="Messages by what became of their send."
        )
        self._polls = meter.create_counter(
            "smsbat.polls", unit="{poll}", description="Questions about messages that are tracked."
        )
        self._tracked = meter.create_up_down_counter(
            "smsbat.tracked", unit="{message}", description="Messages that are being tracked now."
        )
        self._deliveries = meter.create_counter(
            "smsbat.deliveries", unit="{message}", description="Tracked messages by how they ended."
        )
        self._durations = meter.create_histogram(
            "smsbat.delivery.duration",
            unit="s",
            description="How long a message was tracked until its end was known.",
            explicit_bucket_boundaries_advisory=names.DELIVERY_BOUNDARIES,
        )
        self._lags = meter.create_histogram(
            "smsbat.delivery.lag",
            unit="s",
            description="How long after the end of a message it was known; with the basis poll, at most.",
            explicit_bucket_boundaries_advisory=names.DELIVERY_BOUNDARIES,
        )

    def call_finished(self, event: CallFinished) -> None:
        """Measure a call that sends."""
        call = event.call
        if call.operation.startswith("send"):
            attributes: dict[str, str | int] = {
                names.MESSAGING_SYSTEM: call.vendor,
                names.MESSAGING_OPERATION_NAME: call.operation,
                names.SERVER_ADDRESS: names.server(call.host)[names.SERVER_ADDRESS],
            }
            if event.error_type is not None:
                attributes[names.ERROR_TYPE] = event.error_type
            self._operations.record(event.elapsed, attributes)

    def request_finished(self, event: RequestFinished) -> None:
        """Measure an attempt."""
        server = names.server(event.host)
        attributes: dict[str, str | int] = {
            names.SERVER_ADDRESS: server[names.SERVER_ADDRESS],
            names.SERVER_PORT: server[names.SERVER_PORT],
            names.HTTP_REQUEST_METHOD: event.method,
            names.URL_TEMPLATE: event.template,
        }
        if event.status_code is not None:
            attributes[names.HTTP_RESPONSE_STATUS_CODE] = event.status_code
        if event.error is not None:
            attributes[names.ERROR_TYPE] = error_type(event.error)
        self._requests.record(event.elapsed, attributes)

    def retry_scheduled(self, event: RetryScheduled) -> None:
        """Count a retry."""
        attributes = {**self._where(event.host, event.kind), names.ERROR_TYPE: error_type(event.error)}
        self._retries.add(1, attributes)

    def paused(self, event: Paused) -> None:
        """Count a pause."""
        self._pauses.add(1, self._where(event.host, event.kind))

    def tracking_started(self, event: TrackingStarted) -> None:
        """Count a message that is tracked."""
        self._tracked.add(1, {names.MESSAGING_SYSTEM: event.vendor})

    def tracking_ended(self, event: TrackingEnded) -> None:
        """Count a message that is not tracked any more."""
        self._tracked.add(-1, {names.MESSAGING_SYSTEM: event.vendor})

    def poll_done(self, event: PollDone[Any]) -> None:
        """Count a poll."""
        attributes = {names.MESSAGING_SYSTEM: event.vendor}
        if event.error is not None:
            attributes[names.ERROR_TYPE] = error_type(event.error)
        self._polls.add(1, attributes)

    def chunk_sent(self, event: Sent) -> None:
        """Count messages by what became of their send."""
        vendor = "" if event.call is None else event.call.vendor
        counts = Counter(
            (result.outcome.value, None if result.error is None else error_type(result.error))
            for result in results_of(event)
        )
        for (outcome, error), count in counts.items():
            attributes = {names.MESSAGING_SYSTEM: vendor, names.OUTCOME: outcome}
            if error is not None:
                attributes[names.ERROR_TYPE] = error
            self._sends.add(count, attributes)

    def delivery_resolved(self, event: DeliveryResolved[Any]) -> None:
        """Count the end of a message for one that waited, and measure how late it was noticed."""
        delivery = event.delivery
        attributes = {names.MESSAGING_SYSTEM: event.vendor, names.OUTCOME: delivery.outcome.value}
        self._deliveries.add(1, {**attributes, names.SOURCE: delivery.source})
        if delivery.source == "cache" or not delivery.elapsed:
            return  # it was known before, also by a webhook that came before anybody followed the message
        self._durations.record(delivery.elapsed, attributes)
        if delivery.outcome not in ENDS:
            return
        status = delivery.status
        if isinstance(status, ZnsStatus) and status.delivery_time is not None:
            lag = max(0.0, self._clock() / 1e9 - status.delivery_time.timestamp())
            self._lags.record(lag, {names.MESSAGING_SYSTEM: event.vendor, names.LAG_BASIS: "vendor"})
        elif event.unnoticed is not None:
            basis = {names.MESSAGING_SYSTEM: event.vendor, names.LAG_BASIS: "poll"}
            self._lags.record(event.unnoticed, basis)

    @staticmethod
    def _where(host: str, kind: str) -> dict[str, str | int]:
        return {names.SERVER_ADDRESS: names.server(host)[names.SERVER_ADDRESS], names.KIND: kind}
