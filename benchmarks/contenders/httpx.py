"""httpx: one client, as many connections as requests at once."""

import ssl

import httpx

from benchmarks.contenders.base import HEADERS, PATH, Workers


class Httpx(Workers):
    """`AsyncClient` with HTTP/1.1."""

    name = "httpx"

    async def open(self) -> None:
        """Open a client."""
        limits = httpx.Limits(max_connections=self._width, max_keepalive_connections=self._width)
        client = httpx.AsyncClient(
            base_url=self._url + PATH, headers=HEADERS, limits=limits, verify=ssl.create_default_context()
        )
        self._client = await self._stack.enter_async_context(client)

    async def body(self, message_id: str) -> bytes:
        """Return the body of an answer."""
        answer = await self._client.get(message_id)
        answer.raise_for_status()
        return bytes(answer.content)
