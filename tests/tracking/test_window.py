"""`deliveries()`: many ids followed to their ends a window at a time; in virtual time."""

import asyncio
import gc
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from smsbat_async import (
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    InvalidMessageError,
    MessageStatus,
    Outcome,
    PollPolicy,
)
from tests.support.fake import Call, FakeTransport, Reply, client_of, http, status

EXACT = PollPolicy(jitter=0.0)
WAITING = status("processing")
IDS = [f"m-{number}" for number in range(100)]


def now() -> float:
    return asyncio.get_running_loop().time()


async def agen(items: Any) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0.01)
        yield item


def counted(items: Any, read: list[Any]) -> Iterator[Any]:
    for item in items:
        read.append(item)
        yield item


# -- one delivery per id --------------------------------------------------------------------------


@pytest.mark.looptime
@pytest.mark.parametrize("window", [1, 7, 100, 100_000])
async def test_there_is_exactly_one_delivery_per_id(window: int) -> None:
    def plan(call: Call) -> Any:
        return {0: status(), 1: status("undeliverable"), 2: WAITING}[int(call.message_id[2:]) % 3]

    async with client_of(FakeTransport(plan), polling=EXACT) as client:
        seen = [delivery async for delivery in client.deliveries(agen(IDS), timeout=10, window=window)]
    assert sorted(delivery.message_id for delivery in seen) == sorted(IDS)
    outcomes = Counter(str(delivery.outcome) for delivery in seen)
    assert outcomes == {"delivered": 34, "undeliverable": 33, "timed_out": 33}


@pytest.mark.looptime
async def test_ids_come_in_the_order_of_their_ends() -> None:
    polls: Counter[str] = Counter()

    def plan(call: Call) -> Any:
        polls[call.message_id] += 1
        return status() if polls[call.message_id] > (call.message_id == "slow") else WAITING

    async with client_of(FakeTransport(plan), polling=EXACT) as client:
        seen = [delivery.message_id async for delivery in client.deliveries(["slow", "fast", "quick"])]
    assert seen == ["fast", "quick", "slow"]


@pytest.mark.looptime
async def test_an_id_given_twice_ends_twice_with_one_poll() -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        seen = [delivery.message_id async for delivery in client.deliveries(["a", "a", "a"])]
    assert (seen, len(transport.calls)) == (["a", "a", "a"], 1)


@pytest.mark.looptime
async def test_ends_that_are_known_already_come_at_once_whatever_the_window() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client:
        for name in IDS:
            client.poller.feed(MessageStatus(message_id=name, delivery_status="delivered"))
        began = now()
        seen = [delivery async for delivery in client.deliveries(IDS, window=3)]
        assert now() == began
    assert [delivery.message_id for delivery in seen] == IDS
    assert {delivery.source for delivery in seen} == {"cache"}
    assert transport.calls == []


@pytest.mark.looptime
async def test_no_ids_give_an_empty_stream() -> None:
    async with client_of(FakeTransport([WAITING])) as client:
        assert [delivery async for delivery in client.deliveries([])] == []


@pytest.mark.looptime
async def test_webhooks_end_ids_of_a_stream() -> None:
    transport = FakeTransport([WAITING])
    async with client_of(transport) as client, client.deliveries(["a", "b"]) as stream:
        await asyncio.sleep(1)
        client.poller.feed(MessageStatus(message_id="b", delivery_status="delivered"))
        delivery = await anext(stream)
        assert (delivery.message_id, delivery.source) == ("b", "webhook")


# -- the window -----------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_no_more_ids_are_followed_or_unread_than_the_window_holds() -> None:
    read: list[str] = []
    names = (f"m-{number}" for number in itertools.count())
    async with (
        client_of(FakeTransport([status()]), polling=EXACT) as client,
        client.deliveries(counted(names, read), window=10) as stream,
    ):
        await asyncio.sleep(1)
        assert (len(read), client.poller.pending) == (10, 10)
        await asyncio.sleep(600)
        # All ten have ended and nobody has read them: nothing more is admitted.
        assert (len(read), client.poller.pending) == (10, 0)
        for taken in range(1, 6):
            await anext(stream)
            await asyncio.sleep(0.1)
            assert len(read) == 10 + taken


@pytest.mark.looptime
async def test_ids_that_are_unfit_take_room_in_the_window_until_they_are_read() -> None:
    read: list[int] = []
    async with (
        client_of(FakeTransport([status()])) as client,
        client.deliveries(counted(itertools.count(), read), window=10) as stream,
    ):
        await asyncio.sleep(1)
        assert len(read) == 10
        assert (await anext(stream)).outcome is Outcome.FAILED
        await asyncio.sleep(1)
        assert len(read) == 11


@pytest.mark.looptime
async def test_each_clock_starts_when_its_id_is_admitted() -> None:
    transport = FakeTransport([WAITING])
    policy = PollPolicy(jitter=0.0, last_poll_grace=0.0)
    async with client_of(transport, polling=policy) as client:
        began = now()
        ends = [
            (delivery.elapsed, now() - began)
            async for delivery in client.deliveries(["a", "b", "c"], timeout=20, window=1)
        ]
    assert [elapsed for elapsed, _ in ends] == pytest.approx([20.0] * 3, abs=1e-3)
    assert [at for _, at in ends] == pytest.approx([20.0, 40.0, 60.0], abs=1e-3)


@pytest.mark.looptime
async def test_without_a_timeout_the_policys_counts() -> None:
    async with client_of(FakeTransport([WAITING]), polling=PollPolicy(timeout=33.0)) as client:
        [delivery] = [delivery async for delivery in client.deliveries(["a"])]
    assert delivery.elapsed == pytest.approx(33.0, abs=1e-3)


@pytest.mark.looptime
async def test_admitting_many_ids_leaves_the_loop_its_turns() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    read = asyncio.Event()

    def names() -> Iterator[str]:
        yield from (f"m-{number}" for number in range(5_000))
        read.set()

    async with client_of(FakeTransport([WAITING])) as client:
        other = asyncio.create_task(others())
        async with client.deliveries(names()):
            await read.wait()
            assert client.poller.pending == 5_000
        other.cancel()
    assert turns >= 50


@pytest.mark.parametrize("wrong", [0, -5, 1.5, None], ids=repr)
async def test_a_window_that_is_no_count_is_refused(wrong: Any) -> None:
    async with client_of(FakeTransport([WAITING])) as client:
        with pytest.raises(ConfigurationError, match="window must be a whole number"):
            client.deliveries(["a"], window=wrong)
        with pytest.raises(ConfigurationError, match="timeout"):
            client.deliveries(["a"], timeout=0)


@pytest.mark.parametrize("wrong", ["m-1", b"m-1", 5], ids=repr)
async def test_a_text_instead_of_ids_is_refused_at_once(wrong: Any) -> None:
    async with client_of(FakeTransport([WAITING])) as client:
        with pytest.raises(InvalidMessageError, match="message_ids"):
            client.deliveries(wrong)


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.looptime
@pytest.mark.parametrize("wrong", ["../x", "", None, 7], ids=repr)
async def test_row_72_an_id_that_is_unfit_for_a_url_fails_alone(wrong: Any) -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        seen = {delivery.message_id: delivery async for delivery in client.deliveries(["a", wrong, "b"])}
    assert set(seen) == {"a", "b", wrong}
    assert seen[wrong].outcome is Outcome.FAILED
    assert isinstance(seen[wrong].last_error, InvalidMessageError)
    assert sorted(transport.ids) == ["a", "b"]


@pytest.mark.looptime
async def test_an_id_that_the_vendor_refuses_fails_alone() -> None:
    transport = FakeTransport(lambda call: http(400) if call.message_id == "bad" else status())
    async with client_of(transport) as client:
        seen = {delivery.message_id: delivery async for delivery in client.deliveries(["bad", "good"])}
    assert seen["good"].success
    assert seen["bad"].outcome is Outcome.FAILED
    assert isinstance(seen["bad"].last_error, BadRequestError)


@pytest.mark.looptime
async def test_a_401_is_raised_after_the_results_that_were_there() -> None:
    transport = FakeTransport(lambda call: http(401) if call.message_id == "m-50" else status())
    seen = []
    async with client_of(transport, polling=EXACT) as client:
        stream = client.deliveries(IDS)
        with pytest.raises(AuthenticationError):
            async for delivery in stream:
                seen.append(delivery.message_id)
        assert [delivery async for delivery in stream] == []
        assert client.poller.pending == 0
    assert seen
    assert "m-50" not in seen


@pytest.mark.looptime
async def test_a_401_reaches_the_reader_although_the_source_has_nothing_more_to_say() -> None:
    async def silent() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(86_400)

    async with client_of(FakeTransport([http(401)]), polling=EXACT) as client:
        began = now()
        with pytest.raises(AuthenticationError):
            await anext(client.deliveries(silent()))
        assert now() - began == pytest.approx(5.0, abs=0.1)
        assert client.poller.pending == 0


@pytest.mark.looptime
async def test_a_401_reaches_the_reader_although_the_window_is_full() -> None:
    transport = FakeTransport(lambda call: http(401) if call.message_id == "m-4" else status())
    seen = []
    async with client_of(transport, polling=EXACT) as client:
        stream = client.deliveries(IDS, window=5)
        with pytest.raises(AuthenticationError):
            async with stream:
                await asyncio.sleep(60)
                async for delivery in stream:
                    seen.append(delivery.message_id)
        assert client.poller.pending == 0
    assert sorted(seen) == ["m-0", "m-1", "m-2", "m-3"]
    assert len(transport.calls) == 5


@pytest.mark.looptime
async def test_an_error_of_the_source_comes_after_the_ends_of_what_was_under_way() -> None:
    def broken() -> Iterator[str]:
        yield from IDS[:5]
        raise LookupError("the table is gone")

    seen = []
    async with client_of(FakeTransport([WAITING, *[status()] * 9]), polling=EXACT) as client:
        with pytest.raises(LookupError, match="the table is gone"):
            async for delivery in client.deliveries(broken()):
                seen.append(delivery.message_id)
        assert client.poller.pending == 0
    assert sorted(seen) == IDS[:5]


# -- ending early ---------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_leaving_early_forgets_every_id_and_reads_no_more() -> None:
    read: list[str] = []
    transport = FakeTransport(lambda call: status() if call.message_id == "m-3" else WAITING)
    async with client_of(transport, polling=EXACT) as client:
        kept = client.track("m-7")
        async with client.deliveries(counted(IDS, read), window=20) as stream:
            assert (await anext(stream)).message_id == "m-3"
        assert client.poller.pending == 1
        calls = len(transport.calls)
        await asyncio.sleep(20)
        assert len(read) <= 21
        assert set(transport.ids[calls:]) == {"m-7"}
        kept.cancel()
        gc.collect()


@pytest.mark.looptime
async def test_closing_the_client_raises_client_closed_after_the_results() -> None:
    transport = FakeTransport(lambda call: status() if call.message_id == "m-3" else WAITING)
    client = client_of(transport, polling=EXACT)
    stream = client.deliveries(agen(IDS), window=50)
    first = await anext(stream)
    await client.aclose()
    assert first.message_id == "m-3"
    with pytest.raises(ClientClosedError):
        async for _delivery in stream:
            pass
    assert client.poller.pending == 0


@pytest.mark.looptime
async def test_a_stream_that_is_begun_after_the_closing_raises_client_closed() -> None:
    client = client_of(FakeTransport([WAITING]))
    stream = client.deliveries(["a"])
    await client.aclose()
    with pytest.raises(ClientClosedError):
        await anext(stream)


@pytest.mark.looptime
async def test_row_59_a_stream_that_nobody_reads_stops_polling_when_its_window_has_ended() -> None:
    read: list[str] = []
    transport = FakeTransport([Reply(status(), 0.1)])
    names = (f"m-{number}" for number in itertools.count())
    async with client_of(transport) as client:
        stream = client.deliveries(counted(names, read), window=40)
        await anext(stream)
        await asyncio.sleep(3_600)
        assert len(read) == len(transport.calls) == 41
