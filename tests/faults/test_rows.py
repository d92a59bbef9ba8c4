"""Readable answers about something else, or in part: rows 27 to 31."""

import asyncio
import json
import logging
from decimal import Decimal
from typing import Any

import pytest

from smsbat_async import (
    DeliveryStatus,
    Outcome,
    OutcomeUnknownError,
    Receipt,
    ResponseError,
    SendOutcome,
    ZnsClient,
)
from tests.support import Recorded, ScriptedServer, Step, answer, bodies, broken, json_answer, response
from tests.support.calls import (
    AT_ONCE,
    Log,
    TransportName,
    check_error,
    chunk_ends_unknown,
    failure,
    first,
    good,
    make_pool,
    message,
    messages,
    opened,
    send_ends_unknown,
    sent_ids,
    settle,
    status_comes_after,
    status_fails,
    tracking_goes_on,
    vendor_id,
)

DELIVERED = {"messageId": "a1", "deliverystatus": "delivered"}


def receipts(*tracking_ids: str) -> list[dict[str, Any]]:
    """Make the rows of a good answer for these messages."""
    return [{"messageId": vendor_id(one), "trackinId": one} for one in tracking_ids]


class TestBadRows:
    """Row 27: one row of many makes no sense."""

    BAD: tuple[object, ...] = (
        {"messageId": {"not": "an id"}, "trackinId": "m2"},
        {"messageId": None, "trackinId": "m2"},
        {"messageId": "", "trackinId": "m2"},
        {"trackinId": "m2"},
        {"messageId": "v-m2"},
        {"messageId": "v-m2", "trackinId": ["m2"]},
        "v-m2",
        None,
        17,
    )

    async def test_row_27_a_bad_row_costs_its_own_message_and_no_other(
        self, transport: TransportName
    ) -> None:
        def script(request: Recorded) -> Step:
            return json_answer([*receipts("m1"), self.BAD[request.index], *receipts("m3")])

        log = Log()
        async with ScriptedServer(script) as server, opened(server.url, transport, log) as client:
            for row in self.BAD:
                log.events.clear()
                results = await client.send_many(messages(3))
                accepted, unknown = SendOutcome.ACCEPTED, SendOutcome.UNKNOWN
                assert [result.outcome for result in results] == [accepted, unknown, accepted], row
                assert [result.message_id for result in results] == ["v-m1", None, "v-m3"]
                error = results[1].error
                assert isinstance(error, OutcomeUnknownError)
                assert error.tracking_ids == ("m2",)
                check_error(error.error, ResponseError, "mismatch")
                assert log.outcomes() == {result.message.id: result.outcome for result in results}
            assert len(server.requests) == len(self.BAD)

    async def test_row_27_a_bad_row_leaves_a_single_send_unknown(self, transport: TransportName) -> None:
        log = Log()
        row = {"messageId": None, "trackinId": "m2"}
        async with (
            ScriptedServer(json_answer([row])) as server,
            opened(server.url, transport, log) as client,
        ):
            met = await failure(client.send(message("m2")))
            assert isinstance(met, OutcomeUnknownError)
            check_error(met.error, ResponseError, "mismatch")
            assert log.outcomes() == {"m2": SendOutcome.UNKNOWN}
            assert len(server.requests) == 1

    async def test_row_27_ids_that_come_as_numbers_are_ids(self, transport: TransportName) -> None:
        rows = json_answer([{"messageId": 1001, "trackinId": 1}])
        async with ScriptedServer(rows) as server, opened(server.url, transport) as client:
            assert await client.send(message("1")) == Receipt("1001", "1")

    async def test_row_27_a_batch_asks_again_for_the_one_bad_id_only(self, transport: TransportName) -> None:
        def script(request: Recorded) -> Step:
            return answer(200, bodies.HTML) if request.path.endswith("/a2") else good(request)

        async with ScriptedServer(script) as server, opened(server.url, transport) as client:
            results = await client.fetch_statuses(["a1", "a2", "a3"])
            assert [result.message_id for result in results] == ["a1", "a2", "a3"]
            assert [result.error is None for result in results] == [True, False, True]
            check_error(results[1].error, ResponseError, "unreadable")
            asked = sorted(request.path.rpartition("/")[2] for request in server.requests)
            assert asked == ["a1", "a2", "a2", "a2", "a3"]


class TestMissing:
    """Row 28: the answer does not name every message."""

    async def test_row_28_a_message_that_the_answer_does_not_name_is_unknown(
        self, transport: TransportName
    ) -> None:
        log = Log()
        rows = json_answer(receipts("m4", "m1"))
        async with ScriptedServer(rows) as server, opened(server.url, transport, log) as client:
            results = await client.send_many(messages(4))
            accepted, unknown = SendOutcome.ACCEPTED, SendOutcome.UNKNOWN
            assert [result.outcome for result in results] == [accepted, unknown, unknown, accepted]
            assert [result.message_id for result in results] == ["v-m1", None, None, "v-m4"]
            for result in results[1:3]:
                assert isinstance(result.error, OutcomeUnknownError)
                assert result.error.tracking_ids == (result.message.id,)
                check_error(result.error.error, ResponseError, "mismatch", 200)
            assert log.outcomes() == {result.message.id: result.outcome for result in results}
            assert len(server.requests) == 1

    async def test_row_28_a_send_that_the_answer_does_not_name_is_unknown(
        self, transport: TransportName
    ) -> None:
        fault = json_answer(receipts("somebody-else"))
        await send_ends_unknown(transport, fault, error=ResponseError, kind="mismatch", status=200)


class TestForeign:
    """Row 29: answers about something else, and answers that nobody asked for."""

    async def test_row_29_foreign_rows_are_reported_and_the_rest_is_applied(
        self, transport: TransportName
    ) -> None:
        log = Log()
        rows = json_answer(receipts("x9", "m2", "x8", "m1"))
        async with ScriptedServer(rows) as server, opened(server.url, transport, log) as client:
            results = await client.send_many(messages(2))
            assert [result.message_id for result in results] == ["v-m1", "v-m2"]
            assert [chunk.foreign_ids for chunk in log.chunks] == [("x9", "x8")]
            assert log.outcomes() == dict.fromkeys(("m1", "m2"), SendOutcome.ACCEPTED)

    async def test_row_29_foreign_rows_alone_leave_the_chunk_unknown(self, transport: TransportName) -> None:
        fault = json_answer(receipts("x1", "x2"))
        await chunk_ends_unknown(transport, fault, error=ResponseError, kind="mismatch")

    async def test_row_29_of_two_rows_for_one_message_the_first_counts(
        self, transport: TransportName
    ) -> None:
        log = Log()
        rows = json_answer([*receipts("m1"), {"messageId": "other", "trackinId": "m1"}, *receipts("m2")])
        async with ScriptedServer(rows) as server, opened(server.url, transport, log) as client:
            results = await client.send_many(messages(2))
            assert [result.message_id for result in results] == ["v-m1", "v-m2"]
            assert log.outcomes() == dict.fromkeys(("m1", "m2"), SendOutcome.ACCEPTED)

    async def test_row_29_a_status_of_another_message_is_not_applied(self, transport: TransportName) -> None:
        foreign = json_answer({"messageId": "b2", "deliverystatus": "delivered"})
        await status_fails(transport, foreign, error=ResponseError, kind="mismatch", status=200, asked=3)
        await status_comes_after(transport, foreign)
        await tracking_goes_on(transport, foreign, error=ResponseError, kind="mismatch")

    async def test_row_29_an_answer_pushed_onto_an_idle_connection_is_not_taken_for_the_next(
        self, transport: TransportName
    ) -> None:
        unasked = response(200, json.dumps({"messageId": "a2", "deliverystatus": "undeliverable"}))
        async with ScriptedServer(good) as server, opened(server.url, transport) as client:
            await client.status("a1")
            await server.seen_idle()
            await server.push(unasked)
            await settle(20)
            assert (await client.status("a2")).delivery_status == "delivered"
            assert (len(server.requests), server.connections) == (2, 2)

    async def test_row_29_receipts_pushed_onto_an_idle_connection_are_not_taken_for_the_next(
        self, transport: TransportName
    ) -> None:
        unasked = response(200, json.dumps([{"messageId": "wrong", "trackinId": "m2"}]))
        async with ScriptedServer(good) as server, opened(server.url, transport) as client:
            await client.send(message("m1"))
            await server.seen_idle()
            await server.push(unasked)
            await settle(20)
            assert await client.send(message("m2")) == Receipt("v-m2", "m2")
            assert (len(server.requests), server.connections) == (2, 2)

    async def test_row_29_a_zns_answer_names_no_message_and_a_pushed_one_is_not_taken(
        self, transport: TransportName
    ) -> None:
        on_its_way = json_answer({"error": 0, "data": {"status": 0}})
        unasked = response(200, json.dumps({"error": 0, "data": {"status": 1}}))
        async with (
            ScriptedServer(on_its_way) as server,
            make_pool(transport) as pool,
            ZnsClient(api_key="key", base_url=server.url, pool=pool, retry=AT_ONCE) as client,
        ):
            await client.status("a1")
            await server.seen_idle()
            await server.push(unasked)
            await settle(20)
            assert (await client.status("a2")).status == 0
            assert server.connections == 2

    async def test_row_29_a_second_answer_glued_to_the_first_is_thrown_away(
        self, transport: TransportName
    ) -> None:
        right = response(200, json.dumps(DELIVERED))
        wrong = response(200, json.dumps({"messageId": "a2", "deliverystatus": "undeliverable"}))
        async with (
            ScriptedServer(first(broken.glued(right, wrong))) as server,
            opened(server.url, transport) as client,
        ):
            assert (await client.status("a1")).delivery_status == "delivered"
            assert (await client.status("a2")).delivery_status == "delivered"
            assert server.connections == 2

    async def test_row_29_answers_in_the_wrong_order_give_nobody_the_status_of_another(
        self, transport: TransportName
    ) -> None:
        """A server that mixes its answers up: each request gets the status of the one before."""
        asked: list[str] = ["nobody"]

        def one_late(request: Recorded) -> Step:
            asked.append(request.path.rpartition("/")[2])
            return json_answer({"messageId": asked[-2], "deliverystatus": f"of {asked[-2]}"})

        async with ScriptedServer(one_late) as server, opened(server.url, transport) as client:
            ids = [f"a{number}" for number in range(10)]
            for result in await client.fetch_statuses(ids, concurrency=1):
                # Asked for a second time, the answer before was about the same message.
                assert result.error is None
                assert result.status is not None
                assert result.status.message_id == result.message_id
                assert result.status.delivery_status == f"of {result.message_id}"


class TestUnknownStatus:
    """Row 30: a word for where a message is that nobody has heard before."""

    @pytest.mark.parametrize("word", ["teleported", "", "DELIVERED?", "Доставлено", "x" * 1_000])
    async def test_row_30_an_unknown_word_is_kept_as_it_came_and_is_not_the_end(
        self, word: str, transport: TransportName
    ) -> None:
        odd = json_answer({"messageId": "a1", "deliverystatus": word})
        async with ScriptedServer(first(odd, odd)) as server, opened(server.url, transport) as client:
            status = await client.status("a1")
            assert status.delivery_status == word
            assert (status.is_terminal, status.outcome) == (False, None)
            delivery = await client.track("a1")
            assert (delivery.outcome, delivery.polls) == (Outcome.DELIVERED, 2)
            assert delivery.last_error is None

    @pytest.mark.parametrize("word", ["Delivered", "DELIVERED", "delivered"])
    async def test_row_30_a_known_word_is_known_whatever_its_case(
        self, word: str, transport: TransportName
    ) -> None:
        body = json_answer({"messageId": "a1", "deliverystatus": word})
        async with ScriptedServer(body) as server, opened(server.url, transport) as client:
            status = await client.status("a1")
            assert status.delivery_status == DeliveryStatus.DELIVERED
            assert (await client.track("a1")).outcome is Outcome.DELIVERED


class TestCost:
    """Row 31: a price that is no price."""

    NO_PRICES = (
        "NaN",
        '"NaN"',
        "Infinity",
        "1e999999999",
        '"1e999999999"',
        '"a lot"',
        "{}",
        "[0.05]",
        "true",
        "9" * 5_000,
    )

    async def test_row_31_a_price_that_is_no_price_is_none_and_costs_nothing_else(
        self, transport: TransportName, caplog: pytest.LogCaptureFixture
    ) -> None:
        def script(request: Recorded) -> Step:
            cost = self.NO_PRICES[request.index]
            return answer(200, f'{{"deliverystatus":"delivered","cost":{cost},"partscount":2}}')

        async with ScriptedServer(script) as server, opened(server.url, transport) as client:
            for number, cost in enumerate(self.NO_PRICES):
                caplog.clear()
                with caplog.at_level(logging.WARNING, logger="smsbat_async"):
                    delivery = await client.track(f"a{number}")
                assert delivery.status is not None
                assert (delivery.outcome, delivery.cost) == (Outcome.DELIVERED, None), cost[:12]
                assert (delivery.status.cost, delivery.status.parts_count) == (None, 2)
                warnings = [record.getMessage() for record in caplog.records]
                assert len([text for text in warnings if "'cost'" in text]) == 1, cost[:12]
            assert len(server.requests) == len(self.NO_PRICES)

    async def test_row_31_a_status_without_a_price_asks_once(self, transport: TransportName) -> None:
        body = answer(200, '{"messageId":"a1","deliverystatus":"processing","cost":NaN}')
        async with ScriptedServer(body) as server, opened(server.url, transport) as client:
            status = await client.status("a1")
            assert (status.delivery_status, status.cost) == ("processing", None)
            assert len(server.requests) == 1

    async def test_row_31_a_price_is_exact(self, transport: TransportName) -> None:
        prices = ["0.05", '"0.05"', "5", "1e-7", "0.10000000000000000000000001"]

        def script(request: Recorded) -> Step:
            return answer(200, f'{{"deliverystatus":"delivered","cost":{prices[request.index]}}}')

        async with ScriptedServer(script) as server, opened(server.url, transport) as client:
            for price in prices:
                assert (await client.status("a1")).cost == Decimal(price.strip('"'))


async def test_row_29_concurrent_sends_match_by_tracking_id_and_never_by_position(
    transport: TransportName,
) -> None:
    """Every chunk's rows come in reverse, and chunks are answered all at once."""

    def reverse(request: Recorded) -> Step:
        return json_answer(receipts(*reversed(sent_ids(request))))

    async with ScriptedServer(reverse) as server, opened(server.url, transport) as client:
        several = await asyncio.gather(
            *(client.send_many(messages(20, prefix), chunk_size=5) for prefix in ("a", "b", "c"))
        )
        for results in several:
            assert len(results) == 20
            assert all(result.message_id == vendor_id(result.message.id) for result in results)
        assert len(server.requests) == 12
