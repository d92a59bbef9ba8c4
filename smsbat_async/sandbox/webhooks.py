"""Tells of changes by webhook, with everything that goes wrong with webhooks."""

import asyncio
import logging
import math
import random
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from smsbat_async.sandbox.agenda import Agenda
from smsbat_async.sandbox.attempts import UnansweredError, WebhookAttempt
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.messages import DELIVERED, PROCESSING, SCHEDULED, Message
from smsbat_async.sandbox.notices import Notice, smsbat_notice, zns_notice

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""Sends a webhook to a URL with headers and a body, and returns the HTTP status of the answer."""

Watch = Callable[[WebhookAttempt], None]
"""Hears of every attempt to send a webhook; it is quick, and what it raises is logged."""

logger = logging.getLogger("smsbat_async.sandbox")

_MOST_IN_FLIGHT: Final = 64
_TIMEOUT_SECONDS: Final = 5.0


@dataclass(slots=True)
class WebhookStats:
    """What became of the webhooks.

    Args:
        tried: Requests made, those of retries included.
        retried: Requests made after the first of a webhook.
        accepted: Webhooks answered 2xx.
        given_up: Webhooks of which no request was answered 2xx, and which are not sent again.
        lost: Webhooks never sent, on purpose.
        overflowed: Webhooks never sent, since too many were waiting.
        waiting: Webhooks not answered 2xx yet: those that wait for their time or for a retry, and those in
            flight.
    """

    tried: int = 0
    retried: int = 0
    accepted: int = 0
    given_up: int = 0
    lost: int = 0
    overflowed: int = 0
    waiting: int = 0


@dataclass(slots=True, eq=False)
class _Job:
    message: Message
    status: str
    moment: float
    generation: int
    attempts: int = 0
    notice: Notice | None = None
    # Where the attempt went; None if there was nowhere to go, or it was broken off.
    url: str | None = None
    # Held back until this one was sent.
    overtaken: "list[_Job]" = field(default_factory=list["_Job"])


class Webhooks:
    """Sends a webhook for each change that its vendor tells of.

    Webhooks of one message are sent one after another, in the order in which it changed; those of
    different messages at the same time, up to a bound. What is drawn for one depends on the seed, the
    tracking id and the status alone.

    Args:
        config: Which changes, when, and what goes wrong.
        rng: Where the randomness starts.
        clock: The time.
        agenda: Where waiting webhooks are put; kept running while there is a URL.
        post: Sends one.
        touched: Is told of every message that a webhook was sent for.
        watch: Hears of every attempt that was not broken off by `aclose`; None for nobody.
    """

    def __init__(
        self,
        config: SandboxConfig,
        *,
        rng: random.Random,
        clock: Clock,
        agenda: Agenda,
        post: Post,
        touched: Callable[[Message], None],
        watch: Watch | None = None,
    ) -> None:
        self._config = config
        self._salt = rng.getrandbits(64)
        self._rng = random.Random()
        self._clock = clock
        self._agenda = agenda
        self._post = post
        self._touched = touched
        self._watch = watch
        self._urls: dict[str, str | None] = {"smsbat": None, "zns": None}
        self._is_keeping = False
        self._is_stopped = False
        # The loop that was found to be ending; another one may come after it.
        self._ended: asyncio.AbstractEventLoop | None = None
        self._generation = 0
        self._held: dict[str, list[_Job]] = {}
        self._ready: deque[_Job] = deque()
        # Messages with a webhook that is ready or in flight, and the webhooks that wait for it.
        self._lines: dict[str, deque[_Job]] = {}
        self._tasks: dict[asyncio.Task[int | None], _Job] = {}
        self.stats = WebhookStats()

    @property
    def smsbat_url(self) -> str | None:
        """Where SMSBAT's webhooks are sent; None sends none."""
        return self._urls["smsbat"]

    @property
    def zns_url(self) -> str | None:
        """Where ZNS's webhooks are sent; None sends none."""
        return self._urls["zns"]

    def send_to(self, *, smsbat_url: str | None, zns_url: str | None) -> None:
        """Say where webhooks are sent from now on; those that wait go there too.

        Args:
            smsbat_url: Where SMSBAT's; None sends none, and gives up those that wait when their time comes.
            zns_url: The same for ZNS's.
        """
        self._urls = {"smsbat": smsbat_url, "zns": zns_url}
        self._keep_or_release()

    def changed(self, message: Message, moment: float, status: str | None) -> None:
        """Hear of a change of a message.

        Args:
            message: It.
            moment: When, in seconds of the sandbox's clock.
            status: Its new status; None if that is still the same.
        """
        if status is not None and self._tells(message, status):
            self._tell(message, moment, status)
        if (status is not None or message.decided) and message.next_change(moment) == math.inf:
            # There may have been no webhook about the last change, and none comes after it.
            self._let_go(message, moment)

    def forgotten(self, message: Message) -> None:
        """Hear of a message that was dropped: what it is owed is sent all the same.

        Args:
            message: It.
        """
        self._let_go(message, self._clock.now())

    def cleared(self) -> None:
        """Hear that all messages were dropped: nothing is sent for them any more."""
        self._generation += 1
        self._held.clear()
        self._ready.clear()
        self._lines.clear()
        self.stats.waiting = len(self._tasks)
        self._keep_or_release()

    def start(self) -> None:
        """Go on after `aclose`."""
        self._is_stopped = False
        self._ended = None
        self._pump()

    async def aclose(self) -> None:
        """Break off what is in flight, which counts as a failed attempt, and send nothing until `start`."""
        self._is_stopped = True
        self._give_up_left()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep_or_release(self) -> None:
        keeps = any(self._urls.values()) or self.stats.waiting > 0
        if keeps and not self._is_keeping:
            self._agenda.keep()
        elif self._is_keeping and not keeps:
            self._agenda.release()
        self._is_keeping = keeps

    def _tells(self, message: Message, status: str) -> bool:
        if self._urls[message.vendor] is None:
            return False
        if message.vendor == "zns":
            return status == DELIVERED
        return self._config.webhook_statuses == "all" or status not in (SCHEDULED, PROCESSING)

    def _tell(self, message: Message, moment: float, status: str) -> None:
        config = self._config
        self._rng.seed(f"{self._salt}:{message.tracking_id}:{status}")
        # All drawn at once, so that one share does not change what another decides.
        lost, twice, held = (self._rng.random() for _ in range(3))
        if lost < config.webhook_lose_share:
            self.stats.lost += 1
            return
        for _ in range(2 if twice < config.webhook_duplicate_share else 1):
            if self.stats.waiting >= config.webhook_backlog:
                self.stats.overflowed += 1
                continue
            self.stats.waiting += 1
            job = _Job(message, status, moment, self._generation)
            if held < config.webhook_shuffle_share and message.next_change(moment) < math.inf:
                self._held.setdefault(message.message_id, []).append(job)
                continue
            job.overtaken = self._held.pop(message.message_id, [])
            self._agenda.add(moment + self._delay(message), self._submit, job)

    def _let_go(self, message: Message, moment: float) -> None:
        for job in self._held.pop(message.message_id, ()):
            self._agenda.add(moment + self._delay(message), self._submit, job)

    def _delay(self, message: Message) -> float:
        # One for all webhooks of a message, so that they come in their order.
        self._rng.seed(f"{self._salt}:{message.tracking_id}")
        spread = math.exp(self._config.delay_spread * self._rng.gauss(0.0, 1.0))
        return self._config.webhook_delay * spread / self._config.speed

    def _give_up_left(self) -> None:
        """Count as failed what was in flight on a loop that is closed: nothing will ever come of it."""
        while self._tasks:
            task, job = next(iter(self._tasks.items()))  # the oldest: those of an earlier loop come first
            if not task.get_loop().is_closed():
                return
            del self._tasks[task]
            job.url = None
            self._conclude(job, None)

    def _submit(self, job: _Job, moment: float) -> None:
        self._give_up_left()
        line = self._lines.get(job.message.message_id)
        if line is not None:
            line.append(job)
            return
        self._lines[job.message.message_id] = deque()
        self._ready.append(job)
        self._pump()

    def _pump(self) -> None:
        if not self._ready or self._is_stopped:
            return
        loop = asyncio.get_running_loop()
        while self._ready and len(self._tasks) < _MOST_IN_FLIGHT and loop is not self._ended:
            job = self._ready.popleft()
            # Its end is heard of by a callback: a task that is cancelled at once never runs at all.
            task = loop.create_task(self._attempt(job))
            self._tasks[task] = job
            task.add_done_callback(partial(self._done, job))

    def _done(self, job: _Job, task: asyncio.Task[int | None]) -> None:
        del self._tasks[task]
        if task.cancelled():
            if not self._is_stopped:
                self._end(task.get_loop())
            job.url = None
            self._conclude(job, None)
        else:
            # What a test's own receiver raises may be no Exception: pytest's failures are none.
            error = task.exception()
            status = None if error is not None else task.result()
            if job.url is not None:
                job.message.webhook_status = status
            self._conclude(job, status, error)
        self._keep_or_release()
        self._pump()

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start nothing more on a loop that cancels its tasks, since it is ending."""
        self._ended = loop
        # It knows nothing of those that began after it cancelled all.
        for task in self._tasks:
            if task.get_loop() is loop and not task.cancelling():
                task.cancel()

    async def _attempt(self, job: _Job) -> int | None:
        job.url = url = self._urls[job.message.vendor]
        if url is None:
            return None
        if job.notice is None:
            job.notice = self._write(job)
        headers, body = job.notice
        self.stats.tried += 1
        if job.attempts:
            self.stats.retried += 1
            if job.message.vendor == "zns":
                headers = {**headers, "num_retry": str(job.attempts)}
        job.message.webhooks += 1
        job.message.webhook_status = None
        limit = asyncio.timeout(_TIMEOUT_SECONDS)
        try:
            async with limit:
                return await self._post(url, headers, body)
        except TimeoutError:
            if not limit.expired():
                raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise RuntimeError("something that was awaited there was cancelled") from error
        raise UnansweredError(_TIMEOUT_SECONDS)

    def _write(self, job: _Job) -> Notice:
        if job.message.vendor == "zns":
            return zns_notice(job.message, job.moment, self._clock, self._config)
        return smsbat_notice(job.message, job.status, job.moment, self._clock, self._config)

    def _conclude(self, job: _Job, answered: int | None, error: BaseException | None = None) -> None:
        job.attempts += 1
        if job.generation != self._generation:
            self.stats.waiting -= 1
            return
        is_last = True
        if answered is not None and 200 <= answered < 300:
            self.stats.accepted += 1
            self.stats.waiting -= 1
        elif job.attempts <= len(self._config.webhook_retries) and self._urls[job.message.vendor]:
            after = self._config.webhook_retries[job.attempts - 1] / self._config.speed
            self._agenda.add(self._clock.now() + after, self._submit, job)
            is_last = False
        else:
            self.stats.given_up += 1
            self.stats.waiting -= 1
        line = self._lines[job.message.message_id]
        line.extendleft(reversed(job.overtaken))
        job.overtaken = []
        if line:
            self._ready.append(line.popleft())
        else:
            del self._lines[job.message.message_id]
        self._touched(job.message)
        # Last, since it may call the sandbox.
        if self._watch is not None and job.url is not None:
            attempt = WebhookAttempt(job.message, job.status, job.url, job.attempts, answered, error, is_last)
            try:
                self._watch(attempt)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as met:  # noqa: BLE001 - pytest's failures are no Exceptions
                at, name = traceback.extract_tb(met.__traceback__)[-1], type(met).__name__
                # Not its text, which may quote a phone number.
                logger.error("on_webhook raised %s in %s, line %d", name, at.filename, at.lineno)  # noqa: TRY400
