"""Screen: what the program writes, and where to: results to standard output, all else to standard error."""

import contextlib
import os
import sys
import textwrap
from collections.abc import Mapping
from typing import Any, Final, TextIO

import msgspec
from rich.console import Console

WIDTH: Final = 80
NARROW: Final = 20


class Screen:
    """Where a command writes.

    Args:
        json: Whether results are written as one JSON object per line.
        out: For results; None takes standard output.
        err: For progress and errors; None takes standard error.
    """

    def __init__(self, *, json: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.json = json
        self._out = sys.stdout if out is None else out
        self._err = sys.stderr if err is None else err
        self.out_is_terminal = _is_terminal(self._out)
        self.err_is_terminal = _is_terminal(self._err)

    def console(self, *, results: bool = False) -> Console:
        """Return a console for tables and progress; it knows `NO_COLOR`.

        Args:
            results: Whether it is for standard output.
        """
        return Console(
            file=self._out if results else self._err,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=False,
        )

    def lose_terminal(self) -> None:
        """Write nothing more to a terminal that is not there any longer."""
        for file, was_terminal in ((self._out, self.out_is_terminal), (self._err, self.err_is_terminal)):
            if was_terminal:
                silence(file)

    def result(self, line: str) -> None:
        """Write a line of results."""
        self._write(self._out, line)

    def give(self, **fields: Any) -> None:
        """Write a result for programs: one JSON object on a line."""
        self._write(self._out, msgspec.json.encode(fields).decode())

    def say(self, line: str) -> None:
        """Write a result that is a sentence; a terminal gets it in lines that fit."""
        self._write(self._out, _fitted(line, self._out) if self.out_is_terminal else line)

    def note(self, line: str = "") -> None:
        """Write a sentence that is no result."""
        self._write(self._err, _fitted(line, self._err) if self.err_is_terminal else line)

    def prompt(self, text: str) -> None:
        """Write a question, and leave the cursor behind it."""
        self._write(self._err, text, end="")

    def error(self, line: str) -> None:
        """Write what went wrong."""
        self.note(f"smsbat: {line}")

    def _write(self, file: TextIO, line: str, *, end: str = "\n") -> None:
        try:
            file.write(line + end)
            file.flush()
        except BrokenPipeError:  # who read it has seen enough, and a campaign goes on
            silence(file)


def silence(file: TextIO) -> None:
    """Write to nowhere from now on, so that Python does not complain at its end.

    Args:
        file: Standard output, or standard error.
    """
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), file.fileno())


def printable(text: str) -> str:
    """Return a text that somebody else wrote without what could move a terminal's cursor.

    Args:
        text: The text.
    """
    return "".join(character if character.isprintable() else "?" for character in text)


def table(rows: list[tuple[str, str]], *, indent: int = 2) -> list[str]:
    """Return lines of names and values, the values below each other.

    Args:
        rows: The names and values.
        indent: How many spaces each line begins with.
    """
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{'':{indent}}{name:<{width}}  {value}".rstrip() for name, value in rows]


def duration(seconds: float) -> str:
    """Return a time as a clock shows it: `1:23`, `2:05:10`, `3 d 04:00`.

    Args:
        seconds: The time.
    """
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f"{days} d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 message`, `2,000 messages`.

    Args:
        count: The number.
        one: The noun.
        many: Its plural; None adds an s.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def only(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def _fitted(text: str, file: TextIO) -> str:
    """Return a text whose sentences are broken between words; what is indented is a table or a command."""
    try:
        width = os.get_terminal_size(file.fileno()).columns or WIDTH  # 0: a terminal that does not know
    except (OSError, ValueError):
        width = WIDTH
    return "\n".join(
        line
        if line.startswith(" ")
        else textwrap.fill(line, max(width, NARROW), break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


def _is_terminal(file: TextIO) -> bool:
    return file.isatty() and os.environ.get("TERM") != "dumb"
