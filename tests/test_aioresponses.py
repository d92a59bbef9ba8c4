"""How a user's own test mocks the vendor with aioresponses (the package aioresponses-ng)."""

from typing import Any

import pytest
from aioresponses import CallbackResult, aioresponses

from smsbat_async import (
    CascadeMessage,
    MessageType,
    OutcomeUnknownError,
    Receipt,
    RetryPolicy,
    ServerError,
    SmsBatClient,
)

SEND = "https://restapi.smsbat.com/api/CascadeMessage/send_message/async"
STATUS = "https://restapi.smsbat.com/bat/message/v-1"
ORDER = CascadeMessage(
    id="order-1",
    from_name="Shop",
    to_phone="+380501234567",
    message_type=MessageType.TRANSACTION,
    text="Ready",
)


async def notify(client: SmsBatClient) -> str:
    """What the user's program does, and the user wants to test."""
    receipt = await client.send(ORDER)
    status = await client.status(receipt.message_id)
    return f"{receipt.message_id} is {status.delivery_status}"


async def test_sends_and_statuses_can_be_mocked() -> None:
    with aioresponses() as vendor:
        vendor.post(SEND, payload=[{"messageId": "v-1", "trackinId": "order-1"}])
        vendor.get(STATUS, payload={"messageId": "v-1", "deliverystatus": "delivered", "cost": 0.05})
        async with SmsBatClient(api_key="test-key") as client:
            assert await notify(client) == "v-1 is delivered"
        assert vendor.requests is not None
        ((method, url), (call,)) = next(iter(vendor.requests.items()))
        assert (method, str(url)) == ("POST", SEND)
        assert call.kwargs["headers"]["X-Authorization-Key"] == "test-key"
        assert call.kwargs["allow_redirects"] is False


async def test_a_callback_sees_the_bytes_that_are_sent() -> None:
    bodies = []

    def take(url: object, **kwargs: Any) -> CallbackResult:
        bodies.append(kwargs["data"].decode())
        return CallbackResult(body='[{"messageId":"v-1","trackinId":"order-1"}]')

    with aioresponses() as vendor:
        vendor.post(SEND, callback=take)
        async with SmsBatClient(api_key="test-key") as client:
            assert await client.send(ORDER) == Receipt("v-1", "order-1")
    assert bodies == [
        '[{"id":"order-1","fromName":"Shop","toPhone":"+380501234567",'
        '"messageType":"transaction","text":"Ready"}]'
    ]


async def test_errors_and_retries_behave_as_with_a_real_vendor() -> None:
    at_once = RetryPolicy(initial=0.0, maximum=0.0)
    with aioresponses() as vendor:
        vendor.get(STATUS, status=503)
        vendor.get(STATUS, payload={"messageId": "v-1", "deliverystatus": "processing"})
        vendor.post(SEND, status=500, payload={"error": {"code": "OOPS", "message": "No"}})
        async with SmsBatClient(api_key="test-key", retry=at_once) as client:
            assert (await client.status("v-1")).delivery_status == "processing"
            with pytest.raises(OutcomeUnknownError) as caught:
                await client.send(ORDER)
        assert isinstance(caught.value.error, ServerError)
        assert caught.value.error.code == "OOPS"
        assert vendor.requests is not None
        assert sorted(len(calls) for calls in vendor.requests.values()) == [1, 2]
