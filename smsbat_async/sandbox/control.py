"""The control API: what a test or the inbox page asks and changes, as JSON."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, Struct, UnsetType

from smsbat_async.sandbox.answers import Answer
from smsbat_async.sandbox.calls import Call, UnreadableError
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import Outcome, SandboxConfig
from smsbat_async.sandbox.decisions import EndedError
from smsbat_async.sandbox.faults import FaultName, FaultOn, Faults, Injected
from smsbat_async.sandbox.hosts import is_expected_host
from smsbat_async.sandbox.pages import is_page_file, read_page
from smsbat_async.sandbox.search import read_search
from smsbat_async.sandbox.stats import Stats
from smsbat_async.sandbox.steering import Steering
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.summaries import Summary, summarise, total_up
from smsbat_async.sandbox.timeline import Timeline
from smsbat_async.sandbox.webhooks import Webhooks
from smsbat_async.sandbox.wire import encode

PREFIX: Final = "/_sandbox/"
_EVENTS: Final = "/_sandbox/events"
_ONE: Final = "messages/"
_OUTCOME: Final = "/outcome"
_DECODE_FAILURES: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_T = TypeVar("_T")


class MessageList(Struct, frozen=True):
    """What was looked for among the messages, and all of them in numbers."""

    total: int
    matching: int
    counts: dict[str, int]
    cost: str
    currency: str
    revision: int
    messages: list[Summary]


class OutcomeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How a message is to end."""

    outcome: str
    channel: str | None = None


class FaultRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A fault that the next requests are to meet."""

    fault: str
    on: str = "all"
    times: int = 1
    seconds: float | None = None


class AdvanceRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the clock is to be moved."""

    seconds: float


class WebhooksRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Where webhooks are to be sent: null sends none, what is not named stays as it is."""

    smsbat_url: str | UnsetType | None = UNSET
    zns_url: str | UnsetType | None = UNSET


class RefusalError(Exception):
    """A request that the control API does not do.

    Args:
        status: HTTP status.
        text: What would be right.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Control:
    """Answers what is asked under `/_sandbox/`, and the page at `/`.

    Args:
        config: The options.
        store: The messages.
        clock: The time.
        stats: What was counted.
        faults: What is injected.
        timeline: How many messages are in which state.
        webhooks: Where changes are told, and what became of that.
        steering: What is done by hand.
    """

    def __init__(
        self,
        config: SandboxConfig,
        *,
        store: Store,
        clock: Clock,
        stats: Stats,
        faults: Faults,
        timeline: Timeline,
        webhooks: Webhooks,
        steering: Steering,
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._stats = stats
        self._faults = faults
        self._timeline = timeline
        self._webhooks = webhooks
        self._steering = steering
        self._table: dict[str, dict[str, Callable[[Call], Awaitable[Answer]]]] = {
            "messages": {"GET": self._list, "DELETE": self._clear},
            "faults": {"GET": self._list_faults, "POST": self._inject, "DELETE": self._clear_faults},
            "advance": {"POST": self._advance},
            "webhooks": {"GET": self._tell_webhooks, "PUT": self._set_webhooks},
            "stats": {"GET": self._tell_stats},
            "config": {"GET": self._tell_config},
        }

    def is_for(self, raw_path: str) -> bool:
        """Tell whether a path is one of the control API's or the page's.

        Args:
            raw_path: The request target's path, not decoded.

        Returns:
            Whether it is; else it is a vendor's.
        """
        return raw_path == "/" or raw_path.startswith(PREFIX)

    def wants_events(self, call: Call) -> bool:
        """Tell whether a request asks, as it may, for the stream of events.

        Args:
            call: The request.

        Returns:
            Whether it does; if not, `answer` has the answer to it.
        """
        return call.raw_path == _EVENTS and call.method == "GET" and self._admits(call)

    async def answer(self, call: Call) -> Answer:
        """Do what a request asks for.

        Args:
            call: The request.

        Returns:
            The answer.
        """
        try:
            return await self._serve(call)
        except RefusalError as refusal:
            return _error(refusal.status, str(refusal))
        except UnreadableError as error:
            return error.answer

    def _admits(self, call: Call) -> bool:
        return is_expected_host(call.headers.get("Host", ""), self._config.host)

    async def _serve(self, call: Call) -> Answer:
        if not self._admits(call):
            raise RefusalError(403, "Host: must be this machine's loopback or the address listened on")
        name = call.raw_path.removeprefix(PREFIX)
        if call.raw_path == _EVENTS:
            _pick(call, {"GET": None})
            raise RefusalError(501, "path: events are streamed only to a socket")
        if call.raw_path == "/" or is_page_file(name):
            page = await read_page() if call.raw_path == "/" else await read_page(name)
            if page is None:
                raise RefusalError(404, "path: no such file")
            _pick(call, {"GET": None, "HEAD": None})
            return page
        if name.startswith(_ONE):
            return await self._serve_one(call, name.removeprefix(_ONE))
        if name not in self._table:
            raise RefusalError(404, f"path: must be one of {', '.join(sorted(self._table))}")
        return await _pick(call, self._table[name])(call)

    async def _serve_one(self, call: Call, rest: str) -> Answer:
        identity = unquote(rest.removesuffix(_OUTCOME))
        message = self._store.get(identity)
        if message is None:
            raise RefusalError(404, "message_id: must be that of a message that is remembered")
        if not rest.endswith(_OUTCOME):
            _pick(call, {"GET": None})
        else:
            _pick(call, {"POST": None})
            asked = await _read(call, OutcomeRequest)
            try:
                # What is no outcome is refused where outcomes are known.
                outcome: Outcome = asked.outcome  # type: ignore[assignment]
                self._steering.decide(identity, outcome, asked.channel)
            except EndedError as error:
                raise RefusalError(409, f"message_id: {error}") from None
            except ValueError as error:
                raise _complain(error) from None
        return _json(200, summarise(message, self._clock, self._config.currency))

    async def _list(self, call: Call) -> Answer:
        try:
            search = read_search(call.query, self._config)
        except ValueError as error:
            raise RefusalError(400, str(error)) from None
        await self._timeline.catch_up()
        matching, found = await search.run(self._store.messages(), self._clock.now())
        currency = self._config.currency
        totals = total_up(self._timeline, currency)
        return _json(
            200,
            MessageList(
                total=totals.total,
                matching=matching,
                counts=totals.counts,
                cost=totals.cost,
                currency=currency,
                revision=totals.revision,
                messages=[summarise(message, self._clock, currency) for message in found],
            ),
        )

    async def _clear(self, call: Call) -> Answer:
        self._steering.clear()
        return Answer(204, b"", _HEADERS)

    async def _list_faults(self, call: Call) -> Answer:
        return _json(200, {"faults": self._faults.injected})

    async def _inject(self, call: Call) -> Answer:
        asked = await _read(call, FaultRequest)
        # What is no fault, or on no kind of request, is refused by the fault itself.
        fault: FaultName = asked.fault  # type: ignore[assignment]
        on: FaultOn = asked.on  # type: ignore[assignment]
        try:
            injected = Injected(fault=fault, on=on, times=asked.times, seconds=asked.seconds)
        except ValueError as error:
            raise _complain(error) from None
        self._faults.inject(injected)
        return _json(201, injected)

    async def _clear_faults(self, call: Call) -> Answer:
        self._faults.clear()
        return Answer(204, b"", _HEADERS)

    async def _advance(self, call: Call) -> Answer:
        asked = await _read(call, AdvanceRequest)
        try:
            return _json(200, {"now": self._steering.advance(asked.seconds)})
        except ValueError as error:
            raise _complain(error) from None

    async def _tell_webhooks(self, call: Call) -> Answer:
        return self._describe_webhooks()

    async def _set_webhooks(self, call: Call) -> Answer:
        asked = await _read(call, WebhooksRequest)
        smsbat_url = self._webhooks.smsbat_url if asked.smsbat_url is UNSET else asked.smsbat_url
        zns_url = self._webhooks.zns_url if asked.zns_url is UNSET else asked.zns_url
        # What is there already is known before anything about it is told.
        await self._timeline.catch_up()
        try:
            self._steering.send_webhooks(smsbat_url=smsbat_url, zns_url=zns_url)
        except ValueError as error:
            raise _complain(error) from None
        return self._describe_webhooks()

    def _describe_webhooks(self) -> Answer:
        webhooks = self._webhooks
        urls = {"smsbat_url": webhooks.smsbat_url, "zns_url": webhooks.zns_url}
        return _json(200, {**urls, **asdict(webhooks.stats)})

    async def _tell_stats(self, call: Call) -> Answer:
        return _json(200, self._stats)

    async def _tell_config(self, call: Call) -> Answer:
        config = self._config
        return _json(
            200,
            {
                "currency": config.currency,
                "channels": [channel.name for channel in config.channels],
                "speed": config.speed,
                "seed": config.seed,
                "max_messages": config.max_messages,
                "api_key": config.api_key,
                "zns_header": config.zns_header,
                "zns_key": config.zns_key,
            },
        )


async def _read(call: Call, kind: type[_T]) -> _T:
    # A page elsewhere may send a form or a text unasked, but JSON only after a preflight, which is refused.
    if call.content_type != "application/json":
        raise RefusalError(415, "Content-Type: must be application/json")
    body = await call.read()
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        field = path.removeprefix(".").removesuffix("`")
        complaint = RefusalError(400, f"{field or 'body'}: {text[:1].lower()}{text[1:]}")
    except _DECODE_FAILURES:
        complaint = RefusalError(400, "body: must be JSON")
    raise complaint


def _pick(call: Call, table: dict[str, _T]) -> _T:
    if call.method not in table:
        raise RefusalError(405, f"method: must be {' or '.join(table)}")
    return table[call.method]


def _complain(error: ValueError) -> RefusalError:
    field, _, text = str(error).partition(" ")
    return RefusalError(400, f"{field}: {text}")


def _json(status: int, value: object) -> Answer:
    return Answer(status, encode(value), _HEADERS)


def _error(status: int, text: str) -> Answer:
    return _json(status, {"error": text})
