"""`smsbat send`: one message."""

import asyncio
import uuid
from typing import Annotated

from cyclopts import Parameter

from smsbat_async.cli.exits import Exit
from smsbat_async.cli.lines import delivery_fields, delivery_line, of_deliveries
from smsbat_async.cli.options import Common, Seconds, polling
from smsbat_async.cli.screen import Screen
from smsbat_async.cli.stdin import read_block
from smsbat_async.client import SmsBatClient
from smsbat_async.messages import CascadeMessage, MessageType, Receipt, Route
from smsbat_async.policies import PollPolicy


async def send(
    *,
    to: str,
    from_name: Annotated[str, Parameter(name="--from")],
    text: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    type: MessageType = MessageType.TRANSACTION,  # noqa: A002 - the word of the option
    id: str | None = None,  # noqa: A002 - the word of the option
    ttl: int | None = None,
    route: Route = Route.STANDARD,
    wait: bool = False,
    timeout: Seconds = 120.0,
    poll: Seconds | None = None,
    common: Common = Common(),
) -> int:
    """Send one message through the cascade; its id at the vendor goes to standard output.

    Args:
        to: The recipient: +380501234567.
        from_name: The sender's name as the vendor registered it.
        text: What it says; - reads it from standard input.
        type: What kind of message it is.
        id: Your own id of it; made up unless given.
        ttl: How many seconds the vendor may try to deliver it.
        route: Which channels are tried first.
        wait: Wait for its end.
        timeout: For how long, as 90s or 15m.
        poll: When to ask first, as 2s (5s); then ever later.
        common: What all such commands have.
    """
    screen = common.screen()
    message = CascadeMessage(
        id=f"cli-{uuid.uuid4()}" if id is None else id,
        from_name=from_name,
        to_phone=to,
        message_type=type,
        text=await _read_text() if text == "-" else text,
        ttl=ttl,
    )
    profile = await common.credentials()
    policy = polling(poll, profile.base_url_of("smsbat")) or PollPolicy()
    async with common.pool() as pool, profile.smsbat(pool=pool, polling=policy) as client:
        try:
            receipt = await client.send(message, route=route)
        except asyncio.CancelledError:
            screen.error(f"stopped: message {message.id} may or may not have gone out")
            raise
        if not wait:
            _tell(screen, receipt)
            return Exit.DONE
        screen.note(f"Accepted as {receipt.message_id}; waiting for its end.")
        return await _follow(screen, client, receipt, timeout)


def _tell(screen: Screen, receipt: Receipt) -> None:
    if screen.json:
        screen.give(message_id=receipt.message_id, tracking_id=receipt.tracking_id)
        return
    screen.result(receipt.message_id)
    screen.note(
        f"Accepted; your id of it is {receipt.tracking_id}. Follow it: smsbat watch {receipt.message_id}"
    )


async def _follow(screen: Screen, client: SmsBatClient, receipt: Receipt, timeout: float) -> int:
    delivery = await client.wait_for_delivery(receipt.message_id, timeout=timeout)
    if screen.json:
        screen.give(tracking_id=receipt.tracking_id, **delivery_fields(delivery))
    else:
        screen.result(delivery_line(delivery))
    return of_deliveries([delivery.outcome])


async def _read_text() -> str:
    blocks = []
    while block := await read_block():
        blocks.append(block)
    return b"".join(blocks).decode(errors="surrogateescape").rstrip("\n")
