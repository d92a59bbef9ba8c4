"""The benchmark of campaigns: every way sends all of the file, and once."""

import asyncio
import json
from typing import Any

import pytest

from benchmarks import campaigns, machine, sends
from benchmarks.server import ServerProcess

pytestmark = pytest.mark.unmeasured


def test_measures_every_way_beside_the_client_without_a_ledger() -> None:
    report = campaigns.run(campaigns.Size(rows=300, rounds=1, followed=200))
    assert report.name == "campaign"
    assert [row[:2] for row in report.table.rows[:-1]] == [
        (way, f"{transport}, {loop}")
        for transport, loop in campaigns.SET_UPS
        for way in ("send_stream", "campaign")
    ]
    assert report.data["followed"]["messages"] == 198


@pytest.mark.parametrize("way", sends.WAYS)
def test_every_way_sends_what_is_good_in_the_file(way: str) -> None:
    with (
        ServerProcess(sends=True) as server,
        asyncio.Runner(loop_factory=machine.loops()["asyncio"]) as runner,
    ):
        found = runner.run(sends.main(way, server.url, "aiohttp", 200))
    assert found["messages"] == 198


async def test_its_server_takes_cascades_however_they_are_cut_and_answers_statuses_between_them() -> None:
    with ServerProcess(sends=True) as server:
        port = int(server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b'[{"id":"a-1"},{"id":"a-2"}]'
        request = b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        for part in (request[:20], request[20:60], request[60:] + b"GET /bat/message/id-d HTTP/1.1\r\n\r\n"):
            writer.write(part)
            await writer.drain()
        first = await _answer(reader)
        second = await _answer(reader)
        writer.close()
        await writer.wait_closed()
    assert [row["trackinId"] for row in first] == ["a-1", "a-2"]
    assert second["messageId"] == "id-d"


async def _answer(reader: asyncio.StreamReader) -> Any:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return json.loads(await asyncio.wait_for(reader.readexactly(length), 5))
