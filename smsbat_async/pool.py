"""SessionPool: one bound on requests in flight over all vendors, and one session per host."""

import asyncio
import functools
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Self

from smsbat_async.circuit import Circuit
from smsbat_async.errors import ClientClosedError, ConfigurationError, NotSentError
from smsbat_async.pacing import Pacer, RetryBudget
from smsbat_async.policies import Rate, check_count
from smsbat_async.transport.protocol import Transport

if TYPE_CHECKING:
    import aiohttp

HOST_SHARE = 0.8
"""Which part of the bound one host may hold, so that a dead one leaves something to the others."""

BULK_SHARE = 0.8
"""Which part pollers and batches may hold, of all and of a host's part, so that single calls find a slot."""

SINGLES_IN_A_ROW = 4
"""After how many single calls a waiting batch gets its turn."""

Kind = Literal["status", "send"]


def _part(whole: int, share: float) -> int:
    return max(1, int(whole * share))


class Host:
    """What is shared by all requests to one host.

    Args:
        name: Scheme, host and port.
        transport: How to reach it.
    """

    __slots__ = ("bulk", "circuit", "in_flight", "name", "transport")

    def __init__(self, name: str, transport: Transport) -> None:
        self.name = name
        self.transport = transport
        self.circuit = Circuit()
        self.in_flight = 0
        self.bulk = 0


EXPIRED = -1.0
"""What a waiter is granted whose deadline has passed."""


def _expire(granted: "asyncio.Future[float]") -> None:
    if not granted.done():
        granted.set_result(EXPIRED)


class _Waiter:
    __slots__ = ("bulk", "granted")

    def __init__(self, bulk: bool, granted: "asyncio.Future[float]") -> None:
        self.bulk = bulk
        self.granted = granted


class Gate:
    """What is shared by all requests of one kind with one credential to one host.

    Args:
        host: The host.
        kind: `status` or `send`.
        rate: How many may start, or None for no limit.
        now: The time, in seconds of the loop's clock.
    """

    __slots__ = (
        "budget",
        "host",
        "kind",
        "pacer",
        "rate",
        "singles_in_a_row",
        "timer",
        "timer_at",
        "waiting",
    )

    def __init__(self, host: Host, kind: Kind, rate: Rate | None, now: float) -> None:
        self.host = host
        self.kind: Kind = kind
        self.rate = rate
        self.pacer = Pacer(rate, now)
        self.budget = RetryBudget()
        self.waiting: tuple[deque[_Waiter], deque[_Waiter]] = (deque(), deque())
        self.singles_in_a_row = 0
        self.timer: asyncio.TimerHandle | None = None
        self.timer_at = 0.0  # uvloop gives a handle without when() for a time that has come

    def candidates(self) -> list[_Waiter]:
        """Return the first of each queue, the one whose turn it is first."""
        for queue in self.waiting:
            while queue and queue[0].granted.done():
                queue.popleft()
        singles, bulk = self.waiting
        heads = [queue[0] for queue in (singles, bulk) if queue]
        return heads[::-1] if self.singles_in_a_row >= SINGLES_IN_A_ROW else heads

    def take(self, waiter: _Waiter) -> None:
        """Take who is next off its queue."""
        self.waiting[waiter.bulk].popleft()
        self.singles_in_a_row = 0 if waiter.bulk else self.singles_in_a_row + 1


def _wire() -> Callable[[], Transport]:
    try:
        from smsbat_async.transport.wire import WireTransport
    except ImportError:
        pass
    else:
        return WireTransport
    raise ConfigurationError('transport="wire" needs httptools: install smsbat-async[fast]')


class SessionPool:
    """Bounds how many requests are in flight and how fast they start, over every client that shares it.

    One host may hold 80 % of the bound; pollers, batches and chunked sends leave 20 % to single calls. Rates
    and pauses are kept per host, credential and kind of call.

    Args:
        max_concurrency: The most requests in flight at once.
        transport: `"aiohttp"`, the default; `"wire"`, which is faster and knows neither proxies nor sessions
            (extra `fast`); or a `Transport` of your own, which is used for every host and never closed.
        session: Your own `aiohttp.ClientSession`, which is used for every host and never closed. With it come
            its habits: aiohttp repeats a GET whose connection broke, takes what a server says unasked on an
            idle connection for the next answer, and lets middlewares repeat or rewrite a request.

    Raises:
        ConfigurationError: If an argument is wrong.
    """

    def __init__(
        self,
        max_concurrency: int = 50,
        *,
        transport: Literal["aiohttp", "wire"] | Transport = "aiohttp",
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        check_count("max_concurrency", max_concurrency)
        if isinstance(transport, str) and transport not in {"aiohttp", "wire"}:
            raise ConfigurationError('transport must be "aiohttp", "wire" or a Transport')
        if session is not None and transport != "aiohttp":
            raise ConfigurationError("session goes with the aiohttp transport only")
        self.max_concurrency = max_concurrency
        self.host_maximum = _part(max_concurrency, HOST_SHARE)
        self.bulk_maximum = _part(max_concurrency, BULK_SHARE)
        self.host_bulk_maximum = _part(self.host_maximum, BULK_SHARE)
        self._shared: Transport | None = None if isinstance(transport, str) else transport
        self._make: Callable[[], Transport] | None = None
        self._session = session
        if transport == "wire":
            self._make = _wire()
        elif isinstance(transport, str):
            # Here and not above, since aiohttp is slow to import; not later either: that would stop a loop.
            from smsbat_async.transport.aiohttp import AiohttpTransport

            self._make = functools.partial(AiohttpTransport, session=session, limit=max_concurrency)
        self._hosts: dict[str, Host] = {}
        self._limits: dict[tuple[str, str, Kind], Rate | None] = {}
        self._gates: dict[tuple[str, str, Kind], Gate] = {}
        self._waiting: dict[Gate, None] = {}
        self._in_flight = 0
        self._bulk = 0
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def __repr__(self) -> str:
        return f"SessionPool({self._in_flight} of {self.max_concurrency} in flight)"

    @property
    def in_flight(self) -> int:
        """How many requests are in flight now."""
        return self._in_flight

    def declare(self, host: str, credential: str, kind: Kind, rate: Rate | None) -> None:
        """Note which rate a client wants for its calls.

        Raises:
            ConfigurationError: If another client wants another rate for the same.
        """
        key = (host, credential, kind)
        if self._limits.setdefault(key, rate) != rate:
            raise ConfigurationError(
                f"limits.{kind} differs from what another client of this pool wants for the same "
                "host and credential: give both the same limits"
            )

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, to which the pool is bound from its first use.

        Raises:
            ConfigurationError: If no loop runs, or another than before, or this is a forked process.
        """
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is None or running is not self._loop or self._pid != os.getpid():
            return self._bind(running)
        return running

    def _bind(self, running: asyncio.AbstractEventLoop | None) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise ClientClosedError("the session pool is closed")
        if running is None:
            raise ConfigurationError("there is no running event loop: call this from a coroutine")
        if self._loop is None:
            self._loop = running
            self._pid = os.getpid()
        elif self._pid != os.getpid():
            raise ConfigurationError(
                "this process was forked after the pool was first used, and would share its connections "
                "with the parent: make a new pool and client in the child"
            )
        else:
            raise ConfigurationError(
                "the pool belongs to another event loop: make one pool and client per loop"
            )
        return running

    def gate(self, host: str, credential: str, kind: Kind) -> Gate:
        """Return what is shared by all calls of a kind, made when first needed."""
        key = (host, credential, kind)
        gate = self._gates.get(key)
        if gate is None:
            now = self.loop().time()
            if host not in self._hosts:
                self._hosts[host] = Host(host, self._transport())
            gate = self._gates[key] = Gate(self._hosts[host], kind, self._limits.get(key), now)
        return gate

    def _transport(self) -> Transport:
        if self._shared is not None:
            return self._shared
        assert self._make is not None
        made = self._make()
        if self._session is not None:
            self._shared = made
        return made

    def try_enter(self, gate: Gate, bulk: bool, now: float) -> bool:
        """Take a slot and a start if both are free and nobody waits, and return whether they were."""
        if gate in self._waiting or not self._has_slot(gate.host, bulk) or not gate.pacer.try_start(now):
            return False
        self._take_slot(gate.host, bulk)
        return True

    async def enter(self, gate: Gate, bulk: bool, deadline: float | None) -> float:
        """Wait for a slot and a start, single calls before batches, each in their order.

        Args:
            gate: Whose slot and start.
            bulk: Whether this is part of a batch.
            deadline: Until when to wait, in seconds of the loop's clock, or None.

        Returns:
            The time of the start, in seconds of the loop's clock.

        Raises:
            NotSentError: If the deadline passes first, or is sure to.
        """
        loop = self.loop()
        if deadline is not None and gate.pacer.paused_until > deadline:
            raise NotSentError("the vendor's pause outlasts the time left", kind="paused")
        waiter = _Waiter(bulk, loop.create_future())
        gate.waiting[bulk].append(waiter)
        self._waiting[gate] = None
        expiry = None if deadline is None else loop.call_at(deadline, _expire, waiter.granted)
        self._dispatch()
        try:
            started_at = await waiter.granted
        except asyncio.CancelledError:
            granted = waiter.granted
            if not granted.cancelled() and granted.exception() is None and granted.result() != EXPIRED:
                # Cancelled between being let in and noticing it: somebody else may have the slot.
                self.leave(gate, bulk)
            raise
        finally:
            if expiry is not None:
                expiry.cancel()
        if started_at == EXPIRED:
            raise NotSentError("no slot and no start came free in time", kind="no_slot")
        return started_at

    def leave(self, gate: Gate, bulk: bool) -> None:
        """Give a slot back."""
        host = gate.host
        host.in_flight -= 1
        self._in_flight -= 1
        if bulk:
            host.bulk -= 1
            self._bulk -= 1
        if self._waiting:
            self._dispatch()

    def _has_slot(self, host: Host, bulk: bool) -> bool:
        if self._in_flight >= self.max_concurrency or host.in_flight >= self.host_maximum:
            return False
        return not bulk or (self._bulk < self.bulk_maximum and host.bulk < self.host_bulk_maximum)

    def _take_slot(self, host: Host, bulk: bool) -> None:
        host.in_flight += 1
        self._in_flight += 1
        if bulk:
            host.bulk += 1
            self._bulk += 1

    def _dispatch(self) -> None:
        """Let in whoever may start now, going round the gates, and set timers for who may start later."""
        assert self._loop is not None
        now = self._loop.time()
        for gate in list(self._waiting):
            served = False
            while heads := gate.candidates():
                waiter = next((head for head in heads if self._has_slot(gate.host, head.bulk)), None)
                if waiter is None:
                    break
                if not gate.pacer.try_start(now):
                    self._set_timer(gate, now)
                    break
                gate.take(waiter)
                self._take_slot(gate.host, waiter.bulk)
                waiter.granted.set_result(now)
                served = True
            if served or not heads:
                del self._waiting[gate]
            if served and heads:
                self._waiting[gate] = None  # at the end: the others come first next time

    def _set_timer(self, gate: Gate, now: float) -> None:
        at = gate.pacer.next_start(now)
        if gate.timer is not None:
            if not gate.timer.cancelled() and gate.timer_at <= at:
                return
            gate.timer.cancel()
        assert self._loop is not None
        gate.timer_at = at
        gate.timer = self._loop.call_at(at, self._on_timer, gate)

    def _on_timer(self, gate: Gate) -> None:
        gate.timer = None
        self._dispatch()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection that the pool made. Close the clients that use it first.

        On a session of your own, attempts under way go on, and end in their time.
        """
        self._closed = True
        self._pid = 0  # no later call takes the short way past the check
        for gate in self._gates.values():
            if gate.timer is not None:
                gate.timer.cancel()
            for waiter in (*gate.waiting[0], *gate.waiting[1]):
                if not waiter.granted.done():
                    waiter.granted.set_exception(ClientClosedError("the session pool is closed"))
        if self._make is not None:
            for host in self._hosts.values():
                await host.transport.aclose()
