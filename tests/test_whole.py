"""The whole against the sandbox, which knows the vendors' pages and none of our code."""

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from smsbat_async import (
    AuthenticationError,
    Delivery,
    DeliveryStatus,
    Fallback,
    Limits,
    MessageStatus,
    NotFoundError,
    Outcome,
    OutcomeUnknownError,
    PollDone,
    PollPolicy,
    Rate,
    RequestFinished,
    RetryPolicy,
    Route,
    SendOutcome,
    SessionPool,
    SmsBatClient,
    ZnsClient,
    ZnsStatus,
)
from smsbat_async.sandbox import Sandbox, SandboxConfig
from tests.support import within
from tests.support.cascade import UNLIMITED, Log, message, messages, outcomes

ACCEPTED, REJECTED, NOT_SENT, UNKNOWN = SendOutcome

# Messages live a thousand times faster; all of them end, and every rate is unlimited.
QUICK = SandboxConfig(speed=1_000, never_ends_share=0.0, status_rate=0, send_rate=0)
OFTEN = PollPolicy(initial=0.005, factor=1.3, maximum=0.02, allow_fast=True, timeout=20.0)


def smsbat_of(sandbox: Sandbox, **options: Any) -> SmsBatClient:
    config = sandbox.config
    settings = {"api_key": config.api_key, "base_url": sandbox.url, "limits": UNLIMITED, "polling": OFTEN}
    return SmsBatClient(**{**settings, **options})


def zns_of(sandbox: Sandbox, **options: Any) -> ZnsClient:
    config = sandbox.config
    settings = {"api_key": config.zns_key, "base_url": sandbox.url, "limits": UNLIMITED, "polling": OFTEN}
    return ZnsClient(**{**settings, **options})


async def send_zns(sandbox: Sandbox, tracking_id: str, phone: str = "84901234567") -> str:
    """Send a notification with plain HTTP, since our client does not, and give its id."""
    body = {
        "phone": phone,
        "template_id": "7895",
        "template_data": {"code": "4711"},
        "tracking_id": tracking_id,
    }
    url, key = f"{sandbox.url}/api/message/send", {sandbox.config.zns_header: sandbox.config.zns_key}
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=key) as response:
        answer = await response.json()
    assert answer["error"] == 0, answer
    return str(answer["data"]["msg_id"])


def refused_by_rate(log: Log) -> int:
    return sum(event.status_code == 429 for event in log.of(RequestFinished))


# One message and its end


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("delivered", Outcome.DELIVERED),
        ("undeliverable", Outcome.UNDELIVERABLE),
        ("permanenterror", Outcome.PERMANENT_ERROR),
    ],
)
async def test_a_message_is_sent_and_followed_to_its_end(word: Any, outcome: Outcome) -> None:
    one = message(1)
    async with (
        Sandbox(replace(QUICK, outcomes={one.to_phone: word})) as sandbox,
        smsbat_of(sandbox) as client,
    ):
        receipt = await client.send(one)
        delivery = await client.wait_for_delivery(receipt.message_id)
    (stored,) = sandbox.messages
    assert receipt.tracking_id == stored.tracking_id == "m-1"
    assert receipt.message_id == delivery.message_id == stored.message_id
    assert (stored.phone, stored.sender, stored.text) == (one.to_phone, "Shop", "Ready")
    assert delivery.outcome is outcome
    assert delivery.success is (outcome is Outcome.DELIVERED)
    assert delivery.polls == stored.polls >= 1
    assert sandbox.stats.accepted == 1


async def test_costs_are_exact_decimals_and_every_field_of_the_extended_answer_is_read() -> None:
    config = replace(
        QUICK, outcomes={message(1).to_phone: "delivered"}, standard_route=("telegram", "sms"), seed=3
    )
    async with Sandbox(config) as sandbox, smsbat_of(sandbox) as client:
        receipt = await client.send(message(1, text="я" * 100))
        delivery = await client.wait_for_delivery(receipt.message_id)
        (stored,) = sandbox.messages
        expected = stored.cost(sandbox.now())
        states = stored.channel_statuses(sandbox.now())
    status = delivery.status
    assert status is not None
    assert type(delivery.cost) is Decimal
    assert delivery.cost == expected
    assert delivery.cost in {Decimal("0.01"), Decimal("0.10")}
    assert type(status.rate) is type(status.rate_amount) is type(status.bill_amount) is Decimal
    assert (status.rate_amount, status.bill_amount) == (expected, expected)
    assert (status.rate_currency, status.bill_currency) == ("USD", "USD")
    assert status.fallbacks == (Fallback("sms", states["sms"]),)
    assert status.extended_statuses == states
    assert status.messagelist_id == 1
    assert status.delivery_status == DeliveryStatus.DELIVERED


async def test_a_message_that_never_ends_times_out_with_its_last_status() -> None:
    one = message(1)
    async with (
        Sandbox(replace(QUICK, outcomes={one.to_phone: "never"})) as sandbox,
        smsbat_of(sandbox) as client,
    ):
        receipt = await client.send(one)
        delivery = await client.wait_for_delivery(receipt.message_id, timeout=0.1)
    assert delivery.outcome is Outcome.TIMED_OUT
    assert delivery.status is not None
    assert delivery.status.delivery_status == DeliveryStatus.PROCESSING


@pytest.mark.looptime
async def test_a_message_is_followed_with_the_default_policy_at_the_vendors_pace() -> None:
    one = message(1)
    config = SandboxConfig(
        outcomes={one.to_phone: "delivered"}, delay_spread=0.0, standard_route=("viber", "sms")
    )
    loop = asyncio.get_running_loop()
    defaults = {"limits": Limits(), "polling": PollPolicy()}
    async with Sandbox(config) as sandbox, smsbat_of(sandbox, **defaults) as client:
        began = loop.time()
        delivery = await client.wait_for_delivery((await client.send(one)).message_id)
        took = loop.time() - began
    (stored,) = sandbox.messages
    assert delivery.success
    assert stored.polls == delivery.polls <= 2
    assert stored.ends_at - stored.accepted_at <= took <= 15.5
    assert stored.shortest_gap >= 1.0


def senders(config: SandboxConfig) -> list[dict[str, str | None]]:
    return [
        {"api_key": config.api_key},
        {"api_key": None, "viber_token": config.viber_token},
        {"api_key": None, "telegram_key": config.telegram_key},
    ]


async def test_every_credential_that_the_vendor_documents_works() -> None:
    async with Sandbox(QUICK) as sandbox:
        config = sandbox.config
        for number, credentials in enumerate(senders(config)):
            async with smsbat_of(sandbox, **credentials) as client:
                await client.send(message(number), route=Route.TG_VIBER)
        known = sandbox.messages[0].message_id
        for login in (
            {"username": config.username, "password": config.password},
            {"username": "@", "password": config.api_key},
        ):
            async with smsbat_of(sandbox, api_key=None, **login) as client:
                assert (await client.status(known)).message_id == known
    assert sandbox.stats.unauthorized == 0
    assert sandbox.stats.requests["send_tg_viber"] == 3


async def test_a_wrong_key_is_an_authentication_error_everywhere() -> None:
    async with Sandbox(QUICK) as sandbox:
        async with smsbat_of(sandbox, api_key="wrong") as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.send(message(1))
            assert caught.value.code == "UNAUTHORIZED"
            for call in (client.status("v-1"), client.wait_for_delivery("v-1")):
                with pytest.raises(AuthenticationError):
                    await call
            results = await client.send_many(messages(6), chunk_size=2, concurrency=1)
            assert outcomes(results) == ["rejected"] * 2 + ["not_sent"] * 4
        async with zns_of(sandbox, api_key="wrong") as zns:
            with pytest.raises(AuthenticationError) as refused:
                await zns.status("z-1")
            assert (refused.value.status_code, refused.value.code) == (200, "-124")
            with pytest.raises(AuthenticationError):
                await zns.wait_for_delivery("z-1")
    assert sandbox.stats.accepted == 0


# Many messages


async def test_three_hundred_messages_are_sent_and_followed_to_their_ends() -> None:
    log = Log()
    async with Sandbox(QUICK) as sandbox, smsbat_of(sandbox, hooks=[log]) as client:
        results = await client.send_many(messages(300), chunk_size=100)
        ends: dict[str, Delivery[MessageStatus]] = {}
        async for delivery in client.deliveries(result.message_id or "" for result in results):
            assert delivery.message_id not in ends
            ends[delivery.message_id] = delivery
        stored = {each.message_id: each for each in sandbox.messages}
    assert outcomes(results) == ["accepted"] * 300
    assert sandbox.stats.requests["send"] == 3
    assert (sandbox.stats.accepted, sandbox.stats.duplicate_ids) == (300, 0)
    assert [stored[result.message_id or ""].tracking_id for result in results] == [
        f"m-{n}" for n in range(300)
    ]
    words = {"delivered": "delivered", "undeliverable": "undeliverable", "permanenterror": "permanent_error"}
    assert {key: str(end.outcome) for key, end in ends.items()} == {
        key: words[each.fate.outcome] for key, each in stored.items()
    }
    assert len({end.outcome for end in ends.values()}) >= 2
    assert sum(end.polls for end in ends.values()) == len(log.of(PollDone))
    assert sandbox.stats.answers == {200: 3 + len(log.of(PollDone))}


async def test_statuses_of_many_name_what_is_known_and_what_is_not() -> None:
    async with Sandbox(QUICK) as sandbox, smsbat_of(sandbox) as client:
        results = await client.send_many(messages(60))
        ids = [result.message_id or "" for result in results]
        answers = await client.fetch_statuses([*ids[:30], "nobody-knows", *ids[30:]])
        streamed = Counter({answer.message_id async for answer in client.statuses(iter(ids), concurrency=7)})
    assert [answer.message_id for answer in answers] == [*ids[:30], "nobody-knows", *ids[30:]]
    unknown = answers.pop(30)
    assert unknown.status is None
    assert isinstance(unknown.error, NotFoundError)
    assert all(answer.status is not None and answer.error is None for answer in answers)
    assert streamed == Counter(ids)


async def test_a_refused_phone_costs_only_its_own_message() -> None:
    bad = message(77)
    async with (
        Sandbox(replace(QUICK, refused_phones={bad.to_phone})) as sandbox,
        smsbat_of(sandbox) as client,
    ):
        results = await client.send_many(messages(150), chunk_size=50, concurrency=2)
    assert [result.message.id for result in results if result.outcome is REJECTED] == ["m-77"]
    assert [result.outcome for result in results].count(ACCEPTED) == 149
    assert getattr(results[77].error, "code", None) == "INVALID_PHONE"
    assert (sandbox.stats.accepted, sandbox.stats.duplicate_ids) == (149, 0)


async def test_a_refused_sender_stops_a_run_after_eight_messages() -> None:
    async with Sandbox(replace(QUICK, refused_senders={"Shop"})) as sandbox, smsbat_of(sandbox) as client:
        results = await client.send_many(messages(200), chunk_size=100, concurrency=1)
    assert [result.outcome for result in results] == [REJECTED] * 8 + [NOT_SENT] * 192
    assert getattr(results[-1].error, "code", None) == "INVALID_SENDER"
    assert sandbox.stats.accepted == 0
    assert sandbox.stats.refused == 20


async def test_shuffled_answers_are_matched_by_tracking_id() -> None:
    async with Sandbox(replace(QUICK, shuffle=True)) as sandbox, smsbat_of(sandbox) as client:
        results = await client.send_many(messages(100), chunk_size=25)
        stored = {each.tracking_id: each.message_id for each in sandbox.messages}
    assert {result.message.id: result.message_id for result in results} == stored
    assert outcomes(results) == ["accepted"] * 100


async def test_messages_that_an_answer_leaves_out_are_unknown() -> None:
    async with Sandbox(replace(QUICK, incomplete_share=0.3)) as sandbox, smsbat_of(sandbox) as client:
        results = await client.send_many(messages(100), chunk_size=25)
        named = {each.tracking_id for each in sandbox.messages if each.named}
    told = Counter(result.outcome for result in results)
    assert told == {ACCEPTED: len(named), UNKNOWN: sandbox.stats.unnamed}
    assert 0 < sandbox.stats.unnamed < 100
    assert {result.message.id for result in results if result.outcome is ACCEPTED} == named
    assert (sandbox.stats.accepted, sandbox.stats.duplicate_ids) == (100, 0)


async def test_messages_whose_answer_was_lost_are_unknown_and_never_sent_twice() -> None:
    config = replace(QUICK, lose_share=0.3, faults_on="send")
    async with Sandbox(config) as sandbox, smsbat_of(sandbox) as client:
        results = await client.send_many(messages(100), chunk_size=2, concurrency=8)
        named = {each.tracking_id for each in sandbox.messages if each.named}
    assert sandbox.stats.lost > 0
    assert {result.message.id for result in results if result.outcome is ACCEPTED} == named
    unknown = [result for result in results if result.outcome is UNKNOWN]
    assert len(unknown) == 2 * sandbox.stats.lost == 100 - len(named)
    assert all(isinstance(result.error, OutcomeUnknownError) for result in unknown)
    assert (sandbox.stats.accepted, sandbox.stats.duplicate_ids) == (100, 0)
    assert sandbox.stats.duplicate_phones == 0


async def test_failing_and_lost_statuses_are_asked_again_until_they_come() -> None:
    config = replace(QUICK, fail_share=0.2, lose_share=0.1, faults_on="status")
    retry = RetryPolicy(attempts=12, initial=0.0, maximum=0.0)
    async with Sandbox(config) as sandbox, smsbat_of(sandbox, retry=retry) as client:
        results = await client.send_many(messages(40))
        answers = await client.fetch_statuses([result.message_id or "" for result in results])
        ends = [end async for end in client.deliveries(result.message_id or "" for result in results)]
    assert all(answer.status is not None for answer in answers)
    assert len(ends) == 40
    assert all(end.outcome is not Outcome.TIMED_OUT for end in ends)
    assert sandbox.stats.failed > 0
    assert sandbox.stats.lost > 0


async def test_an_outage_between_sending_and_asking_is_outlasted() -> None:
    failed, sandbox = asyncio.Event(), Sandbox(QUICK)

    def note(event: object) -> None:
        if isinstance(event, PollDone) and event.error is not None:
            failed.set()

    async with sandbox:
        client = smsbat_of(sandbox, hooks=[note])
        receipt = await client.send(message(1))
    future = client.track(receipt.message_id)
    await within(failed.wait(), "a poll that fails")
    assert not future.done()
    async with sandbox:
        delivery = await future
        await client.aclose()
    assert delivery.outcome in {Outcome.DELIVERED, Outcome.UNDELIVERABLE, Outcome.PERMANENT_ERROR}
    assert delivery.last_error is not None


# Rates


@pytest.mark.looptime
async def test_the_default_limits_never_meet_a_429_at_the_vendors_own_rates() -> None:
    log = Log()
    config = SandboxConfig(never_ends_share=0.0)
    defaults = {"limits": Limits(), "polling": PollPolicy()}
    async with Sandbox(config) as sandbox, smsbat_of(sandbox, hooks=[log], **defaults) as client:
        loop = asyncio.get_running_loop()
        results = await client.send_many(messages(1_500), chunk_size=2, concurrency=40)
        began = loop.time()
        answers = await client.fetch_statuses([result.message_id or "" for result in results[:600]])
        took = loop.time() - began
        ends = [end async for end in client.deliveries(result.message_id or "" for result in results[:300])]
    assert outcomes(results) == ["accepted"] * 1_500
    assert len(answers) == 600
    assert len(ends) == 300
    assert refused_by_rate(log) == sandbox.stats.rate_limited == 0
    assert sandbox.stats.busiest_second["send"] <= 150
    assert 50 <= sandbox.stats.busiest_second["status"] <= 75
    assert took == pytest.approx((600 - 25) / 50, rel=0.05)
    assert sandbox.stats.duplicate_ids == 0


@pytest.mark.looptime
async def test_a_client_that_may_do_more_than_the_vendor_allows_slows_down_and_loses_nothing() -> None:
    log = Log()
    config = SandboxConfig(send_rate=5.0, send_burst=5, retry_after=1, never_ends_share=0.0)
    limits = Limits(status=None, send=Rate(20, 20))
    retry = RetryPolicy(attempts=20)
    options = {"limits": limits, "hooks": [log], "retry": retry, "total_timeout": None}
    async with Sandbox(config) as sandbox, smsbat_of(sandbox, **options) as client:
        results = await client.send_many(messages(60), chunk_size=1, concurrency=4)
    assert outcomes(results) == ["accepted"] * 60
    assert refused_by_rate(log) == sandbox.stats.rate_limited > 0
    assert (sandbox.stats.accepted, sandbox.stats.duplicate_ids) == (60, 0)


# Both vendors


async def test_a_notification_is_followed_to_its_end() -> None:
    async with Sandbox(replace(QUICK, outcomes={"84901234567": "delivered"})) as sandbox:
        message_id = await send_zns(sandbox, "z-1")
        async with zns_of(sandbox) as client:
            delivery = await client.wait_for_delivery(message_id)
            unknown = await client.status("nobody-knows")
        (stored,) = sandbox.messages
    assert delivery.success
    assert delivery.cost is None
    assert isinstance(delivery.status, ZnsStatus)
    assert delivery.status.status == 1
    assert delivery.status.delivery_time is not None
    assert delivery.status.delivery_time.timestamp() == pytest.approx(
        sandbox.epoch() - sandbox.now() + stored.ends_at, abs=0.01
    )
    assert (unknown.status, unknown.outcome, unknown.is_terminal) == (-1, Outcome.NOT_FOUND, True)


async def test_two_clients_of_both_vendors_share_one_pool() -> None:
    async with Sandbox(QUICK) as sandbox, SessionPool(max_concurrency=10) as pool:
        smsbat, zns = smsbat_of(sandbox, pool=pool), zns_of(sandbox, pool=pool)
        async with smsbat, zns:
            notifications = [await send_zns(sandbox, f"z-{number}") for number in range(10)]
            cascades = [result.message_id or "" for result in await smsbat.send_many(messages(40))]
            answers, states = await asyncio.gather(
                smsbat.fetch_statuses(cascades), zns.fetch_statuses(notifications)
            )
            assert pool.in_flight == 0
            ends = await asyncio.gather(*(smsbat.wait_for_delivery(each) for each in cascades))
            assert pool.in_flight <= 8
    assert [answer.message_id for answer in answers if answer.status] == cascades
    assert [state.message_id for state in states if state.status] == notifications
    assert Counter(type(state.status) for state in states) == {ZnsStatus: 10}
    assert len(ends) == 40
    assert sandbox.stats.unauthorized == 0
