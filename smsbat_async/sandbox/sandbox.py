"""The sandbox as its users hold it: both vendors in one object, on a socket or without."""

import random
from collections.abc import Callable
from types import TracebackType
from typing import Self

from smsbat_async.sandbox.agenda import Agenda
from smsbat_async.sandbox.calls import Call, Reply
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import Outcome, SandboxConfig
from smsbat_async.sandbox.control import Control
from smsbat_async.sandbox.desk import Desk
from smsbat_async.sandbox.events import Events
from smsbat_async.sandbox.faults import FaultName, FaultOn, Faults, Injected
from smsbat_async.sandbox.feed import Feed
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.poster import Poster
from smsbat_async.sandbox.search import digits_of
from smsbat_async.sandbox.server import Server, Streamer
from smsbat_async.sandbox.stats import Stats
from smsbat_async.sandbox.steering import Steering
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.timeline import Timeline
from smsbat_async.sandbox.webhooks import Post, Watch, Webhooks, WebhookStats


class Sandbox:
    """A local server that speaks both vendors' APIs; use it with `async with`.

    Leaving and entering again is an outage: the same address, messages and counters come back.
    It also works without listening: `answer` takes a request and gives what becomes of it.

    Args:
        config: Its options; None takes the defaults.
        clock: Gives monotonic seconds; None takes the running loop's clock.
        rng: Where all randomness starts; None takes one seeded with `config.seed`.
        post: Sends a webhook: is given URL, headers and body, and returns the HTTP status; None sends
            them over HTTP.
        on_webhook: Hears of every attempt to send one; what it raises is logged. None for nobody.
    """

    def __init__(
        self,
        config: SandboxConfig | None = None,
        *,
        clock: Callable[[], float] | None = None,
        rng: random.Random | None = None,
        post: Post | None = None,
        on_webhook: Watch | None = None,
    ) -> None:
        self.config = config = SandboxConfig() if config is None else config
        self.stats = stats = Stats()
        rng = random.Random(config.seed) if rng is None else rng
        self._clock = Clock(clock)
        self._faults = Faults(config, random.Random(rng.getrandbits(64)))
        self._store = Store(config, rng=rng, clock=self._clock, stats=stats)
        self._agenda = Agenda(self._clock)
        self._timeline = Timeline(self._store, self._clock, self._agenda)
        self._feed = Feed()
        self._timeline.tell(self._feed)
        self._events = Events(
            clock=self._clock,
            agenda=self._agenda,
            timeline=self._timeline,
            feed=self._feed,
            currency=config.currency,
        )
        self._poster = Poster()
        self._webhooks = Webhooks(
            config,
            rng=random.Random(rng.getrandbits(64)),
            clock=self._clock,
            agenda=self._agenda,
            post=self._poster if post is None else post,
            touched=self._timeline.touched,
            watch=on_webhook,
        )
        self._timeline.tell(self._webhooks)
        self._steering = Steering(
            store=self._store,
            clock=self._clock,
            agenda=self._agenda,
            timeline=self._timeline,
            webhooks=self._webhooks,
        )
        self._steering.send_webhooks(smsbat_url=config.smsbat_webhook_url, zns_url=config.zns_webhook_url)
        self._desk = Desk(config, store=self._store, faults=self._faults, clock=self._clock, stats=stats)
        self._control = Control(
            config,
            store=self._store,
            clock=self._clock,
            stats=stats,
            faults=self._faults,
            timeline=self._timeline,
            webhooks=self._webhooks,
            steering=self._steering,
        )
        self._port = config.port
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end.

        Raises:
            RuntimeError: If it has not been entered.
        """
        if not self._port:
            raise RuntimeError("the sandbox has no address before it is entered")
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http://{host}:{self._port}"

    @property
    def messages(self) -> list[Message]:
        """The accepted messages, oldest first; a new list each time."""
        return self._store.messages()

    @property
    def faults(self) -> tuple[Injected, ...]:
        """What was injected and not met yet, in the order in which requests will meet it."""
        return self._faults.injected

    @property
    def webhooks(self) -> WebhookStats:
        """What became of the webhooks."""
        return self._webhooks.stats

    def message(self, message_id: str) -> Message:
        """Find an accepted message.

        Args:
            message_id: The id that the vendor gave it.

        Returns:
            The message.

        Raises:
            KeyError: If there is none, or it was forgotten.
        """
        message = self._store.get(message_id)
        if message is None:
            raise KeyError(message_id)
        return message

    def sent_to(self, phone: str) -> list[Message]:
        """Find what was sent to a phone.

        Args:
            phone: The phone in any spelling with its country code: digits are compared.

        Returns:
            The accepted messages, oldest first.
        """
        digits = digits_of(phone)
        return [message for message in self._store.messages() if digits_of(message.phone) == digits]

    def now(self) -> float:
        """Read the sandbox's clock.

        Returns:
            Monotonic seconds, as `Message` counts them.
        """
        return self._clock.now()

    def epoch(self) -> float:
        """Tell the calendar time that the sandbox holds schedules and delivery times against.

        Returns:
            Seconds since 1970 in UTC.
        """
        return self._clock.epoch()

    def decide(self, message_id: str, outcome: Outcome, *, channel: str | None = None) -> Message:
        """End a message now, or have it never end, whatever its fate was.

        Args:
            message_id: The id that the vendor gave it.
            outcome: `delivered`, `undeliverable`, `permanenterror` or `never`.
            channel: The last channel that is tried; None takes the one that is tried now, or, for
                `undeliverable`, the last of all.

        Returns:
            The message.

        Raises:
            KeyError: If there is none with that id.
            ValueError: If it has ended, or cannot end so.
        """
        return self._steering.decide(message_id, outcome, channel)

    def inject(
        self, fault: FaultName, *, on: FaultOn = "all", times: int = 1, seconds: float | None = None
    ) -> None:
        """Have the next requests meet a fault; each request meets one, in the order of injecting.

        Args:
            fault: `lose` (do all, then drop the connection), `reset` (do nothing, reset it), `fail` (500),
                `too_many` (429), `slow` (do all, answer late), `garbage` (do all, answer 200 with a page),
                `shuffle` (name the messages in any order) or `incomplete` (leave half of them out).
            on: Which requests: `all`, `send` or `status`.
            times: How many requests.
            seconds: For `slow`, how late, and for `too_many`, the `Retry-After`; None takes the options'.

        Raises:
            ValueError: If a value is out of its range; the text names the field.
        """
        self._faults.inject(Injected(fault=fault, on=on, times=times, seconds=seconds))

    def clear_faults(self) -> None:
        """Take back what was injected and not met yet."""
        self._faults.clear()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward, as if the time had passed.

        Statuses and schedules follow at once, webhooks and events as soon as the loop runs.

        Args:
            seconds: How far; 0 or more.

        Raises:
            ValueError: If that is not 0 or more, or leads past the year 8999.
        """
        self._steering.advance(seconds)

    def clear(self) -> None:
        """Forget every message; counters and injected faults stay."""
        self._steering.clear()

    def send_webhooks(self, *, smsbat_url: str | None = None, zns_url: str | None = None) -> None:
        """Say where webhooks are sent from now on, in place of what the options say.

        Args:
            smsbat_url: Where SMSBAT's; None sends none.
            zns_url: Where ZNS's; None sends none.

        Raises:
            ValueError: If one is no http or https URL.
        """
        self._steering.send_webhooks(smsbat_url=smsbat_url, zns_url=zns_url)

    async def aclose(self) -> None:
        """Stop listening, sending webhooks and streaming events; entering again goes on with them.

        Only who uses the sandbox without listening has to call this.
        """
        self._agenda.stop()
        self._feed.close()
        server, self._server = self._server, None
        if server is not None:
            await server.close()
        await self._webhooks.aclose()
        await self._poster.aclose()

    async def answer(self, call: Call) -> Reply:
        """Serve one request, a vendor's or one to the control API, without a socket.

        Args:
            call: The request.

        Returns:
            The answer, or how the connection is to be dropped without one.
        """
        if self._control.is_for(call.raw_path):
            return await self._control.answer(call)
        return await self._desk.answer(call)

    async def __aenter__(self) -> Self:
        if self._server is not None:
            raise RuntimeError("the sandbox is already entered")
        self._clock.epoch()
        server = Server(self.answer, stream=self._stream, max_body=self.config.max_body)
        self._port = await server.open(self.config.host, self._port)
        self._server = server
        self._agenda.start()
        self._webhooks.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _stream(self, call: Call) -> Streamer | None:
        return self._events.stream if self._control.wants_events(call) else None
