"""What a test hears of webhooks that nobody took."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from smsbat_async import ConfigurationError
from smsbat_async.testing import AsgiEndpoint, FakeVendors, WebhooksRefusedError
from smsbat_async.webhooks import WebhookReceiver
from tests.testing.messages import OTHER, PHONE, message

HOUR = 3_600.0


def refusing(status: int) -> Any:
    async def hear(headers: Mapping[str, str], body: bytes) -> int:
        return status

    return hear


async def test_a_wrong_secret_fails_the_test_and_says_so() -> None:
    async with FakeVendors() as vendors:
        client = vendors.smsbat_client()
        async with WebhookReceiver(client, secrets=["not-the-right-secret"]) as receiver:
            vendors.send_webhooks(smsbat=receiver)
            await client.send(message())
            with pytest.raises(WebhooksRefusedError) as caught:
                await vendors.settle()
    assert isinstance(caught.value, AssertionError)
    assert str(caught.value).splitlines() == [
        f"the webhook of {PHONE} (delivered) was refused 3 times, last answer 401: does the receiver have"
        " config.smsbat_webhook_secret, or zalo_signature() for ZNS?",
        "Where that is what is tested: settle(allow_refused=True).",
    ]


async def test_a_path_that_the_application_does_not_have_is_asked_about() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with FakeVendors() as vendors:
        vendors.send_webhooks(smsbat=AsgiEndpoint(app, "/webhook/smsbat"))
        await vendors.smsbat_client().send(message())
        with pytest.raises(WebhooksRefusedError, match=r"last answer 404: is the path right\?"):
            await vendors.settle()


@pytest.mark.looptime
async def test_an_endpoint_that_raises_fails_the_test_at_once_with_what_it_raised() -> None:
    async def hear(headers: Mapping[str, str], body: bytes) -> int:
        raise KeyError("messageID")

    async with FakeVendors(lifelike=True) as vendors:
        vendors.send_webhooks(smsbat=hear)
        await vendors.smsbat_client().send(message())
        began = asyncio.get_running_loop().time()
        with pytest.raises(WebhooksRefusedError, match="raised KeyError: 'messageID'") as caught:
            await vendors.settle()
        assert asyncio.get_running_loop().time() - began < 30.0  # before the first retry
    assert isinstance(caught.value.__cause__, KeyError)


async def test_a_failure_of_pytest_within_an_endpoint_is_one_as_well() -> None:
    async def hear(headers: Mapping[str, str], body: bytes) -> int:
        pytest.fail("not this one")

    async with FakeVendors() as vendors:
        vendors.send_webhooks(smsbat=hear)
        await vendors.smsbat_client().send(message())
        with pytest.raises(WebhooksRefusedError, match="raised Failed: not this one"):
            await vendors.settle()


async def test_refusals_can_be_what_is_tested() -> None:
    async with FakeVendors() as vendors:
        vendors.send_webhooks(smsbat=refusing(503))
        await vendors.smsbat_client().send(message())
        await vendors.settle(allow_refused=True)
        stats = vendors.sandbox.webhooks
        assert (stats.tried, stats.accepted, stats.given_up) == (3, 0, 1)
        await vendors.settle()  # each is told once


async def test_what_raises_is_sent_again_where_that_is_allowed() -> None:
    errors = [ValueError("first")]

    async def hear(headers: Mapping[str, str], body: bytes) -> None:
        if errors:
            raise errors.pop()

    async with FakeVendors() as vendors:
        vendors.send_webhooks(smsbat=hear)
        await vendors.smsbat_client().send(message())
        await vendors.settle(allow_refused=True)
        assert vendors.sandbox.webhooks.accepted == 1


@pytest.mark.looptime
async def test_a_time_that_is_over_first_tells_of_refusals_so_far() -> None:
    async with FakeVendors(lifelike=True) as vendors:
        vendors.send_webhooks(smsbat=refusing(500))
        await vendors.smsbat_client().send(message())
        with pytest.raises(AssertionError, match=r"was refused 2 times, last answer 500$"):
            await vendors.settle(timeout=60.0)


@pytest.mark.looptime
async def test_an_endpoint_that_does_not_answer_in_time_has_not_raised() -> None:
    async def hear(headers: Mapping[str, str], body: bytes) -> None:
        await asyncio.sleep(HOUR)

    async with FakeVendors(lifelike=True, webhook_retries=()) as vendors:
        vendors.send_webhooks(smsbat=hear)
        await vendors.smsbat_client().send(message())
        with pytest.raises(WebhooksRefusedError, match="sent once and never answered, last no answer within"):
            await vendors.settle()


async def test_of_many_a_few_are_shown() -> None:
    async with FakeVendors() as vendors:
        vendors.send_webhooks(smsbat=refusing(400))
        await vendors.smsbat_client().send_many([message(number) for number in range(8)])
        with pytest.raises(WebhooksRefusedError) as caught:
            await vendors.settle()
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[5]) == (7, "... and 3 more")


async def test_what_was_cleared_or_sent_elsewhere_since_is_not_told() -> None:
    async with FakeVendors(webhook_retries=()) as vendors:
        for forget in (vendors.clear, vendors.send_webhooks):
            vendors.send_webhooks(smsbat=refusing(400))
            await vendors.smsbat_client().send(message(1, OTHER))
            while not vendors.messages[-1].webhook_status:  # noqa: ASYNC110 - counters have no event
                await asyncio.sleep(0.001)
            forget()
            await vendors.settle()


async def test_a_sync_function_is_refused_where_it_is_given() -> None:
    def hear(headers: Mapping[str, str], body: bytes) -> int:
        return 200

    class Hears:
        def __call__(self, headers: Mapping[str, str], body: bytes) -> int:
            return 200

    async with FakeVendors() as vendors:
        with pytest.raises(ConfigurationError, match="must be an async function: write `async def hear"):
            vendors.send_webhooks(smsbat=hear)  # type: ignore[arg-type]
        vendors.send_webhooks(smsbat=Hears())  # type: ignore[arg-type]
        await vendors.smsbat_client().send(message())
        with pytest.raises(WebhooksRefusedError, match=r"raised ConfigurationError: .* must be async"):
            await vendors.settle()


async def test_a_lambda_may_return_what_is_awaited() -> None:
    hear = refusing(204)
    async with FakeVendors() as vendors:
        vendors.send_webhooks(smsbat=lambda headers, body: hear(headers, body))
        await vendors.smsbat_client().send(message())
        await vendors.settle()
        assert vendors.messages[0].webhook_status == 204


def test_a_test_that_is_not_async_is_told_what_to_do() -> None:
    vendors = FakeVendors()
    with pytest.raises(ConfigurationError, match="nothing was sent yet"):
        vendors.wait_until_settled()
    asyncio.run(send(vendors))
    with pytest.raises(ConfigurationError, match=r"has ended.* in one asyncio\.run\(\), or use"):
        vendors.wait_until_settled()
    vendors.close()


async def send(vendors: FakeVendors) -> None:
    await vendors.smsbat_client().send(message())


def test_refusals_are_told_without_a_loop_as_well() -> None:
    vendors = FakeVendors(webhook_retries=())
    loop = asyncio.new_event_loop()
    try:
        vendors.send_webhooks(smsbat=refusing(401))
        loop.run_until_complete(send(vendors))
        with pytest.raises(WebhooksRefusedError, match=r"\+380501234567 .*was refused once, last answer 401"):
            vendors.wait_until_settled()
        loop.run_until_complete(send(vendors))
        vendors.wait_until_settled(allow_refused=True)
        vendors.close()
    finally:
        loop.close()
