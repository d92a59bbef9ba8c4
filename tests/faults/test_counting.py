"""No message is lost and none is taken twice, whatever mix of faults a run meets: rows 10 to 42 together."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from smsbat_async import (
    CascadeMessage,
    Limits,
    RetryPolicy,
    SendOutcome,
    SendResult,
    SmsBatClient,
    SmsBatError,
)
from tests.support import (
    Arrival,
    Recorded,
    ScriptedServer,
    Step,
    answer,
    broken,
    close,
    close_on_accept,
    json_answer,
    reset,
    reset_on_accept,
    serve,
    then,
)
from tests.support.calls import Log, TransportName, good, messages, opened, sent_ids, vendor_id

ACCEPTED, REJECTED = SendOutcome.ACCEPTED, SendOutcome.REJECTED
NOT_SENT, UNKNOWN = SendOutcome.NOT_SENT, SendOutcome.UNKNOWN
UNLIMITED = Limits(status=None, send=None)


class Vendor:
    """A vendor with a bad day: each request meets one of its faults, and it knows what it has taken.

    Args:
        seed: Where its luck comes from.
        bad: Messages that it refuses, with the whole request that they are in.
    """

    def __init__(self, seed: int, bad: frozenset[str] = frozenset()) -> None:
        self.random = random.Random(seed)
        self.bad = bad
        self.taken: Counter[str] = Counter()
        self.met: Counter[str] = Counter()

    def arrival(self, _number: int) -> Arrival:
        """Do something with a connection before any request is read."""
        what = self.random.choices(["serve", "reset", "close"], [90, 5, 5])[0]
        self.met[f"arrival: {what}"] += 1
        return {
            "serve": serve(),
            "reset": reset_on_accept(once_sent=True),
            "close": close_on_accept(read=30),
        }[what]

    def __call__(self, request: Recorded) -> Step:
        """Take the messages of a request or not, and answer or not."""
        ids = sent_ids(request)
        if self.bad & set(ids):
            self.met["bad"] += 1
            return json_answer({"error": {"code": f"bad_{self.bad & set(ids)}"}}, 400)
        what = self.random.choice(
            ["good"] * 8
            + [
                "taken, reset",
                "taken, closed",
                "taken, 500",
                "taken, cut",
                "taken, page",
                "taken, half the rows",
            ]
            + ["429", "refused", "503", "not taken, reset", "not taken, malformed"]
        )
        self.met[what] += 1
        if what == "good" or what.startswith("taken"):
            self.taken.update(ids)
        rows = [{"messageId": vendor_id(one), "trackinId": one} for one in ids]
        steps: dict[str, Step] = {
            "good": good(request),
            "taken, reset": reset(),
            "taken, closed": close(),
            "taken, 500": answer(500),
            "taken, cut": broken.cut_body(b'[{"messageId":"v-m1","trackinId":"m1"}]'),
            "taken, page": answer(200, b"<html></html>"),
            "taken, half the rows": json_answer(rows[::2]),
            "429": answer(429, headers={"Retry-After": "0"}),
            "refused": then(json_answer({"error": {"code": "split_me"}}, 413)),
            "503": answer(503),
            "not taken, reset": reset(),
            "not taken, malformed": broken.two_lengths(),
        }
        return steps[what]


def check_counts(
    everything: list[CascadeMessage], results: list[SendResult], log: Log, vendor: Vendor
) -> dict[SendOutcome, set[str]]:
    """Compare what the client says with what the vendor knows."""
    ids = [one.id for one in everything]
    by_outcome: dict[SendOutcome, set[str]] = {outcome: set() for outcome in SendOutcome}
    for result in results:
        by_outcome[result.outcome].add(result.message.id)
    assert Counter(result.message.id for result in results) == Counter(ids)
    assert log.outcomes() == {result.message.id: result.outcome for result in results}
    taken = set(vendor.taken)
    assert set(vendor.taken.values()) <= {1}, "a message was taken twice"
    assert by_outcome[ACCEPTED] <= taken, "called accepted, and never taken"
    assert taken <= by_outcome[ACCEPTED] | by_outcome[UNKNOWN], "taken, and called not sent or rejected"
    assert all(
        (result.message_id == vendor_id(result.message.id)) == (result.outcome is ACCEPTED)
        for result in results
    )
    assert all((result.error is None) == (result.outcome is ACCEPTED) for result in results)
    return by_outcome


async def run_many(
    client: SmsBatClient, everything: list[CascadeMessage], size: int, width: int
) -> list[SendResult]:
    """Send with `send_many`, whose results come in the order of the messages."""
    results = await client.send_many(everything, chunk_size=size, concurrency=width)
    assert [result.message for result in results] == everything
    return results


async def run_stream(
    client: SmsBatClient, everything: list[CascadeMessage], size: int, width: int
) -> list[SendResult]:
    """Send with `send_stream`."""
    return [
        result async for result in client.send_stream(iter(everything), chunk_size=size, concurrency=width)
    ]


Run = Callable[[SmsBatClient, list[CascadeMessage], int, int], Awaitable[list[SendResult]]]
RUNS = pytest.mark.parametrize("run", [run_many, run_stream])
SEEDS = pytest.mark.parametrize("seed", range(3))


@RUNS
@SEEDS
async def test_every_message_has_one_outcome_and_none_is_taken_twice(
    run: Run, seed: int, transport: TransportName
) -> None:
    chance = random.Random(1_000 + seed)
    everything = messages(300)
    vendor = Vendor(seed, frozenset(f"m{number}" for number in chance.sample(range(1, 301), 5)))
    log = Log()
    async with (
        ScriptedServer(vendor, arrivals=vendor.arrival) as server,
        opened(server.url, transport, log, limits=UNLIMITED) as client,
    ):
        results = await run(client, everything, chance.choice([3, 7, 10]), chance.choice([1, 4, 9]))
        outcomes = check_counts(everything, results, log, vendor)
        assert not outcomes[ACCEPTED] & vendor.bad
        assert vendor.bad <= outcomes[REJECTED] | outcomes[UNKNOWN]
        # What meets which fault hangs on the order in which requests arrive; that all kinds are met does not.
        assert outcomes[ACCEPTED]
        assert outcomes[UNKNOWN]
        assert len(vendor.met) > 4


@SEEDS
async def test_with_resending_switched_on_nothing_is_lost_and_what_was_taken_is_never_called_unsent(
    seed: int, transport: TransportName
) -> None:
    everything = messages(200)
    vendor = Vendor(seed)
    log = Log()
    stubborn = RetryPolicy(initial=0.0, maximum=0.0, attempts=4, resend_unknown=True)
    async with (
        ScriptedServer(vendor, arrivals=vendor.arrival) as server,
        opened(server.url, transport, log, limits=UNLIMITED, retry=stubborn) as client,
    ):
        results = await run_many(client, everything, 5, 3)
        assert Counter(result.message.id for result in results) == Counter(one.id for one in everything)
        assert log.outcomes() == {result.message.id: result.outcome for result in results}
        taken = set(vendor.taken)
        said = {result.message.id for result in results if result.outcome in {ACCEPTED, UNKNOWN}}
        assert taken <= said
        assert {result.message.id for result in results if result.outcome is ACCEPTED} <= taken
        assert max(vendor.taken.values()) > 1, "this is what the option is warned of"


@SEEDS
async def test_single_sends_under_the_same_faults_keep_the_same_promise(
    seed: int, transport: TransportName
) -> None:
    everything = messages(60)
    vendor = Vendor(seed)
    log = Log()
    async with (
        ScriptedServer(vendor, arrivals=vendor.arrival) as server,
        opened(server.url, transport, log, limits=UNLIMITED) as client,
    ):
        for one in everything:
            try:
                receipt = await client.send(one)
            except SmsBatError:
                pass  # the hook tells which
            else:
                assert receipt.message_id == vendor_id(one.id)
        check_counts(everything, log.told, log, vendor)


async def test_row_60_a_hook_that_raises_is_counted_and_costs_no_outcome(
    transport: TransportName, caplog: pytest.LogCaptureFixture
) -> None:
    everything = messages(60)
    vendor = Vendor(7)
    log = Log()

    def broken_hook(event: object) -> None:
        raise LookupError(f"quotes {event}")

    async with (
        ScriptedServer(vendor, arrivals=vendor.arrival) as server,
        opened(server.url, transport, limits=UNLIMITED, hooks=[broken_hook, log]) as client,
    ):
        results = await client.send_many(everything, chunk_size=3)
        check_counts(everything, results, log, vendor)
        assert client.hook_failures == len(log.events) > 0
    assert caplog.records
    assert not any("quotes" in record.getMessage() for record in caplog.records)
