"""Messages, what vendors answer to them, a vendor without a socket, and a hook that remembers."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from smsbat_async import (
    Attempt,
    CascadeMessage,
    ChunkSent,
    Limits,
    MessageType,
    Request,
    Response,
    SendOutcome,
    SendResult,
    SessionPool,
    SmsBatClient,
    ZnsClient,
)
from smsbat_async.http import LowerHeaders
from tests.support.recorded import Recorded
from tests.support.server import ScriptedServer
from tests.support.steps import Step, json_answer

KEY = "key-of-the-tests"
UNLIMITED = Limits(status=None, send=None)

E = TypeVar("E")


def message(number: int, **changes: Any) -> CascadeMessage:
    """Make a message whose id and phone number are told by a number."""
    fields: dict[str, Any] = {
        "id": f"m-{number}",
        "from_name": "Shop",
        "to_phone": f"+38050{number:07}",
        "message_type": MessageType.TRANSACTION,
        "text": "Ready",
        **changes,
    }
    return CascadeMessage(**fields)


def messages(count: int, *, first: int = 0) -> list[CascadeMessage]:
    """Make some messages."""
    return [message(number) for number in range(first, first + count)]


def row(tracking_id: str) -> dict[str, str]:
    """Give the vendor's word that it took a message."""
    return {"messageId": f"v-{tracking_id}", "trackinId": tracking_id}


def ids_in(body: bytes | None) -> list[str]:
    """Give the ids of the messages in a request, in their order."""
    assert body is not None
    return [item["id"] for item in json.loads(body)]


def accept(request: Recorded) -> Step:
    """Take every message of a request."""
    return json_answer([row(tracking_id) for tracking_id in ids_in(request.body)])


def status_answer(word: str, message_id: str = "v-1") -> Step:
    """Say where a message is."""
    return json_answer({"messageId": message_id, "deliverystatus": word})


def vendor_script(request: Recorded) -> Step:
    """Take every message, and call every message and notification delivered."""
    if request.method == "POST":
        return accept(request)
    if "?message_id=" in request.target:
        return json_answer({"error": 0, "message": "Success", "data": {"status": 1}})
    found = re.search(r"/(v-\d+)", request.path)
    assert found is not None
    return status_answer("delivered", found[1])


def client_of(server: ScriptedServer, **options: Any) -> SmsBatClient:
    """Make a client of a scripted server, with no limits unless they are given."""
    return SmsBatClient(**{"api_key": KEY, "base_url": server.url, "limits": UNLIMITED, **options})


def zns_of(server: ScriptedServer, **options: Any) -> ZnsClient:
    """Make a ZNS client of a scripted server, with no limits unless they are given."""
    return ZnsClient(**{"api_key": KEY, "base_url": server.url, "limits": UNLIMITED, **options})


def outcomes(results: Iterable[SendResult]) -> list[str]:
    """Give the outcomes of some results as words."""
    return [str(result.outcome) for result in results]


class Log:
    """A hook that remembers every event."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def __call__(self, event: object) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """Give the events of one type."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def told(self) -> list[tuple[str, SendOutcome]]:
        """Every outcome that was told, by its message's id."""
        return [
            (result.message.id, result.outcome) for chunk in self.of(ChunkSent) for result in chunk.results
        ]

    @property
    def counted(self) -> Counter[SendOutcome]:
        """How many messages were told to have come to which outcome."""
        return Counter(outcome for _, outcome in self.told)


def once_each(log: Log, count: int) -> bool:
    """Tell whether the hooks heard of the messages 0 to count - 1 exactly once each, and of no other."""
    return Counter(tracking_id for tracking_id, _ in log.told) == {
        f"m-{number}": 1 for number in range(count)
    }


class Vendor:
    """A transport that answers by itself: for what would take too long, or too exact a moment, over sockets.

    Args:
        judge: Gives the HTTP status and the JSON that answer a request with these ids.
        wait: Awaited while the request is on the wire, if given.

    Attributes:
        requests: The ids of every request that has left, in their order.
    """

    def __init__(
        self,
        judge: Callable[[list[str]], tuple[int, Any]] | None = None,
        *,
        wait: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.requests: list[list[str]] = []
        self.in_flight = 0
        self.peak = 0
        self._judge = judge
        self._wait = wait

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        attempt.started = False
        await asyncio.sleep(0)  # the connection
        attempt.started = True
        ids = ids_in(request.body)
        self.requests.append(ids)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await (asyncio.sleep(0) if self._wait is None else self._wait())
        finally:
            self.in_flight -= 1
        status, answer = (200, [row(each) for each in ids]) if self._judge is None else self._judge(ids)
        return Response(status, LowerHeaders(), json.dumps(answer).encode())

    async def aclose(self) -> None:
        pass


def vendor_client(vendor: Vendor, **options: Any) -> SmsBatClient:
    """Make a client of a vendor without a socket, with no limits; its pool holds nothing to close."""
    pool = SessionPool(transport=vendor)
    return SmsBatClient(
        **{"api_key": KEY, "base_url": "https://vendor.test", "limits": UNLIMITED, "pool": pool, **options}
    )
