"""SandboxTransport: what a request meets in memory is what it meets on a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from smsbat_async import (
    ConfigurationError,
    OutcomeUnknownError,
    ResponseError,
    RetryPolicy,
    SessionPool,
    SmsBatClient,
    SmsBatError,
    TransportError,
)
from smsbat_async.http import Request, Response, headers
from smsbat_async.sandbox import Sandbox, SandboxConfig
from smsbat_async.sandbox.answers import Answer
from smsbat_async.sandbox.calls import Call, Reply
from smsbat_async.testing import SandboxTransport
from smsbat_async.transport.aiohttp import AiohttpTransport
from smsbat_async.transport.protocol import BODY_MAXIMUM, Attempt, Transport
from tests.support import refused_port
from tests.testing.messages import message

HOST = "https://restapi.smsbat.com"
JSON = {"Content_Type": "application/json"}


def status_request(key: str = "sandbox-key") -> Request:
    path = "/bat/message/unheard-of"
    return Request("GET", HOST + path, path, headers(X_Authorization_Key=key))


def send_request(text: str = "Hi", kind: str = "application/json") -> Request:
    path = "/api/CascadeMessage/send_message/async"
    keys = headers(X_Authorization_Key="sandbox-key", Content_Type=kind)
    row = '{"id":"order-1","fromName":"Shop","toPhone":"+380501234567","messageType":"promo","text":"%s"}'
    return Request("POST", HOST + path, path, keys, f"[{row % text}]".encode())


class Met(NamedTuple):
    """What a transport said of one request, and what the sandbox made of it."""

    status: int | None
    retry_after: str | None
    content_type: str | None
    length: int | None
    error: type[SmsBatError] | None
    kind: str | None
    started: bool
    accepted: int


async def meet(transport: Transport, sandbox: Sandbox, request: Request, timeout: float) -> Met:
    attempt = Attempt()
    answer: Response | None = None
    error: SmsBatError | None = None
    try:
        answer = await transport.send(request, timeout, attempt)
    except SmsBatError as met:
        error = met
    finally:
        await transport.aclose()
    return Met(
        None if answer is None else answer.status,
        None if answer is None else answer.headers.get("retry-after"),
        None if answer is None else (answer.headers.get("content-type") or "").partition(";")[0],
        None if answer is None else len(answer.body),
        None if error is None else type(error),
        getattr(error, "kind", None),
        attempt.started,
        sandbox.stats.accepted,
    )


FAULTS: dict[str, tuple[SandboxConfig, Request]] = {
    "none": (SandboxConfig(), send_request()),
    "wrong key": (SandboxConfig(), status_request("another-key")),
    "unknown id": (SandboxConfig(), status_request()),
    "not JSON": (SandboxConfig(), send_request(kind="text/plain")),
    "refused": (SandboxConfig(refused_phones=frozenset({"+380501234567"})), send_request()),
    "too large": (SandboxConfig(max_body=1_000), send_request("x" * 1_000)),
    "500": (SandboxConfig(fail_share=1.0), send_request()),
    "429": (SandboxConfig(too_many_share=1.0, retry_after=7), send_request()),
    "garbage": (SandboxConfig(garbage_share=1.0), send_request()),
    "lost answer": (SandboxConfig(lose_share=1.0), send_request()),
    "lost status": (SandboxConfig(lose_share=1.0), status_request()),
    "reset": (SandboxConfig(reset_share=1.0), send_request()),
    "reset status": (SandboxConfig(reset_share=1.0), status_request()),
    "too slow": (SandboxConfig(slow_share=1.0, slow_seconds=30.0), send_request()),
    "slow status": (SandboxConfig(slow_share=1.0, slow_seconds=30.0), status_request()),
}


def patience(name: str) -> float:
    """Return for how many seconds an answer is waited for: short where none comes."""
    return 0.3 if "slow" in name else 20.0


@pytest.mark.parametrize("name", FAULTS)
async def test_memory_and_socket_are_alike(name: str) -> None:
    config, request = FAULTS[name]
    in_memory, listening = Sandbox(config), Sandbox(config)
    found = await meet(SandboxTransport(in_memory), in_memory, request, patience(name))
    async with listening:
        there = Request(
            request.method,
            request.url.replace(HOST, listening.url),
            request.template,
            request.headers,
            request.body,
        )
        expected = await meet(AiohttpTransport(), listening, there, patience(name))
    assert found == expected


@pytest.mark.parametrize("request_", [send_request(), status_request()], ids=["send", "status"])
async def test_out_of_reach_is_like_a_port_where_nobody_listens(request_: Request) -> None:
    sandbox = Sandbox()
    transport = SandboxTransport(sandbox)
    transport.is_reachable = False
    found = await meet(transport, sandbox, request_, 20.0)
    with refused_port() as port:
        url = request_.url.replace(HOST, f"http://127.0.0.1:{port}")
        there = Request(request_.method, url, request_.template, request_.headers, request_.body)
        expected = await meet(AiohttpTransport(), sandbox, there, 20.0)
    assert found == expected
    assert (found.kind, found.started) == ("connect", False)


@pytest.mark.looptime
async def test_latency_is_spent_half_before_and_half_after() -> None:
    sandbox = Sandbox()
    loop = asyncio.get_running_loop()
    began = loop.time()
    sending = asyncio.create_task(SandboxTransport(sandbox, latency=3.0).send(send_request(), 5.0, Attempt()))
    await asyncio.sleep(1.4)
    assert sandbox.stats.accepted == 0
    await asyncio.sleep(0.2)
    assert sandbox.stats.accepted == 1
    await sending
    assert loop.time() - began == pytest.approx(3.0)


@pytest.mark.looptime
async def test_a_timeout_is_kept_to_the_moment_and_what_was_accepted_stays_so() -> None:
    sandbox = Sandbox()
    loop = asyncio.get_running_loop()
    began, attempt = loop.time(), Attempt()
    with pytest.raises(TransportError) as caught:
        await SandboxTransport(sandbox, latency=3.0).send(send_request(), 2.0, attempt)
    assert (caught.value.kind, attempt.started) == ("timeout", True)
    assert loop.time() - began == pytest.approx(2.0)
    assert sandbox.stats.accepted == 1


async def test_a_cancelled_request_has_left() -> None:
    attempt = Attempt()
    sending = asyncio.create_task(
        SandboxTransport(Sandbox(), latency=30.0).send(send_request(), None, attempt)
    )
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert attempt.started


async def test_other_tasks_have_their_turn_during_a_request() -> None:
    turns = []

    async def other() -> None:
        turns.append("other")

    task = asyncio.create_task(other())
    await SandboxTransport(Sandbox()).send(status_request(), 1.0, Attempt())
    turns.append("request")
    await task
    assert turns == ["other", "request"]


async def test_no_answer_is_larger_than_the_protocol_allows() -> None:
    class Large:
        config = SandboxConfig()

        async def answer(self, call: Call) -> Reply:
            return Answer(200, bytes(BODY_MAXIMUM + 1))

    with pytest.raises(ResponseError) as caught:
        await SandboxTransport(Large()).send(status_request(), 1.0, Attempt())
    assert caught.value.kind == "too_large"


@pytest.mark.parametrize("latency", [-1.0, float("nan")])
def test_a_latency_that_is_none_is_refused(latency: float) -> None:
    with pytest.raises(ConfigurationError, match="latency must be at least 0 seconds"):
        SandboxTransport(Sandbox(), latency=latency)


@asynccontextmanager
async def client_of(sandbox: Sandbox) -> AsyncIterator[SmsBatClient]:
    pool = SessionPool(transport=SandboxTransport(sandbox))
    async with pool, SmsBatClient(api_key="sandbox-key", pool=pool, retry=RetryPolicy(initial=0.0)) as client:
        yield client


async def test_a_client_takes_a_lost_answer_for_what_it_is_and_sends_once() -> None:
    sandbox = Sandbox(SandboxConfig(lose_share=1.0))
    async with client_of(sandbox) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.send(message())
    assert sandbox.stats.accepted == 1


async def test_a_client_repeats_a_status_request_whose_answer_was_lost() -> None:
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        receipt = await client.send(message())
        sandbox.inject("reset", on="status", times=2)
        assert (await client.status(receipt.message_id)).delivery_status == "scheduled"
    assert sandbox.stats.requests["status"] == 3
