"""Applications in both frameworks behind real servers, and a client that misbehaves as no library would."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, NamedTuple, Self

import uvicorn
from aiohttp import web
from fastapi import FastAPI
from starlette.applications import Starlette

from smsbat_async.webhooks import WebhookReceiver
from smsbat_async.webhooks.aiohttp import WebhookHandler, client_ctx
from smsbat_async.webhooks.fastapi import lifespan, webhook_router
from tests.support import within
from tests.support.sockets import listening_socket
from tests.webhooks.posting import SECRET

PATH = "/webhooks/smsbat"
FRAMEWORKS = ("fastapi", "aiohttp")


class Answer(NamedTuple):
    """What came back, headers with names in lower case."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def ends_the_connection(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Connection:
    """A connection to a server; `async with` opens and closes it."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with suppress(OSError):  # the server was first
            await self.writer.wait_closed()

    async def begin(
        self, target: str | bytes, headers: Mapping[str, str | bytes], method: str = "POST"
    ) -> None:
        """Send the head of a request."""
        lines = [b"%s %s HTTP/1.1" % (method.encode(), _bytes(target)), b"Host: test"]
        lines += [b"%s: %s" % (name.encode(), _bytes(value)) for name, value in headers.items()]
        await self.send(b"\r\n".join([*lines, b"", b""]))

    async def send(self, data: bytes) -> None:
        """Send some bytes; a server that has closed is no failure."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self) -> Answer:
        """Return the next answer."""
        head = await within(self.reader.readuntil(b"\r\n\r\n"), "an answer")
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body.decode())

    def reset(self) -> None:
        """Break the connection off, whatever is on its way."""
        transport: Any = self.writer.transport
        transport.abort()


class Served(NamedTuple):
    """A server.

    Args:
        port: Where it listens, on loopback.
        complaints: What was logged of errors and tracebacks, by anybody but the loops of other tests.
    """

    port: int
    complaints: list[logging.LogRecord]

    def connection(self) -> Connection:
        """Return a connection that is not yet open."""
        return Connection(self.port)

    async def request(self, method: str, target: str | bytes, body: bytes = b"", **headers: str) -> Answer:
        """Send a request on a connection of its own, and return the answer."""
        async with self.connection() as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            await connection.begin(target, {"Content-Length": str(len(body)), **named}, method)
            await connection.send(body)
            return await connection.answer()

    async def post(
        self, body: bytes, *, secret: str | None = SECRET, path: str = PATH, **headers: str
    ) -> Answer:
        """Send a webhook with the secret in the header."""
        given = {} if secret is None else {"X_Webhook_Secret": secret}
        return await self.request("POST", path, body, Content_Type="application/json", **given, **headers)


class Complaints(logging.Handler):
    """Keeps what is logged of errors; of what loops log, what the running one does.

    The garbage of a test before, whose loop is closed, may be collected at any time and complain then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self._of_this_loop = False

    def emit(self, record: logging.LogRecord) -> None:
        of_another = record.name == "asyncio" and not self._of_this_loop
        if not of_another and (record.levelno >= logging.ERROR or record.exc_info):
            self.records.append(record)

    def hear(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Let the loop log what it has to complain about, as it would."""
        self._of_this_loop = True
        try:
            loop.default_exception_handler(context)
        finally:
            self._of_this_loop = False


@asynccontextmanager
async def running(app: Starlette | web.Application, **options: Any) -> AsyncGenerator[Served]:
    """Run an application behind the server of its framework."""
    complaints, loop = Complaints(), asyncio.get_running_loop()
    logging.getLogger().addHandler(complaints)
    loop.set_exception_handler(complaints.hear)
    try:
        serving = _uvicorn(app, **options) if isinstance(app, Starlette) else _aiohttp(app, **options)
        async with serving as port:
            yield Served(port, complaints.records)
    finally:
        loop.set_exception_handler(None)
        logging.getLogger().removeHandler(complaints)


def served(
    framework: str, receiver: WebhookReceiver[Any], *parts: Any, path: str = PATH, **options: Any
) -> AbstractAsyncContextManager[Served]:
    """Run an application that takes the webhooks of a receiver, and closes it and other parts."""
    return running(app_of(framework, receiver, *parts, path=path), **options)


def app_of(
    framework: str, receiver: WebhookReceiver[Any], *parts: Any, path: str = PATH
) -> FastAPI | web.Application:
    """Return an application that takes the webhooks of a receiver."""
    if framework == "fastapi":
        made = FastAPI(lifespan=lifespan(receiver, *parts))
        made.include_router(webhook_router(receiver, path))
        return made
    app = web.Application()
    app.cleanup_ctx.append(client_ctx(receiver, *parts))
    WebhookHandler(receiver).register(app, path)
    return app


@asynccontextmanager
async def _uvicorn(app: Starlette, **options: Any) -> AsyncGenerator[int]:
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="on", **options)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    with listening_socket() as listening:
        # Without its signal handlers, and its loop that looks ten times a second whether it should stop.
        await server.startup(sockets=[listening])
        try:
            yield listening.getsockname()[1]
        finally:
            await server.shutdown(sockets=[listening])


@asynccontextmanager
async def _aiohttp(app: web.Application, **options: Any) -> AsyncGenerator[int]:
    runner = web.AppRunner(app, shutdown_timeout=0.1, **options)
    await runner.setup()
    try:
        listening = listening_socket()  # the server closes it
        port = listening.getsockname()[1]
        await web.SockSite(runner, listening).start()
        yield port
    finally:
        await runner.cleanup()


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("ascii")
