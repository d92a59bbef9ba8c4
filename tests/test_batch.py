"""The statuses of many ids: `statuses()` and `fetch_statuses()`, in virtual time."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from smsbat_async import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    InvalidMessageError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    SessionPool,
    SmsBatError,
    StatusResult,
)
from tests.support.fake import HANG, Call, FakeTransport, Reply, client_of, http, status

ONCE = RetryPolicy(attempts=1)
IDS = [f"m-{number}" for number in range(200)]


async def agen(items: Any) -> AsyncIterator[str]:
    for item in items:
        await asyncio.sleep(0.01)
        yield item


def uneven(call: Call) -> Reply:
    """Answer later ids sooner, so that nothing comes back in order."""
    return Reply(status(), 5.0 - int(call.message_id[2:]) % 40 / 10)


@pytest.mark.looptime
@pytest.mark.parametrize(
    "make",
    [
        lambda: IDS,
        lambda: tuple(IDS),
        lambda: (name for name in IDS),
        lambda: agen(IDS),
        lambda: dict.fromkeys(IDS),
    ],
    ids=["list", "tuple", "generator", "async generator", "keys"],
)
async def test_fetching_gives_exactly_one_result_per_id_in_the_order_of_the_ids(
    make: Callable[[], Any],
) -> None:
    transport = FakeTransport(uneven)
    async with client_of(transport) as client:
        results = await client.fetch_statuses(make())
    assert [result.message_id for result in results] == IDS
    assert [result.status.message_id for result in results if result.status] == IDS
    assert [result.error for result in results] == [None] * 200


@pytest.mark.looptime
async def test_streaming_gives_exactly_one_result_per_id() -> None:
    transport = FakeTransport(uneven)
    async with client_of(transport) as client:
        results = [result async for result in client.statuses(IDS)]
    names = [result.message_id for result in results]
    assert names != IDS
    assert sorted(names) == sorted(IDS)


@pytest.mark.looptime
async def test_an_id_that_is_given_twice_is_answered_twice() -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        results = await client.fetch_statuses(["a", "b", "a"])
    assert [result.message_id for result in results] == ["a", "b", "a"]
    assert sorted(transport.ids) == ["a", "a", "b"]


@pytest.mark.looptime
async def test_nothing_is_asked_for_no_ids() -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        assert await client.fetch_statuses([]) == []
        assert [result async for result in client.statuses(agen([]))] == []
    assert transport.calls == []


@pytest.mark.looptime
async def test_one_ids_failure_costs_only_its_own_result() -> None:
    failures: dict[str, Any] = {"m-3": http(404), "m-7": http(500), "m-11": http(401)}
    transport = FakeTransport(lambda call: failures.get(call.message_id, status()))
    async with client_of(transport, retry=ONCE) as client:
        fetched = await client.fetch_statuses(IDS)
        streamed = [result async for result in client.statuses(IDS)]
    for results in (fetched, sorted(streamed, key=lambda result: IDS.index(result.message_id))):
        errors = {result.message_id: type(result.error) for result in results if result.error is not None}
        assert errors == {"m-3": NotFoundError, "m-7": ServerError, "m-11": AuthenticationError}
        assert all((result.status is None) is (result.error is not None) for result in results)
        assert len(results) == 200


@pytest.mark.looptime
@pytest.mark.parametrize("wrong", ["../x", "", "a b", "x" * 129, None, 5], ids=repr)
async def test_row_72_an_id_that_is_unfit_for_a_url_is_a_result_and_is_not_asked_for(wrong: Any) -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        good, bad = await client.fetch_statuses(["good", wrong])
    assert good.status is not None
    assert bad.message_id == wrong
    assert isinstance(bad.error, InvalidMessageError)
    assert transport.ids == ["good"]


@pytest.mark.parametrize("wrong", ["m-1", b"m-1", 5, None], ids=repr)
async def test_a_text_instead_of_ids_is_refused_before_anything_is_asked(wrong: Any) -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        with pytest.raises(InvalidMessageError, match="message_ids"):
            client.statuses(wrong)
        with pytest.raises(InvalidMessageError, match="message_ids"):
            await client.fetch_statuses(wrong)
    assert transport.calls == []


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "4"], ids=repr)
async def test_a_concurrency_that_is_no_count_is_refused(wrong: Any) -> None:
    transport = FakeTransport([status()])
    async with client_of(transport) as client:
        with pytest.raises(ConfigurationError, match="concurrency"):
            client.statuses(["a"], concurrency=wrong)
        with pytest.raises(ConfigurationError, match="concurrency"):
            await client.fetch_statuses(["a"], concurrency=wrong)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("maximum", "concurrency", "peak"),
    [(50, None, 32), (50, 5, 5), (50, 1, 1), (50, 1_000, 32), (10, None, 6), (1, None, 1)],
)
async def test_no_more_are_in_flight_than_asked_for_and_than_the_pool_leaves_to_batches(
    maximum: int, concurrency: int | None, peak: int
) -> None:
    tasks = 0

    def plan(_call: Call) -> Reply:
        nonlocal tasks
        tasks = max(tasks, len(asyncio.all_tasks()))
        return Reply(status(), 1.0)

    transport = FakeTransport(plan)
    pool = SessionPool(maximum, transport=transport)
    async with client_of(transport, pool=pool) as client:
        assert len(await client.fetch_statuses(IDS, concurrency=concurrency)) == 200
        assert tasks <= 2 + pool.host_bulk_maximum + 2
        assert transport.peak == peak
        transport.peak = 0
        assert len([result async for result in client.statuses(agen(IDS), concurrency=concurrency)]) == 200
        assert transport.peak == peak
        # Several batches at once do not get more than one.
        transport.peak = 0
        await asyncio.gather(*(client.fetch_statuses(IDS[:50]) for _ in range(3)))
        assert transport.peak == pool.host_bulk_maximum


@pytest.mark.looptime
async def test_an_endless_generator_is_read_only_as_it_is_needed() -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        for number in itertools.count():
            read += 1
            yield f"m-{number}"

    transport = FakeTransport(lambda _call: Reply(status(), 0.1))
    async with client_of(transport) as client, client.statuses(endless(), concurrency=4) as results:
        for taken in range(1, 51):
            await anext(results)
            assert read <= taken + 2 * 4
        assert len(transport.calls) <= 58


@pytest.mark.looptime
async def test_an_error_of_the_ids_is_raised_and_nothing_more_is_asked() -> None:
    def broken() -> Iterator[str]:
        yield from IDS[:10]
        raise LookupError("the table is gone")

    transport = FakeTransport(lambda _call: Reply(status(), 1.0))
    pool = SessionPool(transport=transport)
    async with client_of(transport, pool=pool) as client:
        with pytest.raises(LookupError, match="the table is gone"):
            await client.fetch_statuses(broken(), concurrency=2)
        assert pool.in_flight == 0
    assert len(transport.calls) == 10


@pytest.mark.looptime
async def test_cancelling_a_fetch_stops_its_work() -> None:
    transport = FakeTransport(lambda call: HANG if int(call.message_id[2:]) > 20 else status())
    pool = SessionPool(transport=transport)
    async with client_of(transport, pool=pool, timeout=None, total_timeout=None) as client:
        fetch = asyncio.create_task(client.fetch_statuses(IDS))
        await asyncio.sleep(1.0)
        calls = len(transport.calls)
        assert pool.in_flight == 32
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        await asyncio.sleep(1.0)
        assert (pool.in_flight, transport.in_flight, len(transport.calls)) == (0, 0, calls)


@pytest.mark.looptime
async def test_closing_the_client_during_a_fetch_raises_client_closed() -> None:
    transport = FakeTransport(lambda _call: Reply(status(), 1.0))
    client = client_of(transport)
    fetch = asyncio.create_task(client.fetch_statuses(IDS, concurrency=4))
    await asyncio.sleep(2.5)
    await client.aclose()
    with pytest.raises(ClientClosedError):
        await fetch
    assert len(transport.calls) == 12


@pytest.mark.looptime
async def test_answers_of_a_batch_end_what_is_being_tracked() -> None:
    transport = FakeTransport([status("delivered")])
    async with client_of(transport) as client:
        future = client.track("m-1")
        [result] = await client.fetch_statuses(["m-1"])
        assert isinstance(result, StatusResult)
        delivery = await future
        assert (delivery.success, delivery.polls) == (True, 0)
    assert len(transport.calls) == 1


@pytest.mark.looptime
async def test_every_result_is_either_a_status_or_an_error_of_ours() -> None:
    transport = FakeTransport(lambda call: status() if int(call.message_id[2:]) % 2 else http(503))
    async with client_of(transport, retry=RetryPolicy(initial=0.0)) as client:
        results = await client.fetch_statuses(IDS)
    assert sum(result.status is not None for result in results) == 100
    assert sum(isinstance(result.error, SmsBatError) for result in results) == 100
