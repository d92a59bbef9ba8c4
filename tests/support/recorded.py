"""Recorded: one request as the server saw it."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One request as the server saw it.

    Attributes:
        index: 0 for the first request that began at this server.
        connection: 1 for the first connection of this server.
        at: The loop's time in seconds when the request was complete, or when it was given up.
        complete: False when it was answered, or abandoned, before its body was there.
    """

    index: int
    connection: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    complete: bool = True

    def header(self, name: str) -> str | None:
        """Give the first value of a header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]
