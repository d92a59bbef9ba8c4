"""The example services, run by real servers against the sandbox, with its webhooks."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from examples import service_aiohttp, service_fastapi, service_shop
from smsbat_async.sandbox import Channel, Sandbox, SandboxConfig
from tests.support import within
from tests.support.sockets import listening_socket
from tests.webhooks.frameworks import PATH, Connection, Served, running
from tests.webhooks.posting import OTHER, SECRET

ROOT = Path(__file__).parent.parent
SERVICES: dict[str, Any] = {"fastapi": service_fastapi, "aiohttp": service_aiohttp}
PHONE, NOT_REACHED = "+380500000001", "+380500000002"

CONFIG: dict[str, Any] = {
    "permanent_error_share": 0.0,
    "undeliverable_share": 0.0,
    "never_ends_share": 0.0,
    "outcomes": {NOT_REACHED: "undeliverable"},
    "speed": 100.0,
    "channels": tuple(
        Channel(name=name, share=1.0, delay=1.0, cost=Decimal("0.05"))
        for name in ("telegram", "viber", "rcs", "sms", "flashcall", "zalo")
    ),
    "smsbat_webhook_secret": SECRET,
    "webhook_statuses": "all",
    "webhook_duplicate_share": 0.2,
    "webhook_shuffle_share": 0.2,
}

in_both = pytest.mark.parametrize("service", SERVICES)
PointAt = Callable[[Sandbox], None]


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> PointAt:
    """Give a service the environment that a user would set."""

    def point(sandbox: Sandbox) -> None:
        monkeypatch.setenv("SMSBAT_BASE_URL", sandbox.url)
        monkeypatch.setenv("SMSBAT_API_KEY", sandbox.config.api_key)
        monkeypatch.setenv("WEBHOOK_SECRET", f"{OTHER} {SECRET}")

    return point


async def ask(server: Served, path: str, what: Any, *, status: int = 200) -> Any:
    """Post JSON, and return the answer's."""
    answer = await server.request("POST", path, json.dumps(what).encode(), Content_Type="application/json")
    assert answer.status == status
    return json.loads(answer.text)


@in_both
async def test_an_order_is_confirmed_at_once_and_its_delivery_heard_of(
    service: str, point_at: PointAt
) -> None:
    outcomes = service_shop.outcomes
    async with Sandbox(SandboxConfig(**CONFIG)) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}")
            reached = await ask(server, "/orders/12345", PHONE)
            not_reached = await ask(server, "/orders/12346", NOT_REACHED)
            assert reached not in outcomes
            await heard_of(outcomes, reached, not_reached)
        [sent] = sandbox.sent_to(PHONE)
        assert (sent.tracking_id, sent.text) == ("order-12345", "Order #12345 is confirmed.")
        assert sandbox.stats.requests["status"] == 0
    assert (outcomes[reached], outcomes[not_reached]) == ("delivered", "undeliverable")
    assert server.complaints == []


@in_both
async def test_the_secret_may_be_in_the_path(service: str, point_at: PointAt) -> None:
    async with Sandbox(SandboxConfig(**{**CONFIG, "smsbat_webhook_secret": None})) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}/{OTHER}")
            message_id = await ask(server, "/orders/1", PHONE)
            await heard_of(service_shop.outcomes, message_id)


async def heard_of(outcomes: dict[str, str], *message_ids: str) -> None:
    async def looked() -> None:
        while not outcomes.keys() >= set(message_ids):  # noqa: ASYNC110 - a plain dict tells nobody
            await asyncio.sleep(0.005)

    await within(looked(), "the ends of messages")


@in_both
async def test_a_code_is_sent_once_where_it_is_delivered(service: str, point_at: PointAt) -> None:
    async with Sandbox(SandboxConfig(**CONFIG)) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}")
            await ask(server, "/codes", PHONE)
        [sent] = sandbox.sent_to(PHONE)
        assert sent.text == f"Code: {service_shop.codes[PHONE]}"
        assert sandbox.stats.requests["status"] == 0


@in_both
async def test_a_code_goes_another_way_as_soon_as_it_is_known_not_to_arrive(
    service: str, point_at: PointAt
) -> None:
    async with Sandbox(SandboxConfig(**CONFIG)) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}")
            await within(ask(server, "/codes", NOT_REACHED), "the second message")
        first, second = sandbox.sent_to(NOT_REACHED)
        assert first.text == second.text
        assert first.tracking_id != second.tracking_id
        assert (sandbox.stats.requests["send_tg_viber"], sandbox.stats.requests["send"]) == (1, 1)


@pytest.mark.looptime
@in_both
async def test_a_code_goes_another_way_after_thirty_seconds(service: str, point_at: PointAt) -> None:
    config = SandboxConfig(**{**CONFIG, "outcomes": {PHONE: "never"}, "speed": 1.0})
    async with Sandbox(config) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            loop = asyncio.get_running_loop()
            began = loop.time()
            async with server.connection() as connection:
                body = json.dumps(PHONE).encode()
                headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
                await connection.begin("/codes", headers)
                await connection.send(body)
                assert (await connection.reader.readline()).split()[1] == b"200"
            assert 30.0 <= loop.time() - began <= 35.5
        assert len(sandbox.sent_to(PHONE)) == 2
        assert sandbox.stats.requests["status"] == 1  # the last poll, at the deadline


@in_both
async def test_a_campaign_gives_its_delivery_rate(service: str, point_at: PointAt) -> None:
    phones = [f"+38050{number:07d}" for number in range(40)]
    outcomes = dict.fromkeys(phones[:10], "undeliverable")
    async with Sandbox(SandboxConfig(**{**CONFIG, "outcomes": outcomes})) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}")
            assert await ask(server, "/campaigns/summer", phones) == {"delivery_rate": 0.75, "bad_rows": {}}
            assert await ask(server, "/campaigns/nobody", []) == {"delivery_rate": 0.0, "bad_rows": {}}
        assert sandbox.stats.requests["status"] == 0
    assert server.complaints == []


@in_both
async def test_a_campaign_leaves_bad_rows_out_and_says_which(service: str, point_at: PointAt) -> None:
    async with Sandbox(SandboxConfig(**CONFIG)) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}")
            told = await ask(server, "/campaigns/summer", [PHONE, "0501234567", NOT_REACHED, "", PHONE])
        assert told["delivery_rate"] == 0.5
        assert told["bad_rows"].keys() == {"2", "4"}
        assert all(problem.startswith("to_phone: ") for problem in told["bad_rows"].values())
        assert [len(sandbox.sent_to(phone)) for phone in (PHONE, NOT_REACHED)] == [1, 1]
    assert server.complaints == []


@pytest.mark.parametrize("path", ["/orders/12345", "/codes"])
@in_both
async def test_a_bad_phone_is_the_users_mistake(service: str, path: str, point_at: PointAt) -> None:
    async with Sandbox(SandboxConfig(**CONFIG)) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            told = await ask(server, path, "0671112233", status=422)
        assert told.keys() == {"field", "message"}
        assert told["field"] == "to_phone"
        assert "0671112233" not in told["message"]
        assert sandbox.stats.accepted == 0
    assert server.complaints == []


@in_both
async def test_no_id_holds_a_phone_number(service: str, point_at: PointAt) -> None:
    async with Sandbox(SandboxConfig(**CONFIG)) as sandbox:
        point_at(sandbox)
        async with running(SERVICES[service].create_app()) as server:
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}")
            await ask(server, "/orders/12345", PHONE)
            await ask(server, "/codes", PHONE)
            await ask(server, "/campaigns/summer", [PHONE])
        ids = [sent.tracking_id for sent in sandbox.sent_to(PHONE)]
        assert len(ids) == 3
        assert not any(PHONE[1:] in unique for unique in ids)


@in_both
def test_a_service_can_be_made_again(service: str, point_at: PointAt) -> None:
    async def answers() -> None:
        async with Sandbox(SandboxConfig(**CONFIG)) as sandbox:
            point_at(sandbox)
            async with running(SERVICES[service].create_app()) as server:
                assert await ask(server, "/orders/12345", PHONE)

    for _ in range(2):
        asyncio.run(answers())


@pytest.mark.parametrize("part", [*SERVICES, "shop"])
def test_the_services_are_short(part: str) -> None:
    text = (ROOT / f"examples/service_{part}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60


PROGRAMS = {
    "fastapi": "uvicorn --factory examples.service_fastapi:create_app",
    "aiohttp": "aiohttp.web examples.service_aiohttp:create_app",
}


@in_both
async def test_it_runs_as_its_first_line_says(service: str, point_at: PointAt) -> None:
    assert PROGRAMS[service] in (SERVICES[service].__doc__ or "")
    async with Sandbox(SandboxConfig(**CONFIG)) as sandbox:
        point_at(sandbox)
        with listening_socket() as free:
            port = free.getsockname()[1]
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *PROGRAMS[service].split(), "--port", str(port)),
            cwd=ROOT,
            env=dict(os.environ),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await within(listens(port), "the service", seconds=20)
            server = Served(port, [])
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{port}{PATH}")
            told = await ask(server, "/campaigns/summer", [PHONE, NOT_REACHED])
            assert told == {"delivery_rate": 0.5, "bad_rows": {}}
        finally:
            program.send_signal(signal.SIGTERM)
            await within(program.wait(), "the end of the service", seconds=20)


async def listens(port: int) -> None:
    while True:
        try:
            async with Connection(port):
                return
        except OSError:
            await asyncio.sleep(0.05)
