"""What the user does with events, in the background."""

import asyncio
import contextvars
from typing import Any

import pytest

from smsbat_async import MessageStatus
from smsbat_async.vendors.webhook import WebhookEvent
from smsbat_async.webhooks.callbacks import Callbacks
from tests.support.items import await_the_cancelled, turns


def event(name: str = "a") -> WebhookEvent[MessageStatus]:
    return WebhookEvent(name="x", status=MessageStatus(message_id=name, delivery_status="delivered"))


def callbacks_of(on_event: Any, *, concurrency: int = 2, backlog: int = 100) -> Callbacks[MessageStatus]:
    return Callbacks(on_event, concurrency=concurrency, backlog=backlog)


@pytest.mark.looptime
async def test_so_many_run_at_a_time_and_no_more() -> None:
    running, most, order = 0, 0, list[str]()

    async def work(told: WebhookEvent[MessageStatus]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        assert told.status is not None
        order.append(told.status.message_id)
        await asyncio.sleep(1.0)
        running -= 1

    callbacks = callbacks_of(work, concurrency=3)
    for number in range(10):
        callbacks.submit(event(str(number)))
    await asyncio.sleep(0.5)
    assert callbacks.pending == 10
    await callbacks.aclose(grace=60.0)
    assert order == [str(number) for number in range(10)]
    assert (most, callbacks.pending, callbacks.dropped) == (3, 0, 0)
    assert asyncio.get_running_loop().time() == pytest.approx(4.0, abs=0.1)


@pytest.mark.looptime
async def test_row_60_one_that_raises_is_counted_and_the_others_run(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def work(told: WebhookEvent[MessageStatus]) -> None:
        assert told.status is not None
        if told.status.message_id == "b":
            raise ValueError("+380501234567")
        done.append(told.status.message_id)

    callbacks = callbacks_of(work, concurrency=1)
    for name in ("a", "b", "c"):
        callbacks.submit(event(name))
    await callbacks.aclose(grace=1.0)
    assert done == ["a", "c"]
    assert callbacks.failures == 1
    assert "ValueError in " in caplog.text
    assert "test_callbacks.py, line " in caplog.text
    assert "380501234567" not in caplog.text


@pytest.mark.looptime
async def test_row_60_one_that_awaits_what_is_cancelled_is_counted_and_the_others_run() -> None:
    done: list[str] = []

    async def work(told: WebhookEvent[MessageStatus]) -> None:
        assert told.status is not None
        if told.status.message_id == "b":
            await await_the_cancelled()
        if told.status.message_id == "c":
            pytest.fail("which raises no Exception")
        done.append(told.status.message_id)

    callbacks = callbacks_of(work, concurrency=1)
    for name in ("a", "b", "c", "d"):
        callbacks.submit(event(name))
    await callbacks.aclose(grace=1.0)
    assert done == ["a", "d"]
    assert (callbacks.failures, callbacks.dropped) == (2, 0)


@pytest.mark.looptime
async def test_a_plain_function_will_do() -> None:
    told: list[Any] = []
    callbacks = callbacks_of(told.append)
    callbacks.submit(event())
    await asyncio.sleep(0.1)
    assert told == [event()]
    assert callbacks.pending == 0
    await callbacks.aclose(grace=1.0)


async def test_as_many_as_come_at_once_are_done_within_a_few_turns_of_the_loop() -> None:
    done: list[str] = []

    async def work(told: WebhookEvent[MessageStatus]) -> None:
        assert told.status is not None
        done.append(told.status.message_id)

    callbacks = callbacks_of(work, concurrency=2)
    names = [f"m-{number}" for number in range(1_000)]
    for name in names:
        callbacks.submit(event(name))
    await turns(5)
    assert (done, callbacks.pending) == (names, 0)


@pytest.mark.looptime
async def test_a_callback_is_no_part_of_the_request_that_started_it() -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")
    seen: list[str] = []
    callbacks = callbacks_of(lambda _told: seen.append(request.get()))
    request.set("the first")
    callbacks.submit(event())
    await callbacks.aclose(grace=1.0)
    assert seen == ["none"]


@pytest.mark.looptime
async def test_what_is_not_done_within_the_grace_is_given_up_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stuck(told: WebhookEvent[MessageStatus]) -> None:
        await asyncio.sleep(3_600)

    callbacks = callbacks_of(stuck, concurrency=2)
    for name in ("a", "b", "c"):
        callbacks.submit(event(name))
    await callbacks.aclose(grace=5.0)
    assert asyncio.get_running_loop().time() == pytest.approx(5.0, abs=0.1)
    assert (callbacks.dropped, callbacks.pending) == (3, 0)
    for name in ("a", "b", "c"):
        assert f"x of {name}" in caplog.text


async def test_an_event_that_comes_as_the_workers_end_does_not_wait_for_the_next() -> None:
    told: list[str] = []
    callbacks = callbacks_of(lambda one: told.append(one.status.message_id), concurrency=2)
    callbacks.submit(event("a"))
    callbacks.submit(event("b"))
    # After both workers have run, and before the loop tells anybody that their tasks are done.
    asyncio.get_running_loop().call_soon(callbacks.submit, event("c"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert told == ["a", "b", "c"]
    assert callbacks.pending == 0
