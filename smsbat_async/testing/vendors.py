"""FakeVendors: both vendors as a test holds them."""

import asyncio
import dataclasses
import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self

from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import ConfigurationError
from smsbat_async.sandbox.calls import Call, Reply
from smsbat_async.sandbox.config import Outcome, SandboxConfig
from smsbat_async.sandbox.faults import FaultName, FaultOn
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.sandbox import Sandbox
from smsbat_async.testing.clients import Clients
from smsbat_async.testing.deliveries import Deliveries, Target
from smsbat_async.testing.home import Home
from smsbat_async.testing.outbox import Outbox
from smsbat_async.testing.pace import EVERYTHING_ARRIVES, FAST, LIFELIKE
from smsbat_async.testing.refusals import Refusals
from smsbat_async.testing.thread import SandboxThread
from smsbat_async.testing.transport import SandboxTransport
from smsbat_async.webhooks.zalo import ZaloSignature

_LAG: Final = 0.01
"""How long after a change whoever is told of it has been told, in seconds."""


class FakeVendors(Outbox):
    """Both vendors in memory, for one test: what was sent, what becomes of it, and clients to send with.

    Use it with `async with` outside of pytest; within, the fixture `smsbat_sandbox` is one. Unless its
    options say otherwise every message is delivered, always after the same time, and a thousand times sooner
    than from a real vendor; its clients poll as fast.

    Args:
        config: The sandbox's options, all of them; None takes those of tests.
        lifelike: Whether messages take as long as real ones, and clients poll, retry and keep limits as they
            do in production: for virtual time.
        latency: How long a request and its answer are on their way, in seconds.
        options: Fields of `SandboxConfig` that are to differ.

    Attributes:
        transport: For a client that you make yourself: `SessionPool(transport=vendors.transport)`.

    Raises:
        ConfigurationError: If there is no option of a name.
        ValueError: If a value is out of its range; the text names the field.
    """

    def __init__(
        self,
        config: SandboxConfig | None = None,
        *,
        lifelike: bool = False,
        latency: float = 0.0,
        **options: Any,
    ) -> None:
        pace = LIFELIKE if lifelike else FAST
        self._deliveries = Deliveries()
        self._refusals = Refusals()
        super().__init__(
            Sandbox(
                _configured(config, pace.sandbox, options),
                post=self._deliveries.post,
                on_webhook=self._refusals.note,
            )
        )
        self.transport = SandboxTransport(self, latency=latency)
        self._home = Home()
        self._clients = Clients(self.config, self.transport, pace.client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<FakeVendors with {len(self.messages)} messages>"

    # -- clients -----------------------------------------------------------------------------------------

    def smsbat_client(self, **options: Any) -> SmsBatClient:
        """Make a client of SMSBAT that sends to this object; it is closed with it.

        Args:
            options: Arguments of `SmsBatClient` that are to differ.

        Raises:
            ConfigurationError: If an argument is wrong, or `pool` is given.
        """
        return self._clients.smsbat(options)

    def zns_client(self, **options: Any) -> ZnsClient:
        """Make a client of Goby ZNS that sends to this object; it is closed with it.

        Args:
            options: Arguments of `ZnsClient` that are to differ.

        Raises:
            ConfigurationError: If an argument is wrong, or `pool` is given.
        """
        return self._clients.zns(options)

    @contextmanager
    def serving(self) -> Generator[Self]:
        """Listen on a loopback port as well, in a thread, for applications that make their own clients.

        It listens in real time: in virtual time use `async with vendors.sandbox`, on the test's own loop.

        Raises:
            OSError: If it cannot listen.
        """
        thread = SandboxThread(self.sandbox)
        self._home.move_to(thread.start())
        try:
            yield self
        finally:
            thread.stop()
            self._home.move_to(None)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end.

        Raises:
            RuntimeError: If it does not listen.
        """
        return self.sandbox.url

    @property
    def env(self) -> dict[str, str]:
        """The environment by which `from_env()` of both clients finds it, while it listens.

        Raises:
            RuntimeError: If it does not listen.
        """
        return {
            "SMSBAT_BASE_URL": self.url,
            "SMSBAT_API_KEY": self.config.api_key,
            "ZNS_BASE_URL": self.url,
            "ZNS_API_KEY": self.config.zns_key,
            "ZNS_AUTH_HEADER": self.config.zns_header,
        }

    # -- what becomes of it ------------------------------------------------------------------------------

    def status(self, message: Message) -> str:
        """Return where a message is just now, in SMSBAT's words for both vendors.

        Raises:
            RuntimeError: If the event loop that it was sent on has ended: time has ended with it.
        """
        return message.status(self._home.call(self.sandbox.now))

    def decide(self, message: Message | str, outcome: Outcome, *, channel: str | None = None) -> Message:
        """End a message now, or have it never end, whatever its fate was.

        Args:
            message: The message, or the id that the vendor gave it.
            outcome: `delivered`, `undeliverable`, `permanenterror` or `never`.
            channel: The last channel that is tried; see `Sandbox.decide`.

        Returns:
            The message.

        Raises:
            KeyError: If there is none with that id.
            ValueError: If it has ended, or cannot end so.
        """
        message_id = message if isinstance(message, str) else message.message_id
        return self._home.call(lambda: self.sandbox.decide(message_id, outcome, channel=channel))

    def inject(
        self, fault: FaultName, *, on: FaultOn = "all", times: int = 1, seconds: float | None = None
    ) -> None:
        """Have the next requests meet a fault.

        Args:
            fault: `lose`, `reset`, `fail`, `too_many`, `slow`, `garbage`, `shuffle` or `incomplete`; see
                `Sandbox.inject`.
            on: Which requests: `all`, `send` or `status`.
            times: How many requests.
            seconds: For `slow`, how late, and for `too_many`, the `Retry-After`.

        Raises:
            ValueError: If a value is out of its range; the text names the field.
        """
        self._home.call(lambda: self.sandbox.inject(fault, on=on, times=times, seconds=seconds))

    def clear_faults(self) -> None:
        """Take back what was injected and not met yet."""
        self._home.call(self.sandbox.clear_faults)

    @contextmanager
    def out_of_reach(self) -> Generator[None]:
        """Let no connection be made meanwhile: nothing leaves, and every request of `transport` fails."""
        self.transport.is_reachable = False
        try:
            yield
        finally:
            self.transport.is_reachable = True

    def advance(self, seconds: float) -> None:
        """Move the vendors' clock forward, as if the time had passed there; yours stays.

        Args:
            seconds: How far; 0 or more.

        Raises:
            ValueError: If that is not 0 or more, and finite.
        """
        self._home.call(lambda: self.sandbox.advance(seconds))

    def clear(self) -> None:
        """Forget every message; counters and injected faults stay."""
        self._home.call(self.sandbox.clear)
        self._refusals.forget()

    # -- webhooks ----------------------------------------------------------------------------------------

    def send_webhooks(self, *, smsbat: Target | None = None, zns: Target | None = None) -> None:
        """Say where webhooks go from now on; without this they go nowhere.

        SMSBAT's carry `config.smsbat_webhook_secret`, ZNS's are signed: see `zalo_signature()`.

        Args:
            smsbat: Where SMSBAT's go: a `WebhookReceiver`, an async function that takes headers and body and
                returns the HTTP status of its answer (None for 200), or a URL.
            zns: Where ZNS's go, likewise.

        Raises:
            ConfigurationError: If it is none of these, or a function that is not async.
            ValueError: If a URL is none.
        """
        urls = {
            "smsbat_url": self._deliveries.address("smsbat", smsbat),
            "zns_url": self._deliveries.address("zns", zns),
        }
        self._home.call(lambda: self.sandbox.send_webhooks(**urls))
        self._refusals.forget()

    def zalo_signature(self) -> ZaloSignature:
        """Return what verifies the ZNS webhooks of this object, with its clock."""
        return ZaloSignature(
            secrets=[self.config.zns_oa_secret],
            app_id=self.config.zns_app_id,
            clock=lambda: self._home.call(self.sandbox.epoch),
        )

    async def settle(self, timeout: float = 60.0, *, allow_refused: bool = False) -> None:
        """Wait until every message has ended and every webhook has been taken, or given up.

        Messages that never end are not waited for.

        Args:
            timeout: For how long, in seconds.
            allow_refused: Whether webhooks may be refused until they are given up, and what takes them may
                raise: for tests of just that.

        Raises:
            WebhooksRefusedError: If a webhook was given up, or what takes it raised, unless that is allowed;
                each is told once.
            AssertionError: If the time is over first.
        """
        __tracebackhide__ = True
        clock = asyncio.get_running_loop().time
        began = clock()
        while (wait := await self._home.reach(self._unsettled_for)) is not None:
            if self._refusals.has_raised() and not allow_refused:
                break
            waited = clock() - began
            if waited >= timeout:
                told = "\n".join(filter(None, [self._told(), self._refusals.tell()]))
                raise AssertionError(f"after {timeout} seconds something is still under way. {told}")
            # The longer it takes, the seldomer it looks: a webhook may be sent again after an hour.
            await asyncio.sleep(min(max(wait, waited / 20.0), timeout - waited))
        if allow_refused:
            self._refusals.forget()
        elif (error := self._refusals.error()) is not None:
            raise error

    def wait_until_settled(self, timeout: float = 10.0, *, allow_refused: bool = False) -> None:
        """Do what `settle()` does in a test that is not async, while its application runs in a thread.

        Args:
            timeout: For how long, in seconds.
            allow_refused: Whether webhooks may be refused until they are given up, and what takes them may
                raise: for tests of just that.

        Raises:
            WebhooksRefusedError: If a webhook was given up, or what takes it raised, unless that is allowed.
            AssertionError: If the time is over first.
            ConfigurationError: If no application runs, or this is an async test.
        """
        __tracebackhide__ = True
        self._home.run(lambda: self.settle(timeout, allow_refused=allow_refused), patience=None)

    async def _unsettled_for(self) -> float | None:
        """Return after how many seconds to look again, or None where nothing is under way."""
        now = self.sandbox.now()
        ends = [message.ends_at for message in self.messages if message.ends_at < math.inf]
        last = max(ends, default=-math.inf) + _LAG
        if last > now:
            return last - now
        return _LAG if self.sandbox.webhooks.waiting else None

    # -- the rest ----------------------------------------------------------------------------------------

    async def answer(self, call: Call) -> Reply:
        """Serve one request without a socket; see `Sandbox.answer`."""
        return await self._home.reach(lambda: self.sandbox.answer(call))

    async def aclose(self) -> None:
        """Close the clients that were made here, break off what they do, and send no more webhooks."""
        await self._clients.aclose()
        await self._home.reach(self.sandbox.aclose)

    def close(self) -> None:
        """Close as `aclose()` does, from where no loop runs; what ran on a loop that has ended is closed."""
        self._clients.close()
        self._home.close(self.sandbox.aclose)


def _configured(
    config: SandboxConfig | None, pace: Mapping[str, Any], options: Mapping[str, Any]
) -> SandboxConfig:
    fields = {field.name for field in dataclasses.fields(SandboxConfig)}
    unknown = sorted(options.keys() - fields)
    if unknown:
        raise ConfigurationError(
            f"{unknown[0]} is no option of the sandbox: give lifelike, latency or a field of SandboxConfig"
        )
    if config is None:
        return SandboxConfig(**{**EVERYTHING_ARRIVES, **pace, **options})
    return dataclasses.replace(config, **options)
