"""The sandbox's live events, as a browser reads them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import aiohttp
import pytest

from smsbat_async.sandbox import Sandbox
from smsbat_async.sandbox.feed import Feed
from tests.test_sandbox import PLAIN, FakeClock, make, only, post
from tests.test_sandbox_steering import accept, send


class Event(NamedTuple):
    """One event of a stream."""

    name: str
    id: int
    data: dict[str, Any]


class Reader:
    """Reads one stream of events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def next(self) -> Event:
        """The next event; comments are counted and passed over."""
        while True:
            fields: dict[str, str] = {}
            while (line := (await self.response.content.readline()).decode()) not in ("\n", ""):
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
            assert line, "the stream has ended"
            if "" in fields:
                self.comments += 1
                continue
            return Event(fields["event"], int(fields["id"]), json.loads(fields["data"]))

    async def until(self, holds: Callable[[Event], bool]) -> Event:
        """The next event for which something holds."""
        while not holds(event := await self.next()):
            pass
        return event


@asynccontextmanager
async def reading(sandbox: Sandbox) -> AsyncIterator[Reader]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with (
        aiohttp.ClientSession(timeout=timeout, read_bufsize=2**20) as session,
        session.get(sandbox.url + "/_sandbox/events") as response,
    ):
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        yield Reader(response)


async def test_a_reader_is_told_the_numbers_and_then_every_change() -> None:
    clock = FakeClock()
    async with Sandbox(only("delivered", route=("sms",)), clock=clock) as sandbox:
        await accept(sandbox, id="before")
        async with reading(sandbox) as reader:
            hello = await reader.next()
            assert (hello.name, hello.id) == ("hello", 0)
            assert (hello.data["total"], hello.data["counts"]["scheduled"]) == (1, 1)
            assert (hello.data["cost"], hello.data["currency"], hello.data["revision"]) == ("0.00", "USD", 0)
            await accept(sandbox, id="after")
            changed = await reader.next()
            assert (changed.name, changed.id, changed.data["more"]) == ("changed", 1, False)
            assert [message["tracking_id"] for message in changed.data["messages"]] == ["after"]
            assert changed.data["total"] == 2
            # A clock of one's own is glanced at: nobody has to ask.
            clock.seconds += 1.0
            changed = await reader.next()
            assert changed.data["counts"]["processing"] == 2
            assert {message["status"] for message in changed.data["messages"]} == {"processing"}
            sandbox.advance(5.0)
            changed = await reader.next()
            assert (changed.data["counts"]["delivered"], changed.data["cost"]) == (2, "0.10")
            message = await accept(sandbox, id="decided")
            sandbox.decide(message.message_id, "undeliverable")
            changed = await reader.until(lambda event: event.data["counts"]["undeliverable"] == 1)
            assert changed.data["messages"][0]["decided"]
            sandbox.clear()
            cleared = await reader.next()
            assert (cleared.name, cleared.data["total"], cleared.data["cost"]) == ("cleared", 0, "0.00")
            assert cleared.id > changed.id


async def test_channels_that_fail_are_told_while_the_status_stays() -> None:
    clock = FakeClock()
    config = only("undeliverable", route=("viber", "sms"))
    async with Sandbox(config, clock=clock) as sandbox, reading(sandbox) as reader:
        await reader.next()
        await accept(sandbox)
        await reader.next()
        tried = []
        for seconds in (1.0, 3.0, 5.0):
            clock.seconds += seconds
            message = (await reader.next()).data["messages"][0]
            tried.append((message["status"], message["channel"]))
        assert tried == [("processing", "viber"), ("processing", "sms"), ("undeliverable", "sms")]


async def test_many_changes_are_one_event_with_some_of_them() -> None:
    async with Sandbox(replace(PLAIN, max_messages=300)) as sandbox, reading(sandbox) as reader:
        await reader.next()
        await send(sandbox, *[make(id=f"tx-{number}") for number in range(250)])
        event = await reader.next()
        assert (event.data["total"], len(event.data["messages"]), event.data["more"]) == (250, 200, True)
        # What is forgotten is no message any more, but others changed.
        await send(sandbox, *[make(id=f"ty-{number}") for number in range(350)])
        event = await reader.next()
        assert (event.data["total"], event.data["more"]) == (300, True)
        named = {message["message_id"] for message in event.data["messages"]}
        assert named <= {message.message_id for message in sandbox.messages}


async def test_a_slow_reader_costs_no_memory_and_the_others_no_event() -> None:
    feed = Feed()
    slow, quick = feed.subscribe(), feed.subscribe()
    sandbox = Sandbox(PLAIN)
    await send(sandbox, *[make() for _ in range(500)])
    told = 0
    for message in sandbox.messages * 3:
        feed.changed(message, 0.0, None)
        _, messages, more = quick.take()
        assert (messages, more) == ([message], False)
        told += 1
    assert told == 1500
    cleared, messages, more = slow.take()
    assert (cleared, messages, more) == (False, sandbox.messages[:200], True)
    assert slow.take() == (False, [], False)
    assert not slow.news.is_set()
    feed.changed(sandbox.messages[0], 0.0, None)
    feed.cleared()
    assert slow.take() == (True, [], False)


async def test_a_reader_that_goes_leaves_nothing_behind() -> None:
    async with Sandbox(PLAIN) as sandbox:
        before = len(asyncio.all_tasks())
        for _ in range(3):
            async with reading(sandbox) as reader, reading(sandbox):
                await reader.next()
                assert len(asyncio.all_tasks()) > before
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - it goes unannounced
                await asyncio.sleep(0.01)
        # Nobody listens any more, and so nobody is told.
        await send(sandbox, *[make() for _ in range(3)])
        async with reading(sandbox) as reader:
            assert (await reader.next()).data["total"] == 3


async def test_open_streams_end_with_the_sandbox_and_come_back_with_it() -> None:
    sandbox = Sandbox(PLAIN)
    async with aiohttp.ClientSession() as session:
        async with sandbox:
            response = await session.get(sandbox.url + "/_sandbox/events")
            reader = Reader(response)
            assert (await reader.next()).name == "hello"
        assert await response.content.read() == b""
        response.close()
        async with sandbox, reading(sandbox) as reader:
            assert (await reader.next()).name == "hello"
            await post(session, sandbox, [make()])
            assert (await reader.next()).data["total"] == 1


@pytest.mark.looptime
async def test_a_quiet_stream_is_kept_alive_by_comments() -> None:
    async with Sandbox(PLAIN) as sandbox, reading_for_an_hour(sandbox) as reader:
        assert (await reader.next()).name == "hello"
        waiting = asyncio.create_task(reader.next())
        await asyncio.sleep(100.0)
        assert not waiting.done()
        assert reader.comments == 6
        await accept(sandbox)
        assert (await waiting).data["total"] == 1


@asynccontextmanager
async def reading_for_an_hour(sandbox: Sandbox) -> AsyncIterator[Reader]:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3600)) as session,
        session.get(sandbox.url + "/_sandbox/events") as response,
    ):
        yield Reader(response)
