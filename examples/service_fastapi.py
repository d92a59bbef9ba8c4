"""Orders, one-time codes and campaigns: `uvicorn --factory examples.service_fastapi:create_app`."""

import os
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse

from examples import service_shop as shop
from smsbat_async import InvalidMessageError, PollPolicy, SmsBatClient
from smsbat_async.webhooks import WebhookReceiver
from smsbat_async.webhooks.fastapi import SmsBat, lifespan, webhook_router

Phone = Annotated[str, Body()]  # in the body: paths are written down, by logs and by traces


def create_app() -> FastAPI:
    """Make the application; SMSBAT_API_KEY and WEBHOOK_SECRET are in the environment."""
    client = SmsBatClient.from_env(polling=PollPolicy.webhook_first(after=60.0), hooks=[shop.heard])
    receiver = WebhookReceiver(client, secrets=os.environ["WEBHOOK_SECRET"].split())
    app = FastAPI(lifespan=lifespan(client, receiver))
    app.include_router(webhook_router(receiver))

    @app.exception_handler(InvalidMessageError)
    async def refuse(_: Request, error: InvalidMessageError) -> JSONResponse:
        return JSONResponse({"field": error.field, "message": error.message}, 422)

    @app.post("/orders/{number}")
    async def confirm(number: int, phone: Phone, smsbat: SmsBat) -> str:
        return await shop.confirm(smsbat, number, phone)

    @app.post("/codes")
    async def send_code(phone: Phone, smsbat: SmsBat) -> None:
        await shop.send_code(smsbat, phone)

    @app.post("/campaigns/{name}")
    async def run_campaign(name: str, phones: list[str], smsbat: SmsBat) -> dict[str, Any]:
        delivery_rate, bad_rows = await shop.run_campaign(smsbat, name, phones)
        return {"delivery_rate": delivery_rate, "bad_rows": bad_rows}

    return app
