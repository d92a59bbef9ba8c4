"""Source: any iterable, sync or async, that many workers take items from."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from smsbat_async.cancelling import cancelled_within, ends_the_task, is_cancellation
from smsbat_async.channel import Channel
from smsbat_async.errors import InvalidMessageError

T = TypeVar("T")


class End:
    """What a source gives when it has no more."""


END: Final = End()


class Source(Generic[T]):
    """One iterable, sync or async, that many workers take items from.

    Args:
        items: The iterable.
        field: The name of the parameter, for the error.
        check: Raises if an item is not fit to be given; that is then an error of the iterable.

    Raises:
        InvalidMessageError: If it cannot be iterated over, or is one text.

    Attributes:
        is_sync: Whether `take_now` may be used, which costs less than waiting for what need not be awaited.
    """

    def __init__(
        self,
        items: Iterable[T] | AsyncIterable[T],
        field: str,
        check: Callable[[object], None] | None = None,
    ) -> None:
        self._field = field
        self._check = check
        self._sync: Iterator[T] | None = None
        self._async: AsyncIterator[T] | None = None
        self._lock = asyncio.Lock()  # an async generator cannot be asked twice at once
        self._kept: BaseException | None = None
        self._over = False
        self.is_sync = False
        if isinstance(items, str | bytes) or not isinstance(items, AsyncIterable | Iterable):
            wanted = f"must be a list or any other iterable, not one {type(items).__name__}"
            raise InvalidMessageError(field, "not_iterable", wanted)
        if isinstance(items, AsyncIterable):
            self._async = aiter(items)
        else:
            self._sync = iter(items)
            self.is_sync = True

    async def take(self, channel: Channel[Any]) -> T | End:
        """Return the next item, or END; an error of the iterable is raised once and is the end.

        Args:
            channel: Whose word to stop ends the waiting for a source that is silent.
        """
        if self._sync is not None:
            return self.take_now()
        async with channel.until_stopped(), self._lock:
            return await self._take()
        return END

    async def take_many(self, count: int, into: list[T] | None = None) -> list[T]:
        """Return up to `count` items; fewer only at the end or before an error.

        Args:
            count: How many at most.
            into: Where they are put one by one, for a caller that must not lose them when it is cancelled.
        """
        taken: list[T] = [] if into is None else into
        async with self._lock:
            while len(taken) < count:
                try:
                    item = await self._take()
                except BaseException as met:  # the user's own iterable may raise anything
                    if ends_the_task(met):
                        raise
                    self._kept = met
                    break
                if isinstance(item, End):
                    break
                taken.append(item)
            if not taken and self._kept is not None:
                error, self._kept = self._kept, None
                raise error
        return taken

    async def _take(self) -> T | End:
        if self._async is None:
            return self.take_now()
        if self._over:
            return END
        try:
            item = await anext(self._async)
            if self._check is not None:
                self._check(item)
        except StopAsyncIteration:
            self._over = True
            return END
        except BaseException as error:
            self._over = True
            if isinstance(error, asyncio.CancelledError) and not is_cancellation(error):
                raise cancelled_within(self._field, error) from error
            raise
        return item

    def take_now(self) -> T | End:
        """Return the next item of an iterable that is not async, or END; errors as for `take`."""
        if self._over:
            return END
        assert self._sync is not None
        try:
            item = next(self._sync)
            if self._check is not None:
                self._check(item)
        except StopIteration:
            self._over = True
            return END
        except BaseException as error:
            self._over = True
            if isinstance(error, asyncio.CancelledError) and not is_cancellation(error):
                raise cancelled_within(self._field, error) from error
            raise
        return item
