"""Messages to be sent in tests of the test kit."""

from typing import Any

from smsbat_async import CascadeMessage, MessageType, ZnsMessage

PHONE = "+380501234567"
OTHER = "+380671234567"


def message(number: int = 1, to: str = PHONE, **fields: Any) -> CascadeMessage:
    given = {
        "id": f"order-{number}",
        "from_name": "Shop",
        "message_type": MessageType.TRANSACTION,
        "text": f"Order {number} is ready",
        **fields,
    }
    return CascadeMessage(to_phone=to, **given)


def notification(number: int = 1) -> ZnsMessage:
    return ZnsMessage(
        phone="84987654321",
        template_id="7895417a7d3f9461cd2e",
        template_data={"number": str(number)},
        tracking_id=f"order-{number}",
    )
