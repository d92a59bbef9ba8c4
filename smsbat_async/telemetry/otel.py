"""OpenTelemetryHook: what happens inside, as traces and metrics. Needs the extra `otel`."""

import time
from collections.abc import Callable
from typing import Any

try:
    from opentelemetry.metrics import MeterProvider, get_meter
    from opentelemetry.trace import TracerProvider, get_tracer
except ImportError:
    raise ImportError("OpenTelemetryHook needs OpenTelemetry: pip install 'smsbat-async[otel]'") from None

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
)
from smsbat_async.policies import check_count
from smsbat_async.telemetry.metrics import Metrics
from smsbat_async.telemetry.sends import SENDS
from smsbat_async.telemetry.spans import Spans

NAME = "smsbat_async"
"""The name of the instrumentation."""

REMEMBERED = 10_000
"""For how many of the last messages it is remembered in which span they were sent."""


class OpenTelemetryHook:
    """A hook that makes OpenTelemetry spans and metrics; several clients may share one.

    Args:
        tracer_provider: Where spans go; None takes the program's own, also where it is set later.
        meter_provider: Where metrics go; None takes the program's own, also where it is set later.
        remembered: For how many of the last messages that were sent within a sampled span it is remembered in
            which, so that the span of their delivery can link to it.
        clock: Tells the time of day in nanoseconds since 1970.

    Raises:
        ConfigurationError: If `remembered` is not a positive number.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        remembered: int = REMEMBERED,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        check_count("remembered", remembered)
        spans = Spans(get_tracer(NAME, tracer_provider=tracer_provider), remembered, clock)
        metrics = Metrics(get_meter(NAME, meter_provider=meter_provider), clock)
        self._listeners: dict[type, tuple[Callable[[Any], None], ...]] = {
            CallStarted: (spans.call_started,),
            CallFinished: (metrics.call_finished, spans.call_finished),
            RequestFinished: (metrics.request_finished, spans.request_finished),
            RetryScheduled: (metrics.retry_scheduled,),
            Paused: (metrics.paused,),
            TrackingStarted: (metrics.tracking_started,),
            TrackingEnded: (metrics.tracking_ended,),
            PollDone: (metrics.poll_done,),
            DeliveryResolved: (metrics.delivery_resolved, spans.delivery_resolved),
            **dict.fromkeys(SENDS, (metrics.chunk_sent, spans.chunk_sent)),
        }

    def __call__(self, event: object) -> None:
        """Take one event; events of other kinds are left out."""
        for listener in self._listeners.get(type(event), ()):
            listener(event)
