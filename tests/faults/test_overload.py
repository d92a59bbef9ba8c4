"""A vendor in trouble: 429 in row 39, 5xx in rows 40 and 41."""

import asyncio
import datetime as dt
from email.utils import format_datetime

import pytest

from smsbat_async import (
    NotSentError,
    OutcomeUnknownError,
    Paused,
    PollPolicy,
    RateLimitError,
    SendOutcome,
    ServerError,
)
from tests.support import ScriptedServer, Step, answer, early, json_answer, reset, then
from tests.support.calls import (
    Log,
    TransportName,
    check_error,
    chunk_ends_unknown,
    failure,
    first,
    message,
    messages,
    opened,
    send_ends_unknown,
    sent_ids,
    status_comes_after,
    status_fails,
    tracking_goes_on,
)

ACCEPTED, NOT_SENT, UNKNOWN = SendOutcome.ACCEPTED, SendOutcome.NOT_SENT, SendOutcome.UNKNOWN


def too_many(retry_after: str | None, **more: str) -> Step:
    """Say "too many requests" and for how long."""
    headers = dict(more) if retry_after is None else {"Retry-After": retry_after, **more}
    return json_answer({"error": {"code": "rate_limited"}}, 429, headers=headers)


NOON = dt.datetime(2030, 1, 1, 12, 0, 0, tzinfo=dt.UTC)


def date(seconds: float) -> str:
    """Write a moment so many seconds after noon as HTTP does."""
    return format_datetime(NOON + dt.timedelta(seconds=seconds), usegmt=True)


class TestTooMany:
    """Row 39: 429."""

    WAITS = pytest.mark.parametrize(
        ("refused", "waited"),
        [
            (too_many("7"), 7.0),
            (too_many("0"), 0.0),
            (too_many("-5"), 0.0),
            (too_many("1000000000"), 60.0),
            (too_many("2.5"), 2.5),
            (too_many("soon"), 1.0),
            (too_many("nan"), 1.0),
            (too_many("inf"), 60.0),
            (too_many(None), 1.0),
            (too_many(date(12), Date=date(0)), 12.0),
            (too_many(date(-300), Date=date(0)), 0.0),
            (too_many(date(86_400), Date=date(0)), 60.0),
        ],
        ids=["7", "0", "-5", "1e9", "2.5", "soon", "nan", "inf", "none", "date", "past date", "far date"],
    )

    @pytest.mark.looptime
    @WAITS
    async def test_row_39_a_send_goes_out_again_when_the_pause_is_over(
        self, refused: Step, waited: float, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(first(refused)) as server, opened(server.url, transport, log) as client:
            assert (await client.send(message())).message_id == "v-m1"
            before, after = server.requests
            assert after.at - before.at == pytest.approx(waited, abs=0.001)
            assert before.body == after.body
            assert log.outcomes() == {"m1": ACCEPTED}

    @pytest.mark.looptime
    async def test_row_39_a_status_request_is_repeated_when_the_pause_is_over(
        self, transport: TransportName
    ) -> None:
        for refused, waited in ((too_many("7"), 7.0), (too_many(date(12), Date=date(0)), 12.0)):
            async with ScriptedServer(first(refused)) as server, opened(server.url, transport) as client:
                await client.status("a1")
                before, after = server.requests
                assert after.at - before.at == pytest.approx(waited, abs=0.001)

    @pytest.mark.looptime
    async def test_row_39_a_send_that_stays_refused_is_not_sent_after_three_attempts(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(too_many("3")) as server, opened(server.url, transport, log) as client:
            met = await failure(client.send(message("single")))
            check_error(met, RateLimitError, status=429)
            assert isinstance(met, RateLimitError)
            assert (met.retry_after, met.code) == (3.0, "rate_limited")
            assert [request.at - server.requests[0].at for request in server.requests] == pytest.approx(
                [0.0, 3.0, 6.0], abs=0.05
            )
            results = await client.send_many(messages(2))
            assert [result.outcome for result in results] == [NOT_SENT] * 2
            assert log.outcomes() == dict.fromkeys(("single", "m1", "m2"), NOT_SENT)
            assert len(server.requests) == 6

    @pytest.mark.looptime
    async def test_row_39_a_chunk_goes_out_again_and_others_wait_for_the_same_pause(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(first(too_many("20"))) as server,
            opened(server.url, transport, log) as client,
        ):
            results = await client.send_many(messages(6), chunk_size=2, concurrency=1)
            assert [result.outcome for result in results] == [ACCEPTED] * 6
            began = server.requests[0].at
            await client.send(message("late"))
            assert all(request.at - began >= 20.0 for request in server.requests[1:])
            assert sent_ids(server.requests[0]) == sent_ids(server.requests[1]) == ["m1", "m2"]

    @pytest.mark.looptime
    async def test_row_39_the_whole_client_waits_and_says_so(self, transport: TransportName) -> None:
        log = Log()
        async with (
            ScriptedServer(first(too_many("30"))) as server,
            opened(server.url, transport, log) as client,
        ):
            statuses = [asyncio.create_task(client.status(f"a{number}")) for number in range(3)]
            await server.seen_request()
            await asyncio.sleep(1.0)
            statuses += [asyncio.create_task(client.status(f"b{number}")) for number in range(3)]
            await asyncio.gather(*statuses)
            began = server.requests[0].at
            late = [request for request in server.requests if request.path.rpartition("/")[2][0] == "b"]
            assert len(late) == 3
            assert all(request.at - began >= 30.0 for request in late)
            pauses = [event for event in log.events if isinstance(event, Paused)]
            assert [(pause.kind, pause.per_second) for pause in pauses] == [("status", 25.0)]
            assert pauses[0].seconds == pytest.approx(30.0, abs=0.001)

    @pytest.mark.looptime
    async def test_row_39_a_pause_that_outlasts_the_call_ends_it_at_once(
        self, transport: TransportName
    ) -> None:
        loop = asyncio.get_running_loop()
        log = Log()
        async with (
            ScriptedServer(too_many("60")) as server,
            opened(server.url, transport, log, total_timeout=20.0) as client,
        ):
            began = loop.time()
            met = await failure(client.send(message()))
            assert isinstance(met, RateLimitError | NotSentError)
            assert loop.time() - began < 0.001
            assert log.outcomes() == {"m1": NOT_SENT}
            assert len(server.requests) == 1

    @pytest.mark.looptime
    async def test_row_39_tracking_goes_on_after_the_pause(self, transport: TransportName) -> None:
        await tracking_goes_on(transport, too_many("9"), error=RateLimitError, polling=PollPolicy())


class TestServerErrors:
    """Rows 40 and 41: 5xx, after which nobody knows what became of a send."""

    STATUS = pytest.mark.parametrize("status", [500, 502, 503, 504, 599])

    @STATUS
    async def test_row_40_41_a_server_error_leaves_a_send_unknown(
        self, status: int, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, answer(status), error=ServerError, status=status)

    async def test_row_40_a_server_error_leaves_its_chunk_unknown(self, transport: TransportName) -> None:
        await chunk_ends_unknown(transport, answer(500), error=ServerError)

    async def test_row_41_503_leaves_a_send_unknown_even_with_retry_after(
        self, transport: TransportName
    ) -> None:
        busy = answer(503, headers={"Retry-After": "0"})
        await send_ends_unknown(transport, busy, error=ServerError, status=503)
        await chunk_ends_unknown(transport, busy, error=ServerError)

    @STATUS
    async def test_row_40_41_a_status_request_is_repeated_after_a_server_error(
        self, status: int, transport: TransportName
    ) -> None:
        await status_fails(transport, answer(status), error=ServerError, status=status, asked=3)
        await status_comes_after(transport, answer(status))

    @pytest.mark.looptime
    async def test_row_41_a_status_request_waits_as_long_as_503_says(self, transport: TransportName) -> None:
        busy = answer(503, headers={"Retry-After": "11"})
        async with ScriptedServer(first(busy)) as server, opened(server.url, transport) as client:
            await client.status("a1")
            before, after = server.requests
            assert after.at - before.at == pytest.approx(11.0, abs=0.001)

    async def test_row_40_41_tracking_goes_on_after_a_server_error(self, transport: TransportName) -> None:
        for status in (500, 503):
            await tracking_goes_on(transport, answer(status), error=ServerError)

    async def test_row_40_an_error_page_that_breaks_off_is_a_lost_answer(
        self, transport: TransportName
    ) -> None:
        log = Log()
        half = then(early(answer(500)), reset())
        async with ScriptedServer(half) as server, opened(server.url, transport, log) as client:
            met = await failure(client.send(message()))
            assert isinstance(met, OutcomeUnknownError)
            assert log.outcomes() == {"m1": UNKNOWN}
            assert len(server.requests) == 1
