"""SmsBatClient and ZnsClient: the one place that puts the pieces together."""

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from random import Random
from typing import Any, Generic, Protocol, Self

from smsbat_async.batch import StatusBatch
from smsbat_async.credentials import Secret
from smsbat_async.crew import Crew
from smsbat_async.errors import ClientClosedError, ConfigurationError
from smsbat_async.hooks import Hooks
from smsbat_async.http import Request, Response
from smsbat_async.messages import CascadeMessage, Receipt, Route, SendResult
from smsbat_async.policies import Limits, PollPolicy, RetryPolicy, check_age, check_count, check_duration
from smsbat_async.pool import Kind, SessionPool
from smsbat_async.requester import Requester, Terms
from smsbat_async.sending import Chunking, Sender
from smsbat_async.statuses import Delivery, MessageStatus, S, S_co, StatusResult, ZnsStatus
from smsbat_async.streams import ResultStream
from smsbat_async.tracking.cache import StatusCache
from smsbat_async.tracking.poller import DeliveryPoller
from smsbat_async.tracking.window import Window
from smsbat_async.vendors import smsbat, zns
from smsbat_async.vendors.ids import check_message_id

WINDOW = 100_000
"""How many ids of `deliveries()` are tracked at a time, unless a call says otherwise."""

ABORT_TIME = 2.0
"""How long broken-off calls may take to come to their end after the grace, in seconds."""


class Vendor(Protocol[S_co]):
    """What the client wants from a vendor module, for statuses."""

    host: str
    credential: str

    def status_request(self, message_id: str) -> Request:
        """Return the request for the status of one message."""
        ...

    def read_status(self, response: Response, message_id: str) -> S_co:
        """Return the status in an answer."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Options:
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

    def terms(self, *, bulk: bool = False) -> Terms:
        return Terms(self.retry, self.timeout, self.total_timeout, bulk=bulk)


class _Core(Generic[S]):
    """What a client and its copies share."""

    def __init__(
        self,
        vendor: Vendor[S],
        *,
        limits: Limits,
        kinds: Iterable[Kind],
        pool: SessionPool | None,
        options: _Options,
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
        self.crew = Crew()
        if random is not None and not isinstance(random, Random):
            raise ConfigurationError("random must be a random.Random")
        random = Random() if random is None else random  # noqa: S311 - no secret
        self.requester = Requester(self.pool, vendor.host, vendor.credential, self.hooks, random)
        self.cache: StatusCache[S] = StatusCache()
        self.batch: StatusBatch[S] = StatusBatch(self.crew, self.pool.host_bulk_maximum)
        poll = RetryPolicy(attempts=1)

        async def ask_once(message_id: str, until: float) -> S:
            terms = Terms(poll, options.timeout, None, bulk=True, deadline=until)
            request = vendor.status_request(message_id)
            return await self.requester.read("status", request, vendor.read_status, message_id, terms)

        self.poller: DeliveryPoller[S] = DeliveryPoller(
            ask=ask_once,
            crew=self.crew,
            width=self.pool.host_bulk_maximum,
            cache=self.cache,
            hooks=self.hooks,
            policy=options.polling,
            loop=self.pool.loop,
            random=random,
        )
        self._closing: asyncio.Task[None] | None = None

    async def ask(self, message_id: str, terms: Terms) -> S:
        vendor = self.vendor
        request = vendor.status_request(message_id)
        status = await self.requester.read("status", request, vendor.read_status, message_id, terms)
        self.poller.hear(status, "poll")
        return status

    def check_open(self) -> None:
        if self.requester.closed:
            raise ClientClosedError
        self.pool.loop()

    async def aclose(self, grace: float) -> None:
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


class _Client(Generic[S]):
    """What both clients can do."""

    _core: _Core[S]
    _options: _Options
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
        return await core.ask(message_id, self._options.terms())

    def statuses(
        self, message_ids: Iterable[str] | AsyncIterable[str], *, concurrency: int | None = None
    ) -> ResultStream[StatusResult[S]]:
        """Ask where many messages are, and give each answer as it comes.

        Args:
            message_ids: The vendor's ids, from any iterable or async iterable; read as they are needed.
            concurrency: How many requests at once; None takes what the pool leaves to batches.

        Returns:
            A stream of exactly one result per id, in the order of the answers.
        """
        self._core.check_open()
        return self._core.batch.stream(self._asker(), message_ids, concurrency)

    async def fetch_statuses(
        self, message_ids: Iterable[str] | AsyncIterable[str], *, concurrency: int | None = None
    ) -> list[StatusResult[S]]:
        """Ask where many messages are.

        Args:
            message_ids: The vendor's ids, from any iterable or async iterable.
            concurrency: How many requests at once; None takes what the pool leaves to batches.

        Returns:
            Exactly one result per id, in the order of the ids. No id's failure is raised.
        """
        self._core.check_open()
        return await self._core.batch.fetch(self._asker(), message_ids, concurrency)

    def _asker(self) -> Callable[[str], Any]:
        core, terms = self._core, self._options.terms(bulk=True)
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
        tracked = Window(core.poller, message_ids, timeout or policy.timeout, window, policy)
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
        unknown = changes.keys() - {field.name for field in dataclasses.fields(_Options)}
        if unknown:
            raise ConfigurationError(f"with_options does not know {', '.join(sorted(unknown))}")
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._options = dataclasses.replace(self._options, **changes)
        copy._is_copy = True
        return copy


class SmsBatClient(_Client[MessageStatus]):
    """A client of SMSBAT: cascade sends and message status.

    It is cheap to make and needs no event loop until it is used. Use it with `async with`, or `aclose()` it.

    Args:
        api_key: Sent as `X-Authorization-Key`.
        username: For HTTP Basic with `password`, instead of a key. With `@` the password is the key.
        password: See `username`.
        viber_token: Sent as `X-Viber-Auth-Token` with cascades.
        telegram_key: Sent as `X-Tg-Bot-Key` with cascades.
        base_url: Where the vendor is; yours may differ by region.
        allow_http: Whether `http://` is allowed for hosts other than this machine.
        status_path: The path of a status request; whether it knows the ids of cascades is not documented.
        pool: A session pool to share; it is not closed with the client.
        retry: When a failed request is repeated.
        polling: When a message that is followed is asked after.
        limits: How many requests may start.
        timeout: The bound on one attempt, in seconds from the moment it has its slot; None is no bound.
        total_timeout: The bound on a whole call with its waiting, pauses and retries, in seconds; for many
            ids or messages, on each request of theirs.
        hooks: Callables that are told what happens; see `smsbat_async.hooks`.
        random: The source of jitter.

    Raises:
        ConfigurationError: If an argument is missing or wrong; it names the argument.
    """

    def __init__(
        self,
        *,
        api_key: str | Secret | None = None,
        username: str | None = None,
        password: str | Secret | None = None,
        viber_token: str | Secret | None = None,
        telegram_key: str | Secret | None = None,
        base_url: str = smsbat.BASE_URL,
        allow_http: bool = False,
        status_path: str = smsbat.STATUS_PATH,
        pool: SessionPool | None = None,
        retry: RetryPolicy = RetryPolicy(),
        polling: PollPolicy = PollPolicy(),
        limits: Limits = Limits(),
        timeout: float | None = 30.0,
        total_timeout: float | None = 120.0,
        hooks: Iterable[Callable[..., None]] = (),
        random: Random | None = None,
    ) -> None:
        vendor = smsbat.SmsBat(
            api_key=api_key,
            username=username,
            password=password,
            viber_token=viber_token,
            telegram_key=telegram_key,
            base_url=base_url,
            allow_http=allow_http,
            status_path=status_path,
        )
        self._options = _Options(retry=retry, polling=polling, timeout=timeout, total_timeout=total_timeout)
        self._core = _Core(
            vendor,
            limits=limits,
            kinds=("status", "send"),
            pool=pool,
            options=self._options,
            hooks=hooks,
            random=random,
        )
        self._sender = Sender(vendor, self._core.requester, self._core.crew, self._core.hooks)

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """Make a client from the environment.

        Read are `SMSBAT_API_KEY`, `SMSBAT_USERNAME`, `SMSBAT_PASSWORD`, `SMSBAT_VIBER_TOKEN`,
        `SMSBAT_TELEGRAM_KEY` and `SMSBAT_BASE_URL`. A key makes username and password superfluous.

        Args:
            overrides: Arguments that count more than the environment.

        Raises:
            ConfigurationError: If what is found does not make a client.
        """
        names = ("api_key", "username", "password", "viber_token", "telegram_key", "base_url")
        found = _from_env("SMSBAT", names)
        # What is given beats what is found, also where the two exclude each other; of what is found, the key.
        if "username" in overrides or "password" in overrides:
            found.pop("api_key", None)
        elif "api_key" in overrides or "api_key" in found:
            found.pop("username", None)
            found.pop("password", None)
        if not found and not overrides:
            raise ConfigurationError("credentials are missing: set SMSBAT_API_KEY, or give api_key")
        return cls(**{**found, **overrides})

    async def send(self, message: CascadeMessage, *, route: Route = Route.STANDARD) -> Receipt:
        """Send one message through the cascade.

        Args:
            message: The message.
            route: Which channels are tried first.

        Returns:
            The vendor's id and yours.

        Raises:
            OutcomeUnknownError: If the vendor may have taken it; it is not sent again by itself.
            ApiError: If the vendor refused it.
            NotSentError: If surely nothing left.
        """
        return await self._sender.send(message, route, self._options.terms())

    async def send_many(
        self,
        messages: Iterable[CascadeMessage] | AsyncIterable[CascadeMessage],
        *,
        route: Route = Route.STANDARD,
        chunk_size: int = 500,
        concurrency: int = 4,
        split_refused: bool = True,
    ) -> list[SendResult]:
        """Send many messages through the cascade, in chunks.

        Args:
            messages: The messages; all are read before any is sent.
            route: Which channels are tried first.
            chunk_size: Messages in one request, 1 to 1,000; the vendor advises 100 and more.
            concurrency: Requests at once.
            split_refused: Whether a chunk that the vendor refuses is halved until the bad ones stand alone.
                This takes a refusal to concern the whole request, which the vendor does not say.

        Returns:
            Exactly one result per message, in the order of the messages.

        Raises:
            InvalidMessageError: If two messages have one id, or something is no message; nothing was sent.
            ConfigurationError: If an argument is wrong, or no credential for cascades was given.
        """
        self._core.check_open()
        chunking = Chunking(chunk_size=chunk_size, concurrency=concurrency, split_refused=split_refused)
        return await self._sender.send_many(messages, route, chunking, self._options.terms(bulk=True))

    def send_stream(
        self,
        messages: Iterable[CascadeMessage] | AsyncIterable[CascadeMessage],
        *,
        route: Route = Route.STANDARD,
        chunk_size: int = 500,
        concurrency: int = 4,
        split_refused: bool = True,
    ) -> ResultStream[SendResult]:
        """Send any number of messages through the cascade in constant memory, and give results as they come.

        A message whose id is among the last 100,000 is REJECTED. Leaving the stream early starts no new
        chunk; chunks on the wire have 10 seconds to finish, and the hooks hear of every outcome.

        Args:
            messages: The messages; read a chunk at a time.
            route: Which channels are tried first.
            chunk_size: Messages in one request, 1 to 1,000; the vendor advises 100 and more.
            concurrency: Requests at once.
            split_refused: As for `send_many`.

        Returns:
            A stream of exactly one result per message, in the order of the answers.

        Raises:
            ConfigurationError: If an argument is wrong, or no credential for cascades was given.
            Exception: From the stream, after all results: what the iterable raised, or `InvalidMessageError`
                where it gave something that is no message. What came before is sent, and nothing after it.
        """
        self._core.check_open()
        chunking = Chunking(chunk_size=chunk_size, concurrency=concurrency, split_refused=split_refused)
        return self._sender.stream(messages, route, chunking, self._options.terms(bulk=True))

    async def send_when_ready(
        self,
        take: Callable[[], Awaitable[Sequence[CascadeMessage]]],
        *,
        route: Route = Route.STANDARD,
        split_refused: bool = True,
        keep: Callable[[SendResult], None] | None = None,
    ) -> list[SendResult]:
        """Wait for a slot and a start, and only then take messages and send them in one request.

        For those who keep their messages in a database of their own: a message that `take` marks there as
        under way leaves at once, and not after waiting for a rate, a pause or a slot.

        Args:
            take: Returns 0 to 1,000 messages; none sends nothing. It is awaited once, or not at all if no
                turn came; what it raises is raised.
            route: Which channels are tried first.
            split_refused: As for `send_many`.
            keep: Is told each result as soon as it is known, also where the caller is cancelled.

        Returns:
            Exactly one result per message, in the order of the messages.

        Raises:
            NotSentError: If no turn came in time; nothing was taken.
            InvalidMessageError: If `take` returned something that cannot be sent at once; nothing was sent.
            ConfigurationError: If no credential for cascades was given; nothing was taken.
        """
        self._core.check_open()
        terms = self._options.terms(bulk=True)
        return await self._sender.send_when_ready(take, route, keep, split_refused=split_refused, terms=terms)


class ZnsClient(_Client[ZnsStatus]):
    """A client of Goby ZNS: notification status.

    It is cheap to make and needs no event loop until it is used. Use it with `async with`, or `aclose()` it.

    Args:
        api_key: The key that Goby gave for the official account.
        auth_header: The header that carries it. Goby does not document its name; `access_token` is likeliest.
        base_url: Where the vendor is.
        allow_http: Whether `http://` is allowed for hosts other than this machine.
        status_path: The path of a status request.
        pool: A session pool to share; it is not closed with the client.
        retry: When a failed request is repeated.
        polling: When a notification that is followed is asked after.
        limits: How many requests may start.
        timeout: The bound on one attempt, in seconds from the moment it has its slot; None is no bound.
        total_timeout: The bound on a whole call with its waiting, pauses and retries, in seconds; for many
            ids or messages, on each request of theirs.
        hooks: Callables that are told what happens; see `smsbat_async.hooks`.
        random: The source of jitter.

    Raises:
        ConfigurationError: If an argument is missing or wrong; it names the argument.
    """

    def __init__(
        self,
        *,
        api_key: str | Secret,
        auth_header: str = zns.AUTH_HEADER,
        base_url: str = zns.BASE_URL,
        allow_http: bool = False,
        status_path: str = zns.STATUS_PATH,
        pool: SessionPool | None = None,
        retry: RetryPolicy = RetryPolicy(),
        polling: PollPolicy = PollPolicy(),
        limits: Limits = Limits(),
        timeout: float | None = 30.0,
        total_timeout: float | None = 120.0,
        hooks: Iterable[Callable[..., None]] = (),
        random: Random | None = None,
    ) -> None:
        vendor = zns.Zns(
            api_key=api_key,
            auth_header=auth_header,
            base_url=base_url,
            allow_http=allow_http,
            status_path=status_path,
        )
        self._options = _Options(retry=retry, polling=polling, timeout=timeout, total_timeout=total_timeout)
        self._core = _Core(
            vendor,
            limits=limits,
            kinds=("status",),
            pool=pool,
            options=self._options,
            hooks=hooks,
            random=random,
        )

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """Make a client from `ZNS_API_KEY`, `ZNS_AUTH_HEADER` and `ZNS_BASE_URL`.

        Args:
            overrides: Arguments that count more than the environment.

        Raises:
            ConfigurationError: If what is found does not make a client.
        """
        found = {**_from_env("ZNS", ("api_key", "auth_header", "base_url")), **overrides}
        if "api_key" not in found:
            raise ConfigurationError("api_key is missing: set ZNS_API_KEY or give api_key")
        return cls(**found)


def _from_env(prefix: str, names: Iterable[str]) -> dict[str, Any]:
    found = {name: os.environ.get(f"{prefix}_{name.upper()}") for name in names}
    return {name: value for name, value in found.items() if value}
