"""Channels: a bounded buffer between workers and their reader."""

import asyncio

import pytest

from smsbat_async.channel import Channel
from tests.support.items import turns


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
    async with channel.until_stopped():
        await asyncio.sleep(3_600)
    waited = asyncio.get_running_loop().time() - began
    assert waited == pytest.approx(0.0 if stopped == "before" else 3.0, abs=1e-4)
