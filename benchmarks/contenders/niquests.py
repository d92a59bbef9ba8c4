"""niquests: one session, as many connections as requests at once."""

import niquests

from benchmarks.contenders.base import HEADERS, PATH, Workers, authorities


class Niquests(Workers):
    """`AsyncSession` with HTTP/1.1."""

    name = "niquests"

    async def open(self) -> None:
        """Open a session."""
        session = niquests.AsyncSession(pool_maxsize=self._width, disable_http2=True, disable_http3=True)
        session.headers.update(HEADERS)
        session.verify = str(authorities()) if self._url.startswith("https") else True
        session.trust_env = False  # or it looks for proxies in the environment for every request
        self._session = await self._stack.enter_async_context(session)
        self._prefix = self._url + PATH

    async def body(self, message_id: str) -> bytes:
        """Return the body of an answer."""
        answer = await self._session.get(self._prefix + message_id)
        answer.raise_for_status()
        return bytes(answer.content)
