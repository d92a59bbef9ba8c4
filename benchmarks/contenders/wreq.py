"""wreq: one client, which lives in a Rust runtime of its own."""

from typing import Any

import wreq

from benchmarks.contenders.base import HEADERS, PATH, StatusError, Workers, authorities


class Wreq(Workers):
    """`Client` with HTTP/1.1; the body is read without copying it."""

    name = "wreq"

    async def open(self) -> None:
        """Open a client."""
        secure = self._url.startswith("https")
        client = wreq.Client(
            headers=HEADERS,
            http1_only=True,
            no_proxy=True,
            pool_max_idle_per_host=self._width,
            tls_verify=authorities() if secure else True,
        )
        self._client = await self._stack.enter_async_context(client)
        self._prefix = self._url + PATH

    async def body(self, message_id: str) -> Any:
        """Return the body of an answer."""
        answer = await self._client.get(self._prefix + message_id)
        if answer.status.as_int() != 200:
            raise StatusError(f"status {answer.status}")
        return await answer.bytes()
