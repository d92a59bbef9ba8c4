"""`smsbat campaign`, by the program's own entrance: from a file to a report, and every way to end."""

import asyncio
import csv
import io
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignState
from smsbat_async.cli.app import run
from tests.cli.conftest import GiveStdin
from tests.cli.program import FAST, Served, recipients, serving

BAD = ("0671234567,Nobody's country", "+380670000000,Somebody again")


def command(*more: str, name: str = "spring", file: str = "people.csv", from_: str = "Shop") -> list[str]:
    return ["campaign", "run", name, file, "--from", from_, "--text", "Hello {name}", *FAST, *more]


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def status(capsys: pytest.CaptureFixture[str], name: str = "spring") -> dict[str, Any]:
    capsys.readouterr()
    assert run(["campaign", "status", name, "--json"]) == 0
    [found] = objects(capsys)
    return found


@pytest.fixture(scope="module")
def losing() -> Iterator[Served]:
    """A sandbox that takes every message and loses every answer."""
    with serving("--speed", "1000", "--lose-share", "1", "--faults-on", "send") as found:
        yield found


# -- run ------------------------------------------------------------------------------------------


def test_a_campaign_runs_from_its_file_to_its_last_delivery(
    at_sandbox: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 30)
    before = served.stats()["accepted"]
    assert run(command("--yes")) == 0
    said = capsys.readouterr()
    assert said.out.startswith("spring is finished after ")
    assert "delivered   30" in said.out
    assert "good                   30   100.0 %" in said.err
    assert "+38067" not in said.out + said.err
    assert "Hello" not in said.out + said.err
    assert served.stats()["accepted"] == before + 30
    assert not Path("campaigns.db.running.json").exists()


def test_the_same_command_again_sends_nothing_twice_and_does_not_ask(
    at_sandbox: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 10)
    assert run(command("--yes")) == 0
    before = served.stats()["accepted"]
    assert run(command()) == 0
    assert served.stats()["accepted"] == before
    assert "spring is finished" in capsys.readouterr().out


def test_events_are_objects_for_programs(at_sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipients(at_sandbox, 10, bad=BAD)
    prices = at_sandbox / "prices.toml"
    prices.write_text('currency = "EUR"\n[prices]\n380 = 0.035\n')
    more = ("--yes", "--json", "--accept-bad", "--prices", "prices.toml", "--test-to", "+380501234567")
    assert run(command(*more)) == 0
    said = capsys.readouterr()
    found = [json.loads(line) for line in said.out.splitlines()]
    events = [line["event"] for line in found]
    assert set(events) == {
        *("imported", "prepared", "test", "state", "started", "progress", "chunk", "ends", "finished")
    }
    order = [events.index(name) for name in ("prepared", "test", "started", "chunk", "ends", "finished")]
    assert order == sorted(order)
    assert {line["campaign"] for line in found} == {"spring"}
    prepared = found[events.index("prepared")]
    assert (prepared["good"], prepared["bad"], prepared["cost"]) == (10, 2, "0.350")
    assert {reason["code"] for reason in prepared["reasons"]} == {"no_country", "duplicate_phone"}
    assert found[-1]["states"] == {"delivered": 10}
    assert (found[-1]["committed"], found[-1]["currency"]) == ("0.350", "EUR")
    assert found[events.index("test")]["phone"] == "+380***67"
    assert "+38067" not in said.out


def test_without_a_terminal_somebody_has_to_say_yes(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], give_stdin: GiveStdin
) -> None:
    recipients(at_sandbox, 3)
    give_stdin("y\n")
    assert run(command()) == 2
    assert "--yes sends without asking" in capsys.readouterr().err
    assert run(["campaign", "status"]) == 0
    assert "no campaign" in capsys.readouterr().err


def test_a_dry_run_checks_the_file_and_leaves_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipients(here, 5)
    assert run(command("--dry-run")) == 0
    assert capsys.readouterr().out.startswith("Preflight of people.csv\n")
    recipients(here, 5, bad=BAD)
    assert run(command("--dry-run", "--rejects", "rejects.csv", "--json")) == 2
    assert objects(capsys)[0]["bad"] == 2
    assert len((here / "rejects.csv").read_text().splitlines()) == 3
    assert run(command("--dry-run", "--accept-bad", "--region", "UA")) == 0
    assert not Path("campaigns.db").exists()


def test_bad_rows_stop_a_campaign_before_anything_is_sent_unless_they_are_accepted(
    at_sandbox: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 5, bad=BAD)
    before = served.stats()["accepted"]
    assert run(command("--yes", "--rejects", "rejects.csv")) == 2
    assert "2 rows are bad: mend them, or send to the others with --accept-bad" in capsys.readouterr().err
    assert served.stats()["accepted"] == before
    assert len((at_sandbox / "rejects.csv").read_text().splitlines()) == 3
    recipients(at_sandbox, 5)
    assert run(command("--yes")) == 0, "the mended file goes under the same name"
    assert served.stats()["accepted"] == before + 5


def test_a_file_without_a_good_row_is_refused(at_sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipients(at_sandbox, 0, bad=BAD[:1])
    assert run(command("--yes", "--accept-bad")) == 2
    assert "no row that a message can be sent to" in capsys.readouterr().err


def test_recipients_may_come_on_standard_input(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], give_stdin: GiveStdin
) -> None:
    rows = [{"to": f"+3806700000{number}", "key": f"k{number}", "words": "Hi"} for number in range(10, 14)]
    text = "\n".join(json.dumps(row) for row in rows)
    columns = ("--phone-column", "to", "--id-column", "key", "--text-column", "words")
    arguments = ["campaign", "run", "spring", "-", "--format", "jsonl", "--from", "Shop", *columns, *FAST]
    give_stdin(text)
    assert run([*arguments, "--yes"]) == 0
    assert "Preflight of standard input" in capsys.readouterr().err
    give_stdin(text)
    assert run([*arguments, "--json"]) == 0, "the same rows are the same campaign"
    assert objects(capsys)[-1]["states"] == {"delivered": 4}
    assert run(["campaign", "export", "spring"]) == 0
    assert "\n1,k10,'+380***10,delivered," in capsys.readouterr().out


def test_another_file_or_text_under_the_same_name_is_refused(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 3)
    assert run(command("--yes")) == 0
    recipients(at_sandbox, 4)
    assert run(command("--yes")) == 2
    assert "spring" in capsys.readouterr().err


def test_a_test_that_is_refused_stops_the_campaign(
    at_sandbox: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 3)
    before = served.stats()["accepted"]
    assert run(command("--yes", "--test-to", "+380501234567", from_="Nobody")) == 1
    said = capsys.readouterr().err
    assert "Test to +380***67: rejected (HTTP 400 INVALID_SENDER" in said
    assert "a test was not accepted" in said
    assert served.stats()["accepted"] == before


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--hours", "9-20", "--zone", "Europe/Kyiv"), "start"),
        (("--hours", "09:00", "--zone", "Europe/Kyiv"), "--hours must be two times"),
        (("--hours", "09:00-20:00"), "--hours needs --zone"),
        (("--zone", "Europe/Kyiv"), "--zone goes with --hours"),
        (("--stop-share", "2"), "share"),
        (("--budget", "5"), "budget: needs prices"),
        (("--chunk-size", "1001"), "chunk_size"),
        (("--prices", "none.toml"), "none.toml cannot be read"),
        (("--delimiter", ";;"), "delimiter must be one character"),
        (("--format", "jsonl", "--delimiter", ";"), "--delimiter goes with CSV only"),
        (("--from-column", "sender"), "with --from, or its column with --from-column"),
        (("--rate", "-1"), "Rate.per_second must be more than 0"),
        (("--ledger", "postgresql://me:sesame@127.0.0.1/x"), "--ledger must not hold a password"),
        (("--budget", "much"), "Invalid value"),
        (("--campaign",), "Unknown option"),
        (("--text-column", "words"), "with --text, or its column with --text-column"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_says_what_would_be_right(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], complaint: str
) -> None:
    recipients(at_sandbox, 1)
    assert run(command("--yes", *more)) == 2
    said = capsys.readouterr()
    assert complaint in " ".join(said.err.replace("│", " ").split())
    assert "sesame" not in said.err
    assert said.out == ""


# -- how it may end -------------------------------------------------------------------------------


def test_a_rule_that_stops_it_has_a_code_of_its_own_and_resume_may_lift_it(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"+38067{number:07},Person {number}" for number in range(20)]
    (at_sandbox / "people.csv").write_text("\n".join(["phone,name", *rows]) + "\n")
    (at_sandbox / "prices.toml").write_text('currency = "EUR"\n[prices]\n380 = 1\n')
    more = ("--prices", "prices.toml", "--budget", "10", "--chunk-size", "5")
    assert run(command("--yes", *more)) == 4
    assert "spring is stopped (" in capsys.readouterr().out
    assert status(capsys)["left"] == 10
    assert run(command("--yes", *more)) == 2
    assert "To go on: smsbat campaign resume spring" in capsys.readouterr().err
    assert run(["campaign", "resume", "spring", "--budget", "0", *FAST]) == 0
    assert status(capsys)["delivered"] == 20


def test_messages_of_unknown_fate_are_listed_and_settled_by_somebodys_word(
    at_sandbox: Path,
    losing: Served,
    served: Served,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipients(at_sandbox, 5)
    monkeypatch.setenv("SMSBAT_BASE_URL", losing.url)
    assert run(command("--yes")) == 3
    said = capsys.readouterr().out
    assert "5 messages may or may not have gone out" in said
    assert "smsbat campaign settle spring --list" in said
    assert losing.stats()["accepted"] == 5

    assert run(["campaign", "settle", "spring", "--list"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[:3] for line in said.splitlines()] == [
        [f"spring-{line}", str(line), f"+380***0{line - 2}"] for line in range(2, 7)
    ]
    assert run(["campaign", "settle", "spring", "--list", "--json", "--phones"]) == 0
    assert objects(capsys)[0]["phone"] == "+380670000000"

    assert run(["campaign", "settle", "spring", "spring-2", "--as", "sent", "--why", "the log"]) == 0
    assert "1 message settled as accepted" in capsys.readouterr().out
    assert run(["campaign", "settle", "spring", "spring-3", "--resend", "--json"]) == 0
    assert objects(capsys) == [{"campaign": "spring", "settled": 1, "state": "pending"}]
    assert run(["campaign", "settle", "spring", "spring-3", "nobody", "--as", "delivered"]) == 1
    assert "2 ids named no message of spring that is UNKNOWN" in capsys.readouterr().err
    assert run(["campaign", "settle", "spring", "--all", "--as", "permanent-error"]) == 0
    assert status(capsys)["states"] == {"accepted": 1, "pending": 1, "permanent_error": 3}

    before = served.stats()["accepted"]
    monkeypatch.setenv("SMSBAT_BASE_URL", served.url)
    assert run(["campaign", "resume", "spring", "--track-for", "0"]) == 0
    assert served.stats()["accepted"] == before + 1, "one was to be sent again"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "say one of --list, --as WORD and --resend"),
        (("--list", "--resend"), "say one of"),
        (("--resend",), "name the messages by your ids, or say --all"),
        (("--resend", "--all", "a"), "name the messages by your ids, or say --all"),
        (("--list", "a"), "leave out ids and --all"),
        (("--resend", "a", "--vendor-id", "v"), "--vendor-id goes with one id and --as sent"),
        (("--as", "lost", "a"), "Invalid value"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_settling_has_to_say_what_and_of_which(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], complaint: str
) -> None:
    assert run(["campaign", "settle", "spring", *words]) == 2
    assert complaint in " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("resume", "spring"),
        ("pause", "spring"),
        ("settle", "spring", "--list"),
        ("report", "spring", "--json"),
        ("export", "spring"),
    ],
    ids=" ".join,
)
def test_no_ledger_is_made_by_who_only_looks(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(["campaign", *words, "--ledger", "none.db"]) == 2
    assert "there is no ledger none.db: name it with --ledger or $SMSBAT_LEDGER" in capsys.readouterr().err
    assert not Path("none.db").exists()


def test_a_campaign_that_is_not_there_is_wrong_usage(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 1)
    assert run(command("--yes")) == 0
    for first, *more in (
        ("status",),
        ("resume",),
        ("pause",),
        ("settle", "--list"),
        ("report", "--json"),
        ("export",),
    ):
        assert run(["campaign", first, "autumn", *more]) == 2
        assert "'autumn'" in capsys.readouterr().err


async def test_a_ledger_in_use_has_a_code_of_its_own(at_sandbox: Path) -> None:
    recipients(at_sandbox, 1)
    async with Ledger.open("campaigns.db"):
        for words in (command("--yes"), ["campaign", "status"], ["campaign", "pause", "spring"]):
            assert await asyncio.to_thread(run, words) == 6


def test_a_file_that_is_no_ledger_is_left_as_it_was(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 1)
    Path("campaigns.db").write_text("notes\n" * 1000)
    assert run(command("--yes")) == 6
    assert Path("campaigns.db").read_text() == "notes\n" * 1000


def test_a_ledger_is_also_named_by_the_environment(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMSBAT_LEDGER", "mine.db")
    recipients(at_sandbox, 1)
    assert run(command("--yes")) == 0
    assert Path("mine.db").exists()
    assert status(capsys)["delivered"] == 1


# -- status, pause, export, report ----------------------------------------------------------------


def test_status_lists_all_campaigns_in_eighty_columns(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 3)
    assert run(command("--yes")) == 0
    assert run(command("--yes", name="a campaign whose name is much longer than a line of a terminal")) == 0
    capsys.readouterr()
    assert run(["campaign", "status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("Campaign", "State", "Recipients", "Accepted", "Delivered", "Failed", "Unknown")
    ]
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert run(["campaign", "status", "--json"]) == 0
    assert [found["delivered"] for found in objects(capsys)] == [3, 3]


async def leave_running(name: str) -> None:
    """Leave a campaign as a process that was killed leaves it."""
    async with Ledger.open("campaigns.db") as ledger:
        await ledger.set_state(await ledger.campaign(name), CampaignState.RUNNING)


def test_pause_of_a_campaign_that_nothing_runs_holds_it_until_somebody_resumes(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 2)
    assert run(command("--yes")) == 0
    assert run(["campaign", "pause", "spring"]) == 0
    assert "spring is finished" in capsys.readouterr().out
    asyncio.run(leave_running("spring"))
    assert run(["campaign", "pause", "spring"]) == 0
    assert status(capsys)["reason"] == "by campaign pause"
    assert run(command("--yes")) == 2
    assert "spring is paused (by campaign pause). To go on: smsbat campaign resume" in capsys.readouterr().err
    assert run(["campaign", "resume", "spring"]) == 0


def test_what_nobody_agreed_to_is_neither_paused_nor_resumed(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 2)
    assert run(command("--yes", "--test-to", "+380501234567", from_="Nobody")) == 1
    capsys.readouterr()
    assert run(["campaign", "pause", "spring"]) == 0
    assert capsys.readouterr().out == "spring is ready.\n"
    assert run(["campaign", "resume", "spring"]) == 2
    assert "nobody has said yet that it is to be sent" in capsys.readouterr().err


def test_a_beacon_of_a_process_that_is_gone_is_nobodys(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 1)
    assert run(command("--yes")) == 0
    signal = {
        "pid": os.getppid(),
        "born": "long ago",
        "host": socket.gethostname(),
        "campaign": "spring",
        "ledger": "campaigns.db",
        "started_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    Path("campaigns.db.running.json").write_text(json.dumps(signal))
    assert status(capsys)["running"] is False
    assert run(["campaign", "pause", "spring"]) == 0, "or it had been told to end"


def test_a_campaign_that_runs_on_another_machine_is_paused_there(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 1)
    assert run(command("--yes")) == 0
    signal = {
        "pid": 1,
        "born": None,
        "host": "elsewhere",
        "campaign": "spring",
        "ledger": "campaigns.db",
        "started_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    Path("campaigns.db.running.json").write_text(json.dumps(signal))
    assert run(["campaign", "pause", "spring"]) == 2
    assert "runs on elsewhere, in process 1: pause it there" in capsys.readouterr().err


def test_export_is_a_table_that_no_spreadsheet_works_out(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = at_sandbox / "people.csv"
    path.write_text("phone,name,key\n+380671234567,A,=1+1\n+380500000013,B,two\n")
    assert run(command("--yes", "--id-column", "key")) == 0
    capsys.readouterr()
    assert run(["campaign", "export", "spring"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["tracking_id"] for row in rows] == ["'=1+1", "two"]
    assert [row["phone"] for row in rows] == ["'+380***67", "'+380***13"]
    assert [row["state"] for row in rows] == ["delivered", "undeliverable"]
    assert rows[0]["country"] == "UA"
    assert rows[0]["accepted_at"] <= rows[0]["ended_at"]

    assert run(["campaign", "export", "spring", "--csv", "out.csv", "--phones", "--state", "delivered"]) == 0
    text = (at_sandbox / "out.csv").read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) == 2
    assert "'+380671234567" in text
    capsys.readouterr()
    assert run(["campaign", "export", "spring", "--json", "--state", "undeliverable"]) == 0
    [found] = objects(capsys)
    assert (found["tracking_id"], found["phone"], found["state"]) == ("two", "+380***13", "undeliverable")
    assert run(["campaign", "export", "spring", "--csv", "no/such/folder.csv"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_export_reads_a_campaign_of_many_chunks_to_its_end(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipients(at_sandbox, 120)
    assert run(command("--yes", "--chunk-size", "5")) == 0
    capsys.readouterr()
    assert run(["campaign", "export", "spring"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [int(row["line"]) for row in rows] == list(range(2, 122))


def test_report_is_a_page_or_figures(at_sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipients(at_sandbox, 5)
    assert run(command("--yes")) == 0
    capsys.readouterr()
    assert run(["campaign", "report", "spring"]) == 2
    assert run(["campaign", "report", "spring", "--html", "report.html", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["name"] == "spring"
    assert "<html" in (at_sandbox / "report.html").read_text()[:200]
    assert "The report is in report.html" in said.err
    assert run(["campaign", "report", "spring", "--html", "-"]) == 0
    assert "<html" in capsys.readouterr().out[:200]
    assert run(["campaign", "report", "spring", "--html", "no/such/folder.html"]) == 2
    assert "no/such/folder.html cannot be written" in capsys.readouterr().err
