"""SandboxTransport: a `Transport` that takes requests to a sandbox without sockets."""

import asyncio
from typing import Protocol

from smsbat_async.errors import NotSentError, ResponseError, SmsBatError, TransportError
from smsbat_async.http import LowerHeaders, Request, Response
from smsbat_async.policies import check_age
from smsbat_async.sandbox.answers import Answer, http_error
from smsbat_async.sandbox.calls import Call, Reply, UnreadableError
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.transport.protocol import BODY_MAXIMUM, Attempt


class Answering(Protocol):
    """What answers requests: a `Sandbox`, or a `FakeVendors`."""

    @property
    def config(self) -> SandboxConfig:
        """Its options."""
        ...

    async def answer(self, call: Call) -> Reply:
        """Serve one request, or tell how its connection is dropped."""
        ...


class SandboxTransport:
    """Takes requests to a sandbox in memory: no sockets, so that virtual time may pass at any speed.

    A request meets what it would meet on a socket: the same answers, and for a dropped connection or a
    time-out the same errors with the same marks. Whatever host a URL names, the sandbox answers; so a client
    with its usual base URL sends nothing to anybody.

    Args:
        sandbox: Answers the requests.
        latency: How long a request and its answer are on their way, in seconds, half of it each.

    Attributes:
        is_reachable: Whether connections can be made; while not, nothing leaves and each attempt fails so.

    Raises:
        ConfigurationError: If the latency is not 0 or more.
    """

    def __init__(self, sandbox: Answering, *, latency: float = 0.0) -> None:
        check_age("latency", latency)
        self._sandbox = sandbox
        self._one_way = latency / 2.0
        self.is_reachable = True

    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        """Make one attempt; see `Transport.send`."""
        if not self.is_reachable:
            attempt.started = False
            await asyncio.sleep(0)
            raise NotSentError("the sandbox is out of reach", kind="connect")
        attempt.started = True
        reply: Reply | None = None
        try:
            async with asyncio.timeout(timeout):
                # Never without letting others run, or one worker would do all the work of many.
                await asyncio.sleep(self._one_way)
                reply = await self._sandbox.answer(self._call(request))
                await asyncio.sleep(self._one_way)
        except TimeoutError:
            reply = None
        if isinstance(reply, Answer):
            return _response(reply)
        failure: SmsBatError = TransportError("the time was over", kind="timeout")
        if reply is not None:
            failure = TransportError("the sandbox dropped the connection", kind="disconnected")
        raise failure

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""

    def _call(self, request: Request) -> Call:
        body = request.body or b""
        call = Call.to(request.url, method=request.method, headers=request.headers, body=body)
        largest = self._sandbox.config.max_body
        if len(body) <= largest:
            return call

        async def refuse() -> bytes:
            raise UnreadableError(http_error(413, f"The body has more than {largest} bytes"))

        return call._replace(body=refuse)


def _response(answer: Answer) -> Response:
    if len(answer.body) > BODY_MAXIMUM:
        raise ResponseError(
            f"the answer is larger than {BODY_MAXIMUM} bytes", kind="too_large", status_code=answer.status
        )
    headers = LowerHeaders({"Content-Type": answer.content_type, **answer.headers})
    return Response(answer.status, headers, answer.body)
