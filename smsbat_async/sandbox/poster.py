"""Sends webhooks over HTTP."""

from collections.abc import Mapping

import aiohttp


class Poster:
    """One session for all webhooks, opened when the first is sent."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send one webhook.

        Args:
            url: Where.
            headers: Name to value.
            body: JSON.

        Returns:
            The HTTP status; a redirect is not followed.

        Raises:
            aiohttp.ClientError: If there is no answer.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            return response.status

    async def aclose(self) -> None:
        """Close the session; the next webhook opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
