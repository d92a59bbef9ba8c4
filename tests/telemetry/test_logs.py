"""What happens inside, as log records that read well and whose values are fields."""

import logging
from typing import Any

import pytest

from smsbat_async import (
    MessageStatus,
    Paused,
    PollPolicy,
    RetryPolicy,
    SessionPool,
    SmsBatError,
    ZnsClient,
    ZnsMessage,
)
from smsbat_async.telemetry import LogHook
from tests.support.cascade import message, messages
from tests.support.fake import FREE, Call, FakeTransport, accepted, client_of, http, status, too_many

EXACT = PollPolicy(jitter=0.0)
ONCE = RetryPolicy(attempts=1)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields that the hook has put into a record."""
    return {name: value for name, value in vars(record).items() if name.startswith("smsbat_")}


def told(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[tuple[str, str]]:
    """Return the level and the text of every record of a level or higher."""
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.levelno >= level]


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="smsbat_async")


@pytest.mark.looptime
async def test_a_message_that_is_sent_and_delivered_is_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    transport = FakeTransport(lambda call: accepted(call) if call.request.body else status())
    async with client_of(transport, polling=EXACT, hooks=[LogHook()]) as client:
        receipt = await client.send(message(1))
        await client.wait_for_delivery(receipt.message_id)
    assert told(caplog) == [
        ("INFO", "message m-1 to +380***01: accepted as m-m-1"),
        ("INFO", "message m-m-1: delivered after 5.0 s (source: poll, polls: 1)"),
    ]
    sent, ended = (fields_of(record) for record in caplog.records if record.levelno >= logging.INFO)
    number = sent.pop("smsbat_call")
    assert isinstance(number, int)
    assert sent == {
        "smsbat_event": "send",
        "smsbat_tracking_id": "m-1",
        "smsbat_message_id": "m-m-1",
        "smsbat_phone": "+380***01",
        "smsbat_outcome": "accepted",
    }
    assert ended == {
        "smsbat_event": "delivery",
        "smsbat_call": ended["smsbat_call"],
        "smsbat_vendor": "smsbat",
        "smsbat_message_id": "m-m-1",
        "smsbat_outcome": "delivered",
        "smsbat_polls": 1,
        "smsbat_seconds": 5.0,
        "smsbat_source": "poll",
    }
    assert {record.name for record in caplog.records} == {"smsbat_async.events"}


@pytest.mark.looptime
async def test_calls_requests_and_polls_are_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    replies = [status("processing"), status("processing"), status()]
    async with client_of(FakeTransport(replies), polling=EXACT, hooks=[LogHook()]) as client:
        await client.status("a")
        await client.wait_for_delivery("a")
    texts = [text for level, text in told(caplog, logging.DEBUG) if level == "DEBUG"]
    numbers = [record.smsbat_call for record in caplog.records if record.smsbat_event == "call_started"]  # type: ignore[attr-defined]
    assert texts == [
        f"status: call {numbers[0]} began",
        "GET /bat/message/{message_id}: 200 in 0.000 s at attempt 1",
        f"status: call {numbers[0]} ended after 0.000 s",
        f"track: call {numbers[1]} began",
        "message a is being tracked",
        "GET /bat/message/{message_id}: 200 in 0.000 s at attempt 1",
        "message a: not the end at poll 1",
        "GET /bat/message/{message_id}: 200 in 0.000 s at attempt 1",
        "message a: delivered at poll 2",
        "message a is not tracked any more",
        f"track: call {numbers[1]} ended after 13.000 s",
    ]


@pytest.mark.looptime
async def test_retries_and_pauses_are_warnings(caplog: pytest.LogCaptureFixture) -> None:
    replies = [too_many("2"), http(503, retry_after="1"), status()]
    async with client_of(FakeTransport(replies), hooks=[LogHook()]) as client:
        await client.status("a")
    host = "https://restapi.smsbat.com:443"
    assert told(caplog) == [
        ("WARNING", f"{host} has had too many status requests: they wait for 2.0 s"),
        (
            "WARNING",
            f"attempt 1 of a status request to {host} failed with RateLimitError 429; the next is in 2.00 s",
        ),
        (
            "WARNING",
            f"attempt 2 of a status request to {host} failed with ServerError 503; the next is in 1.00 s",
        ),
    ]
    [first, *_] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert fields_of(first) == {
        "smsbat_event": "pause",
        "smsbat_kind": "status",
        "smsbat_host": host,
        "smsbat_seconds": 2.0,
    }


def test_a_pause_tells_the_rate_that_is_left(caplog: pytest.LogCaptureFixture) -> None:
    LogHook()(Paused(kind="send", host="https://h:443", seconds=2.5, per_second=50.0))
    [(_, text)] = told(caplog)
    assert text == "https://h:443 has had too many send requests: they wait for 2.5 s, then 50 a second"


@pytest.mark.looptime
async def test_a_chunk_is_one_line_for_each_outcome(caplog: pytest.LogCaptureFixture) -> None:
    def plan(call: Call) -> Any:
        return http(500) if b'"m-9"' in (call.request.body or b"") else accepted(call)

    async with client_of(FakeTransport(plan), hooks=[LogHook()]) as client:
        await client.send_many(messages(17), chunk_size=9, concurrency=1)
    assert told(caplog) == [
        ("INFO", "accepted: 9 of 9 messages"),
        (
            "ERROR",
            "unknown: 8 of 8 messages (m-9, m-10, m-11, m-12, m-13, ...), "
            "OutcomeUnknownError (ServerError 500)",
        ),
    ]
    [error] = [record for record in caplog.records if record.levelno == logging.ERROR]
    fields = fields_of(error)
    assert fields["smsbat_tracking_ids"] == [f"m-{number}" for number in range(9, 17)]
    assert (fields["smsbat_count"], fields["smsbat_error"]) == (8, "500")


@pytest.mark.looptime
async def test_what_was_not_accepted_or_not_delivered_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def plan(call: Call) -> Any:
        return http(422, {"code": "invalid_sender"}) if call.request.body else http(404)

    async with client_of(FakeTransport(plan), polling=EXACT, hooks=[LogHook()]) as client:
        with pytest.raises(SmsBatError):
            await client.send(message(1))
        await client.wait_for_delivery("a", timeout=1.0)
    levels, (sent, ended) = zip(*told(caplog), strict=True)
    assert levels == ("WARNING", "WARNING")
    assert sent.startswith("message m-1 to +380***01: rejected, BadRequestError 422")
    assert ended == (
        "message a: not_found after 1.0 s (source: poll, polls: 1); the last error was NotFoundError 404"
    )


@pytest.mark.looptime
async def test_a_notification_that_may_have_been_taken_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    pool = SessionPool(transport=FakeTransport([http(500)]))
    async with ZnsClient(api_key="k", pool=pool, limits=FREE, hooks=[LogHook()]) as client:
        with pytest.raises(SmsBatError):
            await client.send(
                ZnsMessage(tracking_id="n-1", phone="84987654321", template_id="7", template_data={"a": "b"})
            )
    assert told(caplog) == [
        ("ERROR", "message n-1 to +849***21: unknown, OutcomeUnknownError (ServerError 500)")
    ]


@pytest.mark.looptime
async def test_ids_that_nobody_asked_for_are_counted_and_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [{"messageId": "v-1", "trackinId": "m-1"}, {"messageId": "v-2", "trackinId": "somebody-else"}]
    async with client_of(FakeTransport([http(200, rows)]), hooks=[LogHook()]) as client:
        await client.send(message(1))
    assert ("WARNING", "an answer named ids that nobody asked for: 1") in told(caplog)
    assert all("somebody-else" not in f"{fields_of(record)}" for record in caplog.records)


@pytest.mark.looptime
async def test_a_logger_of_your_own_gets_them_instead(caplog: pytest.LogCaptureFixture) -> None:
    own = logging.getLogger("shop.messages")
    own.setLevel(logging.INFO)
    async with client_of(FakeTransport([status()]), polling=EXACT, hooks=[LogHook(own)]) as client:
        await client.wait_for_delivery("a")
    assert [(record.name, record.levelname) for record in caplog.records] == [("shop.messages", "INFO")]


def test_events_of_other_kinds_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    hook = LogHook()
    hook(MessageStatus(delivery_status="delivered"))
    hook(None)
    assert caplog.records == []
