"""Template: a text with the fields of a row in it."""

import re
from collections.abc import Mapping

from smsbat_async.errors import ConfigurationError, InvalidMessageError

TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
"""A doubled brace, a field in braces, or a brace that stands alone."""


class Template:
    """A text in which `{name}` stands for the field of that name; `{{` and `}}` are braces.

    Nothing else means anything: no formats, no attributes, no code.

    Args:
        text: The text.

    Raises:
        ConfigurationError: If a brace is not closed, or a field has no name.
    """

    __slots__ = ("_fields", "_literals", "text")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise ConfigurationError("the template must be a text")
        self.text = text
        self._literals = [""]
        self._fields: list[str] = []
        end = 0
        for token in TOKEN.finditer(text):
            self._literals[-1] += text[end : token.start()]
            end = token.end()
            if token[0] in {"{{", "}}"}:
                self._literals[-1] += token[0][0]
                continue
            name = (token[1] or "").strip()
            if not name:
                raise ConfigurationError(
                    f"the template has a brace at character {token.start() + 1} that names no field: "
                    "write {name} for a field, {{ or }} for a brace"
                )
            self._fields.append(name)
            self._literals.append("")
        self._literals[-1] += text[end:]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, each once, in order."""
        return tuple(dict.fromkeys(self._fields))

    def render(self, row: Mapping[str, str]) -> str:
        """Return the text with the fields of a row in it.

        Args:
            row: The fields.

        Raises:
            InvalidMessageError: If a field is missing or empty.
        """
        text = self._literals[0]
        for name, literal in zip(self._fields, self._literals[1:], strict=True):
            value = row.get(name)
            if value is None or not value.strip():
                raise InvalidMessageError(
                    name, "missing_field", "the template needs it, and the row has none"
                )
            text += value + literal
        return text
