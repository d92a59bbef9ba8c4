"""Which span a message was sent in, for as many messages as may be remembered."""

from collections import OrderedDict

from opentelemetry.trace import SpanContext


class SentSpans:
    """The spans of the last sends, by the vendor's ids.

    Args:
        maximum: How many ids are remembered; the oldest is forgotten first.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._contexts: OrderedDict[str, SpanContext] = OrderedDict()

    def __len__(self) -> int:
        return len(self._contexts)

    def put(self, message_id: str, context: SpanContext) -> None:
        """Remember in which span a message was sent."""
        contexts = self._contexts
        contexts[message_id] = context
        contexts.move_to_end(message_id)
        if len(contexts) > self._maximum:
            contexts.popitem(last=False)

    def get(self, message_id: str | None) -> SpanContext | None:
        """Return the span that a message was sent in, if it is remembered."""
        return None if message_id is None else self._contexts.get(message_id)
