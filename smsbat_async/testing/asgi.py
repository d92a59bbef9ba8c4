"""AsgiEndpoint: a path of an ASGI application, such as FastAPI's, as a place for webhooks."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from smsbat_async.errors import ConfigurationError

Event = MutableMapping[str, Any]
AsgiApp = Callable[
    [Event, Callable[[], Awaitable[Event]], Callable[[Event], Awaitable[None]]], Awaitable[None]
]


class AsgiEndpoint:
    """Hands webhooks to an ASGI application in memory, for `FakeVendors.send_webhooks`.

    The application is called on the loop that sends webhooks, which is the one that its client sends from.
    Its lifespan is not this object's business.

    Args:
        app: The application.
        path: Where it takes webhooks.

    Raises:
        ConfigurationError: If the path does not begin with a slash.
    """

    def __init__(self, app: AsgiApp, path: str) -> None:
        if not path.startswith("/"):
            raise ConfigurationError("path must begin with a slash")
        self._app = app
        self._path = path

    async def __call__(self, headers: Mapping[str, str], body: bytes) -> int:
        """Send one webhook.

        Args:
            headers: Name to value.
            body: JSON.

        Returns:
            The HTTP status of the answer; 500 where there is none.
        """
        status = 500
        events: list[Event] = [
            {"type": "http.request", "body": body, "more_body": False},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Event:
            return events.pop(0) if len(events) > 1 else events[0]

        async def send(event: Event) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]

        await self._app(self._scope(headers, len(body)), receive, send)
        return status

    def _scope(self, headers: Mapping[str, str], length: int) -> Event:
        named = {"Host": "testserver", "Content-Length": str(length), **headers}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 0),
            "server": ("testserver", 80),
            "state": {},
        }
