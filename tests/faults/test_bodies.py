"""Answers with status 200 whose bodies cannot be read, or hardly: rows 23 to 26."""

import json
from decimal import Decimal
from typing import Any

import pytest

from smsbat_async import (
    Outcome,
    Receipt,
    ResponseError,
    SendOutcome,
)
from tests.support import ScriptedServer, Step, answer, bodies, json_answer
from tests.support.calls import (
    Log,
    TransportName,
    chunk_ends_unknown,
    message,
    opened,
    send_ends_unknown,
    status_comes_after,
    status_fails,
    tracking_goes_on,
    vendor_id,
)

DELIVERED = {"messageId": "a1", "deliverystatus": "delivered"}


def receipts(*tracking_ids: str) -> list[dict[str, Any]]:
    """Make the rows of a good answer for these messages."""
    return [{"messageId": vendor_id(one), "trackinId": one} for one in tracking_ids]


class TestHtml:
    """Row 23: the page of somebody in between."""

    @pytest.mark.parametrize("content_type", ["text/html", "application/json", None])
    async def test_row_23_a_page_leaves_a_send_unknown(
        self, content_type: str | None, transport: TransportName
    ) -> None:
        page = answer(200, bodies.HTML, content_type=content_type)
        await send_ends_unknown(transport, page, error=ResponseError, kind="unreadable", status=200)

    async def test_row_23_a_page_leaves_its_chunk_unknown(self, transport: TransportName) -> None:
        await chunk_ends_unknown(transport, answer(200, bodies.HTML), error=ResponseError, kind="unreadable")

    async def test_row_23_a_status_request_is_repeated_after_a_page(self, transport: TransportName) -> None:
        page = answer(200, bodies.HTML, content_type="text/html")
        await status_fails(transport, page, error=ResponseError, kind="unreadable", status=200, asked=3)
        await status_comes_after(transport, page)

    async def test_row_23_tracking_goes_on_after_a_page(self, transport: TransportName) -> None:
        await tracking_goes_on(transport, answer(200, bodies.HTML), error=ResponseError, kind="unreadable")

    async def test_row_23_json_of_another_type_is_read_all_the_same(self, transport: TransportName) -> None:
        plain = answer(200, json.dumps(DELIVERED), content_type="text/plain; charset=latin-1")
        async with ScriptedServer(plain) as server, opened(server.url, transport) as client:
            assert (await client.status("a1")).delivery_status == "delivered"


class TestEmpty:
    """Row 24: nothing."""

    EMPTY = pytest.mark.parametrize("nothing", [answer(200), answer(204)], ids=repr)

    @EMPTY
    async def test_row_24_an_empty_answer_leaves_a_send_unknown(
        self, nothing: Step, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, nothing, error=ResponseError, kind="unreadable")
        await chunk_ends_unknown(transport, nothing, error=ResponseError, kind="unreadable")

    @EMPTY
    async def test_row_24_a_status_request_is_repeated_after_an_empty_answer(
        self, nothing: Step, transport: TransportName
    ) -> None:
        await status_fails(transport, nothing, error=ResponseError, kind="unreadable", asked=3)
        await status_comes_after(transport, nothing)

    @EMPTY
    async def test_row_24_tracking_goes_on_after_an_empty_answer(
        self, nothing: Step, transport: TransportName
    ) -> None:
        await tracking_goes_on(transport, nothing, error=ResponseError, kind="unreadable")

    async def test_row_24_an_answer_with_no_rows_leaves_every_message_unknown(
        self, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, json_answer([]), error=ResponseError, kind="mismatch")
        await chunk_ends_unknown(transport, json_answer([]), error=ResponseError, kind="mismatch")


class TestText:
    """Row 25: text that is not quite UTF-8, or not quite Unicode."""

    NOTES = pytest.mark.parametrize(
        ("before", "note"),
        [
            pytest.param(b"", b'"\xe9t\xe9"', id="latin-1"),
            pytest.param(b"\xef\xbb\xbf", b'"ok"', id="byte order mark"),
            pytest.param(b"", rb'"half an emoji \ud83d"', id="half a pair"),
        ],
    )

    @NOTES
    async def test_row_25_receipts_in_odd_text_are_read(
        self, before: bytes, note: bytes, transport: TransportName
    ) -> None:
        body = before + b'[{"messageId":"v-m1","trackinId":"m1","note":' + note + b"}]"
        log = Log()
        async with ScriptedServer(answer(200, body)) as server, opened(server.url, transport, log) as client:
            assert await client.send(message("m1")) == Receipt("v-m1", "m1")
            (result,) = await client.send_many([message("m1")])
            assert (result.outcome, result.message_id) == (SendOutcome.ACCEPTED, "v-m1")
            assert len(server.requests) == 2
            assert [told.outcome for told in log.told] == [SendOutcome.ACCEPTED] * 2

    @NOTES
    async def test_row_25_a_status_in_odd_text_is_read_at_the_first_attempt(
        self, before: bytes, note: bytes, transport: TransportName
    ) -> None:
        body = (
            before
            + b'{"messageId":"a1","deliverystatus":"delivered","cost":0.05,"rateCurrency":'
            + note
            + b"}"
        )
        async with ScriptedServer(answer(200, body)) as server, opened(server.url, transport) as client:
            status = await client.status("a1")
            assert (status.delivery_status, status.cost) == ("delivered", Decimal("0.05"))
            assert (await client.track("a1")).outcome is Outcome.DELIVERED
            assert len(server.requests) == 1  # the end of a message is remembered

    async def test_row_25_what_is_no_text_at_all_leaves_a_send_unknown(
        self, transport: TransportName
    ) -> None:
        nonsense = answer(200, bytes(range(256)))
        await send_ends_unknown(transport, nonsense, error=ResponseError, kind="unreadable")


class TestNested:
    """Row 26: JSON nested a million deep."""

    DEEP = pytest.mark.parametrize(
        "body",
        [
            pytest.param(bodies.nested(), id="all"),
            pytest.param(
                b'[{"messageId":"v-m1","trackinId":"m1","x":' + bodies.nested() + b"}]", id="receipts"
            ),
            pytest.param(b'{"deliverystatus":"delivered","x":' + bodies.nested() + b"}", id="status"),
            pytest.param(b'{"a":' * 1_000_000, id="objects"),
        ],
    )

    @DEEP
    async def test_row_26_json_nested_too_deep_leaves_a_send_unknown(
        self, body: bytes, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, answer(200, body), error=ResponseError, kind="unreadable")

    async def test_row_26_json_nested_too_deep_leaves_its_chunk_unknown(
        self, transport: TransportName
    ) -> None:
        fault = answer(200, bodies.nested())
        await chunk_ends_unknown(transport, fault, error=ResponseError, kind="unreadable")

    @DEEP
    async def test_row_26_a_status_request_is_not_repeated_after_json_nested_too_deep(
        self, body: bytes, transport: TransportName
    ) -> None:
        await status_fails(transport, answer(200, body), error=ResponseError, kind="unreadable", asked=1)

    async def test_row_26_tracking_goes_on_after_json_nested_too_deep(self, transport: TransportName) -> None:
        fault = answer(200, bodies.nested())
        await tracking_goes_on(transport, fault, error=ResponseError, kind="unreadable")

    async def test_row_26_a_refusal_nested_too_deep_is_a_refusal(self, transport: TransportName) -> None:
        async with (
            ScriptedServer(answer(400, bodies.nested())) as server,
            opened(server.url, transport) as client,
        ):
            (result,) = await client.send_many([message()])
            assert result.outcome is SendOutcome.REJECTED
