"""SMSBAT's variables: values that are kept, and put into the texts of later cascades."""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from smsbat_async.sandbox.answers import Answer, RefusedError
from smsbat_async.sandbox.endpoints import Handler, Query, Served
from smsbat_async.sandbox.wire import ErrorAnswer, ErrorDetail, encode

_DECODE_FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_PLACEHOLDER = re.compile(r"%(name|url|short_url)=([0-9]{1,18})%", re.ASCII)
_SHORT: Final = "https://short.invalid/"


class Variable(Struct, frozen=True, forbid_unknown_fields=True):
    """One variable (SMSBAT's help, Message Variables)."""

    id: Annotated[int, Meta(gt=0)]
    type: Literal["name", "url", "short_url"]
    value: Annotated[str, Meta(min_length=1)]


class VariablesRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A request."""

    variables: list[Variable]


class VariablesApi:
    """Keeps the variables of one sandbox, all of them the account's: a later value counts."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(VariablesRequest)
        self._values: dict[tuple[str, int], str] = {}

    def handlers(self) -> dict[str, Handler]:
        """List what it answers.

        Returns:
            Endpoint name to handler.
        """
        return {"variables": self.save}

    def save(self, query: Query) -> Served:
        """Answer `POST /api/items`; what the vendor answers is not documented.

        Args:
            query: With the request's body.

        Returns:
            200 with an empty object.

        Raises:
            RefusedError: If one variable is wrong: then none is kept.
        """
        try:
            variables = self._decoder.decode(query.body).variables
        except _DECODE_FAILURES:
            variables = None
        if variables is None or any(
            item.type != "name" and not item.value.startswith(("https://", "http://")) for item in variables
        ):
            detail = ErrorDetail("INVALID_VARIABLE", "The body must be an object with an array of variables")
            raise RefusedError(Answer(400, encode(ErrorAnswer(detail))))
        self._values.update({(item.type, item.id): item.value for item in variables})
        return Served(Answer(200, b"{}"), [])

    def fill(self, text: str) -> str:
        """Put values in the place of placeholders.

        Args:
            text: The text of a cascade message.

        Returns:
            The text as the recipient reads it; a placeholder without a value stays as it is.
        """
        if "%" not in text or not self._values:
            return text
        return _PLACEHOLDER.sub(self._value, text)

    def _value(self, found: re.Match[str]) -> str:
        kind, number = found[1], int(found[2])
        value = self._values.get((kind, number))
        if value is None:
            return found[0]
        return f"{_SHORT}{number}" if kind == "short_url" else value
