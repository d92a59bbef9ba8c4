"""Sending many messages: the bytes on the wire, one message, and how many are cut into chunks."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    CallFinished,
    CallStarted,
    CascadeMessage,
    ChunkSent,
    ConfigurationError,
    InvalidMessageError,
    MessageType,
    OutcomeUnknownError,
    PermissionDeniedError,
    Receipt,
    ResponseError,
    Route,
    SendOutcome,
    ServerError,
    TransportError,
)
from tests.support import (
    ScriptedServer,
    Step,
    answer,
    close,
    hold,
    json_answer,
    then,
)
from tests.support.cascade import (
    KEY,
    Log,
    Vendor,
    accept,
    client_of,
    ids_in,
    message,
    messages,
    outcomes,
    row,
    vendor_client,
)

STANDARD = "/api/CascadeMessage/send_message/async"
TG_VIBER = "/api/CascadeMessage/send_message/tg-viber/async"

ACCEPTED, REJECTED, NOT_SENT, UNKNOWN = SendOutcome


def refusal(status: int, code: str = "INVALID_PHONE") -> dict[str, Any]:
    return {"error": {"code": code, "message": "No", "field": "toPhone"}}


def as_list(made: list[CascadeMessage]) -> list[CascadeMessage]:
    return made


def as_generator(made: list[CascadeMessage]) -> Iterator[CascadeMessage]:
    yield from made


async def as_async_generator(made: list[CascadeMessage]) -> AsyncIterator[CascadeMessage]:
    for each in made:
        await asyncio.sleep(0)
        yield each


FORMS: list[Callable[[list[CascadeMessage]], Any]] = [as_list, as_generator, as_async_generator, iter, tuple]


# The bytes on the wire


async def test_a_send_is_a_bare_array_without_nulls_at_the_documented_path() -> None:
    async with ScriptedServer(accept) as server, client_of(server) as client:
        receipt = await client.send(message(1))
    (request,) = server.requests
    assert receipt == Receipt("v-m-1", "m-1")
    assert (request.method, request.target) == ("POST", STANDARD)
    assert request.body == (
        b'[{"id":"m-1","fromName":"Shop","toPhone":"+380500000001","messageType":"transaction","text":"Ready"}]'
    )


async def test_the_headers_are_exactly_those_that_are_needed() -> None:
    tokens = {"viber_token": "viber-token", "telegram_key": "telegram-key"}
    async with ScriptedServer(accept) as server, client_of(server, **tokens) as client:
        await client.send(message(1))
    (request,) = server.requests
    assert dict(request.headers) == {
        "Host": f"127.0.0.1:{server.port}",
        "User-Agent": "smsbat-async",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "Content-Length": str(len(request.body)),
        "X-Authorization-Key": KEY,
        "X-Viber-Auth-Token": "viber-token",
        "X-Tg-Bot-Key": "telegram-key",
    }
    assert len(request.headers) == 9


async def test_every_field_goes_out_under_its_documented_key() -> None:
    moment = dt.datetime.now(dt.timezone(dt.timedelta(hours=2))).replace(microsecond=0) + dt.timedelta(days=1)
    survey = message(
        1,
        message_type=MessageType.VIBER_SURVEY,
        text="Чи зручно?",
        ttl=60,
        scheduled_sent=moment,
        survey_options=["Так", "Ні"],
    )
    async with ScriptedServer(accept) as server, client_of(server) as client:
        await client.send(survey, route=Route.TG_VIBER)
    (request,) = server.requests
    in_utc = moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert request.target == TG_VIBER
    assert request.body.decode() == (
        '[{"id":"m-1","fromName":"Shop","toPhone":"+380500000001","messageType":"viber_survey",'
        f'"text":"Чи зручно?","ttl":60,"scheduledSent":"{in_utc}","surveyOptions":["Так","Ні"]}}]'
    )


@pytest.mark.parametrize(("route", "path"), [(Route.STANDARD, STANDARD), (Route.TG_VIBER, TG_VIBER)])
async def test_many_go_to_the_path_of_their_route(route: Route, path: str) -> None:
    log = Log()
    async with ScriptedServer(accept) as server, client_of(server, hooks=[log]) as client:
        await client.send_many(messages(3), route=route, chunk_size=2)
        async for _ in client.send_stream(messages(1), route=route):
            pass
    assert [request.target for request in server.requests] == [path] * 3
    assert [chunk.route for chunk in log.of(ChunkSent)] == [route] * 3


async def test_a_route_may_be_its_plain_word() -> None:
    async with ScriptedServer(accept) as server, client_of(server) as client:
        await client.send(message(1), route="tg-viber")  # type: ignore[arg-type]
        with pytest.raises(InvalidMessageError, match='route: must be "standard" or "tg-viber"'):
            await client.send(message(2), route="viber")  # type: ignore[arg-type]
        with pytest.raises(InvalidMessageError, match="route"):
            await client.send_many([message(2)], route="viber")  # type: ignore[arg-type]
        with pytest.raises(InvalidMessageError, match="route"):
            client.send_stream([message(2)], route=None)  # type: ignore[arg-type]
    assert [request.target for request in server.requests] == [TG_VIBER]


# One message


@pytest.mark.parametrize(
    ("step", "expected", "attribute"),
    [
        (json_answer(refusal(400), 400), BadRequestError, ("code", "INVALID_PHONE")),
        (json_answer(refusal(422, "X"), 422), BadRequestError, ("field", "toPhone")),
        (answer(401), AuthenticationError, ("status_code", 401)),
        (answer(402), ApiError, ("status_code", 402)),
        (answer(403), PermissionDeniedError, ("status_code", 403)),
    ],
)
async def test_a_refused_message_raises_what_the_vendor_said(
    step: Step, expected: type[ApiError], attribute: tuple[str, object]
) -> None:
    log = Log()
    async with ScriptedServer(step) as server, client_of(server, hooks=[log]) as client:
        with pytest.raises(ApiError) as caught:
            await client.send(message(1))
    assert type(caught.value) is expected
    assert getattr(caught.value, attribute[0]) == attribute[1]
    assert len(server.requests) == 1
    assert log.told == [("m-1", REJECTED)]


@pytest.mark.parametrize(
    ("step", "cause"),
    [
        (answer(500), ServerError),
        (answer(409), ApiError),
        (close(), TransportError),
        (answer(200, b"<html>"), ResponseError),
        (json_answer([row("m-2")]), ResponseError),
        (json_answer([{"trackinId": "m-1"}]), ResponseError),
        (answer(302, headers={"Location": "/"}), ResponseError),
    ],
)
async def test_a_send_of_unknown_fate_says_so_and_is_not_repeated(step: Step, cause: type[Exception]) -> None:
    log = Log()
    async with ScriptedServer(step) as server, client_of(server, hooks=[log]) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.send(message(1))
    assert caught.value.tracking_ids == ("m-1",)
    assert isinstance(caught.value.error, cause)
    assert len(server.requests) == 1
    assert log.told == [("m-1", UNKNOWN)]


async def test_something_that_is_no_message_is_refused_before_the_network() -> None:
    async with ScriptedServer(accept) as server, client_of(server) as client:
        with pytest.raises(InvalidMessageError, match=r"^message: must be CascadeMessage, not dict"):
            await client.send({"id": "m-1"})  # type: ignore[arg-type]
    assert server.connections == 0


# Chunks


@settings(max_examples=60)
@given(
    count=st.integers(0, 40),
    size=st.integers(1, 12),
    concurrency=st.integers(1, 5),
    form=st.sampled_from(FORMS),
)
async def test_chunks_hold_every_message_once_and_results_keep_its_place(
    count: int, size: int, concurrency: int, form: Callable[[list[CascadeMessage]], Any]
) -> None:
    vendor, log = Vendor(), Log()
    made = messages(count)
    async with vendor_client(vendor, hooks=[log]) as client:
        results = await client.send_many(form(made), chunk_size=size, concurrency=concurrency)
    assert [result.message for result in results] == made
    assert [result.message_id for result in results] == [f"v-m-{number}" for number in range(count)]
    assert [result.error for result in results] == [None] * count
    cuts = [[f"m-{n}" for n in range(start, min(start + size, count))] for start in range(0, count, size)]
    assert sorted(vendor.requests) == sorted(cuts)
    assert vendor.peak <= concurrency
    assert sorted(log.told) == sorted((each.id, ACCEPTED) for each in made)


async def test_as_many_chunks_are_on_the_wire_as_concurrency_says() -> None:
    gate = asyncio.Event()
    async with (
        ScriptedServer(lambda request: then(hold(gate), accept(request))) as server,
        client_of(server) as client,
    ):
        run = asyncio.create_task(client.send_many(messages(10), chunk_size=2, concurrency=3))
        await server.seen_request(3)
        gate.set()
        results = await run
    assert server.peak == 3
    assert [len(ids_in(request.body)) for request in server.requests] == [2] * 5
    assert outcomes(results) == ["accepted"] * 10


async def test_nothing_to_send_sends_nothing() -> None:
    async with ScriptedServer(accept) as server, client_of(server) as client:
        assert await client.send_many([]) == []
        assert await client.send_many(as_async_generator([])) == []
        assert [result async for result in client.send_stream([])] == []
    assert server.connections == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"chunk_size": 0}, "chunk_size must be a whole number from 1 to 1000"),
        ({"chunk_size": 1001}, "chunk_size must be a whole number from 1 to 1000"),
        ({"chunk_size": 2.0}, "chunk_size"),
        ({"chunk_size": True}, "chunk_size"),
        ({"concurrency": 0}, "concurrency must be a whole number of at least 1"),
        ({"concurrency": None}, "concurrency"),
    ],
)
async def test_wrong_numbers_are_refused_before_the_network(options: dict[str, Any], named: str) -> None:
    async with ScriptedServer(accept) as server, client_of(server) as client:
        with pytest.raises(ConfigurationError, match=named):
            await client.send_many([message(1)], **options)
        with pytest.raises(ConfigurationError, match=named):
            client.send_stream([message(1)], **options)
    assert server.connections == 0


async def test_two_messages_with_one_id_are_refused_before_anything_is_sent() -> None:
    log = Log()
    async with ScriptedServer(accept) as server, client_of(server, hooks=[log]) as client:
        with pytest.raises(InvalidMessageError, match="'m-3'") as caught:
            await client.send_many([*messages(5), message(3, text="Else")], chunk_size=1)
    assert (caught.value.field, caught.value.code) == ("id", "repeated_id")
    assert server.connections == 0
    assert [type(event) for event in log.events] == [CallStarted, CallFinished]


@pytest.mark.parametrize("stranger", [None, "m-2", {"id": "m-2"}])
async def test_a_stranger_among_the_messages_is_refused_before_anything_is_sent(stranger: Any) -> None:
    async with ScriptedServer(accept) as server, client_of(server) as client:
        with pytest.raises(InvalidMessageError, match="must be CascadeMessage") as caught:
            await client.send_many([message(1), stranger], chunk_size=1)
    assert caught.value.code == "no_message"
    assert server.connections == 0


@pytest.mark.parametrize("things", [5, None, message(1), "m-1", b"m-1"])
async def test_what_cannot_be_iterated_over_is_refused(things: Any) -> None:
    async with ScriptedServer(accept) as server, client_of(server) as client:
        with pytest.raises(InvalidMessageError, match="messages: must be a list or any other iterable"):
            await client.send_many(things)
        with pytest.raises(InvalidMessageError, match="messages: must be a list or any other iterable"):
            client.send_stream(things)
    assert server.connections == 0


@pytest.mark.parametrize("after", [0, 3])
async def test_a_failing_iterable_raises_its_own_error_before_anything_is_sent(after: int) -> None:
    class MineError(Exception):
        pass

    def broken() -> Iterator[CascadeMessage]:
        yield from messages(after)
        raise MineError

    async def broken_async() -> AsyncIterator[CascadeMessage]:
        for each in messages(after):
            yield each
        raise MineError

    async with ScriptedServer(accept) as server, client_of(server) as client:
        with pytest.raises(MineError):
            await client.send_many(broken(), chunk_size=1)
        with pytest.raises(MineError):
            await client.send_many(broken_async(), chunk_size=1)
    assert server.connections == 0


async def test_basic_credentials_alone_cannot_send_and_say_so_before_the_network() -> None:
    login = {"api_key": None, "username": "shop", "password": "secret"}
    async with ScriptedServer(accept) as server, client_of(server, **login) as client:
        for call in (client.send(message(1)), client.send_many(messages(2))):
            with pytest.raises(ConfigurationError, match="cascades need api_key"):
                await call
        with pytest.raises(ConfigurationError, match="cascades need api_key"):
            client.send_stream(messages(2))
    assert server.connections == 0
