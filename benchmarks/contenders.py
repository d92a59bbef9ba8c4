"""Three ways to ask for the statuses of many ids: the SDK, and two loops as people write them by hand."""

import abc
import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, ClassVar, Literal, NamedTuple, Self

import aiohttp
import msgspec
from yarl import URL

from smsbat_async import Limits, MessageStatus, SessionPool, SmsBatClient, StatusResult

API_KEY = "bench-0123456789abcdef"


class Seen(NamedTuple):
    """What an answer says, however a contender holds it."""

    message_id: str
    word: str
    cost: Decimal


class Contender(abc.ABC):
    """One way to ask; use it with `async with`.

    Args:
        url: Where the server is.
        width: How many requests at once.
    """

    name: ClassVar[str]

    def __init__(self, url: str, width: int) -> None:
        self._url = url
        self._width = width
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @abc.abstractmethod
    async def open(self) -> None:
        """Open the connections' owner."""

    @abc.abstractmethod
    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return the answers for some ids, in their order."""

    @staticmethod
    @abc.abstractmethod
    def seen(answer: Any) -> Seen:
        """Return what an answer says."""


class Naive(Contender):
    """A task per id, a semaphore, and the answer as a dict: what most people write."""

    name = "naive loop"

    async def open(self) -> None:
        """Open a session with aiohttp's defaults."""
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(headers={"X-Authorization-Key": API_KEY})
        )
        self._semaphore = asyncio.Semaphore(self._width)

    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return the answers as dicts."""
        return await asyncio.gather(*(self._one(message_id) for message_id in ids))

    async def _one(self, message_id: str) -> Any:
        async with (
            self._semaphore,
            self._session.get(f"{self._url}/bat/message/{message_id}") as answer,
        ):
            answer.raise_for_status()
            return await answer.json()

    @staticmethod
    def seen(answer: Any) -> Seen:
        """Return what an answer says."""
        return Seen(answer["messageId"], answer["deliverystatus"], Decimal(str(answer["cost"])))


class Channel(msgspec.Struct):
    """What became of one channel."""

    type: str
    status: str


class Answer(msgspec.Struct, rename="camel"):
    """The same fields as the SDK reads, of the same types."""

    message_id: str
    delivery_status: str = msgspec.field(name="deliverystatus")
    messagelist_id: int | None = None
    parts_count: int | None = msgspec.field(name="partscount", default=None)
    cost: Decimal | None = None
    fallbacks: list[Channel] | None = None
    extended_statuses: dict[str, str] | None = None
    rate: Decimal | None = None
    rate_amount: Decimal | None = None
    rate_currency: str | None = None
    bill_amount: Decimal | None = None
    bill_currency: str | None = None


class Tuned(Contender):
    """A few long-lived workers over one iterator and a typed decoder: what is written for speed alone.

    No retry, no deadline of a call, no check of the id, nothing shared with other hosts.
    """

    name = "tuned loop"

    async def open(self) -> None:
        """Open a session without anything that is not needed."""
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._width),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"X-Authorization-Key": API_KEY},
            )
        )
        self._decode = msgspec.json.Decoder(Answer).decode

    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return the answers as structs."""
        answers: list[Answer | None] = [None] * len(ids)
        todo = iter(enumerate(ids))
        async with asyncio.TaskGroup() as group:
            for _ in range(self._width):
                group.create_task(self._work(todo, answers))
        return answers

    async def _work(self, todo: Iterator[tuple[int, str]], answers: list[Answer | None]) -> None:
        get, decode, prefix = self._session.get, self._decode, f"{self._url}/bat/message/"
        for place, message_id in todo:
            async with get(URL(prefix + message_id, encoded=True)) as answer:
                body = await answer.read()
                if answer.status != 200:
                    answer.raise_for_status()
            answers[place] = decode(body)

    @staticmethod
    def seen(answer: Any) -> Seen:
        """Return what an answer says."""
        return Seen(answer.message_id, answer.delivery_status, answer.cost)


class Sdk(Contender):
    """`SmsBatClient.fetch_statuses`, rates unlimited, on a pool that lets a batch be as wide as the rest."""

    name = "smsbat_async"
    transport: ClassVar[Literal["aiohttp", "wire"]] = "aiohttp"

    async def open(self) -> None:
        """Open a client on a pool of its own."""
        pool = SessionPool(max_concurrency=pool_size(self._width), transport=self.transport)
        client = SmsBatClient(
            api_key=API_KEY, base_url=self._url, pool=pool, limits=Limits(status=None, send=None)
        )
        await self._stack.enter_async_context(pool)
        self._client = await self._stack.enter_async_context(client)

    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return the client's results."""
        return await self._client.fetch_statuses(ids)

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


CONTENDERS: tuple[type[Contender], ...] = (Tuned, Naive, Sdk, SdkOnWire)
BASE = Tuned
"""To whom the others are compared."""


def pool_size(width: int) -> int:
    """Return the smallest bound of a pool that lets one batch have so many requests in flight."""
    size = width
    while SessionPool(max_concurrency=size).host_bulk_maximum < width:
        size += 1
    return size
