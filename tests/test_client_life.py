"""The two clients: what they share, how they close, where they belong, and what their hooks hear."""

import asyncio
import contextvars
import dataclasses
import gc
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from smsbat_async import (
    ChunkSent,
    ClientClosedError,
    ConfigurationError,
    DeliveryResolved,
    Limits,
    Outcome,
    Paused,
    PollDone,
    PollPolicy,
    Rate,
    RateLimitError,
    RequestFinished,
    RetryPolicy,
    RetryScheduled,
    ServerError,
    SessionPool,
    SmsBatClient,
    ZnsClient,
)
from tests.support import (
    Recorded,
    ScriptedServer,
    Step,
    answer,
    ending,
    hang,
    hold,
    then,
    within,
)
from tests.support.cascade import (
    KEY,
    UNLIMITED,
    Log,
    accept,
    client_of,
    message,
    messages,
    status_answer,
    vendor_script,
    zns_of,
)

SECRET = "not-to-be-shown-4711"
FAST = PollPolicy(initial=0.001, maximum=0.01, allow_fast=True, timeout=5.0)


# Shared pools


async def test_two_clients_of_one_pool_share_its_bound_and_leave_it_open() -> None:
    async with ScriptedServer(vendor_script) as server, SessionPool(max_concurrency=5) as pool:
        async with (
            client_of(server, pool=pool) as first,
            zns_of(server, pool=pool, retry=RetryPolicy(attempts=1)) as second,
        ):
            await first.status("v-1")
            await second.fetch_statuses(["z-1"])
        assert server.open_connections == 1
        async with client_of(server, pool=pool) as third:
            await third.status("v-2")
        assert server.connections == 1
    await server.seen_disconnect()


async def test_an_own_pool_is_closed_with_its_client() -> None:
    async with ScriptedServer(vendor_script) as server:
        async with client_of(server) as client:
            await client.status("v-1")
            assert server.open_connections == 1
        await server.seen_disconnect()
        assert server.open_connections == 0


def test_two_clients_that_want_different_limits_for_one_key_are_refused() -> None:
    pool = SessionPool()
    SmsBatClient(api_key="k", pool=pool)
    SmsBatClient(api_key="k", pool=pool)
    SmsBatClient(api_key="other", pool=pool, limits=Limits(status=Rate(1, 1)))
    ZnsClient(api_key="k", pool=pool, limits=UNLIMITED)
    with pytest.raises(ConfigurationError, match=r"limits\.status differs"):
        SmsBatClient(api_key="k", pool=pool, limits=Limits(status=Rate(1, 1)))
    with pytest.raises(ConfigurationError, match=r"limits\.send differs"):
        SmsBatClient(api_key="k", pool=pool, limits=Limits(send=None))
    with pytest.raises(ConfigurationError, match=r"limits\.status differs"):
        ZnsClient(api_key="k", pool=pool)


# Closing


async def test_closing_twice_at_once_and_from_other_tasks_closes_once() -> None:
    async with ScriptedServer(vendor_script) as server:
        client = client_of(server)
        await client.status("v-1")
        await asyncio.gather(*(client.aclose() for _ in range(3)), asyncio.create_task(client.aclose()))
        await client.aclose()
        await server.seen_disconnect()
    assert "closed" in repr(client)


async def test_a_client_that_was_never_used_closes() -> None:
    async with SmsBatClient(api_key="k") as client:
        pass
    assert repr(client).endswith("closed>")


async def test_closing_goes_on_when_the_one_who_closes_is_cancelled() -> None:
    gate = asyncio.Event()

    def script(request: Recorded) -> Step:
        return then(hold(gate), vendor_script(request))

    async with ScriptedServer(script) as server:
        client = client_of(server)
        call = asyncio.create_task(client.status("v-1"))
        await server.seen_request()
        closing = asyncio.create_task(client.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        assert isinstance(await ending(closing), asyncio.CancelledError)
        assert not call.done()
        gate.set()
        assert (await call).delivery_status == "delivered"
        await client.aclose()
        await server.seen_disconnect()


@pytest.mark.looptime
async def test_a_question_past_the_grace_is_broken_off() -> None:
    loop = asyncio.get_running_loop()
    async with ScriptedServer(hang()) as server:
        client = client_of(server)
        call = asyncio.create_task(client.status("v-1"))
        await server.seen_request()
        began = loop.time()
        await client.aclose(grace=1.5)
        assert loop.time() - began == pytest.approx(1.5)
        assert isinstance(await ending(call), ClientClosedError)


CALLS: dict[str, Callable[[Any], Any]] = {
    "status": lambda client: client.status("v-1"),
    "cached status": lambda client: client.status("v-1", max_age=30.0),
    "statuses": lambda client: client.statuses(["v-1"]),
    "fetch_statuses": lambda client: client.fetch_statuses(["v-1"]),
    "track": lambda client: client.track("v-2"),
    "track again": lambda client: client.track("v-1"),
    "wait_for_delivery": lambda client: client.wait_for_delivery("v-2"),
    "deliveries": lambda client: client.deliveries(["v-1"]),
    "poller.track": lambda client: client.poller.track("v-2"),
    "send": lambda client: client.send(message(1)),
    "send_many": lambda client: client.send_many([message(1)]),
    "send_many of nothing": lambda client: client.send_many([]),
    "send_stream": lambda client: client.send_stream([message(1)]),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("shared", [False, True])
async def test_every_call_after_closing_says_that_the_client_is_closed(name: str, shared: bool) -> None:
    async with ScriptedServer(vendor_script) as server, SessionPool() as pool:
        client = client_of(server, pool=pool if shared else None)
        await client.status("v-1")
        await client.aclose()
        with pytest.raises(ClientClosedError):
            called = CALLS[name](client)
            if asyncio.iscoroutine(called):
                await called
    assert len(server.requests) == 1


async def test_streams_that_were_made_before_closing_say_so_when_they_are_read() -> None:
    async with ScriptedServer(vendor_script) as server:
        client = client_of(server)
        streams: list[AsyncIterator[object]] = [
            client.statuses(["v-1"]),
            client.deliveries(["v-1"]),
            client.send_stream([message(1)]),
        ]
        await client.aclose()
        for stream in streams:
            with pytest.raises(ClientClosedError):
                await anext(stream)
    assert server.connections == 0


async def test_closing_fails_what_waits_for_a_delivery() -> None:
    async with ScriptedServer(status_answer("processing")) as server:
        client = client_of(server)
        future = client.track("v-1")
        waiting = asyncio.create_task(client.wait_for_delivery("v-2"))
        await asyncio.sleep(0)
        await client.aclose()
        assert isinstance(future.exception(), ClientClosedError)
        assert isinstance(await ending(waiting), ClientClosedError)
        assert client.poller.pending == 0


async def test_a_client_whose_pool_was_closed_first_still_closes_and_fails_what_waits() -> None:
    async with ScriptedServer(vendor_script) as server:
        pool = SessionPool()
        client = client_of(server, pool=pool)
        future = client.track("v-1")
        await pool.aclose()
        await client.aclose()
        assert isinstance(future.exception(), ClientClosedError)
    assert server.connections == 0


@pytest.mark.looptime
async def test_what_is_tracked_ends_at_its_deadline_when_the_pool_is_closed_under_it() -> None:
    async with ScriptedServer(vendor_script) as server:
        pool = SessionPool()
        async with client_of(server, pool=pool) as client:
            future = client.track("v-1", timeout=20.0)
            await pool.aclose()
            delivery = await within(future, "the deadline", 30.0)
            assert (delivery.outcome, delivery.polls > 0) == (Outcome.TIMED_OUT, True)
            assert isinstance(delivery.last_error, ClientClosedError)
    assert server.connections == 0


# Loops


@pytest.mark.parametrize("name", CALLS)
def test_every_call_outside_a_loop_says_so(name: str) -> None:
    client = SmsBatClient(api_key="k")
    with pytest.raises(ConfigurationError, match="no running event loop"):
        called = CALLS[name](client)
        if asyncio.iscoroutine(called):
            called.send(None)


def test_a_client_that_was_used_belongs_to_its_loop() -> None:
    client = SmsBatClient(api_key="k", base_url="http://127.0.0.1:9")

    async def track() -> None:
        client.track("v-1").cancel()
        await asyncio.sleep(0.001)

    asyncio.run(track())
    with pytest.raises(ConfigurationError, match="another event loop"):
        asyncio.run(track())


# Hooks, and what must not leak


@pytest.mark.looptime
async def test_hooks_hear_of_every_kind_of_event() -> None:
    steps = [answer(500), answer(429, headers={"Retry-After": "1"}), status_answer("delivered")]

    def script(request: Recorded) -> Step:
        return accept(request) if request.method == "POST" else steps.pop(0)

    log = Log()
    retry = RetryPolicy(attempts=3, initial=0.0, maximum=0.0)
    async with ScriptedServer(script) as server, client_of(server, hooks=[log], retry=retry) as client:
        await client.send(message(1))
        await client.status("v-1")
        steps.append(status_answer("undeliverable", "v-2"))
        await client.wait_for_delivery("v-2")
    finished = [(each.kind, each.method, each.attempt, each.status_code) for each in log.of(RequestFinished)]
    assert finished == [
        ("send", "POST", 1, 200),
        ("status", "GET", 1, 500),
        ("status", "GET", 2, 429),
        ("status", "GET", 3, 200),
        ("status", "GET", 1, 200),
    ]
    assert {each.template for each in log.of(RequestFinished)} == {
        "/api/CascadeMessage/send_message/async",
        "/bat/message/{message_id}",
    }
    assert {each.host for each in log.of(RequestFinished)} == {server.url}
    assert [type(each.error) for each in log.of(RetryScheduled)] == [ServerError, RateLimitError]
    assert [(each.kind, round(each.seconds, 3), each.per_second) for each in log.of(Paused)] == [
        ("status", 1.0, None)
    ]
    assert [(each.message_id, each.polls) for each in log.of(PollDone)] == [("v-2", 1)]
    assert [each.delivery.outcome for each in log.of(DeliveryResolved)] == [Outcome.UNDELIVERABLE]
    assert [each.results[0].message_id for each in log.of(ChunkSent)] == ["v-m-1"]
    assert KEY not in repr(log.events)
    assert "+380500000001" not in repr(log.events)


async def test_a_hook_that_raises_is_counted_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()

    def broken(event: object) -> None:
        raise ValueError(SECRET)

    async with ScriptedServer(vendor_script) as server, client_of(server, hooks=[broken, log]) as client:
        results = await client.send_many(messages(4), chunk_size=2)
        assert [result.outcome for result in results] == ["accepted"] * 4
        assert client.hook_failures == len(log.events) == 6
    assert SECRET not in caplog.text
    assert len(caplog.records) == 6


trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="none")


async def test_workers_do_not_inherit_the_variables_of_the_first_caller() -> None:
    seen: list[tuple[str, str]] = []

    def note(event: object) -> None:
        if isinstance(event, RequestFinished | PollDone):
            seen.append((type(event).__name__, trace.get()))

    trace.set("first request")
    async with (
        ScriptedServer(vendor_script) as server,
        client_of(server, hooks=[note], polling=FAST) as client,
    ):
        await client.wait_for_delivery("v-1")
        await client.send_many([message(1)])
        trace.set("second request")
        async for _ in client.statuses(["v-2"]):
            pass
        assert set(seen) == {("PollDone", "none"), ("RequestFinished", "none")}
        assert len(seen) == 4
        seen.clear()
        await client.status("v-3")
        assert seen == [("RequestFinished", "second request")]


async def test_errors_that_nobody_looks_at_make_no_noise() -> None:
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: noise.append(context))
    async with ScriptedServer(answer(401)) as server:
        client = client_of(server, polling=FAST)
        client.track("v-1")
        client.track("v-2")
        assert await client.poller.drain(5.0)
        stream = client.deliveries(["v-3"])
        await stream.__aenter__()
        statuses = client.statuses(["v-4"])
        await statuses.__aenter__()
        client.track("v-5")
        await client.aclose()
        del stream, statuses, client
        for _ in range(3):
            gc.collect()
            await asyncio.sleep(0)
    assert noise == []


def test_the_options_of_a_client_are_those_of_the_contract() -> None:
    shared = [
        *("base_url", "allow_http", "status_path", "pool", "retry", "polling"),
        *("limits", "timeout", "total_timeout", "hooks", "random"),
    ]
    keys = ["api_key", "username", "password", "viber_token", "telegram_key"]
    smsbat = inspect.signature(SmsBatClient).parameters
    assert list(smsbat) == keys + shared
    assert list(inspect.signature(ZnsClient).parameters) == ["api_key", "auth_header", *shared]
    assert {parameter.kind for parameter in smsbat.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert (smsbat["timeout"].default, smsbat["total_timeout"].default) == (30.0, 120.0)
    assert smsbat["limits"].default == Limits(status=Rate(50, 75), send=Rate(100, 150))
    assert dataclasses.asdict(smsbat["retry"].default) == {
        "attempts": 3,
        "initial": 0.5,
        "maximum": 8.0,
        "resend_unknown": False,
    }


async def test_a_closed_client_cannot_be_entered() -> None:
    client = SmsBatClient(api_key=KEY)
    await client.aclose()
    with pytest.raises(ClientClosedError):
        async with client:
            pass


async def test_a_program_that_is_cancelled_twice_leaves_no_connection_open() -> None:
    log = Log()
    async with ScriptedServer(hang()) as server:

        async def program() -> None:
            async with client_of(server, hooks=[log]) as client:
                await client.send_many(messages(4), chunk_size=1, concurrency=4)

        task = asyncio.create_task(program())
        await server.seen_request(4)
        task.cancel()
        await asyncio.sleep(0.02)
        for other in asyncio.all_tasks() - {asyncio.current_task()}:
            if other.get_name() == "smsbat_async" or "_close" in repr(other.get_coro()):
                other.cancel()  # what the end of asyncio.run does to all
        task.cancel()
        assert isinstance(await ending(task), asyncio.CancelledError)
        await server.seen_disconnect()
        closed = asyncio.Event()
        server.watch.when(lambda: server.open_connections == 0, closed.set)
        await within(closed.wait(), "every connection closed")
    assert sorted(log.told) == [(f"m-{number}", "unknown") for number in range(4)]
