"""aiosonic: one client, a pool as large as requests at once."""

import ssl

import aiosonic
from aiosonic.pools import PoolConfig

from benchmarks.contenders.base import HEADERS, PATH, StatusError, Workers


class Aiosonic(Workers):
    """`HTTPClient` with a connector that never renews a connection by itself."""

    name = "aiosonic"

    async def open(self) -> None:
        """Open a client."""
        pool = PoolConfig(size=self._width, max_conn_requests=None)
        connector = aiosonic.TCPConnector(pool_configs={":default": pool})
        self._client = await self._stack.enter_async_context(aiosonic.HTTPClient(connector))
        # A context is taken to mean TLS, whatever the URL says.
        self._context = ssl.create_default_context() if self._url.startswith("https") else None
        self._prefix = self._url + PATH

    async def body(self, message_id: str) -> bytes:
        """Return the body of an answer."""
        answer = await self._client.get(self._prefix + message_id, headers=HEADERS, ssl=self._context)
        if answer.status_code != 200:
            raise StatusError(f"status {answer.status_code}")
        return bytes(await answer.content())
