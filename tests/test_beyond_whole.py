"""What the vendors' pages beyond the first ones tell of: whole runs against the sandbox."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from smsbat_async import (
    BadRequestError,
    CascadeMessage,
    CustomMessage,
    InvalidMessageError,
    Limits,
    MessageType,
    NativeMessage,
    NativeResult,
    Outcome,
    OutcomeUnknownError,
    PollPolicy,
    RecipientError,
    SendOutcome,
    SmsBatClient,
    Variable,
    VariableType,
    ZnsClient,
    ZnsFallbackSms,
    ZnsMessage,
    ZnsQuota,
    ZnsTemplateStatus,
)
from smsbat_async.sandbox import Sandbox, SandboxConfig
from tests.native.samples import SAMPLES, many, sms

SWIFT = PollPolicy(initial=0.01, maximum=0.05, timeout=20.0, allow_fast=True)
FREE = Limits(status=None, send=None)
QUICK: dict[str, Any] = {
    "speed": 2_000,
    "status_rate": 0,
    "status_burst": 0,
    "send_rate": 0,
    "send_burst": 0,
}
BAD = "+380500000003"

ACCEPTED, REJECTED, UNKNOWN = SendOutcome.ACCEPTED, SendOutcome.REJECTED, SendOutcome.UNKNOWN


def sandbox_of(**options: Any) -> Sandbox:
    return Sandbox(SandboxConfig(**{**QUICK, **options}))


def client_of(sandbox: Sandbox, **options: Any) -> SmsBatClient:
    settings = {"api_key": "sandbox-key", "limits": FREE, "polling": SWIFT, **options}
    return SmsBatClient(base_url=sandbox.url, **settings)


def zns_of(sandbox: Sandbox, **options: Any) -> ZnsClient:
    settings = {"api_key": "sandbox-zns-key", "limits": FREE, "polling": SWIFT, **options}
    return ZnsClient(base_url=sandbox.url, **settings)


def notification(**changes: Any) -> ZnsMessage:
    fields: dict[str, Any] = {
        "tracking_id": "z-1",
        "phone": "+84987654321",
        "template_id": "200001",
        "template_data": {"order_code": "A-17"},
        **changes,
    }
    return ZnsMessage(**fields)


async def source(messages: list[NativeMessage]) -> AsyncIterator[NativeMessage]:
    for message in messages:
        yield message


class TestNative:
    @pytest.mark.parametrize("name", [name for name in SAMPLES if "own making" not in name])
    async def test_every_kind_is_taken_and_delivered(self, name: str) -> None:
        message = SAMPLES[name][0]
        config = {"undeliverable_share": 0.0, "permanent_error_share": 0.0, "never_ends_share": 0.0}
        async with sandbox_of(**config) as sandbox, client_of(sandbox) as client:
            receipt = await client.send_native(message)
            delivery = await client.wait_for_delivery(receipt.message_id)
            kept = sandbox.message(receipt.message_id)
        assert (receipt.tracking_id, receipt.status) == ("n-1", "accepted")
        assert receipt.messagelist_id == kept.messagelist_id
        assert (kept.tracking_id, kept.phone, kept.sender) == ("n-1", "+380501234567", "Shop")
        assert kept.message_type == SAMPLES[name][1]["type"]
        assert delivery.outcome is Outcome.DELIVERED
        names = [channel.name for channel in kept.channels]
        first = kept.message_type.partition("_")[0]
        assert names == ([first, "sms"] if "fallback" in SAMPLES[name][1] else [first])

    async def test_a_flash_call_tells_what_to_compare(self) -> None:
        message = SAMPLES["a flash call"][0]
        async with sandbox_of() as sandbox, client_of(sandbox) as client:
            receipt = await client.send_native(message)
        assert (receipt.caller_id, receipt.pattern, receipt.ttl) == ("+380440000001", "***000001", 60)

    async def test_many_of_all_kinds_each_have_one_result_though_the_answer_is_shuffled(self) -> None:
        kinds = [message for message, _ in SAMPLES.values() if not isinstance(message, CustomMessage)]
        renamed = [msgspec.structs.replace(message, id=f"k-{place}") for place, message in enumerate(kinds)]
        messages: list[NativeMessage] = [*many(40), *renamed]
        async with sandbox_of(shuffle=True) as sandbox, client_of(sandbox) as client:
            results = await client.send_native_many(messages, chunk_size=7, concurrency=3)
            by_id = {message.tracking_id: message.message_id for message in sandbox.messages}
        assert [result.message for result in results] == messages
        assert [result.message_id for result in results] == [by_id[message.id] for message in messages]
        assert {result.outcome for result in results} == {ACCEPTED}

    async def test_a_stream_gives_each_message_once(self) -> None:
        messages: list[NativeMessage] = list(many(25))
        results: list[NativeResult] = []
        async with sandbox_of() as sandbox, client_of(sandbox) as client:
            async with client.send_native_stream(source(messages), chunk_size=4) as items:
                results.extend([result async for result in items])
            assert len(sandbox.messages) == 25
        assert Counter(result.message.id for result in results) == {message.id: 1 for message in messages}

    async def test_a_refused_phone_is_rejected_beside_others_that_are_taken(self) -> None:
        async with sandbox_of(refused_phones={BAD}) as sandbox, client_of(sandbox) as client:
            results = await client.send_native_many(many(6))
            assert [result.outcome for result in results] == [ACCEPTED] * 3 + [REJECTED] + [ACCEPTED] * 2
            assert sandbox.stats.requests["messagelist"] == 1
            with pytest.raises(BadRequestError) as caught:
                await client.send_native(sms(3))
            assert caught.value.code == "rejected"

    async def test_a_malformed_message_is_found_by_halves(self) -> None:
        messages = [*many(3), sms(3, from_name="Blocked"), *many(8)[4:]]
        async with sandbox_of(refused_senders={"Blocked"}) as sandbox, client_of(sandbox) as client:
            results = await client.send_native_many(messages)
            accepted = {message.tracking_id for message in sandbox.messages}
        assert [result.message.id for result in results if result.outcome is not ACCEPTED] == ["n-3"]
        assert results[3].outcome is REJECTED
        assert isinstance(results[3].error, BadRequestError)
        assert results[3].error.code == "INVALID_SENDER"
        assert accepted == {f"n-{number}" for number in (0, 1, 2, 4, 5, 6, 7)}

    async def test_a_lost_answer_leaves_the_fate_unknown_and_nothing_is_sent_twice(self) -> None:
        async with sandbox_of(lose_share=1.0, faults_on="send") as sandbox, client_of(sandbox) as client:
            with pytest.raises(OutcomeUnknownError) as caught:
                await client.send_native(sms(1))
            results = await client.send_native_many([sms(2), sms(3)])
            assert sandbox.stats.accepted == 3
            assert sandbox.stats.duplicate_ids == 0
        assert caught.value.tracking_ids == ("n-1",)
        assert [result.outcome for result in results] == [UNKNOWN] * 2

    async def test_five_thousand_go_in_one_request(self) -> None:
        async with sandbox_of() as sandbox, client_of(sandbox) as client:
            results = await client.send_native_many(many(5_000), chunk_size=5_000)
            assert sandbox.stats.requests["messagelist"] == 1
        assert Counter(result.outcome for result in results) == {ACCEPTED: 5_000}

    async def test_http_basic_is_enough(self) -> None:
        login = {"api_key": None, "username": "sandbox", "password": "sandbox"}
        async with sandbox_of() as sandbox, client_of(sandbox, **login) as client:
            assert (await client.send_native(sms(1))).message_id


class TestVariables:
    async def test_stand_in_the_texts_of_later_cascades(self) -> None:
        name = Variable(id=1, type=VariableType.NAME, value="Олена")
        page = Variable(id=3, type=VariableType.URL, value="https://shop.test/17")
        text = f"Hi {name.placeholder}! {page.placeholder} %name=9%"
        message = CascadeMessage(
            id="c-1",
            from_name="Shop",
            to_phone="+380501234567",
            message_type=MessageType.TRANSACTION,
            text=text,
        )
        async with sandbox_of() as sandbox, client_of(sandbox) as client:
            await client.save_variables([name, page])
            await client.save_variables(iter([]))
            receipt = await client.send(message)
            assert sandbox.message(receipt.message_id).text == "Hi Олена! https://shop.test/17 %name=9%"
            assert sandbox.stats.requests["variables"] == 1

    async def test_with_two_values_for_one_placeholder_are_not_sent(self) -> None:
        pair = [Variable(id=1, type=VariableType.NAME, value=value) for value in ("A", "B")]
        async with sandbox_of() as sandbox, client_of(sandbox) as client:
            with pytest.raises(InvalidMessageError, match="%name=1% has two values"):
                await client.save_variables(pair)
            assert sandbox.stats.requests["variables"] == 0


class TestZns:
    async def test_a_notification_is_sent_and_delivered(self) -> None:
        message = notification(fallback_sms=ZnsFallbackSms(from_name="Shop", text="Đơn A-17", delay=60))
        async with sandbox_of(outcomes={"84987654321": "delivered"}) as sandbox, zns_of(sandbox) as zns:
            receipt = await zns.send(message)
            delivery = await zns.wait_for_delivery(receipt.message_id)
            kept = sandbox.message(receipt.message_id)
        assert (kept.tracking_id, kept.phone, kept.sender) == ("z-1", "84987654321", "200001")
        assert receipt.tracking_id == "z-1"
        assert receipt.sent_time is not None
        assert receipt.sent_time.utcoffset() is not None
        assert delivery.outcome is Outcome.DELIVERED

    async def test_a_phone_without_an_account_is_an_error_about_the_recipient(self) -> None:
        async with sandbox_of(refused_phones={"84987654321"}) as sandbox, zns_of(sandbox) as zns:
            with pytest.raises(RecipientError) as caught:
                await zns.send(notification())
        assert (caught.value.code, caught.value.status_code) == ("-118", 200)

    async def test_a_lost_answer_leaves_the_fate_unknown(self) -> None:
        async with sandbox_of(lose_share=1.0, faults_on="send") as sandbox, zns_of(sandbox) as zns:
            with pytest.raises(OutcomeUnknownError) as caught:
                await zns.send(notification())
            assert sandbox.stats.accepted == 1
        assert caught.value.tracking_ids == ("z-1",)

    async def test_the_quota_goes_down_with_each_notification(self) -> None:
        async with sandbox_of() as sandbox, zns_of(sandbox) as zns:
            assert await zns.quota() == ZnsQuota(daily_quota=10_000, remaining_quota=10_000)
            await zns.send(notification())
            assert await zns.quota() == ZnsQuota(daily_quota=10_000, remaining_quota=9_999)

    async def test_templates_come_newest_first_page_by_page(self) -> None:
        async with sandbox_of() as sandbox, zns_of(sandbox) as zns:
            templates = await zns.templates(page_size=2)
            assert sandbox.stats.requests["zns_templates"] == 3
            assert [template.template_id for template in templates] == [
                "200005",
                "200004",
                "200003",
                "200002",
                "200001",
            ]
            assert templates == await zns.templates()
        made = [template.created_at for template in templates if template.created_at is not None]
        assert made == sorted(made, reverse=True)
        assert len(made) == 5

    @pytest.mark.parametrize("status", ZnsTemplateStatus)
    async def test_templates_of_one_status_are_asked_for_by_its_number(
        self, status: ZnsTemplateStatus
    ) -> None:
        async with sandbox_of() as sandbox, zns_of(sandbox) as zns:
            (template,) = await zns.templates(status=status)
        assert template.status == status
        assert [parameter.name for parameter in template.parameters] == ["order_code"]
