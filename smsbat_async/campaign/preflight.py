"""Preflight: what a file of recipients will come to, before anything is sent."""

import math
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, Self

import msgspec

from smsbat_async.campaign.prices import PriceTable
from smsbat_async.campaign.reading import Batches
from smsbat_async.campaign.recipients import Recipients
from smsbat_async.campaign.rows import Fingerprint, Source
from smsbat_async.campaign.tally import Reason, Tally, counted
from smsbat_async.policies import Rate, check_count
from smsbat_async.vendors.smsbat import CHUNK_MAXIMUM

WIDTH: Final = 80
"""How many columns a terminal is taken to have."""

NUMBER_WIDTH: Final = 14
LISTED_FROM: Final = 30
INDENT: Final = 16
FIELD_SHOWN: Final = 24

SHOWN: Final = 5
"""How many line numbers are shown of each kind of bad row."""

MINUTE: Final = 60


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of recipients will come to.

    Parts and cost are those of SMS, as if no other channel took a message: at most, and not at least.

    Args:
        source: The name of the file.
        fingerprint: What its bytes are known by.
        good: How many rows a message can be sent to.
        bad: How many cannot.
        reasons: Why not, most frequent first.
        encodings: How many messages go out in GSM-7 and how many in UCS-2.
        parts: How many messages have how many parts.
        countries: How many messages go to each region, by its ISO 3166 code; None is where that is not known.
        cost: What all messages with a price cost; None without a table of prices.
        currency: The ISO 4217 code of the cost.
        unpriced: How many messages no price is known for.
        seconds: How long sending takes at least at the configured rate; None without one.
        rejects: The file that every bad row was written to.
    """

    source: str
    fingerprint: Fingerprint
    good: int
    bad: int
    reasons: tuple[Reason, ...]
    encodings: dict[str, int]
    parts: dict[int, int]
    countries: dict[str | None, int]
    cost: Decimal | None = None
    currency: str | None = None
    unpriced: int = 0
    seconds: float | None = None
    rejects: str | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.good + self.bad

    @property
    def total_parts(self) -> int:
        """How many parts all messages have."""
        return sum(parts * count for parts, count in self.parts.items())

    @classmethod
    async def of(
        cls,
        source: Source,
        recipients: Recipients,
        *,
        prices: PriceTable | None = None,
        rate: Rate | None = None,
        chunk_size: int = 500,
        rejects: str | os.PathLike[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Self:
        """Read a whole source, and return what it will come to; nothing is sent.

        It is read in a thread. A cancellation ends it within a few thousand rows.

        Args:
            source: Where the rows are.
            recipients: How they become messages.
            prices: What a part costs.
            rate: How many requests may start.
            chunk_size: How many messages a request has, 1 to 1,000.
            rejects: Where to write every bad row, as CSV.
            progress: Is told how many rows have been read, a few times per ten thousand.

        Raises:
            SourceError: If the source cannot be read, or `rejects` not be written.
            ConfigurationError: If a parameter is wrong.
        """
        check_count("chunk_size", chunk_size, maximum=CHUNK_MAXIMUM)
        tally = Tally(prices)
        path = None if rejects is None else Path(rejects)
        counting = counted(source, recipients, tally, path)
        rows = 0
        async with Batches(counting, may_hang=not source.rereadable) as batches:
            async for batch in batches:
                rows += len(batch)
                if progress is not None:
                    progress(rows)
        assert tally.fingerprint is not None
        return cls.tallied(
            tally, source.name, tally.fingerprint, rate=rate, chunk_size=chunk_size, rejects=path
        )

    @classmethod
    def tallied(
        cls,
        tally: Tally,
        source: str,
        fingerprint: Fingerprint,
        *,
        rate: Rate | None = None,
        chunk_size: int = 500,
        rejects: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Return what a source will come to whose rows were counted while something else was done with them.

        Args:
            tally: The counts of all its rows.
            source: The name of the file.
            fingerprint: What its bytes are known by.
            rate: How many requests may start.
            chunk_size: How many messages a request has, 1 to 1,000.
            rejects: The file that every bad row was written to.

        Raises:
            ConfigurationError: If a parameter is wrong.
        """
        check_count("chunk_size", chunk_size, maximum=CHUNK_MAXIMUM)
        return cls(
            source=source,
            fingerprint=fingerprint,
            good=tally.good,
            bad=tally.bad,
            reasons=tally.reasons(),
            encodings=dict(tally.encodings.most_common()),
            parts=dict(sorted(tally.parts.items())),
            countries=dict(tally.countries.most_common()),
            cost=tally.cost(),
            currency=tally.currency,
            unpriced=tally.unpriced,
            seconds=None if rate is None else _seconds(-(-tally.good // chunk_size), rate),
            rejects=None if rejects is None else str(Path(rejects)),
        )

    def __str__(self) -> str:
        return "\n".join(_page(self))


def _seconds(requests: int, rate: Rate) -> float:
    """Return how long some requests take to start."""
    return requests / rate.per_second


def _page(found: Preflight) -> Iterator[str]:
    """Return the lines of what is shown."""
    yield f"Preflight of {found.source}"
    yield _line("rows", f"{found.rows:,}", f"{found.fingerprint.size:,} bytes")
    yield _line("good", f"{found.good:,}", _share(found.good, found.rows))
    yield _line("bad", f"{found.bad:,}", _share(found.bad, found.rows))
    if found.countries:
        regions = [(region or "unknown", count) for region, count in found.countries.items()]
        yield _line("countries", f"{len(regions):,}", _listed(regions))
    if found.parts:
        sizes = [(f"of {parts}" if parts > 1 else "single", count) for parts, count in found.parts.items()]
        yield _line("SMS parts", f"{found.total_parts:,}", _listed(sizes))
        yield _line("encodings", f"{len(found.encodings):,}", _listed(found.encodings.items()))
    if found.cost is not None:
        yield _line("cost", f"{found.cost:,f}", f"{found.currency}, if all go out by SMS")
        if found.unpriced:
            yield _line("no price", f"{found.unpriced:,}", "messages that the cost leaves out")
    if found.seconds is not None:
        yield _line("time", _duration(found.seconds), "to send them, at the configured rate")
    if found.reasons:
        yield ""
        yield f"  {'bad rows':>{INDENT - 4}}  what is wrong"
        for reason in found.reasons:
            yield from _told(reason)
    if found.rejects is not None:
        yield ""
        yield f"Every bad row is in {found.rejects}"


def _line(name: str, number: str, rest: str) -> str:
    return f"  {name:<10} {number:>{NUMBER_WIDTH}}   {rest}".rstrip()


def _told(reason: Reason) -> Iterator[str]:
    """Return the lines of one kind of bad row."""
    where = "row" if reason.field is None else reason.field[:FIELD_SHOWN]
    lines = ", ".join(map(str, reason.lines[:SHOWN])) + (", ..." if reason.count > SHOWN else "")
    told = textwrap.wrap(f"{where}: {reason.reason}", WIDTH - INDENT)
    told += textwrap.wrap(f"({reason.code}, line{'s' if reason.count > 1 else ''} {lines})", WIDTH - INDENT)
    for number, part in enumerate(told):
        count = f"{reason.count:,}" if number == 0 else ""
        yield f"  {count:>{INDENT - 4}}  {part}"


def _listed(items: Iterable[tuple[str, int]]) -> str:
    """Return names and counts, as many as a line holds."""
    shown, left = "", list(items)
    while left:
        name, count = left[0]
        more = f"{shown}, {name} {count:,}" if shown else f"{name} {count:,}"
        if len(more) > WIDTH - LISTED_FROM - len(", 999 others"):
            return f"{shown}, {len(left)} others"
        shown = more
        left.pop(0)
    return shown


def _share(part: int, whole: int) -> str:
    """Return a share in percent, rounded so that only all is 100 and only none is 0."""
    if not whole:
        return ""
    tenths = round(part * 1_000 / whole)
    if 0 < part < whole:
        tenths = min(max(tenths, 1), 999)
    return f"{tenths / 10} %"


def _duration(seconds: float) -> str:
    """Return a time as people say it."""
    whole = math.ceil(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    minutes = math.ceil(seconds / MINUTE)
    return f"{minutes} min" if minutes < MINUTE else f"{minutes // MINUTE} h {minutes % MINUTE:02} min"
