"""What is known of the messages that are being tracked."""

import gc
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import Delivery, MessageStatus, NotFoundError, Outcome, SmsBatError
from smsbat_async.calls import UNTOLD
from smsbat_async.tracking.table import NEVER, STATES, Table


class Somebody:
    """A waiter that keeps what it is told."""

    def __init__(self) -> None:
        self.scope = UNTOLD
        self.told: list[Any] = []

    def resolve(self, delivery: Delivery[MessageStatus]) -> None:
        self.told.append(delivery)

    def fail(self, error: SmsBatError, delivery: Delivery[MessageStatus]) -> None:
        self.told.append((error, delivery))


WAITER = Somebody()


def table_of(*message_ids: str) -> Table[MessageStatus]:
    table: Table[MessageStatus] = Table()
    for message_id in message_ids:
        table.add(message_id, WAITER, 0.0, NEVER, 0)
    return table


def test_a_message_is_found_until_it_is_removed() -> None:
    table = table_of("a", "b")
    assert (table.find("a"), table.find("b"), table.find("c"), len(table)) == (0, 1, None, 2)
    table.remove(0)
    assert (table.find("a"), table.find("b"), table.rows(), len(table)) == (None, 1, [1], 1)


def test_a_row_that_is_used_again_knows_nothing_of_the_message_before() -> None:
    table = table_of("a", "b")
    table.polls[0], table.polled_at[0] = 7, 3.0
    table.keep_status(0, MessageStatus(message_id="a", delivery_status="processing"))
    table.errors[0] = NotFoundError(status_code=404)
    table.missing.add(0)
    table.remove(0)
    assert table.add("c", WAITER, 9.0, NEVER, 2) == 0
    assert (table.ids[0], table.began[0], table.plans[0]) == ("c", 9.0, 2)
    assert table.delivery(0, 9.0, Outcome.TIMED_OUT, "poll", 10.0) == Delivery(
        message_id="c", outcome=Outcome.TIMED_OUT, elapsed=1.0
    )
    assert (table.polled_at[0], table.missing) == (NEVER, set())


def test_an_empty_table_starts_anew() -> None:
    table = table_of(*(str(number) for number in range(100)))
    for row in table.rows():
        table.remove(row)
    assert (len(table), len(table.ids), len(table.began), table.rows()) == (0, 0, 0, [])
    assert table.add("a", WAITER, 0.0, NEVER, 0) == 0


def test_a_row_is_no_work_for_the_garbage_collector() -> None:
    gc.collect()
    before = len(gc.get_objects())
    table = table_of(*(f"{number:032x}" for number in range(10_000)))
    gc.collect()
    assert len(gc.get_objects()) - before < 1_000  # other threads make some, too
    assert len(table) == 10_000


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=200))
def test_a_table_holds_what_a_dict_would(steps: list[tuple[bool, int]]) -> None:
    table = table_of()
    model: dict[str, float] = {}
    for number, (adding, value) in enumerate(steps):
        message_id = str(value)
        row = table.find(message_id)
        assert (row is not None) == (message_id in model)
        if adding and row is None:
            row = table.add(message_id, WAITER, float(number), NEVER, 0)
            model[message_id] = float(number)
        elif not adding and row is not None:
            table.remove(row)
            del model[message_id]
        assert {table.ids[used]: table.began[used] for used in table.rows()} == model
        assert len(table) == len(model)


# -- what the vendor said -------------------------------------------------------------------------


def last_status(table: Table[MessageStatus], row: int) -> MessageStatus | None:
    return table.delivery(row, 0.0, Outcome.TIMED_OUT, "poll", 1.0).status


def test_messages_in_one_state_share_it_and_each_hears_of_its_own() -> None:
    table = table_of("a", "b", "c")
    said = [
        MessageStatus(message_id="a", delivery_status="processing", cost=Decimal("0.05")),
        MessageStatus(message_id="b", delivery_status="processing", cost=Decimal("0.05")),
        MessageStatus(message_id="c", delivery_status="processing", extended_statuses={"sms": "sent"}),
    ]
    for row, status in enumerate(said):
        table.keep_status(row, status)
    assert table.statuses[0] is table.statuses[1]
    assert [last_status(table, row) for row in range(3)] == said


@pytest.mark.unmeasured
def test_states_without_end_do_not_pile_up() -> None:
    table = table_of("a", "b")
    tracemalloc.start()
    try:
        for number in range(10 * STATES):
            table.keep_status(0, MessageStatus(delivery_status="processing", messagelist_id=number))
        left, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 400 * STATES  # bytes
    assert last_status(table, 0) == MessageStatus(
        message_id="a", delivery_status="processing", messagelist_id=10 * STATES - 1
    )
