"""One call: how often it is tried, how long it waits, and what its caller gets; in virtual time."""

import asyncio
from random import Random
from typing import Any

import pytest

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    CascadeMessage,
    MessageType,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitError,
    ResponseError,
    RetryPolicy,
    ServerError,
    SmsBatError,
    TransportError,
)
from tests.support.fake import (
    HANG,
    NO_CONNECTION,
    FakeTransport,
    Heard,
    client_of,
    dropped,
    http,
    refused,
    status,
    too_many,
)

ONCE = RetryPolicy(attempts=1)
AT_ONCE = RetryPolicy(initial=0.0, maximum=0.0)
RESEND = RetryPolicy(initial=0.0, maximum=0.0, resend_unknown=True)
MESSAGE = CascadeMessage(
    id="t-1", from_name="Shop", to_phone="+380501234567", message_type=MessageType.TRANSACTION, text="x"
)
ACCEPTED = http(200, [{"messageId": "m-1", "trackinId": "t-1"}])


def now() -> float:
    return asyncio.get_running_loop().time()


async def failure(awaitable: Any) -> BaseException:
    """Return what an awaitable raises."""
    try:
        raise AssertionError(f"no error but {await awaitable!r}")
    except (SmsBatError, asyncio.CancelledError, TimeoutError) as error:
        return error


class Fixed(Random):
    """Draws the same fraction every time, and remembers between what."""

    def __init__(self, fraction: float) -> None:
        super().__init__(0)
        self.fraction = fraction
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.asked.append((a, b))
        return a + (b - a) * self.fraction


# -- how often ------------------------------------------------------------------------------------

TEMPORARY: list[tuple[str, Any, type[SmsBatError]]] = [
    ("refused connection", refused(), NotSentError),
    ("dropped connection", dropped(), TransportError),
    ("500", http(500), ServerError),
    ("503", http(503), ServerError),
    ("408", http(408), ApiError),
    ("429", too_many("0"), RateLimitError),
    ("html", http(200, b"<html>"), ResponseError),
    ("empty", http(200), ResponseError),
    ("another message", status(messageId="other"), ResponseError),
]
PERMANENT: list[tuple[str, Any, type[SmsBatError]]] = [
    ("400", http(400), BadRequestError),
    ("401", http(401), AuthenticationError),
    ("404", http(404), NotFoundError),
    ("redirect", http(302), ResponseError),
    ("certificate", NotSentError("x", kind="certificate"), NotSentError),
    ("no status in it", http(200, {}), ResponseError),
    ("too large", ResponseError("x", kind="too_large"), ResponseError),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("what", "kind"), [row[1:] for row in TEMPORARY], ids=[row[0] for row in TEMPORARY])
async def test_a_status_request_is_tried_three_times_when_it_meets_what_may_pass(
    what: Any, kind: type[SmsBatError]
) -> None:
    transport = FakeTransport([what])
    async with client_of(transport) as client:
        assert type(await failure(client.status("a"))) is kind
        assert len(transport.calls) == 3
        await failure(client.with_options(retry=RetryPolicy(attempts=5)).status("a"))
        assert len(transport.calls) == 8
        await failure(client.with_options(retry=ONCE).status("a"))
        assert len(transport.calls) == 9


@pytest.mark.looptime
@pytest.mark.parametrize(("what", "kind"), [row[1:] for row in PERMANENT], ids=[row[0] for row in PERMANENT])
async def test_a_status_request_is_tried_once_when_it_meets_what_will_not_pass(
    what: Any, kind: type[SmsBatError]
) -> None:
    transport = FakeTransport([what])
    async with client_of(transport) as client:
        assert type(await failure(client.status("a"))) is kind
    assert len(transport.calls) == 1


@pytest.mark.looptime
async def test_an_answer_that_is_not_http_is_asked_for_once_more() -> None:
    transport = FakeTransport([ResponseError("x", kind="malformed", retryable=True)])
    async with client_of(transport) as client:
        await failure(client.status("a"))
    assert len(transport.calls) == 2


@pytest.mark.looptime
async def test_a_later_attempt_that_succeeds_is_the_answer() -> None:
    transport = FakeTransport([http(500), dropped(), status("processing")])
    async with client_of(transport) as client:
        assert (await client.status("a")).delivery_status == "processing"
    assert len(transport.calls) == 3


@pytest.mark.looptime
@pytest.mark.parametrize("what", [refused(), too_many("0"), NotSentError("x", kind="dns")], ids=repr)
async def test_a_send_is_tried_again_when_surely_nothing_was_taken(what: Any) -> None:
    transport = FakeTransport([what, what, ACCEPTED])
    async with client_of(transport) as client:
        assert (await client.send(MESSAGE)).message_id == "m-1"
    assert len(transport.calls) == 3


@pytest.mark.looptime
@pytest.mark.parametrize("what", [refused(), too_many("0")], ids=repr)
async def test_a_send_that_stays_refused_for_now_is_not_sent(what: Any) -> None:
    transport = FakeTransport([what])
    async with client_of(transport) as client:
        error = await failure(client.send(MESSAGE))
        [result] = await client.send_many([MESSAGE])
    assert isinstance(error, NotSentError | RateLimitError)
    assert result.outcome == "not_sent"
    assert len(transport.calls) == 6


DOUBTFUL = [dropped(), http(500), http(503), http(408), http(302), http(200, b"<html>"), http(200), HANG]


@pytest.mark.looptime
@pytest.mark.parametrize("what", DOUBTFUL, ids=lambda what: repr(what)[:40])
async def test_a_send_of_unknown_fate_is_tried_once(what: Any) -> None:
    transport = FakeTransport([what])
    async with client_of(transport) as client:
        error = await failure(client.send(MESSAGE))
    assert isinstance(error, OutcomeUnknownError)
    assert error.tracking_ids == ("t-1",)
    assert len(transport.calls) == 1


@pytest.mark.looptime
async def test_a_send_of_unknown_fate_is_sent_again_where_that_was_asked_for() -> None:
    transport = FakeTransport([dropped(), http(500), ACCEPTED])
    async with client_of(transport, retry=RESEND) as client:
        assert (await client.send(MESSAGE)).message_id == "m-1"
    assert len(transport.calls) == 3


@pytest.mark.looptime
@pytest.mark.parametrize("later", [refused(), too_many("0"), http(400), http(401)], ids=repr)
async def test_a_later_refusal_leaves_a_send_unknown(later: Any) -> None:
    transport = FakeTransport([dropped(), later])
    async with client_of(transport, retry=RESEND) as client:
        error = await failure(client.send(MESSAGE))
    assert isinstance(error, OutcomeUnknownError)
    assert len(transport.calls) == 3


@pytest.mark.looptime
async def test_a_send_in_doubt_stays_so_when_it_is_cancelled_before_its_second_attempt_leaves() -> None:
    heard = Heard()
    transport = FakeTransport([dropped(), NO_CONNECTION])
    async with client_of(transport, retry=RESEND, hooks=[heard]) as client:
        task = asyncio.create_task(client.send(MESSAGE))
        await asyncio.sleep(1.0)
        assert len(transport.calls) == 2
        task.cancel()
        assert isinstance(await failure(task), asyncio.CancelledError)
    [told] = [event.results[0].outcome for event in heard.events if hasattr(event, "results")]
    assert told == "unknown"


# -- how long between -----------------------------------------------------------------------------


@pytest.mark.looptime
async def test_waits_are_drawn_between_nothing_and_a_bound_that_doubles_up_to_its_maximum() -> None:
    random = Fixed(1.0)
    transport = FakeTransport([dropped()])
    retry = RetryPolicy(attempts=7, initial=0.5, maximum=4.0)
    async with client_of(transport, retry=retry, random=random) as client:
        began = now()
        await failure(client.status("a"))
    assert random.asked == [(0.0, 0.5), (0.0, 1.0), (0.0, 2.0), (0.0, 4.0), (0.0, 4.0), (0.0, 4.0)]
    waited = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5]
    assert [at - began for at in transport.times] == pytest.approx(waited, abs=1e-4)


@pytest.mark.looptime
async def test_the_lowest_draw_is_no_wait_at_all() -> None:
    transport = FakeTransport([dropped()])
    async with client_of(transport, random=Fixed(0.0)) as client:
        began = now()
        await failure(client.status("a"))
        assert (len(transport.calls), now()) == (3, began)


@pytest.mark.looptime
async def test_the_vendors_retry_after_beats_the_drawn_wait() -> None:
    transport = FakeTransport([http(503, retry_after="7"), http(503, retry_after="11"), status()])
    async with client_of(transport) as client:
        began = now()
        await client.status("a")
    assert [at - began for at in transport.times] == pytest.approx([0.0, 7.0, 18.0], abs=1e-4)


@pytest.mark.looptime
async def test_the_deadline_is_looked_at_before_the_wait_and_not_after() -> None:
    transport = FakeTransport([http(503, retry_after="30")])
    async with client_of(transport, total_timeout=20.0) as client:
        began = now()
        assert isinstance(await failure(client.status("a")), ServerError)
        assert (len(transport.calls), now()) == (1, began)


@pytest.mark.looptime
async def test_a_429_that_outlasts_the_deadline_is_told_at_once() -> None:
    heard = Heard()
    transport = FakeTransport([too_many("30")])
    async with client_of(transport, total_timeout=20.0, hooks=[heard]) as client:
        began = now()
        error = await failure(client.status("a"))
        assert isinstance(error, RateLimitError)
        assert (error.retry_after, len(transport.calls), now()) == (30.0, 1, began)
    assert heard.names == {"CallStarted": 1, "RequestFinished": 1, "Paused": 1, "CallFinished": 1}


@pytest.mark.looptime
async def test_a_429_pauses_all_calls_of_its_kind() -> None:
    transport = FakeTransport([too_many("5"), status()])
    async with client_of(transport) as client:
        began = now()
        first = asyncio.create_task(client.status("a"))
        await asyncio.sleep(1.0)
        await asyncio.gather(first, *(client.status(f"b-{n}") for n in range(20)))
    assert [at - began for at in transport.times] == pytest.approx([0.0] + [5.0] * 21, abs=1e-4)


@pytest.mark.looptime
async def test_a_429_without_a_word_pauses_one_second_then_two() -> None:
    transport = FakeTransport([too_many(), too_many(), status()])
    async with client_of(transport) as client:
        began = now()
        await client.status("a")
    assert [at - began for at in transport.times] == pytest.approx([0.0, 1.0, 3.0], abs=1e-4)
