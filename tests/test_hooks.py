"""Hooks are told everything and can break nothing."""

import asyncio
import functools
import gc
import logging
from collections.abc import Callable
from weakref import WeakKeyDictionary

import msgspec
import pytest

from smsbat_async import (
    Call,
    CallFinished,
    CallStarted,
    CascadeMessage,
    ChunkSent,
    ConfigurationError,
    Delivery,
    DeliveryResolved,
    MessageStatus,
    MessageType,
    Outcome,
    Paused,
    PollDone,
    RequestFinished,
    RetryScheduled,
    Route,
    SendOutcome,
    SendResult,
    ServerError,
    TrackingEnded,
    TrackingStarted,
)
from smsbat_async.hooks import Hooks

TEXT = "your code is 4711"
PHONE = "+380501234567"
MESSAGE = CascadeMessage(
    id="order-1", from_name="Brand", to_phone=PHONE, message_type=MessageType.TRANSACTION, text=TEXT
)
SENT = ChunkSent(results=(SendResult(MESSAGE, SendOutcome.ACCEPTED, "m-1"),), route=Route.STANDARD)
ERROR = ServerError(status_code=503)
DELIVERY: Delivery[MessageStatus] = Delivery(message_id="m-1", outcome=Outcome.DELIVERED)
CALL = Call(number=1, operation="send", vendor="smsbat", host="https://h:443", began=0.0)
EVENTS: list[msgspec.Struct] = [
    CallStarted(call=CALL),
    CallFinished(call=CALL, elapsed=0.5, error_type="ServerError"),
    RequestFinished(
        kind="status",
        host="https://h:443",
        method="GET",
        template="/bat/message/{message_id}",
        attempt=1,
        status_code=None,
        elapsed=0.5,
        error=ERROR,
    ),
    RetryScheduled(kind="status", host="https://h:443", attempt=1, delay=0.25, error=ERROR),
    Paused(kind="send", host="https://h:443", seconds=2.0, per_second=50.0),
    PollDone[MessageStatus](message_id="m-1", polls=1, status=None, error=ERROR),
    TrackingStarted(message_id="m-1", vendor="smsbat"),
    TrackingEnded(message_id="m-1", vendor="smsbat"),
    DeliveryResolved(delivery=DELIVERY),
    SENT,
]


def breaking(error: BaseException) -> Callable[[object], None]:
    def hook(event: object) -> None:
        raise error

    return hook


class TestTelling:
    def test_every_hook_gets_every_event_in_order(self) -> None:
        first: list[object] = []
        second: list[object] = []
        hooks = Hooks([first.append, second.append])
        for event in EVENTS:
            hooks.emit(event)
        assert first == second == EVENTS
        assert hooks.failures == 0

    def test_no_hooks_are_falsy_so_that_no_event_need_be_made(self) -> None:
        assert not Hooks()
        assert not Hooks(())
        assert Hooks([print])
        Hooks().emit(SENT)

    def test_an_object_whose_call_would_have_to_be_awaited_is_refused(self) -> None:
        class Waits:
            async def __call__(self, event: object) -> None:
                raise AssertionError

        with pytest.raises(ConfigurationError, match="none a coroutine function"):
            Hooks([Waits()])  # type: ignore[list-item]

    def test_hooks_may_come_from_a_generator(self) -> None:
        heard: list[object] = []
        hooks = Hooks(hook for hook in [heard.append])
        hooks.emit(SENT)
        hooks.emit(SENT)
        assert heard == [SENT, SENT]


class TestBreaking:
    @pytest.mark.parametrize(
        "error",
        [
            ValueError("x"),
            KeyError(PHONE),
            ERROR,
            AssertionError(TEXT),
            StopIteration(),
            asyncio.CancelledError(),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_is_counted_and_the_others_are_told_all_the_same(self, error: BaseException) -> None:
        heard: list[object] = []
        hooks = Hooks([breaking(error), heard.append, breaking(error)])
        hooks.emit(SENT)
        assert hooks.failures == 2
        assert heard == [SENT]

    def test_is_logged_without_texts_and_phone_numbers(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        Hooks([breaking(ValueError(f"{PHONE} {TEXT} {MESSAGE!r}"))]).emit(SENT)
        [record] = caplog.records
        assert (record.name, record.levelno) == ("smsbat_async.hooks", logging.ERROR)
        assert record.getMessage().endswith("raised ValueError on ChunkSent")
        assert "breaking" in record.getMessage()
        assert record.exc_info is None
        assert PHONE not in caplog.text
        assert TEXT not in caplog.text

    def test_is_logged_without_what_a_partial_holds(self, caplog: pytest.LogCaptureFixture) -> None:
        def post(token: str, event: object) -> None:
            raise ValueError

        Hooks([functools.partial(post, "token-4711")]).emit(SENT)
        assert caplog.records[0].getMessage() == "hook partial raised ValueError on ChunkSent"

    def test_by_an_interrupt_stops_the_program(self) -> None:
        hooks = Hooks([breaking(KeyboardInterrupt())])
        with pytest.raises(KeyboardInterrupt):
            hooks.emit(SENT)
        assert hooks.failures == 0


class TestEvents:
    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_are_frozen(self, event: msgspec.Struct) -> None:
        name = event.__struct_fields__[0]
        with pytest.raises(AttributeError):
            setattr(event, name, "changed")

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_take_keywords_only(self, event: msgspec.Struct) -> None:
        with pytest.raises(TypeError):
            type(event)(*[None for _ in event.__struct_fields__])

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_show_neither_texts_nor_phone_numbers(self, event: msgspec.Struct) -> None:
        assert TEXT not in repr(event)
        assert PHONE not in repr(event)

    def test_a_call_is_equal_to_itself_only_and_may_be_kept_weakly(self) -> None:
        twin = Call(number=1, operation="send", vendor="smsbat", host="https://h:443", began=0.0)
        assert twin != CALL
        kept = WeakKeyDictionary({CALL: "first", twin: "second"})
        assert kept[CALL] == "first"
        del twin
        gc.collect()
        assert list(kept.values()) == ["first"]
        with pytest.raises(AttributeError):
            CALL.number = 2  # type: ignore[misc]

    def test_a_chunk_names_no_foreign_ids_unless_there_are_some(self) -> None:
        assert SENT.foreign_ids == ()
