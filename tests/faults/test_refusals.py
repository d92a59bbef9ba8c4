"""What the vendor says no to: 4xx in rows 32 to 38, 3xx in row 42."""

import pytest

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    Outcome,
    OutcomeUnknownError,
    PermissionDeniedError,
    PollPolicy,
    ResponseError,
    SendOutcome,
)
from tests.support import Recorded, ScriptedServer, Step, answer, early, json_answer
from tests.support.calls import (
    Log,
    TransportName,
    check_error,
    chunk_ends_unknown,
    failure,
    good,
    ids_of,
    message,
    messages,
    opened,
    send_ends_unknown,
    sent_ids,
    status_comes_after,
    status_fails,
    tracking_fails_at_once,
    tracking_goes_on,
)

ACCEPTED, REJECTED = SendOutcome.ACCEPTED, SendOutcome.REJECTED


NOT_SENT, UNKNOWN = SendOutcome.NOT_SENT, SendOutcome.UNKNOWN


def refusal(status: int, code: str = "invalid_thing", field: str = "toPhone") -> Step:
    """Refuse in the words of the vendor."""
    error = {"code": code, "message": "No.", "field": field}
    return json_answer({"error": error}, status, headers={"X-Request-Id": "r-1"})


async def send_is_refused(
    transport: TransportName, status: int, error: type[ApiError], *, splits: bool = False
) -> None:
    """Send one message, then several one by one, into a refusal that is a last word."""
    log = Log()
    async with ScriptedServer(refusal(status)) as server, opened(server.url, transport, log) as client:
        met = await failure(client.send(message("single")))
        check_error(met, error, status=status)
        assert isinstance(met, ApiError)
        assert (met.code, met.message, met.field) == ("invalid_thing", "No.", "toPhone")
        assert met.request_id == "r-1"
        assert b'"invalid_thing"' in met.body
        assert log.outcomes() == {"single": REJECTED}
        assert len(server.requests) == 1
        results = await client.send_many(messages(4), chunk_size=1, concurrency=1)
        for result in results:
            check_error(result.error, error, status=status)
        assert log.outcomes() == {"single": REJECTED, **{one.message.id: one.outcome for one in results}}
        if splits:
            assert [result.outcome for result in results] == [REJECTED] * 4
            assert len(server.requests) == 5
        else:
            assert [result.outcome for result in results] == [REJECTED, NOT_SENT, NOT_SENT, NOT_SENT]
            assert len(server.requests) == 2


class TestBadRequest:
    """Row 32: 400 and 422."""

    STATUS = pytest.mark.parametrize("status", [400, 422])

    @STATUS
    async def test_row_32_a_refused_send_is_rejected_and_not_repeated(
        self, status: int, transport: TransportName
    ) -> None:
        await send_is_refused(transport, status, BadRequestError, splits=True)

    @STATUS
    async def test_row_32_a_refused_chunk_is_halved_until_the_bad_messages_stand_alone(
        self, status: int, transport: TransportName
    ) -> None:
        bad = {"m3", "m8"}
        taken: list[str] = []

        def script(request: Recorded) -> Step:
            ids = sent_ids(request)
            if bad & set(ids):
                return refusal(status)
            taken.extend(ids)
            return good(request)

        log = Log()
        async with ScriptedServer(script) as server, opened(server.url, transport, log) as client:
            results = await client.send_many(messages(8), chunk_size=8)
            assert ids_of(results, REJECTED) == bad
            assert ids_of(results, ACCEPTED) == {f"m{number}" for number in (1, 2, 4, 5, 6, 7)}
            assert sorted(taken) == sorted(ids_of(results, ACCEPTED))
            assert log.outcomes() == {result.message.id: result.outcome for result in results}
            assert [len(sent_ids(request)) for request in server.requests] == [
                8,
                4,
                2,
                2,
                1,
                1,
                4,
                2,
                2,
                1,
                1,
            ]

    @STATUS
    async def test_row_32_without_splitting_the_whole_chunk_is_rejected(
        self, status: int, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(refusal(status)) as server, opened(server.url, transport, log) as client:
            results = await client.send_many(messages(4), chunk_size=4, split_refused=False)
            assert ids_of(results, REJECTED) == {"m1", "m2", "m3", "m4"}
            assert len(server.requests) == 1

    @STATUS
    async def test_row_32_a_refused_status_request_is_not_repeated_and_ends_tracking(
        self, status: int, transport: TransportName
    ) -> None:
        await status_fails(transport, refusal(status), error=BadRequestError, status=status, asked=1)
        await tracking_fails_at_once(transport, refusal(status), error=BadRequestError, status=status)

    async def test_row_32_eight_refusals_with_one_code_end_the_run(self, transport: TransportName) -> None:
        log = Log()
        async with ScriptedServer(refusal(400)) as server, opened(server.url, transport, log) as client:
            results = await client.send_many(messages(20), chunk_size=1, concurrency=1)
            assert [result.outcome for result in results] == [REJECTED] * 8 + [NOT_SENT] * 12
            assert len(server.requests) == 8
            assert log.outcomes() == {result.message.id: result.outcome for result in results}


class TestCredentials:
    """Row 33: 401 and 403."""

    STATUS = pytest.mark.parametrize(
        ("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)]
    )

    @STATUS
    async def test_row_33_refused_credentials_stop_a_run_and_nothing_is_repeated(
        self, status: int, error: type[ApiError], transport: TransportName
    ) -> None:
        await send_is_refused(transport, status, error)

    @STATUS
    async def test_row_33_a_chunk_with_refused_credentials_is_not_split(
        self, status: int, error: type[ApiError], transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(refusal(status)) as server, opened(server.url, transport, log) as client:
            results = await client.send_many(messages(6), chunk_size=3, concurrency=1)
            assert [result.outcome for result in results] == [REJECTED] * 3 + [NOT_SENT] * 3
            assert len(server.requests) == 1
            assert log.outcomes() == {result.message.id: result.outcome for result in results}

    @STATUS
    async def test_row_33_refused_credentials_fail_status_and_tracking_at_once(
        self, status: int, error: type[ApiError], transport: TransportName
    ) -> None:
        await status_fails(transport, refusal(status), error=error, status=status, asked=1)
        await tracking_fails_at_once(transport, refusal(status), error=error, status=status)


class TestFunds:
    """Row 34: 402."""

    async def test_row_34_no_funds_reject_a_send_and_stop_a_run(self, transport: TransportName) -> None:
        await send_is_refused(transport, 402, ApiError)

    async def test_row_34_no_funds_fail_a_status_request_and_tracking_goes_on(
        self, transport: TransportName
    ) -> None:
        await status_fails(transport, refusal(402), error=ApiError, status=402, asked=1)
        await tracking_goes_on(transport, refusal(402), error=ApiError)


class TestNotFound:
    """Row 35: 404."""

    async def test_row_35_an_unknown_id_fails_a_status_request_at_once(
        self, transport: TransportName
    ) -> None:
        await status_fails(transport, refusal(404), error=NotFoundError, status=404, asked=1)

    async def test_row_35_tracking_goes_on_until_the_id_is_known(self, transport: TransportName) -> None:
        await tracking_goes_on(transport, refusal(404), error=NotFoundError)

    @pytest.mark.looptime
    async def test_row_35_an_id_that_stays_unknown_is_not_found_at_the_deadline(
        self, transport: TransportName
    ) -> None:
        async with (
            ScriptedServer(refusal(404)) as server,
            opened(server.url, transport, polling=PollPolicy(jitter=0.0)) as client,
        ):
            delivery = await client.track("a1", timeout=60.0)
            assert (delivery.outcome, delivery.status) == (Outcome.NOT_FOUND, None)
            assert delivery.elapsed == pytest.approx(60.0, abs=0.001)
            assert delivery.polls == len(server.requests) == 5
            check_error(delivery.last_error, NotFoundError, status=404)

    async def test_row_35_an_unknown_path_rejects_a_send_and_stops_a_run(
        self, transport: TransportName
    ) -> None:
        await send_is_refused(transport, 404, NotFoundError)


class TestNotARefusal:
    """Rows 36 and 37: 4xx after which a message may have been taken all the same."""

    @pytest.mark.parametrize("status", [408, 409, 425])
    async def test_row_36_37_timeouts_conflicts_and_replays_leave_a_send_unknown(
        self, status: int, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, refusal(status), error=ApiError, status=status)
        await chunk_ends_unknown(transport, refusal(status), error=ApiError)

    async def test_row_36_a_status_request_is_repeated_after_408(self, transport: TransportName) -> None:
        await status_fails(transport, refusal(408), error=ApiError, status=408, asked=3)
        await status_comes_after(transport, refusal(408))
        await tracking_goes_on(transport, refusal(408), error=ApiError)

    async def test_row_37_a_duplicate_id_is_not_called_rejected(self, transport: TransportName) -> None:
        """The vendor may have it from an attempt whose answer was lost."""
        log = Log()
        async with (
            ScriptedServer(refusal(409, "duplicate_id", "id")) as server,
            opened(server.url, transport, log) as client,
        ):
            met = await failure(client.send(message()))
            assert isinstance(met, OutcomeUnknownError)
            assert isinstance(met.error, ApiError)
            assert met.error.code == "duplicate_id"
            assert log.outcomes() == {"m1": UNKNOWN}
            assert len(server.requests) == 1


class TestTooMuch:
    """Row 38: 413."""

    async def test_row_38_a_chunk_that_is_too_large_is_halved_until_it_fits(
        self, transport: TransportName
    ) -> None:
        def script(request: Recorded) -> Step:
            return refusal(413) if len(sent_ids(request)) > 2 else good(request)

        log = Log()
        async with ScriptedServer(script) as server, opened(server.url, transport, log) as client:
            results = await client.send_many(messages(8), chunk_size=8)
            assert [result.outcome for result in results] == [ACCEPTED] * 8
            assert [len(sent_ids(request)) for request in server.requests] == [8, 4, 2, 2, 4, 2, 2]
            assert log.outcomes() == {f"m{number}": ACCEPTED for number in range(1, 9)}

    async def test_row_38_a_single_message_that_is_too_large_is_rejected(
        self, transport: TransportName
    ) -> None:
        await send_is_refused(transport, 413, ApiError, splits=True)

    async def test_row_38_413_during_the_upload_is_a_refusal_all_the_same(
        self, transport: TransportName
    ) -> None:
        log = Log()
        async with (
            ScriptedServer(early(refusal(413))) as server,
            opened(server.url, transport, log) as client,
        ):
            check_error(await failure(client.send(message())), ApiError, status=413)
            assert log.outcomes() == {"m1": REJECTED}
            assert len(server.requests) == 1

    async def test_row_38_413_fails_a_status_request_at_once_and_tracking_goes_on(
        self, transport: TransportName
    ) -> None:
        await status_fails(transport, refusal(413), error=ApiError, status=413, asked=1)
        await tracking_goes_on(transport, refusal(413), error=ApiError)


class TestRedirects:
    """Row 42: 3xx, whose target must never see a request."""

    STATUS = pytest.mark.parametrize("status", [301, 303, 304, 307, 308])

    @STATUS
    async def test_row_42_a_redirected_send_is_unknown_and_its_target_sees_nothing(
        self, status: int, transport: TransportName
    ) -> None:
        log = Log()
        async with ScriptedServer(good) as target:
            moved = answer(status, headers={"Location": f"{target.url}/elsewhere"})
            async with ScriptedServer(moved) as server, opened(server.url, transport, log) as client:
                met = await failure(client.send(message()))
                assert isinstance(met, OutcomeUnknownError)
                check_error(met.error, ResponseError, "redirect", status)
                assert log.outcomes() == {"m1": UNKNOWN}
                assert len(server.requests) == 1
            assert target.connections == 0

    @STATUS
    async def test_row_42_a_redirected_status_request_fails_at_once_and_ends_tracking(
        self, status: int, transport: TransportName
    ) -> None:
        async with ScriptedServer(good) as target:
            moved = answer(status, headers={"Location": f"{target.url}/elsewhere"})
            await status_fails(transport, moved, error=ResponseError, kind="redirect", status=status, asked=1)
            await tracking_fails_at_once(
                transport, moved, error=ResponseError, kind="redirect", status=status
            )
            assert target.connections == 0

    async def test_row_42_a_redirect_to_the_same_place_is_not_followed_either(
        self, transport: TransportName
    ) -> None:
        moved = answer(307, headers={"Location": "/elsewhere"})
        await chunk_ends_unknown(transport, moved, error=ResponseError, kind="redirect")
