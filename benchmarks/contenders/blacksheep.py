"""The client of blacksheep: one session, whose pool keeps every connection."""

import ssl

from blacksheep.client import ClientSession

from benchmarks.contenders.base import HEADERS, PATH, StatusError, Workers


class Blacksheep(Workers):
    """`ClientSession` with HTTP/1.1 and without redirects."""

    name = "blacksheep's client"

    async def open(self) -> None:
        """Open a session."""
        session = ClientSession(
            ssl=ssl.create_default_context(),
            default_headers=[(name.encode(), value.encode()) for name, value in HEADERS.items()],
            follow_redirects=False,
            cookie_jar=False,
            http2=False,
        )
        self._session = await self._stack.enter_async_context(session)
        self._prefix = (self._url + PATH).encode()

    async def body(self, message_id: str) -> bytes:
        """Return the body of an answer."""
        answer = await self._session.get(self._prefix + message_id.encode())
        if answer.status != 200:
            raise StatusError(f"status {answer.status}")
        return bytes(await answer.read() or b"")
