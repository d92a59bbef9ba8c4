"""The real program and real signals: Ctrl-C once and twice, SIGTERM, `campaign pause`, SIGKILL."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smsbat_async.cli.app import run
from tests.cli.program import Program, Served, recipients, serving, until

COUNT = 300

FAST = ("--poll", "0.05", "--status-rate", "0", "--track-for", "2s")
"""Open messages of a run before are asked after when the time for it is over."""

PACED = ("--chunk-size", "5", "--rate", "2", "--concurrency", "2", "--json")
"""So slow that it is met half-way, and does not end by itself."""


def command(*more: str, name: str = "spring") -> list[str]:
    return ["campaign", "run", name, "people.csv", "--from", "Shop", "--text", "Hi", "--yes", *FAST, *more]


def accepted(served: Served) -> int:
    return int(served.stats()["accepted"])


@pytest.fixture
def half_way(at_sandbox: Path, served: Served) -> Iterator[tuple[Program, int]]:
    """A campaign of which something has been sent, and what the sandbox had taken before."""
    recipients(at_sandbox, COUNT)
    before = accepted(served)
    with Program(*command(*PACED)) as program:
        until(lambda: accepted(served) > before, "anything is sent")
        yield program, before


Capture = pytest.CaptureFixture[str]


def last_of(capsys: Capture) -> dict[str, Any]:
    """Return the last object that was written."""
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def resumed(served: Served, before: int, capsys: Capture) -> None:
    """Let the campaign end, and see that nothing was sent twice, and nothing was left out."""
    assert run(["campaign", "resume", "spring", *FAST, "--rate", "0", "--json"]) == 0
    assert last_of(capsys)["states"] == {"delivered": COUNT}
    assert accepted(served) == before + COUNT


def test_ctrl_c_once_drains_and_says_how_to_go_on(
    half_way: tuple[Program, int], served: Served, capsys: Capture
) -> None:
    program, before = half_way
    program.press_ctrl_c()
    ended = program.ended()
    assert ended.code == 5, ended.err
    assert [line["event"] for line in ended.objects].count("pausing") == 1
    last = ended.objects[-1]
    assert (last["event"], last["state"], last["reason"]) == ("finished", "paused", "by Ctrl-C")
    assert last["unknown"] == 0
    assert last["sent"] == accepted(served) - before < COUNT
    assert not Path("campaigns.db.running.json").exists()
    resumed(served, before, capsys)


def test_sigterm_drains_as_well_and_is_no_failure(
    half_way: tuple[Program, int], served: Served, capsys: Capture
) -> None:
    program, before = half_way
    program.terminate()
    ended = program.ended()
    assert ended.code == 0, ended.err
    last = ended.objects[-1]
    assert (last["state"], last["reason"], last["unknown"]) == ("paused", "by SIGTERM", 0)
    assert run(command("--rate", "0", "--json")) == 0, "a service that is started again just goes on"
    assert last_of(capsys)["states"] == {"delivered": COUNT}
    assert accepted(served) == before + COUNT


def test_ctrl_c_twice_stops_at_once_and_what_was_in_flight_is_unknown(
    at_sandbox: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    recipients(at_sandbox, 20)
    with serving("--slow-share", "1", "--slow-seconds", "60", "--faults-on", "send") as slow:
        monkeypatch.setenv("SMSBAT_BASE_URL", slow.url)
        with Program(*command("--chunk-size", "5", "--concurrency", "2")) as program:
            until(lambda: slow.stats()["requests"]["send"] == 2, "two requests are under way")
            program.press_ctrl_c()
            program.read_error_until("what is under way is recorded. Ctrl-C again stops at once.")
            program.press_ctrl_c()
            ended = program.ended()
    assert ended.code == 130
    assert "Stopped at once. 10 messages may or may not have gone out" in ended.err
    assert ended.err.endswith(
        "To see which, and to go on:\n"
        "  smsbat campaign settle spring --list\n  smsbat campaign resume spring\n"
    )
    assert run(["campaign", "settle", "spring", "--list", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10


def test_status_and_pause_reach_a_campaign_that_another_process_runs(
    half_way: tuple[Program, int], served: Served, capsys: Capture
) -> None:
    program, before = half_way
    beacon = Path("campaigns.db.running.json")
    until(lambda: re.search(rb'"sent":[1-9]', beacon.read_bytes()), "progress is written")
    assert run(["campaign", "status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["campaign"], found["running"], found["pid"]) == ("spring", True, program.pid)
    assert 0 < found["sent"] < found["total"] == COUNT
    assert run(["campaign", "status", "spring"]) == 0
    said = capsys.readouterr().out
    assert re.match(rf"spring has been running for 0:\d\d, in process {program.pid} on ", said)
    assert re.search(r"\n  recipients +300\n  sent +[1-9]\d*\n", said)
    assert re.search(r"\n  as of +0:0\d ago\n", said)
    assert run(["campaign", "status", "autumn"]) == 6
    assert "it runs campaign 'spring'; 'autumn' can be seen after that" in capsys.readouterr().err
    assert run(["campaign", "pause", "autumn"]) == 6
    assert "'autumn' does not run" in capsys.readouterr().err
    assert run(["campaign", "pause", "spring"]) == 0
    said, told = capsys.readouterr()
    assert said == "spring is paused.\n"
    assert told.endswith("To go on:\n  smsbat campaign resume spring\n")
    assert program.ended().code == 0
    assert run(command()) == 2, "somebody paused it, and somebody has to say that it goes on"
    assert "spring is paused (by campaign pause)" in capsys.readouterr().err
    resumed(served, before, capsys)


def test_a_campaign_that_does_not_end_in_time_is_told_of(
    at_sandbox: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    recipients(at_sandbox, 5)
    with serving("--slow-share", "1", "--slow-seconds", "60", "--faults-on", "send") as slow:
        monkeypatch.setenv("SMSBAT_BASE_URL", slow.url)
        with Program(*command()) as program:
            until(lambda: slow.stats()["requests"]["send"] == 1, "a request is under way")
            assert run(["campaign", "pause", "spring", "--timeout", "0.1s"]) == 6
            assert "has not ended after 0.1 s; it is pausing still" in capsys.readouterr().err
            program.kill()


def test_the_same_command_after_a_kill_goes_on(
    half_way: tuple[Program, int], served: Served, capsys: Capture
) -> None:
    program, before = half_way
    program.kill()
    assert program.ended().code == -9
    assert run(["campaign", "status", "spring", "--json"]) == 0
    found = last_of(capsys)
    assert (found["state"], found["running"]) == ("running", False), "the beacon it left is nobody's"
    code = run(command("--rate", "0", "--json"))
    states = last_of(capsys)["states"]
    assert code == (3 if "unknown" in states else 0)
    assert states["delivered"] + states.get("unknown", 0) == COUNT
    assert states.get("unknown", 0) <= 10, "at most what two requests had in flight"
    assert states["delivered"] <= accepted(served) - before <= COUNT


def test_what_was_in_flight_at_a_kill_is_told_and_listed_before_anything_is_run_again(
    at_sandbox: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    recipients(at_sandbox, COUNT)
    with serving("--slow-share", "1", "--slow-seconds", "20", "--speed", "20") as slow:
        monkeypatch.setenv("SMSBAT_BASE_URL", slow.url)
        with Program(*command("--chunk-size", "5", "--concurrency", "2")) as program:
            until(lambda: slow.stats()["requests"]["send"] == 2, "two requests are under way")
            program.kill()
            program.ended()
    assert run(["campaign", "status", "spring"]) == 0
    told = capsys.readouterr().out
    assert "was running when its process ended. 10 messages may or may not have gone out." in " ".join(
        told.split()
    )
    assert re.search(r"^  in flight +10$", told, re.MULTILINE)
    assert run(["campaign", "settle", "spring", "--list", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10
    assert run(["campaign", "settle", "spring", "--resend", "--all"]) == 0
    assert "10 messages will be sent again." in capsys.readouterr().out


def test_who_reads_results_may_stop_reading(at_sandbox: Path) -> None:
    recipients(at_sandbox, 2000)
    more = ("--chunk-size", "1000", "--rate", "0", "--track-for", "0")
    arguments = [word for word in command() if word not in FAST]
    with Program(*arguments, *more) as program:
        assert program.ended().code == 0
    with Program("campaign", "export", "spring") as program:
        assert program.read_line().startswith("line,tracking_id,")
        program.stop_reading()
        ended = program.ended()
    assert ended.code == 1
    assert ended.err == ""


def test_a_campaign_goes_on_when_nobody_reads_its_events(at_sandbox: Path, served: Served) -> None:
    recipients(at_sandbox, 20)
    before = served.stats()["accepted"]
    with Program(*command("--json", "--chunk-size", "2")) as program:
        program.stop_reading()
        assert program.ended().code == 0
    assert served.stats()["accepted"] == before + 20


def test_the_sandbox_is_served_until_a_signal(here: Path) -> None:
    with Program("sandbox", "--port", "0", "--speed", "20") as program:
        assert program.read_line().startswith("Listening on http://127.0.0.1:")
        program.terminate()
        assert program.ended().code == 0
