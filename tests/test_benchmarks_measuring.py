"""Every figure of the benchmarks has its row, and comes from where it is said to come from."""

import asyncio
import gc
import os
import time
from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks import arrivals, child, latency, machine, memory, status, tracked
from benchmarks.checks import Plan, Turn, ids_in_a_turn, take_turn
from benchmarks.contenders import BASE, CEILING, everyone
from benchmarks.metronome import Metronome
from benchmarks.server import ServerProcess, variant_of
from benchmarks.ticker import Ticker

pytestmark = pytest.mark.unmeasured

LOOPS = list(machine.loops())


class Slow(arrivals.Nothing):
    """Answers the first of its ids late, and holds up the loop meanwhile."""

    name = "slow"

    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        self.first = ids[0]
        return await super().check(ids)

    async def one(self, message_id: str) -> Any:
        if message_id == self.first:
            time.sleep(0.05)  # noqa: ASYNC251 - it is to hold up the loop
        return await super().one(message_id)


class Wrong(arrivals.Nothing):
    """Gives one and the same answer to whatever it is asked."""

    name = "wrong"

    async def one(self, message_id: str) -> Any:
        return await super().one("abc")


class TestStatus:
    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    def test_every_loop_and_contender_has_its_row(self, secure: bool) -> None:
        report = status.run(status.Size(turn=0.001, rounds=2, width=4, secure=secure))
        wanted = [(loop, kind.name) for loop in LOOPS for kind in everyone()]
        assert report.name == ("tls" if secure else "status")
        assert report.data["missing"].keys().isdisjoint(name for _, name in wanted)
        assert [row[:2] for row in report.table.rows] == wanted
        assert [(row["loop"], row["contender"]) for row in report.data["rows"]] == wanted
        assert all(len(row["checks_per_cpu_second"]) == 2 for row in report.data["rows"])
        itself = [row for row in report.table.rows if row[1] == BASE.name]
        assert [row[5] for row in itself] == ["1.00 (1.00..1.00)"] * len(LOOPS)
        assert [row[6] for row in report.table.rows if row[1] == CEILING.name] == ["100%"] * len(LOOPS)
        assert "7 here, for a batch as wide as the other loops, 4" in str(report.table)

    def test_the_summary_has_a_row_for_each_client_and_the_loops_beside_each_other(self) -> None:
        turns = {BASE.name: [Turn(100, 1.0, 0.5, 0.2)], CEILING.name: [Turn(300, 1.0, 0.5, 0.2)]}
        rows = [
            status.row_of(loop, name, taken, turns)
            for loop in ("asyncio", "uvloop")
            for name, taken in turns.items()
        ]
        assert status.summary(rows[:3]).rows == [
            (BASE.name, "200", "1.00", "200", "1.00"),
            (CEILING.name, "600", "3.00", "", ""),
        ]

    def test_the_busiest_moment_of_the_server_is_named(self) -> None:
        turns = {
            BASE.name: [Turn(10, 1.0, 0.5, 0.25)],
            CEILING.name: [Turn(100, 1.0, 0.5, 0.75)],
        }
        rows = [status.row_of("uvloop", name, taken, turns) for name, taken in turns.items()]
        assert [row["server_cpu_share"] for row in rows] == [0.25, 0.75]
        assert f"at most 75% of one core was busy (beside {CEILING.name} on uvloop)" in status.server_note(
            rows
        )

    async def test_a_turn_lasts_as_long_as_it_is_to_however_slow_its_contender(self) -> None:
        with ServerProcess() as server:
            plan = Plan(server.url, server.process.pid, turn=0.002, rounds=1, width=4)
            async with BASE(server.url, 4) as contender:
                count = await ids_in_a_turn(contender, plan)
                turn = await take_turn(contender, ["abc", "def"], plan)
        assert count >= plan.width
        assert turn.ids == 2

    async def test_a_turn_with_a_wrong_answer_is_an_error(self) -> None:
        plan = Plan("http://127.0.0.1:1", os.getpid(), turn=0.001, rounds=1, width=1)
        with pytest.raises(RuntimeError, match="wrong: abd got"):
            await take_turn(Wrong(plan.url, 1), ["abc", "abd"], plan)


class TestLatency:
    def test_every_loop_and_contender_has_its_row(self) -> None:
        report = latency.run(latency.Size(rate=1_000, seconds=0.02, rounds=2, width=2))
        wanted = [(loop, kind.name) for loop in LOOPS for kind in arrivals.contenders()]
        assert [row[:2] for row in report.table.rows] == wanted
        assert [len(taken) for row in report.data["rows"] for taken in row["rounds"]] == [20] * 2 * len(
            wanted
        )
        assert all(wait > 0 for row in report.data["rows"] for taken in row["rounds"] for wait in taken)

    async def test_whoever_is_held_up_by_another_has_waited_since_it_was_to_begin(self) -> None:
        plan = arrivals.Plan("http://127.0.0.1:1", rate=1_000.0, requests=30, rounds=1, width=1)
        waits = await arrivals.take_turn(Slow(plan.url, 1), 0, plan)
        assert len(waits) == 30
        assert all(wait >= 0.05 - place / plan.rate for place, wait in enumerate(waits))

    async def test_a_wrong_answer_is_an_error(self) -> None:
        plan = arrivals.Plan("http://127.0.0.1:1", rate=1_000.0, requests=2, rounds=1, width=1)
        with pytest.raises(RuntimeError, match="wrong"):
            await arrivals.take_turn(Wrong(plan.url, 1), 0, plan)

    def test_the_contender_that_does_nothing_says_what_the_server_would(self) -> None:
        answer = asyncio.run(arrivals.Nothing("", 1).one("abc"))
        assert arrivals.Nothing.seen(answer).word == variant_of("abc").word

    @pytest.mark.parametrize(
        ("percent", "expected"), [(0.1, 1.0), (50.0, 50.0), (99.0, 99.0), (99.1, 100.0), (100.0, 100.0)]
    )
    def test_a_percentile_is_the_least_that_so_many_do_not_exceed(
        self, percent: float, expected: float
    ) -> None:
        assert latency.percentile([float(number) for number in range(1, 101)], percent) == expected

    def test_percentiles_are_of_all_rounds_together_in_milliseconds(self) -> None:
        found = latency.milliseconds([[0.003, 0.001], [0.002, 0.004]])
        assert found == {"p50": 2.0, "p90": 4.0, "p99": 4.0, "p99.9": 4.0, "longest": 4.0}


class TestMetronome:
    def test_it_beats_as_often_as_it_is_told_and_never_early(self) -> None:
        with Metronome(2_000.0, 10) as metronome:
            beats = 0
            while beats < 10:
                beats += metronome.beats()
                assert time.monotonic() >= metronome.began + (beats - 1) / 2_000.0
            assert metronome.beats() == 0

    def test_it_ends_with_the_block(self) -> None:
        with Metronome(1.0, 1_000) as metronome:
            assert metronome.began > 0
        with pytest.raises(ValueError, match="closed"):
            metronome.fileno()


class TestMemory:
    def test_every_way_and_count_has_its_row(self) -> None:
        report = memory.run(memory.Size(counts=(50, 300), polled=50))
        wanted = [(way, count) for way in tracked.WAYS for count in ("50", "300")]
        assert [row[:2] for row in report.table.rows] == wanted
        polled = [row["phases"].keys() >= {"poll", "left_after_expiry"} for row in report.data["rows"]]
        assert polled == [False, False, True, False, True, False]

    @pytest.mark.parametrize("way", ["track", "deliveries"])
    def test_messages_are_held_while_they_are_followed_and_let_go_of_afterwards(self, way: str) -> None:
        found = child.run("tracked", way, 3_000, "--poll")
        blocks = {name: phase["blocks"] for name, phase in found["phases"].items()}
        assert blocks["fill"] >= 3_000  # the ids at least
        assert blocks["left"] < 1_000
        assert 0 < found["in_flight"]["peak"] <= found["in_flight"]["bound"]

    def test_ids_have_32_characters_and_differ(self) -> None:
        ids = list(tracked.new_ids(1_000))
        assert {len(message_id) for message_id in ids} == {32}
        assert len(set(ids)) == 1_000

    def test_a_clock_that_is_put_forward_rings_what_was_set_before(self) -> None:
        loop = tracked.SkippingLoop()

        async def ring() -> list[str]:
            rung: list[str] = []
            loop.call_later(3_600.0, rung.append, "an hour later")
            loop.skip(3_600.0)
            await asyncio.sleep(0.001)
            return rung

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            assert runner.run(ring()) == ["an hour later"]


class TestTicker:
    async def test_it_sees_what_holds_up_the_loop(self) -> None:
        async with Ticker() as ticker:
            await asyncio.sleep(0.003)
            time.sleep(0.02)  # noqa: ASYNC251 - it is to hold up the loop
        assert ticker.stall.wall >= 0.015

    async def test_it_tells_work_from_waiting(self) -> None:
        async with Ticker() as ticker:
            began = time.thread_time()
            while time.thread_time() < began + 0.01:
                pass
        assert ticker.stall.cpu >= 0.01

    async def test_it_times_the_garbage_collector(self) -> None:
        async with Ticker() as ticker:
            assert ticker.stall.collection == 0.0
            gc.collect()
        assert ticker.stall.collection > 0.0
        callbacks = len(gc.callbacks)
        async with Ticker():
            assert len(gc.callbacks) == callbacks + 1
        assert len(gc.callbacks) == callbacks


class TestMachine:
    def test_it_is_described_without_its_name(self) -> None:
        described = machine.describe()
        assert described["kernel"] == os.uname().release
        assert os.uname().nodename not in machine.line(described)
        assert f"aiohttp {described['aiohttp']}" in machine.line(described)

    def test_memory_is_told_where_the_system_tells_it(self) -> None:
        held, most = machine.resident_bytes(), machine.peak_resident_bytes()
        if held is not None and most is not None:
            assert 1_000_000 < held <= most
