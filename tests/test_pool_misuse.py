"""SessionPool: set up wrongly, used in the wrong place, and closed; also by who owns what."""

import asyncio
import subprocess
import sys
import textwrap
from typing import Any

import aiohttp
import pytest

from smsbat_async import (
    ClientClosedError,
    ConfigurationError,
    Limits,
    Rate,
    SessionPool,
    SmsBatClient,
    ZnsClient,
)
from tests.support import ScriptedServer, json_answer
from tests.support.fake import FakeTransport, client_of, status
from tests.test_pool import end, gate_of, now, pool_of, settle

# -- set up wrongly -------------------------------------------------------------------------------


@pytest.mark.parametrize("maximum", [0, -1, 1.5, True, "50"])
def test_a_bound_that_is_no_count_is_refused(maximum: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_concurrency must be a whole number of at least 1"):
        SessionPool(maximum)


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='transport must be "aiohttp", "wire" or a Transport'):
        SessionPool(transport="httpx")  # type: ignore[arg-type]


async def test_a_session_beside_another_transport_is_refused() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match="session goes with the aiohttp transport only"):
            SessionPool(transport=FakeTransport([status()]), session=session)


def test_two_clients_with_different_limits_for_one_key_are_refused() -> None:
    pool, transport = pool_of(5)
    client_of(transport, pool=pool, limits=Limits(send=None))
    with pytest.raises(ConfigurationError, match=r"limits\.status differs from what another client"):
        client_of(transport, pool=pool, limits=Limits(status=Rate(10, 10), send=None))
    client_of(transport, pool=pool, limits=Limits(send=None))
    client_of(transport, pool=pool, api_key="key-2", limits=Limits(status=Rate(10, 10), send=None))


def test_row_56_without_a_loop_the_error_says_so() -> None:
    _, transport = pool_of(5)
    client = client_of(transport)
    with pytest.raises(ConfigurationError, match="no running event loop: call this from a coroutine"):
        client.track("a")


def test_row_56_in_another_loop_the_error_says_so() -> None:
    _, transport = pool_of(5)
    client = client_of(transport)

    async def use() -> Any:
        return await client.status("a")

    assert asyncio.run(use()).delivery_status == "delivered"
    with pytest.raises(ConfigurationError, match="belongs to another event loop: make one pool and client"):
        asyncio.run(use())
    assert len(transport.calls) == 1


def test_row_56_after_a_fork_the_error_says_so() -> None:
    program = """
        import asyncio, os, sys
        from smsbat_async import ConfigurationError, SessionPool, SmsBatClient
        from tests.support.fake import FakeTransport, status

        transport = FakeTransport([status()])
        client = SmsBatClient(api_key="k", pool=SessionPool(transport=transport))

        async def use():
            await client.status("a")

        asyncio.run(use())
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(use())
            except ConfigurationError as error:
                print(len(transport.calls), error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ran.stdout.startswith("1 this process was forked after the pool was first used")
    assert "make a new pool and client in the child" in ran.stdout


# -- closing --------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_closing_the_pool_fails_who_waits() -> None:
    pool, _ = pool_of(5)
    gate = gate_of(pool, rate=Rate(1, 1))
    assert pool.try_enter(gate, bulk=False, now=now())
    waiting = [asyncio.create_task(pool.enter(gate, bulk, None)) for bulk in (False, False, True)]
    await settle()
    waiting[1].cancel()
    await settle()
    await pool.aclose()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in ended] == [
        ClientClosedError,
        asyncio.CancelledError,
        ClientClosedError,
    ]
    pool.leave(gate, bulk=False)
    assert pool.in_flight == 0


@pytest.mark.looptime
async def test_who_is_cancelled_just_when_the_pool_closes_is_cancelled() -> None:
    pool, _ = pool_of(1)
    gate = gate_of(pool)
    await pool.enter(gate, bulk=False, deadline=None)
    waiting = asyncio.create_task(pool.enter(gate, bulk=False, deadline=None))
    await settle()
    await pool.aclose()
    [error] = await end(waiting)
    assert isinstance(error, asyncio.CancelledError)
    assert pool.in_flight == 1


async def test_a_closed_pool_refuses_everything() -> None:
    pool, transport = pool_of(5)
    async with client_of(transport, pool=pool) as client:
        await client.status("a")
        await pool.aclose()
        with pytest.raises(ClientClosedError, match="the session pool is closed"):
            await client.status("b")
    assert transport.ids == ["a"]


async def test_a_pool_that_was_never_used_can_be_closed_and_says_so_afterwards() -> None:
    async with SessionPool() as pool:
        assert repr(pool) == "SessionPool(0 of 50 in flight)"
    async with SmsBatClient(api_key="k", pool=pool) as client:
        with pytest.raises(ClientClosedError, match="the session pool is closed"):
            await client.status("a")


async def test_a_transport_of_the_users_own_is_not_closed() -> None:
    pool, transport = pool_of(5)
    async with pool, client_of(transport, pool=pool) as client:
        await client.status("a")
    assert transport.closed == 0


async def test_a_session_of_the_users_own_serves_all_hosts_and_is_not_closed() -> None:
    async with (
        ScriptedServer(json_answer({"deliverystatus": "delivered"})) as one,
        ScriptedServer(json_answer({"error": 0, "data": {"status": 1}})) as two,
        aiohttp.ClientSession() as session,
    ):
        async with (
            SessionPool(session=session) as pool,
            SmsBatClient(api_key="k", base_url=one.url, pool=pool) as a,
            ZnsClient(api_key="k", base_url=two.url, pool=pool) as b,
        ):
            assert (await a.status("m")).is_terminal
            assert (await b.status("m")).is_terminal
        assert not session.closed
        async with session.get(one.url) as answer:
            assert answer.status == 200
        assert (len(one.requests), len(two.requests)) == (2, 1)


async def test_connections_of_the_pools_own_are_closed_with_it() -> None:
    async with ScriptedServer(json_answer({"deliverystatus": "delivered"})) as server:
        async with SessionPool() as pool, SmsBatClient(api_key="k", base_url=server.url, pool=pool) as client:
            await client.status("m")
            assert server.open_connections == 1
        await server.watch.until(lambda: server.open_connections == 0, "the connection is closed")


def test_a_session_of_aiohttp_does_not_go_with_the_wire_transport() -> None:
    with pytest.raises(ConfigurationError, match="session goes with the aiohttp transport only"):
        SessionPool(transport="wire", session=object())  # type: ignore[arg-type]


def test_the_wire_transport_names_the_extra_that_it_needs() -> None:
    code = (
        "import sys; sys.modules['httptools'] = None\n"
        "import smsbat_async; smsbat_async.SessionPool(transport='wire')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'ConfigurationError: transport="wire" needs httptools: install smsbat-async[fast]' in done.stderr
