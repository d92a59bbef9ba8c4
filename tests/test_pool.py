"""SessionPool: who may be in flight, who waits, and whose turn is next; most of it in virtual time."""

import asyncio
from typing import Any

import pytest

from smsbat_async import (
    CascadeMessage,
    Limits,
    MessageType,
    Rate,
    RetryPolicy,
    SessionPool,
    SmsBatError,
    ZnsClient,
)
from smsbat_async.pool import Gate
from tests.support.fake import (
    FREE,
    HANG,
    FakeTransport,
    Reply,
    accepted,
    client_of,
    status,
    too_many,
    zns,
)

ONCE = RetryPolicy(attempts=1)
MESSAGE = CascadeMessage(
    id="t-1", from_name="Shop", to_phone="+380501234567", message_type=MessageType.TRANSACTION, text="x"
)


def pool_of(maximum: int, plan: Any = lambda _call: status()) -> tuple[SessionPool, FakeTransport]:
    transport = FakeTransport(plan)
    return SessionPool(maximum, transport=transport), transport


def gate_of(pool: SessionPool, host: str = "a", rate: Rate | None = None) -> Gate:
    pool.declare(host, "c", "status", rate)
    return pool.gate(host, "c", "status")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def end(*tasks: "asyncio.Task[Any]") -> list[Any]:
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


def now() -> float:
    return asyncio.get_running_loop().time()


# -- the bound ------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_one_host_gets_four_fifths_of_the_bound_and_two_hosts_get_all_of_it() -> None:
    transport = FakeTransport(lambda call: Reply(zns(1) if "goby" in call.request.url else status(), 1.0))
    pool = SessionPool(10, transport=transport)
    async with client_of(transport, pool=pool) as a, ZnsClient(api_key="k", pool=pool, limits=FREE) as b:
        first = [asyncio.create_task(a.status(f"a-{n}")) for n in range(30)]
        await settle()
        assert (pool.in_flight, transport.in_flight) == (8, 8)
        second = [asyncio.create_task(b.status(f"b-{n}")) for n in range(30)]
        await settle()
        assert (pool.in_flight, transport.in_flight) == (10, 10)
        await asyncio.gather(*first, *second)
    assert transport.peak == 10
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_a_black_hole_at_one_host_leaves_the_other_working() -> None:
    transport = FakeTransport(lambda call: zns(1) if "goby" in call.request.url else HANG)
    pool = SessionPool(10, transport=transport)
    async with (
        client_of(transport, pool=pool, timeout=None, total_timeout=None) as dead,
        ZnsClient(api_key="k", pool=pool, limits=FREE) as alive,
    ):
        stuck = [asyncio.create_task(dead.status(f"a-{n}")) for n in range(100)]
        await settle()
        began = now()
        results = await alive.fetch_statuses([f"b-{n}" for n in range(200)])
        assert [result.status.status for result in results if result.status] == [1] * 200
        assert now() == began
        await end(*stuck)
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_batches_and_polls_fill_their_share_and_a_single_call_still_starts_at_once() -> None:
    pool, transport = pool_of(50, lambda call: Reply(status(), 60.0 if "bulk" in call.message_id else 0.0))
    async with client_of(transport, pool=pool, timeout=None) as client:
        batch = asyncio.create_task(client.fetch_statuses([f"bulk-{n}" for n in range(1_000)]))
        tracked = [client.track(f"bulk-t{n}", timeout=600) for n in range(100)]
        await asyncio.sleep(20)
        assert pool.in_flight == 32  # four fifths of a host's 40
        began = now()
        await client.status("single")
        assert now() == began
        assert pool.in_flight == 32
        await end(batch)
        for future in tracked:
            future.cancel()


@pytest.mark.looptime
async def test_a_send_overtakes_a_thousand_bulk_calls_that_wait_for_slots() -> None:
    transport = FakeTransport(lambda call: accepted(call) if call.request.body else Reply(status(), 60.0))
    async with client_of(transport, timeout=None, total_timeout=None) as client:
        batch = asyncio.create_task(client.fetch_statuses([f"b-{n}" for n in range(1_000)]))
        await settle()
        began = now()
        receipt = await client.send(MESSAGE)
        assert (receipt.message_id, now()) == ("m-t-1", began)
        await end(batch)


@pytest.mark.looptime
async def test_a_single_call_gets_the_next_start_where_the_rate_makes_a_thousand_wait() -> None:
    pool, _ = pool_of(50)
    gate = gate_of(pool, rate=Rate(10, 10))
    order: list[str] = []

    async def call(name: str, bulk: bool) -> None:
        await pool.enter(gate, bulk, None)
        order.append(name)
        pool.leave(gate, bulk)

    bulk = [asyncio.create_task(call("bulk", bulk=True)) for _ in range(1_000)]
    await asyncio.sleep(1.05)
    began, already = now(), len(order)
    await call("single", bulk=False)
    assert order.index("single") == already
    assert now() - began < 0.101
    await end(*bulk)


@pytest.mark.looptime
async def test_after_four_single_calls_in_a_row_a_waiting_batch_gets_its_turn() -> None:
    pool, _ = pool_of(50)
    gate = gate_of(pool, rate=Rate(1, 1))
    order: list[str] = []

    async def call(name: str, bulk: bool) -> None:
        await pool.enter(gate, bulk, None)
        order.append(name)
        pool.leave(gate, bulk)

    tasks = [asyncio.create_task(call("b", bulk=True)) for _ in range(3)]
    tasks += [asyncio.create_task(call("s", bulk=False)) for _ in range(12)]
    await asyncio.gather(*tasks)
    # The very first found the gate empty.
    assert "".join(order) == "bssssbssssbssss"


@pytest.mark.looptime
async def test_waiters_of_a_kind_are_served_in_their_order() -> None:
    pool, _ = pool_of(2)
    gate = gate_of(pool)
    order: list[int] = []

    async def call(number: int) -> None:
        await pool.enter(gate, bulk=False, deadline=None)
        await asyncio.sleep(0.1)
        order.append(number)
        pool.leave(gate, bulk=False)

    await asyncio.gather(*(call(number) for number in range(50)))
    assert order == list(range(50))
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_nobody_slips_past_those_who_wait() -> None:
    pool, _ = pool_of(1)
    gate = gate_of(pool)
    assert pool.try_enter(gate, bulk=False, now=now())
    waiting = asyncio.create_task(pool.enter(gate, bulk=False, deadline=None))
    await settle()
    pool.leave(gate, bulk=False)  # the slot is granted at once, though the waiter has not run yet
    assert not pool.try_enter(gate, bulk=False, now=now())
    await waiting
    pool.leave(gate, bulk=False)
    assert pool.try_enter(gate, bulk=False, now=now())
    pool.leave(gate, bulk=False)
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_nobody_slips_past_those_who_wait_for_a_start() -> None:
    pool, _ = pool_of(5)
    gate = gate_of(pool, rate=Rate(1, 1))
    assert pool.try_enter(gate, bulk=False, now=now())
    waiting = asyncio.create_task(pool.enter(gate, bulk=True, deadline=None))
    await settle()
    assert not pool.try_enter(gate, bulk=False, now=now() + 5.0)  # though the next start has come by then
    await waiting


@pytest.mark.looptime
async def test_batches_at_two_hosts_leave_a_fifth_of_the_whole_pool_to_single_calls() -> None:
    transport = FakeTransport(lambda call: Reply(zns(1) if "goby" in call.request.url else status(), 60.0))
    pool = SessionPool(10, transport=transport)
    async with (
        client_of(transport, pool=pool, timeout=None, total_timeout=None) as a,
        ZnsClient(api_key="k", pool=pool, limits=FREE, timeout=None, total_timeout=None) as b,
    ):
        batches = [asyncio.create_task(client.fetch_statuses(["m"] * 20)) for client in (a, b)]
        await settle()
        assert (pool.in_flight, transport.in_flight) == (8, 8)
        single = asyncio.create_task(b.status("single"))
        await settle()
        assert (pool.in_flight, transport.in_flight) == (9, 9)
        await end(single, *batches)


@pytest.mark.looptime
@pytest.mark.parametrize("bulk", [False, True])
async def test_gates_take_turns_so_that_no_queue_starves_another(bulk: bool) -> None:
    pool, _ = pool_of(1)
    gates = {name: pool.gate("host", name, "status") for name in "abc"}
    order: list[str] = []

    async def call(name: str) -> None:
        await pool.enter(gates[name], bulk, None)
        order.append(name)
        await asyncio.sleep(1.0)
        pool.leave(gates[name], bulk)

    await asyncio.gather(*(call(name) for name in "a" * 10 + "b" * 10 + "c" * 10))
    assert "".join(order) == "a" + "abc" * 9 + "bc"


@pytest.mark.looptime
async def test_three_hosts_under_full_load_all_get_on() -> None:
    pool, _ = pool_of(5)
    gates = {name: pool.gate(name, "c", "status") for name in "xyz"}
    order: list[str] = []

    async def call(name: str) -> None:
        await pool.enter(gates[name], bulk=False, deadline=None)
        order.append(name)
        await asyncio.sleep(1.0)
        pool.leave(gates[name], bulk=False)

    await asyncio.gather(*(call(name) for name in "x" * 50 + "y" * 50 + "z" * 50))
    assert [order[:75].count(name) >= 20 for name in "xyz"] == [True] * 3


# -- rates ----------------------------------------------------------------------------------------


@pytest.mark.looptime(noop_cycles=2)
async def test_starts_through_a_gate_keep_its_rate_to_the_second() -> None:
    pool, transport = pool_of(50)
    async with client_of(transport, pool=pool, limits=Limits(status=Rate(50, 75), send=None)) as client:
        began = now()
        await client.fetch_statuses(str(n) for n in range(1_025))
        assert now() - began == pytest.approx(20.0, rel=0.01)


@pytest.mark.looptime
async def test_two_clients_with_one_credential_share_one_rate() -> None:
    pool, transport = pool_of(50)
    limits = Limits(status=Rate(1, 1), send=None)
    async with (
        client_of(transport, pool=pool, limits=limits) as a,
        client_of(transport, pool=pool, limits=limits) as b,
    ):
        began = now()
        await asyncio.gather(*(client.status("m") for client in (a, b, a, b)))
    assert [at - began for at in transport.times] == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=0.01)


@pytest.mark.looptime
async def test_who_waits_is_let_in_sooner_when_the_rate_comes_back() -> None:
    pool, _ = pool_of(50)
    gate = gate_of(pool, rate=Rate(100, 150))
    for _ in range(8):
        gate.pacer.pause(gate.pacer.paused_until, 1.0, started_at=gate.pacer.paused_until)
    await asyncio.sleep(gate.pacer.paused_until - now())
    assert gate.pacer.per_second(now()) == 1.0
    assert pool.try_enter(gate, bulk=False, now=now())
    began = now()
    first = asyncio.create_task(pool.enter(gate, bulk=False, deadline=None))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(pool.enter(gate, bulk=False, deadline=None))
    assert await first - began == pytest.approx(0.667, abs=0.01)  # not 1.0, as it looked in the beginning
    await second


@pytest.mark.looptime
async def test_a_pause_of_one_kind_of_call_does_not_hold_up_the_other() -> None:
    pool, transport = pool_of(50, lambda call: accepted(call) if call.request.body else too_many("60"))
    async with client_of(transport, pool=pool, retry=ONCE) as client:
        with pytest.raises(SmsBatError, match="429"):
            await client.status("a")
        began = now()
        await client.send(MESSAGE)
        assert now() == began


@pytest.mark.looptime
async def test_two_credentials_at_one_host_have_a_rate_each_and_share_its_slots() -> None:
    pool, transport = pool_of(10, lambda _call: Reply(status(), 0.5))
    one = Limits(status=Rate(1, 1), send=None)
    async with (
        client_of(transport, pool=pool, limits=one) as a,
        client_of(transport, pool=pool, api_key="key-2", limits=FREE) as b,
    ):
        first = [asyncio.create_task(a.status("a")) for _ in range(3)]
        began = now()
        await asyncio.gather(*(b.status("b") for _ in range(70)))
        # 8 slots of the host in half a second each, one of them now and then held by the other client.
        assert 4.5 <= now() - began <= 6.0
        await asyncio.gather(*first)
    assert transport.peak == 8
