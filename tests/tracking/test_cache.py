"""The last answers: bounded, and only what may be kept."""

import asyncio
from typing import Any

import pytest

from smsbat_async import MessageStatus, NotFoundError, ZnsClient, ZnsStatus
from smsbat_async.pool import SessionPool
from smsbat_async.tracking.cache import CAPACITY, StatusCache
from tests.support.fake import FREE, FakeTransport, client_of, http, status, zns


def sms(message_id: str, word: str) -> MessageStatus:
    return MessageStatus(message_id=message_id, delivery_status=word)


def cached(word: str, capacity: int = CAPACITY) -> StatusCache[MessageStatus]:
    cache: StatusCache[MessageStatus] = StatusCache(capacity)
    cache.put(sms("a", word), 0.0)
    return cache


def test_an_answer_is_given_while_it_is_younger_than_asked_for() -> None:
    cache = cached("processing")
    assert cache.get("a", 30.0, 29.9) == sms("a", "processing")
    assert cache.get("a", 30.0, 30.0) is None
    assert cache.get("b", 30.0, 0.0) is None


@pytest.mark.parametrize("word", ["delivered", "Undeliverable", "PERMANENTERROR"])
def test_an_end_never_grows_old(word: str) -> None:
    assert cached(word).get("a", 0.0, 1e9) == sms("a", word)


def test_an_end_is_not_replaced_by_anything_that_comes_later() -> None:
    cache = cached("delivered")
    for word in ("processing", "undeliverable", "delivered"):
        cache.put(sms("a", word), 5.0)
    assert cache.get("a", 0.0, 9.0) == sms("a", "delivered")


def test_older_news_does_not_replace_newer() -> None:
    cache = cached("processing")
    cache.put(sms("a", "scheduled"), 1.0)
    assert cache.get("a", 30.0, 2.0) == sms("a", "processing")


def test_newer_news_replaces_older_and_is_young_again() -> None:
    cache = cached("scheduled")
    cache.put(sms("a", "processing"), 20.0)
    assert cache.get("a", 30.0, 45.0) == sms("a", "processing")
    cache.put(sms("a", "a new word"), 46.0)
    assert cache.get("a", 30.0, 47.0) == sms("a", "a new word")


def test_that_zns_does_not_know_an_id_is_never_kept() -> None:
    cache: StatusCache[ZnsStatus] = StatusCache()
    cache.put(ZnsStatus(message_id="a", status=-1), 0.0)
    assert (len(cache), cache.get("a", 1e9, 0.0)) == (0, None)
    cache.put(ZnsStatus(message_id="a", status=0), 0.0)
    cache.put(ZnsStatus(message_id="a", status=1), 1.0)
    assert cache.get("a", 0.0, 1e9) == ZnsStatus(message_id="a", status=1)


def test_the_one_used_longest_ago_makes_room() -> None:
    cache: StatusCache[MessageStatus] = StatusCache(3)
    for name in "abc":
        cache.put(sms(name, "delivered"), 0.0)
    assert cache.get("a", 0.0, 0.0) is not None
    cache.put(sms("d", "delivered"), 0.0)
    assert [name for name in "abcd" if cache.get(name, 0.0, 0.0) is not None] == ["a", "c", "d"]


def test_however_many_answers_come_ten_thousand_are_kept() -> None:
    cache: StatusCache[MessageStatus] = StatusCache()
    answer = sms("x", "delivered")
    for number in range(30_000):
        cache.put(sms(f"m-{number}", "processing") if number % 2 else answer, 0.0)
    assert len(cache) == CAPACITY == 10_000


# -- through a client -----------------------------------------------------------------------------


@pytest.mark.looptime
async def test_by_default_the_vendor_is_always_asked() -> None:
    transport = FakeTransport([status("delivered")])
    async with client_of(transport) as client:
        for _ in range(3):
            await client.status("a")
    assert len(transport.calls) == 3


@pytest.mark.looptime
async def test_with_an_age_the_vendor_is_asked_only_when_the_answer_is_too_old() -> None:
    transport = FakeTransport([status("processing")])
    async with client_of(transport) as client:
        await client.status("a", max_age=30.0)
        await asyncio.sleep(29.0)
        await client.status("a", max_age=30.0)
        assert len(transport.calls) == 1
        await asyncio.sleep(1.5)
        await client.status("a", max_age=30.0)
        assert len(transport.calls) == 2


@pytest.mark.looptime
async def test_a_404_is_never_remembered() -> None:
    transport = FakeTransport([http(404), status("delivered")])
    async with client_of(transport) as client:
        with pytest.raises(NotFoundError):
            await client.status("a", max_age=3600.0)
        assert (await client.status("a", max_age=3600.0)).is_terminal
        assert (await client.status("a", max_age=3600.0)).is_terminal
    assert len(transport.calls) == 2


@pytest.mark.looptime
async def test_an_id_that_zns_does_not_know_is_asked_for_again() -> None:
    transport = FakeTransport([zns(-1), zns(1)])
    client: Any = ZnsClient(api_key="k", pool=SessionPool(transport=transport), limits=FREE)
    async with client:
        seen = [(await client.status("a", max_age=3600.0)).status for _ in range(3)]
    assert (seen, len(transport.calls)) == ([-1, 1, 1], 2)


@pytest.mark.looptime
async def test_polls_and_webhooks_fill_the_cache_too() -> None:
    transport = FakeTransport([status("delivered")])
    async with client_of(transport) as client:
        await client.wait_for_delivery("a")
        client.poller.feed(sms("b", "undeliverable"))
        assert (await client.status("a", max_age=1.0)).delivery_status == "delivered"
        assert (await client.status("b", max_age=1.0)).delivery_status == "undeliverable"
    assert transport.ids == ["a"]
