"""What a request meets on its way, in order; sockets are not its business."""

import asyncio
from collections.abc import Mapping
from typing import Final

from smsbat_async.sandbox import zns
from smsbat_async.sandbox.answers import Answer, RefusedError, http_error
from smsbat_async.sandbox.auth import may_ask_status, may_send, may_use_zns
from smsbat_async.sandbox.calls import Call, Dropped, Reply, UnreadableError
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.endpoints import Endpoint, Handler, Query, Served, find_endpoint
from smsbat_async.sandbox.faults import NO_FAULT, Fault, Faults
from smsbat_async.sandbox.messagelist import MessageListApi
from smsbat_async.sandbox.rates import RateLimit
from smsbat_async.sandbox.smsbat import SmsBatApi, bad_credentials
from smsbat_async.sandbox.stats import Stats
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.variables import VariablesApi
from smsbat_async.sandbox.zns_account import ZnsAccountApi

_PAGE: Final = b"<!doctype html><html><head><title>Sign in</title></head><body>Sign in</body></html>"


class Desk:
    """Answers both vendors' requests, whatever brought them.

    Args:
        config: Who may call, how often, and what goes wrong.
        store: The messages.
        faults: What goes wrong with a request.
        clock: The time.
        stats: Where things are counted.
    """

    def __init__(
        self, config: SandboxConfig, *, store: Store, faults: Faults, clock: Clock, stats: Stats
    ) -> None:
        self._config = config
        self._faults = faults
        self._clock = clock
        self._stats = stats
        variables = VariablesApi()
        smsbat = SmsBatApi(config, store=store, faults=faults, clock=clock, stats=stats, variables=variables)
        # One entry for each endpoint of endpoints.py.
        self._handlers: dict[str, Handler] = {
            **smsbat.handlers(),
            **MessageListApi(config, store=store, faults=faults, stats=stats).handlers(),
            **variables.handlers(),
            **zns.ZnsApi(config, store=store, clock=clock).handlers(),
            **ZnsAccountApi(store=store).handlers(),
        }
        self._limits = {
            "status": RateLimit(config.status_rate, config.status_burst),
            "send": RateLimit(config.send_rate, config.send_burst),
            "zns": RateLimit(0.0, 0),
        }

    async def answer(self, call: Call) -> Reply:
        """Serve one request of either vendor; a late answer sleeps on the running loop.

        Args:
            call: The request.

        Returns:
            The answer, or how the connection is to be dropped without one.
        """
        fault, served = NO_FAULT, Served(http_error(404, "No such path"), [])
        found = find_endpoint(call.raw_path)
        self._stats.requests["other" if found is None else found[0].name] += 1
        if found is not None:
            endpoint, argument = found
            refusal = self._turn_away(endpoint, call)
            if refusal is None:
                fault = self._faults.draw(endpoint.kind, endpoint.has_receipts)
                if fault.refusal == "reset":
                    self._stats.reset += 1
                    return Dropped.RESET
                refusal = self._refuse(endpoint, fault)
            if refusal is None:
                served = await self._serve(endpoint, argument, call, fault)
            else:
                served = Served(refusal, [])
        answer = served.answer
        if fault.garbage:
            self._stats.garbage += 1
            answer, served = Answer(200, _PAGE, content_type="text/html"), served._replace(named=[])
        self._stats.answers[answer.status] = self._stats.answers.get(answer.status, 0) + 1
        if fault.slow is not None:
            self._stats.slow += 1
            await asyncio.sleep(fault.slow)
        if fault.lose:
            self._stats.lost += 1
            return Dropped.LOST
        for message in served.named:
            message.named = True
        return answer

    def _turn_away(self, endpoint: Endpoint, call: Call) -> Answer | None:
        if call.method != endpoint.method:
            return http_error(405, f"Use {endpoint.method}", {"Allow": endpoint.method})
        if not self._is_authorized(endpoint, call.headers):
            self._stats.unauthorized += 1
            if endpoint.vendor == "zns":
                return zns.bad_key()
            return bad_credentials(endpoint.kind)
        kind = "zns" if endpoint.vendor == "zns" else endpoint.kind
        limit = self._limits[kind]
        allowed = limit.allow(self._clock.now())
        self._stats.busiest_second[kind] = limit.busiest
        if not allowed:
            self._stats.rate_limited += 1
            return self._too_many(endpoint, None)
        return None

    def _is_authorized(self, endpoint: Endpoint, headers: Mapping[str, str]) -> bool:
        if endpoint.vendor == "zns":
            return may_use_zns(headers, self._config)
        if endpoint.kind == "status" or endpoint.takes_login:
            return may_ask_status(headers, self._config)
        return may_send(headers, self._config)

    def _refuse(self, endpoint: Endpoint, fault: Fault) -> Answer | None:
        if fault.refusal == "fail":
            self._stats.failed += 1
            return zns.failure() if endpoint.vendor == "zns" else http_error(500, "Internal error")
        if fault.refusal == "too_many":
            self._stats.too_many += 1
            return self._too_many(endpoint, fault.seconds)
        return None

    def _too_many(self, endpoint: Endpoint, seconds: float | None) -> Answer:
        after = self._config.retry_after if seconds is None else round(seconds)
        headers = {} if after is None else {"Retry-After": str(after)}
        if endpoint.vendor == "zns":
            return zns.too_many()._replace(headers=headers)
        return http_error(429, "Rate limit exceeded", headers)

    async def _serve(self, endpoint: Endpoint, argument: str, call: Call, fault: Fault) -> Served:
        body = b""
        if endpoint.method == "POST":
            if endpoint.vendor == "smsbat" and call.content_type != "application/json":
                return Served(http_error(415, "Content-Type must be application/json"), [])
            try:
                body = await call.read()
            except UnreadableError as error:
                return Served(error.answer, [])
        try:
            return self._handlers[endpoint.name](Query(argument, call.query, body, fault))
        except RefusedError as refusal:
            self._stats.refused += 1
            return Served(refusal.answer, [])
