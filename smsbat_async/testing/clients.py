"""Clients: those that a test was given, each with a pool of its own, and closed with it."""

import asyncio
from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any, TypeVar

from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import ConfigurationError
from smsbat_async.pool import SessionPool
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.testing.home import Home
from smsbat_async.transport.protocol import Transport

Client = TypeVar("Client", SmsBatClient, ZnsClient)


class NotedPool(SessionPool):
    """A pool that notes on which loop it is used.

    Args:
        transport: How vendors are reached.

    Attributes:
        home: That loop, once it is.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport=transport)
        self.home: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, as `SessionPool.loop` does."""
        self.home = super().loop()
        return self.home


class Clients:
    """Makes clients, and closes them.

    Args:
        config: Has the keys.
        transport: How vendors are reached.
        defaults: Arguments of clients where a test gives none.
    """

    def __init__(self, config: SandboxConfig, transport: Transport, defaults: Mapping[str, Any]) -> None:
        self._config = config
        self._transport = transport
        self._defaults = defaults
        self._made: list[tuple[SmsBatClient | ZnsClient, NotedPool]] = []

    def smsbat(self, options: Mapping[str, Any]) -> SmsBatClient:
        """Make a client of SMSBAT; see `FakeVendors.smsbat_client`."""
        keys = {} if {"username", "password"} & options.keys() else {"api_key": self._config.api_key}
        return self._make(SmsBatClient, {**keys, **options})

    def zns(self, options: Mapping[str, Any]) -> ZnsClient:
        """Make a client of Goby ZNS; see `FakeVendors.zns_client`."""
        keys = {"api_key": self._config.zns_key, "auth_header": self._config.zns_header}
        return self._make(ZnsClient, {**keys, **options})

    def _make(self, kind: type[Client], options: Mapping[str, Any]) -> Client:
        if "pool" in options:
            raise ConfigurationError(
                "pool must not be given: make the client yourself with a SessionPool(transport=...) on the"
                " `transport` of this object"
            )
        pool = NotedPool(self._transport)
        # The same jitter in every run.
        arguments: dict[str, Any] = {**self._defaults, "random": Random(0), "pool": pool, **options}  # noqa: S311
        client = kind(**arguments)
        self._made.append((client, pool))
        return client

    def close(self) -> None:
        """Close them from where no loop runs; those whose loop has ended ended with it."""
        made, self._made = self._made, []
        for client, pool in made:
            Home(pool.home).close(partial(_close, client, pool))

    async def aclose(self) -> None:
        """Close them, and break off what is under way."""
        made, self._made = self._made, []
        for client, pool in made:
            home = pool.home
            if home is None or home.is_running():
                await Home(home).reach(partial(_close, client, pool))


async def _close(client: SmsBatClient | ZnsClient, pool: NotedPool) -> None:
    await client.aclose(grace=0.0)
    await pool.aclose()
