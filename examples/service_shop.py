"""What the example services do, whatever their framework: orders, one-time codes and campaigns."""

import secrets
from collections.abc import Iterable

from smsbat_async import CascadeMessage, DeliveryResolved, MessageType, Route, SmsBatClient
from smsbat_async.errors import InvalidMessageError, SmsBatError

outcomes, codes = dict[str, str](), dict[str, str]()  # your database: by message, and by phone


def heard(event: object) -> None:
    """Keep how a message ended: a webhook told it, or a poll where none came."""
    if isinstance(event, DeliveryResolved):
        outcomes[event.delivery.message_id] = event.delivery.outcome


def message(unique: str, to: str, text: str, kind: MessageType = MessageType.TRANSACTION) -> CascadeMessage:
    """Make a message."""
    return CascadeMessage(id=unique, from_name="YourStore", to_phone=to, message_type=kind, text=text)


async def confirm(smsbat: SmsBatClient, number: int, phone: str) -> str:
    """Confirm an order, and return the vendor's id of the message; nobody waits for its delivery here."""
    receipt = await smsbat.send(message(f"order-{number}", phone, f"Order #{number} is confirmed."))
    smsbat.track(receipt.message_id)  # `heard` is told
    return receipt.message_id


async def send_code(smsbat: SmsBatClient, phone: str) -> None:
    """Send a one-time code, and send it another way where it has not arrived after 30 seconds."""
    unique, code = secrets.token_hex(8), f"{secrets.randbelow(10**6):06}"
    quick = message(unique, phone, f"Code: {code}")
    codes[phone] = code
    try:
        receipt = await smsbat.send(quick, route=Route.TG_VIBER)
        (await smsbat.wait_for_delivery(receipt.message_id, timeout=30.0)).raise_for_outcome()
    except SmsBatError:  # not delivered, or nobody knows; the same code twice does no harm
        await smsbat.send(message(f"{unique}-2", phone, f"Code: {code}"), route=Route.STANDARD)


async def run_campaign(
    smsbat: SmsBatClient, name: str, phones: Iterable[str]
) -> tuple[float, dict[int, str]]:
    """Send an offer to each phone once; return the delivery rate, and what is wrong with which rows."""
    sale, bad = dict[str, CascadeMessage](), dict[int, str]()
    for row, phone in enumerate(phones, start=1):
        try:
            sale[phone] = message(f"{name}-{row}", phone, "Summer sale: half price!", MessageType.PROMO)
        except InvalidMessageError as error:  # one bad row is no reason to send nothing
            bad[row] = str(error)
    accepted = [it.message_id for it in await smsbat.send_many(sale.values()) if it.message_id]
    ended = [it.success async for it in smsbat.deliveries(accepted, timeout=300.0)]
    return sum(ended) / max(len(ended), 1), bad
