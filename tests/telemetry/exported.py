"""What a hook exports, kept in memory, and the vendors that the tests of telemetry talk to."""

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from smsbat_async import PollPolicy
from smsbat_async.telemetry.otel import OpenTelemetryHook
from tests.support.fake import Call, accepted, status

EXACT = PollPolicy(jitter=0.0)

Attributes = frozenset[tuple[str, Any]]


def vendor(call: Call) -> Any:
    """Accept every message, and call every message delivered."""
    return accepted(call) if call.request.body else status()


def attributes(**values: Any) -> Attributes:
    """Return attributes to compare with, with `_` for `.` and `__` for `_` in their names."""
    return frozenset(
        (name.replace("__", "-").replace("_", ".").replace("-", "_"), value) for name, value in values.items()
    )


class Exported:
    """A hook with providers of its own, and all that they export."""

    def __init__(self, *, sampler: Sampler = ALWAYS_ON, **options: Any) -> None:
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider(metric_readers=[self._metrics], shutdown_on_exit=False)
        self.hook = OpenTelemetryHook(self.tracer_provider, self.meter_provider, **options)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended, in the order of their ends."""
        return self._spans.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the spans of one name."""
        return [span for span in self.spans if span.name == name]

    def the(self, name: str) -> ReadableSpan:
        """Return the one span of a name."""
        [span] = self.named(name)
        return span

    def points(self) -> Iterator[tuple[str, Any]]:
        """Give every data point with the name of its metric."""
        data = self._metrics.get_metrics_data()
        for resource in () if data is None else data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        yield metric.name, point

    def counts(self, name: str) -> dict[Attributes, float]:
        """Return the value of a counter for each set of attributes."""
        return {
            frozenset((point.attributes or {}).items()): point.value
            for metric, point in self.points()
            if metric == name
        }

    def sums(self, name: str) -> dict[Attributes, tuple[int, float]]:
        """Return the number and the sum of what a histogram took, for each set of attributes."""
        return {
            frozenset((point.attributes or {}).items()): (point.count, round(point.sum, 6))
            for metric, point in self.points()
            if metric == name
        }


def parent_of(span: ReadableSpan) -> int | None:
    """Return the id of a span's parent."""
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    """Return the id of a span."""
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def links_of(span: ReadableSpan) -> list[int]:
    """Return the ids of the spans that a span links to."""
    return [link.context.span_id for link in span.links]


def values_of(span: ReadableSpan) -> Mapping[str, Any]:
    """Return the attributes of a span."""
    return span.attributes or {}


def seconds_of(span: ReadableSpan) -> float:
    """Return how long a span took."""
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9
