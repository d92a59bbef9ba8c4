"""FakeTransport: a Transport that answers by a plan, for tests in virtual time."""

import asyncio
import dataclasses
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from smsbat_async import Limits, SessionPool, SmsBatClient, SmsBatError
from smsbat_async.errors import NotSentError, TransportError
from smsbat_async.http import LowerHeaders, Request, Response
from smsbat_async.transport.protocol import Attempt

FREE = Limits(status=None, send=None)
"""No limit of any kind."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One attempt as the transport got it.

    Attributes:
        at: When, in seconds of the loop's clock.
        request: What was asked.
        timeout: The bound that came with it.
    """

    at: float
    request: Request
    timeout: float | None

    @property
    def message_id(self) -> str:
        """The id in the URL of a status request."""
        return self.request.url.replace("=", "/").rpartition("/")[2]


@dataclasses.dataclass(frozen=True)
class Reply:
    """What comes of a call.

    Attributes:
        what: The answer, or the error that is raised.
        after: Seconds from the first byte to the answer.
        connect: Seconds before the first byte leaves.
    """

    what: Response | SmsBatError
    after: float = 0.0
    connect: float = 0.0


Plan = Callable[[Call], Reply | Response | SmsBatError]


class FakeTransport:
    """Answers by a plan: a function of the call, or a list used up in turn whose last stands for the rest.

    Attributes:
        calls: Every attempt, in order.
        in_flight: How many there are now.
        peak: The most that ever were at once.
        closed: How often it was closed.
    """

    def __init__(self, plan: Plan | Iterable[Reply | Response | SmsBatError]) -> None:
        if callable(plan):
            self._plan: Plan = plan
        else:
            rest = list(plan)
            self._plan = lambda _call: rest.pop(0) if len(rest) > 1 else rest[0]
        self.calls: list[Call] = []
        self.in_flight = 0
        self.peak = 0
        self.closed = 0

    @property
    def times(self) -> list[float]:
        """When each attempt came."""
        return [call.at for call in self.calls]

    @property
    def ids(self) -> list[str]:
        """The id of each status request."""
        return [call.message_id for call in self.calls]

    def times_of(self, message_id: str) -> list[float]:
        """When each status request for one id came."""
        return [call.at for call in self.calls if call.message_id == message_id]

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        """Make one attempt, with the same marks on it as a real one."""
        call = Call(asyncio.get_running_loop().time(), request, timeout)
        self.calls.append(call)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        attempt.started = request.body is None
        try:
            async with asyncio.timeout(timeout):
                return await self._answer(call, attempt)
        except TimeoutError:
            pass
        finally:
            self.in_flight -= 1
        if attempt.started:
            raise TransportError("TimeoutError", kind="timeout")
        raise NotSentError("TimeoutError", kind="connect_timeout")

    async def _answer(self, call: Call, attempt: Attempt) -> Response:
        planned = self._plan(call)
        reply = planned if isinstance(planned, Reply) else Reply(planned)
        if reply.connect:
            await _sleep(reply.connect)
        attempt.started = not isinstance(reply.what, NotSentError)
        await _sleep(reply.after)
        if isinstance(reply.what, SmsBatError):
            raise reply.what
        return reply.what

    async def aclose(self) -> None:
        """Note that somebody closed it."""
        self.closed += 1


async def _sleep(seconds: float) -> None:
    if math.isinf(seconds):
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(seconds)


def http(status: int, body: Any = None, **headers: str) -> Response:
    """Return an answer, with a JSON body unless it is bytes, and `_` for `-` in the names of headers."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(
        status, LowerHeaders({name.replace("_", "-"): text for name, text in headers.items()}), raw
    )


def status(word: str = "delivered", **fields: Any) -> Response:
    """Return SMSBAT's answer to a status request."""
    return http(200, {"deliverystatus": word, **fields})


def zns(number: int) -> Response:
    """Return Goby's answer to a status request."""
    return http(200, {"error": 0, "data": {"status": number}})


def zns_error(code: int) -> Response:
    """Return Goby's envelope with an error in it."""
    return http(200, {"error": code, "message": "no"})


def too_many(retry_after: str | None = None) -> Response:
    """Return a 429."""
    return http(429) if retry_after is None else http(429, retry_after=retry_after)


def accepted(call: Call) -> Response:
    """Return SMSBAT's answer to a send: an id for each message."""
    body = call.request.body
    assert body is not None
    return http(200, [{"messageId": f"m-{row['id']}", "trackinId": row["id"]} for row in json.loads(body)])


def refused() -> NotSentError:
    """Return the error of a connection that could not be made."""
    return NotSentError("ConnectionRefusedError (errno 111)", kind="connect")


def dropped() -> TransportError:
    """Return the error of a connection that broke after the request had left."""
    return TransportError("ServerDisconnectedError", kind="disconnected")


HANG = Reply(http(200), after=math.inf)
"""Nothing ever comes."""

NO_CONNECTION = Reply(http(200), connect=math.inf)
"""Not even the first byte ever leaves."""


def client_of(transport: FakeTransport, *, pool: SessionPool | None = None, **options: Any) -> SmsBatClient:
    """Return a client on a fake transport, without limits unless they are given."""
    options.setdefault("limits", FREE)
    options.setdefault("api_key", "key-1")
    return SmsBatClient(pool=pool or SessionPool(transport=transport), **options)


def most_in_one_second(times: Iterable[float]) -> int:
    """Return the most of some times that lie in any one second, both its ends counted."""
    ordered = sorted(times)
    most = first = 0
    for last, time in enumerate(ordered):
        while time - ordered[first] > 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


class Heard:
    """A hook that remembers every event."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, event: object) -> None:
        self.events.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the events of one class."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def names(self) -> Counter[str]:
        """How many events of each class there were."""
        return Counter(type(event).__name__ for event in self.events)
