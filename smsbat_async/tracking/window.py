"""The ids of one `deliveries()` stream that are being tracked at a time."""

import asyncio
import itertools
from collections.abc import AsyncIterable, Iterable
from typing import Generic

from smsbat_async.calls import Scope
from smsbat_async.cancelling import ends_the_task
from smsbat_async.channel import Channel
from smsbat_async.crew import Crew, Job
from smsbat_async.errors import BadRequestError, ClientClosedError, InvalidMessageError, SmsBatError
from smsbat_async.policies import PollPolicy
from smsbat_async.sources import End, Source
from smsbat_async.statuses import Delivery, Outcome, S
from smsbat_async.streams import ResultStream
from smsbat_async.tracking.poller import DeliveryPoller

AT_A_TIME = 100
"""How many ids are admitted before the event loop gets its turn."""


class Window(Generic[S]):
    """Admits ids while fewer than so many are being tracked or wait for their reader.

    Args:
        poller: Who tracks them.
        message_ids: The ids.
        timeout: For how long each is tracked, in seconds, from its own admission.
        size: How many ids at a time.
        policy: When to ask.
        scope: The call that it is, which begins when the stream is first read.
    """

    def __init__(
        self,
        poller: DeliveryPoller[S],
        message_ids: Iterable[str] | AsyncIterable[str],
        timeout: float,
        size: int,
        policy: PollPolicy,
        scope: Scope,
    ) -> None:
        self._poller = poller
        self._source = Source(message_ids, "message_ids")
        self._timeout = timeout
        self._size = size
        self._policy = policy
        self.scope = scope
        self._tracked = 0
        self._over = False
        self._channel: Channel[Delivery[S]] = Channel(size)

    def stream(self, crew: Crew) -> ResultStream[Delivery[S]]:
        """Return the ends as they come."""

        def begin() -> tuple[Job, Channel[Delivery[S]]]:
            job = Job(self._feed, 1, self._channel, self.scope)
            crew.launch(job)
            return job, self._channel

        return ResultStream(begin, scope=self.scope)

    def resolve(self, delivery: Delivery[S]) -> None:
        """Take the end of one id."""
        if self._over:
            return
        self._tracked -= 1
        self._channel.put_nowait(delivery)
        if not self._tracked:
            self._channel.nudge()

    def fail(self, error: SmsBatError, delivery: Delivery[S]) -> None:
        """Take why one id cannot be followed: that is its end, unless it concerns all ids."""
        if isinstance(error, BadRequestError | InvalidMessageError):
            self.resolve(delivery)
        else:
            self._tracked -= 1
            self._channel.fail(error)

    async def _feed(self) -> None:
        channel = self._channel
        try:
            await self._admit_all()
            while self._tracked and not channel.stopped:
                await channel.changed()
        except BaseException as error:  # the user's own iterable may raise anything
            if ends_the_task(error):
                raise
            # What is being tracked goes on to its end before the reader hears of it.
            channel.keep(error)
            while self._tracked and not channel.stopped:
                await channel.changed()
        finally:
            self._over = True
            if self._tracked:
                self._poller.forget_all(self)

    async def _admit_all(self) -> None:
        channel = self._channel
        loop = asyncio.get_running_loop()
        for admitted in itertools.count(1):
            while self._tracked + len(channel) >= self._size and not channel.stopped:
                await channel.changed()
            if channel.stopped:
                return
            message_id = await self._source.take(channel)
            if isinstance(message_id, End):
                return
            self._admit(message_id, loop)
            if admitted % AT_A_TIME == 0:
                await asyncio.sleep(0)

    def _admit(self, message_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self._tracked += 1
        try:
            self._poller.admit(message_id, self, self._timeout, self._policy, loop)
        except InvalidMessageError as error:
            self.resolve(Delivery(message_id=message_id, outcome=Outcome.FAILED, last_error=error))
        except ClientClosedError:
            self._tracked -= 1
            raise
