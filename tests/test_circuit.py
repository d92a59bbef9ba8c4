"""Whether a host can be reached at all; told the time."""

from smsbat_async.circuit import PROBE_EVERY, THRESHOLD, Circuit


def opened(now: float = 100.0) -> Circuit:
    circuit = Circuit()
    for _ in range(THRESHOLD):
        circuit.missed(now)
    return circuit


def test_nine_missed_connections_leave_a_host_in_reach() -> None:
    circuit = Circuit()
    for _ in range(9):
        circuit.missed(0.0)
    assert not circuit.is_open
    assert all(circuit.allows(0.0) for _ in range(100))


def test_ten_missed_connections_in_a_row_put_a_host_out_of_reach() -> None:
    circuit = opened()
    assert circuit.is_open
    assert not circuit.allows(100.0)


def test_one_connection_in_between_begins_the_count_anew() -> None:
    circuit = Circuit()
    for _ in range(9):
        circuit.missed(0.0)
    circuit.reached()
    for _ in range(9):
        circuit.missed(0.0)
    assert not circuit.is_open


def test_row_71_one_request_in_five_seconds_may_try_a_host_that_is_out_of_reach() -> None:
    circuit = opened(now=100.0)
    allowed = [tick / 10 for tick in range(1_000, 1_301) if circuit.allows(tick / 10)]
    assert allowed == [105.0, 110.0, 115.0, 120.0, 125.0, 130.0]
    assert PROBE_EVERY == 5.0


def test_a_probe_that_misses_too_leaves_the_next_probe_where_it_was() -> None:
    circuit = opened(now=100.0)
    assert circuit.allows(105.0)
    circuit.missed(109.0)
    assert not circuit.allows(109.9)
    assert circuit.allows(110.0)


def test_a_probe_that_gets_through_lets_everybody_in_again() -> None:
    circuit = opened()
    assert circuit.allows(105.0)
    circuit.reached()
    assert not circuit.is_open
    assert all(circuit.allows(105.0) for _ in range(100))


def test_after_being_reached_it_takes_ten_misses_again() -> None:
    circuit = opened()
    circuit.reached()
    for _ in range(9):
        circuit.missed(200.0)
    assert not circuit.is_open
    circuit.missed(200.0)
    assert circuit.is_open
    assert not circuit.allows(204.9)
    assert circuit.allows(205.0)
