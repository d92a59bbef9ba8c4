"""What a ZNS client does beyond statuses: sends that are never repeated, a quota, templates page by page."""

import asyncio
from typing import Any

import pytest

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    InvalidMessageError,
    Limits,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaError,
    Rate,
    RateLimitError,
    RecipientError,
    RequestFinished,
    ResponseError,
    RetryPolicy,
    SendOutcome,
    ServerError,
    TransportError,
    ZnsMessage,
    ZnsQuota,
    ZnsReceipt,
    ZnsSent,
    ZnsTemplateStatus,
)
from tests.support import Recorded, ScriptedServer, Step, answer, close, hold, json_answer, then
from tests.support.cascade import KEY, Log, zns_of

ACCEPTED, REJECTED, NOT_SENT, UNKNOWN = SendOutcome
AT_ONCE = RetryPolicy(attempts=3, initial=0.0, maximum=0.0)
MESSAGE = ZnsMessage(
    tracking_id="z-1", phone="+84987654321", template_id="200001", template_data={"code": "A-17"}
)
TAKEN = json_answer({"error": 0, "message": "Success", "data": {"msg_id": "m-1"}})


def envelope(code: int) -> Step:
    return json_answer({"error": code, "message": "no"})


def told(log: Log) -> list[tuple[str, SendOutcome, str | None]]:
    sent = [event.result for event in log.of(ZnsSent)]
    return [(result.message.tracking_id, result.outcome, result.message_id) for result in sent]


def templates(first: int, count: int) -> Step:
    return json_answer({"error": 0, "data": [{"templateId": first - place} for place in range(count)]})


class TestSending:
    async def test_a_notification_goes_to_the_documented_path_and_gives_its_receipt(self) -> None:
        log = Log()
        async with ScriptedServer(TAKEN) as server, zns_of(server, hooks=[log]) as zns:
            receipt = await zns.send(MESSAGE)
        (request,) = server.requests
        assert (request.method, request.target) == ("POST", "/api/message/send")
        assert request.header("access_token") == KEY
        assert request.json()["phone"] == "84987654321"
        assert receipt == ZnsReceipt(message_id="m-1", tracking_id="z-1")
        assert told(log) == [("z-1", ACCEPTED, "m-1")]
        (finished,) = log.of(RequestFinished)
        assert (finished.kind, finished.template) == ("send", "/api/message/send")

    @pytest.mark.parametrize(
        ("step", "expected"),
        [
            (envelope(-118), RecipientError),
            (envelope(-114), RecipientError),
            (envelope(-144), QuotaError),
            (envelope(-108), BadRequestError),
            (envelope(-133), BadRequestError),
            (envelope(-124), AuthenticationError),
            (envelope(-135), PermissionDeniedError),
            (answer(400), BadRequestError),
            (answer(401), AuthenticationError),
        ],
        ids=["-118", "-114", "-144", "-108", "-133", "-124", "-135", "400", "401"],
    )
    async def test_a_refused_one_raises_and_is_not_repeated(
        self, step: Step, expected: type[ApiError]
    ) -> None:
        log = Log()
        async with ScriptedServer(step) as server, zns_of(server, hooks=[log], retry=AT_ONCE) as zns:
            with pytest.raises(ApiError) as caught:
                await zns.send(MESSAGE)
        assert type(caught.value) is expected
        assert len(server.requests) == 1
        assert told(log) == [("z-1", REJECTED, None)]

    @pytest.mark.parametrize(
        ("step", "cause"),
        [
            (envelope(-100), ServerError),
            (envelope(-9999), ApiError),
            (answer(500), ServerError),
            (close(), TransportError),
            (answer(200, b"<html>"), ResponseError),
            (json_answer({"error": 0, "data": {}}), ResponseError),
        ],
        ids=["-100", "a code nobody knows", "500", "closed", "a page", "no id"],
    )
    async def test_one_of_unknown_fate_says_so_and_is_not_repeated(
        self, step: Step, cause: type[Exception]
    ) -> None:
        log = Log()
        async with ScriptedServer(step) as server, zns_of(server, hooks=[log], retry=AT_ONCE) as zns:
            with pytest.raises(OutcomeUnknownError) as caught:
                await zns.send(MESSAGE)
        assert caught.value.tracking_ids == ("z-1",)
        assert isinstance(caught.value.error, cause)
        assert len(server.requests) == 1
        assert told(log) == [("z-1", UNKNOWN, None)]

    async def test_too_many_requests_are_waited_out(self) -> None:
        script = [answer(429, headers={"Retry-After": "0"}), TAKEN]
        async with ScriptedServer(script) as server, zns_of(server, retry=AT_ONCE) as zns:
            assert (await zns.send(MESSAGE)).message_id == "m-1"
        assert len(server.requests) == 2

    async def test_too_many_requests_for_good_are_not_sent(self) -> None:
        log = Log()
        busy = answer(429, headers={"Retry-After": "0"})
        async with ScriptedServer(busy) as server, zns_of(server, hooks=[log], retry=AT_ONCE) as zns:
            with pytest.raises(RateLimitError):
                await zns.send(MESSAGE)
        assert told(log) == [("z-1", NOT_SENT, None)]

    async def test_a_cancelled_one_is_told_to_be_unknown(self) -> None:
        gate, log = asyncio.Event(), Log()
        async with ScriptedServer(then(hold(gate), close())) as server, zns_of(server, hooks=[log]) as zns:
            task = asyncio.create_task(zns.send(MESSAGE))
            await server.seen_request()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.set()
        assert told(log) == [("z-1", UNKNOWN, None)]

    async def test_neither_data_nor_the_number_are_in_errors_and_events(self) -> None:
        log = Log()
        async with ScriptedServer(answer(500)) as server, zns_of(server, hooks=[log]) as zns:
            with pytest.raises(OutcomeUnknownError) as caught:
                await zns.send(MESSAGE)
        shown = f"{caught.value!r} {caught.value} {log.events!r}"
        assert "A-17" not in shown
        assert "84987654321" not in shown
        assert len(log.of(ZnsSent)) == 1

    async def test_what_is_no_notification_is_not_sent(self) -> None:
        async with ScriptedServer(TAKEN) as server:
            async with zns_of(server) as zns:
                with pytest.raises(InvalidMessageError, match="message: must be ZnsMessage, not dict"):
                    await zns.send({"phone": "84987654321"})  # type: ignore[arg-type]
            with pytest.raises(ClientClosedError):
                await zns.send(MESSAGE)
        assert server.requests == []


class TestQuota:
    async def test_is_asked_for_again_after_a_failure(self) -> None:
        quota = json_answer({"error": 0, "data": {"dailyQuota": "500", "remainingQuota": 499}})
        script = [answer(500), envelope(-100), quota]
        async with ScriptedServer(script) as server, zns_of(server, retry=AT_ONCE) as zns:
            assert await zns.quota() == ZnsQuota(500, 499)
        assert [request.target for request in server.requests] == ["/api/message/quota"] * 3

    async def test_of_a_wrong_key_is_an_error_at_once(self) -> None:
        async with ScriptedServer(envelope(-124)) as server, zns_of(server, retry=AT_ONCE) as zns:
            with pytest.raises(AuthenticationError):
                await zns.quota()
            assert len(server.requests) == 1
        with pytest.raises(ClientClosedError):
            await zns.quota()

    @pytest.mark.looptime
    async def test_shares_the_rate_of_statuses(self) -> None:
        quota = json_answer({"error": 0, "data": {"dailyQuota": 1, "remainingQuota": 1}})
        limits = Limits(status=Rate(1, 1), send=None)
        loop = asyncio.get_running_loop()
        async with ScriptedServer(quota) as server, zns_of(server, limits=limits) as zns:
            began = loop.time()
            for _ in range(3):
                await zns.quota()
            assert loop.time() - began >= 2.0
        assert len(server.requests) == 3


class TestTemplates:
    async def test_are_asked_for_until_a_page_is_not_full(self) -> None:
        def script(request: Recorded) -> Step:
            return [templates(9, 2), templates(7, 2), templates(5, 1)][request.index]

        log = Log()
        async with ScriptedServer(script) as server, zns_of(server, hooks=[log]) as zns:
            found = await zns.templates(page_size=2)
        assert [template.template_id for template in found] == ["9", "8", "7", "6", "5"]
        assert [request.target for request in server.requests] == [
            f"/api/template/all?offset={offset}&limit=2" for offset in (0, 2, 4)
        ]
        assert {event.template for event in log.of(RequestFinished)} == {"/api/template/all"}
        assert {event.kind for event in log.of(RequestFinished)} == {"status"}

    async def test_that_move_between_pages_come_once(self) -> None:
        script = [templates(9, 2), templates(8, 2), templates(6, 0)]
        async with ScriptedServer(script) as server, zns_of(server) as zns:
            found = await zns.templates(page_size=2)
        assert [template.template_id for template in found] == ["9", "8", "7"]

    async def test_of_a_vendor_that_gives_the_same_page_for_ever_come_to_an_end(self) -> None:
        async with ScriptedServer(templates(9, 2)) as server, zns_of(server) as zns:
            found = await zns.templates(page_size=2)
        assert [template.template_id for template in found] == ["9", "8"]
        assert len(server.requests) == 2

    async def test_may_be_none(self) -> None:
        async with ScriptedServer(templates(9, 0)) as server, zns_of(server) as zns:
            assert await zns.templates() == []
        assert len(server.requests) == 1

    async def test_of_one_status_are_asked_for_by_its_number_on_every_page(self) -> None:
        script = [templates(9, 1), templates(8, 0)]
        async with ScriptedServer(script) as server, zns_of(server) as zns:
            await zns.templates(status=ZnsTemplateStatus.REJECT, page_size=1)
            await zns.templates(status="REJECT")  # type: ignore[arg-type]
        assert [request.target for request in server.requests] == [
            "/api/template/all?offset=0&limit=1&status=3",
            "/api/template/all?offset=1&limit=1&status=3",
            "/api/template/all?offset=0&limit=100&status=3",
        ]

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"status": 3}, "status must be one of ENABLE, PENDING_REVIEW, REJECT, DISABLE, DELETE"),
            ({"status": "enable"}, "status must be one of"),
            ({"page_size": 0}, "page_size must be a whole number from 1 to 100"),
            ({"page_size": 101}, "page_size must be a whole number from 1 to 100"),
        ],
    )
    async def test_of_wrong_arguments_are_not_asked_for(self, arguments: dict[str, Any], text: str) -> None:
        async with ScriptedServer(templates(9, 0)) as server, zns_of(server) as zns:
            with pytest.raises(ConfigurationError, match=text):
                await zns.templates(**arguments)
        assert server.requests == []
