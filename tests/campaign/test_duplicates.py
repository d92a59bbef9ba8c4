"""What was met before is found, however long the file is."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async.campaign.duplicates import Seen
from smsbat_async.errors import SourceError


@pytest.fixture
def seen() -> Seen:
    return Seen()


def test_row_74_a_phone_that_was_met_is_told_with_its_first_line(seen: Seen) -> None:
    assert seen.phone("+380501234567", 2) is None
    assert seen.phone("+380501234568", 3) is None
    assert seen.phone("+380501234567", 4) == 2
    assert seen.phone("+380501234567", 5) == 2
    seen.close()


def test_row_74_an_id_that_was_met_is_told_with_its_first_line(seen: Seen) -> None:
    assert seen.id("a", 2) is None
    assert seen.id("b" * 254, 3) is None
    assert seen.id("A", 4) is None
    assert seen.id("a", 5) == 2
    assert seen.id("b" * 254, 6) == 3
    seen.close()


def test_ids_and_phones_are_apart(seen: Seen) -> None:
    assert seen.phone("+380501234567", 2) is None
    assert seen.id("+380501234567", 3) is None
    seen.close()


def test_row_74_every_repeated_phone_of_a_long_file_is_found(seen: Seen) -> None:
    phones = [f"+380{number:09d}" for number in range(30_000)]
    rows = phones + phones[::3]
    random.Random(5).shuffle(rows)
    first: dict[str, int] = {}
    for line, phone in enumerate(rows):
        assert seen.phone(phone, line) == first.get(phone)
        first.setdefault(phone, line)
    seen.close()


@given(st.lists(st.text(max_size=3)))
def test_row_74_any_ids_are_told_apart(ids: list[str]) -> None:
    seen = Seen()
    first: dict[str, int] = {}
    for line, tracking_id in enumerate(ids):
        assert seen.id(tracking_id, line) == first.get(tracking_id)
        first.setdefault(tracking_id, line)
    seen.close()


def test_one_that_is_closed_says_so(seen: Seen) -> None:
    seen.close()
    with pytest.raises(SourceError, match="temporary file") as caught:
        seen.phone("+380501234567", 2)
    assert caught.value.__context__ is None
