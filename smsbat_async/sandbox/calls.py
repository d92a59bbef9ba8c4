"""A request and what becomes of it, without sockets."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from smsbat_async.sandbox.answers import Answer

BodyReader = Callable[[], Awaitable[bytes]]


class Dropped(Enum):
    """The connection is closed and no answer comes.

    Attributes:
        LOST: All was done; the answer is lost on its way.
        RESET: Nothing was done; the connection is reset.
    """

    LOST = "lost"
    RESET = "reset"


Reply = Answer | Dropped


class Headers(Mapping[str, str]):
    """Header values by any case of their names.

    Args:
        values: Name to value.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Call(NamedTuple):
    """One request.

    Args:
        method: HTTP method, in capitals.
        raw_path: Path of the target, not decoded, without the query.
        query: Name to value.
        headers: Name to value, found by any case of the name.
        body: The body, or what reads it when it is needed; that may raise `UnreadableError`.
    """

    method: str
    raw_path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | BodyReader = b""

    @classmethod
    def to(cls, url: str, *, method: str, headers: Mapping[str, str], body: bytes = b"") -> Self:
        """Make a call from a URL.

        Args:
            url: URL or request target; host and fragment are ignored.
            method: HTTP method.
            headers: Name to value, in any case.
            body: The body.

        Returns:
            The call.
        """
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method.upper(), parts.path or "/", query, Headers(headers), body)

    @property
    def content_type(self) -> str:
        """Media type of the body, in lower case and without parameters; empty if there is none."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """Read the body.

        Returns:
            The whole body.

        Raises:
            UnreadableError: If it is too long or did not arrive.
        """
        return self.body if isinstance(self.body, bytes) else await self.body()


class UnreadableError(Exception):
    """A body that is too long or did not arrive.

    Args:
        answer: What is answered.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer
