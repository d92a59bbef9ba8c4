"""Webhooks in aiohttp.web, and clients that its handlers find in the application.

```
app = web.Application()
app.cleanup_ctx.append(client_ctx(client, receiver))
WebhookHandler(receiver).register(app)

async def order(request: web.Request) -> web.Response:
    smsbat = request.config_dict[SMSBAT]
```
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from aiohttp import web

from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import ConfigurationError
from smsbat_async.webhooks.lifetime import Part, in_order, opened
from smsbat_async.webhooks.path import checked_path
from smsbat_async.webhooks.receiver import WebhookReceiver
from smsbat_async.webhooks.reply import UNREAD

SMSBAT: Final = web.AppKey("smsbat", SmsBatClient)
"""Where an application has its `SmsBatClient`; `request.config_dict[SMSBAT]` also in sub-applications."""

ZNS: Final = web.AppKey("zns", ZnsClient)
"""Where an application has its `ZnsClient`."""


def client_ctx(*parts: Part) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return what opens clients and receivers with an application, and closes receivers before their clients.

    Args:
        parts: Clients, receivers, and session pools that they share, in any order. One client of each kind
            is put into the application, under `SMSBAT` or `ZNS`.

    Returns:
        What `app.cleanup_ctx` takes.

    Raises:
        ConfigurationError: If one of the parts is something else, or there are two clients of one kind.
    """
    ordered = in_order(parts)
    smsbat = [part for part in ordered if isinstance(part, SmsBatClient)]
    zns = [part for part in ordered if isinstance(part, ZnsClient)]
    if len(smsbat) > 1 or len(zns) > 1:
        raise ConfigurationError(
            "client_ctx can put one client of each kind into an app: give the other one a key of your own"
        )

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with opened(ordered):
            for client in smsbat:
                app[SMSBAT] = client
            for other in zns:
                app[ZNS] = other
            yield

    return context


class WebhookHandler:
    """Takes the webhooks of a receiver.

    Args:
        receiver: Takes them. Open and close it by `client_ctx()`.
    """

    def __init__(self, receiver: WebhookReceiver[Any]) -> None:
        self._receiver = receiver

    def register(self, app: web.Application, path: str | None = None) -> None:
        """Take what comes to a path of an application.

        It answers `POST` to the path, with the secret in a header, and to the path with the secret behind it.
        aiohttp's access log shows every path whole: leave the first line of requests (`%r`) out of its
        format, switch it off, or have the secret in the header.

        Args:
            app: The application, before it starts.
            path: Where they come; None takes `/webhooks/smsbat` or `/webhooks/zns`.

        Raises:
            ConfigurationError: If the path does not begin with a slash, or ends with one, or holds braces.
        """
        path = checked_path(path, self._receiver.vendor)
        app.router.add_post(path, self.handle)
        app.router.add_post(f"{path}/{{secret}}", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """Take one webhook; `register()` has done it.

        Args:
            request: With the secret in the part `secret` of its path, if it has one.

        Returns:
            The answer.
        """
        body = request.content.iter_any()
        reply = await self._receiver.receive(request.headers, body, secret=request.match_info.get("secret"))
        response = web.Response(status=reply.status, text=reply.text)
        if reply.status in UNREAD:
            response.force_close()  # or the server would read on to the end of the body
        return response
