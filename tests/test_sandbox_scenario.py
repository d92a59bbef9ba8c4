"""Scenario files: options and first faults in TOML."""

import asyncio
import re
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from smsbat_async.sandbox import Channel, SandboxConfig
from smsbat_async.sandbox.__main__ import build_config, build_parser, main, run
from smsbat_async.sandbox.faults import Injected
from smsbat_async.sandbox.options import item_type, options, plain_type
from smsbat_async.sandbox.scenario import Scenario, read_scenario

FULL = """
speed = 20
seed = 4
undeliverable_share = 0.1
shuffle = true
retry_after = 2
webhook_statuses = "all"
smsbat_webhook_url = "http://127.0.0.1:9000/hook"
webhook_retries = [1, 2.5]
standard_route = ["push", "sms"]
refused_senders = ["Casino"]

[channels.push]
share = 1
delay = 1.5
cost = 0.021

[channels.sms]
share = 0.5

[outcomes]
"+380501234567" = "never"
"84987654321" = "delivered"

[[faults]]
fault = "lose"
on = "send"
times = 2

[[faults]]
fault = "slow"
seconds = 1
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, *arguments: str) -> SandboxConfig:
    return build_config(vars(build_parser().parse_args(arguments)), read_scenario(path))


def test_a_file_sets_options_channels_outcomes_and_faults(tmp_path: Path) -> None:
    path = write(tmp_path, FULL)
    config = read(path)
    assert (config.speed, config.seed, config.undeliverable_share, config.shuffle) == (20.0, 4, 0.1, True)
    assert (config.retry_after, config.webhook_statuses, config.webhook_retries) == (2, "all", (1.0, 2.5))
    assert config.smsbat_webhook_url == "http://127.0.0.1:9000/hook"
    assert config.refused_senders == {"Casino"}
    assert config.outcomes == {"+380501234567": "never", "84987654321": "delivered"}
    assert config.route(config.standard_route) == (
        Channel(name="push", share=1.0, delay=1.5, cost=Decimal("0.021")),
        Channel(name="sms", share=0.5, delay=5.0, cost=Decimal("0.05")),
    )
    # What it does not say is the program's default, and every channel is still there.
    assert (config.port, config.status_rate, len(config.channels)) == (8025, 50.0, 7)
    assert read_scenario(path).faults == (
        Injected(fault="lose", on="send", times=2),
        Injected(fault="slow", seconds=1.0),
    )


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, FULL)
    config = read(
        path,
        *("--speed", "2", "--port", "0", "--refused-sender", "Bank", "--webhook-retries", "7"),
        *("--outcome", "+380501234567=delivered", "--channel", "sms=0.7,1,0", "--standard-route", "sms"),
    )
    assert (config.speed, config.port, config.seed) == (2.0, 0, 4)
    assert (config.refused_senders, config.webhook_retries) == ({"Bank"}, (7.0,))
    assert config.outcomes == {"+380501234567": "delivered", "84987654321": "delivered"}
    assert config.route(("sms", "push"))[0].share == 0.7
    assert config.route(("push",))[0].cost == Decimal("0.021")
    assert config.standard_route == ("sms",)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert read_scenario(write(tmp_path, "")) == Scenario({}, ())


def test_every_option_can_be_in_a_file(tmp_path: Path) -> None:
    for option in options():
        if option.name in ("channels", "outcomes"):
            continue
        kind, item = plain_type(option), item_type(option)
        assert (kind is None) != (item is None), option.name
        examples = {bool: "true", int: "8", float: "0.25", str: '"text"'}
        if kind is str and isinstance(option.default, str):
            examples[str] = f'"{option.default}"'
        if "url" in option.name:
            examples[str] = '"https://receiver.test/"'
        value = examples[kind] if kind is not None else "[1]" if item is float else '["sms"]'
        read_scenario(write(tmp_path, f"{option.name} = {value}"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("speeed = 1", "speeed is unknown: did you mean speed?"),
        ("zzz = 1", "zzz is unknown: must be one of host, port"),
        ('speed = "fast"', "speed must be a number, not fast"),
        ("speed = true", "speed must be a number, not True"),
        ("speed = 0", "speed must be above 0"),
        ("seed = 1.5", "seed must be a whole number, not 1.5"),
        ("status_burst = true", "status_burst must be a whole number"),
        ("shuffle = 1", "shuffle must be true or false"),
        ("api_key = 1", "api_key must be a text"),
        ('standard_route = "sms"', "standard_route must be an array"),
        ("standard_route = [1]", "standard_route[0] must be a text"),
        ('standard_route = ["fax"]', "standard_route must name one or more of"),
        ('webhook_retries = [1, "x"]', "webhook_retries[1] must be a number"),
        ('webhook_statuses = "some"', "webhook_statuses must be one of terminal, all"),
        ("channels = 3", "channels must be a table"),
        ("[channels.viber]\nshre = 1", "channels.viber.shre is unknown: did you mean share?"),
        ('[channels.viber]\ncost = "1"', "channels.viber.cost must be a number, not 1"),
        ("[channels.viber]\nshare = 2", "channels: the share of viber must be 0 to 1"),
        ("[channels.push]\nshare = 1", "channels.push is a new channel and must have delay, cost"),
        ("outcomes = 3", "outcomes must be a table"),
        ('[outcomes]\n"+380501234567" = 3', "outcomes.+380501234567 must be a text"),
        ('[outcomes]\n"+380501234567" = "read"', "outcomes: that of +380501234567 must be one of"),
        ("faults = 3", "faults must be an array of tables"),
        ("faults = [1]", "faults[0] must be a table"),
        ('[[faults]]\non = "all"', "faults[0].fault must be given"),
        ('[[faults]]\nfault = "lose"\n[[faults]]\nfault = "x"', "faults[1].fault must be one of lose"),
        ('[[faults]]\nfault = "lose"\ntimes = 1.5', "faults[0].times must be a whole number"),
        ('[[faults]]\nfault = "lose"\nwhen = 1', "faults[0].when is unknown: must be one of fault, on"),
        ("a =", "Invalid value"),
    ],
)
def test_what_is_wrong_names_the_file_and_the_key(
    tmp_path: Path, text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=r"scenario\.toml: ") as caught:
        read_scenario(path)
    assert str(caught.value).startswith(f"{path}: {complaint}")
    with pytest.raises(SystemExit) as ended:
        main(["--scenario", str(path)])
    assert ended.value.code == 2
    assert f"{path}: {complaint}" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--scenario", str(tmp_path / "none.toml")])
    assert ended.value.code == 2
    assert f"cannot read {tmp_path}/none.toml: No such file" in capsys.readouterr().err


def test_bytes_that_are_no_text_are_said(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_bytes(b"api_key = '\xff'")
    with pytest.raises(ValueError, match=r"scenario\.toml: "):
        read_scenario(path)


def test_the_program_runs_a_scenario(tmp_path: Path) -> None:
    path = write(tmp_path, 'port = 0\napi_key = "mine"')
    lines: list[str] = []

    def stop(line: str) -> None:
        lines.append(line)
        signal.raise_signal(signal.SIGTERM)

    assert main(["--scenario", str(path)], write=stop) == 0
    assert "X-Authorization-Key: mine |" in lines[0]


async def test_the_first_requests_meet_the_scenarios_faults() -> None:
    statuses: list[bytes] = []

    async def ask(url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        for _ in range(2):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /bat/message/x HTTP/1.0\r\nX-Authorization-Key: sandbox-key\r\n\r\n")
            statuses.append((await reader.readline()).split()[1])
            writer.close()
            await writer.wait_closed()
        signal.raise_signal(signal.SIGINT)

    tasks: list[asyncio.Task[None]] = []

    def write_line(line: str) -> None:
        tasks.append(asyncio.get_running_loop().create_task(ask(line.split()[2])))

    await asyncio.wait_for(run(SandboxConfig(), write_line, [Injected(fault="fail", on="status")]), 10)
    await tasks[0]
    assert statuses == [b"500", b"404"]


# -- the page -------------------------------------------------------------------------------------


def test_the_pages_scenario_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "sandbox.md").read_text()
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found
    scenario = read_scenario(write(tmp_path, found[1]))
    assert (len(scenario.options), len(scenario.faults)) == (7, 1)
    config = build_config({}, scenario)
    assert config.route(("viber",)) == (Channel(name="viber", share=0.8, delay=1.5, cost=Decimal("0.021")),)
