"""What every way to ask for statuses has in common."""

import abc
import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

API_KEY = "bench-0123456789abcdef"
HEADERS = {"X-Authorization-Key": API_KEY}
PATH = "/bat/message/"


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
    async def one(self, message_id: str) -> Any:
        """Return the answer for one id."""

    @abc.abstractmethod
    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return the answers for some ids, in their order."""

    @staticmethod
    @abc.abstractmethod
    def seen(answer: Any) -> Seen:
        """Return what an answer says."""


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


class Workers(Contender):
    """A few long-lived workers over one iterator and a typed decoder: what is written for speed alone.

    Every client is used in this same way. There is no retry, no deadline of a call and no check of the id.
    """

    decode = msgspec.json.Decoder(Answer).decode

    @abc.abstractmethod
    async def body(self, message_id: str) -> Any:
        """Return the body of the answer for one id, as anything that holds bytes.

        Raises:
            Exception: If its status is not 200.
        """

    async def one(self, message_id: str) -> Any:
        """Return the answer as a struct."""
        return self.decode(await self.body(message_id))

    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return the answers as structs."""
        answers: list[Answer | None] = [None] * len(ids)
        todo = iter(enumerate(ids))
        async with asyncio.TaskGroup() as group:
            for _ in range(self._width):
                group.create_task(self._work(todo, answers))
        return answers

    async def _work(self, todo: Iterator[tuple[int, str]], answers: list[Answer | None]) -> None:
        body, decode = self.body, self.decode
        for place, message_id in todo:
            answers[place] = decode(await body(message_id))

    @staticmethod
    def seen(answer: Any) -> Seen:
        """Return what an answer says."""
        return Seen(answer.message_id, answer.delivery_status, answer.cost)


class StatusError(Exception):
    """An answer that is not 200, for clients that do not raise by themselves."""


def authorities() -> Path:
    """Return the file of the authorities that OpenSSL trusts: what `SSL_CERT_FILE` names, if anything."""
    file = ssl.get_default_verify_paths().cafile
    if file is None:
        raise RuntimeError("no file of trusted authorities; name one with SSL_CERT_FILE")
    return Path(file)
