"""Native sends keep the promises of cascades: what is told, split, stopped, and never sent twice."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    CascadeMessage,
    ClientClosedError,
    ConfigurationError,
    InvalidMessageError,
    MessageType,
    NativeChunkSent,
    NativeReceipt,
    NativeResult,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    RequestFinished,
    ResponseError,
    RetryPolicy,
    SendOutcome,
    ServerError,
    TransportError,
)
from tests.native.samples import many, sms
from tests.support import Recorded, ScriptedServer, Step, answer, close, hold, json_answer, then
from tests.support.cascade import KEY, Log, client_of

ACCEPTED, REJECTED, NOT_SENT, UNKNOWN = SendOutcome
AT_ONCE = RetryPolicy(attempts=3, initial=0.0, maximum=0.0)


def ids_in(request: Recorded) -> list[str]:
    return [each["customerMessageId"] for each in request.json()["messages"]]


def row(tracking_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "messageId": f"v-{tracking_id}",
        "status": "accepted",
        "customerMessageId": tracking_id,
        **changes,
    }


def take(request: Recorded) -> Step:
    return json_answer({"messagelistId": 7, "messages": [row(each) for each in ids_in(request)]})


def refusal(status: int = 400, code: str = "INVALID_RECIPIENT") -> Step:
    return json_answer({"error": {"code": code, "message": "No"}}, status)


def told(log: Log) -> list[tuple[str, SendOutcome]]:
    chunks = log.of(NativeChunkSent)
    return [(result.message.id, result.outcome) for chunk in chunks for result in chunk.results]


def outcomes(results: list[NativeResult]) -> list[SendOutcome]:
    return [result.outcome for result in results]


async def test_one_message_goes_to_the_documented_path_and_gives_the_whole_receipt() -> None:
    log = Log()
    async with ScriptedServer(take) as server, client_of(server, hooks=[log]) as client:
        receipt = await client.send_native(sms(1))
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/bat/messagelist")
    assert request.header("X-Authorization-Key") == KEY
    assert receipt == NativeReceipt(
        message_id="v-n-1", tracking_id="n-1", status="accepted", messagelist_id=7
    )
    assert told(log) == [("n-1", ACCEPTED)]
    (finished,) = log.of(RequestFinished)
    assert (finished.kind, finished.template) == ("send", "/bat/messagelist")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (refusal(400), BadRequestError),
        (refusal(401), AuthenticationError),
        (refusal(403), PermissionDeniedError),
        (refusal(415), ApiError),
        (json_answer({"messages": [row("n-1", status="rejected")]}), BadRequestError),
        (json_answer({"messages": [row("n-1", status="failed", messageId=None)]}), BadRequestError),
    ],
    ids=["400", "401", "403", "415", "rejected", "failed"],
)
async def test_a_refused_message_raises_and_is_not_repeated(step: Step, expected: type[ApiError]) -> None:
    log = Log()
    async with ScriptedServer(step) as server, client_of(server, hooks=[log], retry=AT_ONCE) as client:
        with pytest.raises(ApiError) as caught:
            await client.send_native(sms(1))
    assert type(caught.value) is expected
    assert len(server.requests) == 1
    assert told(log) == [("n-1", REJECTED)]


@pytest.mark.parametrize(
    ("step", "cause"),
    [
        (answer(500), ServerError),
        (answer(409), ApiError),
        (close(), TransportError),
        (answer(200, b"<html>"), ResponseError),
        (answer(200, b""), ResponseError),
        (json_answer({"messages": []}), ResponseError),
        (json_answer({"messages": [row("n-2")]}), ResponseError),
        (answer(302, headers={"Location": "/"}), ResponseError),
    ],
    ids=["500", "409", "closed", "a page", "nothing", "no row", "another row", "a redirect"],
)
async def test_a_message_of_unknown_fate_says_so_and_is_not_repeated(
    step: Step, cause: type[Exception]
) -> None:
    log = Log()
    async with ScriptedServer(step) as server, client_of(server, hooks=[log], retry=AT_ONCE) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.send_native(sms(1))
    assert caught.value.tracking_ids == ("n-1",)
    assert isinstance(caught.value.error, cause)
    assert len(server.requests) == 1
    assert told(log) == [("n-1", UNKNOWN)]


async def test_a_message_of_unknown_fate_is_repeated_at_the_users_word() -> None:
    retry = RetryPolicy(attempts=2, initial=0.0, resend_unknown=True)
    script = [close(), json_answer({"messages": [row("n-1")]})]
    async with ScriptedServer(script) as server, client_of(server, retry=retry) as client:
        assert (await client.send_native(sms(1))).message_id == "v-n-1"
    assert len(server.requests) == 2


async def test_too_many_requests_are_waited_out_and_at_last_not_sent() -> None:
    busy = answer(429, headers={"Retry-After": "0"})
    log = Log()
    async with ScriptedServer(busy) as server, client_of(server, hooks=[log], retry=AT_ONCE) as client:
        with pytest.raises(RateLimitError):
            await client.send_native(sms(1))
        results = await client.send_native_many(many(2))
    assert [result.outcome for result in results] == [NOT_SENT] * 2
    assert len(server.requests) == 6
    assert told(log) == [("n-1", NOT_SENT), ("n-0", NOT_SENT), ("n-1", NOT_SENT)]


async def test_a_refused_chunk_is_halved_until_the_bad_message_stands_alone() -> None:
    def script(request: Recorded) -> Step:
        return refusal(422) if "n-5" in ids_in(request) else take(request)

    log = Log()
    async with ScriptedServer(script) as server, client_of(server, hooks=[log]) as client:
        results = await client.send_native_many(many(8), chunk_size=8)
        whole = await client.send_native_many(many(8), chunk_size=8, split_refused=False)
    assert outcomes(results) == [ACCEPTED] * 5 + [REJECTED] + [ACCEPTED] * 2
    assert outcomes(whole) == [REJECTED] * 8
    assert [len(ids_in(request)) for request in server.requests] == [8, 4, 4, 2, 1, 1, 2, 8]
    assert Counter(told(log)) == Counter((result.message.id, result.outcome) for result in [*results, *whole])


async def test_messages_refused_by_their_rows_neither_split_nor_stop_the_run() -> None:
    def script(request: Recorded) -> Step:
        return json_answer({"messages": [row(each, status="rejected") for each in ids_in(request)]})

    async with ScriptedServer(script) as server, client_of(server) as client:
        results = await client.send_native_many(many(24), chunk_size=2, concurrency=1)
    assert outcomes(results) == [REJECTED] * 24
    assert len(server.requests) == 12


@pytest.mark.parametrize("status", [401, 403])
async def test_wrong_credentials_stop_the_run(status: int) -> None:
    log = Log()
    async with ScriptedServer(refusal(status)) as server, client_of(server, hooks=[log]) as client:
        results = await client.send_native_many(many(6), chunk_size=2, concurrency=1)
    assert outcomes(results) == [REJECTED] * 2 + [NOT_SENT] * 4
    assert len(server.requests) == 1
    assert sorted(told(log)) == sorted((result.message.id, result.outcome) for result in results)


async def test_eight_single_refusals_of_one_code_stop_the_run() -> None:
    async with ScriptedServer(refusal(400, "INVALID_SENDER")) as server, client_of(server) as client:
        results = await client.send_native_many(many(20), chunk_size=1, concurrency=1)
    assert Counter(outcomes(results)) == {REJECTED: 8, NOT_SENT: 12}
    assert len(server.requests) == 8


async def test_a_lost_answer_costs_its_chunk_only_and_foreign_ids_are_told() -> None:
    def script(request: Recorded) -> Step:
        ids = ids_in(request)
        if "n-0" in ids:
            return close()
        return json_answer({"messages": [row("n-99"), *(row(each) for each in reversed(ids))]})

    log = Log()
    async with ScriptedServer(script) as server, client_of(server, hooks=[log]) as client:
        results = await client.send_native_many(many(6), chunk_size=2, concurrency=1)
    assert outcomes(results) == [UNKNOWN] * 2 + [ACCEPTED] * 4
    assert [result.message_id for result in results[2:]] == [f"v-n-{number}" for number in range(2, 6)]
    assert [chunk.foreign_ids for chunk in log.of(NativeChunkSent)] == [(), ("n-99",), ("n-99",)]
    assert len(server.requests) == 3


async def test_a_cancelled_run_tells_the_hooks_of_every_message() -> None:
    gate, log = asyncio.Event(), Log()
    script = then(hold(gate), answer(200, b"{}"))
    async with ScriptedServer(script) as server, client_of(server, hooks=[log]) as client:
        run = asyncio.create_task(client.send_native_many(many(6), chunk_size=2, concurrency=1))
        await server.seen_request()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await client.aclose(grace=0.0)
        gate.set()
    assert dict(told(log)) == {
        **{f"n-{number}": UNKNOWN for number in (0, 1)},
        **{f"n-{number}": NOT_SENT for number in (2, 3, 4, 5)},
    }
    assert len(told(log)) == 6


async def test_a_cancelled_send_is_told_to_be_unknown() -> None:
    gate, log = asyncio.Event(), Log()
    async with ScriptedServer(then(hold(gate), close())) as server, client_of(server, hooks=[log]) as client:
        task = asyncio.create_task(client.send_native(sms(1)))
        await server.seen_request()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
    assert told(log) == [("n-1", UNKNOWN)]


async def test_nothing_is_sent_of_what_is_no_native_message() -> None:
    cascade = CascadeMessage(
        id="c-1",
        from_name="Shop",
        to_phone="+380501234567",
        message_type=MessageType.TRANSACTION,
        text="Ready",
    )
    async with ScriptedServer(take) as server, client_of(server) as client:
        with pytest.raises(InvalidMessageError, match="message: must be NativeMessage, not CascadeMessage"):
            await client.send_native(cascade)  # type: ignore[arg-type]
        with pytest.raises(InvalidMessageError, match="must be NativeMessage, not str"):
            await client.send_native_many([sms(1), "x"])  # type: ignore[list-item]
        with pytest.raises(InvalidMessageError, match="'n-1' is the id of another message"):
            await client.send_native_many([sms(1), sms(1)])
        with pytest.raises(InvalidMessageError, match="must be CascadeMessage, not SmsMessage"):
            await client.send(sms(1))  # type: ignore[arg-type]
    assert server.requests == []


@pytest.mark.parametrize("size", [0, 5_001, 1.5])
async def test_a_chunk_has_one_to_five_thousand_messages(size: Any) -> None:
    async with ScriptedServer(take) as server, client_of(server) as client:
        with pytest.raises(ConfigurationError, match="chunk_size must be a whole number from 1 to 5000"):
            await client.send_native_many(many(1), chunk_size=size)
        with pytest.raises(ConfigurationError, match="chunk_size"):
            client.send_native_stream(many(1), chunk_size=size)
    assert server.requests == []


async def test_a_cascade_token_alone_is_no_credential() -> None:
    async with (
        ScriptedServer(take) as server,
        client_of(server, api_key=None, viber_token="token") as client,
    ):
        with pytest.raises(ConfigurationError, match="native sends need api_key"):
            await client.send_native(sms(1))
        with pytest.raises(ConfigurationError, match="native sends need api_key"):
            await client.send_native_many([sms(1)])
    assert server.requests == []


async def test_a_closed_client_sends_nothing() -> None:
    async with ScriptedServer(take) as server:
        async with client_of(server) as client:
            pass
        with pytest.raises(ClientClosedError):
            await client.send_native(sms(1))
        with pytest.raises(ClientClosedError):
            await client.send_native_many([sms(1)])
    assert server.requests == []


async def test_a_stream_rejects_a_repeated_id_and_goes_on() -> None:
    results: list[NativeResult] = []
    messages = [sms(1), sms(2), sms(1), sms(3)]
    async with ScriptedServer(take) as server, client_of(server) as client:
        async for result in client.send_native_stream(messages, chunk_size=2, concurrency=1):
            results.append(result)
    assert [(result.message.id, result.outcome) for result in results] == [
        ("n-1", ACCEPTED),
        ("n-2", ACCEPTED),
        ("n-1", REJECTED),
        ("n-3", ACCEPTED),
    ]
    assert isinstance(results[2].error, InvalidMessageError)


async def test_a_connection_that_cannot_be_made_sends_nothing() -> None:
    async with ScriptedServer(take) as server:
        pass
    async with client_of(server, retry=RetryPolicy(attempts=1)) as client:
        with pytest.raises(NotSentError):
            await client.send_native(sms(1))
        assert outcomes(await client.send_native_many(many(2))) == [NOT_SENT] * 2


async def test_an_id_of_a_native_send_is_good_for_its_status() -> None:
    def script(request: Recorded) -> Step:
        if request.method == "POST":
            return take(request)
        return json_answer({"messageId": request.path.rpartition("/")[2], "deliverystatus": "delivered"})

    async with ScriptedServer(script) as server, client_of(server) as client:
        receipt = await client.send_native(sms(1))
        status = await client.status(receipt.message_id)
    assert status.message_id == "v-n-1"
    assert status.is_terminal
    assert [request.target for request in server.requests] == ["/bat/messagelist", "/bat/message/v-n-1"]


async def test_texts_and_numbers_are_in_no_error_and_no_event() -> None:
    secret, log = sms(1, text="code 4711"), Log()
    async with ScriptedServer(answer(500, b"oops")) as server, client_of(server, hooks=[log]) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.send_native(secret)
        (result,) = await client.send_native_many([secret])
    shown = f"{caught.value!r} {caught.value} {result!r} {secret!r} {log.events!r}"
    assert "4711" not in shown
    assert secret.to_phone not in shown
    assert len(log.of(NativeChunkSent)) == 2
