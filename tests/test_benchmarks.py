"""The benchmarks measure what they say: each contender does the whole work, and every figure has its row."""

import asyncio
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks import decode, machine, status
from benchmarks.__main__ import main, show
from benchmarks.contenders import CONTENDERS, Contender, Naive, Sdk, Seen, Tuned, pool_size
from benchmarks.server import BASIC, EXTENDED, ServerProcess, variant_of
from benchmarks.table import Report, Spread, Table
from smsbat_async import SessionPool

IDS = [f"{number:012x}" for number in range(0xABC123DEF456, 0xABC123DEF456 + 60)]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as running:
        yield running


class TestContenders:
    @pytest.mark.parametrize("kind", CONTENDERS)
    async def test_each_gives_the_right_answer_for_every_id_in_order(
        self, kind: type[Contender], server: ServerProcess
    ) -> None:
        async with kind(server.url, 8) as contender:
            answers = await contender.check(IDS)
        expected = [Seen(it, variant_of(it).word, Decimal(variant_of(it).cost)) for it in IDS]
        assert [contender.seen(answer) for answer in answers] == expected
        assert {seen.word for seen in expected} == {"delivered", "undeliverable", "processing"}

    @pytest.mark.parametrize("kind", CONTENDERS)
    async def test_each_asks_as_many_at_once_as_it_is_told(self, kind: type[Contender]) -> None:
        most = at_once = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal most, at_once
            try:
                while request := await reader.readuntil(b"\r\n\r\n"):
                    at_once += 1
                    most = max(most, at_once)
                    await asyncio.sleep(0.005)
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

    def test_it_runs_in_a_process_of_its_own_that_ends_with_the_block(self) -> None:
        with ServerProcess() as running:
            process = running.process
            assert process.poll() is None
            assert (running.cpu_seconds() is None) == (not sys.platform.startswith("linux"))
        assert process.poll() is not None
        assert machine.cpu_seconds(process.pid) is None


class TestStatus:
    def test_every_loop_and_contender_has_its_row(self) -> None:
        report = status.run(status.Size(ids=40, rounds=2, width=8))
        wanted = [(loop, kind.name) for loop in machine.loops() for kind in CONTENDERS]
        assert [row[:2] for row in report.table.rows] == wanted
        assert [(row["loop"], row["contender"]) for row in report.data["rows"]] == wanted
        assert all(len(row["checks_per_cpu_second"]) == 2 for row in report.data["rows"])
        assert [row[5] for row in report.table.rows if row[1] == Tuned.name] == ["1.00 (1.00..1.00)"] * len(
            machine.loops()
        )
        assert "13 here, for a batch as wide as the other loops, 8" in str(report.table)

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
        with pytest.raises(RuntimeError, match="naive loop"):
            status.check(Naive("http://127.0.0.1:1", 1), IDS[:1], answers)


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


class TestOutput:
    def test_a_spread_is_the_median_between_its_ends(self) -> None:
        assert Spread.of([3.0, 1.0, 10.0]) == (3.0, 1.0, 10.0)
        assert Spread.of([3.0, 1.0, 10.0]).text(1) == "3.0 (1.0..10.0)"

    def test_ratios_are_taken_within_a_round(self) -> None:
        assert Spread.of_ratios([10.0, 100.0, 4.0], [20.0, 50.0, 4.0]) == (1.0, 0.5, 2.0)

    def test_a_table_is_aligned_and_ends_with_its_notes(self) -> None:
        table = Table("A title", ("name", "figure"))
        table.add("a long name", "1")
        table.notes.append("A note.")
        assert str(table).splitlines() == [
            "A title",
            "",
            "name         figure",
            "-----------  ------",
            "a long name  1",
            "",
            "A note.",
        ]

    def test_a_row_needs_a_cell_for_every_column(self) -> None:
        with pytest.raises(ValueError, match="1 cells for 2 columns"):
            Table("A title", ("name", "figure")).add("alone")

    def test_a_report_is_printed_and_written_as_json(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        show(Report("some", Table("A title", ("name",)), {"rows": [1.5]}), tmp_path / "new")
        assert json.loads((tmp_path / "new" / "some.json").read_text()) == {"rows": [1.5]}
        assert "A title" in capsys.readouterr().out

    def test_the_program_runs_what_it_is_asked_for(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(decode, "QUICK", decode.Size(answers=10, repeats=1, rounds=2))
        main(["--quick", "--only", "decode"], tmp_path)
        printed = capsys.readouterr().out
        assert printed.startswith("CPython ")
        assert "SmsBat.read_status" in printed
        assert [path.name for path in tmp_path.iterdir()] == ["decode.json"]
        assert json.loads((tmp_path / "decode.json").read_text())["machine"] == machine.describe()

    def test_the_program_refuses_what_it_does_not_know(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["--only", "luck"])
        assert "invalid choice: 'luck'" in capsys.readouterr().err
