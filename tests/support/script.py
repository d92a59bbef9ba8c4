"""Script: what happens to the first, the second, and every further request or connection."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

Subject = TypeVar("Subject")
Choice = TypeVar("Choice")


class ScriptExhaustedError(AssertionError):
    """More came than a script without repetition has lines."""


class Script(Generic[Subject, Choice]):
    """One choice for all, a list of choices in turn, or a function that chooses."""

    def __init__(
        self, plan: Choice | Sequence[Choice] | Callable[[Subject], Choice], *, repeat_last: bool = True
    ) -> None:
        self._decide = plan if callable(plan) else None
        lines = plan if isinstance(plan, Sequence) else [plan]
        self._lines = cast("Sequence[Choice]", lines)
        self._repeat_last = repeat_last or not isinstance(plan, Sequence)
        if not lines:
            raise ValueError("a script needs at least one line")

    @property
    def needs_subject(self) -> bool:
        """Whether the choice can only be made once the subject is known."""
        return self._decide is not None

    def pick(self, index: int) -> Choice:
        """Choose by turn, 0 being the first."""
        if index < len(self._lines):
            return self._lines[index]
        if self._repeat_last:
            return self._lines[-1]
        raise ScriptExhaustedError(f"the script has {len(self._lines)} lines, and number {index + 1} came")

    def choose(self, subject: Subject) -> Choice:
        """Choose by looking at the subject."""
        if self._decide is None:
            raise TypeError("this script goes by turns")
        return self._decide(subject)
