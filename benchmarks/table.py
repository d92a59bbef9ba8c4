"""Figures in rows and columns, for people and for programs."""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self


class Spread(NamedTuple):
    """What several rounds gave."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the median and the ends of some values."""
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])

    @classmethod
    def of_ratios(cls, values: Sequence[float], base: Sequence[float]) -> Self:
        """Return the spread of ratios, each between two values of one round."""
        return cls.of(value / other for value, other in zip(values, base, strict=True))

    def text(self, digits: int = 0) -> str:
        """Return median and ends as text."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}..{self.high:,.{digits}f})"


class Table:
    """A table with a title.

    Args:
        title: What was measured.
        columns: The head of each column.
    """

    def __init__(self, title: str, columns: Sequence[str]) -> None:
        self.title = title
        self.columns = tuple(columns)
        self.rows: list[tuple[str, ...]] = []
        self.notes: list[str] = []

    def add(self, *cells: str) -> None:
        """Add a row."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(cells)

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        rule = tuple("-" * width for width in widths)
        text = [self.title, ""]
        for cells in (self.columns, rule, *self.rows):
            padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
            text.append("  ".join(padded).rstrip())
        text += ["", *self.notes] if self.notes else []
        return "\n".join(text)

    def markdown(self) -> str:
        """Return the table in Markdown: the title, the rows, and the notes as a list."""
        rows = (self.columns, ("---",) * len(self.columns), *self.rows)
        lines = [f"**{self.title}**", "", *(f"| {' | '.join(cells)} |" for cells in rows)]
        lines += ["", *(f"* {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines)


class Report(NamedTuple):
    """What one benchmark found.

    Args:
        name: The name of its file of results.
        table: For people.
        data: For programs, every single value included.
        summary: For people in a hurry, or None where the table is short.
    """

    name: str
    table: Table
    data: dict[str, Any]
    summary: Table | None = None

    def write(self, folder: Path) -> Path:
        """Write the data as JSON into a folder, and return where."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(self.data, indent=2) + "\n", encoding="utf-8")
        return path
