"""SmsBatClient and ZnsClient: each vendor's client, put together."""

import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from random import Random
from typing import Any, Self

from smsbat_async.core import Client, Core, Options
from smsbat_async.credentials import Secret
from smsbat_async.errors import ConfigurationError, InvalidMessageError
from smsbat_async.hooks import Call, ChunkSent, NativeChunkSent, ZnsSent
from smsbat_async.messages import CascadeMessage, Receipt, Route, SendResult
from smsbat_async.native.message import NativeMessage
from smsbat_async.native.results import NativeReceipt, NativeResult
from smsbat_async.notifications import ZnsMessage, ZnsQuota, ZnsReceipt, ZnsResult
from smsbat_async.policies import Limits, PollPolicy, RetryPolicy, check_count
from smsbat_async.pool import SessionPool
from smsbat_async.sending import Chunking, Sender
from smsbat_async.statuses import MessageStatus, ZnsStatus
from smsbat_async.streams import ResultStream
from smsbat_async.templates import ZnsTemplate, ZnsTemplateStatus
from smsbat_async.variables import Variable, check_variables
from smsbat_async.vendors import messagelist, smsbat, variables, zns, zns_account
from smsbat_async.vendors.cascade import Cascade
from smsbat_async.vendors.zns_send import Notifications


class SmsBatClient(Client[MessageStatus]):
    """A client of SMSBAT: cascade sends and message status, and more that its help pages tell of.

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
        self._options = Options(retry=retry, polling=polling, timeout=timeout, total_timeout=total_timeout)
        self._core = Core(
            vendor,
            limits=limits,
            kinds=("status", "send"),
            pool=pool,
            options=self._options,
            hooks=hooks,
            random=random,
        )
        self._vendor = vendor
        self._cascades: dict[str, Sender[CascadeMessage, SendResult]] = {
            route: _cascade_sender(self._core, vendor, route) for route in Route
        }
        self._native = _native_sender(self._core, vendor)

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """Make a client from the environment.

        Read are `SMSBAT_API_KEY`, `SMSBAT_USERNAME`, `SMSBAT_PASSWORD`, `SMSBAT_VIBER_TOKEN`,
        `SMSBAT_TELEGRAM_KEY`, `SMSBAT_BASE_URL` and `SMSBAT_ALLOW_HTTP` (`1` or `0`). A key makes username
        and password superfluous.

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
        if not {*found, *overrides} & {*names} - {"base_url"}:
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
        sender = self._by(route)
        if not self._core.calls.told:
            result = await sender.send(message, self._options.terms())
        else:
            with self._core.calls.scope("send") as scope:
                result = await sender.send(message, self._options.terms(scope))
        assert result.message_id is not None
        return Receipt(result.message_id, message.id)

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
        chunking = Chunking(smsbat.CHUNK_MAXIMUM, chunk_size, concurrency, split_refused)
        with self._core.calls.scope("send_many") as scope:
            terms = self._options.terms(scope, bulk=True)
            return await self._by(route).send_many(messages, chunking, terms)

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
            Exception: From the stream, after all results: what the iterable raised, `InvalidMessageError`
                where it gave something that is no message, or `RuntimeError` where something that it awaited
                was cancelled. What came before is sent, and nothing after it.
        """
        self._core.check_open()
        chunking = Chunking(smsbat.CHUNK_MAXIMUM, chunk_size, concurrency, split_refused)
        terms = self._options.terms(self._core.calls.scope("send_stream"), bulk=True)
        return self._by(route).stream(messages, chunking, terms)

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
        with self._core.calls.scope("send_when_ready") as scope:
            terms = self._options.terms(scope, bulk=True)
            sender = self._by(route)
            return await sender.send_when_ready(take, keep, split_refused=split_refused, terms=terms)

    async def send_native(self, message: NativeMessage) -> NativeReceipt:
        """Send one message by one channel, with `POST /bat/messagelist`.

        Follows SMSBAT's help, "Send Message", which is beyond the documents that the rest follows and may
        change; docs/vendors.md tells what is unknown. It takes `api_key`, or `username` with `password`.

        Args:
            message: An `SmsMessage`, a `ViberPromo`, or any other kind.

        Returns:
            The vendor's id and yours, and what else it told. `status()` and `track()` take the id.

        Raises:
            OutcomeUnknownError: If the vendor may have taken it; it is not sent again by itself.
            ApiError: If the vendor refused it, also by the word `rejected` or `failed` in an answer 200.
            NotSentError: If surely nothing left.
        """
        with self._core.calls.scope("send_native") as scope:
            result = await self._native.send(message, self._options.terms(scope))
        assert result.receipt is not None
        return result.receipt

    async def send_native_many(
        self,
        messages: Iterable[NativeMessage] | AsyncIterable[NativeMessage],
        *,
        chunk_size: int = 500,
        concurrency: int = 4,
        split_refused: bool = True,
    ) -> list[NativeResult]:
        """Send many messages with `POST /bat/messagelist`, in chunks; kinds may be mixed.

        Args:
            messages: The messages; all are read before any is sent.
            chunk_size: Messages in one request, 1 to 5,000.
            concurrency: Requests at once.
            split_refused: As for `send_many`.

        Returns:
            Exactly one result per message, in the order of the messages.

        Raises:
            InvalidMessageError: If two messages have one id, or something is no message; nothing was sent.
            ConfigurationError: If an argument is wrong, or no credential for native sends was given.
        """
        self._core.check_open()
        chunking = Chunking(messagelist.CHUNK_MAXIMUM, chunk_size, concurrency, split_refused)
        with self._core.calls.scope("send_native_many") as scope:
            return await self._native.send_many(messages, chunking, self._options.terms(scope, bulk=True))

    def send_native_stream(
        self,
        messages: Iterable[NativeMessage] | AsyncIterable[NativeMessage],
        *,
        chunk_size: int = 500,
        concurrency: int = 4,
        split_refused: bool = True,
    ) -> ResultStream[NativeResult]:
        """Send any number of messages with `POST /bat/messagelist` in constant memory, as `send_stream` does.

        Args:
            messages: The messages; read a chunk at a time.
            chunk_size: Messages in one request, 1 to 5,000.
            concurrency: Requests at once.
            split_refused: As for `send_many`.

        Returns:
            A stream of exactly one result per message, in the order of the answers.

        Raises:
            ConfigurationError: If an argument is wrong, or no credential for native sends was given.
            Exception: From the stream, after all results: what the iterable raised, or `InvalidMessageError`
                where it gave something that is no message.
        """
        self._core.check_open()
        chunking = Chunking(messagelist.CHUNK_MAXIMUM, chunk_size, concurrency, split_refused)
        terms = self._options.terms(self._core.calls.scope("send_native_stream"), bulk=True)
        return self._native.stream(messages, chunking, terms)

    async def save_variables(self, items: Iterable[Variable]) -> None:
        """Save values for placeholders in the texts of cascades, with `POST /api/items`.

        Follows SMSBAT's help, "Message Variables", which is beyond the documents that the rest follows. Save
        them before the messages are sent. How many are allowed, whose an id is, how long a value is kept and
        what the vendor answers is not documented: an answer 200 that is JSON, or empty, counts as success. A
        failed request is repeated as the retry policy says, since that writes the same values again.

        Args:
            items: The variables, all of which go out in one request; none sends nothing.

        Raises:
            InvalidMessageError: If something is no variable, or one placeholder has two values.
            ConfigurationError: If no credential for cascades was given.
            SmsBatError: What the last attempt met.
        """
        self._core.check_open()
        saved = check_variables(items)
        if not saved:
            return
        request = variables.save_request(self._vendor, saved)
        with self._core.calls.scope("save_variables") as scope:
            terms = self._options.terms(scope)
            await self._core.requester.read("send", request, variables.read_saved, None, terms)

    def _by(self, route: object) -> Sender[CascadeMessage, SendResult]:
        # A plain word finds its route as well: both have one hash.
        sender = self._cascades.get(route) if isinstance(route, str) else None
        if sender is None:
            wanted = " or ".join(f'"{known}"' for known in Route)
            raise InvalidMessageError("route", "invalid_route", f"must be {wanted}")
        return sender


def _cascade_sender(
    core: Core[MessageStatus], vendor: smsbat.SmsBat, route: Route
) -> Sender[CascadeMessage, SendResult]:
    def told(results: tuple[SendResult, ...], foreign_ids: tuple[str, ...], call: Call | None) -> ChunkSent:
        return ChunkSent(results=results, route=route, foreign_ids=foreign_ids, call=call)

    return Sender(Cascade(vendor, route), core.requester, core.crew, core.hooks, told)


def _native_sender(core: Core[MessageStatus], vendor: smsbat.SmsBat) -> Sender[NativeMessage, NativeResult]:
    def told(
        results: tuple[NativeResult, ...], foreign_ids: tuple[str, ...], call: Call | None
    ) -> NativeChunkSent:
        return NativeChunkSent(results=results, foreign_ids=foreign_ids, call=call)

    return Sender(messagelist.MessageList(vendor), core.requester, core.crew, core.hooks, told)


class ZnsClient(Client[ZnsStatus]):
    """A client of Goby ZNS: notification status, and more that Goby's pages tell of.

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
        self._options = Options(retry=retry, polling=polling, timeout=timeout, total_timeout=total_timeout)
        self._core = Core(
            vendor,
            limits=limits,
            kinds=("status", "send"),
            pool=pool,
            options=self._options,
            hooks=hooks,
            random=random,
        )
        self._vendor = vendor
        self._sender = _zns_sender(self._core, vendor)

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """Make a client from the environment.

        Read are `ZNS_API_KEY`, `ZNS_AUTH_HEADER`, `ZNS_BASE_URL` and `ZNS_ALLOW_HTTP` (`1` or `0`).

        Args:
            overrides: Arguments that count more than the environment.

        Raises:
            ConfigurationError: If what is found does not make a client.
        """
        found = {**_from_env("ZNS", ("api_key", "auth_header", "base_url")), **overrides}
        if "api_key" not in found:
            raise ConfigurationError("api_key is missing: set ZNS_API_KEY or give api_key")
        return cls(**found)

    async def send(self, message: ZnsMessage) -> ZnsReceipt:
        """Send one notification, with `POST /api/message/send`.

        Follows Goby's developer pages, "Gửi tin nhắn ZNS", which are beyond the document that the rest
        follows and may change; docs/vendors.md tells what is unknown.

        Args:
            message: The notification.

        Returns:
            The vendor's id and yours, and what else it told. `status()` and `track()` take the id.

        Raises:
            OutcomeUnknownError: If the vendor may have taken it, also after an error code that Zalo's table
                does not have; it is not sent again by itself.
            RecipientError: If the phone cannot be sent to: no Zalo account, opted out; `code` says which.
            QuotaError: If a quota or the account's money is used up.
            ApiError: If the vendor refused it for another reason.
            NotSentError: If surely nothing left.
        """
        with self._core.calls.scope("send") as scope:
            result = await self._sender.send(message, self._options.terms(scope))
        assert result.receipt is not None
        return result.receipt

    async def quota(self) -> ZnsQuota:
        """Ask how many notifications may be sent in a day, and are left, with `GET /api/message/quota`.

        Follows Goby's developer pages, "Lấy thông tin quota ZNS". It counts as a status request.

        Raises:
            SmsBatError: What the last attempt met.
        """
        self._core.check_open()
        request = zns_account.quota_request(self._vendor)
        with self._core.calls.scope("quota") as scope:
            terms = self._options.terms(scope)
            return await self._core.requester.read("status", request, zns_account.read_quota, None, terms)

    async def templates(
        self, *, status: ZnsTemplateStatus | None = None, page_size: int = zns_account.PAGE_MAXIMUM
    ) -> list[ZnsTemplate]:
        """Ask for the account's templates, newest first, with `GET /api/template/all`, page by page.

        Follows Goby's developer pages, "Lấy danh sách template". Each page counts as a status request.

        Args:
            status: Those of one status only, or None for all.
            page_size: How many in one answer, 1 to 100.

        Returns:
            Each template once.

        Raises:
            ConfigurationError: If an argument is wrong.
            SmsBatError: What the last attempt met.
        """
        core = self._core
        core.check_open()
        check_count("page_size", page_size, maximum=zns_account.PAGE_MAXIMUM)
        wanted = _template_status(status)
        found: dict[str, ZnsTemplate] = {}
        offset, rows = 0, page_size
        with core.calls.scope("templates") as scope:
            while rows >= page_size:
                request = zns_account.templates_request(self._vendor, offset, page_size, wanted)
                terms = self._options.terms(scope)
                page, rows = await core.requester.read(
                    "status", request, zns_account.read_templates, None, terms
                )
                known = len(found)
                for template in page:
                    found.setdefault(template.template_id, template)
                if len(found) == known:
                    break  # a vendor that took no notice of the offset would give the same page for ever
                offset += rows
        return list(found.values())


def _zns_sender(core: Core[ZnsStatus], vendor: zns.Zns) -> Sender[ZnsMessage, ZnsResult]:
    def told(results: tuple[ZnsResult, ...], _: tuple[str, ...], call: Call | None) -> ZnsSent:
        return ZnsSent(result=results[0], call=call)

    return Sender(Notifications(vendor), core.requester, core.crew, core.hooks, told)


def _template_status(status: object) -> ZnsTemplateStatus | None:
    if status is None:
        return None
    try:
        return ZnsTemplateStatus(status)  # type: ignore[arg-type]
    except ValueError:
        known = ", ".join(ZnsTemplateStatus)
    raise ConfigurationError(f"status must be one of {known}, or None for all")


def _from_env(prefix: str, names: Iterable[str]) -> dict[str, Any]:
    texts = {name: os.environ.get(f"{prefix}_{name.upper()}") for name in names}
    found: dict[str, Any] = {name: value for name, value in texts.items() if value}
    allow = os.environ.get(f"{prefix}_ALLOW_HTTP")
    if allow:
        if allow not in ("0", "1"):
            raise ConfigurationError(f"{prefix}_ALLOW_HTTP must be 1 or 0")
        found["allow_http"] = allow == "1"
    return found
