"""Keeper: has events stored before they are answered for, many at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Generic

from smsbat_async.cancelling import is_cancellation
from smsbat_async.statuses import S
from smsbat_async.vendors.webhook import WebhookEvent
from smsbat_async.webhooks.callbacks import where

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
        failures: How many writes failed.
    """

    def __init__(self, store: Store[S], timeout: float) -> None:
        self._store = store
        self._timeout = timeout
        self._waiting: list[tuple[WebhookEvent[S], asyncio.Future[bool]]] = []
        self._writer: asyncio.Task[None] | None = None
        self.failures = 0

    async def keep(self, event: WebhookEvent[S]) -> bool:
        """Return whether an event was stored."""
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((event, kept))
        if self._writer is None:
            # An empty context: a write is for many requests.
            self._writer = loop.create_task(self._write(), context=Context())
        return await kept

    async def _write(self) -> None:
        try:
            while self._waiting:
                some, self._waiting = self._waiting[:AT_A_TIME], self._waiting[AT_A_TIME:]
                done = False
                try:
                    done = await self._stored([event for event, _ in some])
                finally:  # also where the program is being stopped: nobody may wait for ever
                    for _, kept in some:
                        if not kept.done():
                            kept.set_result(done)
        finally:
            self._writer = None

    async def _stored(self, events: list[WebhookEvent[S]]) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                await self._store(events)
        except (Exception, asyncio.CancelledError) as error:
            # The vendor is told to send them again.
            if is_cancellation(error):
                raise
            self.failures += 1
            logger.error("%d events could not be stored: %s", len(events), where(error))  # noqa: TRY400
            return False
        return True

    async def aclose(self) -> None:
        """Wait until what is being written is."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
