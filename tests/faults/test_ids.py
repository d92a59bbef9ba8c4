"""Ids that must never reach a URL: row 72."""

from typing import Any

import pytest

from smsbat_async import CascadeMessage, InvalidMessageError, MessageType, ZnsClient
from tests.support import ScriptedServer
from tests.support.calls import TransportName, failure, good, make_pool, message, messages, opened

UNFIT: tuple[Any, ...] = (
    "",
    ".",
    "..",
    "../x",
    "..%2fx",
    "%2e%2e",
    "a/b",
    "//evil.test/x",
    "http://evil.test/x",
    "a?x=1",
    "a#b",
    "a b",
    "a\r\nX-Injected: 1",
    "a\0b",
    "a\n",
    "é",
    "а1",
    "\ud800",
    "x" * 129,
    "x" * 10_240,
    17,
    None,
    b"a1",
    ["a1"],
)


async def test_row_72_an_unfit_id_is_refused_before_any_connection(transport: TransportName) -> None:
    async with ScriptedServer(good) as server, opened(server.url, transport) as client:
        for unfit in UNFIT:
            for call in (client.status, client.wait_for_delivery):
                met = await failure(call(unfit))
                assert isinstance(met, InvalidMessageError), unfit
                assert (met.field, met.code) == ("message_id", "invalid_id")
            with pytest.raises(InvalidMessageError):
                client.track(unfit)
        assert server.connections == 0
        assert client.poller.pending == 0


async def test_row_72_unfit_ids_of_a_batch_cost_no_other_id(transport: TransportName) -> None:
    async with ScriptedServer(good) as server, opened(server.url, transport) as client:
        ids = ["a1", *UNFIT, "a2"]
        results = await client.fetch_statuses(ids)
        assert [result.message_id for result in results] == ids
        assert [result.error is None for result in results] == [True, *[False] * len(UNFIT), True]
        assert all(isinstance(result.error, InvalidMessageError) for result in results[1:-1])
        assert sorted(request.target for request in server.requests) == ["/bat/message/a1", "/bat/message/a2"]


async def test_row_72_an_unfit_id_does_not_get_into_a_query_of_zns_either(transport: TransportName) -> None:
    async with (
        ScriptedServer(good) as server,
        make_pool(transport) as pool,
        ZnsClient(api_key="key", base_url=server.url, pool=pool) as client,
    ):
        for unfit in UNFIT:
            assert isinstance(await failure(client.status(unfit)), InvalidMessageError), unfit
        assert server.connections == 0


async def test_row_72_a_fit_id_goes_into_the_path_as_it_is(transport: TransportName) -> None:
    fit = ["a", "A-1_b~c.d", "9" * 128, "a..b", "~"]
    async with ScriptedServer(good) as server, opened(server.url, transport) as client:
        for message_id in fit:
            assert (await client.status(message_id)).message_id == message_id
        assert [request.target for request in server.requests] == [f"/bat/message/{one}" for one in fit]


@pytest.mark.parametrize(
    "unfit", ["", "a\r\nb", "a\0", "x" * 255, "x" * 10_240, "\ud800", 17, None], ids=lambda it: repr(it)[:20]
)
def test_row_72_a_message_with_an_unfit_id_cannot_be_made(unfit: Any) -> None:
    with pytest.raises(InvalidMessageError) as raised:
        CascadeMessage(
            id=unfit, from_name="Shop", to_phone="+380501234567", message_type=MessageType.PROMO, text="hello"
        )
    assert raised.value.field == "id"


async def test_row_72_two_messages_with_one_id_are_refused_before_any_connection(
    transport: TransportName,
) -> None:
    async with ScriptedServer(good) as server, opened(server.url, transport) as client:
        met = await failure(client.send_many([*messages(3), message("m2")]))
        assert isinstance(met, InvalidMessageError)
        assert (met.field, met.code) == ("id", "repeated_id")
        assert server.connections == 0
