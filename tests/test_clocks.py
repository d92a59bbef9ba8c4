"""Clocks that jump and processes that stand still: only the loop's clock is read for waiting."""

import ast
import asyncio
import json
import signal
import subprocess
import sys
import textwrap
import time
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

import smsbat_async
from smsbat_async import (
    CascadeMessage,
    Limits,
    MessageType,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PollPolicy,
    Rate,
    RetryPolicy,
    ServerError,
)
from tests.support import jump, wall_clock_off_by
from tests.support.fake import (
    HANG,
    NO_CONNECTION,
    FakeTransport,
    Reply,
    client_of,
    http,
    most_in_one_second,
    status,
    too_many,
)

PACKAGE = Path(smsbat_async.__file__).parent
MESSAGE = CascadeMessage(
    id="t-1", from_name="Shop", to_phone="+380501234567", message_type=MessageType.TRANSACTION, text="x"
)
WALL_CLOCK = {"now", "utcnow", "today", "fromtimestamp", "time", "time_ns", "localtime", "gmtime", "ctime"}

# -- row 57: the wall clock jumps -----------------------------------------------------------------


def readings_of_the_time_of_day(path: Path) -> list[str]:
    """Return the functions in a file that read a wall clock: `time.time()`, `datetime.now()` and the like."""
    found = []
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if node.func.attr in WALL_CLOCK and owner.rpartition(".")[2] in {"time", "datetime", "date"}:
                    found.append(f"{path.relative_to(PACKAGE).as_posix()}:{function.name}")
    return found


def test_row_57_the_time_of_day_is_read_only_where_a_date_is_compared_with_it() -> None:
    files = [
        path
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in {"sandbox", "campaign", "testing", "telemetry", "cli"}
    ]
    assert len(files) > 20
    found = {where for path in files for where in readings_of_the_time_of_day(path)}
    assert found == {
        "messages.py:__post_init__",  # at most 30 days ahead of now
        "vendors/outcome.py:error_of",  # a Retry-After date without a Date beside it
        "vendors/answers.py:from_epoch",  # turns a vendor's number into a datetime; no clock is read
    }


def test_row_57_nothing_takes_a_clock_of_its_own_by_another_name() -> None:
    for path in PACKAGE.rglob("*.py"):
        if {"sandbox", "campaign", "telemetry", "cli"} & set(path.relative_to(PACKAGE).parts):
            continue  # what is written to disk, or shown to people, has the time of day
        if path.name == "zalo.py":
            continue  # when a webhook was signed is compared with the time of day
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert "time" not in {name.name for name in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert node.module != "time", path


@pytest.mark.looptime
@pytest.mark.parametrize("hours", [-1, 0, 1])
async def test_row_57_backoff_pauses_and_polls_come_as_if_the_wall_clock_had_not_jumped(hours: int) -> None:
    loop = asyncio.get_running_loop()
    answers = [http(503), too_many("4"), status(), *[status("processing")] * 3, status()]
    transport = FakeTransport(answers)
    policy = PollPolicy(jitter=0.0)
    retry = RetryPolicy(initial=2.0)
    async with client_of(transport, polling=policy, retry=retry, random=Random(3)) as client:
        began = loop.time()
        call = asyncio.create_task(client.status("a"))
        await asyncio.sleep(0.01)
        with wall_clock_off_by(3600.0 * hours):
            await call
            assert (await client.wait_for_delivery("b")).success
    first = Random(3).uniform(0.0, 2.0)
    ended = first + 4.0
    expected = [0.0, first, ended, ended + 5.0, ended + 13.0, ended + 25.8, ended + 46.28]
    assert [at - began for at in transport.times] == pytest.approx(expected, abs=1e-3)


@pytest.mark.looptime
@pytest.mark.parametrize("hours", [-1, 0, 1])
async def test_row_57_a_retry_after_date_counts_from_the_answers_own_date(hours: int) -> None:
    loop = asyncio.get_running_loop()
    sent = 1_800_000_000 + hours * 3600
    answer = http(503, retry_after=formatdate(sent + 9, usegmt=True), date=formatdate(sent, usegmt=True))
    transport = FakeTransport([answer, status()])
    async with client_of(transport) as client:
        began = loop.time()
        await client.status("a")
        assert loop.time() - began == pytest.approx(9.0, abs=1e-3)


@pytest.mark.looptime
@pytest.mark.parametrize(("off", "wait"), [(-86_400, 0.0), (86_400, 60.0)])
async def test_row_57_a_retry_after_date_far_off_is_clamped(off: int, wait: float) -> None:
    loop = asyncio.get_running_loop()
    transport = FakeTransport([http(503, retry_after=formatdate(time.time() + off, usegmt=True)), status()])
    async with client_of(transport) as client:
        began = loop.time()
        await client.status("a")
        assert loop.time() - began == pytest.approx(wait, abs=1e-3)


# -- row 58: the process stands still -------------------------------------------------------------


@pytest.mark.looptime(noop_cycles=2)
async def test_row_58_after_an_hour_of_standing_still_no_second_holds_more_than_the_burst() -> None:
    transport = FakeTransport(lambda _call: Reply(status("processing"), 0.05))
    limits = Limits(status=Rate(50, 75), send=None)
    policy = PollPolicy(timeout=7_200.0)
    async with client_of(transport, limits=limits, polling=policy, timeout=None) as client:
        futures = [client.track(f"m-{number}") for number in range(1_000)]
        batch = asyncio.create_task(client.fetch_statuses([f"b-{number}" for number in range(400)]))
        await asyncio.sleep(6)
        before = len(transport.calls)
        jump(3_600.0)
        await asyncio.sleep(10)
        assert 450 <= len(transport.calls) - before <= 50 * 10 + 75
        assert most_in_one_second(transport.times) <= 75
        for future in futures:
            future.cancel()
        await batch


@pytest.mark.looptime
async def test_row_58_whoever_timed_out_while_it_stood_still_hears_of_it_at_once() -> None:
    transport = FakeTransport([status("processing")])
    async with client_of(transport) as client:
        loop = asyncio.get_running_loop()
        future = client.track("a", timeout=60)
        await asyncio.sleep(1)
        jump(3_600.0)
        resumed = loop.time()
        delivery = await future
        assert delivery.outcome is Outcome.TIMED_OUT
        assert loop.time() - resumed <= 0.1


@pytest.mark.looptime
async def test_row_58_a_send_that_was_on_the_wire_is_unknown_and_one_that_was_not_is_not() -> None:
    transport = FakeTransport([HANG])
    async with client_of(transport) as client:
        call = asyncio.create_task(client.send(MESSAGE))
        await asyncio.sleep(1)
        jump(3_600.0)
        with pytest.raises(OutcomeUnknownError):
            await call
        assert len(transport.calls) == 1
    transport = FakeTransport([NO_CONNECTION])
    async with client_of(transport) as client:
        call = asyncio.create_task(client.send(MESSAGE))
        await asyncio.sleep(1)
        jump(3_600.0)
        with pytest.raises(NotSentError):
            await call


@pytest.mark.looptime
async def test_row_58_a_deadline_that_passed_in_a_retrys_wait_ends_the_call() -> None:
    transport = FakeTransport([http(503, retry_after="30"), status()])
    async with client_of(transport, total_timeout=60.0) as client:
        call = asyncio.create_task(client.status("a"))
        await asyncio.sleep(1)
        jump(3_600.0)
        ended = await asyncio.gather(call, return_exceptions=True)
        assert isinstance(ended[0], ServerError)
    assert len(transport.calls) == 1


CHILD = """
    import asyncio, json
    from smsbat_async import Limits, PollPolicy, Rate, SessionPool, SmsBatClient
    from smsbat_async.transport.aiohttp import AiohttpTransport
    from tests.support import ScriptedServer, json_answer

    class Noting(AiohttpTransport):
        async def send(self, request, timeout, attempt):
            starts.append(loop.time())
            if len(starts) == 60:
                print("polling", flush=True)
            if len(starts) == 140:
                enough.set()
            return await super().send(request, timeout, attempt)

    async def main():
        global loop, starts, enough
        loop, starts, enough = asyncio.get_running_loop(), [], asyncio.Event()
        transport = Noting()
        policy = PollPolicy(initial=0.05, factor=1.0, maximum=0.05, allow_fast=True)
        async with (
            ScriptedServer(json_answer({"deliverystatus": "processing"})) as server,
            SmsBatClient(
                api_key="k", base_url=server.url, polling=policy, pool=SessionPool(transport=transport),
                limits=Limits(status=Rate(80, 100)),
            ) as client,
        ):
            futures = [client.track(f"m-{number}") for number in range(200)]
            await enough.wait()
            for future in futures:
                future.cancel()
        await transport.aclose()
        print(json.dumps(starts), flush=True)

    asyncio.run(main())
"""


def test_row_58_a_process_that_was_really_stopped_does_not_make_up_for_lost_time() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PACKAGE.parent,
    )
    with child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "polling\n"
            child.send_signal(signal.SIGSTOP)
            time.sleep(1.5)
            child.send_signal(signal.SIGCONT)
            starts = json.loads(child.stdout.readline())
            assert child.wait(timeout=30) == 0
        finally:
            child.kill()
    gap = max(after - before for before, after in pairwise(starts))
    assert gap >= 1.3  # it did stand still
    assert len(starts) >= 140
    assert most_in_one_second(starts) <= 100
