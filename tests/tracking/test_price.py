"""What a poll costs goes up while more polls are wanted than may start, and comes down again."""

from smsbat_async.tracking.price import DEAREST, ON_TIME, TERM, Price

LATE = 20.0


def overload(price: Price, polls: int, *, messages: float, wanted: float) -> None:
    """Start polls late while so many messages come for each."""
    due = 0.0
    for _ in range(polls):
        due += messages
        while due >= 1.0:
            price.admit()
            due -= 1.0
        price.start(LATE, wanted)


def test_it_stays_while_polls_are_on_time() -> None:
    price = Price(2.0)
    for _ in range(10 * TERM):
        price.admit()
        price.start(ON_TIME / 2.0, 3.0)
    assert price.value == 2.0


def test_it_rises_while_messages_want_more_polls_than_there_are() -> None:
    price = Price(2.0)
    overload(price, 10 * TERM, messages=0.5, wanted=4.0)
    assert price.value > 2.0


def test_it_does_not_rise_when_late_polls_are_enough_for_those_that_come() -> None:
    price = Price(2.0)
    overload(price, 10 * TERM, messages=0.25, wanted=3.0)
    assert price.value == 2.0


def test_it_falls_when_polls_are_late_but_nothing_more_comes() -> None:
    price = Price(2.0)
    overload(price, 20 * TERM, messages=0.8, wanted=4.0)
    dear = price.value
    overload(price, 60 * TERM, messages=0.0, wanted=4.0)
    assert price.value < dear / 2.0


def test_a_burst_does_not_raise_it() -> None:
    price = Price(2.0)
    for _ in range(20_000):
        price.admit()
    overload(price, 20 * TERM, messages=0.0, wanted=4.0)
    assert price.value == 2.0


def test_it_has_a_bound() -> None:
    price = Price(2.0)
    overload(price, 500 * TERM, messages=5.0, wanted=9.0)
    assert price.value == DEAREST * 2.0


def test_it_comes_down_to_where_it_was_when_polls_are_on_time_again() -> None:
    price = Price(2.0)
    overload(price, 100 * TERM, messages=2.0, wanted=9.0)
    for _ in range(5_000):
        price.start(0.0, 3.0)
    assert price.value == 2.0
