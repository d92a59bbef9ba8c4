"""The HTTP server: what a request meets on its way, in order."""

import asyncio
import random
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from smsbat_async.sandbox import zns
from smsbat_async.sandbox.answers import Answer, RefusedError, http_error
from smsbat_async.sandbox.auth import may_ask_status, may_send, may_use_zns
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.endpoints import Endpoint, find_endpoint
from smsbat_async.sandbox.faults import NO_FAULT, Fault, Faults
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.rates import RateLimit
from smsbat_async.sandbox.smsbat import SmsBatApi, bad_credentials
from smsbat_async.sandbox.stats import Stats
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.wire import encode

_STATS_PATH = "/sandbox/stats"
# Requests that are being answered late must not hold up the end of a test.
_SHUTDOWN_SECONDS = 0.1


class Sandbox:
    """A local server that speaks both vendors' APIs; use it with `async with`.

    Leaving and entering again is an outage: the same address, messages and counters come back.

    Args:
        config: Its options; None takes the defaults.
        clock: Gives monotonic seconds; None takes the running loop's clock.
        rng: Where all randomness starts; None takes one seeded with `config.seed`.
    """

    def __init__(
        self,
        config: SandboxConfig | None = None,
        *,
        clock: Callable[[], float] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.config = config = SandboxConfig() if config is None else config
        self.stats = Stats()
        rng = random.Random(config.seed) if rng is None else rng
        self._clock = Clock(clock)
        self._faults = Faults(config, random.Random(rng.getrandbits(64)))
        self._store = Store(config, rng=rng, clock=self._clock, stats=self.stats)
        self._smsbat = SmsBatApi(
            config, store=self._store, faults=self._faults, clock=self._clock, stats=self.stats
        )
        self._zns = zns.ZnsApi(config, store=self._store, clock=self._clock)
        self._limits = {
            "status": RateLimit(config.status_rate, config.status_burst),
            "send": RateLimit(config.send_rate, config.send_burst),
            "zns": RateLimit(0.0, 0),
        }
        self._too_many = {} if config.retry_after is None else {"Retry-After": str(config.retry_after)}
        self._port = config.port
        self._runner: web.AppRunner | None = None

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

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError("the sandbox is already entered")
        self._clock.epoch()
        app = web.Application(client_max_size=self.config.max_body)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Neither vendor documents compressed requests: such a body is read as it came, and is no JSON.
        runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self.config.host, self._port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        self._runner = runner
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault, answer, named = NO_FAULT, None, list[Message]()
        path = request.rel_url.raw_path
        found = find_endpoint(path)
        if found is None:
            self.stats.requests["other"] += 1
            if path == _STATS_PATH and request.method == "GET":
                return web.Response(body=encode(self.stats), content_type="application/json")
            answer = http_error(404, "No such path")
        else:
            endpoint, message_id = found
            self.stats.requests[endpoint.name] += 1
            answer = self._turn_away(endpoint, request)
            if answer is None:
                fault = self._faults.draw(endpoint.kind)
                answer, named = await self._serve(endpoint, message_id, request, fault)
        self.stats.answers[answer.status] = self.stats.answers.get(answer.status, 0) + 1
        if fault.slow:
            self.stats.slow += 1
            await asyncio.sleep(self.config.slow_seconds)
        if fault.lose:
            self.stats.lost += 1
            if request.transport is not None:
                request.transport.abort()
        else:
            for message in named:
                message.named = True
        return web.Response(
            status=answer.status, body=answer.body, headers=answer.headers, content_type="application/json"
        )

    def _turn_away(self, endpoint: Endpoint, request: web.Request) -> Answer | None:
        if request.method != endpoint.method:
            return http_error(405, f"Use {endpoint.method}", {"Allow": endpoint.method})
        if not self._is_authorized(endpoint, request):
            self.stats.unauthorized += 1
            if endpoint.vendor == "zns":
                return zns.bad_key()
            return bad_credentials(endpoint.kind)
        kind = "zns" if endpoint.vendor == "zns" else endpoint.kind
        limit = self._limits[kind]
        allowed = limit.allow(self._clock.now())
        self.stats.busiest_second[kind] = limit.busiest
        if not allowed:
            self.stats.rate_limited += 1
            return http_error(429, "Rate limit exceeded", self._too_many)
        return None

    def _is_authorized(self, endpoint: Endpoint, request: web.Request) -> bool:
        if endpoint.vendor == "zns":
            return may_use_zns(request.headers, self.config)
        if endpoint.kind == "status":
            return may_ask_status(request.headers, self.config)
        return may_send(request.headers, self.config)

    async def _serve(
        self, endpoint: Endpoint, message_id: str, request: web.Request, fault: Fault
    ) -> tuple[Answer, list[Message]]:
        if fault.fail:
            self.stats.failed += 1
            return zns.failure() if endpoint.vendor == "zns" else http_error(500, "Internal error"), []
        if endpoint.name == "status":
            return self._smsbat.status(message_id), []
        if endpoint.name == "zns_status":
            return self._zns.status(request.query.get("message_id")), []
        if endpoint.vendor == "smsbat" and request.content_type != "application/json":
            return http_error(415, "Content-Type must be application/json"), []
        try:
            body = await request.read()
        except (web.RequestPayloadError, ConnectionError):
            # Broken framing, or a caller that went away: nobody reads this answer, but no traceback is due.
            return http_error(400, "The body could not be read"), []
        except web.HTTPRequestEntityTooLarge:
            return http_error(413, f"The body has more than {self.config.max_body} bytes"), []
        try:
            return (
                self._zns.send(body) if endpoint.vendor == "zns" else self._smsbat.send(endpoint.name, body)
            )
        except RefusedError as refusal:
            self.stats.refused += 1
            return refusal.answer, []
