"""The SDK through its whole client."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from benchmarks.contenders.base import API_KEY, Contender, Seen
from smsbat_async import Limits, MessageStatus, SessionPool, SmsBatClient, StatusResult


class Sdk(Contender):
    """`SmsBatClient.fetch_statuses`, rates unlimited, on a pool that lets a batch be as wide as the rest."""

    name = "smsbat_async, aiohttp"
    transport: ClassVar[Literal["aiohttp", "wire"]] = "aiohttp"

    async def open(self) -> None:
        """Open a client on a pool of its own."""
        pool = SessionPool(max_concurrency=pool_size(self._width), transport=self.transport)
        client = SmsBatClient(
            api_key=API_KEY, base_url=self._url, pool=pool, limits=Limits(status=None, send=None)
        )
        await self._stack.enter_async_context(pool)
        self._client = await self._stack.enter_async_context(client)

    async def check(self, ids: Sequence[str]) -> Sequence[StatusResult[MessageStatus]]:
        """Return the client's results."""
        return await self._client.fetch_statuses(ids)

    async def one(self, message_id: str) -> StatusResult[MessageStatus]:
        """Return the client's answer to a single call."""
        return StatusResult(message_id, await self._client.status(message_id))

    @staticmethod
    def seen(answer: StatusResult[MessageStatus]) -> Seen:
        """Return what an answer says."""
        if answer.status is None or answer.status.cost is None:
            raise RuntimeError(f"no answer for {answer.message_id}: {answer.error!r}")
        return Seen(answer.message_id, answer.status.delivery_status, answer.status.cost)


class SdkOnWire(Sdk):
    """The same on the wire transport."""

    name = "smsbat_async, wire"
    transport = "wire"


def pool_size(width: int) -> int:
    """Return the smallest bound of a pool that lets one batch have so many requests in flight."""
    size = width
    while SessionPool(max_concurrency=size).host_bulk_maximum < width:
        size += 1
    return size
