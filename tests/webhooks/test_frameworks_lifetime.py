"""How clients and receivers live in an application, and how handlers get at them."""

import asyncio
import gc
import importlib
import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from fastapi import Depends, FastAPI, Request, WebSocket

from smsbat_async import ConfigurationError, SessionPool, SmsBatClient
from smsbat_async.webhooks import WebhookReceiver
from smsbat_async.webhooks import aiohttp as in_aiohttp
from smsbat_async.webhooks.fastapi import SmsBat, Zns, lifespan, webhook_router
from tests.support.fake import FakeTransport, client_of, status
from tests.tracking.test_poller_news import zns_client
from tests.webhooks.frameworks import FRAMEWORKS, PATH, running, served
from tests.webhooks.posting import SECRET, body

HELPERS: dict[str, Any] = {"fastapi": lifespan, "aiohttp": in_aiohttp.client_ctx}


def clients() -> tuple[SmsBatClient, Any]:
    return client_of(FakeTransport([status("processing")])), zns_client(FakeTransport([]))


class Noting(WebhookReceiver[Any]):
    """A receiver that notes whether its client was open when it was closed."""

    noted = ""

    async def aclose(self, grace: float = 10.0) -> None:
        self.noted = repr(self.client)
        await super().aclose(grace)

    def __init__(self, client: SmsBatClient) -> None:
        super().__init__(client, secrets=[SECRET])
        self.client = client


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_receivers_are_closed_before_clients_and_clients_before_their_pool(framework: str) -> None:
    pool = SessionPool(transport=FakeTransport([]))
    client = client_of(FakeTransport([]), pool=pool)
    receiver = Noting(client)
    async with served(framework, receiver, pool, client) as server:
        assert (await server.post(body())).status == 200
        assert "open" in repr(client)
    assert "open" in receiver.noted
    assert "closed" in repr(client)
    with pytest.raises(Exception, match="closed"):
        await client.status("m-1")
    assert server.complaints == []


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_one_application_takes_the_webhooks_of_both_vendors(framework: str) -> None:
    smsbat, zns = clients()
    receivers = [WebhookReceiver(client, secrets=[SECRET]) for client in (smsbat, zns)]
    app: FastAPI | web.Application
    if framework == "fastapi":
        app = FastAPI(lifespan=lifespan(smsbat, zns, *receivers))
        for receiver in receivers:
            app.include_router(webhook_router(receiver))
    else:
        app = web.Application()
        app.cleanup_ctx.append(in_aiohttp.client_ctx(smsbat, zns, *receivers))
        for receiver in receivers:
            in_aiohttp.WebhookHandler(receiver).register(app)
    chat = b'{"event_name":"user_feedback"}'
    async with running(app) as server:
        assert (await server.post(body(), path="/webhooks/smsbat")).status == 200
        assert (await server.post(chat, path="/webhooks/zns")).status == 200
    assert [receiver.stats.accepted for receiver in receivers] == [1, 1]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("wrong", [(), ("client",), (None,), (SmsBatClient,)], ids=range(4))
async def test_what_cannot_be_opened_is_refused_at_once(framework: str, wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigurationError, match="clients, webhook receivers and session pools"):
        HELPERS[framework](*wrong)


@pytest.mark.parametrize("path", ["", "/", "webhooks", "/a/", "/a//b", "/{x}", "/a b", "/ключ", 7])
def test_a_path_that_no_secret_can_stand_behind_is_refused(path: Any) -> None:
    client, _ = clients()
    receiver = WebhookReceiver(client, secrets=[SECRET])
    with pytest.raises(ConfigurationError, match="path must be like /webhooks/smsbat"):
        webhook_router(receiver, path)
    with pytest.raises(ConfigurationError, match="path must be like /webhooks/smsbat"):
        in_aiohttp.WebhookHandler(receiver).register(web.Application(), path)


# -- FastAPI -----------------------------------------------------------------------------------------


def asking(app: FastAPI) -> FastAPI:
    """Add handlers that want clients."""

    @app.get("/smsbat")
    async def smsbat(client: SmsBat) -> str:
        return (await client.status("m-1")).delivery_status

    @app.get("/zns")
    async def zns(client: Zns) -> str:
        return repr(client)

    return app


async def test_handlers_are_given_the_clients() -> None:
    app = asking(FastAPI(lifespan=lifespan(*clients())))
    async with running(app) as server:
        assert json.loads((await server.request("GET", "/smsbat")).text) == "processing"
        assert "ZnsClient of" in (await server.request("GET", "/zns")).text
    assert server.complaints == []


async def test_handlers_of_a_mounted_application_are_given_the_clients() -> None:
    app = FastAPI(lifespan=lifespan(*clients()))
    app.mount("/v1", asking(FastAPI()))
    async with running(app) as server:
        assert json.loads((await server.request("GET", "/v1/smsbat")).text) == "processing"


async def test_a_web_socket_is_given_the_client() -> None:
    app = FastAPI(lifespan=lifespan(*clients()))

    @app.websocket("/live")
    async def live(socket: WebSocket, client: SmsBat) -> None:
        await socket.accept()
        await socket.send_text((await client.status("m-1")).delivery_status)

    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with app.router.lifespan_context(app) as state:
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": "/live",
            "query_string": b"",
            "headers": [],
            "state": state,
        }
        await app(scope, receive, send)
    assert sent[1]["text"] == "processing"


@pytest.mark.parametrize(
    ("span", "says"),
    [
        (None, "no SmsBatClient was opened with this app"),
        ("other", "was given 0 of SmsBatClient"),
        ("two", "was given 2 of SmsBatClient"),
    ],
)
async def test_a_handler_without_a_client_says_what_is_missing(span: str | None, says: str) -> None:
    smsbat, zns = clients()
    spans = {"other": lifespan(zns), "two": lifespan(smsbat, clients()[0])}
    app = asking(FastAPI(lifespan=spans.get(span or "")))
    async with running(app) as server:
        assert (await server.request("GET", "/smsbat")).status == 500
    [complaint] = [record for record in server.complaints if record.exc_info and record.exc_info[1]]
    assert complaint.exc_info is not None
    assert isinstance(complaint.exc_info[1], ConfigurationError)
    assert says in str(complaint.exc_info[1])
    for one in (smsbat, zns):
        await one.aclose()


async def test_a_lifespan_of_your_own_runs_within() -> None:
    client, _ = clients()
    said: list[str] = []

    @asynccontextmanager
    async def mine(app: FastAPI) -> AsyncGenerator[dict[str, str]]:
        said.append((await client.status("m-1")).delivery_status)
        yield {"mine": "here"}
        said.append((await client.status("m-1")).delivery_status)

    app = asking(FastAPI(lifespan=lifespan(client, own=mine)))

    @app.get("/mine")
    async def mine_too(request: Request) -> str:
        return str(request.state.mine)

    async with running(app) as server:
        assert json.loads((await server.request("GET", "/smsbat")).text) == "processing"
        assert json.loads((await server.request("GET", "/mine")).text) == "here"
    assert said == ["processing", "processing"]


async def test_it_can_be_used_within_a_lifespan_of_your_own() -> None:
    client, _ = clients()

    @asynccontextmanager
    async def mine(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        async with lifespan(client)(app) as state:
            yield {**state, "mine": "here"}

    async with running(asking(FastAPI(lifespan=mine))) as server:
        assert json.loads((await server.request("GET", "/smsbat")).text) == "processing"


async def test_clients_are_closed_where_a_lifespan_of_your_own_fails() -> None:
    client, _ = clients()

    @asynccontextmanager
    async def broken(app: FastAPI) -> AsyncGenerator[None]:
        raise OSError("no database")
        yield

    app = FastAPI(lifespan=lifespan(client, own=broken))
    with pytest.raises(OSError, match="no database"):
        async with app.router.lifespan_context(app):
            pass
    assert "closed" in repr(client)


async def test_webhooks_are_not_in_the_schema_and_take_a_prefix() -> None:
    client, _ = clients()
    receiver = WebhookReceiver(client, secrets=[SECRET])
    app = FastAPI(lifespan=lifespan(client, receiver))
    app.include_router(webhook_router(receiver, "/smsbat"), prefix="/hooks")
    assert app.openapi()["paths"] == {}
    async with running(app) as server:
        assert (await server.post(body(), path="/hooks/smsbat")).status == 200
        assert (await server.post(body(), secret=None, path=f"/hooks/smsbat/{SECRET}")).status == 200


async def test_dependencies_of_the_application_hold_for_webhooks_as_well() -> None:
    client, _ = clients()
    receiver = WebhookReceiver(client, secrets=[SECRET])
    asked: list[str] = []

    async def note(request: Request) -> None:
        asked.append(request.url.path)

    app = FastAPI(lifespan=lifespan(client, receiver), dependencies=[Depends(note)])
    app.include_router(webhook_router(receiver))
    async with running(app) as server:
        assert (await server.post(body())).status == 200
    assert asked == [PATH]


# -- aiohttp -----------------------------------------------------------------------------------------


async def test_handlers_find_the_clients_in_the_application_and_below() -> None:
    app, below = web.Application(), web.Application()
    app.cleanup_ctx.append(in_aiohttp.client_ctx(*clients()))

    async def asked(request: web.Request) -> web.Response:
        smsbat, zns = request.config_dict[in_aiohttp.SMSBAT], request.config_dict[in_aiohttp.ZNS]
        return web.Response(text=f"{(await smsbat.status('m-1')).delivery_status} {zns!r}")

    for one in (app, below):
        one.router.add_get("/asked", asked)
    app.add_subapp("/v1", below)
    async with running(app) as server:
        for path in ("/asked", "/v1/asked"):
            assert (await server.request("GET", path)).text.startswith("processing <ZnsClient")
    assert server.complaints == []


def test_two_clients_of_one_kind_have_no_place_in_an_application() -> None:
    with pytest.raises(ConfigurationError, match="one client of each kind"):
        in_aiohttp.client_ctx(clients()[0], clients()[0])


# -- what it needs -----------------------------------------------------------------------------------


def test_without_fastapi_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.delitem(sys.modules, "smsbat_async.webhooks.fastapi")
    with pytest.raises(ImportError, match=r"pip install 'smsbat-async\[fastapi\]'"):
        importlib.import_module("smsbat_async.webhooks.fastapi")


def test_webhooks_alone_need_no_web_framework() -> None:
    code = (
        "import sys, smsbat_async.webhooks\n"
        "print(sorted({'fastapi', 'starlette', 'aiohttp.web'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


async def broken() -> None:
    raise ValueError("nobody asks for it")


async def settled(task: "asyncio.Task[None]") -> None:
    await asyncio.wait([task])


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_complaints_are_those_of_the_running_loop_and_not_of_garbage_that_a_test_before_left(
    framework: str,
) -> None:
    other = asyncio.SelectorEventLoop()
    left = other.create_task(broken())
    await asyncio.to_thread(other.run_until_complete, settled(left))
    await asyncio.to_thread(other.close)
    smsbat = client_of(FakeTransport([]))
    async with (
        smsbat,
        WebhookReceiver(smsbat, secrets=[SECRET]) as receiver,
        served(framework, receiver) as server,
    ):
        del left
        gc.collect()
        assert server.complaints == []
        mine = asyncio.create_task(broken())
        await settled(mine)
        del mine
        gc.collect()
        assert [complaint.exc_info[0] for complaint in server.complaints if complaint.exc_info] == [
            ValueError
        ]
