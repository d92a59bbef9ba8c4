"""FakeVendors: both vendors as a test holds them."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from blockbuster import BlockBuster

from smsbat_async import (
    ClientClosedError,
    ConfigurationError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PollPolicy,
    SessionPool,
    SmsBatClient,
)
from smsbat_async.sandbox import SandboxConfig
from smsbat_async.testing import AsgiEndpoint, FakeVendors
from smsbat_async.webhooks import WebhookReceiver
from tests.testing.messages import OTHER, PHONE, message, notification

HOUR = 3_600.0


class TestClients:
    async def test_everything_is_delivered_unless_told_otherwise(self) -> None:
        async with FakeVendors() as vendors:
            client = vendors.smsbat_client()
            receipts = await client.send_many([message(number) for number in range(50)])
            ids = [receipt.message_id for receipt in receipts if receipt.message_id]
            assert {delivery.outcome async for delivery in client.deliveries(ids)} == {Outcome.DELIVERED}
            assert len(ids) == 50

    async def test_zns_is_there_as_well(self) -> None:
        async with FakeVendors() as vendors:
            client = vendors.zns_client()
            receipt = await client.send(notification())
            assert (await client.wait_for_delivery(receipt.message_id)).success
            assert vendors.status(vendors.messages[0]) == "delivered"

    async def test_options_of_the_sandbox_decide_what_becomes_of_messages(self) -> None:
        async with FakeVendors(
            outcomes={PHONE: "undeliverable"}, zns_header="x-key", username="me"
        ) as vendors:
            client = vendors.smsbat_client(
                username="me", password="sandbox", viber_token="sandbox-viber-token"
            )
            receipt = await client.send(message())
            assert (await client.wait_for_delivery(receipt.message_id)).outcome is Outcome.UNDELIVERABLE
            assert (await vendors.zns_client().send(notification())).tracking_id == "order-1"

    async def test_a_whole_configuration_is_taken_as_it_is(self) -> None:
        config = SandboxConfig(speed=7.0, never_ends_share=0.5)
        assert FakeVendors(config).config == config
        assert FakeVendors(config, speed=8.0).config.never_ends_share == 0.5
        assert FakeVendors(config, speed=8.0).config.speed == 8.0

    async def test_unknown_options_are_named(self) -> None:
        with pytest.raises(ConfigurationError, match="undelivered_share is no option of the sandbox"):
            FakeVendors(undelivered_share=1.0)
        with pytest.raises(ValueError, match="speed must be above 0"):
            FakeVendors(speed=0.0)

    async def test_a_client_of_ones_own_reaches_it_by_its_transport(self) -> None:
        async with FakeVendors() as vendors, SessionPool(transport=vendors.transport) as pool:
            async with SmsBatClient(api_key=vendors.config.api_key, pool=pool) as client:
                await client.send(message())
            vendors.assert_sent(times=1)
            with pytest.raises(ConfigurationError, match="pool must not be given"):
                vendors.smsbat_client(pool=pool)

    async def test_arguments_of_clients_are_passed_on(self) -> None:
        events: list[object] = []
        async with FakeVendors() as vendors:
            client = vendors.smsbat_client(hooks=[events.append], polling=PollPolicy(timeout=77.0))
            await client.send(message())
            assert client.polling.timeout == 77.0
        assert events

    async def test_clients_are_closed_with_it_and_what_they_wait_for_fails(self) -> None:
        async with FakeVendors(never_ends_share=1.0) as vendors:
            client, unused = vendors.smsbat_client(), vendors.zns_client()
            receipt = await client.send(message())
            waiting = client.track(receipt.message_id)
        with pytest.raises(ClientClosedError):
            await waiting
        for closed in (client, unused):
            with pytest.raises(ClientClosedError):
                await closed.status("m-1")

    async def test_what_is_on_its_way_is_broken_off_at_once(self) -> None:
        async with FakeVendors(slow_share=1.0, slow_seconds=HOUR) as vendors:
            sending = asyncio.create_task(vendors.smsbat_client().send(message()))
            while not vendors.messages:  # noqa: ASYNC110 - whatever it takes, it is not long
                await asyncio.sleep(0)
        with pytest.raises(OutcomeUnknownError):
            await sending

    def test_it_serves_one_loop_after_another(self) -> None:
        async def send(number: int) -> None:
            client = vendors.smsbat_client()
            receipt = await client.send(message(number))
            assert (await client.wait_for_delivery(receipt.message_id)).success

        vendors = FakeVendors()
        asyncio.run(send(1))
        asyncio.run(send(2))
        vendors.assert_sent(times=2)
        asyncio.run(vendors.aclose())  # the clients ended with their loops


class TestTime:
    @pytest.mark.looptime
    async def test_lifelike_messages_take_seconds_and_hours_pass_at_once(self) -> None:
        loop = asyncio.get_running_loop()
        async with FakeVendors(lifelike=True, outcomes={OTHER: "never"}) as vendors:
            client = vendors.smsbat_client()
            receipt = await client.send(message())
            delivery = await client.wait_for_delivery(receipt.message_id)
            assert 3.0 < delivery.elapsed < 30.0
            began = loop.time()
            stuck = await client.send(message(2, OTHER))
            ended = await client.wait_for_delivery(stuck.message_id, timeout=2 * HOUR)
            assert ended.outcome is Outcome.TIMED_OUT
            assert 2 * HOUR <= loop.time() - began < 2 * HOUR + 60.0

    @pytest.mark.looptime
    async def test_lifelike_clients_keep_the_limits_of_production(self) -> None:
        loop = asyncio.get_running_loop()
        async with FakeVendors(lifelike=True) as vendors:
            client = vendors.smsbat_client()
            receipt = await client.send(message())
            began = loop.time()
            await client.fetch_statuses([receipt.message_id] * 1_000)
            assert 15.0 < loop.time() - began < 25.0
            assert vendors.stats.rate_limited == 0

    @pytest.mark.looptime
    async def test_the_same_in_every_run(self) -> None:
        async def run() -> list[tuple[str | None, float]]:
            async with FakeVendors(lifelike=True, undeliverable_share=0.3) as vendors:
                client = vendors.smsbat_client()
                results = await client.send_many([message(number) for number in range(40)])
                ids = [result.message_id for result in results if result.message_id]
                names = {sent.message_id: sent.tracking_id for sent in vendors.messages}
                found = [delivery async for delivery in client.deliveries(ids)]
                return sorted((names[one.message_id], round(one.elapsed, 6)) for one in found)

        assert await run() == await run()

    async def test_time_can_be_moved_by_hand(self) -> None:
        async with FakeVendors(speed=1.0) as vendors:
            client = vendors.smsbat_client()
            receipt = await client.send(message())
            assert (await client.status(receipt.message_id)).delivery_status == "scheduled"
            vendors.advance(60.0)
            assert (await client.status(receipt.message_id)).delivery_status == "delivered"

    async def test_fates_can_be_decided_by_hand(self) -> None:
        async with FakeVendors(never_ends_share=1.0) as vendors:
            client = vendors.smsbat_client()
            await client.send_many([message(1), message(2)])
            first, second = vendors.messages
            vendors.decide(first, "delivered", channel="viber")
            vendors.decide(second.message_id, "permanenterror")
            assert [vendors.status(one) for one in (first, second)] == ["delivered", "permanenterror"]
            with pytest.raises(KeyError):
                vendors.decide("unheard-of", "delivered")

    async def test_messages_can_be_forgotten(self) -> None:
        async with FakeVendors() as vendors:
            await vendors.smsbat_client().send(message())
            vendors.clear()
            vendors.assert_nothing_sent()

    async def test_out_of_reach_nothing_is_sent(self) -> None:
        async with FakeVendors() as vendors:
            client = vendors.smsbat_client()
            with vendors.out_of_reach(), pytest.raises(NotSentError):
                await client.send(message())
            await client.send(message())
            vendors.assert_sent(times=1)


class TestSettling:
    async def test_it_waits_for_messages_and_their_webhooks(self) -> None:
        heard = []

        async def hear(headers: Mapping[str, str], body: bytes) -> None:
            heard.append(json.loads(body)["deliverystatus"])

        async with FakeVendors() as vendors:
            await vendors.settle()
            vendors.send_webhooks(smsbat=hear)
            await vendors.smsbat_client().send_many([message(number) for number in range(20)])
            await vendors.settle()
            assert heard == ["delivered"] * 20
            assert {vendors.status(sent) for sent in vendors.messages} == {"delivered"}

    async def test_it_does_not_wait_for_what_never_ends(self) -> None:
        async with FakeVendors(never_ends_share=1.0) as vendors:
            await vendors.smsbat_client().send(message())
            await vendors.settle()
            assert vendors.status(vendors.messages[0]) in {"scheduled", "processing"}

    async def test_it_tells_what_is_still_under_way_when_its_time_is_over(self) -> None:
        async with FakeVendors(speed=1.0) as vendors:
            await vendors.smsbat_client().send(message())
            with pytest.raises(AssertionError, match=r"after 0.01 seconds .* still under way[\s\S]*order-1"):
                await vendors.settle(timeout=0.01)

    async def test_a_test_that_is_async_is_told_to_await(self) -> None:
        async with FakeVendors() as vendors:
            await vendors.smsbat_client().send(message())
            with pytest.raises(ConfigurationError, match=r"await settle\(\)"):
                vendors.wait_until_settled()


async def ok(headers: Mapping[str, str], body: bytes) -> int:
    return 204


class TestWebhooks:
    async def test_a_receiver_is_told_and_polls_are_spared(self) -> None:
        async with FakeVendors() as vendors:
            client = vendors.smsbat_client(polling=PollPolicy.webhook_first(after=HOUR, maximum=HOUR))
            secret = vendors.config.smsbat_webhook_secret
            assert secret is not None
            async with WebhookReceiver(client, secrets=[secret]) as receiver:
                vendors.send_webhooks(smsbat=receiver)
                receipt = await client.send(message())
                delivery = await client.wait_for_delivery(receipt.message_id)
                await vendors.settle()
            assert (delivery.success, delivery.source, delivery.polls) == (True, "webhook", 0)
            assert (receiver.stats.accepted, vendors.sandbox.webhooks.accepted) == (1, 1)

    @pytest.mark.looptime
    async def test_zns_webhooks_are_signed_also_hours_later(self) -> None:
        async with FakeVendors(lifelike=True) as vendors:
            await asyncio.sleep(3 * HOUR)
            client = vendors.zns_client()
            async with WebhookReceiver(client, verify=vendors.zalo_signature()) as receiver:
                vendors.send_webhooks(zns=receiver)
                await client.send(notification())
                await vendors.settle()
            assert (receiver.stats.accepted, receiver.stats.unauthorized) == (1, 0)

    @pytest.mark.looptime
    async def test_a_refused_webhook_is_sent_again(self) -> None:
        statuses = [503, 500, 200]

        async def hear(headers: Mapping[str, str], body: bytes) -> int:
            return statuses.pop(0)

        async with FakeVendors(lifelike=True) as vendors:
            vendors.send_webhooks(smsbat=hear)
            await vendors.smsbat_client().send(message())
            await vendors.settle(timeout=HOUR)
            assert (vendors.sandbox.webhooks.accepted, vendors.sandbox.webhooks.retried) == (1, 2)

    async def test_a_url_is_posted_to(self) -> None:
        heard = []

        async def hear(request: web.Request) -> web.Response:
            heard.append(((await request.json())["deliverystatus"], request.headers["X-Webhook-Secret"]))
            return web.Response()

        app = web.Application()
        app.router.add_post("/hear", hear)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            async with FakeVendors() as vendors:
                vendors.send_webhooks(smsbat=f"http://{host}:{port}/hear")
                await vendors.smsbat_client().send(message())
                await vendors.settle()
        finally:
            await runner.cleanup()
        assert heard == [("delivered", "sandbox-webhook-secret")]

    async def test_an_asgi_application_is_called(self) -> None:
        seen: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            event = await receive()
            seen.append((scope["method"], scope["path"], dict(scope["headers"])[b"content-type"]))
            seen.append((json.loads(event["body"])["deliverystatus"], event["more_body"]))
            seen.append((await receive())["type"])
            await send({"type": "http.response.start", "status": 202, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async with FakeVendors() as vendors:
            vendors.send_webhooks(smsbat=AsgiEndpoint(app, "/hear"))
            await vendors.smsbat_client().send(message())
            await vendors.settle()
            assert vendors.messages[0].webhook_status == 202
        assert seen == [("POST", "/hear", b"application/json"), ("delivered", False), "http.disconnect"]

    async def test_an_asgi_application_that_answers_nothing_has_failed(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None: ...

        assert await AsgiEndpoint(app, "/hear")({}, b"{}") == 500
        with pytest.raises(ConfigurationError, match="path must begin with a slash"):
            AsgiEndpoint(app, "hear")

    async def test_other_targets_are_refused(self) -> None:
        async with FakeVendors() as vendors:
            with pytest.raises(ConfigurationError, match="zns must be a WebhookReceiver, an async function"):
                vendors.send_webhooks(zns=7)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="URL"):
                vendors.send_webhooks(smsbat="not-a-url")

    async def test_they_can_be_switched_off_again(self) -> None:
        async with FakeVendors() as vendors:
            vendors.send_webhooks(smsbat=ok)
            vendors.send_webhooks()
            await vendors.smsbat_client().send(message())
            await vendors.settle()
            assert vendors.messages[0].webhooks == 0


class TestListening:
    @pytest.mark.looptime
    async def test_in_virtual_time_it_listens_on_the_loop_of_the_test(self) -> None:
        vendors = FakeVendors(lifelike=True)
        with pytest.raises(RuntimeError):
            _ = vendors.url
        async with vendors, vendors.sandbox, aiohttp.ClientSession() as session:
            key = {"X-Authorization-Key": vendors.env["SMSBAT_API_KEY"]}
            client = vendors.smsbat_client(base_url=vendors.env["SMSBAT_BASE_URL"])
            receipt = await client.send(message())
            async with session.get(f"{vendors.url}/bat/message/{receipt.message_id}", headers=key) as answer:
                assert (await answer.json())["deliverystatus"] == "scheduled"

    def test_the_environment_is_what_both_clients_read(self) -> None:
        vendors = FakeVendors(zns_header="x-key")
        with vendors.serving():
            assert vendors.env == {
                "SMSBAT_BASE_URL": vendors.url,
                "SMSBAT_API_KEY": "sandbox-key",
                "ZNS_BASE_URL": vendors.url,
                "ZNS_API_KEY": "sandbox-zns-key",
                "ZNS_AUTH_HEADER": "x-key",
            }

    def test_a_port_that_is_taken_is_an_error_where_it_is_asked_for(self) -> None:
        first = FakeVendors()
        with first.serving():
            second = FakeVendors(port=int(first.url.rpartition(":")[2]))
            with pytest.raises(OSError, match="address already in use"), second.serving():
                pass

    def test_a_test_without_a_loop_steers_what_listens_in_a_thread(self) -> None:
        async def order(vendors: FakeVendors, number: int) -> str:
            polling = PollPolicy(initial=0.01, allow_fast=True)
            address, key = vendors.url, vendors.config.api_key
            async with SmsBatClient(api_key=key, base_url=address, polling=polling) as client:
                receipt = await client.send(message(number))
                return (await client.wait_for_delivery(receipt.message_id)).outcome

        vendors = FakeVendors()
        with vendors.serving():
            assert asyncio.run(order(vendors, 1)) == "delivered"
            [sent] = vendors.assert_sent(text="Order 1")
            assert vendors.status(sent) == "delivered"
            vendors.advance(1.0)
            vendors.wait_until_settled()
            vendors.clear()
            vendors.assert_nothing_sent()
        vendors.close()
        with pytest.raises(RuntimeError):
            vendors.status(sent)

    def test_what_stays_under_way_is_told_without_a_loop_as_well(self) -> None:
        async def send(vendors: FakeVendors) -> None:
            async with SmsBatClient(api_key=vendors.config.api_key, base_url=vendors.url) as client:
                await client.send(message())

        vendors = FakeVendors(speed=1.0)
        with vendors.serving():
            asyncio.run(send(vendors))
            with pytest.raises(AssertionError, match="still under way"):
                vendors.wait_until_settled(timeout=0.01)

    def test_clients_in_memory_reach_it_in_its_thread(self, no_blocking_calls: BlockBuster) -> None:
        # To steer what lives in another thread is to wait for that thread for a moment.
        no_blocking_calls.functions["threading.Lock.acquire"].can_block_in("testing/home.py", "run")

        async def order(vendors: FakeVendors) -> list[bytes]:
            heard = []
            here = asyncio.get_running_loop()

            async def hear(headers: Mapping[str, str], body: bytes) -> None:
                assert asyncio.get_running_loop() is here
                heard.append(body)

            async with vendors:
                vendors.send_webhooks(smsbat=hear)
                client = vendors.smsbat_client()
                receipt = await client.send(message())
                assert (await client.wait_for_delivery(receipt.message_id)).success
                await vendors.settle()
            return heard

        vendors = FakeVendors()
        with vendors.serving():
            assert len(asyncio.run(order(vendors))) == 1


def test_it_shows_how_many_messages_there_are() -> None:
    assert repr(FakeVendors()) == "<FakeVendors with 0 messages>"
