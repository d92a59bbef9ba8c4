"""Orders, one-time codes and campaigns: `uvicorn --factory examples.service_fastapi:create_app`."""

import os
import secrets
from typing import Annotated

from fastapi import Body, FastAPI

from smsbat_async import CascadeMessage, MessageType, PollPolicy, Route, SmsBatClient, SmsBatError
from smsbat_async.hooks import DeliveryResolved
from smsbat_async.webhooks import WebhookReceiver
from smsbat_async.webhooks.fastapi import SmsBat, lifespan, webhook_router

outcomes, codes = dict[str, str](), dict[str, str]()  # your database: by message, and by phone


def message(unique: str, to: str, text: str, kind: MessageType = MessageType.TRANSACTION) -> CascadeMessage:
    """Make a message."""
    return CascadeMessage(id=unique, from_name="YourStore", to_phone=to, message_type=kind, text=text)


def create_app() -> FastAPI:
    """Make the application; SMSBAT_API_KEY and WEBHOOK_SECRET are in the environment."""

    def heard(event: object) -> None:  # a webhook told it, or a poll where none came
        if isinstance(event, DeliveryResolved):
            outcomes[event.delivery.message_id] = event.delivery.outcome

    client = SmsBatClient.from_env(polling=PollPolicy.webhook_first(after=60.0), hooks=[heard])
    receiver = WebhookReceiver(client, secrets=os.environ["WEBHOOK_SECRET"].split())
    app = FastAPI(lifespan=lifespan(client, receiver))
    app.include_router(webhook_router(receiver))

    @app.post("/orders/{number}")
    async def confirm(number: int, phone: Annotated[str, Body()], smsbat: SmsBat) -> str:
        receipt = await smsbat.send(message(f"order-{number}", phone, f"Order #{number} is confirmed."))
        smsbat.track(receipt.message_id)  # nobody waits for it here: `heard` is told
        return receipt.message_id

    @app.post("/codes")
    async def send_code(phone: Annotated[str, Body()], smsbat: SmsBat) -> None:
        unique, codes[phone] = secrets.token_hex(8), f"{secrets.randbelow(10**6):06}"
        try:
            first = await smsbat.send(message(unique, phone, f"Code: {codes[phone]}"), route=Route.TG_VIBER)
            (await smsbat.wait_for_delivery(first.message_id, timeout=30.0)).raise_for_outcome()
        except SmsBatError:  # not delivered, or nobody knows; the same code twice does no harm
            await smsbat.send(message(f"{unique}-2", phone, f"Code: {codes[phone]}"), route=Route.STANDARD)

    @app.post("/campaigns/{name}")
    async def run_campaign(name: str, phones: list[str], smsbat: SmsBat) -> float:
        sale = (message(f"{name}-{it}", it, "Summer sale: half price!", MessageType.PROMO) for it in phones)
        accepted = [it.message_id for it in await smsbat.send_many(sale) if it.message_id]
        ended = [it.success async for it in smsbat.deliveries(accepted, timeout=300.0)]
        return sum(ended) / max(len(ended), 1)  # the delivery rate

    return app
