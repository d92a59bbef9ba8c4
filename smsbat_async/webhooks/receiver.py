"""WebhookReceiver: what a webhook meets, from its first byte to its answer, whatever the framework."""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, Final, Generic, NamedTuple, Self

import msgspec

from smsbat_async.cancelling import ends_the_task
from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.core import Client
from smsbat_async.credentials import Secret, header_name
from smsbat_async.errors import ClientClosedError, ConfigurationError
from smsbat_async.hooks import is_async
from smsbat_async.policies import check_count, is_number
from smsbat_async.statuses import S
from smsbat_async.vendors import smsbat_webhook, zns_webhook
from smsbat_async.vendors.webhook import Verify, WebhookError, WebhookEvent
from smsbat_async.webhooks.body import READ_TIMEOUT, read_body
from smsbat_async.webhooks.callbacks import Callbacks, OnEvent, where
from smsbat_async.webhooks.keeper import Keeper, Store
from smsbat_async.webhooks.recent import Freshness, Recent
from smsbat_async.webhooks.reply import NOT_NOW, OK, UNAUTHORIZED, Reply
from smsbat_async.webhooks.secrets import Secrets
from smsbat_async.webhooks.seldom import Seldom

logger = logging.getLogger("smsbat_async.webhooks")

SECRET_HEADER: Final = "X-Webhook-Secret"  # noqa: S105 - the name of a header

STORE_TIMEOUT: Final = 5.0
"""How long storing an event may take, in seconds."""

UNKNOWN_SENDER: Final = "a webhook was refused: its secret is missing or wrong"
NOT_GENUINE: Final = "a webhook was refused: it is not genuine; a ZaloSignature says why at DEBUG"

PROBE_MAXIMUM: Final = 4_096
"""The largest body that may be a probe, in bytes."""

REMEMBERED: Final = 100_000
BACKLOG: Final = 10_000


class WebhookStats(msgspec.Struct):
    """Counters since the receiver was made.

    Args:
        received: Webhooks that came, whatever became of them.
        accepted: Events that were news.
        repeated: Events that were known already.
        outdated: Events of an earlier state than the known one; they change nothing.
        probes: Webhooks that told nothing.
        unauthorized: Webhooks without a right secret or signature.
        malformed: Bodies that were not what the vendor sends.
        refused: Bodies that were too large, too slow or compressed.
        not_now: Events that the vendor was told to send again: the store or the callbacks were behind.
        unmatched: Accepted events about messages that nobody followed just then.
    """

    received: int = 0
    accepted: int = 0
    repeated: int = 0
    outdated: int = 0
    probes: int = 0
    unauthorized: int = 0
    malformed: int = 0
    refused: int = 0
    not_now: int = 0
    unmatched: int = 0


class WebhookReceiver(Generic[S]):
    """Takes webhooks of one vendor: checks who sends them, reads them, and tells the client and you.

    Use it with `async with`, or `aclose()` it before its client. `smsbat_async.webhooks.fastapi` and
    `.aiohttp` connect it to a web application; `receive()` connects it to any other.

    Args:
        client: Whose messages they are about; it says which vendor.
        secrets: Secrets of your choice, of which a webhook has to bring one, in its path or in
            `secret_header`: several while one is being replaced. SMSBAT signs nothing, so it needs them.
        secret_header: The header for the secret where it is not in the path.
        verify: Says whether a webhook is genuine: a `ZaloSignature`, or any function of headers and body.
            With secrets as well, both have to be right.
        on_event: What you do with news: a coroutine function, or a function that does not block. It runs in
            the background after the answer; an error in it is logged and counted.
        store: Keeps events for good before they are answered for, many at a time; where it raises, the
            vendor is told to send them again. `Ledger.add_events` of a campaign is one.
        concurrency: How many callbacks run at a time.
        backlog: How many callbacks may wait, and how many webhooks for the store; the vendor is told to send
            again what comes then.
        remembered: Of how many messages the last word is remembered, so that nothing is told twice.
        read_timeout: How long a body may take to come, in seconds.

    Raises:
        ConfigurationError: If an argument is wrong, or there is neither a secret nor `verify`.
    """

    def __init__(
        self,
        client: Client[S],
        *,
        secrets: Iterable[str | Secret] = (),
        secret_header: str = SECRET_HEADER,
        verify: Verify | None = None,
        on_event: OnEvent[S] | None = None,
        store: Store[S] | None = None,
        concurrency: int = 16,
        backlog: int = BACKLOG,
        remembered: int = REMEMBERED,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._vendor = _vendor_of(client)
        self._poller = client.poller
        self._secrets = Secrets(secrets)
        self._secret_header = header_name("secret_header", secret_header).lower()
        for name, function in (("verify", verify), ("on_event", on_event), ("store", store)):
            if function is not None and not callable(function):
                raise ConfigurationError(f"{name} must be callable")
        if verify is not None and is_async(verify):
            raise ConfigurationError("verify must be a plain function: nobody awaits it")
        if not self._secrets and verify is None:
            raise ConfigurationError("secrets or verify must be given: anybody could send webhooks otherwise")
        for name, count in (("concurrency", concurrency), ("backlog", backlog), ("remembered", remembered)):
            check_count(name, count)
        if not (is_number(read_timeout) and read_timeout > 0):
            raise ConfigurationError("read_timeout must be more than 0 seconds")
        self._read_timeout = read_timeout
        self._backlog = backlog
        self._verify = verify
        self._callbacks = (
            None if on_event is None else Callbacks(on_event, concurrency=concurrency, backlog=backlog)
        )
        self._keeper = None if store is None else Keeper(store, STORE_TIMEOUT)
        self._recent = Recent(remembered)
        self._seldom = Seldom()
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self.stats = WebhookStats()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def vendor(self) -> str:
        """Whose webhooks they are: `smsbat` or `zns`."""
        return self._vendor.name

    @property
    def callback_failures(self) -> int:
        """How many callbacks raised."""
        return 0 if self._callbacks is None else self._callbacks.failures

    @property
    def callbacks_pending(self) -> int:
        """How many callbacks wait or are running."""
        return 0 if self._callbacks is None else self._callbacks.pending

    async def aclose(self, grace: float = 10.0) -> None:
        """Take no more webhooks, and let what is under way be stored and the callbacks be done.

        Args:
            grace: How long the callbacks may take, in seconds; those that are not done then are cancelled
                and logged, and waited for two seconds more. A callback that closes its receiver does not
                wait for it.
        """
        self._closed = True
        if self._closing is None:
            # A task of its own: several may close at once, and one of them may be cancelled.
            self._closing = asyncio.get_running_loop().create_task(self._close(grace))
        is_callback = self._callbacks is not None and self._callbacks.is_current
        if not is_callback and not self._closing.done():
            await asyncio.wait([self._closing])  # which raises nothing where somebody else has cancelled it

    async def _close(self, grace: float) -> None:
        try:
            if self._keeper is not None:
                # Everybody goes on from there without a pause, and has submitted what was stored.
                await self._keeper.aclose()
        finally:  # also where the program is being ended
            if self._callbacks is not None:
                await self._callbacks.aclose(grace)

    async def receive(
        self, headers: Mapping[str, str], body: bytes | AsyncIterable[bytes], *, secret: str | None = None
    ) -> Reply:
        """Take one webhook.

        Args:
            headers: Its headers, names in any case; one value for each.
            body: Its body, piece by piece as it comes, or whole. It is not read before the secret is right.
            secret: The secret in its path, if there is one; either that or the header has to be right.

        Returns:
            What is to be answered; nothing that a sender does makes this raise.
        """
        self.stats.received += 1
        lowered = {name.lower(): value for name, value in headers.items()}
        if self._secrets and not self._secrets.know(secret, lowered.get(self._secret_header)):
            return self._unauthorized(UNKNOWN_SENDER)
        if self._closed or self._is_full:
            self.stats.not_now += 1
            return NOT_NOW
        read = await read_body(lowered, body, self._read_timeout)
        if isinstance(read, Reply):
            self.stats.refused += 1
            return read
        if self._verify is not None and not self._is_genuine(self._verify, lowered, read):
            return self._probed(read) or self._unauthorized(NOT_GENUINE)
        return self._probed(read) or await self._take(lowered, read)

    @property
    def _is_full(self) -> bool:
        if self._callbacks is not None and self._callbacks.is_full:
            return True
        return self._keeper is not None and self._keeper.pending >= self._backlog

    # -- who sends it ------------------------------------------------------------------------------------

    def _is_genuine(self, verify: Verify, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            return verify(headers, body) is True  # nothing else, least of all a coroutine
        except BaseException as error:  # whatever a sender provokes in it is no failure of ours
            if ends_the_task(error):
                raise
            logger.error("verify raised %s", where(error))  # noqa: TRY400 - its text may quote the body
            return False

    def _unauthorized(self, problem: str) -> Reply:
        self.stats.unauthorized += 1
        self._seldom.warn(problem)
        return UNAUTHORIZED

    def _probed(self, body: bytes) -> Reply | None:
        """Return the answer to a webhook that tells nothing: nothing comes of it, signed or not."""
        if len(body) > PROBE_MAXIMUM or not self._vendor.is_probe(body):
            return None
        self.stats.probes += 1
        return OK

    # -- what it tells -----------------------------------------------------------------------------------

    async def _take(self, headers: Mapping[str, str], body: bytes) -> Reply:
        event: WebhookEvent[Any]
        if self._closed:  # while the body came
            self.stats.not_now += 1
            return NOT_NOW
        try:
            event = self._vendor.read_event(headers, body)
        except WebhookError as met:
            self.stats.malformed += 1
            return Reply(400, str(met))
        is_news = self._recent.judge(event) is Freshness.NEWS
        if is_news and self._keeper is not None and not await self._keeper.keep(event):
            self.stats.not_now += 1
            return NOT_NOW
        freshness = self._recent.judge(event)  # again, since another one may have been stored meanwhile
        if freshness is Freshness.OUTDATED:
            self.stats.outdated += 1
            return OK
        try:
            followed = event.status is None or self._poller.feed(event.status)
        except ClientClosedError:
            self.stats.not_now += 1
            return NOT_NOW
        if freshness is Freshness.REPEATED:
            self.stats.repeated += 1
            return OK
        self._recent.note(event)
        self.stats.accepted += 1
        self.stats.unmatched += not followed
        if self._callbacks is not None:
            self._callbacks.submit(event)
        return OK


class _Vendor(NamedTuple):
    """What a vendor module knows of its webhooks."""

    name: str
    read_event: Callable[[Mapping[str, str], bytes], WebhookEvent[Any]]
    is_probe: Callable[[bytes], bool]


def _vendor_of(client: object) -> _Vendor:
    if isinstance(client, SmsBatClient):
        return _Vendor("smsbat", smsbat_webhook.read_event, smsbat_webhook.is_probe)
    if isinstance(client, ZnsClient):
        return _Vendor("zns", zns_webhook.read_event, zns_webhook.is_probe)
    raise ConfigurationError("client must be a SmsBatClient or a ZnsClient")
