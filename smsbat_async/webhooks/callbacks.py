"""Callbacks: runs what the user wants to do with events, in the background and never without bound."""

import asyncio
import inspect
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextvars import Context
from typing import Any, Generic

from smsbat_async.cancelling import ends_the_task
from smsbat_async.statuses import S
from smsbat_async.vendors.webhook import WebhookEvent

logger = logging.getLogger("smsbat_async.webhooks")

NAMED = 20
"""How many events that were given up are named in the log."""

CANCEL_AGAIN = (1.0, *[0.1] * 10)
"""After how many seconds what a user wrote is cancelled again if it goes on; first it may be tidying up."""

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
        # The workers, each with what it does; more of them than events only for a moment.
        self._running: dict[asyncio.Task[None], WebhookEvent[S] | None] = {}
        self._given_up: list[str] = []
        self.failures = 0

    @property
    def dropped(self) -> int:
        """How many were given up when it was closed."""
        return len(self._given_up)

    @property
    def pending(self) -> int:
        """How many wait or are running."""
        return len(self._waiting) + len(self._running)

    @property
    def is_full(self) -> bool:
        """Whether no more should be taken."""
        return len(self._waiting) >= self._backlog

    @property
    def is_current(self) -> bool:
        """Whether it is a callback that asks."""
        return asyncio.current_task() in self._running

    def submit(self, event: WebhookEvent[S]) -> None:
        """Run the callback for an event as soon as it is its turn."""
        self._waiting.append(event)
        if len(self._running) < self._concurrency:
            # Not at once, and in an empty context: a callback is no part of the request that brings the
            # event, also where the loop begins every task at once.
            asyncio.get_running_loop().call_soon(self._start, context=Context())

    def _start(self) -> None:
        for _ in range(min(len(self._waiting), self._concurrency)):
            if len(self._running) >= self._concurrency:
                return
            task = asyncio.get_running_loop().create_task(self._work())
            self._running.setdefault(task, None)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        event = self._running.pop(task)
        if task.cancelled():  # perhaps since the program ends: nothing more is begun
            if event is not None:
                self._given_up.append(_of(event))
        elif task.exception() is None:
            self._start()  # what was submitted since it looked for more

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        while self._waiting:
            event = self._running[task] = self._waiting.popleft()
            await self._run(event)
        self._running[task] = None

    async def _run(self, event: WebhookEvent[S]) -> None:
        try:
            result = self._on_event(event)
            if inspect.isawaitable(result):
                await result
        except BaseException as error:  # one bad callback must not stop the others
            if ends_the_task(error):
                raise
            self.failures += 1
            logger.error("the callback raised %s on %s", where(error), _of(event))  # noqa: TRY400

    async def aclose(self, grace: float) -> None:
        """Let what waits be done, and give up the rest.

        Args:
            grace: For how long, in seconds.
        """
        try:
            Context().run(self._start)
            async with asyncio.timeout(grace):
                while self._running:
                    await asyncio.wait(self._running)
        except TimeoutError:
            pass
        finally:  # also where the program is being ended
            self._given_up += [_of(event) for event in self._waiting]
            self._waiting.clear()
            await end(self._running)
            self._tell("closed with %d callbacks not done, among them: %s", self._given_up)
            running = [_of(event) for event in self._running.values() if event is not None]
            self._tell("closed with %d callbacks that go on although cancelled, among them: %s", running)

    def _tell(self, text: str, names: list[str]) -> None:
        if names:
            logger.error(text, len(names), ", ".join(names[:NAMED]))


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and again for a while: what a user wrote may answer with another error, or go on.

    Args:
        tasks: Those that run: each is taken out when it has ended.
    """
    for seconds in CANCEL_AGAIN:
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=seconds)
        await asyncio.sleep(0)  # so that those that have ended are taken out


def where(error: BaseException) -> str:
    """Return what was raised and in which line, but not its text, which may quote a phone number."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].filename}, line {frames[-1].lineno}"


def _of(event: WebhookEvent[Any]) -> str:
    return event.name if event.status is None else f"{event.name} of {event.status.message_id}"
