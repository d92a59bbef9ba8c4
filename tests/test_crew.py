"""The crew: one task group for all workers of a client."""

import asyncio
import functools
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from smsbat_async import ClientClosedError, ResultStream
from smsbat_async.channel import Channel
from smsbat_async.crew import Crew, Job
from tests.support.items import turns


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


@pytest.mark.parametrize("turns_before", [0, 1, 4])
async def test_a_program_that_is_cancelled_leaves_no_job_to_wait_for_and_no_crew_to_work_in(
    turns_before: int,
) -> None:
    crew, channel = Crew(), Channel[int]()

    async def work() -> None:
        await asyncio.Event().wait()

    job = Job(work, 1, channel)
    crew.launch(job)
    await turns(turns_before)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.wait_for(job.wait(), 1)
    with pytest.raises(ClientClosedError):
        await channel.get()
    await turns(5)
    with pytest.raises(ClientClosedError):
        crew.launch(Job(work, 1, channel))
    await crew.aclose()


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
async def test_a_worker_that_goes_on_in_spite_of_its_cancellation_is_cancelled_again() -> None:
    crew = Crew()
    cancelled: list[asyncio.CancelledError] = []

    async def work() -> None:
        while len(cancelled) < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                cancelled.append(error)

    job = job_of(work)
    crew.launch(job)
    await turns()
    job.cancel()
    await job.wait()
    assert len(cancelled) == 3
    await crew.aclose()


async def test_a_job_is_over_when_its_last_worker_is_however_the_others_ended() -> None:
    crew, gate = Crew(), asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await gate.wait()

    job = job_of(work, width=3)
    crew.launch(job)
    await turns()
    tasks[0].cancel()
    await turns()
    assert [task.done() for task in tasks] == [True, False, False]
    gate.set()
    await job.wait()
    assert all(task.done() for task in tasks)
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


async def test_a_job_that_is_done_is_forgotten_the_first_one_too() -> None:
    crew = Crew()
    forgotten = []
    for _ in range(2):
        job = job_of(lambda: asyncio.sleep(0), width=2)
        crew.launch(job)
        await job.wait()
        forgotten.append(weakref.ref(job))
    del job
    await turns(3)
    gc.collect()
    assert [ref() for ref in forgotten] == [None, None]
    await crew.aclose()
