"""Keeper: has events stored before they are answered for, many at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Generic

from smsbat_async.cancelling import ends_the_task
from smsbat_async.statuses import S
from smsbat_async.vendors.webhook import WebhookEvent
from smsbat_async.webhooks.callbacks import end, where

logger = logging.getLogger("smsbat_async.webhooks")

AT_A_TIME = 1_000
"""How many events are stored at a time."""

Store = Callable[[Sequence[WebhookEvent[S]]], Awaitable[Any]]
"""Keeps events for good, all or none; the vendor is told to send them again where it raises."""


class Keeper(Generic[S]):
    """Has events stored. While some are being written, others gather for the next write.

    Args:
        store: What stores them.
        timeout: How long it may take, in seconds.

    Attributes:
        pending: How many events wait for the end of their write.
        failures: How many writes failed.
    """

    def __init__(self, store: Store[S], timeout: float) -> None:
        self._store = store
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Lock()
        self._gathering: _Write[S] | None = None
        self._writing: set[asyncio.Task[None]] = set()
        self.pending = 0
        self.failures = 0

    async def keep(self, event: WebhookEvent[S]) -> bool:
        """Return whether an event was stored."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # nothing that an earlier one has left behind will ever end
            self._loop, self._turn, self._gathering, self._writing = loop, asyncio.Lock(), None, set()
        write = self._gathering
        if write is None or not write.takes_more:
            write = self._gathering = _Write[S]()
        kept: asyncio.Future[bool] = loop.create_future()
        write.events.append(event)
        write.kept.append(kept)
        if write.task is None:
            # An empty context: a write is for many requests.
            write.task = loop.create_task(self._write(write), context=Context())
            self._writing.add(write.task)
            write.task.add_done_callback(write.answer)
            write.task.add_done_callback(self._writing.discard)
        self.pending += 1
        try:
            return await kept
        finally:
            self.pending -= 1

    async def _write(self, write: "_Write[S]") -> None:
        async with self._turn:
            write.is_gathering = False
            write.stored = await self._stored(write.events)

    async def _stored(self, events: list[WebhookEvent[S]]) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                await self._store(events)
        except BaseException as error:  # the vendor is told to send them again
            if ends_the_task(error):
                raise
            self.failures += 1
            logger.error("%d events could not be stored: %s", len(events), where(error))  # noqa: TRY400
            return False
        return True

    async def aclose(self) -> None:
        """Wait until what is being written is, or has had its time, and whoever waits for it has gone on."""
        if self._loop is not asyncio.get_running_loop():
            return
        if self._writing:
            await asyncio.wait(self._writing, timeout=self._timeout * len(self._writing))
        await end(self._writing)
        await asyncio.sleep(0)  # they are answered, and their turn is before this one


class _Write(Generic[S]):
    """Events that are stored together: as many as come before its turn."""

    def __init__(self) -> None:
        self.events: list[WebhookEvent[S]] = []
        self.kept: list[asyncio.Future[bool]] = []
        self.task: asyncio.Task[None] | None = None
        self.is_gathering = True
        self.stored = False

    @property
    def takes_more(self) -> bool:
        is_over = self.task is not None and self.task.done()  # also before its turn, if it was cancelled
        return self.is_gathering and not is_over and len(self.events) < AT_A_TIME

    def answer(self, _: asyncio.Task[None]) -> None:
        """Tell all that wait, however the task has ended: nobody may wait for ever."""
        for kept in self.kept:
            if not kept.done():
                kept.set_result(self.stored)
