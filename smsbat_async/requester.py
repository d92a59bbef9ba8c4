"""One call: wait for its turn, attempt, judge, maybe wait, again."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from smsbat_async.calls import UNTOLD, Scope
from smsbat_async.cancelling import broken_off
from smsbat_async.errors import (
    ClientClosedError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitError,
    ResponseError,
    ServerError,
    SmsBatError,
    TransportError,
)
from smsbat_async.hooks import Hooks, Paused, RequestFinished, RetryScheduled
from smsbat_async.http import Request, Response
from smsbat_async.policies import RetryPolicy
from smsbat_async.pool import Gate, Host, Kind, SessionPool
from smsbat_async.transport.protocol import Attempt
from smsbat_async.turn import Turn
from smsbat_async.vendors.outcome import NOT_TRIED, leaves_doubt, retries_of_read, retries_of_send

T = TypeVar("T")
C = TypeVar("C")


class Terms:
    """How a call is to be made.

    Args:
        retry: When a failed attempt is repeated.
        timeout: The bound on one attempt in seconds, from the moment it has its slot, or None.
        total_timeout: The bound on the whole call in seconds, with its waiting and retries, or None.
        bulk: Whether it is part of a batch, which leaves slots to single calls.
        deadline: A bound of the caller's own on the whole call, in seconds of the loop's clock.
        scope: Whose call it is, for the hooks.
    """

    __slots__ = ("bulk", "deadline", "retry", "scope", "timeout", "total_timeout")

    def __init__(
        self,
        retry: RetryPolicy,
        timeout: float | None,
        total_timeout: float | None,
        *,
        bulk: bool = False,
        deadline: float | None = None,
        scope: Scope = UNTOLD,
    ) -> None:
        self.retry = retry
        self.timeout = timeout
        self.total_timeout = total_timeout
        self.bulk = bulk
        self.deadline = deadline
        self.scope = scope


class Requester:
    """Makes the calls of one client.

    Args:
        pool: Where slots, rates and connections come from.
        host: The vendor's host.
        credential: What tells this client's credentials from others'.
        hooks: Who is told.
        random: The source of jitter.
    """

    def __init__(self, pool: SessionPool, host: str, credential: str, hooks: Hooks, random: Random) -> None:
        self.pool = pool
        self._host = host
        self._credential = credential
        self._hooks = hooks
        self._random = random
        self._gates: dict[Kind, Gate] = {}
        # By attempt and not by task: what a transport awaits may make a call of its own, in the same task.
        self._running: dict[Attempt, asyncio.Task[object]] = {}
        self._queued: dict[Attempt, asyncio.Task[object]] = {}
        self._aborted: set[Attempt] = set()  # filled at the closing only: no attempt of them begins again
        self._resting: set[asyncio.Future[None]] = set()
        self._idle: asyncio.Event | None = None
        self.closed = False

    def read(
        self,
        kind: Kind,
        request: Request,
        reader: Callable[[Response, C], T],
        context: C,
        terms: Terms,
    ) -> Coroutine[Any, Any, T]:
        """Ask for something that may be asked for again without harm.

        Args:
            kind: Which rate and pause it falls under.
            request: What to ask.
            reader: Reads an answer, or raises an error of ours.
            context: The reader's second argument.
            terms: How to make the call.

        Raises:
            SmsBatError: What the last attempt met.
        """
        return self._call(kind, request, reader, context, terms, Attempt(), ())

    async def send(
        self,
        request: Request,
        reader: Callable[[Response, C], T],
        context: C,
        terms: Terms,
        attempt: Attempt,
        tracking_ids: tuple[str, ...],
        turn: Turn | None = None,
    ) -> T:
        """Send something that must not be sent twice.

        Args:
            request: What to send.
            reader: Reads an answer, or raises an error of ours.
            context: The reader's second argument.
            terms: How to make the call.
            attempt: `started` is True whenever something of unknown fate is under way.
            tracking_ids: Whose fate it is.
            turn: The slot and the start for the first attempt, or None to wait for them.

        Raises:
            OutcomeUnknownError: If the vendor may have taken it.
            SmsBatError: If it surely has not.
        """
        return await self._call("send", request, reader, context, terms, attempt, tracking_ids, turn)

    async def turn(self, kind: Kind, terms: Terms) -> Turn:
        """Wait for a slot and a start, for a call that is not written yet.

        Args:
            kind: Which rate and pause it falls under.
            terms: How to make the call; its `total_timeout` bounds the waiting.

        Returns:
            The turn, which the caller releases in any case.

        Raises:
            NotSentError: If none came free in time, or the host could not be reached lately.
            ClientClosedError: If the client is closed, also while this waits.
        """
        if self.closed:
            raise ClientClosedError
        loop = self.pool.loop()
        gate = self._gate(kind)
        now = loop.time()
        if not self.pool.try_enter(gate, terms.bulk, now):
            deadline = _earlier(terms.deadline, terms.total_timeout, now)
            now = await self._queue(gate, terms.bulk, deadline, Attempt())
        turn = Turn(self.pool, gate, bulk=terms.bulk)
        try:
            _check_circuit(gate.host, now)
        except NotSentError:
            turn.release()
            raise
        return turn

    async def _queue(self, gate: Gate, bulk: bool, deadline: float | None, attempt: Attempt) -> float:
        """Wait for a slot and a start, but no longer than until the closing."""
        task = asyncio.current_task()
        assert task is not None
        cancels = task.cancelling()
        self._queued[attempt] = task
        try:
            return await self.pool.enter(gate, bulk, deadline)
        except asyncio.CancelledError:
            if attempt not in self._aborted or task.uncancel() > cancels:
                raise
        finally:
            del self._queued[attempt]
            self._aborted.discard(attempt)
        raise ClientClosedError

    def _gate(self, kind: Kind) -> Gate:
        gate = self._gates.get(kind)
        if gate is None:
            gate = self._gates[kind] = self.pool.gate(self._host, self._credential, kind)
        return gate

    async def _call(
        self,
        kind: Kind,
        request: Request,
        reader: Callable[[Response, C], T],
        context: C,
        terms: Terms,
        attempt: Attempt,
        tracking_ids: tuple[str, ...],
        turn: Turn | None = None,
    ) -> T:
        if self.closed:
            raise ClientClosedError
        loop = self.pool.loop()
        gate = self._gate(kind)
        deadline = _earlier(terms.deadline, terms.total_timeout, loop.time())
        in_doubt = False
        failures = 0
        while True:
            error: SmsBatError
            try:
                if failures:
                    self.pool.loop()  # raises if the pool was closed meanwhile
                return await self._attempt(
                    gate, loop, request, reader, context, terms, deadline, attempt, failures, turn
                )
            except SmsBatError as met:
                error = met
            except BaseException:
                attempt.started = attempt.started or in_doubt  # an earlier attempt may have been taken
                raise
            failures += 1
            if tracking_ids:
                # A later refusal does not tell what became of an earlier attempt.
                in_doubt = in_doubt or (attempt.started and leaves_doubt(error))
                attempt.started = in_doubt
            delay = self._delay(gate, error, failures, terms.retry, in_doubt, reading=not tracking_ids)
            if delay is None or (deadline is not None and loop.time() + delay >= deadline) or self.closed:
                break
            if not gate.budget.spend():
                break
            if self._hooks:
                self._hooks.emit(
                    RetryScheduled(
                        kind=kind,
                        host=self._host,
                        attempt=failures,
                        delay=delay,
                        error=error,
                        call=terms.scope.call,
                    )
                )
            if delay > 0.0 and not isinstance(error, RateLimitError):  # whose pause the gate keeps
                await self._rest(delay)
                if (deadline is not None and loop.time() >= deadline) or self.closed:
                    break
        if in_doubt:
            raise OutcomeUnknownError(tracking_ids, error)
        raise error

    async def _rest(self, delay: float) -> None:
        """Wait before a retry, but no longer than until the closing."""
        loop = asyncio.get_running_loop()
        rest = loop.create_future()
        self._resting.add(rest)
        timer = loop.call_later(delay, _wake, rest)
        try:
            await rest
        finally:
            timer.cancel()
            self._resting.discard(rest)

    def _delay(
        self,
        gate: Gate,
        error: SmsBatError,
        failures: int,
        retry: RetryPolicy,
        in_doubt: bool,
        *,
        reading: bool,
    ) -> float | None:
        """Return how long to wait before the next attempt, or None for no more attempts."""
        if failures >= retry.attempts:
            return None
        if reading:
            allowed = retries_of_read(error)
        elif in_doubt:
            allowed = failures if retry.resend_unknown else 0
        else:
            allowed = retries_of_send(error)
        if failures > allowed:
            return None
        if isinstance(error, RateLimitError):
            return max(0.0, gate.pacer.paused_until - asyncio.get_running_loop().time())
        if isinstance(error, ServerError) and error.retry_after is not None:
            return error.retry_after
        return retry.delay(failures, self._random)

    async def _attempt(
        self,
        gate: Gate,
        loop: asyncio.AbstractEventLoop,
        request: Request,
        reader: Callable[[Response, C], T],
        context: C,
        terms: Terms,
        deadline: float | None,
        attempt: Attempt,
        failures: int,
        turn: Turn | None,
    ) -> T:
        pool = self.pool
        host = gate.host
        task = asyncio.current_task(loop)
        assert task is not None
        cancels = task.cancelling()
        entered = asked = False
        started_at = loop.time()
        status_code: int | None = None
        result: T | None = None
        error: SmsBatError | None = None
        self._running[attempt] = task
        try:
            if turn is not None and turn.take():
                entered = True
            else:
                if not pool.try_enter(gate, terms.bulk, started_at):
                    started_at = await self._queue(gate, terms.bulk, deadline, attempt)
                entered = True
                if host.circuit.is_open:
                    _check_circuit(host, started_at)
            left = terms.timeout
            if deadline is not None and (left is None or deadline - started_at < left):
                left = max(deadline - started_at, 0.001)
            asked = True
            response = await host.transport.send(request, left, attempt)
            attempt.started = True  # whoever answers was reached, also where a mock noted nothing
            status_code = response.status
            result = reader(response, context)
        except SmsBatError as met:
            error = met
        except asyncio.CancelledError as met:
            if attempt in self._aborted and task.uncancel() <= cancels:
                # Cancelled by our own closing: for the caller this is an error like any other.
                error = TransportError("the client was closed", kind="closed") if attempt.started else None
                error = error if error is not None and request.body is not None else ClientClosedError()
            elif task.cancelling():
                error = broken_off(met)  # for the hooks alone
                raise
            else:
                # Nobody cancels this task: what a resolver or a middleware of the user awaited was cancelled.
                lost = TransportError if attempt.started else NotSentError
                error = lost("something that the transport awaited was cancelled", kind="broken")
        except BaseException as met:
            error = broken_off(met)  # for the hooks alone
            raise
        finally:
            del self._running[attempt]
            if entered:
                pool.leave(gate, terms.bulk)
            if self._idle is not None and not self._running:
                self._idle.set()
            if asked and self._hooks:  # what got no slot, or met an open circuit, was no attempt
                self._hooks.emit(
                    RequestFinished(
                        kind=gate.kind,
                        host=self._host,
                        method=request.method,
                        template=request.template,
                        attempt=failures + 1,
                        status_code=status_code,
                        elapsed=loop.time() - started_at,
                        error=error,
                        call=terms.scope.call,
                    )
                )
        if error is None:
            host.circuit.reached()
            gate.budget.earn()
            gate.pacer.succeeded(started_at)
            return result  # type: ignore[return-value]
        self._learn(gate, error, started_at, answered=status_code is not None)
        raise error

    def _learn(self, gate: Gate, error: SmsBatError, started_at: float, *, answered: bool) -> None:
        """Take what an error says about the host and the rate to heart."""
        now = asyncio.get_running_loop().time()  # not the pool's: if it is closed, the error stays what it is
        if isinstance(error, RateLimitError):
            is_new = gate.pacer.pause(now, error.retry_after, started_at=started_at)
            if is_new and self._hooks:
                seconds = gate.pacer.paused_until - now
                per_second = gate.pacer.per_second(gate.pacer.paused_until)
                self._hooks.emit(
                    Paused(kind=gate.kind, host=self._host, seconds=seconds, per_second=per_second)
                )
        if isinstance(error, NotSentError):
            if error.kind not in NOT_TRIED:
                gate.host.circuit.missed(now)
        elif answered or isinstance(error, ResponseError) or getattr(error, "kind", None) in ROAD_TAKEN:
            gate.host.circuit.reached()

    async def drain(self, grace: float) -> bool:
        """Refuse new calls, fail those that have not started, and wait for the others.

        Args:
            grace: How long to wait, in seconds.

        Returns:
            Whether no attempt is under way any more.
        """
        self.closed = True
        self._abort(self._queued)
        for rest in self._resting:
            _wake(rest)
        if self._running:
            self._idle = asyncio.Event()
            try:
                async with asyncio.timeout(grace):
                    await self._idle.wait()
            except TimeoutError:
                pass
            finally:
                self._idle = None
        return not self._running

    def abort(self) -> None:
        """Break off every attempt; its caller gets an error, and an outcome that is unknown is said to be."""
        self._abort(self._running)

    def _abort(self, attempts: dict[Attempt, asyncio.Task[object]]) -> None:
        for attempt, task in attempts.items():
            if attempt not in self._aborted:
                self._aborted.add(attempt)
                task.cancel()  # once for each attempt: each takes back one, and the outermost tells of it


ROAD_TAKEN = frozenset({"disconnected", "body"})
"""Kinds of `TransportError` that only a host that was reached can cause."""


def _check_circuit(host: Host, now: float) -> None:
    if host.circuit.is_open and not host.circuit.allows(now):
        raise NotSentError(
            f"{host.name} could not be reached lately; one call in five seconds tries it",
            kind="circuit_open",
        )


def _wake(rest: "asyncio.Future[None]") -> None:
    if not rest.done():
        rest.set_result(None)


def _earlier(deadline: float | None, duration: float | None, now: float) -> float | None:
    if duration is None:
        return deadline
    return now + duration if deadline is None else min(deadline, now + duration)
