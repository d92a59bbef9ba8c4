"""What streams are made of: sources, channels, jobs and the crew."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from smsbat_async import ClientClosedError, InvalidMessageError, ResultStream
from smsbat_async.streams import END, Channel, Crew, Job, Source


async def ids(count: int, ask: "list[int] | None" = None) -> AsyncIterator[str]:
    for number in range(count):
        if ask is not None:
            ask.append(number)
        await asyncio.sleep(0)
        yield f"m-{number}"


def broken_after(count: int) -> Iterator[str]:
    yield from (f"m-{number}" for number in range(count))
    raise LookupError("the table is gone")


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# -- sources --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: ["a", "b"], lambda: iter("ab"), lambda: {"a": 1, "b": 2}])
async def test_a_source_gives_the_items_of_any_iterable_and_then_the_end_for_good(
    make: Callable[[], Any],
) -> None:
    source: Source[str] = Source(make(), "message_ids")
    assert [await source.take(Channel()) for _ in range(4)] == ["a", "b", END, END]


async def test_a_source_gives_the_items_of_an_async_iterable() -> None:
    source = Source(ids(2), "message_ids")
    assert [await source.take(Channel()) for _ in range(4)] == ["m-0", "m-1", END, END]


async def test_an_async_generator_is_never_asked_twice_at_once() -> None:
    source = Source(ids(50), "message_ids")
    taken = await asyncio.gather(*(source.take(Channel()) for _ in range(60)))
    assert sorted(str(item) for item in taken[:50]) == sorted(f"m-{number}" for number in range(50))
    assert taken[50:] == [END] * 10


@pytest.mark.parametrize("wrong", ["a text", b"bytes", 5, None, 1.5], ids=repr)
def test_a_text_or_what_is_no_iterable_is_refused_by_the_name_of_the_parameter(wrong: Any) -> None:
    with pytest.raises(InvalidMessageError, match="message_ids: must be an iterable or async") as caught:
        Source(wrong, "message_ids")
    assert (caught.value.field, caught.value.code) == ("message_ids", "not_iterable")


async def test_an_error_of_the_iterable_comes_once_and_is_the_end() -> None:
    source = Source(broken_after(1), "x")
    assert await source.take(Channel()) == "m-0"
    with pytest.raises(LookupError):
        await source.take(Channel())
    assert await source.take(Channel()) is END


async def test_many_items_are_taken_at_once_and_the_rest_is_shorter() -> None:
    source = Source(ids(5), "x")
    assert await source.take_many(3) == ["m-0", "m-1", "m-2"]
    assert await source.take_many(3) == ["m-3", "m-4"]
    assert await source.take_many(3) == []


async def test_what_came_before_an_error_is_given_first() -> None:
    source = Source(broken_after(2), "x")
    assert await source.take_many(3) == ["m-0", "m-1"]
    with pytest.raises(LookupError):
        await source.take_many(3)
    assert await source.take_many(3) == []


# -- channels -------------------------------------------------------------------------------------


async def test_a_channel_holds_no_more_than_its_capacity() -> None:
    channel: Channel[int] = Channel(2)
    puts = [asyncio.create_task(channel.put(number)) for number in range(5)]
    await turns()
    assert len(channel) == 2
    assert await channel.get() == 0
    await turns()
    assert len(channel) == 2
    assert [await channel.get() for _ in range(4)] == [1, 2, 3, 4]
    await asyncio.gather(*puts)


async def test_after_a_stop_there_is_room_for_everything_that_was_under_way() -> None:
    channel: Channel[int] = Channel(1)
    puts = [asyncio.create_task(channel.put(number)) for number in range(3)]
    await turns()
    channel.stop()
    await asyncio.gather(*puts)
    assert (len(channel), channel.stopped) == (3, True)


async def test_an_error_comes_after_the_results_that_were_there_and_only_once() -> None:
    channel: Channel[int] = Channel()
    channel.put_nowait(1)
    channel.fail(LookupError("first"))
    channel.keep(LookupError("second"))
    channel.put_nowait(2)
    channel.finish()
    assert [await channel.get(), await channel.get()] == [1, 2]
    assert str(channel.failure) == "first"
    with pytest.raises(LookupError, match="first"):
        await channel.get()
    with pytest.raises(StopAsyncIteration):
        await channel.get()


async def test_a_reader_that_is_cancelled_just_when_woken_wakes_the_next() -> None:
    channel: Channel[int] = Channel()
    first, second = (asyncio.create_task(channel.get()) for _ in range(2))
    await turns()
    channel.put_nowait(7)
    first.cancel()
    assert await second == 7
    assert first.cancelled() or first.cancelling()
    await asyncio.gather(first, return_exceptions=True)


async def test_readers_that_gave_up_are_passed_over() -> None:
    channel: Channel[int] = Channel()
    first, second = (asyncio.create_task(channel.get()) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    channel.put_nowait(7)
    assert await second == 7


async def test_the_end_reaches_every_reader() -> None:
    channel: Channel[int] = Channel()
    readers = [asyncio.create_task(channel.get()) for _ in range(3)]
    await turns()
    readers[0].cancel()
    channel.finish()
    ended = await asyncio.gather(*readers, return_exceptions=True)
    # A task cannot raise StopAsyncIteration as itself everywhere, so only the count of errors is looked at.
    assert [isinstance(error, BaseException) for error in ended] == [True] * 3


@pytest.mark.looptime
@pytest.mark.parametrize("stopped", ["before", "inside"])
async def test_the_word_to_stop_breaks_off_the_wait_for_a_silent_source(stopped: str) -> None:
    channel: Channel[int] = Channel()
    if stopped == "before":
        channel.stop()
    else:
        asyncio.get_running_loop().call_later(3.0, channel.stop)
    began = asyncio.get_running_loop().time()
    with channel.until_stopped():
        await asyncio.sleep(3_600)
    waited = asyncio.get_running_loop().time() - began
    assert waited == pytest.approx(0.0 if stopped == "before" else 3.0, abs=1e-4)


# -- the crew -------------------------------------------------------------------------------------


async def test_a_crew_that_is_closed_takes_no_more_work() -> None:
    crew = Crew()
    await crew.aclose()
    with pytest.raises(ClientClosedError):
        crew.launch(job_of(asyncio.Event().wait))


def job_of(worker: Callable[[], Awaitable[object]], width: int = 1) -> Job:
    async def work() -> None:
        await worker()

    return Job(work, width, Channel())


async def test_a_job_that_never_got_a_chance_to_run_is_settled_by_the_closing() -> None:
    crew = Crew()
    job = job_of(asyncio.Event().wait)
    crew.launch(job)
    await crew.aclose()
    await asyncio.wait_for(job.wait(), 1)


@pytest.mark.looptime
async def test_a_job_that_is_stopped_with_a_grace_is_cancelled_when_it_is_over() -> None:
    crew, loop = Crew(), asyncio.get_running_loop()
    job = job_of(asyncio.Event().wait, width=3)
    crew.launch(job)
    await turns()
    began = loop.time()
    job.stop(7.0)
    job.stop(1.0)  # the first word counts
    await job.wait()
    assert loop.time() - began == pytest.approx(7.0, abs=1e-4)
    job.stop(7.0)
    await crew.aclose()


@pytest.mark.looptime
async def test_a_stream_with_a_grace_lets_what_is_under_way_come_to_its_end() -> None:
    crew, loop = Crew(), asyncio.get_running_loop()

    def begin(seconds: float) -> tuple[Job, Channel[int]]:
        channel: Channel[int] = Channel()

        async def work() -> None:
            await asyncio.sleep(seconds)
            await channel.put(7)

        job = Job(work, 1, channel)
        crew.launch(job)
        return job, channel

    for seconds, told in ((2.0, [7]), (60.0, [])):
        stream: ResultStream[int] = ResultStream(functools.partial(begin, seconds), grace=5.0)
        began = loop.time()
        async with stream:
            await turns()
        assert loop.time() - began == pytest.approx(min(seconds, 5.0), abs=1e-3)
        assert [number async for number in stream] == told
    await crew.aclose()


async def test_a_job_that_is_cancelled_before_it_began_does_nothing() -> None:
    crew, ran = Crew(), []

    async def work() -> None:
        while not channel.stopped:
            ran.append(1)
            await asyncio.sleep(0)

    channel: Channel[int] = Channel()
    job = Job(work, 1, channel)
    crew.launch(job)
    job.cancel()
    await job.wait()
    job.settle()
    assert ran == []
    with pytest.raises(StopAsyncIteration):
        await channel.get()
    await crew.aclose()


@pytest.mark.looptime
async def test_draining_a_crew_waits_no_longer_than_the_grace() -> None:
    crew, loop = Crew(), asyncio.get_running_loop()
    await crew.drain(5.0)
    crew.launch(job_of(asyncio.Event().wait))
    await turns()
    began = loop.time()
    await crew.drain(5.0)
    assert loop.time() - began == pytest.approx(5.0, abs=1e-4)
    await crew.aclose()


async def test_a_worker_that_raises_stops_its_job_and_the_reader_gets_the_error() -> None:
    crew = Crew()
    channel: Channel[int] = Channel()

    async def work() -> None:
        raise LookupError("broken")

    crew.launch(Job(work, 2, channel))
    with pytest.raises(LookupError, match="broken"):
        await channel.get()
    assert channel.stopped
    await crew.aclose()
