"""A vendor that stays down, seen from a client: rows 70 and 71, and timers that are due at once."""

import asyncio

import pytest

from smsbat_async import (
    Limits,
    NotSentError,
    Outcome,
    PollPolicy,
    Rate,
    RateLimitError,
    RetryPolicy,
    SendOutcome,
    ServerError,
)
from tests.support import ScriptedServer, answer, refused_port
from tests.support.calls import (
    Log,
    TransportName,
    check_error,
    failure,
    good,
    message,
    messages,
    opened,
)

UNLIMITED = Limits(status=None, send=None)
ONCE = RetryPolicy(attempts=1)


class TestBudget:
    """Row 70: retries must not double the load on a vendor that is down."""

    async def test_row_70_an_outage_costs_a_hundred_retries_and_then_none(
        self, transport: TransportName
    ) -> None:
        async with (
            ScriptedServer(answer(500)) as server,
            opened(server.url, transport, limits=UNLIMITED) as client,
        ):
            results = await client.fetch_statuses([f"a{number}" for number in range(200)])
            for result in results:
                check_error(result.error, ServerError, status=500)
            assert len(server.requests) == 300
            check_error(await failure(client.status("a1")), ServerError, status=500)
            assert len(server.requests) == 301

    async def test_row_70_ten_successes_buy_one_retry(self, transport: TransportName) -> None:
        async with (
            ScriptedServer(lambda request: answer(500) if "bad" in request.path else good(request)) as server,
            opened(server.url, transport, limits=UNLIMITED) as client,
        ):
            await client.fetch_statuses([f"bad{number}" for number in range(100)])
            assert len(server.requests) == 200
            for expected in (1, 1):
                before = len(server.requests)
                await failure(client.status("bad"))
                assert len(server.requests) - before == expected
            await client.fetch_statuses([f"a{number}" for number in range(11)])
            before = len(server.requests)
            await failure(client.status("bad"))
            assert len(server.requests) - before == 2

    @pytest.mark.looptime
    async def test_row_70_with_the_budget_spent_a_refused_send_ends_at_once_as_not_sent(
        self, transport: TransportName
    ) -> None:
        log = Log()
        refused = answer(429, headers={"Retry-After": "0"})
        async with (
            ScriptedServer(refused) as server,
            opened(server.url, transport, log, limits=UNLIMITED) as client,
        ):
            for number in range(50):
                await failure(client.send(message(f"m{number}")))
            assert len(server.requests) == 150
            check_error(await failure(client.send(message("late"))), RateLimitError, status=429)
            assert len(server.requests) == 151
            assert set(log.outcomes().values()) == {SendOutcome.NOT_SENT}


class TestCircuit:
    """Row 71: a host that cannot be reached is tried once in five seconds."""

    @pytest.mark.looptime
    async def test_row_71_ten_misses_open_the_circuit_and_one_probe_in_five_seconds_is_made(
        self, transport: TransportName
    ) -> None:
        log = Log()
        with refused_port() as port:
            url = f"http://127.0.0.1:{port}"
            async with opened(url, transport, log, retry=ONCE) as client:
                for number in range(10):
                    check_error(await failure(client.send(message(f"m{number}"))), NotSentError, "connect")
                for call in (client.send(message("shut")), client.status("a1")):
                    check_error(await failure(call), NotSentError, "circuit_open")
                results = await client.send_many(messages(2, "n"))
                for result in results:
                    assert result.outcome is SendOutcome.NOT_SENT
                    check_error(result.error, NotSentError, "circuit_open")
                await asyncio.sleep(5.0)
                check_error(await failure(client.send(message("probe"))), NotSentError, "connect")
                check_error(await failure(client.send(message("shut again"))), NotSentError, "circuit_open")
                assert set(log.outcomes().values()) == {SendOutcome.NOT_SENT}

    @pytest.mark.looptime
    async def test_row_71_the_circuit_closes_when_the_host_is_back(self, transport: TransportName) -> None:
        holding = refused_port()
        port = holding.__enter__()
        async with opened(f"http://127.0.0.1:{port}", transport, retry=ONCE) as client:
            for number in range(10):
                await failure(client.send(message(f"m{number}")))
            holding.__exit__(None, None, None)
            async with ScriptedServer(good, port=port) as server:
                check_error(await failure(client.send(message("early"))), NotSentError, "circuit_open")
                assert server.connections == 0
                await asyncio.sleep(5.0)
                several = await asyncio.gather(
                    *(client.send(message(f"late{number}")) for number in range(4)), return_exceptions=True
                )
                kinds = [getattr(one, "kind", "sent") for one in several]
                assert kinds == ["sent", "circuit_open", "circuit_open", "circuit_open"]
                assert len(server.requests) == 1
                for number in range(3):
                    await client.send(message(f"last{number}"))
                assert len(server.requests) == 4

    @pytest.mark.looptime
    async def test_row_71_answers_of_any_kind_keep_the_circuit_shut(self, transport: TransportName) -> None:
        async with (
            ScriptedServer(answer(500)) as server,
            opened(server.url, transport, retry=ONCE) as client,
        ):
            for number in range(30):
                check_error(await failure(client.status(f"a{number}")), ServerError)
            assert len(server.requests) == 30

    @pytest.mark.looptime
    async def test_row_71_tracking_outlives_an_open_circuit(self, transport: TransportName) -> None:
        holding = refused_port()
        port = holding.__enter__()
        polling = PollPolicy(initial=1.0, factor=1.0, maximum=1.0, jitter=0.0)
        log = Log()
        async with opened(f"http://127.0.0.1:{port}", transport, log, polling=polling) as client:
            tracked = client.track("a1")
            await asyncio.sleep(20.5)
            holding.__exit__(None, None, None)
            async with ScriptedServer(good, port=port) as server:
                delivery = await tracked
                assert delivery.outcome is Outcome.DELIVERED
                assert 21.0 <= delivery.elapsed <= 26.0
                check_error(delivery.last_error, NotSentError)
                assert len(server.requests) == 1
        kinds = [getattr(attempt.error, "kind", "answered") for attempt in log.attempts]
        assert kinds.count("connect") == 12  # ten open the circuit, and two are probes
        assert kinds[-1] == "answered"
        assert delivery.polls == kinds.count("connect") + 1


class TestTimers:
    """Moments that have come, or almost: each loop has its own idea of them."""

    async def test_polls_that_are_due_at_once_do_not_end_the_poller(self, transport: TransportName) -> None:
        polling = PollPolicy(
            initial=0.0001, factor=1.0, maximum=0.0001, jitter=0.5, timeout=5.0, allow_fast=True
        )
        async with (
            ScriptedServer(good) as server,
            opened(server.url, transport, polling=polling, limits=UNLIMITED) as client,
        ):
            tracked = [client.track(f"a{number}") for number in range(20)]
            deliveries = await asyncio.gather(*tracked)
            assert {delivery.outcome for delivery in deliveries} == {Outcome.DELIVERED}
            assert len(server.requests) == 20

    async def test_starts_that_are_due_at_once_do_not_end_the_pool(self, transport: TransportName) -> None:
        limits = Limits(status=Rate(20_000, 20_000))
        async with (
            ScriptedServer(good) as server,
            opened(server.url, transport, limits=limits) as client,
        ):
            await asyncio.gather(*(client.status(f"a{number}") for number in range(20)))
            assert len(server.requests) == 20

    @pytest.mark.looptime
    async def test_a_moment_that_is_no_round_number_comes_in_virtual_time_too(
        self, transport: TransportName
    ) -> None:
        """5 + 8 + 12.8 seconds are a rounding error more than the loop's clock will ever show."""
        async with (
            ScriptedServer(answer(404)) as server,
            opened(server.url, transport, polling=PollPolicy(jitter=0.0)) as client,
        ):
            delivery = await client.track("a1")
            assert (delivery.outcome, delivery.polls) == (Outcome.NOT_FOUND, 7)
            assert delivery.elapsed == pytest.approx(120.0, abs=0.001)
            assert len(server.requests) == 7
