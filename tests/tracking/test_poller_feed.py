"""News of a message from elsewhere, and what hooks hear; in virtual time."""

import asyncio
from typing import Any

import pytest

from smsbat_async import (
    AuthenticationError,
    ClientClosedError,
    InvalidMessageError,
    Outcome,
    ZnsStatus,
)
from smsbat_async.hooks import DeliveryResolved, PollDone
from tests.support.fake import (
    FakeTransport,
    Heard,
    Reply,
    client_of,
    dropped,
    http,
    status,
    zns,
)
from tests.tracking.test_poller_news import EXACT, WAITING, sms, zns_client

# -- news from elsewhere --------------------------------------------------------------------------


@pytest.mark.looptime
async def test_a_webhook_ends_the_tracking_like_a_poll() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT) as client:
        futures = [client.track("a"), client.track("a")]
        await asyncio.sleep(6)
        assert client.poller.feed(sms("delivered")) is True
        for delivery in await asyncio.gather(*futures):
            assert (delivery.outcome, delivery.source, delivery.polls) == (Outcome.DELIVERED, "webhook", 1)
            assert delivery.elapsed == pytest.approx(6.0, abs=1e-3)
        assert client.poller.pending == 0
        await asyncio.sleep(600)
    assert len(transport.calls) == 1


@pytest.mark.looptime
async def test_row_61_later_news_changes_nothing() -> None:
    heard = Heard()
    async with client_of(FakeTransport([WAITING]), hooks=[heard]) as client:
        future = client.track("a")
        assert client.poller.feed(sms("delivered")) is True
        for word in ("delivered", "undeliverable", "processing"):
            assert client.poller.feed(sms(word)) is False
        delivery = await future
        assert delivery.outcome is Outcome.DELIVERED
        assert delivery.status == sms("delivered")
        assert (await client.wait_for_delivery("a")).status == sms("delivered")
    assert (heard.names["DeliveryResolved"], heard.names["PollDone"]) == (2, 0)


@pytest.mark.looptime
async def test_a_poll_under_way_when_a_webhook_comes_changes_nothing() -> None:
    transport = FakeTransport([Reply(status("undeliverable"), 3.0)])
    async with client_of(transport, polling=EXACT) as client:
        future = client.track("a")
        await asyncio.sleep(6)
        client.poller.feed(sms("delivered"))
        delivery = await future
        await asyncio.sleep(10)
        assert (delivery.outcome, delivery.source) == (Outcome.DELIVERED, "webhook")
        assert (await client.status("a", max_age=1.0)).delivery_status == "delivered"


@pytest.mark.looptime
async def test_row_62_news_that_is_no_end_is_kept_and_never_goes_backwards() -> None:
    transport = FakeTransport([dropped()])
    async with client_of(transport, polling=EXACT) as client:
        future = client.track("a", timeout=20)
        assert client.poller.feed(sms("processing")) is True
        assert client.poller.feed(sms("scheduled")) is True
        delivery = await future
    assert delivery.outcome is Outcome.TIMED_OUT
    assert delivery.status == sms("processing")


@pytest.mark.looptime
async def test_news_of_a_message_that_nobody_tracks_is_remembered() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client:
        assert client.poller.feed(sms("undeliverable")) is False
        delivery = await client.wait_for_delivery("a")
        assert (delivery.outcome, delivery.source) == (Outcome.UNDELIVERABLE, "cache")
        assert (delivery.polls, delivery.elapsed) == (0, 0.0)
        assert client.poller.pending == 0
    assert transport.calls == []


@pytest.mark.looptime
async def test_an_end_that_the_cache_knows_resolves_at_once() -> None:
    heard = Heard()
    transport = FakeTransport([status()])
    async with client_of(transport, hooks=[heard]) as client:
        await client.status("a")
        future = client.track("a")
        assert future.done()
        assert future.result().source == "cache"
        assert future.cancel() is False
    assert heard.names == {
        "CallStarted": 2,
        "RequestFinished": 1,
        "DeliveryResolved": 1,
        "CallFinished": 2,
    }


@pytest.mark.looptime
async def test_what_zns_says_of_an_unknown_id_is_not_taken_from_the_cache() -> None:
    transport = FakeTransport([zns(-1), zns(1)])
    async with zns_client(transport) as client:
        assert (await client.status("a")).status == -1
        client.poller.feed(ZnsStatus(message_id="a", status=-1))
        assert (await client.wait_for_delivery("a")).source == "poll"


@pytest.mark.looptime
async def test_a_single_status_call_is_news_too() -> None:
    async with client_of(FakeTransport([status()]), polling=EXACT) as client:
        future = client.track("a")
        await client.status("a")
        delivery = await future
        assert (delivery.source, delivery.polls, delivery.elapsed) == ("poll", 0, 0.0)


# -- hooks ----------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_hooks_hear_of_every_poll_and_of_every_end() -> None:
    heard = Heard()
    transport = FakeTransport([WAITING, http(500), status()])
    async with client_of(transport, polling=EXACT, hooks=[heard]) as client:
        deliveries = [await future for future in (client.track("a"), client.track("a"))]
    polls = heard.of(PollDone)
    assert [(poll.message_id, poll.polls) for poll in polls] == [("a", 1), ("a", 2), ("a", 3)]
    assert [poll.status and poll.status.delivery_status for poll in polls] == [
        "processing",
        None,
        "delivered",
    ]
    assert [getattr(poll.error, "status_code", None) for poll in polls] == [None, 500, None]
    assert [event.delivery for event in heard.of(DeliveryResolved)] == deliveries


@pytest.mark.looptime
async def test_a_hook_may_cancel_those_whom_an_error_is_about_to_reach() -> None:
    futures: list[Any] = []

    def meddle(event: object) -> None:
        if isinstance(event, DeliveryResolved):
            futures[1].cancel()

    async with client_of(FakeTransport([http(401)]), hooks=[meddle]) as client:
        futures += [client.track("a") for _ in range(2)]
        await asyncio.sleep(6)
        assert isinstance(futures[0].exception(), AuthenticationError)
        assert futures[1].cancelled()
        assert client.poller.pending == 0
        assert client.hook_failures == 0


@pytest.mark.looptime
async def test_a_hook_may_track_and_cancel_the_very_message_it_hears_of() -> None:
    futures: list[Any] = []

    def meddle(event: object) -> None:
        if isinstance(event, DeliveryResolved) and len(futures) == 3:
            futures[1].cancel()
            futures.append(client.track("a", timeout=40))

    transport = FakeTransport([WAITING])
    async with client_of(transport, polling=EXACT, hooks=[meddle]) as client:
        futures += [client.track("a", timeout=30) for _ in range(3)]
        await asyncio.sleep(36)
        assert [future.done() for future in futures] == [True, True, True, False]
        assert futures[1].cancelled()
        assert (await futures[3]).outcome is Outcome.TIMED_OUT
        assert client.hook_failures == 0
        futures[:] = [client.track("b") for _ in range(3)]
        client.poller.feed(sms("delivered", "b"))
        assert [future.done() for future in futures] == [True, True, True, False]
        assert futures[2].result().success
        futures[3].cancel()
        assert client.poller.pending == 0


async def test_news_that_is_no_status_is_refused() -> None:
    async with client_of(FakeTransport([])) as client:
        with pytest.raises(InvalidMessageError, match="status: must be a MessageStatus or ZnsStatus"):
            client.poller.feed({"messageId": "a"})  # type: ignore[arg-type]


async def test_a_closed_poller_takes_no_news() -> None:
    async with client_of(FakeTransport([])) as client:
        pass
    with pytest.raises(ClientClosedError):
        client.poller.feed(sms("delivered"))
