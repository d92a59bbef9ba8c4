"""Variables of cascade texts: values that the vendor keeps, and placeholders that stand for them."""

import enum
from collections.abc import Iterable

import msgspec

from smsbat_async.errors import InvalidMessageError
from smsbat_async.messages import check_text


class VariableType(enum.StrEnum):
    """What a variable holds."""

    NAME = "name"
    """Any text."""
    URL = "url"
    """An address, which stays as it is."""
    SHORT_URL = "short_url"
    """An address that the vendor shortens."""


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A value for a placeholder in cascade texts; it checks itself when it is made.

    Follows SMSBAT's help, "Message Variables", which is beyond the documents that the rest follows. It says
    neither whose an id is nor how long a value is kept: take an id to be the whole account's.

    Args:
        id: A whole number of at least 1, by which texts name it.
        type: What it holds.
        value: The text, or an address that begins with http:// or https://.

    Raises:
        InvalidMessageError: If a field is wrong.
    """

    id: int
    type: VariableType
    value: str

    def __post_init__(self) -> None:
        if type(self.id) is not int or self.id < 1:
            raise InvalidMessageError("id", "invalid_id", "must be a whole number of at least 1")
        try:
            kind = VariableType(self.type)
        except ValueError:
            kind = None
        if kind is None:
            known = ", ".join(VariableType)
            raise InvalidMessageError("type", "invalid_type", f"must be one of {known}")
        msgspec.structs.force_setattr(self, "type", kind)
        check_text("value", self.value)
        if kind is not VariableType.NAME and not self.value.startswith(("https://", "http://")):
            raise InvalidMessageError("value", "invalid_url", "must begin with https:// or http://")

    @property
    def placeholder(self) -> str:
        """What stands for the value in a text: `%name=1%`."""
        return f"%{self.type}={self.id}%"

    def __repr__(self) -> str:
        return f"Variable({self.placeholder})"  # a value is often somebody's name


def check_variables(items: object) -> list[Variable]:
    """Return some variables as a list.

    Raises:
        InvalidMessageError: If something is no variable, or one placeholder has two values.
    """
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):
        wanted = f"must be a list or any other iterable, not one {type(items).__name__}"
        raise InvalidMessageError("items", "not_iterable", wanted)
    found: dict[str, Variable] = {}
    for item in items:
        if not isinstance(item, Variable):
            wanted = f"must be Variable, not {type(item).__name__}"
            raise InvalidMessageError("items", "no_variable", wanted)
        if found.setdefault(item.placeholder, item) != item:
            raise InvalidMessageError("items", "repeated_id", f"{item.placeholder} has two values")
    return list(found.values())
