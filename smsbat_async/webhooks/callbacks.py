"""Callbacks: runs what the user wants to do with events, in the background and never without bound."""

import asyncio
import inspect
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, Generic

from smsbat_async.cancelling import is_cancellation
from smsbat_async.statuses import S
from smsbat_async.vendors.webhook import WebhookEvent

logger = logging.getLogger("smsbat_async.webhooks")

NAMED = 20
"""How many events that were given up are named in the log."""

OnEvent = Callable[[WebhookEvent[S]], Awaitable[Any] | None]
"""What a user does with an event: a coroutine function, or a function that does not block."""


class Callbacks(Generic[S]):
    """Runs a callback for each event, first come first served, several at a time.

    Args:
        on_event: The callback.
        concurrency: How many run at a time.
        backlog: How many may wait.

    Attributes:
        failures: How many raised.
    """

    def __init__(self, on_event: OnEvent[S], *, concurrency: int, backlog: int) -> None:
        self._on_event = on_event
        self._concurrency = concurrency
        self._backlog = backlog
        self._waiting: deque[WebhookEvent[S]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._given_up: list[str] = []
        self.failures = 0

    @property
    def dropped(self) -> int:
        """How many were given up when it was closed."""
        return len(self._given_up)

    @property
    def pending(self) -> int:
        """How many wait or are running."""
        return len(self._waiting) + len(self._workers)

    @property
    def is_full(self) -> bool:
        """Whether no more should be taken."""
        return len(self._waiting) >= self._backlog

    def submit(self, event: WebhookEvent[S]) -> None:
        """Run the callback for an event as soon as it is its turn."""
        self._waiting.append(event)
        if len(self._workers) < self._concurrency:
            # An empty context: a callback is no part of the request that happened to start the worker.
            worker = asyncio.get_running_loop().create_task(self._work(), context=Context())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        try:
            await self._run_all()
        finally:
            # At once: until the task calls back it would look busy, and what is submitted then would wait.
            task = asyncio.current_task()
            assert task is not None
            self._workers.discard(task)

    async def _run_all(self) -> None:
        while self._waiting:
            event = self._waiting.popleft()
            try:
                result = self._on_event(event)
                if inspect.isawaitable(result):
                    await result
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                raise
            except BaseException as error:  # one bad callback must not stop the others
                if is_cancellation(error):
                    self._given_up.append(_of(event))
                    raise
                self.failures += 1
                logger.error("the callback raised %s on %s", where(error), _of(event))  # noqa: TRY400

    async def aclose(self, grace: float) -> None:
        """Let what waits be done, and give up the rest.

        Args:
            grace: For how long, in seconds.
        """
        if self._workers:
            await asyncio.wait(self._workers, timeout=grace)
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(self._workers)
        self._given_up += [_of(event) for event in self._waiting]
        self._waiting.clear()
        if self._given_up:
            named = ", ".join(self._given_up[:NAMED])
            logger.error("closed with %d callbacks not done, among them: %s", self.dropped, named)


def where(error: BaseException) -> str:
    """Return what was raised and in which line, but not its text, which may quote a phone number."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].filename}, line {frames[-1].lineno}"


def _of(event: WebhookEvent[Any]) -> str:
    return event.name if event.status is None else f"{event.name} of {event.status.message_id}"
