"""Webhooks in FastAPI, and clients that its handlers are given; needs the extra `fastapi`.

```
app = FastAPI(lifespan=lifespan(client, receiver))
app.include_router(webhook_router(receiver))

@app.post("/orders/{number}")
async def order(number: int, smsbat: SmsBat) -> None: ...
```
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated, Any, Final, TypeVar

try:
    from fastapi import APIRouter, Depends, FastAPI, Request, Response
    from fastapi.requests import HTTPConnection
    from fastapi.responses import PlainTextResponse
except ImportError:  # pragma: no cover - the extra is there in tests
    raise ImportError(
        "smsbat_async.webhooks.fastapi needs FastAPI: pip install 'smsbat-async[fastapi]'"
    ) from None

from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import ConfigurationError
from smsbat_async.webhooks.lifetime import Part, in_order, opened
from smsbat_async.webhooks.path import checked_path, hidden_path
from smsbat_async.webhooks.receiver import WebhookReceiver
from smsbat_async.webhooks.reply import UNREAD

METHODS: Final = ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""All are answered here, so that the access log shows no secret, also where somebody opens the URL."""

STATE: Final = "smsbat_async"
"""The name under which the lifespan's state has what was opened."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]
"""What `FastAPI(lifespan=...)` takes."""

Client = TypeVar("Client", SmsBatClient, ZnsClient)


def webhook_router(receiver: WebhookReceiver[Any], path: str | None = None) -> APIRouter:
    """Return a router that takes the webhooks of a receiver, which is not part of the OpenAPI schema.

    It answers `POST` to the path, with the secret in a header, and to the path with the secret behind it.
    uvicorn's access log, which has every path in it, shows `hidden` in place of the secret; other logs and
    proxies may not, so that the header is the better place where the vendor can be told to send one.

    Args:
        receiver: Takes them. Open and close it by `lifespan()`.
        path: Where they come; None takes `/webhooks/smsbat` or `/webhooks/zns`.

    Returns:
        A router for `app.include_router()`.

    Raises:
        ConfigurationError: If the path does not begin with a slash, or ends with one, or holds braces.
    """
    path = checked_path(path, receiver.vendor)
    router = APIRouter(include_in_schema=False)

    async def take(request: Request) -> Response:
        secret = request.path_params.get("secret")
        if secret is not None:
            # Servers write the access log when the answer begins, from the scope that they gave us.
            request.scope["path"] = hidden_path(request.scope["path"])
        if request.method != "POST":
            return PlainTextResponse("use POST", 405, {"Allow": "POST"})
        reply = await receiver.receive(request.headers, request.stream(), secret=secret)
        response = PlainTextResponse(reply.text, reply.status)
        if reply.status in UNREAD and request.scope.get("http_version", "").startswith("1"):
            response.headers["Connection"] = "close"  # or the server would read on to the end of the body
        return response

    router.add_api_route(path, take, methods=METHODS, response_class=PlainTextResponse)
    router.add_api_route(f"{path}/{{secret}}", take, methods=METHODS, response_class=PlainTextResponse)
    return router


def lifespan(*parts: Part, own: Lifespan | None = None) -> Lifespan:
    """Return a lifespan that opens clients and receivers, and closes receivers before their clients.

    Args:
        parts: Clients, receivers, and session pools that they share, in any order.
        own: A lifespan of your own. It runs within, so that it may use the clients, and what it yields is in
            the state as well.

    Returns:
        What `FastAPI(lifespan=...)` takes. Within a lifespan of your own use it the other way round:
        `async with lifespan(client)(app) as state: yield {**state, ...}`.

    Raises:
        ConfigurationError: If one of the parts is something else.
    """
    ordered = in_order(parts)

    @asynccontextmanager
    async def span(app: FastAPI) -> AsyncGenerator[Mapping[str, Any]]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(opened(ordered))
            state = None if own is None else await stack.enter_async_context(own(app))
            yield {**(state or {}), STATE: ordered}

    return span


async def get_smsbat(connection: HTTPConnection) -> SmsBatClient:
    """Return the `SmsBatClient` that the lifespan opened, for a request or a web socket.

    Raises:
        ConfigurationError: If it opened none, or several.
    """
    return _client(connection, SmsBatClient)


async def get_zns(connection: HTTPConnection) -> ZnsClient:
    """Return the `ZnsClient` that the lifespan opened, for a request or a web socket.

    Raises:
        ConfigurationError: If it opened none, or several.
    """
    return _client(connection, ZnsClient)


SmsBat = Annotated[SmsBatClient, Depends(get_smsbat)]
"""A handler's parameter of this type is given the `SmsBatClient`."""

Zns = Annotated[ZnsClient, Depends(get_zns)]
"""A handler's parameter of this type is given the `ZnsClient`."""


def _client(connection: HTTPConnection, kind: type[Client]) -> Client:
    parts: list[Part] | None = getattr(connection.state, STATE, None)
    if parts is None:
        raise ConfigurationError(
            f"no {kind.__name__} was opened with this app: FastAPI(lifespan=lifespan(client)) does it,"
            " or a lifespan of your own that yields its state as well"
        )
    found = [part for part in parts if isinstance(part, kind)]
    if len(found) != 1:
        raise ConfigurationError(
            f"lifespan() was given {len(found)} of {kind.__name__}, and this dependency needs exactly one"
        )
    return found[0]
