"""Steps: what a scripted server does with a request, small pieces that combine."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.support.http1 import JSON, Headers, response
from tests.support.link import Link


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a server does with a request.

    Attributes:
        name: How failures call it.
        run: What it does; afterwards the connection serves its next request unless it was closed.
        early: Whether it runs as soon as the headers are there, with the body unread.
    """

    name: str
    run: Callable[[Link], Awaitable[None]]
    early: bool = False

    def __repr__(self) -> str:
        return self.name


def answer(
    status: int = 200,
    body: bytes | str = b"",
    *,
    headers: Headers = (),
    content_type: str | None = JSON,
    reason: str | None = None,
) -> Step:
    """Answer properly, and keep the connection for the next request."""
    data = response(status, body, headers, content_type=content_type, reason=reason)
    return replace(raw(data), name=f"answer({status})")


def json_answer(obj: Any, status: int = 200, *, headers: Headers = ()) -> Step:
    """Answer with an object as JSON."""
    return answer(status, json.dumps(obj), headers=headers)


def raw(data: bytes) -> Step:
    """Send exactly these bytes."""

    async def run(link: Link) -> None:
        await link.write(data)

    return Step(f"raw({data[:40]!r})", run)


def drip(data: bytes, *, every: float = 0.05, size: int = 1) -> Step:
    """Send bytes slowly: `size` of them at once, then again after `every` seconds."""

    async def run(link: Link) -> None:
        for start in range(0, len(data), size):
            if start:
                await asyncio.sleep(every)
            await link.write(data[start : start + size])

    return Step(f"drip({len(data)} bytes)", run)


def close() -> Step:
    """End the connection with FIN."""
    return Step("close()", Link.close)


def finish() -> Step:
    """Send FIN, and go on reading until the client ends the connection (plain HTTP only)."""

    async def run(link: Link) -> None:
        await link.finish()
        await link.discard()
        await link.close()

    return Step("finish()", run)


def reset() -> Step:
    """End the connection with RST."""
    return Step("reset()", Link.reset)


def hang() -> Step:
    """Do nothing until the client gives up."""
    return Step("hang()", Link.discard)


def pause(seconds: float) -> Step:
    """Do nothing for a while."""

    async def run(_link: Link) -> None:
        await asyncio.sleep(seconds)

    return Step(f"pause({seconds:g})", run)


def hold(gate: asyncio.Event) -> Step:
    """Do nothing until the test opens the gate."""

    async def run(_link: Link) -> None:
        await gate.wait()

    return Step("hold()", run)


def then(*steps: Step) -> Step:
    """Do one step after the other, all for the same request."""

    async def run(link: Link) -> None:
        for step in steps:
            await step.run(link)

    return Step(f"then{steps!r}", run, early=any(step.early for step in steps))


def delay(seconds: float, step: Step) -> Step:
    """Do a step after a while."""
    return then(pause(seconds), step)


def early(step: Step) -> Step:
    """Do a step as soon as the headers are there, read the body away, and end the connection.

    This is what servers do with an upload that they refuse. To cut the connection with the body
    unread, let the step end it: `early(then(answer(413), reset()))`.
    """

    async def run(link: Link) -> None:
        await step.run(link)
        if not link.closing:
            await link.discard()
            await link.close()

    return Step(f"early({step!r})", run, early=True)
