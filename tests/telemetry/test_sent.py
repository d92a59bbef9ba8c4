"""Which span a message was sent in, for as many messages as may be remembered."""

from opentelemetry.trace import SpanContext

from smsbat_async.telemetry.sent import SentSpans


def span(number: int) -> SpanContext:
    return SpanContext(trace_id=1, span_id=number, is_remote=False)


def test_a_message_is_found_by_its_id() -> None:
    sent = SentSpans(2)
    sent.put("a", span(1))
    assert sent.get("a") == span(1)
    assert sent.get("b") is None
    assert sent.get(None) is None


def test_the_oldest_is_forgotten_first_and_one_sent_again_is_not_old() -> None:
    sent = SentSpans(2)
    for message_id, number in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        sent.put(message_id, span(number))
    assert [sent.get(message_id) for message_id in "abc"] == [span(3), None, span(4)]
    assert len(sent) == 2
