"""Beacons: by whom a campaign is run, and whether that is still so."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from smsbat_async.cli.beacon import Beacon, beacon_path, read_beacon
from smsbat_async.cli.process import born, is_alive
from tests.cli.program import PATIENCE, until


async def test_a_beacon_is_there_while_it_is_entered_and_names_this_process(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.running.json"
    async with Beacon(path, "spring", "campaigns.db") as beacon:
        beacon.tell({"sent": 5})
        found = await asyncio.to_thread(read_beacon, path)
        assert found is not None
        assert (found.pid, found.campaign, found.ledger) == (os.getpid(), "spring", "campaigns.db")
        assert found.is_here
    assert await asyncio.to_thread(read_beacon, path) is None
    assert list(path.parent.iterdir()) == []


async def test_a_folder_that_cannot_be_written_to_stops_no_campaign(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "x.running.json"
    async with Beacon(path, "spring", "campaigns.db"):
        assert await asyncio.to_thread(read_beacon, path) is None


def test_half_a_beacon_or_something_else_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text in ("", "{", "[]", "{}", '{"pid": "x"}'):
        path.write_text(text)
        assert read_beacon(path) is None


def test_a_process_is_known_by_its_start_and_not_by_its_number_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        start = born(child.pid)
        assert start is not None
        assert is_alive(child.pid, start)
        assert not is_alive(child.pid, "long ago")
        assert not is_alive(child.pid, None)
        child.communicate(b"\n", PATIENCE)
        until(lambda: not is_alive(child.pid, start), "it is seen that it ended")
    assert born(child.pid) is None
    assert not is_alive(0, None)
    assert not is_alive(-1, None)
    assert is_alive(os.getpid(), None)


def test_a_process_that_nobody_has_waited_for_has_ended_all_the_same() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    try:
        until(lambda: born(child.pid) is None, "a zombie counts as gone")
    finally:
        child.wait(PATIENCE)


def test_the_beacon_of_a_file_is_beside_it_and_that_of_a_database_tells_nothing_of_it() -> None:
    assert beacon_path("a/campaigns.db", "spring", {}) == Path("a/campaigns.db.running.json")
    where = {"XDG_STATE_HOME": "/s"}
    one = beacon_path("postgresql://me:sesame@host/db", "spring", where)
    assert one.parent == Path("/s/smsbat")
    assert one == beacon_path("postgresql://me@host/db?password=simsim", "spring", where)
    others = {
        beacon_path("postgresql://me@host/db", "autumn", where),
        beacon_path("postgresql://me@other/db", "spring", where),
        beacon_path("postgresql://me@/db?host=/tmp/a", "spring", where),
        beacon_path("postgresql://me@/db?host=/tmp/b", "spring", where),
    }
    assert one not in others
    assert len(others) == 4
    assert beacon_path("postgresql://h/d", "spring", {}).parent == Path.home() / ".local/state/smsbat"
