"""Orders, one-time codes and campaigns: `python -m aiohttp.web examples.service_aiohttp:create_app`."""

import os
import secrets

from aiohttp import web

from smsbat_async import CascadeMessage, MessageType, PollPolicy, Route, SmsBatClient, SmsBatError
from smsbat_async.hooks import DeliveryResolved
from smsbat_async.webhooks import WebhookReceiver
from smsbat_async.webhooks.aiohttp import SMSBAT, WebhookHandler, client_ctx

outcomes, codes = dict[str, str](), dict[str, str]()  # your database: by message, and by phone


def message(unique: str, to: str, text: str, kind: MessageType = MessageType.TRANSACTION) -> CascadeMessage:
    """Make a message."""
    return CascadeMessage(id=unique, from_name="YourStore", to_phone=to, message_type=kind, text=text)


def create_app(arguments: list[str] | None = None) -> web.Application:
    """Make the application; SMSBAT_API_KEY and WEBHOOK_SECRET are in the environment."""

    def heard(event: object) -> None:  # a webhook told it, or a poll where none came
        if isinstance(event, DeliveryResolved):
            outcomes[event.delivery.message_id] = event.delivery.outcome

    client = SmsBatClient.from_env(polling=PollPolicy.webhook_first(after=60.0), hooks=[heard])
    receiver = WebhookReceiver(client, secrets=os.environ["WEBHOOK_SECRET"].split())
    app = web.Application()
    app.cleanup_ctx.append(client_ctx(client, receiver))
    WebhookHandler(receiver).register(app)

    async def confirm(request: web.Request) -> web.Response:
        smsbat, number, phone = request.app[SMSBAT], request.match_info["number"], await request.json()
        receipt = await smsbat.send(message(f"order-{number}", phone, f"Order #{number} is confirmed."))
        smsbat.track(receipt.message_id)  # nobody waits for it here: `heard` is told
        return web.json_response(receipt.message_id)

    async def send_code(request: web.Request) -> web.Response:
        smsbat, phone, unique = request.app[SMSBAT], await request.json(), secrets.token_hex(8)
        codes[phone] = f"{secrets.randbelow(10**6):06}"
        try:
            first = await smsbat.send(message(unique, phone, f"Code: {codes[phone]}"), route=Route.TG_VIBER)
            (await smsbat.wait_for_delivery(first.message_id, timeout=30.0)).raise_for_outcome()
        except SmsBatError:  # not delivered, or nobody knows; the same code twice does no harm
            await smsbat.send(message(f"{unique}-2", phone, f"Code: {codes[phone]}"), route=Route.STANDARD)
        return web.json_response(None)

    async def run_campaign(request: web.Request) -> web.Response:
        smsbat, name, phones = request.app[SMSBAT], request.match_info["name"], await request.json()
        sale = (message(f"{name}-{it}", it, "Summer sale: half price!", MessageType.PROMO) for it in phones)
        accepted = [it.message_id for it in await smsbat.send_many(sale) if it.message_id]
        ended = [it.success async for it in smsbat.deliveries(accepted, timeout=300.0)]
        return web.json_response(sum(ended) / max(len(ended), 1))  # the delivery rate

    app.add_routes([web.post("/orders/{number}", confirm), web.post("/codes", send_code)])
    app.add_routes([web.post("/campaigns/{name}", run_campaign)])
    return app
