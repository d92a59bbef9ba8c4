"""Spans: what a user's calls, their requests and their deliveries are in a trace."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from smsbat_async.errors import ClientClosedError
from smsbat_async.hooks import (
    Call,
    CallFinished,
    CallStarted,
    DeliveryResolved,
    RequestFinished,
)
from smsbat_async.messages import SendOutcome
from smsbat_async.statuses import Delivery
from smsbat_async.telemetry import attributes as names
from smsbat_async.telemetry.sends import Sent, results_of
from smsbat_async.telemetry.sent import SentSpans
from smsbat_async.telemetry.words import error_type, shown_id

Clock = Callable[[], int]
"""Returns the time of day in nanoseconds since 1970."""

BATCHES = frozenset(
    {
        "send_many",
        "send_stream",
        "send_when_ready",
        "send_native_many",
        "send_native_stream",
        "statuses",
        "fetch_statuses",
        "deliveries",
    }
)
"""The operations that are about any number of messages."""

WAITS = frozenset({"track", "deliveries"})
"""The operations that only wait for what was sent: a client that closes ends them, and nothing went wrong."""


class _Open:
    """The span of one call, and what is counted for it."""

    __slots__ = ("asked", "context", "is_over", "outcomes", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.context: Context = set_span_in_context(span, Context())
        self.outcomes: Counter[str] = Counter()
        self.asked = 0
        self.is_over = False


class Spans:
    """Makes the spans of one hook.

    A call has a span while the hook hears of it, whose parent is the caller's active span. Requests and the
    deliveries of a stream are told when they are over: their spans are made then, with the right times.
    Nothing of a call that is not sampled is made or remembered.

    Args:
        tracer: Makes spans.
        remembered: For how many of the last messages it is remembered in which span they were sent.
        clock: Tells the time of day.
    """

    def __init__(self, tracer: Tracer, remembered: int, clock: Clock) -> None:
        self._tracer = tracer
        self._clock = clock
        self._sent = SentSpans(remembered)
        self._open: WeakKeyDictionary[Call, _Open] = WeakKeyDictionary()

    def call_started(self, event: CallStarted) -> None:
        """Begin the span of a call."""
        call = event.call
        server = names.server(call.host)
        attributes: dict[str, str | int] = {
            names.MESSAGING_SYSTEM: call.vendor,
            names.MESSAGING_OPERATION_NAME: call.operation,
            names.SERVER_ADDRESS: server[names.SERVER_ADDRESS],
            names.SERVER_PORT: server[names.SERVER_PORT],
        }
        kind = SpanKind.INTERNAL
        if call.operation.startswith("send"):
            kind = SpanKind.PRODUCER  # since the deliveries link to it
            attributes[names.MESSAGING_OPERATION_TYPE] = "send"
            attributes[names.MESSAGING_DESTINATION_NAME] = call.vendor
        if isinstance(call.message_id, str):
            attributes[names.MESSAGING_MESSAGE_ID] = shown_id(call.message_id)
        links = self._links(call.message_id) if call.operation == "track" else []
        name = f"{call.operation} {call.vendor}"
        span = self._tracer.start_span(name, kind=kind, attributes=attributes, links=links)
        if span.is_recording():
            self._open[call] = _Open(span)
        else:
            span.end()

    def call_finished(self, event: CallFinished) -> None:
        """End the span of a call."""
        known = self._open.get(event.call)
        if known is None:
            return
        span = known.span
        if event.call.operation in BATCHES:
            count = known.outcomes.total() or known.asked
            # Of a call that was broken off it is not known that there were none.
            if count or event.error_type is None:
                span.set_attribute(names.MESSAGING_BATCH_MESSAGE_COUNT, count)
            for outcome, number in known.outcomes.items():
                span.set_attribute(names.COUNT_BY_OUTCOME + outcome, number)
        if event.error_type is not None:
            span.set_attribute(names.ERROR_TYPE, event.error_type)
            if event.call.operation not in WAITS or event.error_type != ClientClosedError.__name__:
                span.set_status(Status(StatusCode.ERROR))
        known.is_over = True
        span.end()

    def request_finished(self, event: RequestFinished) -> None:
        """Make the span of an attempt."""
        known = self._of(event.call)
        if known is None:
            return
        end = self._clock()
        attributes: dict[str, str | int] = {
            **names.server(event.host),
            names.HTTP_REQUEST_METHOD: event.method,
            names.URL_TEMPLATE: event.template,
        }
        if event.attempt > 1:
            attributes[names.HTTP_REQUEST_RESEND_COUNT] = event.attempt - 1
        else:
            known.asked += 1
        if event.status_code is not None:
            attributes[names.HTTP_RESPONSE_STATUS_CODE] = event.status_code
        if event.error is not None:
            attributes[names.ERROR_TYPE] = error_type(event.error)
        span = self._tracer.start_span(
            f"{event.method} {event.template}",
            context=known.context,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=end - int(event.elapsed * 1e9),
        )
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)

    def chunk_sent(self, event: Sent) -> None:
        """Note what became of messages, and in which span they were sent."""
        known = self._of(event.call)
        if known is None or event.call is None:
            return
        sampled = known.span.get_span_context()
        results = results_of(event)
        for result in results:
            known.outcomes[result.outcome.value] += 1
            if result.outcome is SendOutcome.ACCEPTED and result.message_id is not None:
                self._sent.put(result.message_id, sampled)
        if event.call.operation not in BATCHES and not known.is_over:
            result = results[0]
            known.span.set_attribute(names.OUTCOME, result.outcome.value)
            if result.message_id is not None:
                known.span.set_attribute(names.MESSAGING_MESSAGE_ID, shown_id(result.message_id))

    def delivery_resolved(self, event: DeliveryResolved[Any]) -> None:
        """Note how a message ended: in the span of its call, or in one of its own within that of a stream."""
        known = self._of(event.call)
        if known is None or event.call is None:
            return
        delivery = event.delivery
        attributes = _of_delivery(delivery)
        if event.call.operation == "track":
            if not known.is_over:
                known.span.set_attributes(attributes)
            return
        known.outcomes[delivery.outcome.value] += 1
        attributes[names.MESSAGING_SYSTEM] = event.vendor
        attributes[names.MESSAGING_MESSAGE_ID] = shown_id(delivery.message_id)
        end = self._clock()
        self._tracer.start_span(
            f"delivery {event.vendor}",
            context=known.context,
            attributes=attributes,
            links=self._links(delivery.message_id),
            start_time=end - int(delivery.elapsed * 1e9),
        ).end(end)

    def _of(self, call: Call | None) -> _Open | None:
        return None if call is None else self._open.get(call)

    def _links(self, message_id: str | None) -> list[Link]:
        sent = self._sent.get(message_id) if isinstance(message_id, str) else None
        return [] if sent is None else [Link(sent)]


def _of_delivery(delivery: Delivery[Any]) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        names.OUTCOME: delivery.outcome.value,
        names.SOURCE: delivery.source,
        names.POLLS: delivery.polls,
    }
    if delivery.last_error is not None and not delivery.success:
        attributes[names.ERROR_TYPE] = error_type(delivery.last_error)
    return attributes
