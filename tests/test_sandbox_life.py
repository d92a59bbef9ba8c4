"""Fates, parts and rates: the sandbox's rules without HTTP, and seeds with it."""

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async.sandbox import Message, Sandbox, SandboxConfig
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import Outcome
from smsbat_async.sandbox.messages import Fate, draw_fate
from smsbat_async.sandbox.parts import sms_parts
from smsbat_async.sandbox.rates import RateLimit
from tests.test_sandbox import PLAIN, FakeClock, channels, make, post

ORDER = {"scheduled": 0, "processing": 1}


def message_with(fate: Fate, config: SandboxConfig) -> Message:
    return Message(
        vendor="smsbat",
        message_id="m",
        messagelist_id=1,
        tracking_id="t",
        phone="+380501234567",
        sender="Shop",
        message_type="transaction",
        text="x",
        channels=config.route(config.standard_route),
        parts=3,
        accepted_at=0.0,
        starts_at=0.0,
        fate=fate,
    )


def draw(config: SandboxConfig, seed: int, ttl: float = math.inf, outcome: Outcome | None = None) -> Fate:
    return draw_fate(
        random.Random(seed), config, config.route(config.standard_route), ttl=ttl, outcome=outcome
    )


# -- fates ----------------------------------------------------------------------------------------


@given(
    seed=st.integers(),
    shares=st.tuples(*[st.floats(0, 0.33)] * 3),
    spread=st.floats(0, 2),
    speed=st.floats(0.1, 1000),
    ttl=st.one_of(st.just(math.inf), st.integers(1, 100)),
    fractions=st.lists(st.floats(0, 3), min_size=2, max_size=20),
)
def test_nothing_ever_goes_backwards(
    seed: int,
    shares: tuple[float, float, float],
    spread: float,
    speed: float,
    ttl: float,
    fractions: list[float],
) -> None:
    config = SandboxConfig(
        undeliverable_share=shares[0],
        permanent_error_share=shares[1],
        never_ends_share=shares[2],
        delay_spread=spread,
        speed=speed,
    )
    fate = draw(config, seed, ttl)
    message = message_with(fate, config)
    span = 60.0 if math.isinf(fate.ends_at) else fate.ends_at
    moments = sorted([*(part * span for part in fractions), *fate.channel_ends, fate.processing_at])
    views = [(message.status(now), message.channel_statuses(now), message.cost(now)) for now in moments]
    for (status, states, cost), (later, later_states, _) in pairwise(views):
        assert ORDER.get(later, 2) >= ORDER.get(status, 2)
        assert (cost is None) == (status in ORDER)
        if status not in ORDER:
            assert later == status
            assert later_states == states
            assert not set(states.values()) & set(ORDER)
        for name, state in states.items():
            assert ORDER.get(later_states[name], 2) >= ORDER.get(state, 2)
            if state not in ORDER:
                assert later_states[name] == state
    status, states, cost = views[-1]
    assert list(states.values()).count("delivered") == (status == "delivered")
    if status not in ("delivered", *ORDER):
        assert cost == 0
    if ttl < math.inf and fate.outcome != "never":
        assert fate.ends_at <= ttl / speed


@pytest.mark.parametrize(
    ("shares", "outcome"),
    [
        ({"undeliverable_share": 1.0}, "undeliverable"),
        ({"permanent_error_share": 1.0}, "permanenterror"),
        ({"never_ends_share": 1.0}, "never"),
        ({}, "delivered"),
    ],
)
def test_a_share_of_one_leaves_no_other_outcome(shares: dict[str, Any], outcome: str) -> None:
    none: dict[str, Any] = {"undeliverable_share": 0.0, "permanent_error_share": 0.0, "never_ends_share": 0.0}
    config = SandboxConfig(**{**none, **shares})
    assert config.delivered_share == (0.0 if shares else 1.0)
    assert {draw(config, seed).outcome for seed in range(200)} == {outcome}


def test_outcomes_come_in_their_shares() -> None:
    config = SandboxConfig(undeliverable_share=0.2, permanent_error_share=0.1, never_ends_share=0.05)
    assert config.delivered_share == pytest.approx(0.65)
    count = Counter(draw(config, seed).outcome for seed in range(4000))
    assert count["delivered"] / 4000 == pytest.approx(0.65, abs=0.03)
    assert count["undeliverable"] / 4000 == pytest.approx(0.2, abs=0.03)
    assert count["permanenterror"] / 4000 == pytest.approx(0.1, abs=0.02)
    assert count["never"] / 4000 == pytest.approx(0.05, abs=0.02)


def test_channels_deliver_by_their_own_shares_in_order() -> None:
    def tried(**shares: float) -> Counter[int]:
        config = replace(PLAIN, channels=channels(**shares), standard_route=("viber", "sms"))
        return Counter(len(draw(config, seed, outcome="delivered").channel_ends) for seed in range(1000))

    assert tried(viber=1.0, sms=1.0) == {1: 1000}
    assert tried(viber=0.0, sms=1.0) == {2: 1000}
    # No channel that could deliver, and yet it is delivered: by the last.
    assert tried(viber=0.0, sms=0.0) == {2: 1000}
    # Given a delivery, viber had it with 0.5 against 0.5 * 1.0.
    assert tried(viber=0.5, sms=1.0)[1] == pytest.approx(500, abs=60)


def test_delays_follow_each_other_and_shrink_with_the_speed() -> None:
    config = replace(PLAIN, channels=channels(telegram=0, viber=0, rcs=0))
    assert draw(config, 1, outcome="delivered") == Fate("delivered", 1.0, (3.0, 6.0, 9.0, 14.0), 14.0)
    fast = replace(config, speed=10.0)
    assert draw(fast, 1, outcome="delivered") == Fate("delivered", 0.1, (0.3, 0.6, 0.9, 1.4), 1.4)
    assert draw(config, 1, outcome="permanenterror") == Fate("permanenterror", 1.0, (3.0,), 3.0)
    assert draw(config, 1, outcome="never") == Fate("never", 1.0, (math.inf,), math.inf)


def test_spread_delays_have_the_median_that_was_asked_for() -> None:
    config = SandboxConfig(queue_delay=2.0, delay_spread=0.7)
    delays = sorted(draw(config, seed).processing_at for seed in range(2001))
    assert delays[1000] == pytest.approx(2.0, rel=0.1)
    assert delays[0] < 0.8
    assert delays[-1] > 5.0
    assert draw(replace(config, queue_delay=0.0), 1).processing_at == 0.0


def test_the_ttl_cuts_the_channels_that_it_comes_before() -> None:
    config = replace(PLAIN, channels=channels(telegram=0, viber=0, rcs=0))

    def cut(ttl: float, outcome: Outcome = "delivered") -> Fate:
        return draw(config, 1, ttl, outcome)

    assert cut(14) == Fate("delivered", 1.0, (3.0, 6.0, 9.0, 14.0), 14.0)
    assert cut(10) == Fate("undeliverable", 1.0, (3.0, 6.0, 9.0, 10.0), 10.0)
    assert cut(5) == Fate("undeliverable", 1.0, (3.0, 5.0), 5.0)
    assert cut(2, "permanenterror") == Fate("undeliverable", 1.0, (2.0,), 2.0)
    # Given up while it was still queued: no channel was tried.
    unsent = draw(replace(config, queue_delay=9.0), 1, 4.0, "delivered")
    assert unsent == Fate("undeliverable", 4.0, (), 4.0)
    message = message_with(unsent, config)
    assert message.status(3.9) == "scheduled"
    assert set(message.channel_statuses(3.9).values()) == {"scheduled"}
    assert message.status(4.0) == "undeliverable"
    assert set(message.channel_statuses(4.0).values()) == {"not_used"}
    assert (message.cost(4.0), message.parts_count(4.0)) == (Decimal("0.00"), 1)
    # The same fate at any speed.
    assert draw(replace(config, speed=2.0), 1, 5.0, "delivered") == Fate(
        "undeliverable", 0.5, (1.5, 2.5), 2.5
    )


# -- seeds ----------------------------------------------------------------------------------------


async def fates(
    config: SandboxConfig, bodies: Sequence[list[dict[str, Any]]], rng: random.Random | None = None
) -> dict[str, Fate]:
    async with Sandbox(config, rng=rng) as sandbox, aiohttp.ClientSession() as session:
        for body in bodies:
            assert (await post(session, sandbox, body))[0] == 200
        return {message.tracking_id: message.fate for message in sandbox.messages}


async def test_one_seed_gives_the_same_fates_in_any_order() -> None:
    config = SandboxConfig(seed=7, send_rate=0)
    batch = [make(id=f"tx-{number}") for number in range(50)]
    first = await fates(config, [batch])
    assert len(set(first.values())) == 50
    assert await fates(config, [batch]) == first
    assert await fates(config, [batch[25:], batch[:25]]) == first
    assert await fates(config, [batch], random.Random(7)) == first
    assert await fates(replace(config, seed=8), [batch]) != first
    assert await fates(replace(config, seed=None), [batch]) != first


async def test_faults_and_polls_do_not_change_fates() -> None:
    config = SandboxConfig(seed=7, send_rate=0)
    batch = [make(id=f"tx-{number}") for number in range(20)]
    calm = await fates(config, [batch])
    stormy = replace(config, incomplete_share=0.5, slow_share=0.5, slow_seconds=0.0, shuffle=True)
    assert await fates(stormy, [batch]) == calm


async def test_ids_differ_with_every_run_and_repeats_have_fates_of_their_own() -> None:
    identities: set[str] = set()
    drawn: list[Fate] = []
    for _ in range(2):
        async with Sandbox(SandboxConfig(seed=7)) as sandbox, aiohttp.ClientSession() as session:
            _, body = await post(session, sandbox, [make(), make()])
            identities |= {item["messageId"] for item in json.loads(body)}
            drawn.extend(message.fate for message in sandbox.messages)
    assert len(identities) == 4
    assert drawn[:2] == drawn[2:]
    assert drawn[0] != drawn[1]


# -- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 80 + "x", 2),
        ("ї" * 70, 1),
        ("ї" * 71, 2),
        ("ї" * 134, 2),
        ("ї" * 135, 3),
        ("x" * 69 + "ї", 1),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("`" * 71, 2),
    ],
)
def test_parts_are_counted_in_gsm7_and_ucs2(text: str, parts: int) -> None:
    assert sms_parts(text) == parts


# -- rates ----------------------------------------------------------------------------------------


def test_a_burst_is_exact() -> None:
    limit = RateLimit(50, 75)
    assert [limit.allow(0.0) for _ in range(200)].count(True) == 75
    assert limit.busiest == 200
    assert [limit.allow(0.999) for _ in range(200)].count(True) == 0
    # The bucket has refilled by 50 while the window has room for 75.
    assert [limit.allow(1.0) for _ in range(200)].count(True) == 50


def test_a_full_bucket_that_refills_still_lets_no_more_than_a_burst_through() -> None:
    limit = RateLimit(50, 75)
    served = [moment / 1000 for moment in range(5000) if limit.allow(moment / 1000)]
    for start in served:
        assert sum(start <= moment < start + 1.0 for moment in served) <= 75
    assert len(served) == pytest.approx(75 + 5 * 50, abs=2)


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(st.floats(0, 0.5), min_size=1, max_size=200),
)
def test_any_second_holds_a_burst_and_any_span_the_average(rate: int, burst: int, gaps: list[float]) -> None:
    limit = RateLimit(rate, burst)
    now = 0.0
    served: list[float] = []
    for gap in gaps:
        now += gap
        if limit.allow(now):
            served.append(now)
    for index, start in enumerate(served):
        assert sum(start <= moment and moment - 1.0 < start for moment in served) <= burst
        for number, end in enumerate(served[index:], start=1):
            assert number <= burst + (end - start) * rate + 1e-6


def test_a_rate_of_zero_is_unlimited() -> None:
    limit = RateLimit(0, 0)
    assert all(limit.allow(float(number)) for number in range(5))
    assert limit.busiest == 1


# -- the clock ------------------------------------------------------------------------------------


def test_the_calendar_moves_with_the_clock_alone() -> None:
    source = FakeClock()
    clock = Clock(source)
    start = clock.epoch()
    source.seconds += 60.0
    assert clock.epoch() == pytest.approx(start + 60.0)
    assert clock.moment(start) == pytest.approx(100.0)
    assert clock.epoch(100.0) == pytest.approx(start)
    with pytest.raises(RuntimeError):
        Clock().now()
