"""What ends the tracking of a message: answers, webhooks, errors; in virtual time."""

import asyncio
import gc
from typing import Any

import pytest

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    DeliveryStatus,
    MessageStatus,
    NotFoundError,
    NotSentError,
    Outcome,
    PermissionDeniedError,
    PollPolicy,
    ResponseError,
    SessionPool,
    SmsBatError,
    ZnsClient,
)
from smsbat_async.hooks import DeliveryResolved
from tests.support.fake import (
    FREE,
    HANG,
    FakeTransport,
    Heard,
    client_of,
    dropped,
    http,
    refused,
    status,
    too_many,
    zns,
    zns_error,
)

EXACT = PollPolicy(jitter=0.0)
WAITING = status("processing")


def now() -> float:
    return asyncio.get_running_loop().time()


def sms(word: str, message_id: str = "a") -> MessageStatus:
    return MessageStatus(message_id=message_id, delivery_status=word)


def zns_client(transport: FakeTransport, **options: Any) -> ZnsClient:
    return ZnsClient(
        api_key="k", pool=SessionPool(transport=transport), limits=FREE, polling=EXACT, **options
    )


# -- answers --------------------------------------------------------------------------------------


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("delivered", Outcome.DELIVERED),
        ("Undeliverable", Outcome.UNDELIVERABLE),
        ("PermanentError", Outcome.PERMANENT_ERROR),
    ],
)
async def test_a_terminal_word_ends_the_tracking_whatever_its_case(word: str, outcome: Outcome) -> None:
    transport = FakeTransport([status(word)])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a")
    assert (delivery.outcome, delivery.polls, delivery.source) == (outcome, 1, "poll")


@pytest.mark.looptime
@pytest.mark.parametrize("word", ["scheduled", "processing", "read", "a word of tomorrow", ""])
async def test_row_30_any_other_word_is_kept_and_does_not_end_the_tracking(word: str) -> None:
    transport = FakeTransport([status(word)])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a", timeout=20)
    assert (delivery.outcome, delivery.polls) == (Outcome.TIMED_OUT, 3)
    assert delivery.status is not None
    assert delivery.status.delivery_status == word


@pytest.mark.looptime
@pytest.mark.parametrize(("number", "outcome"), [(1, Outcome.DELIVERED), (-1, Outcome.NOT_FOUND)])
async def test_zns_ends_with_1_and_with_minus_1(number: int, outcome: Outcome) -> None:
    transport = FakeTransport([zns(0), zns(7), zns(number)])
    async with zns_client(transport) as client:
        delivery = await client.wait_for_delivery("a")
    assert (delivery.outcome, delivery.polls) == (outcome, 3)


@pytest.mark.looptime
async def test_a_poll_that_goes_backwards_changes_nothing() -> None:
    transport = FakeTransport([WAITING, status("scheduled")])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a", timeout=20)
    assert delivery.status is not None
    assert delivery.status.delivery_status == DeliveryStatus.PROCESSING


@pytest.mark.looptime
async def test_row_35_a_404_until_the_deadline_means_not_found() -> None:
    transport = FakeTransport([http(404)])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a", timeout=30)
    assert (delivery.outcome, delivery.status, delivery.polls) == (Outcome.NOT_FOUND, None, 4)
    assert isinstance(delivery.last_error, NotFoundError)
    assert not delivery.timed_out


@pytest.mark.looptime
async def test_row_35_a_404_that_passes_is_as_if_it_had_not_been() -> None:
    transport = FakeTransport([http(404), http(404), WAITING, status()])
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a")
        assert (delivery.outcome, delivery.polls) == (Outcome.DELIVERED, 4)
        assert isinstance(delivery.last_error, NotFoundError)


@pytest.mark.looptime
@pytest.mark.parametrize("plan", [[http(404), WAITING], [WAITING, http(404)]], ids=["before", "after"])
async def test_a_404_beside_a_status_leaves_a_time_out_with_that_status(plan: list[Any]) -> None:
    transport = FakeTransport(plan)
    async with client_of(transport, polling=EXACT) as client:
        delivery = await client.wait_for_delivery("a", timeout=20)
    assert delivery.outcome is Outcome.TIMED_OUT
    assert delivery.status is not None


# -- errors ---------------------------------------------------------------------------------------

HOPELESS: list[tuple[Any, type[SmsBatError]]] = [
    (http(400), BadRequestError),
    (http(422), BadRequestError),
    (http(401), AuthenticationError),
    (http(403), PermissionDeniedError),
    (http(302), ResponseError),
    (NotSentError("x", kind="certificate"), NotSentError),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("what", "kind"), HOPELESS, ids=lambda what: repr(what)[:40])
async def test_what_cannot_get_better_fails_all_who_wait_at_once(what: Any, kind: type[SmsBatError]) -> None:
    transport = FakeTransport([WAITING, what])
    heard = Heard()
    async with client_of(transport, polling=EXACT, hooks=[heard]) as client:
        futures = [client.track("a"), client.track("a", timeout=60)]
        await asyncio.sleep(13.1)
        assert [type(future.exception()) for future in futures] == [kind] * 2
        assert client.poller.pending == 0
        await asyncio.sleep(600)
    assert len(transport.calls) == 2
    failed = [event.delivery for event in heard.of(DeliveryResolved)]
    assert [delivery.outcome for delivery in failed] == [Outcome.FAILED] * 2
    assert [delivery.polls for delivery in failed] == [2, 2]
    assert type(failed[0].last_error) is kind


PASSING: list[Any] = [
    too_many("1"),
    http(500),
    http(503),
    http(408),
    dropped(),
    refused(),
    http(200, b"<html>"),
    http(200, {}),
    status(messageId="other"),
    HANG,
]


@pytest.mark.looptime
@pytest.mark.parametrize("what", PASSING, ids=lambda what: repr(what)[:40])
async def test_what_may_pass_is_polled_on_and_is_the_last_error(what: Any) -> None:
    transport = FakeTransport([what, status()])
    async with client_of(transport, polling=EXACT, timeout=2.0) as client:
        delivery = await client.wait_for_delivery("a")
    assert delivery.success
    assert isinstance(delivery.last_error, SmsBatError)
    assert len(transport.calls) == 2


@pytest.mark.looptime
@pytest.mark.parametrize("code", [-124, -216, -101, -117, -135])
async def test_zns_errors_of_the_set_up_fail_at_once(code: int) -> None:
    transport = FakeTransport([zns_error(code)])
    async with zns_client(transport) as client:
        with pytest.raises(ApiError) as caught:
            await client.wait_for_delivery("a")
    assert isinstance(caught.value, AuthenticationError | PermissionDeniedError)
    assert (caught.value.code, len(transport.calls)) == (str(code), 1)


@pytest.mark.looptime
@pytest.mark.parametrize("code", [-100, -107, -999])
async def test_other_zns_errors_may_pass(code: int) -> None:
    transport = FakeTransport([zns_error(code), zns(1)])
    async with zns_client(transport) as client:
        delivery = await client.wait_for_delivery("a")
    assert (delivery.success, delivery.polls) == (True, 2)
    assert getattr(delivery.last_error, "code", None) == str(code)


@pytest.mark.looptime
async def test_an_error_for_one_message_does_not_disturb_another() -> None:
    transport = FakeTransport(lambda call: http(400) if call.message_id == "bad" else status())
    async with client_of(transport) as client:
        bad, good = client.track("bad"), client.track("good")
        assert (await good).success
        with pytest.raises(BadRequestError):
            await bad


@pytest.mark.looptime
async def test_a_transport_that_raises_something_of_its_own_does_not_end_the_tracking(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = True

    def plan(_call: Any) -> Any:
        nonlocal first
        if first:
            first = False
            raise LookupError("secret")
        return status()

    async with client_of(FakeTransport(plan)) as client:
        assert (await client.wait_for_delivery("a")).success
    assert [record.getMessage() for record in caplog.records] == ["a poll raised LookupError"]


@pytest.mark.looptime
@pytest.mark.parametrize("what", [http(401), "close"], ids=["401", "close"])
async def test_an_error_that_nobody_looks_at_makes_no_noise(what: Any) -> None:
    loop, noise = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _loop, context: noise.append(context))
    client = client_of(FakeTransport([WAITING if what == "close" else what]))
    for number in range(10):
        client.track(f"m-{number}")
    await asyncio.sleep(6)
    await client.aclose()
    del client
    gc.collect()
    await asyncio.sleep(1)
    assert noise == []
