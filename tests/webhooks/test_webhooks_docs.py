"""The programs on the pages about webhooks and services do what they say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from smsbat_async import Outcome, SmsBatClient
from smsbat_async.campaign import Ledger, State
from smsbat_async.sandbox import Sandbox, SandboxConfig
from smsbat_async.webhooks import WebhookReceiver, fastapi
from smsbat_async.webhooks.fastapi import SmsBat
from tests.campaign.ledgers import claimed, filled, states, taken, vendor_id
from tests.support import within
from tests.test_readme import ROOT, block_with, blocks, names_of
from tests.webhooks.frameworks import PATH, running
from tests.webhooks.posting import SECRET, body, post

WEBHOOKS, SERVICES = "docs/webhooks.md", "docs/services.md"
PHONE = "+380501234567"
CONFIG = SandboxConfig(
    outcomes={PHONE: "delivered"}, speed=100.0, smsbat_webhook_secret=SECRET, zns_key="zns-key"
)


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sandbox], None]:
    def point(sandbox: Sandbox) -> None:
        monkeypatch.setenv("SMSBAT_BASE_URL", sandbox.url)
        monkeypatch.setenv("SMSBAT_API_KEY", sandbox.config.api_key)
        monkeypatch.setenv("ZNS_BASE_URL", sandbox.url)
        monkeypatch.setenv("ZNS_API_KEY", sandbox.config.zns_key)
        monkeypatch.setenv("WEBHOOK_SECRET", SECRET)

    return point


def test_the_pages_have_the_blocks_that_are_run_here() -> None:
    assert (len(blocks(WEBHOOKS)), len(blocks(SERVICES))) == (5, 4)


@pytest.mark.parametrize("page", [WEBHOOKS, SERVICES])
def test_every_page_that_they_name_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {part.split("#")[0].split(")")[0] for part in text.split("](")[1:]}
    assert named
    assert all((ROOT / "docs" / one).exists() for one in named)


async def test_the_first_receiver_tells_what_it_hears(
    point_at: Callable[[Sandbox], None], capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        names = names_of(block_with(WEBHOOKS, "on_event=on_event"))
        async with names["client"] as client, names["receiver"] as receiver:
            future = client.track("m-1")
            assert (await post(receiver, body())).status == 200
            assert (await within(future, "the delivery")).outcome is Outcome.DELIVERED
        assert sandbox.stats.requests["status"] == 0
    assert capsys.readouterr().out == "m-1 delivered\n"


async def test_the_receiver_of_zns_refuses_what_is_not_signed(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        names = names_of(block_with(WEBHOOKS, "ZaloSignature(secrets"))
        async with names["zns"], names["zns_receiver"] as receiver:
            told = b'{"event_name":"user_received_message","message":{"msg_id":"z","tracking_id":"t"}}'
            assert (await post(receiver, told, secret=None)).status == 401
            assert (await post(receiver, b"", secret=None)).status == 200


async def test_a_verifier_of_your_own(point_at: Callable[[Sandbox], None]) -> None:
    verify = names_of(block_with(WEBHOOKS, "compare_digest"))["verify"]
    async with (
        SmsBatClient(api_key="k") as client,
        WebhookReceiver(client, verify=verify) as receiver,
    ):
        for given, status in (("what your proxy adds", 200), ("wrong", 401)):
            headers = {"X-Forwarded-Secret": given}
            assert (await post(receiver, body(), secret=None, headers=headers)).status == status


async def test_the_ledger_is_a_store(tmp_path: Path) -> None:
    names = names_of(block_with(WEBHOOKS, "store=ledger.add_events"))
    async with SmsBatClient(api_key="k") as client, Ledger.open(tmp_path / "ledger.db") as ledger:
        campaign = await filled(ledger, 4)
        chunk = await claimed(ledger, campaign)
        await ledger.record(chunk, taken(chunk))

        class Kept(WebhookReceiver[Any]):
            async def __aenter__(self) -> Any:
                assert (await post(self, body(vendor_id(chunk, 1)), secret="a-secret-of-yours")).status == 200
                return self

        names["WebhookReceiver"] = Kept
        await names["keep"](client, ledger, "spring")
        assert await states(ledger, campaign) == {State.ACCEPTED: 3, State.DELIVERED: 1}


async def test_news_of_other_processes_resolve_what_is_tracked_here() -> None:
    listen = names_of(block_with(WEBHOOKS, "def listen"))["listen"]

    async def news() -> AsyncIterator[tuple[str, str]]:
        yield "m-1", "delivered"

    async with SmsBatClient(api_key="k") as client:
        future = client.track("m-1")
        await listen(client, news())
        assert (await within(future, "the delivery")).source == "webhook"


# -- services ----------------------------------------------------------------------------------------


async def test_the_page_of_fastapi(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        names = names_of(block_with(SERVICES, "/welcome/{phone}"))
        async with running(names["app"]) as server:
            sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}")
            answer = await server.request("POST", f"/welcome/%2B{PHONE[1:]}")
            assert (answer.status, answer.text) == (200, '"delivered"')
        assert sandbox.stats.requests["status"] == 0
    assert server.complaints == []


async def test_a_lifespan_around_it(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        app = names_of(block_with(SERVICES, "def mine"))["around"]

        @app.get("/client")  # type: ignore[untyped-decorator]
        async def client(smsbat: SmsBat) -> str:
            return repr(smsbat)

        async with running(app) as server:
            assert "open" in (await server.request("GET", "/client")).text


async def test_a_dependency_can_be_replaced(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox, SmsBatClient(api_key="other") as other:
        point_at(sandbox)
        app = names_of(block_with(SERVICES, "def mine"))["around"]

        async def replaced() -> SmsBatClient:
            return other

        @app.get("/client")  # type: ignore[untyped-decorator]
        async def client(smsbat: SmsBat) -> bool:
            return smsbat is other

        app.dependency_overrides[fastapi.get_smsbat] = replaced
        async with running(app) as server:
            assert (await server.request("GET", "/client")).text == "true"


async def test_the_page_of_aiohttp(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        app = names_of(block_with(SERVICES, "client_ctx"))["create_app"]()
        async with running(app) as server:
            assert (await server.post(body("m-7"))).status == 200
            assert (await server.request("GET", "/messages/m-7")).text == '"delivered"'
        assert sandbox.stats.requests["status"] == 0


async def test_the_page_of_starlette(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        names = names_of(block_with(SERVICES, "from starlette"))
        async with running(names["starlette"]) as server:
            future = names["client"].track("m-1")
            assert (await server.post(body(), secret=None, path=f"/webhooks/{SECRET}")).status == 200
            assert (await within(future, "the delivery")).success
            assert (await server.post(body(), secret=None, path="/webhooks/wrong")).status == 401
    await asyncio.sleep(0)
    assert "closed" in repr(names["client"])
