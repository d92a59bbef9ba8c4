"""Core and Client: what both clients are made of, and what both can do."""

import asyncio
import dataclasses
from collections.abc import AsyncIterable, Callable, Iterable
from random import Random
from typing import Any, Generic, Protocol, Self

from smsbat_async.batch import StatusBatch
from smsbat_async.calls import UNTOLD, Calls, Scope
from smsbat_async.crew import Crew
from smsbat_async.errors import ClientClosedError, ConfigurationError
from smsbat_async.hooks import Hooks
from smsbat_async.http import Request, Response
from smsbat_async.policies import Limits, PollPolicy, RetryPolicy, check_age, check_count, check_duration
from smsbat_async.pool import Kind, SessionPool
from smsbat_async.requester import Requester, Terms
from smsbat_async.statuses import Delivery, S, S_co, StatusResult
from smsbat_async.streams import ResultStream
from smsbat_async.tracking.cache import StatusCache
from smsbat_async.tracking.poller import DeliveryPoller
from smsbat_async.tracking.window import Window
from smsbat_async.vendors.ids import check_message_id

WINDOW = 100_000
"""How many ids of `deliveries()` are tracked at a time, unless a call says otherwise."""

ABORT_TIME = 2.0
"""How long broken-off calls may take to come to their end after the grace, in seconds."""


class Vendor(Protocol[S_co]):
    """What the client wants from a vendor module, for statuses."""

    name: str
    host: str
    credential: str

    def status_request(self, message_id: str) -> Request:
        """Return the request for the status of one message."""
        ...

    def read_status(self, response: Response, message_id: str) -> S_co:
        """Return the status in an answer."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `with_options` may change."""

    retry: RetryPolicy = RetryPolicy()
    polling: PollPolicy = PollPolicy()
    timeout: float | None = 30.0
    total_timeout: float | None = 120.0

    def __post_init__(self) -> None:
        check_duration("timeout", self.timeout)
        check_duration("total_timeout", self.total_timeout)
        for name, wanted in (("retry", RetryPolicy), ("polling", PollPolicy)):
            if not isinstance(getattr(self, name), wanted):
                raise ConfigurationError(f"{name} must be a {wanted.__name__}")

    def terms(self, scope: Scope = UNTOLD, *, bulk: bool = False) -> Terms:
        """Return the terms of a call.

        Args:
            scope: The call, as the hooks hear of it.
            bulk: Whether it is one of many, and gives way to single ones.
        """
        return Terms(self.retry, self.timeout, self.total_timeout, bulk=bulk, scope=scope)


class Core(Generic[S]):
    """What a client and its copies share."""

    def __init__(
        self,
        vendor: Vendor[S],
        *,
        limits: Limits,
        kinds: Iterable[Kind],
        pool: SessionPool | None,
        options: Options,
        hooks: Iterable[Callable[..., None]],
        random: Random | None,
    ) -> None:
        if not isinstance(limits, Limits):
            raise ConfigurationError("limits must be a Limits")
        if pool is not None and not isinstance(pool, SessionPool):
            raise ConfigurationError("pool must be a SessionPool")
        self.hooks = Hooks(hooks)
        self.vendor = vendor
        self.owns_pool = pool is None
        self.pool = SessionPool() if pool is None else pool
        for kind in kinds:
            self.pool.declare(vendor.host, vendor.credential, kind, getattr(limits, kind))
        self.crew = Crew(lambda: self.poller.fail_all())
        self.calls = Calls(self.hooks, vendor)
        if random is not None and not isinstance(random, Random):
            raise ConfigurationError("random must be a random.Random")
        random = Random() if random is None else random  # noqa: S311 - no secret
        self.requester = Requester(self.pool, vendor.host, vendor.credential, self.hooks, random)
        self.cache: StatusCache[S] = StatusCache()
        self.batch: StatusBatch[S] = StatusBatch(self.crew, self.pool.host_bulk_maximum)
        poll = RetryPolicy(attempts=1)

        async def ask_once(message_id: str, until: float, scope: Scope) -> S:
            terms = Terms(poll, options.timeout, None, bulk=True, deadline=until, scope=scope)
            request = vendor.status_request(message_id)
            return await self.requester.read("status", request, vendor.read_status, message_id, terms)

        self.poller: DeliveryPoller[S] = DeliveryPoller(
            ask=ask_once,
            crew=self.crew,
            width=self.pool.host_bulk_maximum,
            cache=self.cache,
            hooks=self.hooks,
            calls=self.calls,
            policy=options.polling,
            loop=self.pool.loop,
            random=random,
        )
        self._closing: asyncio.Task[None] | None = None

    async def ask(self, message_id: str, terms: Terms) -> S:
        """Return where a message is, and let those who follow it know."""
        vendor = self.vendor
        request = vendor.status_request(message_id)
        status = await self.requester.read("status", request, vendor.read_status, message_id, terms)
        self.poller.hear(status, "poll")
        return status

    def check_open(self) -> None:
        """Check that calls can be made.

        Raises:
            ClientClosedError: If it is closed.
            ConfigurationError: If no event loop runs, or another one than before.
        """
        if self.requester.closed:
            raise ClientClosedError
        self.pool.loop()

    async def aclose(self, grace: float) -> None:
        """Do what `Client.aclose` tells of."""
        if self._closing is None:
            self.requester.closed = True
            self.poller.close()
            self.crew.stop_jobs()
            # A task of its own: several may close at once, and one of them may be cancelled.
            self._closing = asyncio.get_running_loop().create_task(self._close(grace))
        await asyncio.shield(self._closing)

    async def _close(self, grace: float) -> None:
        try:
            if not await self.requester.drain(grace):
                self.requester.abort()
                await self.requester.drain(ABORT_TIME)
            await self.crew.drain(ABORT_TIME)
        finally:  # also where the whole program is being cancelled
            await self.crew.aclose()
            if self.owns_pool:
                await self.pool.aclose()


class Client(Generic[S]):
    """What both clients can do."""

    _core: Core[S]
    _options: Options
    _is_copy = False

    async def __aenter__(self) -> Self:
        if self._core.requester.closed:
            raise ClientClosedError
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        state = "closed" if self._core.requester.closed else "open"
        return f"<{type(self).__name__} of {self._core.vendor.host}, {state}>"

    async def aclose(self, grace: float = 10.0) -> None:
        """Close the client: refuse new calls, let those under way finish, then break them off.

        What still waits for a delivery fails with `ClientClosedError`. A send that is broken off is reported
        as unknown. Closing twice does nothing more; closing a copy of `with_options` closes nothing.

        Args:
            grace: How long calls under way may take, in seconds.
        """
        if not self._is_copy:
            await self._core.aclose(grace)

    async def status(self, message_id: str, *, max_age: float = 0.0) -> S:
        """Ask where one message is.

        Args:
            message_id: The vendor's id.
            max_age: Up to which age in seconds a remembered answer will do; 0 always asks. An answer that is
                the end of a message never grows old. The vendor's page suggests 30.

        Returns:
            The status.

        Raises:
            InvalidMessageError: If the id is not fit for a URL; nothing was asked.
            SmsBatError: What the last attempt met.
        """
        core = self._core
        core.check_open()
        if max_age != 0.0:
            check_age("max_age", max_age)
            check_message_id(message_id)
            known = core.cache.get(message_id, max_age, core.pool.loop().time())
            if known is not None:
                return known
        if not core.calls.told:  # a scope that does nothing would be a measurable part of this
            return await core.ask(message_id, self._options.terms())
        with core.calls.scope("status", message_id) as scope:
            return await core.ask(message_id, self._options.terms(scope))

    def statuses(
        self, message_ids: Iterable[str] | AsyncIterable[str], *, concurrency: int | None = None
    ) -> ResultStream[StatusResult[S]]:
        """Ask where many messages are, and give each answer as it comes.

        Args:
            message_ids: The vendor's ids, from any iterable or async iterable; read as they are needed.
            concurrency: How many requests at once; None takes what the pool leaves to batches.

        Returns:
            A stream of exactly one result per id, in the order of the answers.

        Raises:
            Exception: From the stream, after the results: what the iterable raised, or `RuntimeError` where
                something that it awaited was cancelled.
        """
        self._core.check_open()
        scope = self._core.calls.scope("statuses")
        return self._core.batch.stream(self._asker(scope), message_ids, concurrency, scope)

    async def fetch_statuses(
        self, message_ids: Iterable[str] | AsyncIterable[str], *, concurrency: int | None = None
    ) -> list[StatusResult[S]]:
        """Ask where many messages are.

        Args:
            message_ids: The vendor's ids, from any iterable or async iterable.
            concurrency: How many requests at once; None takes what the pool leaves to batches.

        Returns:
            Exactly one result per id, in the order of the ids. No id's failure is raised.

        Raises:
            Exception: What the iterable raised, as for `statuses`.
        """
        self._core.check_open()
        with self._core.calls.scope("fetch_statuses") as scope:
            return await self._core.batch.fetch(self._asker(scope), message_ids, concurrency)

    def _asker(self, scope: Scope) -> Callable[[str], Any]:
        core, terms = self._core, self._options.terms(scope, bulk=True)
        return lambda message_id: core.ask(message_id, terms)

    def track(self, message_id: str, *, timeout: float | None = None) -> "asyncio.Future[Delivery[S]]":
        """Follow a message to its end.

        Args:
            message_id: The vendor's id.
            timeout: For how long, in seconds; None takes the polling policy's. A last poll at the deadline
                may take the policy's `last_poll_grace` (5 seconds) more.

        Returns:
            A future of its own, which gives a `Delivery`, also at the deadline. Cancelling it harms no other.

        Raises:
            InvalidMessageError: If the id is not fit for a URL.
            ClientClosedError: If the client is closed.
            ConfigurationError: If no event loop runs.
        """
        return self._core.poller.track(message_id, timeout=timeout, policy=self._options.polling)

    async def wait_for_delivery(self, message_id: str, *, timeout: float | None = None) -> Delivery[S]:
        """Wait until a message comes to its end or the time is over.

        Args:
            message_id: The vendor's id.
            timeout: For how long, in seconds; None takes the polling policy's. A last poll at the deadline
                may take the policy's `last_poll_grace` (5 seconds) more.

        Returns:
            How it ended; `TIMED_OUT` or `NOT_FOUND` where the time was over first.

        Raises:
            SmsBatError: If asking cannot get better: wrong credentials, a redirect, a bad certificate.
        """
        return await self.track(message_id, timeout=timeout)

    def deliveries(
        self,
        message_ids: Iterable[str] | AsyncIterable[str],
        *,
        timeout: float | None = None,
        window: int = WINDOW,
    ) -> ResultStream[Delivery[S]]:
        """Follow many messages to their ends, and give each as it comes.

        Args:
            message_ids: The vendor's ids, from any iterable or async iterable; read as the window has room.
            timeout: For how long each is followed, in seconds from its admission; None takes the policy's.
            window: How many are followed, or ended and unread, at a time.

        Returns:
            A stream of exactly one delivery per id, in the order of the ends. An id that the vendor refuses
            to look up gives `Outcome.FAILED`; an error that concerns all ids is raised.
        """
        core, policy = self._core, self._options.polling
        core.check_open()
        check_duration("timeout", timeout)
        check_count("window", window)
        scope = core.calls.scope("deliveries")
        tracked = Window(core.poller, message_ids, timeout or policy.timeout, window, policy, scope)
        return tracked.stream(core.crew)

    @property
    def poller(self) -> DeliveryPoller[S]:
        """What follows messages: `track`, `feed`, `pending`, `drain`."""
        return self._core.poller

    @property
    def polling(self) -> PollPolicy:
        """When messages are asked after that this client, or this copy of it, follows."""
        return self._options.polling

    @property
    def hook_failures(self) -> int:
        """How many times a hook has raised."""
        return self._core.hooks.failures

    def with_options(self, **changes: Any) -> Self:
        """Return a cheap copy with other options and the same pool, poller and cache.

        Args:
            changes: `timeout`, `total_timeout`, `retry`, `polling`. Polls keep the timeout of the original.

        Raises:
            ConfigurationError: If an option is unknown or wrong.
        """
        unknown = changes.keys() - {field.name for field in dataclasses.fields(Options)}
        if unknown:
            raise ConfigurationError(f"with_options does not know {', '.join(sorted(unknown))}")
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._options = dataclasses.replace(self._options, **changes)
        copy._is_copy = True
        return copy
