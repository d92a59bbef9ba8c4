"""Tally: what the rows of a source come to, counted as they go by."""

import contextlib
import os
from collections import Counter
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from smsbat_async.campaign.prices import EXACT, PriceTable
from smsbat_async.campaign.reading import checked
from smsbat_async.campaign.recipients import Recipient, Recipients
from smsbat_async.campaign.rejects import Rejects, is_same_file
from smsbat_async.campaign.rows import BadRow, Fingerprint, Source
from smsbat_async.errors import SourceError

LINES_KEPT: Final = 20
"""How many line numbers are kept of each kind of bad row."""

REASONS_KEPT: Final = 100
"""How many kinds of bad rows are told apart; a file of JSON may invent a field per row."""


class Reason(msgspec.Struct, frozen=True):
    """One kind of bad row.

    Args:
        code: What is wrong, in one word for programs.
        field: The column that is wrong; None if it is the row as a whole.
        reason: What the first such row had wrong, for people.
        count: How many rows have it.
        lines: The lines of the first 20.
    """

    code: str
    field: str | None
    reason: str
    count: int
    lines: tuple[int, ...]


class Tally:
    """What the rows so far come to; `Preflight.tallied` makes a preflight of it.

    Args:
        prices: What a part costs; None for no cost.
    """

    def __init__(self, prices: PriceTable | None = None) -> None:
        self._prices = prices
        self._reasons: dict[tuple[str, str | None], tuple[str, list[int]]] = {}
        self._counts: Counter[tuple[str, str | None]] = Counter()
        self._parts_at: Counter[Decimal] = Counter()
        self.good = 0
        self.bad = 0
        self.unpriced = 0
        self.encodings: Counter[str] = Counter()
        self.parts: Counter[int] = Counter()
        self.countries: Counter[str | None] = Counter()
        self.fingerprint: Fingerprint | None = None

    @property
    def currency(self) -> str | None:
        """The ISO 4217 code of the cost; None without a table of prices."""
        return None if self._prices is None else self._prices.currency

    def add(self, found: Recipient | BadRow) -> None:
        """Count one row.

        Args:
            found: What became of it.
        """
        if isinstance(found, BadRow):
            self._add_bad(found)
        else:
            self._add_good(found)

    def reasons(self) -> tuple[Reason, ...]:
        """Return the kinds of bad rows, most frequent first."""
        return tuple(
            Reason(*kind, self._reasons[kind][0], count, tuple(self._reasons[kind][1]))
            for kind, count in self._counts.most_common()
        )

    def cost(self) -> Decimal | None:
        """Return what all messages with a price cost; None without a table of prices."""
        if self._prices is None:
            return None
        total = Decimal(0)
        for price, parts in self._parts_at.items():
            total = EXACT.add(total, EXACT.multiply(price, Decimal(parts)))
        return total

    def _add_good(self, found: Recipient) -> None:
        self.good += 1
        parts = 1
        if found.parts is not None:
            parts = found.parts.parts
            self.encodings[found.parts.encoding] += 1
            self.parts[parts] += 1
        self.countries[found.country] += 1
        if self._prices is not None:
            price = self._prices.price(found.message.to_phone)
            if price is None:
                self.unpriced += 1
            else:
                self._parts_at[price] += parts

    def _add_bad(self, row: BadRow) -> None:
        self.bad += 1
        kind = row.code, row.field
        if kind not in self._reasons and len(self._reasons) >= REASONS_KEPT:
            kind = "others", None
        lines = self._reasons.setdefault(kind, (row.reason, []))[1]
        self._counts[kind] += 1
        if len(lines) < LINES_KEPT:
            lines.append(row.line)


def counted(
    source: Source, recipients: Recipients, tally: Tally, rejects: str | os.PathLike[str] | None = None
) -> Generator[Recipient | BadRow, None, None]:
    """Return what `checked` does, and count it; this blocks, so a thread is to do it.

    At the end, and only then, the tally knows the fingerprint of the source, and the file of bad rows has its
    name.

    Args:
        source: Where the rows are.
        recipients: How they become messages.
        tally: What counts them.
        rejects: Where to write every bad row, as CSV; None for nowhere.

    Raises:
        SourceError: If the source cannot be read or lacks a column that is needed, or `rejects` cannot be
            written.
    """
    with contextlib.ExitStack() as stack:
        kept = None
        if rejects is not None:
            if is_same_file(source.name, rejects):
                raise SourceError(f"rejects must be another file than the source: {rejects}")
            kept = stack.enter_context(contextlib.closing(Rejects(Path(rejects))))
        for found in stack.enter_context(contextlib.closing(checked(source, recipients))):
            tally.add(found)
            if kept is not None and isinstance(found, BadRow):
                kept.add(found)
            yield found
        tally.fingerprint = source.fingerprint()
        if kept is not None:
            kept.keep()
