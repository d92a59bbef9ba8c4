"""Orders, one-time codes and campaigns: `python -m aiohttp.web examples.service_aiohttp:create_app`."""

import os

from aiohttp import web
from aiohttp.typedefs import Handler

from examples import service_shop as shop
from smsbat_async import InvalidMessageError, PollPolicy, SmsBatClient
from smsbat_async.webhooks import WebhookReceiver
from smsbat_async.webhooks.aiohttp import SMSBAT, WebhookHandler, client_ctx


@web.middleware
async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 422 where a message cannot be what a user wants it to be."""
    try:
        return await handler(request)
    except InvalidMessageError as error:
        return web.json_response({"field": error.field, "message": error.message}, status=422)


def create_app(arguments: list[str] | None = None) -> web.Application:
    """Make the application; SMSBAT_API_KEY and WEBHOOK_SECRET are in the environment."""
    client = SmsBatClient.from_env(polling=PollPolicy.webhook_first(after=60.0), hooks=[shop.heard])
    receiver = WebhookReceiver(client, secrets=os.environ["WEBHOOK_SECRET"].split())
    app = web.Application(middlewares=[refuse])
    app.cleanup_ctx.append(client_ctx(client, receiver))
    WebhookHandler(receiver).register(app)

    async def confirm(request: web.Request) -> web.Response:
        number, phone = int(request.match_info["number"]), await request.json()
        return web.json_response(await shop.confirm(request.app[SMSBAT], number, phone))

    async def send_code(request: web.Request) -> web.Response:
        await shop.send_code(request.app[SMSBAT], await request.json())
        return web.json_response(None)

    async def run_campaign(request: web.Request) -> web.Response:
        name, phones = request.match_info["name"], await request.json()
        delivery_rate, bad_rows = await shop.run_campaign(request.app[SMSBAT], name, phones)
        return web.json_response({"delivery_rate": delivery_rate, "bad_rows": bad_rows})

    app.add_routes([web.post(r"/orders/{number:\d+}", confirm), web.post("/codes", send_code)])
    app.add_routes([web.post("/campaigns/{name}", run_campaign)])
    return app
