"""How the sandbox follows messages, beside what the control API shows of it."""

import asyncio
import random
from dataclasses import replace
from itertools import pairwise

from smsbat_async.sandbox import Message, Sandbox, SandboxConfig
from smsbat_async.sandbox.agenda import Agenda
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.decisions import decide
from smsbat_async.sandbox.messages import Fate
from smsbat_async.sandbox.stats import Stats
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.timeline import Timeline
from tests.test_sandbox import PLAIN, FakeClock, make, only
from tests.test_sandbox_control import call
from tests.test_sandbox_life import ORDER, message_with
from tests.test_sandbox_steering import accept, send
from tests.test_sandbox_webhooks import EVEN, URL, Receiver


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str | None, float]] = []
        self.dropped: list[str] = []

    def changed(self, message: Message, moment: float, status: str | None) -> None:
        self.told.append((message.tracking_id, status, moment))

    def forgotten(self, message: Message) -> None:
        self.dropped.append(message.tracking_id)

    def cleared(self) -> None:
        self.dropped.append("all")


class House:
    """A store and its timeline, with nothing around them."""

    def __init__(self, config: SandboxConfig) -> None:
        self.source = FakeClock()
        self.clock = Clock(self.source)
        self.store = Store(config, rng=random.Random(1), clock=self.clock, stats=Stats())
        self.agenda = Agenda(self.clock)
        self.timeline = Timeline(self.store, self.clock, self.agenda)
        self.listener = Listener()
        self.timeline.tell(self.listener)
        self.channels = config.route(config.standard_route)

    def accept(self, name: str) -> Message:
        return self.store.accept(
            vendor="smsbat",
            batch=1,
            tracking_id=name,
            phone="+380501234567",
            sender="Shop",
            message_type="promo",
            text="x",
            channels=self.channels,
        )


CONFIG = only("delivered", route=("sms",))


async def test_late_changes_are_told_at_their_own_moments_in_order() -> None:
    house = House(CONFIG)
    house.timeline.take_up()
    house.accept("a")
    house.source.seconds += 0.5
    house.accept("b")
    house.source.seconds += 1000.0
    await house.timeline.catch_up()
    assert house.listener.told == [
        ("a", "scheduled", 100.0),
        ("b", "scheduled", 100.5),
        ("a", "processing", 101.0),
        ("b", "processing", 101.5),
        ("a", "delivered", 106.0),
        ("b", "delivered", 106.5),
    ]
    assert house.timeline.counts["delivered"] == 2


async def test_what_was_there_before_is_counted_and_not_told() -> None:
    house = House(replace(CONFIG, max_messages=2))
    forgotten, decided, first = house.accept("a"), house.accept("b"), house.accept("c")
    house.source.seconds += 1.0
    catching_up = asyncio.ensure_future(house.timeline.catch_up())
    assert not house.listener.told
    await catching_up
    assert house.listener.told == []
    assert house.timeline.counts == {
        "scheduled": 0,
        "processing": 2,
        "delivered": 0,
        "undeliverable": 0,
        "permanenterror": 0,
    }
    decide(decided, "delivered", house.clock.now())
    house.timeline.decided(decided)
    house.timeline.touched(first)
    house.timeline.touched(forgotten)
    assert house.listener.told == [("b", "delivered", 101.0), ("c", None, 101.0)]
    # An end that time would have brought is not told a second time.
    house.source.seconds += 1000.0
    await house.timeline.catch_up()
    assert [name for name, status, _ in house.listener.told if status == "delivered"] == ["b", "c"]


async def test_what_comes_and_goes_while_it_begins_is_counted_once() -> None:
    house = House(replace(CONFIG, max_messages=1_500))
    messages = [house.accept(f"tx-{number}") for number in range(1_500)]
    catching_up = asyncio.ensure_future(house.timeline.catch_up())
    await asyncio.sleep(0)  # a part of them is taken up
    known = sum(house.timeline.counts.values())
    assert 0 < known < 1_500
    decide(messages[-1], "delivered", house.clock.now())
    house.timeline.decided(messages[-1])
    for number in range(1_200):
        house.accept(f"new-{number}")
    await catching_up
    assert sum(house.timeline.counts.values()) == len(house.store) == 1_500
    assert house.timeline.counts["delivered"] == 1
    assert len(house.listener.dropped) == known
    house.store.clear()
    house.timeline.cleared()
    assert sum(house.timeline.counts.values()) == len(house.agenda) == 0
    assert house.listener.dropped[-1] == "all"


async def test_nothing_is_told_of_a_decision_while_nobody_follows() -> None:
    house = House(CONFIG)
    message = house.accept("a")
    decide(message, "delivered", house.clock.now())
    house.timeline.decided(message)
    assert house.listener.told == []
    assert house.timeline.revision == 0
    await house.timeline.catch_up()
    assert house.timeline.counts["delivered"] == 1


async def test_webhooks_may_begin_in_the_middle_of_messages_lives() -> None:
    clock = FakeClock()
    receiver = Receiver()
    sandbox = Sandbox(EVEN, clock=clock, post=receiver)
    message = await accept(sandbox)
    clock.seconds += 1.0
    sandbox.send_webhooks(smsbat_url=URL)
    sandbox.decide(message.message_id, "undeliverable")
    sandbox.advance(10.0)
    while not receiver.received:  # noqa: ASYNC110 - it is called by a task
        await asyncio.sleep(0.01)
    assert receiver.words == ["undeliverable"]
    await sandbox.aclose()


def test_a_decision_counts_at_once_even_where_seconds_round_up() -> None:
    start, now = 1.5 * 2.0**-52, 1.0 + 3 * 2.0**-52
    assert start + (now - start) > now
    message = message_with(Fate("delivered", 1.0, (1e9,), 1e9), SandboxConfig())
    message.starts_at = start
    decide(message, "delivered", now)
    assert message.status(now) == "delivered"
    assert message.ends_at <= now


async def test_polls_and_reads_make_no_revision() -> None:
    sandbox = Sandbox(PLAIN, clock=FakeClock())
    message = await accept(sandbox)
    revisions = []
    for _ in range(3):
        message.note_poll(sandbox.now())
        revisions.append((await call(sandbox, "messages"))[1]["revision"])
    assert len(set(revisions)) == 1
    await send(sandbox, make(), make())
    assert (await call(sandbox, "messages"))[1]["revision"] == revisions[0] + 2


def test_the_next_change_leads_through_a_whole_life() -> None:
    message = message_with(Fate("delivered", 1.0, (3.0, 6.0), 6.0), SandboxConfig())
    moments = [0.0]
    while (coming := message.next_change(moments[-1])) < 1e9:
        moments.append(coming)
    assert moments == [0.0, 1.0, 3.0, 6.0]
    statuses = [message.status(moment) for moment in moments]
    assert statuses == ["scheduled", "processing", "processing", "delivered"]
    assert all(ORDER.get(later, 2) >= ORDER.get(status, 2) for status, later in pairwise(statuses))


async def test_forgotten_messages_are_not_kept_for_what_was_to_come_of_them() -> None:
    house = House(replace(CONFIG, max_messages=100))
    await house.timeline.catch_up()
    for number in range(5_000):
        house.accept(f"tx-{number}")
    assert len(house.agenda) < 1_000
    house.source.seconds += 1e6
    await house.timeline.catch_up()
    assert house.timeline.counts["delivered"] == 100
    assert sum(house.timeline.counts.values()) == 100
    assert len(house.agenda) == 0


async def test_what_had_begun_before_it_was_decided_is_told_in_order() -> None:
    house = House(CONFIG)
    await house.timeline.catch_up()
    message = house.accept("tx-1")
    began = message.starts_at + message.fate.processing_at
    house.source.seconds = began + 0.5
    decide(message, "permanenterror", house.source.seconds)
    house.timeline.decided(message)
    await house.timeline.catch_up()
    assert house.listener.told == [
        ("tx-1", "scheduled", message.accepted_at),
        ("tx-1", "processing", began),
        ("tx-1", "permanenterror", began + 0.5),
    ]
    assert house.timeline.counts["permanenterror"] == sum(house.timeline.counts.values()) == 1
