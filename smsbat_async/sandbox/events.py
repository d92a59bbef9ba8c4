"""Server-sent events: the page's live view of the messages."""

import asyncio
from typing import Final

from aiohttp import web
from msgspec import Struct

from smsbat_async.sandbox.agenda import Agenda
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.feed import Feed, Subscription
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.summaries import Summary, Totals, summarise, total_up
from smsbat_async.sandbox.timeline import Timeline
from smsbat_async.sandbox.wire import encode

_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
# How soon a reader that went, or the end, is noticed: sooner than the server stops waiting for its answers.
_TICK_SECONDS: Final = 0.05
_MERGED_TICKS: Final = 2
_QUIET_SECONDS: Final = 15.0


class Changed(Struct, frozen=True):
    """What changed: the numbers, and some of the messages; `more` says that others changed too."""

    revision: int
    total: int
    counts: dict[str, int]
    cost: str
    currency: str
    messages: list[Summary]
    more: bool


class Events:
    """Writes changes to whoever asked for them, at most ten times a second.

    Args:
        clock: The time.
        agenda: Kept running while somebody reads.
        timeline: Where the numbers are.
        feed: Where the changes come from.
        currency: What costs are in.
    """

    def __init__(
        self, *, clock: Clock, agenda: Agenda, timeline: Timeline, feed: Feed, currency: str
    ) -> None:
        self._clock = clock
        self._agenda = agenda
        self._timeline = timeline
        self._feed = feed
        self._currency = currency

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /_sandbox/events` until the reader goes or the sandbox is left.

        Args:
            request: The request.

        Returns:
            The answer, all written.
        """
        response = web.StreamResponse(headers=_HEADERS)
        self._agenda.keep()
        subscription = self._feed.subscribe()
        try:
            await self._timeline.catch_up()
            await response.prepare(request)
            await self._write(request, response, subscription)
        except ConnectionError:
            pass  # The reader has gone in the middle of an event.
        finally:
            self._feed.unsubscribe(subscription)
            self._agenda.release()
        return response

    async def _write(
        self, request: web.Request, response: web.StreamResponse, subscription: Subscription
    ) -> None:
        subscription.take()
        await response.write(_event("hello", total_up(self._timeline, self._currency)))
        quiet = 0.0
        # The transport is gone once the reader is.
        while not subscription.is_closed and request.transport is not None:
            try:
                async with asyncio.timeout(_TICK_SECONDS):
                    await subscription.news.wait()
            except TimeoutError:
                quiet += _TICK_SECONDS
                if quiet >= _QUIET_SECONDS:
                    await response.write(b": still here\n\n")
                    quiet = 0.0
                continue
            quiet = 0.0
            cleared, messages, more = subscription.take()
            if cleared:
                await response.write(_event("cleared", total_up(self._timeline, self._currency)))
            if messages or more:
                await response.write(_event("changed", self._describe(messages, more)))
            # What changes meanwhile is merged into the next event.
            for _ in range(_MERGED_TICKS):
                if not subscription.is_closed:
                    await asyncio.sleep(_TICK_SECONDS)

    def _describe(self, messages: list[Message], more: bool) -> Changed:
        totals = total_up(self._timeline, self._currency)
        summaries = [summarise(message, self._clock, self._currency) for message in messages]
        return Changed(
            totals.revision, totals.total, totals.counts, totals.cost, totals.currency, summaries, more
        )


def _event(name: str, data: Totals | Changed) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (data.revision, name.encode(), encode(data))
