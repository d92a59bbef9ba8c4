"""The programs on the pages about webhooks and services do what they say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from smsbat_async import ClientClosedError, Outcome, SessionPool, SmsBatClient
from smsbat_async.campaign import Ledger, State
from smsbat_async.sandbox import Sandbox, SandboxConfig
from smsbat_async.webhooks import WebhookReceiver, fastapi
from smsbat_async.webhooks.fastapi import SmsBat
from tests.campaign.ledgers import claimed, filled, states, taken, vendor_id
from tests.support import within
from tests.support.cascade import message
from tests.support.fake import Call, FakeTransport, Reply, accepted, client_of
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
    assert (len(blocks(WEBHOOKS)), len(blocks(SERVICES))) == (5, 5)


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


ORDER = "/orders/12345/confirmation"
JSON = {"Content_Type": "application/json"}


async def test_the_page_of_fastapi_may_be_started_again(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        create_app = names_of(block_with(SERVICES, ORDER.replace("12345", "{number}")))["create_app"]
        for _ in range(2):
            async with running(create_app()) as server:
                sandbox.send_webhooks(smsbat_url=f"http://127.0.0.1:{server.port}{PATH}")
                answer = await server.request("POST", ORDER, f'"{PHONE}"'.encode(), **JSON)
                assert (answer.status, answer.text) == (200, '"delivered"')
            assert server.complaints == []
        assert sandbox.stats.requests["status"] == 0
        assert [sent.tracking_id for sent in sandbox.sent_to(PHONE)] == ["order-12345"] * 2


async def test_a_bad_phone_is_a_422_with_the_page_of_fastapi(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        app = names_of(block_with(SERVICES, ORDER.replace("12345", "{number}")))["create_app"]()
        async with running(app) as server:
            answer = await server.request("POST", ORDER, b'"0671112233"', **JSON)
        assert (answer.status, '"field":"to_phone"' in answer.text) == (422, True)
        assert "0671112233" not in answer.text
        assert sandbox.stats.requests["send"] == 0
    assert server.complaints == []


async def test_an_application_that_is_made_once_is_started_once() -> None:
    app = FastAPI(lifespan=fastapi.lifespan(SmsBatClient(api_key="k")))
    async with app.router.lifespan_context(app):
        pass
    with pytest.raises(ClientClosedError):
        async with app.router.lifespan_context(app):
            pass


@pytest.mark.parametrize("secret_in_path", [True, False])
async def test_a_trace_shows_a_secret_in_the_path_and_none_in_the_header(secret_in_path: bool) -> None:
    spans = InMemorySpanExporter()
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    async with SmsBatClient(api_key="k") as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        app = FastAPI(telemetry={"tracer_provider": tracing})
        app.include_router(fastapi.webhook_router(receiver))
        async with running(app) as server:
            path, secret = (f"{PATH}/{SECRET}", None) if secret_in_path else (PATH, SECRET)
            assert (await server.post(body(), path=path, secret=secret)).status == 200
    shown = [span.to_json() for span in spans.get_finished_spans()]
    assert any(PATH in span for span in shown)
    assert any(SECRET in span for span in shown) is secret_in_path


def slow_vendor(call: Call) -> Any:
    return Reply(accepted(call), after=20.0)


@pytest.mark.looptime
async def test_a_bounded_send_gives_up_a_slow_vendor_and_sends_once() -> None:
    send_quickly = names_of(block_with(SERVICES, "def send_quickly"))["send_quickly"]
    transport = FakeTransport(slow_vendor)
    async with client_of(transport) as client:
        assert await send_quickly(client, message(1)) == "unknown"
        assert asyncio.get_running_loop().time() == pytest.approx(5.0, abs=0.01)
        assert client.poller.pending == 0
    assert len(transport.calls) == 1


@pytest.mark.looptime
async def test_a_bounded_send_that_got_no_slot_has_not_left() -> None:
    send_quickly = names_of(block_with(SERVICES, "def send_quickly"))["send_quickly"]
    transport = FakeTransport(slow_vendor)
    pool = SessionPool(max_concurrency=1, transport=transport)
    async with pool, client_of(transport, pool=pool) as client:
        first = asyncio.ensure_future(client.send(message(1)))
        await asyncio.sleep(1)
        assert await send_quickly(client, message(2)) == "not sent"
        await first
    assert len(transport.calls) == 1


@pytest.mark.looptime
async def test_a_bounded_send_that_is_answered_is_tracked() -> None:
    send_quickly = names_of(block_with(SERVICES, "def send_quickly"))["send_quickly"]
    async with client_of(FakeTransport(accepted)) as client:
        assert await send_quickly(client, message(1)) == "sent"
        assert client.poller.pending == 1


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


async def test_a_bad_id_is_a_422_with_the_page_of_aiohttp(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        app = names_of(block_with(SERVICES, "client_ctx"))["create_app"]()
        async with running(app) as server:
            answer = await server.request("GET", "/messages/a%2Fb")
            assert (answer.status, '"field": "message_id"' in answer.text) == (422, True)
    assert server.complaints == []


async def test_the_page_of_starlette(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    create_app = names_of(block_with(SERVICES, "from starlette"))["create_app"]
    client = SmsBatClient(api_key="k")
    async with running(create_app(client)) as server:
        future = client.track("m-1")
        assert (await server.post(body(), secret=None, path=f"/webhooks/{SECRET}")).status == 200
        assert (await within(future, "the delivery")).success
        assert (await server.post(body(), secret=None, path="/webhooks/wrong")).status == 401
    await asyncio.sleep(0)
    assert "closed" in repr(client)
