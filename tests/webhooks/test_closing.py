"""How a receiver is closed, and what it does where a user's code ends as no user's code should."""

import asyncio
from asyncio import tasks
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Any

import pytest

from smsbat_async import MessageStatus, SmsBatClient
from smsbat_async.webhooks import WebhookEvent, WebhookReceiver
from smsbat_async.webhooks.keeper import Keeper
from tests.support.fake import client_of
from tests.webhooks.posting import SECRET, body, post
from tests.webhooks.test_callbacks import callbacks_of
from tests.webhooks.test_callbacks import event as event_of
from tests.webhooks.test_receiver import waiting

Event = WebhookEvent[MessageStatus]


def receiver_of(client: SmsBatClient, **options: Any) -> WebhookReceiver[MessageStatus]:
    return WebhookReceiver(client, secrets=[SECRET], **options)


def id_of(event: Event) -> str:
    assert event.status is not None
    return event.status.message_id


# -- a store that ends as none should -----------------------------------------------------------------


@pytest.mark.looptime
async def test_row_69_a_store_that_raises_no_exception_fails_and_the_next_events_are_stored() -> None:
    stored: list[str] = []

    async def store(events: Sequence[Event]) -> None:
        await asyncio.sleep(1.0)
        if not stored:
            stored.append("in vain")
            pytest.fail("which raises no Exception")
        stored.extend(map(id_of, events))

    async with client_of(waiting()) as client, receiver_of(client, store=store) as receiver:
        first = asyncio.create_task(post(receiver, body("m-1")))
        await asyncio.sleep(0.5)
        second = asyncio.create_task(post(receiver, body("m-2")))  # waits for the write of the first
        async with asyncio.timeout(60):
            assert ((await first).status, (await second).status) == (503, 200)
    assert stored == ["in vain", "m-2"]


@pytest.mark.looptime
@pytest.mark.parametrize("first", [0.0, 0.5])
@pytest.mark.parametrize("then", [0.0, 0.1])
async def test_row_69_nobody_waits_for_a_write_that_is_cancelled_and_the_next_one_is_begun(
    first: float, then: float
) -> None:
    stored: list[str] = []

    async def store(events: Sequence[Event]) -> None:
        await asyncio.sleep(1.0)
        stored.extend(map(id_of, events))

    keeper: Keeper[MessageStatus] = Keeper(store, 5.0)
    keeping = [asyncio.create_task(keeper.keep(event_of("m-1")))]
    ours = asyncio.all_tasks()
    if first:  # or both are in one write
        await asyncio.sleep(first)
    keeping.append(asyncio.create_task(keeper.keep(event_of("m-2"))))
    await asyncio.sleep(then)  # 0: it is about to begin
    for task in asyncio.all_tasks() - ours - {*keeping}:
        task.cancel()
    async with asyncio.timeout(60):
        assert await asyncio.gather(*keeping) == [False, False]
        assert await keeper.keep(event_of("m-3"))
    assert stored == ["m-3"]


async def test_a_loop_that_was_left_in_the_middle_of_a_write_holds_up_no_other() -> None:
    """Which is seen from a thread: two loops cannot run in one."""
    begun: list[str] = []

    async def store(events: Sequence[Event]) -> None:
        begun.extend(map(id_of, events))
        await asyncio.sleep(3_600 if len(begun) == 1 else 0)

    def run() -> bool:
        keeper: Keeper[MessageStatus] = Keeper(store, 3_600)
        with asyncio.Runner() as first, asyncio.Runner() as second:
            left = first.get_loop().create_task(keeper.keep(event_of("m-1")))
            first.run(asyncio.sleep(0.01))
            assert not left.done()
            return second.run(asyncio.wait_for(keeper.keep(event_of("m-2")), 5.0))

    assert await asyncio.to_thread(run)
    assert begun == ["m-1", "m-2"]


# -- webhooks under way -------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_what_is_being_stored_when_it_is_closed_is_told_and_counted() -> None:
    told: list[str] = []

    async def store(_: Sequence[Event]) -> None:
        await asyncio.sleep(1.0)

    async def on_event(event: Event) -> None:
        await asyncio.sleep(1.0)
        told.append(id_of(event))

    async with client_of(waiting()) as client:
        future = client.track("m-1")
        async with receiver_of(client, store=store, on_event=on_event) as receiver:
            sending = [asyncio.create_task(post(receiver, body(name))) for name in ("m-1", "m-2")]
            await asyncio.sleep(0.5)
            sending.append(asyncio.create_task(post(receiver, body("m-3"))))  # for the next write
            await asyncio.sleep(0.1)
        assert [(await one).status for one in sending] == [200, 200, 200]
        assert (await future).success
    assert sorted(told) == ["m-1", "m-2", "m-3"]
    assert receiver.stats.accepted == 3


@pytest.mark.parametrize("steps", range(8))
async def test_it_may_be_closed_at_any_moment_between_the_store_and_the_answer(steps: int) -> None:
    told: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def store(_: Sequence[Event]) -> None:
        begun.set()
        await go_on.wait()

    async with client_of(waiting()) as client:
        receiver = receiver_of(client, store=store, on_event=lambda event: told.append(id_of(event)))
        sending = asyncio.create_task(post(receiver, body()))
        await begun.wait()
        go_on.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        await receiver.aclose()
        assert told == ["m-1"]
        assert (await sending).status == 200


# -- no longer than the grace -------------------------------------------------------------------------


@pytest.mark.looptime
async def test_callbacks_that_answer_their_cancellation_with_an_error_keep_nobody_waiting() -> None:
    async def slow(_: Event) -> None:
        try:
            await asyncio.sleep(5.0)
        except asyncio.CancelledError:
            raise OSError("no rollback") from None

    callbacks = callbacks_of(slow, concurrency=1)
    for number in range(10):
        callbacks.submit(event_of(str(number)))
    await callbacks.aclose(grace=1.0)
    assert asyncio.get_running_loop().time() == pytest.approx(1.0, abs=0.1)
    assert (callbacks.failures, callbacks.dropped, callbacks.pending) == (1, 9, 0)


@pytest.mark.looptime
async def test_a_callback_that_is_cancelled_may_tidy_up() -> None:
    said: list[str] = []

    async def careful(_: Event) -> None:
        try:
            await asyncio.sleep(3_600)
        finally:
            await asyncio.sleep(0.3)  # such as ROLLBACK
            said.append("rolled back")

    callbacks = callbacks_of(careful, concurrency=2)
    callbacks.submit(event_of("a"))
    callbacks.submit(event_of("b"))
    await callbacks.aclose(grace=1.0)
    assert said == ["rolled back"] * 2
    assert callbacks.pending == 0


@pytest.mark.looptime
async def test_closing_again_after_the_first_was_cancelled_with_all_tasks_is_no_cancellation() -> None:
    async with client_of(waiting()) as client:
        receiver = WebhookReceiver(client, secrets=[SECRET], on_event=lambda _: asyncio.sleep(3_600))
        assert (await post(receiver, body())).status == 200
        await asyncio.sleep(1.0)
        first = asyncio.ensure_future(receiver.aclose())
        await asyncio.sleep(1.0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait([first])
        await receiver.aclose()
        assert (await post(receiver, body())).status == 503


@pytest.mark.looptime
async def test_no_more_webhooks_wait_for_the_store_than_the_backlog_holds() -> None:
    async def slow(_: Any) -> None:
        await asyncio.sleep(1.0)

    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], store=slow, backlog=3) as receiver,
    ):
        posts = []
        for number in range(5):
            posts.append(asyncio.ensure_future(post(receiver, body(f"m-{number}"))))
            await asyncio.sleep(0.1)
        assert [reply.status for reply in await asyncio.gather(*posts)] == [200, 200, 200, 503, 503]
        assert (await post(receiver, body("m-9"))).status == 200
    assert receiver.stats.not_now == 2


@pytest.mark.looptime
@pytest.mark.parametrize(("times", "seconds"), [(1, 2.0), (3, 2.2), (1_000, 3.0)])
async def test_a_callback_that_goes_on_is_cancelled_again_and_then_named(
    caplog: pytest.LogCaptureFixture, times: int, seconds: float
) -> None:
    cancelled = 0
    ends = asyncio.Event()

    async def stubborn(_: Event) -> None:
        nonlocal cancelled
        while True:
            try:
                await ends.wait()
            except asyncio.CancelledError:
                cancelled += 1
                if cancelled > times:
                    raise
            else:
                return

    callbacks = callbacks_of(stubborn, concurrency=1)
    for name in ("a", "b"):
        callbacks.submit(event_of(name))
    async with asyncio.timeout(60):
        await callbacks.aclose(grace=1.0)
    assert asyncio.get_running_loop().time() == pytest.approx(seconds, abs=0.05)
    goes_on = times == 1_000
    assert callbacks.pending == goes_on
    assert ("go on although cancelled, among them: x of a" in caplog.text) is goes_on
    assert f"closed with {1 if goes_on else 2} callbacks not done" in caplog.text
    ends.set()
    await asyncio.sleep(0.1)
    assert callbacks.pending == 0


@pytest.mark.looptime
async def test_a_store_that_goes_on_for_ever_holds_up_no_closing() -> None:
    ends = asyncio.Event()

    async def stubborn(_: Sequence[Event]) -> None:
        while not ends.is_set():
            try:
                await ends.wait()
            except asyncio.CancelledError:
                continue

    async with client_of(waiting()) as client:
        receiver = receiver_of(client, store=stubborn)
        sending = asyncio.create_task(post(receiver, body()))
        await asyncio.sleep(1.0)
        async with asyncio.timeout(60):
            await receiver.aclose()
        assert asyncio.get_running_loop().time() == pytest.approx(8.0, abs=0.1)
        ends.set()
        await sending


# -- who closes ---------------------------------------------------------------------------------------


async def stuck(_: Event) -> None:
    await asyncio.sleep(3_600)


@pytest.mark.looptime
async def test_two_that_close_at_once_wait_for_the_same_and_it_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with client_of(waiting()) as client, receiver_of(client, on_event=stuck) as receiver:
        await post(receiver, body())
        await asyncio.gather(receiver.aclose(1.0), receiver.aclose(1.0))
        assert asyncio.get_running_loop().time() == pytest.approx(1.0, abs=0.1)
    assert caplog.messages == ["closed with 1 callbacks not done, among them: delivery_status of m-1"]


@pytest.mark.looptime
async def test_a_closing_whose_caller_is_cancelled_is_done_nevertheless(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with client_of(waiting()) as client, receiver_of(client, on_event=stuck) as receiver:
        await post(receiver, body())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await receiver.aclose(5.0)
        assert receiver.callbacks_pending == 1
        await receiver.aclose()
        assert asyncio.get_running_loop().time() == pytest.approx(5.0, abs=0.1)
    assert caplog.messages == ["closed with 1 callbacks not done, among them: delivery_status of m-1"]


def test_what_a_program_that_ends_gives_up_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with client_of(waiting()) as client:
            receiver = receiver_of(client, on_event=stuck, concurrency=1)
            for name in ("a", "b", "c"):
                await post(receiver, body(name))
            await asyncio.sleep(0)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):  # the time that an application has to end
                    await receiver.aclose()

    with asyncio.Runner() as runner:
        runner.run(main())
        assert not caplog.messages
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("closed with 3 callbacks not done")
    for name in ("a", "b", "c"):
        assert f"delivery_status of {name}" in caplog.messages[0]


@pytest.mark.looptime
async def test_a_callback_may_close_its_receiver_and_does_not_wait_for_itself() -> None:
    told: list[str] = []

    async def closing(event: Event) -> None:
        await receiver.aclose(grace=60.0)
        told.append(id_of(event))

    async with client_of(waiting()) as client:
        receiver = receiver_of(client, on_event=closing, concurrency=1)
        replies = await asyncio.gather(*(post(receiver, body(name)) for name in ("a", "b", "c")))
        assert [reply.status for reply in replies] == [200, 200, 200]
        await asyncio.sleep(0.1)
        await receiver.aclose()
        assert told == ["a", "b", "c"]
        assert asyncio.get_running_loop().time() == pytest.approx(0.1, abs=0.05)


# -- a check that ends as none should -----------------------------------------------------------------


def raise_no_exception(*_: Any) -> bool:
    pytest.fail("which raises no Exception")


def ask_what_was_cancelled(*_: Any) -> bool:
    asked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    asked.cancel()
    return asked.result()


@pytest.mark.looptime
@pytest.mark.parametrize("verify", [raise_no_exception, ask_what_was_cancelled])
async def test_row_65_a_check_that_raises_no_exception_is_a_refusal(verify: Callable[..., bool]) -> None:
    async with client_of(waiting()) as client, WebhookReceiver(client, verify=verify) as receiver:
        assert (await post(receiver, body())).status == 401
        assert receiver.stats.unauthorized == 1


@pytest.mark.looptime
async def test_a_check_hides_neither_the_end_of_the_program_nor_that_of_the_request() -> None:
    def stop(*_: Any) -> bool:
        raise KeyboardInterrupt

    def cancel(*_: Any) -> bool:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        raise asyncio.CancelledError

    async with client_of(waiting()) as client:
        with pytest.raises(KeyboardInterrupt):
            await post(WebhookReceiver(client, verify=stop), body())
        sending = asyncio.create_task(post(WebhookReceiver(client, verify=cancel), body()))
        await asyncio.wait([sending])
        assert sending.cancelled()


# -- loops that begin every task at once ----------------------------------------------------------------


class EagerLoop(asyncio.SelectorEventLoop):
    """Takes the first step of every task where the task is made, as Python can have loops do from 3.12 on."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[tuple[Callable[..., Any], Context | None]] | None = None

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        if not self.is_running():
            return super().create_task(coro, **options)
        steps: list[tuple[Callable[..., Any], Context | None]] = []
        self._steps = steps
        try:
            task = super().create_task(coro, **options)
        finally:
            self._steps = None
        outer = asyncio.current_task(self)
        if outer is not None:
            tasks._leave_task(self, outer)
        try:
            for step, context in steps:
                assert context is not None
                context.run(step)
        finally:
            if outer is not None:
                tasks._enter_task(self, outer)
        return task

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        if self._steps is None:
            return super().call_soon(callback, *args, context=context)
        self._steps.append((callback, context))
        return None


FACTORY = getattr(asyncio, "eager_task_factory", None)


def pythons_own() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_task_factory(FACTORY)
    return loop


eager = pytest.mark.parametrize("loop", [EagerLoop, pythons_own] if FACTORY else [EagerLoop])


async def all_told(receiver: WebhookReceiver[MessageStatus]) -> None:
    while receiver.callbacks_pending:  # noqa: ASYNC110 - closing would begin what lies still
        await asyncio.sleep(0)


def run_with(loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[SmsBatClient], Any]) -> None:
    async def run() -> None:
        async with asyncio.timeout(5), client_of(waiting()) as client:
            await main(client)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


@eager
def test_the_loop_of_these_tests_begins_every_task_at_once(loop: Callable[..., Any]) -> None:
    async def main(_: SmsBatClient) -> None:
        began: list[Any] = []

        async def work() -> None:
            began.append(asyncio.current_task())
            await asyncio.sleep(0)

        task = asyncio.create_task(work())
        assert began == [task]
        assert asyncio.current_task() is not task
        await task

    run_with(loop, main)


@eager
def test_where_tasks_begin_at_once_every_event_is_stored(loop: Callable[..., Any]) -> None:
    stored: list[str] = []

    async def store(events: Sequence[Event]) -> None:
        stored.extend(map(id_of, events))

    async def main(client: SmsBatClient) -> None:
        async with receiver_of(client, store=store) as receiver:
            for name in ("a", "b", "c"):
                assert (await post(receiver, body(name))).status == 200

    run_with(loop, main)
    assert stored == ["a", "b", "c"]


@eager
def test_where_tasks_begin_at_once_no_callback_lies_still(loop: Callable[..., Any]) -> None:
    told: list[str] = []

    async def main(client: SmsBatClient) -> None:
        receiver = receiver_of(client, on_event=lambda event: told.append(id_of(event)))
        await asyncio.gather(*(post(receiver, body(str(number))) for number in range(40)))
        await all_told(receiver)
        await receiver.aclose()

    run_with(loop, main)
    assert sorted(told, key=int) == [str(number) for number in range(40)]


@eager
def test_where_tasks_begin_at_once_a_callback_that_brings_events_still_runs_alone(
    loop: Callable[..., Any],
) -> None:
    order: list[str] = []

    async def main(client: SmsBatClient) -> None:
        async def on_event(event: Event) -> None:
            name = id_of(event)
            order.append(f"{name} begins")
            if name != "aaa":
                await post(receiver, body(name + "a"))
            order.append(f"{name} ends")

        receiver = receiver_of(client, on_event=on_event, concurrency=1)
        await post(receiver, body("a"))
        await all_told(receiver)
        await receiver.aclose()

    run_with(loop, main)
    assert order == [f"{name} {what}" for name in ("a", "aa", "aaa") for what in ("begins", "ends")]
