"""pyreqwest: one client, which lives in a Rust runtime of its own."""

from typing import Any

from pyreqwest.client import ClientBuilder

from benchmarks.contenders.base import HEADERS, PATH, Workers, authorities


class Pyreqwest(Workers):
    """`Client` with HTTP/1.1; the body is read without copying it."""

    name = "pyreqwest"

    async def open(self) -> None:
        """Open a client."""
        builder = ClientBuilder().default_headers(HEADERS).error_for_status(True).http1_only()
        # The runtime with several threads was the faster one, and a bound of its own only cost it something.
        builder = builder.runtime_multithreaded(True).follow_redirects(False)
        if self._url.startswith("https"):
            builder = builder.add_root_certificate_pem(authorities().read_bytes())
        self._client = await self._stack.enter_async_context(builder.build())
        self._prefix = self._url + PATH

    async def body(self, message_id: str) -> Any:
        """Return the body of an answer."""
        answer = await self._client.get(self._prefix + message_id).build().send()
        return await answer.bytes()
