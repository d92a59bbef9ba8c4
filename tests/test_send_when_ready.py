"""Messages that are taken only when it is their turn: for those who keep them in a database of their own."""

import asyncio
from collections.abc import Sequence

import pytest

from smsbat_async import (
    CascadeMessage,
    ClientClosedError,
    InvalidMessageError,
    Limits,
    NotSentError,
    OutcomeUnknownError,
    Rate,
    RateLimitError,
    RetryPolicy,
    SendOutcome,
    SendResult,
    SessionPool,
    SmsBatClient,
)
from tests.support import ScriptedServer, Step, answer, refused_port
from tests.support.cascade import (
    KEY,
    UNLIMITED,
    Log,
    Vendor,
    accept,
    client_of,
    message,
    messages,
    outcomes,
    vendor_client,
)
from tests.support.recorded import Recorded
from tests.support.steps import hang

ONCE = RetryPolicy(attempts=1)


class Shelf:
    """Gives messages out, and notes when."""

    def __init__(self, *batches: Sequence[CascadeMessage]) -> None:
        self.batches = list(batches)
        self.times: list[float] = []

    async def take(self) -> Sequence[CascadeMessage]:
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        return self.batches.pop(0)


def slots_taken(pool: SessionPool) -> int:
    return pool.in_flight


async def test_what_is_taken_is_sent_in_one_request_and_answered_in_its_order() -> None:
    log = Log()
    async with ScriptedServer(accept) as server, client_of(server, hooks=[log]) as client:
        results = await client.send_when_ready(Shelf(messages(3)).take)
    assert [result.message.id for result in results] == ["m-0", "m-1", "m-2"]
    assert outcomes(results) == ["accepted"] * 3
    assert len(server.requests) == 1
    assert len(log.told) == 3


@pytest.mark.looptime
async def test_nothing_is_taken_before_the_rate_allows_a_start() -> None:
    shelf = Shelf(*([message(number)] for number in range(3)))
    limits = Limits(send=Rate(0.1, burst=1))
    async with vendor_client(Vendor(), limits=limits) as client:
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(*(client.send_when_ready(shelf.take) for _ in range(3)))
    assert [round(time - begun) for time in shelf.times] == [0, 10, 20]


@pytest.mark.looptime
async def test_nothing_is_taken_during_a_pause_that_the_vendor_asked_for() -> None:
    shelf = Shelf([message(1)], [message(2)])

    def answered(request: Recorded) -> Step:
        return answer(429, headers={"Retry-After": "7"}) if request.index == 0 else accept(request)

    async with ScriptedServer(answered) as server, client_of(server, retry=ONCE) as client:
        (refused,) = await client.send_when_ready(shelf.take)
        (accepted,) = await client.send_when_ready(shelf.take)
    assert refused.outcome is SendOutcome.NOT_SENT
    assert isinstance(refused.error, RateLimitError)
    assert accepted.outcome is SendOutcome.ACCEPTED
    assert shelf.times[1] - shelf.times[0] >= 7


async def test_taking_nothing_sends_nothing_and_gives_the_slot_back() -> None:
    pool = SessionPool(1, transport=Vendor())
    async with client_with(pool) as client:
        assert await client.send_when_ready(Shelf([]).take) == []
        assert slots_taken(pool) == 0


async def test_what_taking_raises_is_raised_and_the_slot_is_given_back() -> None:
    vendor = Vendor()
    pool = SessionPool(1, transport=vendor)

    async def take() -> Sequence[CascadeMessage]:
        raise OSError("the disk is full")

    async with client_with(pool) as client:
        with pytest.raises(OSError, match="disk"):
            await client.send_when_ready(take)
        assert slots_taken(pool) == 0
    assert vendor.requests == []


@pytest.mark.parametrize(
    ("taken", "code"),
    [
        ([message(1), message(1)], "repeated_id"),
        (messages(1_001), "too_many"),
        ([message(1), "hello"], "no_message"),
    ],
    ids=["twice", "too many", "no message"],
)
async def test_what_cannot_be_sent_at_once_is_refused_whole(taken: list[CascadeMessage], code: str) -> None:
    vendor = Vendor()
    pool = SessionPool(1, transport=vendor)
    async with client_with(pool) as client:
        with pytest.raises(InvalidMessageError) as met:
            await client.send_when_ready(Shelf(taken).take)
        assert met.value.code == code
        assert slots_taken(pool) == 0
    assert vendor.requests == []


@pytest.mark.looptime
async def test_without_a_turn_in_time_nothing_is_taken() -> None:
    shelf = Shelf([message(1)])
    hours = Limits(send=Rate(1 / 3600, burst=1))
    async with vendor_client(Vendor(), limits=hours, total_timeout=0.01) as client:
        await client.send(message(0))
        with pytest.raises(NotSentError) as met:
            await client.send_when_ready(shelf.take)
    assert met.value.kind == "no_slot"
    assert shelf.times == []


async def test_while_the_host_cannot_be_reached_nothing_is_taken() -> None:
    shelf = Shelf([message(99)])
    with refused_port() as port:
        pool = SessionPool()
        async with pool, client_with(pool, base_url=f"http://127.0.0.1:{port}", retry=ONCE) as client:
            for number in range(10):
                with pytest.raises(NotSentError):
                    await client.send(message(number))
            with pytest.raises(NotSentError) as met:
                await client.send_when_ready(shelf.take)
            assert slots_taken(pool) == 0
    assert met.value.kind == "circuit_open"
    assert shelf.times == []


async def test_what_was_taken_is_not_taken_again_for_a_second_attempt() -> None:
    shelf = Shelf([message(1)])
    with refused_port() as port:
        pool = SessionPool()
        retry = RetryPolicy(attempts=3, initial=0.001, maximum=0.002)
        async with pool, client_with(pool, base_url=f"http://127.0.0.1:{port}", retry=retry) as client:
            (result,) = await client.send_when_ready(shelf.take)
            assert slots_taken(pool) == 0
    assert result.outcome is SendOutcome.NOT_SENT
    assert len(shelf.times) == 1


async def test_row_44_cancelled_while_it_waits_for_a_turn_takes_nothing() -> None:
    shelf = Shelf([message(1)])
    never = asyncio.Event()
    pool = SessionPool(1, transport=Vendor(wait=never.wait))
    async with client_with(pool) as client:
        holder = asyncio.create_task(client.send(message(0)))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(client.send_when_ready(shelf.take))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        never.set()
        await holder
        assert slots_taken(pool) == 0
    assert shelf.times == []


async def test_row_45_cancelled_on_the_wire_tells_the_outcome_before_it_is_gone() -> None:
    kept: list[SendResult] = []
    async with ScriptedServer(hang()) as server, client_of(server) as client:
        sending = asyncio.create_task(client.send_when_ready(Shelf(messages(2)).take, keep=kept.append))
        await server.seen_request()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert outcomes(kept) == ["unknown", "unknown"]
    assert all(isinstance(result.error, OutcomeUnknownError) for result in kept)


async def test_a_refused_batch_is_halved_with_the_turn_that_was_taken_for_it() -> None:
    def judge(ids: list[str]) -> tuple[int, object]:
        if "m-2" in ids:
            return 400, {"error": {"code": "INVALID_PHONE", "message": "No"}}
        return 200, [{"messageId": f"v-{each}", "trackinId": each} for each in ids]

    shelf = Shelf(messages(4))
    vendor = Vendor(judge)
    pool = SessionPool(1, transport=vendor)
    async with client_with(pool) as client:
        results = await client.send_when_ready(shelf.take)
        assert slots_taken(pool) == 0
    assert outcomes(results) == ["accepted", "accepted", "rejected", "accepted"]
    assert len(shelf.times) == 1


async def test_row_48_closing_while_it_waits_for_a_turn_takes_nothing() -> None:
    shelf = Shelf([message(1)])
    go = asyncio.Event()
    pool = SessionPool(1, transport=Vendor(wait=go.wait))
    client = client_with(pool)
    holder = asyncio.create_task(client.send(message(0)))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(client.send_when_ready(shelf.take))
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(client.aclose())
    with pytest.raises(ClientClosedError):
        await waiting
    go.set()
    await asyncio.gather(holder, closing)
    assert shelf.times == []


async def test_row_48_closing_while_messages_are_taken_sends_none_of_them() -> None:
    vendor = Vendor()
    pool = SessionPool(1, transport=vendor)
    client = client_with(pool)
    go, taking = asyncio.Event(), asyncio.Event()

    async def take() -> Sequence[CascadeMessage]:
        taking.set()
        await go.wait()
        return messages(2)

    sending = asyncio.create_task(client.send_when_ready(take))
    await taking.wait()
    await client.aclose()
    go.set()
    results = await sending
    assert outcomes(results) == ["not_sent", "not_sent"]
    assert vendor.requests == []
    assert slots_taken(pool) == 0


def client_with(pool: SessionPool, **options: object) -> SmsBatClient:
    chosen = {"api_key": KEY, "base_url": "https://vendor.test", "limits": UNLIMITED, **options}
    return SmsBatClient(pool=pool, **chosen)  # type: ignore[arg-type]
