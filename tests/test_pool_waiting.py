"""SessionPool: who gives up waiting, by choice or by a deadline; in virtual time."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsbat_async import (
    NotSentError,
    Rate,
    SmsBatError,
)
from tests.support.fake import (
    HANG,
    client_of,
    too_many,
)
from tests.test_pool import ONCE, end, gate_of, now, pool_of, settle

# -- waiting and giving up ------------------------------------------------------------------------


@pytest.mark.looptime
async def test_who_cancels_while_waiting_leaves_the_slot_to_the_next() -> None:
    pool, _ = pool_of(1)
    gate = gate_of(pool)
    await pool.enter(gate, bulk=False, deadline=None)
    first = asyncio.create_task(pool.enter(gate, bulk=False, deadline=None))
    second = asyncio.create_task(pool.enter(gate, bulk=False, deadline=None))
    await settle()
    [error] = await end(first)
    assert isinstance(error, asyncio.CancelledError)
    pool.leave(gate, bulk=False)
    await second
    pool.leave(gate, bulk=False)
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_who_is_cancelled_just_when_let_in_gives_the_slot_on() -> None:
    pool, _ = pool_of(1)
    gate = gate_of(pool)
    await pool.enter(gate, bulk=True, deadline=None)
    first = asyncio.create_task(pool.enter(gate, bulk=True, deadline=None))
    second = asyncio.create_task(pool.enter(gate, bulk=True, deadline=None))
    await settle()
    pool.leave(gate, bulk=True)  # grants the first one ...
    [error] = await end(first)  # ... who is cancelled before it can notice
    assert isinstance(error, asyncio.CancelledError)
    await second
    assert pool.in_flight == 1
    pool.leave(gate, bulk=True)
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_a_deadline_while_waiting_for_a_slot_means_that_nothing_was_sent() -> None:
    pool, transport = pool_of(1, [HANG])
    async with client_of(transport, pool=pool, timeout=None, total_timeout=None) as client:
        stuck = asyncio.create_task(client.status("stuck"))
        await settle()
        began = now()
        with pytest.raises(NotSentError) as caught:
            await client.with_options(total_timeout=7.0).status("late")
        assert (caught.value.kind, now() - began) == ("no_slot", 7.0)
        assert transport.ids == ["stuck"]
        await end(stuck)
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_a_deadline_that_passes_just_when_the_slot_comes_free_leaks_nothing() -> None:
    pool, _ = pool_of(1)
    gate = gate_of(pool)
    await pool.enter(gate, bulk=False, deadline=None)
    late = asyncio.create_task(pool.enter(gate, bulk=False, deadline=now() + 1.0))
    await asyncio.sleep(1.0)
    pool.leave(gate, bulk=False)
    [error] = await asyncio.gather(late, return_exceptions=True)
    assert isinstance(error, NotSentError)
    assert pool.in_flight == 0
    assert pool.try_enter(gate, bulk=False, now=now()) or await pool.enter(gate, False, now() + 1) > 0
    assert pool.in_flight == 1


@pytest.mark.looptime
async def test_a_pause_longer_than_the_deadline_fails_at_once() -> None:
    pool, transport = pool_of(5, [too_many("30")])
    async with client_of(transport, pool=pool, retry=ONCE, total_timeout=20.0) as client:
        with pytest.raises(SmsBatError, match="429"):
            await client.status("a")
        began = now()
        with pytest.raises(NotSentError) as caught:
            await client.status("b")
        assert (caught.value.kind, now()) == ("paused", began)
        assert transport.ids == ["a"]


@settings(max_examples=60)
@given(
    maximum=st.integers(1, 6),
    rate=st.sampled_from([None, Rate(20, 20), Rate(5, 9)]),
    calls=st.lists(
        st.tuples(
            st.floats(0, 2),  # when it begins
            st.floats(0, 1),  # how long it holds its slot
            st.one_of(st.none(), st.floats(0, 2)),  # when it is cancelled
            st.one_of(st.none(), st.floats(0, 2)),  # its deadline
            st.booleans(),  # whether it is bulk
            st.sampled_from("ab"),  # its host
        ),
        max_size=40,
    ),
)
@pytest.mark.looptime
async def test_no_storm_of_calls_and_cancellations_leaks_a_slot(
    maximum: int, rate: Rate | None, calls: list[tuple[float, float, float | None, float | None, bool, str]]
) -> None:
    pool, _ = pool_of(maximum)
    gates = {host: gate_of(pool, host, rate) for host in "ab"}

    async def call(begin: float, hold: float, deadline: float | None, bulk: bool, host: str) -> None:
        await asyncio.sleep(begin)
        until = None if deadline is None else now() + deadline
        if not pool.try_enter(gates[host], bulk, now()):
            await pool.enter(gates[host], bulk, until)
        assert 1 <= pool.in_flight <= maximum
        assert sum(gate.host.in_flight for gate in gates.values()) == pool.in_flight
        try:
            await asyncio.sleep(hold)
        finally:
            pool.leave(gates[host], bulk)

    tasks = []
    for begin, hold, cancel, deadline, bulk, host in calls:
        task = asyncio.create_task(call(begin, hold, deadline, bulk, host))
        if cancel is not None:
            asyncio.get_running_loop().call_later(cancel, task.cancel)
        tasks.append(task)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(error) for error in ended} <= {type(None), NotSentError, asyncio.CancelledError}
    assert pool.in_flight == 0
    # All of a host's share can be had again.
    for _ in range(pool.host_maximum):
        await pool.enter(gates["a"], bulk=False, deadline=None)
    assert pool.in_flight == pool.host_maximum
    assert not pool.try_enter(gates["a"], bulk=False, now=now() + 9.0)
