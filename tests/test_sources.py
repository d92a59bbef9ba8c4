"""Sources: any iterable, sync or async, that many workers take items from."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from smsbat_async import InvalidMessageError
from smsbat_async.channel import Channel
from smsbat_async.sources import END, Source
from tests.support.items import broken_after, ids


@pytest.mark.parametrize("make", [lambda: ["a", "b"], lambda: iter("ab"), lambda: {"a": 1, "b": 2}])
async def test_a_source_gives_the_items_of_any_iterable_and_then_the_end_for_good(
    make: Callable[[], Any],
) -> None:
    source: Source[str] = Source(make(), "message_ids")
    assert [await source.take(Channel()) for _ in range(4)] == ["a", "b", END, END]


async def test_a_source_gives_the_items_of_an_async_iterable() -> None:
    source = Source(ids(2), "message_ids")
    assert [await source.take(Channel()) for _ in range(4)] == ["m-0", "m-1", END, END]


async def test_an_async_generator_is_never_asked_twice_at_once() -> None:
    source = Source(ids(50), "message_ids")
    taken = await asyncio.gather(*(source.take(Channel()) for _ in range(60)))
    assert sorted(str(item) for item in taken[:50]) == sorted(f"m-{number}" for number in range(50))
    assert taken[50:] == [END] * 10


@pytest.mark.parametrize("wrong", ["a text", b"bytes", 5, None, 1.5], ids=repr)
def test_a_text_or_what_is_no_iterable_is_refused_by_the_name_of_the_parameter(wrong: Any) -> None:
    with pytest.raises(
        InvalidMessageError, match="message_ids: must be a list or any other iterable, not one "
    ) as caught:
        Source(wrong, "message_ids")
    assert (caught.value.field, caught.value.code) == ("message_ids", "not_iterable")


async def test_an_error_of_the_iterable_comes_once_and_is_the_end() -> None:
    source = Source(broken_after(1), "x")
    assert await source.take(Channel()) == "m-0"
    with pytest.raises(LookupError):
        await source.take(Channel())
    assert await source.take(Channel()) is END


async def test_many_items_are_taken_at_once_and_the_rest_is_shorter() -> None:
    source = Source(ids(5), "x")
    assert await source.take_many(3) == ["m-0", "m-1", "m-2"]
    assert await source.take_many(3) == ["m-3", "m-4"]
    assert await source.take_many(3) == []


async def test_what_came_before_an_error_is_given_first() -> None:
    source = Source(broken_after(2), "x")
    assert await source.take_many(3) == ["m-0", "m-1"]
    with pytest.raises(LookupError):
        await source.take_many(3)
    assert await source.take_many(3) == []


async def test_an_item_that_is_not_fit_is_an_error_of_the_iterable() -> None:
    def check(item: object) -> None:
        if item == "m-2":
            raise LookupError(item)

    source = Source(iter(f"m-{number}" for number in range(5)), "message_ids", check)
    assert await source.take_many(5) == ["m-0", "m-1"]
    with pytest.raises(LookupError, match="m-2"):
        await source.take_many(5)
    assert await source.take(Channel()) is END
