"""What comes back from a send of many: answers, refused chunks, and what ends a run."""

import itertools
from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ChunkSent,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    RetryPolicy,
    SendOutcome,
    ServerError,
    SmsBatClient,
    TransportError,
)
from tests.support import (
    Recorded,
    ScriptedServer,
    Step,
    answer,
    close,
    json_answer,
    refused_port,
    tls,
)
from tests.support.cascade import (
    KEY,
    UNLIMITED,
    Log,
    Vendor,
    accept,
    client_of,
    ids_in,
    messages,
    outcomes,
    row,
    vendor_client,
)

ACCEPTED, REJECTED, NOT_SENT, UNKNOWN = SendOutcome


def refusal(status: int, code: str = "INVALID_PHONE") -> dict[str, Any]:
    return {"error": {"code": code, "message": "No", "field": "toPhone"}}


# Matching answers to messages


@settings(max_examples=80)
@given(data=st.data(), count=st.integers(1, 20), size=st.integers(1, 20))
async def test_answers_are_matched_by_tracking_id_whatever_their_order(
    data: st.DataObject, count: int, size: int
) -> None:
    missing = data.draw(st.sets(st.integers(0, count - 1)))
    strangers = data.draw(st.lists(st.integers(100, 110), max_size=4))
    order = data.draw(st.permutations(range(count)))

    def judge(ids: list[str]) -> tuple[int, Any]:
        named = [each for each in ids if int(each[2:]) not in missing]
        rows = [row(each) for each in named]
        rows += [{"messageId": "late", "trackinId": each} for each in named[:1]]  # a second row is not heard
        rows[1:] = [each for _, each in sorted(zip(order, rows[1:], strict=False), key=itemgetter(0))]
        return 200, [*rows, *({"messageId": "x", "trackinId": f"m-{number}"} for number in strangers)]

    vendor, log = Vendor(judge), Log()
    made = messages(count)
    async with vendor_client(vendor, hooks=[log]) as client:
        results = await client.send_many(made, chunk_size=size, concurrency=2)
    assert [result.message for result in results] == made
    for number, result in enumerate(results):
        if number in missing:
            assert (result.outcome, result.message_id) == (UNKNOWN, None)
            assert isinstance(result.error, OutcomeUnknownError)
            assert result.error.tracking_ids == (f"m-{number}",)
            assert isinstance(result.error.error, ResponseError)
            assert result.error.error.kind == "mismatch"
        else:
            assert (result.outcome, result.message_id, result.error) == (ACCEPTED, f"v-m-{number}", None)
    assert {chunk.foreign_ids for chunk in log.of(ChunkSent)} == {tuple(f"m-{each}" for each in strangers)}
    assert sum(len(ids) for ids in vendor.requests) == count


async def test_an_answer_for_another_chunk_accepts_nothing_of_this_one() -> None:
    log = Log()

    def mixed_up(request: Recorded) -> Step:
        return json_answer([row("m-1"), row("m-2")] if "m-0" in ids_in(request.body) else [row("m-1")])

    async with ScriptedServer(mixed_up) as server, client_of(server, hooks=[log]) as client:
        results = await client.send_many(messages(3), chunk_size=2, concurrency=1)
    assert outcomes(results) == ["unknown", "accepted", "unknown"]
    assert [chunk.foreign_ids for chunk in log.of(ChunkSent)] == [("m-2",), ("m-1",)]


# Chunks that are refused


def requests_needed(ids: list[int], bad: set[int]) -> int:
    if len(ids) == 1 or not bad & set(ids):
        return 1
    middle = len(ids) // 2
    return 1 + requests_needed(ids[:middle], bad) + requests_needed(ids[middle:], bad)


@settings(max_examples=80)
@given(
    data=st.data(),
    count=st.integers(1, 40),
    size=st.integers(1, 40),
    concurrency=st.integers(1, 3),
    status=st.sampled_from([400, 413, 422]),
)
async def test_a_refused_chunk_is_halved_until_the_bad_messages_stand_alone(
    data: st.DataObject, count: int, size: int, concurrency: int, status: int
) -> None:
    bad = data.draw(st.sets(st.integers(0, count - 1), max_size=7))  # the eighth in a row would end the run
    taken: Counter[str] = Counter()

    def judge(ids: list[str]) -> tuple[int, Any]:
        if any(int(each[2:]) in bad for each in ids):
            return status, refusal(status)
        taken.update(ids)
        return 200, [row(each) for each in ids]

    vendor, log = Vendor(judge), Log()
    made = messages(count)
    async with vendor_client(vendor, hooks=[log]) as client:
        results = await client.send_many(made, chunk_size=size, concurrency=concurrency)
    assert [result.message for result in results] == made
    assert [result.outcome for result in results] == [
        REJECTED if number in bad else ACCEPTED for number in range(count)
    ]
    assert taken == {f"m-{number}": 1 for number in range(count) if number not in bad}
    chunks = [list(range(start, min(start + size, count))) for start in range(0, count, size)]
    assert len(vendor.requests) == sum(requests_needed(chunk, bad) for chunk in chunks)
    assert Counter(log.told) == {(result.message.id, result.outcome): 1 for result in results}


async def test_without_splitting_a_refused_chunk_is_rejected_as_a_whole() -> None:
    def script(request: Recorded) -> Step:
        return json_answer(refusal(400), 400) if "m-1" in ids_in(request.body) else accept(request)

    async with ScriptedServer(script) as server, client_of(server) as client:
        results = await client.send_many(messages(6), chunk_size=3, concurrency=1, split_refused=False)
    assert outcomes(results) == ["rejected"] * 3 + ["accepted"] * 3
    assert [ids_in(request.body) for request in server.requests] == [
        ["m-0", "m-1", "m-2"],
        ["m-3", "m-4", "m-5"],
    ]
    first = results[0].error
    assert isinstance(first, BadRequestError)
    assert first.code == "INVALID_PHONE"


async def test_refused_halves_go_out_in_their_order_before_the_next_chunk() -> None:
    def script(request: Recorded) -> Step:
        return json_answer(refusal(422), 422) if "m-2" in ids_in(request.body) else accept(request)

    async with ScriptedServer(script) as server, client_of(server) as client:
        await client.send_many(messages(6), chunk_size=4, concurrency=1)
    assert [[int(each[2:]) for each in ids_in(request.body)] for request in server.requests] == [
        [0, 1, 2, 3],
        [0, 1],
        [2, 3],
        [2],
        [3],
        [4, 5],
    ]


# What ends a run


def refuse_all(code: Callable[[str], str]) -> Callable[[list[str]], tuple[int, Any]]:
    return lambda ids: (400, refusal(400, code(ids[0])))


async def test_eight_single_refusals_with_one_code_end_the_run() -> None:
    vendor, log = Vendor(refuse_all(lambda _: "INVALID_SENDER")), Log()
    async with vendor_client(vendor, hooks=[log]) as client:
        results = await client.send_many(messages(500), chunk_size=100, concurrency=1)
    assert [result.outcome for result in results] == [REJECTED] * 8 + [NOT_SENT] * 492
    assert len([ids for ids in vendor.requests if len(ids) == 1]) == 8
    assert [len(ids) for ids in vendor.requests if len(ids) > 1] == [100, 50, 25, 12, 6, 3, 2, 3, 2, 6, 3, 2]
    last = results[-1].error
    assert isinstance(last, BadRequestError)
    assert last.code == "INVALID_SENDER"
    assert len(log.told) == 500
    assert log.counted == {REJECTED: 8, NOT_SENT: 492}


async def test_refusals_with_different_codes_do_not_end_the_run() -> None:
    vendor = Vendor(refuse_all(lambda first: f"CODE_{int(first[2:]) % 2}"))
    async with vendor_client(vendor) as client:
        results = await client.send_many(messages(30), chunk_size=1, concurrency=1)
    assert [result.outcome for result in results] == [REJECTED] * 30
    assert len(vendor.requests) == 30


async def test_an_accepted_message_in_between_starts_the_count_again() -> None:
    def judge(ids: list[str]) -> tuple[int, Any]:
        return (200, [row(ids[0])]) if int(ids[0][2:]) % 8 == 7 else (400, refusal(400))

    vendor = Vendor(judge)
    async with vendor_client(vendor) as client:
        results = await client.send_many(messages(32), chunk_size=1, concurrency=1)
    assert [result.outcome for result in results] == ([REJECTED] * 7 + [ACCEPTED]) * 4


async def test_refusals_end_the_run_across_chunks_that_are_on_the_wire_together() -> None:
    vendor = Vendor(refuse_all(lambda _: "INVALID_SENDER"))
    async with vendor_client(vendor) as client:
        results = await client.send_many(messages(100), chunk_size=1, concurrency=4)
    told = Counter(outcomes(results))
    assert 8 <= told["rejected"] <= 11
    assert told["rejected"] == len(vendor.requests)
    assert told["not_sent"] == 100 - told["rejected"]


async def test_an_unknown_chunk_never_stops_the_others() -> None:
    def script(request: Recorded) -> Step:
        return [answer(500), close(), answer(200, b"[]x"), accept(request)][min(request.index, 3)]

    async with ScriptedServer(script) as server, client_of(server) as client:
        results = await client.send_many(messages(10), chunk_size=2, concurrency=1)
    assert outcomes(results) == ["unknown"] * 6 + ["accepted"] * 4
    errors = [result.error for result in results[:6:2]]
    assert [type(each.error) for each in errors if isinstance(each, OutcomeUnknownError)] == [
        ServerError,
        TransportError,
        ResponseError,
    ]
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (402, ApiError), (403, PermissionDeniedError)]
)
async def test_a_refusal_that_concerns_all_stops_the_run_and_leaves_the_rest_not_sent(
    status: int, kind: type[ApiError]
) -> None:
    log = Log()

    def script(request: Recorded) -> Step:
        return accept(request) if request.index == 0 else answer(status)

    async with ScriptedServer(script) as server, client_of(server, hooks=[log]) as client:
        results = await client.send_many(messages(10), chunk_size=2, concurrency=1)
    assert outcomes(results) == ["accepted"] * 2 + ["rejected"] * 2 + ["not_sent"] * 6
    assert len(server.requests) == 2
    assert {type(result.error) for result in results[2:]} == {kind}
    assert log.counted == {ACCEPTED: 2, REJECTED: 2, NOT_SENT: 6}


async def test_a_certificate_that_is_wrong_stops_the_run_before_anything_left() -> None:
    async with ScriptedServer(accept, ssl=tls.unknown_ca()) as server, client_of(server) as client:
        results = await client.send_many(messages(6), chunk_size=1, concurrency=1)
    assert outcomes(results) == ["not_sent"] * 6
    assert server.connections == 1
    assert server.requests == []
    assert {getattr(result.error, "kind", None) for result in results} == {"certificate"}


@pytest.mark.looptime
async def test_a_chunk_that_stays_refused_with_429_was_not_sent() -> None:
    log = Log()
    limited = answer(429, headers={"Retry-After": "2"})
    script = [limited, limited, limited, json_answer([row("m-2"), row("m-3")])]
    retry = RetryPolicy(attempts=3)
    async with ScriptedServer(script) as server, client_of(server, hooks=[log], retry=retry) as client:
        results = await client.send_many(messages(4), chunk_size=2, concurrency=1)
    assert outcomes(results) == ["not_sent", "not_sent", "accepted", "accepted"]
    assert isinstance(results[0].error, RateLimitError)
    assert [ids_in(request.body)[0] for request in server.requests] == ["m-0", "m-0", "m-0", "m-2"]
    times = [request.at for request in server.requests]
    assert [round(after - before, 1) for before, after in itertools.pairwise(times)] == [2.0] * 3
    assert log.counted == {NOT_SENT: 2, ACCEPTED: 2}


async def test_chunks_that_could_not_leave_were_not_sent() -> None:
    with refused_port() as port:
        client = SmsBatClient(
            api_key=KEY,
            base_url=f"http://127.0.0.1:{port}",
            limits=UNLIMITED,
            retry=RetryPolicy(attempts=2, initial=0.0, maximum=0.0),
        )
        async with client:
            results = await client.send_many(messages(4), chunk_size=2)
    assert outcomes(results) == ["not_sent"] * 4
    assert all(isinstance(result.error, NotSentError) for result in results)
