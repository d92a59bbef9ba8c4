"""One pass over a source: repeated phones and ids, batches, and leaving early."""

import asyncio
import concurrent.futures
import io
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from smsbat_async import ConfigurationError
from smsbat_async.campaign.reading import Batches, checked
from smsbat_async.campaign.recipients import Recipient, Recipients
from smsbat_async.campaign.rows import BadRow
from smsbat_async.campaign.sources import CsvSource, JsonLinesSource
from smsbat_async.errors import SourceError
from tests.support import within


def recipients(**given: Any) -> Recipients:
    return Recipients(**{"campaign": "spring", "from_name": "Shop", **given})


def read(data: str, **given: Any) -> list[Recipient | BadRow]:
    return list(checked(CsvSource(io.BytesIO(data.encode())), recipients(**given)))


class TestRepeatedRows:
    def test_row_74_a_phone_that_an_earlier_row_has_is_bad(self) -> None:
        found = read("phone,text\n+380501234567,a\n+380671234567,b\n+38 050 123 45 67,c\n")
        assert [row.line for row in found] == [2, 3, 4]
        assert found[2] == BadRow(
            4, "duplicate_phone", "is the phone of line 2 as well", "phone", "+380***67"
        )

    def test_row_74_a_phone_may_come_again_where_it_is_allowed_to(self) -> None:
        found = read("phone,text\n+380501234567,a\n+380501234567,b\n", unique_phones=False)
        assert all(isinstance(row, Recipient) for row in found)

    def test_row_74_an_id_may_never_come_again(self) -> None:
        rows = "phone,text,key\n+380501234567,a,k1\n+380671234567,b,k2\n+380631234567,c,k1\n"
        found = read(rows, id="key", unique_phones=False)
        assert found[2] == BadRow(4, "duplicate_id", "is the id of line 2 as well", "key")

    def test_row_74_a_bad_row_does_not_make_a_later_good_one_a_repeated_one(self) -> None:
        found = read("phone,text\n+380501234567,\n+380501234567,b\n")
        assert [type(row) for row in found] == [BadRow, Recipient]

    def test_row_74_the_same_file_gives_the_same_again(self, tmp_path: Path) -> None:
        path = tmp_path / "people.csv"
        rows = [f"+38050{number % 400:07d},text {number}" for number in range(1_000)]
        path.write_text("\n".join(["phone,text", *rows, "broken"]))
        source, mapping = CsvSource(path), recipients()
        first = list(checked(source, mapping))
        assert list(checked(source, mapping)) == first
        assert len({row.message.id for row in first if isinstance(row, Recipient)}) == 400


class TestColumns:
    @pytest.mark.parametrize("rows", ["", "x,1\n", "x\n"], ids=["no rows", "a row", "a bad row"])
    def test_that_are_missing_refuse_a_file_of_csv(self, rows: str) -> None:
        with pytest.raises(SourceError, match="has no column 'phone', 'text'"):
            read("telephone,name\n" + rows)

    def test_that_are_missing_make_a_line_of_json_bad(self) -> None:
        source = JsonLinesSource(io.BytesIO(b'{"phone": "+380501234567", "text": "a"}\n{"text": "b"}\n'))
        first, second = checked(source, recipients())
        assert isinstance(first, Recipient)
        assert isinstance(second, BadRow)
        assert (second.field, second.code) == ("phone", "missing_phone")


class Numbers:
    """A generator of numbers that tells which threads it ran in and whether it was closed."""

    def __init__(self, count: int, error: BaseException | None = None) -> None:
        self.count = count
        self.error = error
        self.threads: set[int] = set()
        self.closed = threading.Event()

    def give(self) -> Generator[int, None, None]:
        try:
            for number in range(self.count):
                self.threads.add(threading.get_ident())
                yield number
            if self.error is not None:
                raise self.error
        finally:
            self.threads.add(threading.get_ident())
            self.closed.set()


class TestBatches:
    async def test_hold_every_item_in_order(self) -> None:
        numbers = Numbers(2_500)
        async with Batches(numbers.give(), size=1_000) as batches:
            found = [batch async for batch in batches]
        assert [len(batch) for batch in found] == [1_000, 1_000, 500]
        assert [number for batch in found for number in batch] == list(range(2_500))

    async def test_are_made_in_one_thread_that_is_not_the_loops(self) -> None:
        numbers = Numbers(5_000)
        async with Batches(numbers.give()) as batches:
            async for _ in batches:
                pass
        assert len(numbers.threads) == 1
        assert threading.get_ident() not in numbers.threads

    async def test_leave_the_loop_its_turns(self) -> None:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(count())
        seen = []
        async with Batches(Numbers(1_000).give(), size=100) as batches:
            async for _ in batches:
                seen.append(turns)
        counting.cancel()
        assert len(seen) == len(set(seen)) == 10

    async def test_close_what_is_left_early(self) -> None:
        numbers = Numbers(10**9)
        async with Batches(numbers.give(), size=10) as batches:
            async for batch in batches:
                assert batch == list(range(10))
                break
        assert numbers.closed.is_set()

    async def test_close_what_is_cancelled(self) -> None:
        numbers = Numbers(10**9)
        started = asyncio.Event()

        async def read() -> None:
            async with Batches(numbers.give(), size=10) as batches:
                async for _ in batches:
                    started.set()

        reading = asyncio.create_task(read())
        await started.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert numbers.closed.is_set()

    async def test_of_what_hangs_can_be_left_while_it_does(self) -> None:
        goes_on, reached = threading.Event(), threading.Event()
        closed = threading.Event()

        def give() -> Generator[int, None, None]:
            try:
                yield 1
                reached.set()
                goes_on.wait(10)
                yield 2
            finally:
                closed.set()

        async def read() -> None:
            async with Batches(give(), size=1, may_hang=True) as batches:
                async for _ in batches:
                    pass

        reading = asyncio.create_task(read())
        assert await asyncio.to_thread(reached.wait, 5)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(reading, "leaving what hangs")
        assert not closed.is_set()
        goes_on.set()
        assert await asyncio.to_thread(closed.wait, 5)

    async def test_raise_what_the_generator_raises(self) -> None:
        numbers = Numbers(3, SourceError("broken"))
        with pytest.raises(SourceError, match="broken"):
            async with Batches(numbers.give(), size=2) as batches:
                async for batch in batches:
                    assert batch == [0, 1]
        assert numbers.closed.is_set()

    @pytest.mark.parametrize(
        "kind",
        [concurrent.futures.CancelledError, asyncio.CancelledError],
        ids=["as threads do", "as tasks do"],
    )
    async def test_tell_of_what_was_cancelled_in_their_thread_as_an_error(
        self, kind: type[BaseException]
    ) -> None:
        # As a cancellation it would end a task group without a word.
        numbers = Numbers(3, kind())
        with pytest.raises(SourceError, match="waited for was cancelled") as caught:
            async with Batches(numbers.give(), size=2) as batches:
                async for batch in batches:
                    assert batch == [0, 1]
        assert isinstance(caught.value.__cause__, kind)
        assert numbers.closed.is_set()

    async def test_tell_of_what_is_cancelled_while_they_close_as_an_error(self) -> None:
        def give() -> Generator[int, None, None]:
            try:
                yield 1
                yield 2
            finally:
                raise concurrent.futures.CancelledError

        with pytest.raises(SourceError, match="waited for was cancelled"):
            async with Batches(give(), size=1) as batches:
                async for _ in batches:
                    break

    @pytest.mark.parametrize("size", [0, 2_001, -1, 1.5, True])
    def test_have_a_size_within_bounds(self, size: Any) -> None:
        with pytest.raises(ConfigurationError, match="size must be"):
            Batches(Numbers(1).give(), size=size)
