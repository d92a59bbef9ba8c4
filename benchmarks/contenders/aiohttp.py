"""aiohttp by hand: as most people write it, and as it is written for speed."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import aiohttp
from yarl import URL

from benchmarks.contenders.base import HEADERS, PATH, Contender, Seen, Workers


class Naive(Contender):
    """A task per id, a semaphore, and the answer as a dict."""

    name = "aiohttp, naive"

    async def open(self) -> None:
        """Open a session with aiohttp's defaults."""
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession(headers=HEADERS))
        self._semaphore = asyncio.Semaphore(self._width)

    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return the answers as dicts."""
        return await asyncio.gather(*(self.one(message_id) for message_id in ids))

    async def one(self, message_id: str) -> Any:
        """Return the answer as a dict."""
        async with self._semaphore, self._session.get(f"{self._url}{PATH}{message_id}") as answer:
            answer.raise_for_status()
            return await answer.json()

    @staticmethod
    def seen(answer: Any) -> Seen:
        """Return what an answer says."""
        return Seen(answer["messageId"], answer["deliverystatus"], Decimal(str(answer["cost"])))


class Tuned(Workers):
    """A session without anything that is not needed, and URLs that need no parsing of their path."""

    name = "aiohttp, tuned"

    async def open(self) -> None:
        """Open a session."""
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._width),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=HEADERS,
            )
        )
        self._prefix = self._url + PATH

    async def body(self, message_id: str) -> bytes:
        """Return the body of an answer."""
        async with self._session.get(URL(self._prefix + message_id, encoded=True)) as answer:
            body = await answer.read()
            if answer.status != 200:
                answer.raise_for_status()
            return body
