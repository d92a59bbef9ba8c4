"""checked and Batches: one pass over a source, off the event loop."""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from smsbat_async.campaign.duplicates import Seen
from smsbat_async.campaign.recipients import Recipient, Recipients
from smsbat_async.campaign.rows import BadRow, Row, Source
from smsbat_async.errors import ConfigurationError, SourceError
from smsbat_async.phones import mask_phone

T = TypeVar("T")

BATCH_MAXIMUM: Final = 2_000
"""How many rows are taken at once: few enough that the loop has its turn every few hundredths of a second."""


def checked(source: Source, recipients: Recipients) -> Generator[Recipient | BadRow, None, None]:
    """Return a recipient, or what is wrong, for each row of a source; this blocks, so a thread is to do it.

    A phone or an id that an earlier row has makes a row bad; the same file gives the same again.

    Args:
        source: Where the rows are.
        recipients: How they become messages.

    Raises:
        SourceError: If the source cannot be read, or lacks a column that is needed.
    """
    known = False
    with contextlib.closing(Seen()) as seen, contextlib.closing(_generator(source)) as rows:
        for row in rows:
            if isinstance(row, BadRow):
                yield row
                continue
            if not known and source.columns is not None:
                recipients.check_columns(source.columns, source.name)
            known = True
            found = recipients.recipient(row)
            yield found if isinstance(found, BadRow) else _first(found, recipients, seen)
    if not known and source.columns is not None:
        recipients.check_columns(source.columns, source.name)


def _generator(source: Source) -> Generator[Row | BadRow, None, None]:
    # What iterates need not be a generator, and what is one is closed by this one.
    yield from source.rows()


def _first(found: Recipient, recipients: Recipients, seen: Seen) -> Recipient | BadRow:
    """Return a recipient, or a bad row if it was met before."""
    line, message = found.line, found.message
    if recipients.id_column is not None and (first := seen.id(message.id, line)) is not None:
        return BadRow(line, "duplicate_id", f"is the id of line {first} as well", recipients.id_column)
    if recipients.unique_phones and (first := seen.phone(message.to_phone, line)) is not None:
        reason, masked = f"is the phone of line {first} as well", mask_phone(message.to_phone)
        return BadRow(line, "duplicate_phone", reason, recipients.phone_column, masked)
    return found


class Batches(Generic[T]):
    """What a generator gives, in batches, made in a thread of its own.

    To be used with `async with`, which closes the generator in that thread, and with `async for`. A
    cancellation ends the waiting at once, and the thread with the batch that it is at.

    Args:
        items: The generator, for instance `checked(source, recipients)`.
        size: How many items a batch has at most, 1 to 2,000.
        may_hang: Whether the generator may wait for others without end, as a stream does: leaving early then
            waits for it no more, and the thread ends when the stream does.

    Raises:
        ConfigurationError: If `size` is wrong.
    """

    def __init__(
        self, items: Generator[T, None, None], *, size: int = BATCH_MAXIMUM, may_hang: bool = False
    ) -> None:
        if type(size) is not int or not 1 <= size <= BATCH_MAXIMUM:
            raise ConfigurationError(f"size must be a whole number of 1 to {BATCH_MAXIMUM:,}")
        self._items = items
        self._size = size
        self._may_hang = may_hang
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="smsbat-reading")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        closed = self._thread.submit(self._close)
        self._thread.shutdown(wait=False)
        if kind is None or not self._may_hang:
            # Not cancelled with this task: the file is to be closed whatever happens.
            await asyncio.shield(asyncio.wrap_future(closed))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[T]:
        batch = await asyncio.get_running_loop().run_in_executor(self._thread, self._take)
        if not batch:
            raise StopAsyncIteration
        return batch

    def _take(self) -> list[T]:
        with _uncancelled():
            return list(islice(self._items, self._size))

    def _close(self) -> None:
        with _uncancelled():
            self._items.close()


@contextlib.contextmanager
def _uncancelled() -> Generator[None]:
    """Raise what looks like a cancellation as what it is in a thread, where nobody is cancelled."""
    try:
        yield
    except (concurrent.futures.CancelledError, asyncio.CancelledError) as error:
        raise SourceError("the source cannot be read: something that it waited for was cancelled") from error
