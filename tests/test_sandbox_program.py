"""The sandbox's options and its command line."""

import asyncio
import dataclasses
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from smsbat_async.sandbox import Channel, Sandbox, SandboxConfig
from smsbat_async.sandbox.__main__ import build_config, build_parser, main, run
from tests.support import refused_port
from tests.test_sandbox import JSON, SEND, make

ROOT = Path(__file__).parent.parent


def read(*arguments: str) -> SandboxConfig:
    return build_config(vars(build_parser().parse_args(arguments)))


# -- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"port": -1}, "port must be 0 to 65535"),
        ({"port": 65536}, "port must be 0 to 65535"),
        ({"host": ""}, "host must be one or more printable ASCII"),
        ({"api_key": ""}, "api_key must be"),
        ({"username": ""}, "username must be"),
        ({"password": "ї"}, "password must be"),
        ({"viber_token": "a\nb"}, "viber_token must be"),
        ({"telegram_key": ""}, "telegram_key must be"),
        ({"zns_key": ""}, "zns_key must be"),
        ({"zns_header": ""}, "zns_header must be"),
        ({"currency": ""}, "currency must be"),
        ({"undeliverable_share": 1.1}, "undeliverable_share must be 0 to 1"),
        ({"permanent_error_share": -0.1}, "permanent_error_share must be 0 to 1"),
        ({"never_ends_share": float("nan")}, "never_ends_share must be 0 to 1"),
        ({"undeliverable_share": 0.6, "never_ends_share": 0.6}, "must add up to 1 or less"),
        ({"outcomes": {"+380501234567": "read"}}, "outcomes: that of \\+380501234567 must be one of"),
        ({"fail_share": 2}, "fail_share must be 0 to 1"),
        ({"lose_share": 2}, "lose_share must be 0 to 1"),
        ({"slow_share": 2}, "slow_share must be 0 to 1"),
        ({"incomplete_share": 2}, "incomplete_share must be 0 to 1"),
        ({"faults_on": "none"}, "faults_on must be one of all, send, status"),
        ({"slow_seconds": -1}, "slow_seconds must be 0 or more"),
        ({"queue_delay": float("inf")}, "queue_delay must be 0 or more and finite"),
        ({"delay_spread": -1}, "delay_spread must be 0 or more"),
        ({"speed": 0}, "speed must be above 0"),
        ({"speed": float("inf")}, "speed must be above 0 and finite"),
        ({"status_rate": -1}, "status_rate must be 0 or more"),
        ({"status_burst": 0}, "status_burst must be 1 or more"),
        ({"send_rate": float("nan")}, "send_rate must be 0 or more"),
        ({"send_burst": 0}, "send_burst must be 1 or more"),
        ({"retry_after": -1}, "retry_after must be 0 or more"),
        ({"max_messages": 0}, "max_messages must be 1 or more"),
        ({"max_body": 0}, "max_body must be 1 or more"),
        ({"standard_route": ()}, "standard_route must name one or more of"),
        ({"tg_viber_route": ("email",)}, "tg_viber_route must name"),
        ({"flashcall_route": ("sms", "sms")}, "flashcall_route must name"),
        ({"zns_route": ("ZALO",)}, "zns_route must name"),
        ({"reset_share": 2}, "reset_share must be 0 to 1"),
        ({"too_many_share": -1}, "too_many_share must be 0 to 1"),
        ({"garbage_share": 2}, "garbage_share must be 0 to 1"),
        ({"smsbat_webhook_url": "receiver.test/hook"}, "smsbat_webhook_url must be a URL that begins with"),
        ({"smsbat_webhook_url": "http:///hook"}, "smsbat_webhook_url must be a URL that begins with"),
        ({"zns_webhook_url": "ftp://receiver.test/"}, "zns_webhook_url must be a URL that begins with"),
        ({"zns_webhook_url": "http://receiver.test/a b"}, "zns_webhook_url must be a URL"),
        ({"zns_webhook_url": "http://[receiver/"}, "zns_webhook_url must be a URL"),
        ({"zns_webhook_url": "http://receiver.test:65536/"}, "zns_webhook_url must be a URL"),
        ({"smsbat_webhook_secret": ""}, "smsbat_webhook_secret must be"),
        ({"zns_app_id": ""}, "zns_app_id must be"),
        ({"zns_oa_id": ""}, "zns_oa_id must be"),
        ({"zns_oa_secret": "ї"}, "zns_oa_secret must be"),
        ({"webhook_statuses": "some"}, "webhook_statuses must be one of terminal, all"),
        ({"webhook_delay": -1}, "webhook_delay must be 0 or more"),
        ({"webhook_duplicate_share": 2}, "webhook_duplicate_share must be 0 to 1"),
        ({"webhook_shuffle_share": 2}, "webhook_shuffle_share must be 0 to 1"),
        ({"webhook_lose_share": 2}, "webhook_lose_share must be 0 to 1"),
        ({"webhook_retries": (1.0, -1.0)}, "webhook_retries: each must be 0 or more"),
        ({"webhook_backlog": 0}, "webhook_backlog must be 1 or more"),
        ({"channels": SandboxConfig().channels * 2}, "channels: every name must be there once"),
    ],
)
def test_a_wrong_option_names_itself_and_what_would_be_right(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SandboxConfig(**change)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": ""}, "name must not be empty"),
        ({"share": 2.0}, "share of sms must be 0 to 1"),
        ({"delay": -1.0}, "delay of sms must be 0 or more"),
        ({"cost": Decimal(-1)}, "cost of sms must be 0 or more"),
        ({"cost": Decimal("NaN")}, "cost of sms must be 0 or more"),
    ],
)
def test_a_wrong_channel_names_itself(change: dict[str, Any], complaint: str) -> None:
    right: dict[str, Any] = {"name": "sms", "share": 1.0, "delay": 1.0, "cost": Decimal("0.05")}
    with pytest.raises(ValueError, match=complaint):
        Channel(**{**right, **change})


def test_the_defaults_are_right_and_an_unlimited_rate_needs_no_burst() -> None:
    config = SandboxConfig(status_rate=0, status_burst=0, undeliverable_share=0.98)
    assert config.delivered_share == pytest.approx(0.0)
    assert config.max_messages == 200_000
    assert (config.host, config.port) == ("127.0.0.1", 0)


# -- the command line -----------------------------------------------------------------------------


def test_every_option_can_be_given() -> None:
    assert read() == SandboxConfig(port=8025)
    assert read(
        "--port", "0", "--speed", "20", "--shuffle", "--retry-after", "2", "--seed", "5"
    ) == SandboxConfig(port=0, speed=20.0, shuffle=True, retry_after=2, seed=5)
    config = read(
        *("--refused-sender", "A", "--refused-sender", "B", "--refused-phone", "+380000000000"),
        *("--outcome", "+380501234567=never", "--outcome", "84987654321=delivered"),
        *("--channel", "sms=0.5,7,0.07", "--channel", "push=1,1,0", "--standard-route", "push,sms"),
    )
    assert config.refused_senders == {"A", "B"}
    assert config.refused_phones == {"+380000000000"}
    assert config.outcomes == {"+380501234567": "never", "84987654321": "delivered"}
    assert config.route(config.standard_route) == (
        Channel(name="push", share=1.0, delay=1.0, cost=Decimal(0)),
        Channel(name="sms", share=0.5, delay=7.0, cost=Decimal("0.07")),
    )
    assert len(config.channels) == 7
    flags = build_parser().format_help()
    for option in dataclasses.fields(SandboxConfig):
        assert option.metadata["about"].split()[0] in flags


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "x"], "invalid int value"),
        (["--speed", "0"], "speed must be above 0"),
        (["--spee", "1"], "unrecognized arguments"),
        (["--outcome", "+380501234567"], "write PHONE=WORD"),
        (["--outcome", "+380501234567=read"], "must be one of delivered"),
        (["--channel", "sms"], "write NAME=SHARE,DELAY,COST"),
        (["--channel", "sms=1,1,free"], "the cost in sms=1,1,free must be a number"),
        (["--channel", "sms=2,1,0"], "must be 0 to 1"),
        (["--standard-route", "sms,fax"], "standard_route must name"),
        (["--webhook-retries", "1,soon"], "webhook_retries: write SECONDS,SECONDS,..., not 1,soon"),
    ],
)
def test_a_wrong_argument_is_said_and_exits_with_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2
    assert complaint in capsys.readouterr().err


async def test_running_ends_with_a_signal_and_puts_the_handlers_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    lines: list[str] = []

    def write(line: str) -> None:
        lines.append(line)
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)

    await asyncio.wait_for(run(SandboxConfig(), write), 10)
    assert lines[0].startswith("Listening on http://127.0.0.1:")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_the_program_returns_zero_after_a_signal(capsys: pytest.CaptureFixture[str]) -> None:
    def stop(line: str) -> None:
        signal.raise_signal(signal.SIGTERM)

    assert main(["--port", "0"], write=stop) == 0
    assert capsys.readouterr().out == ""


async def test_a_taken_port_is_said_and_returns_one(capsys: pytest.CaptureFixture[str]) -> None:
    async with Sandbox() as sandbox:
        port = sandbox.url.rsplit(":", 1)[1]
        assert await asyncio.to_thread(_main_in_thread, ["--port", port]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert errors.endswith("address already in use\n")


def _main_in_thread(argv: list[str]) -> int:
    with pytest.MonkeyPatch.context() as patch:
        # Only the main thread may install signal handlers.
        patch.setattr(signal, "signal", lambda number, handler: handler)
        return main(argv)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_serves_until_a_signal_and_exits_with_0(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "smsbat_async.sandbox", "--port", "0", "--api-key", "mine"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        found = re.fullmatch(
            r"Listening on (http://127\.0\.0\.1:\d+) \| X-Authorization-Key: mine \| Basic sandbox:sandbox"
            r" \| X-Viber-Auth-Token: sandbox-viber-token \| X-Tg-Bot-Key: sandbox-telegram-key"
            r" \| ZNS access_token: sandbox-zns-key\n",
            line,
        )
        assert found, line
        async with aiohttp.ClientSession() as session:
            headers = {**JSON, "X-Authorization-Key": "mine"}
            body = json.dumps([make()])
            async with session.post(found[1] + SEND, data=body, headers=headers) as response:
                assert response.status == 200
            # The connection stays open: an idle caller must not hold up the end.
            process.send_signal(number)
            out, errors = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, out, errors) == (0, b"", b"")


# -- what it says of webhooks ----------------------------------------------------------------------


@asynccontextmanager
async def ends_the_program() -> AsyncIterator[None]:
    """Have `run` end by a signal, whatever happens within."""
    try:
        yield
    finally:
        signal.raise_signal(signal.SIGINT)


async def test_the_program_says_once_that_webhooks_are_refused_and_once_that_they_are_taken() -> None:
    statuses = [401, 401, 200]

    async def hear(request: web.Request) -> web.Response:
        return web.Response(status=statuses.pop(0))

    app = web.Application()
    app.router.add_post("/hook", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    said: list[str] = []
    taken = asyncio.Event()
    tasks = []

    def warn(line: str) -> None:
        said.append(line)
        if "again" in line:
            taken.set()

    async def use(url: str) -> None:
        headers = {**JSON, "X-Authorization-Key": "sandbox-key"}
        async with ends_the_program(), aiohttp.ClientSession() as session:
            async with session.post(url + SEND, data=json.dumps([make()]), headers=headers) as response:
                assert response.status == 200
            await asyncio.wait_for(taken.wait(), 10)
            async with session.get(url + "/_sandbox/webhooks") as response:
                told = json.loads(await response.read())
            assert (told["tried"], told["accepted"], told["given_up"], told["waiting"]) == (3, 1, 0, 0)

    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        config = SandboxConfig(
            smsbat_webhook_url=hook, speed=1000.0, outcomes={"+380501234567": "delivered"}, delay_spread=0.0
        )

        def write(line: str) -> None:
            tasks.append(asyncio.create_task(use(line.split()[2])))

        await asyncio.wait_for(run(config, write, warn=warn), 20)
        await asyncio.gather(*tasks)
    finally:
        await runner.cleanup()
    assert said == [
        f"SMSBAT's webhooks to {hook} are refused: answer 401",
        f"SMSBAT's webhooks to {hook} are taken again: answer 200",
    ]


async def test_what_it_says_of_webhooks_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with refused_port() as port:
        hook = f"http://127.0.0.1:{port}/hook"

        async def until_it_is_said() -> None:
            while "webhooks" not in "".join(errors):
                errors.append(capsys.readouterr().err)
                await asyncio.sleep(0.01)

        async def use(url: str) -> None:
            headers = {**JSON, "X-Authorization-Key": "sandbox-key"}
            async with ends_the_program(), aiohttp.ClientSession() as session:
                async with session.post(url + SEND, data=json.dumps([make()]), headers=headers) as response:
                    assert response.status == 200
                await asyncio.wait_for(until_it_is_said(), 10)

        errors: list[str] = []
        tasks = []

        def write(line: str) -> None:
            tasks.append(asyncio.create_task(use(line.split()[2])))

        config = SandboxConfig(
            smsbat_webhook_url=hook, speed=1000.0, outcomes={"+380501234567": "delivered"}, delay_spread=0.0
        )
        await asyncio.wait_for(run(config, write), 20)
        await asyncio.gather(*tasks)
    said = "".join(errors)
    assert said.startswith(f"SMSBAT's webhooks to {hook} do not get through: ClientConnectorError: Cannot")
    assert said.count("\n") == 1


# -- the page -------------------------------------------------------------------------------------


def test_the_pages_example_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text()
    example = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert example
    exec(example[1], {})
    assert capsys.readouterr().out == example[2]


def test_the_page_has_every_option_with_its_default() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `[^`]+` \| (.+?) \|", page, re.MULTILINE))
    flags = dict(re.findall(r"^\| `(\w+)` \| `(--[\w-]+)[^`]*` \|", page, re.MULTILINE))
    known = set(re.findall(r"^  (--[\w-]+)", build_parser().format_help(), re.MULTILINE))
    for option in dataclasses.fields(SandboxConfig):
        assert flags[option.name] in known
        if isinstance(option.default, (str, int, float)):
            assert rows[option.name].startswith(f"`{option.default}`"), option.name
    assert set(rows) == {option.name for option in dataclasses.fields(SandboxConfig)}
