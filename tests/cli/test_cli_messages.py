"""`send`, `status`, `watch`, `config check`: single messages, by the program's own entrance."""

import json
from pathlib import Path
from typing import Any

import pytest

from smsbat_async.cli.app import run
from tests.cli.conftest import GiveStdin
from tests.cli.program import serving


def send(*more: str, to: str = "+380501234567", from_: str = "Shop", text: str = "Ready") -> list[str]:
    return ["send", "--to", to, "--from", from_, "--text", text, *more]


UNDELIVERABLE, NEVER = "+380500000013", "+380500000014"
POLL = ("--poll", "0.02")


def sent(capsys: pytest.CaptureFixture[str], *more: str, to: str = "+380501234567") -> str:
    assert run(send(*more, to=to)) == 0
    return capsys.readouterr().out.strip()


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# -- send -----------------------------------------------------------------------------------------


def test_send_writes_the_vendors_id_alone_to_standard_output(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(send()) == 0
    said = capsys.readouterr()
    assert len(said.out.split()) == 1
    assert f"Follow it: smsbat watch {said.out.strip()}" in said.err
    assert "Ready" not in said.out + said.err


def test_send_writes_an_object_for_programs(at_sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(send("--json", "--id", "order-1")) == 0
    [found] = objects(capsys)
    assert found["tracking_id"] == "order-1"
    assert found.keys() == {"tracking_id", "message_id"}


def test_send_takes_the_text_from_standard_input(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], give_stdin: GiveStdin
) -> None:
    give_stdin("Ваше замовлення готове\n")
    assert run(send(text="-")) == 0
    give_stdin("")
    assert run(send(text="-")) == 2
    assert "text: must be a text that is not empty" in capsys.readouterr().err


def test_send_waits_for_the_end_when_asked_to(at_sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(send("--wait", *POLL)) == 0
    _, outcome, channel, cost, _ = capsys.readouterr().out.rstrip("\n").split("\t")
    assert outcome == "delivered"
    assert channel in {"telegram", "viber", "rcs", "sms"}
    assert float(cost) > 0
    assert run(send("--wait", *POLL, "--json", to=UNDELIVERABLE)) == 1
    assert objects(capsys)[0]["outcome"] == "undeliverable"
    assert run(send("--wait", *POLL, "--timeout", "0.1s", to=NEVER)) == 3
    assert "\ttimed_out\t" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "code", "complaint"),
    [
        (send(from_="Nobody"), 1, "HTTP 400 INVALID_SENDER"),
        (send(to="0501234567"), 2, "to_phone: must be a text in E.164 form"),
        (send("--profile", "work"), 2, "there is no [profile.work]"),
        (send("--poll", "often"), 2, "must be a time"),
    ],
    ids=["refused", "no phone", "no profile", "no time"],
)
def test_send_that_fails_says_why_and_with_which_code(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], command: list[str], code: int, complaint: str
) -> None:
    assert run(command) == code
    said = capsys.readouterr()
    assert complaint in " ".join(said.err.replace("│", " ").split())
    assert said.out == ""


def test_send_whose_answer_is_lost_is_unknown(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving("--lose-share", "1") as losing:
        monkeypatch.setenv("SMSBAT_BASE_URL", losing.url)
        assert run(send()) == 3
        assert losing.stats()["accepted"] == 1
    assert "is unknown" in capsys.readouterr().err


def test_send_without_credentials_says_what_to_set(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(send()) == 2
    assert "set SMSBAT_API_KEY, or write [profile.default]" in capsys.readouterr().err


@pytest.mark.parametrize("transport", ["aiohttp", "wire"])
def test_either_transport_can_be_asked_for(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], transport: str
) -> None:
    assert sent(capsys, "--transport", transport)


# -- status ---------------------------------------------------------------------------------------


def test_status_writes_a_line_per_message_that_can_be_cut_at_tabs(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = sent(capsys), sent(capsys, to=NEVER)
    assert run(["status", one, other]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split("\t")[0] for line in lines} == {one, other}
    assert all(line.count("\t") == 3 for line in lines)


def test_status_of_an_unknown_id_fails_and_the_others_are_told(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = sent(capsys)
    assert run(["status", one, "no-such", "--json"]) == 1
    found = {line["message_id"]: line for line in objects(capsys)}
    assert found["no-such"]["error"] == "NotFoundError"
    assert "status" in found[one]


def test_status_reads_ids_from_standard_input(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], give_stdin: GiveStdin
) -> None:
    ids = {sent(capsys), sent(capsys), sent(capsys)}
    give_stdin("\n".join(ids))
    assert run(["status", "-", "--json"]) == 0
    assert {line["message_id"] for line in objects(capsys)} == ids


def test_status_asks_zns_as_well(at_sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "no-such", "--vendor", "zns"]) == 0
    assert capsys.readouterr().out.startswith("no-such\tnot_found")


@pytest.mark.parametrize("command", ["status", "watch"])
def test_no_ids_and_misspelled_options_are_wrong_usage(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run([command]) == 2
    assert "name the ids of messages" in capsys.readouterr().err
    assert run([command, "a", "--jsno"]) == 2
    assert "there is no option --jsno" in capsys.readouterr().err


# -- watch ----------------------------------------------------------------------------------------


def test_watch_follows_to_the_end_and_the_worst_end_counts(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, never = sent(capsys), sent(capsys, to=UNDELIVERABLE), sent(capsys, to=NEVER)
    assert run(["watch", good, *POLL]) == 0
    assert capsys.readouterr().out.split("\t")[:2] == [good, "delivered"]
    assert run(["watch", good, never, *POLL, "--timeout", "0.1s"]) == 3
    assert "2 messages: 1 delivered, 1 timed_out" in capsys.readouterr().err
    assert run(["watch", good, bad, never, *POLL, "--timeout", "0.1s", "--json"]) == 1
    assert {line["outcome"] for line in objects(capsys)} == {"delivered", "undeliverable", "timed_out"}


def test_fast_polls_are_refused_for_a_vendor_elsewhere(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMSBAT_BASE_URL", "https://vendor.test")
    assert run(["watch", "a", *POLL]) == 2
    assert "--poll must be at least 1s" in capsys.readouterr().err


# -- config check ---------------------------------------------------------------------------------


def test_config_check_shows_where_credentials_are_from_and_asks_both_vendors(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "check"]) == 0
    said = capsys.readouterr().out
    assert "Credentials are from the environment." in said
    assert said.count("ok: the vendor answered") == 2
    assert "sandbox-key" not in said
    assert "sandbox-zns-key" not in said


def test_config_check_says_that_a_key_is_wrong(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMSBAT_API_KEY", "sesame")
    assert run(["config", "check", "--vendor", "smsbat", "--json"]) == 1
    [found] = objects(capsys)
    assert found["ok"] is False
    assert "HTTP 401" in found["request"]
    assert "sesame" not in json.dumps(found)


def test_config_check_offline_asks_nobody(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMSBAT_BASE_URL", "http://127.0.0.1:1")
    assert run(["config", "check", "--offline"]) == 0
    assert "left out" in capsys.readouterr().out
    assert run(["config", "check", "--vendor", "smsbat"]) == 1
    assert "request" in capsys.readouterr().out


def test_config_check_of_a_token_that_asks_no_status_says_so(
    at_sandbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMSBAT_API_KEY")
    monkeypatch.setenv("SMSBAT_VIBER_TOKEN", "sandbox-viber-token")
    assert run(["config", "check", "--vendor", "smsbat"]) == 2
    assert "not made:" in capsys.readouterr().out
