"""What the SDK wants from an HTTP client."""

from typing import Protocol

from smsbat_async.http import Request, Response

BODY_MAXIMUM = 8 * 1024 * 1024
"""The largest answer that is read, in bytes."""


class Attempt:
    """One attempt of one request.

    It is an object of its own and not a part of an error, because a cancellation carries no data.

    Attributes:
        started: True from the moment the first byte may leave this process. While it is False, surely
            nothing has left.
    """

    __slots__ = ("started",)

    def __init__(self) -> None:
        self.started = False


class Transport(Protocol):
    """An HTTP client reduced to what is needed here."""

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        """Make one attempt.

        It never repeats a request, follows a redirect, or returns more than 8 MiB of body.

        Args:
            request: What to ask.
            timeout: The bound on the whole attempt in seconds, or None.
            attempt: Where to note that the first byte may leave.

        Returns:
            The answer, whatever its status.

        Raises:
            NotSentError: If no answer came, and surely nothing left.
            TransportError: If no answer came.
            ResponseError: If what came is not HTTP, or is too large.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
