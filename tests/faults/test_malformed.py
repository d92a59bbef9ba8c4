"""Answers that are not HTTP, or whose content is not what they say: rows 17, 18, 20, 21, 22 and 43."""

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from smsbat_async import ResponseError, SmsBatError, TransportError
from smsbat_async.transport.protocol import BODY_MAXIMUM
from tests.support import ScriptedServer, Step, answer, bodies, broken, reset
from tests.support.calls import (
    TransportName,
    chunk_ends_unknown,
    failure,
    first,
    good,
    message,
    opened,
    send_ends_unknown,
    status_comes_after,
    status_fails,
    tracking_goes_on,
)

Fault = Callable[[], Step]


def each(*faults: Fault) -> pytest.MarkDecorator:
    """Run a test on each of these faults."""
    return pytest.mark.parametrize("fault", faults, ids=_name)


def _name(fault: Any) -> str:
    return str(fault.func.__name__ if isinstance(fault, partial) else fault.__name__)


STATUS = b'{"messageId":"a1","deliverystatus":"delivered","cost":0.05}'
RECEIPTS = b'[{"messageId":"v-m1","trackinId":"m1"}]'

NOT_HTTP = each(
    broken.bad_status_line,
    broken.two_lengths,
    broken.length_and_chunked,
    broken.body_with_204,
    broken.nul_in_header,
    partial(broken.short_length, RECEIPTS + b"     "),
)
TOO_MANY_HEADERS = each(broken.huge_header, broken.many_headers, broken.endless_headers)
CUT_CONTENT = each(
    partial(broken.truncated_gzip, RECEIPTS),
    partial(broken.truncated_gzip, STATUS),
    partial(broken.until_close, RECEIPTS[:-3]),
    partial(broken.until_close, STATUS[:-3]),
)
TOO_LARGE = each(broken.gzip_bomb, broken.endless_body, partial(broken.endless_body, chunked=False))


class TestMalformed:
    """Row 17: what looks like a refusal with 400 in the HTTP library is an answer that nobody could read."""

    @NOT_HTTP
    async def test_row_17_a_malformed_answer_leaves_a_send_unknown_and_is_no_refusal(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=ResponseError, kind="malformed")

    @each(broken.two_lengths)
    async def test_row_17_a_malformed_answer_leaves_its_chunk_unknown_and_is_not_split(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await chunk_ends_unknown(transport, fault(), error=ResponseError, kind="malformed")

    @NOT_HTTP
    async def test_row_17_a_status_request_is_repeated_once_after_malformed_answers(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await status_fails(transport, fault(), error=ResponseError, kind="malformed", asked=2)

    async def test_row_17_the_status_of_a_malformed_answer_is_not_taken_for_the_vendors(
        self, transport: TransportName
    ) -> None:
        async with (
            ScriptedServer(broken.two_lengths()) as server,
            opened(server.url, transport) as client,
        ):
            met = await failure(client.status("a1"))
            assert isinstance(met, ResponseError)
            assert (met.status_code, met.body) == (None, b"")

    async def test_row_17_a_status_comes_after_one_malformed_answer(self, transport: TransportName) -> None:
        await status_comes_after(transport, broken.two_lengths())

    async def test_row_17_tracking_goes_on_after_a_malformed_answer(self, transport: TransportName) -> None:
        for fault in (broken.bad_status_line, broken.body_with_204):
            await tracking_goes_on(transport, fault(), error=ResponseError, kind="malformed")


class TestHeaders:
    """Row 18: headers beyond all measure."""

    @TOO_MANY_HEADERS
    async def test_row_18_headers_beyond_measure_leave_a_send_unknown(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=ResponseError, kind="malformed")

    async def test_row_18_headers_beyond_measure_leave_their_chunk_unknown(
        self, transport: TransportName
    ) -> None:
        await chunk_ends_unknown(transport, broken.huge_header(), error=ResponseError, kind="malformed")

    @TOO_MANY_HEADERS
    async def test_row_18_a_status_request_is_repeated_once_after_headers_beyond_measure(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await status_fails(transport, fault(), error=ResponseError, kind="malformed", asked=2)

    async def test_row_18_tracking_goes_on_after_headers_beyond_measure(
        self, transport: TransportName
    ) -> None:
        for fault in (broken.huge_header, broken.many_headers):
            await tracking_goes_on(transport, fault(), error=ResponseError, kind="malformed")


class TestCutContent:
    """Row 20: content that ends early without any sign of it in HTTP."""

    @CUT_CONTENT
    async def test_row_20_content_that_ends_early_leaves_a_send_unknown(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=ResponseError, kind="unreadable", status=200)

    async def test_row_20_content_that_ends_early_leaves_its_chunk_unknown(
        self, transport: TransportName
    ) -> None:
        for fault in (partial(broken.truncated_gzip, RECEIPTS), partial(broken.until_close, RECEIPTS[:-3])):
            await chunk_ends_unknown(transport, fault(), error=ResponseError, kind="unreadable")

    @CUT_CONTENT
    async def test_row_20_a_status_request_is_repeated_after_content_that_ends_early(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await status_fails(transport, fault(), error=ResponseError, kind="unreadable", asked=3)

    async def test_row_20_tracking_goes_on_after_content_that_ends_early(
        self, transport: TransportName
    ) -> None:
        for fault in (partial(broken.truncated_gzip, STATUS), partial(broken.until_close, STATUS[:-3])):
            await tracking_goes_on(transport, fault(), error=ResponseError, kind="unreadable")


class TestBadEncoding:
    """Row 21: content that cannot be unpacked or put together."""

    @pytest.mark.parametrize(
        ("fault", "error", "kind"),
        [(broken.bad_gzip, TransportError, "body"), (broken.bad_chunk_size, ResponseError, "malformed")],
    )
    async def test_row_21_a_body_that_cannot_be_unpacked_leaves_a_send_unknown(
        self, fault: Fault, error: type[SmsBatError], kind: str, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=error, kind=kind)

    async def test_row_21_a_body_that_cannot_be_unpacked_leaves_its_chunk_unknown(
        self, transport: TransportName
    ) -> None:
        await chunk_ends_unknown(transport, broken.bad_gzip(), error=TransportError, kind="body")

    async def test_row_21_a_status_request_is_repeated_after_a_body_that_cannot_be_unpacked(
        self, transport: TransportName
    ) -> None:
        await status_fails(transport, broken.bad_gzip(), error=TransportError, kind="body", asked=3)
        await status_comes_after(transport, broken.bad_gzip())
        await status_comes_after(transport, broken.bad_chunk_size())

    async def test_row_21_tracking_goes_on_after_a_body_that_cannot_be_unpacked(
        self, transport: TransportName
    ) -> None:
        await tracking_goes_on(transport, broken.bad_gzip(), error=TransportError, kind="body")


class TestTooLarge:
    """Row 22: bodies without end."""

    @TOO_LARGE
    async def test_row_22_a_body_without_end_leaves_a_send_unknown_and_its_connection_closed(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await send_ends_unknown(transport, fault(), error=ResponseError, kind="too_large", status=200)

    async def test_row_22_a_body_without_end_leaves_its_chunk_unknown(self, transport: TransportName) -> None:
        await chunk_ends_unknown(transport, broken.gzip_bomb(), error=ResponseError, kind="too_large")

    @TOO_LARGE
    async def test_row_22_a_status_request_is_not_repeated_after_a_body_without_end(
        self, fault: Fault, transport: TransportName
    ) -> None:
        await status_fails(transport, fault(), error=ResponseError, kind="too_large", asked=1)

    async def test_row_22_tracking_goes_on_after_a_body_without_end(self, transport: TransportName) -> None:
        await tracking_goes_on(transport, broken.gzip_bomb(), error=ResponseError, kind="too_large")

    @TOO_LARGE
    async def test_row_22_the_connection_of_a_body_without_end_is_closed_at_once(
        self, fault: Fault, transport: TransportName
    ) -> None:
        async with ScriptedServer(first(fault())) as server, opened(server.url, transport) as client:
            await failure(client.status("a1"))
            await server.seen_disconnect()
            await client.status("a1")
            assert server.connections == 2

    @pytest.mark.unmeasured
    async def test_row_22_a_bomb_costs_no_more_memory_than_twice_the_cap(
        self, transport: TransportName
    ) -> None:
        async with (
            ScriptedServer(broken.gzip_bomb(64 * 2**20)) as server,
            opened(server.url, transport) as client,
        ):
            tracemalloc.start()
            try:
                await failure(client.status("a1"))
                _now, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert BODY_MAXIMUM < peak < 2 * BODY_MAXIMUM


class TestNoSuchStatus:
    """Row 43: statuses that no vendor answers with."""

    @pytest.mark.parametrize("status", [600, 999])
    async def test_row_43_a_status_that_does_not_exist_leaves_a_send_unknown(
        self, status: int, transport: TransportName
    ) -> None:
        fault = answer(status, bodies.OK)
        await send_ends_unknown(transport, fault, error=ResponseError, kind="malformed", status=status)
        await chunk_ends_unknown(transport, fault, error=ResponseError, kind="malformed")

    @pytest.mark.parametrize("status", [600, 999])
    async def test_row_43_a_status_request_is_repeated_once_after_a_status_that_does_not_exist(
        self, status: int, transport: TransportName
    ) -> None:
        await status_fails(
            transport, answer(status), error=ResponseError, kind="malformed", status=status, asked=2
        )

    async def test_row_43_tracking_goes_on_after_a_status_that_does_not_exist(
        self, transport: TransportName
    ) -> None:
        await tracking_goes_on(transport, answer(999), error=ResponseError, kind="malformed")

    async def test_row_43_a_flood_of_interim_answers_is_passed_over(self, transport: TransportName) -> None:
        async with (
            ScriptedServer(lambda request: broken.informational_flood(2_000, good(request))) as server,
            opened(server.url, transport) as client,
        ):
            assert (await client.send(message())).message_id == "v-m1"
            assert (await client.status("a1")).delivery_status == "delivered"
            assert len(server.requests) == 2

    @pytest.mark.looptime
    async def test_row_43_a_flood_of_interim_answers_without_an_answer_ends_at_the_timeout(
        self, transport: TransportName
    ) -> None:
        await send_ends_unknown(
            transport,
            broken.informational_flood(100, broken.ANSWERED),
            error=TransportError,
            kind="timeout",
            timeout=3.0,
        )

    async def test_row_43_a_flood_of_interim_answers_that_breaks_off_leaves_a_send_unknown(
        self, transport: TransportName
    ) -> None:
        await send_ends_unknown(
            transport,
            broken.informational_flood(100, reset()),
            error=TransportError,
            kind="disconnected",
        )
