"""The contenders of the benchmarks do the whole work, and so does the server."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from benchmarks import decode, machine
from benchmarks.checks import check
from benchmarks.contenders import (
    BASE,
    OWN,
    PEERS,
    CeilingFound,
    CeilingParsed,
    Contender,
    Naive,
    Sdk,
    Seen,
    everyone,
    peers,
    pool_size,
)
from benchmarks.contenders.base import StatusError
from benchmarks.server import BASIC, EXTENDED, ServerProcess, variant_of
from smsbat_async import SessionPool

pytestmark = pytest.mark.unmeasured

IDS = [f"{number:012x}" for number in range(0xABC123DEF456, 0xABC123DEF456 + 60)]

# The peers do the same work in processes of their own, where test_benchmarks_measuring.py runs all of them:
# some leave sockets and threads behind, which here would be held against the SDK.
each = pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as running:
        yield running


@asynccontextmanager
async def dripping(status: str) -> AsyncIterator[str]:
    """Serve one answer, byte by byte."""
    body = b'{"messageId":"x","deliverystatus":"delivered","cost":0.05}'
    head = f"HTTP/1.1 {status}\r\nServer: x\r\nContent-Length: {len(body)}\r\n\r\n"

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in head.encode() + body:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        await asyncio.sleep(0.01)


class TestContenders:
    @each
    async def test_each_gives_the_right_answer_for_every_id_in_order(
        self, kind: type[Contender], server: ServerProcess
    ) -> None:
        async with kind(server.url, 8) as contender:
            answers = await contender.check(IDS)
            single = await contender.one(IDS[0])
        expected = [Seen(it, variant_of(it).word, Decimal(variant_of(it).cost)) for it in IDS]
        assert [contender.seen(answer) for answer in answers] == expected
        assert contender.seen(single) == expected[0]
        assert {seen.word for seen in expected} == {"delivered", "undeliverable", "processing"}

    @each
    async def test_each_asks_as_many_at_once_as_it_is_told(self, kind: type[Contender]) -> None:
        most = at_once = 0
        all_there = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal most, at_once
            try:
                while request := await reader.readuntil(b"\r\n\r\n"):
                    at_once += 1
                    most = max(most, at_once)
                    if at_once == 6:
                        asyncio.get_running_loop().call_later(
                            0.05, all_there.set
                        )  # time enough for a seventh
                    await all_there.wait()
                    at_once -= 1
                    message_id = request.split(b" ", 2)[1].rpartition(b"/")[2]
                    body = b'{"messageId":"%s","deliverystatus":"delivered","cost":1}' % message_id
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                        % (len(body), body)
                    )
            except asyncio.IncompleteReadError:
                writer.close()

        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        async with kind(f"http://127.0.0.1:{port}", 6) as contender:
            assert len(await contender.check(IDS)) == len(IDS)
        assert most == 6
        listening.close()
        await listening.wait_closed()
        await asyncio.sleep(0.01)

    @pytest.mark.parametrize("width", [1, 6, 50, 64])
    def test_the_pool_lets_a_batch_be_as_wide_as_the_others(self, width: int) -> None:
        assert SessionPool(max_concurrency=pool_size(width)).host_bulk_maximum == width

    async def test_an_unknown_path_is_an_error_for_the_sdk(self, server: ServerProcess) -> None:
        async with Sdk(f"{server.url}/elsewhere", 2) as contender:
            answers = await contender.check(IDS[:1])
        with pytest.raises(RuntimeError, match=IDS[0]):
            contender.seen(answers[0])

    @pytest.mark.parametrize("kind", [CeilingParsed, CeilingFound], ids=lambda kind: kind.name)
    async def test_the_ceiling_reads_answers_that_come_in_pieces(self, kind: type[Contender]) -> None:
        async with dripping("200 OK") as url, kind(url, 1) as contender:
            assert contender.seen(await contender.one("x")) == Seen("x", "delivered", Decimal("0.05"))

    @pytest.mark.parametrize("kind", [CeilingParsed, CeilingFound], ids=lambda kind: kind.name)
    async def test_the_ceiling_takes_nothing_but_200_for_an_answer(self, kind: type[Contender]) -> None:
        async with dripping("404 Not Found") as url, kind(url, 1) as contender:
            with pytest.raises(StatusError, match="404"):
                await contender.one("x")

    def test_the_one_that_all_are_compared_to_comes_first(self) -> None:
        assert everyone()[0] is BASE

    def test_every_contender_is_named_once(self) -> None:
        names = [kind.name for kind in everyone()]
        assert len(names) == len(set(names)) == len(OWN) + len(peers().installed)

    def test_every_peer_is_there_or_said_to_be_missing(self) -> None:
        assert len(peers().installed) + len(peers().missing) == len(PEERS)

    @pytest.mark.parametrize(
        "answers",
        [
            [],
            [{"messageId": IDS[1], "deliverystatus": variant_of(IDS[0]).word, "cost": 0.05}],
            [{"messageId": IDS[0], "deliverystatus": "lost", "cost": 0.05}],
            [{"messageId": IDS[0], "deliverystatus": variant_of(IDS[0]).word, "cost": 7}],
        ],
        ids=["missing", "foreign", "wrong word", "wrong cost"],
    )
    def test_a_contender_that_cheats_is_caught(self, answers: list[dict[str, Any]]) -> None:
        with pytest.raises(RuntimeError, match="aiohttp, naive"):
            check(Naive("http://127.0.0.1:1", 1), IDS[:1], answers)


class TestServer:
    async def test_answers_arriving_in_pieces_and_together_are_told_apart(
        self, server: ServerProcess
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        first, second = (b"GET /bat/message/%s HTTP/1.1\r\nHost: x\r\n\r\n" % it.encode() for it in IDS[:2])
        writer.write(first[:20])
        await asyncio.sleep(0.01)
        writer.write(first[20:] + second)
        for message_id in IDS[:2]:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            body = json.loads(await reader.readexactly(length), parse_float=Decimal)
            assert body["messageId"] == message_id
            assert body["deliverystatus"] == body["extendedStatuses"]["viber"] == variant_of(message_id).word
        writer.close()
        await writer.wait_closed()

    async def test_it_serves_tls_with_a_certificate_of_the_authority_that_it_names(self) -> None:
        with ServerProcess(secure=True) as running:
            assert running.authority is not None
            context = ssl.create_default_context(cafile=str(running.authority))
            port = int(running.url.removeprefix("https://127.0.0.1:"))
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.close()
            await writer.wait_closed()
        assert not running.authority.exists()

    def test_it_runs_in_a_process_of_its_own_that_ends_with_the_block(self) -> None:
        with ServerProcess() as running:
            process = running.process
            assert process.poll() is None
            assert (running.cpu_seconds() is None) == (not sys.platform.startswith("linux"))
        assert process.poll() is not None
        assert machine.cpu_seconds(process.pid) is None


class TestDecode:
    def test_every_reader_has_its_row(self) -> None:
        report = decode.run(decode.Size(answers=10, repeats=1, rounds=2))
        wanted = [(shape, reader) for shape in decode.SHAPES for reader in decode.readers()]
        assert [row[:2] for row in report.table.rows] == wanted
        assert [(row["answer"], row["reader"]) for row in report.data["rows"]] == wanted

    @pytest.mark.parametrize("shape", [BASIC, EXTENDED], ids=["basic", "extended"])
    @pytest.mark.parametrize("reader", decode.readers())
    def test_every_reader_reads_every_field(self, reader: str, shape: str) -> None:
        given = decode.items(shape, 5)
        for item, answer in zip(given, decode.readers()[reader](given), strict=True):
            word, cost = variant_of(item.message_id)
            assert (answer.message_id, answer.messagelist_id, answer.parts_count) == (
                item.message_id,
                123456,
                1,
            )
            assert (answer.delivery_status, answer.cost) == (word, Decimal(cost))
            is_extended = shape == EXTENDED
            assert answer.extended_statuses == ({"viber": word, "sms": "not_used"} if is_extended else None)
            assert len(answer.fallbacks or ()) == is_extended
            assert answer.bill_amount == (Decimal("0.05") if is_extended else None)
            assert answer.rate_currency == ("USD" if is_extended else None)
