"""Recipients: how the columns of a file become messages."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from smsbat_async.campaign.countries import country
from smsbat_async.campaign.phones import BadPhone, PhoneReader, mask_written
from smsbat_async.campaign.rows import BadRow, Row
from smsbat_async.campaign.template import Template
from smsbat_async.errors import ConfigurationError, InvalidMessageError, SourceError
from smsbat_async.messages import ID_MAXIMUM, CascadeMessage, MessageType
from smsbat_async.segments import Segments, segments

LINE_DIGITS: Final = 12
"""How many digits the number of a line may have in an id."""

TTL_DIGITS: Final = 9

SAMPLE_PHONE: Final = "+380501234567"


class Column(msgspec.Struct, frozen=True):
    """Where a value stands that may differ from row to row.

    Args:
        name: The name of the column.
    """

    name: str


class Recipient(msgspec.Struct, frozen=True):
    """A row that a message can be sent to.

    Args:
        line: The number of its first line, as an editor shows it.
        message: The message.
        parts: How its text goes out by SMS; None if it has none.
        country: The ISO 3166 code of the region its phone belongs to; None if that is not known.
    """

    line: int
    message: CascadeMessage
    parts: Segments | None
    country: str | None


class Recipients:
    """How the columns of a file become messages.

    Args:
        campaign: The name of the campaign. Ids that no column gives are made of it and the line,
            `spring-17`, so that the same file gives the same ids again.
        from_name: The sender's name as the vendor registered it, or the `Column` it stands in.
        message_type: What kind of messages they are, or the `Column` that tells.
        phone: The column of the phones.
        id: The column of your own ids, each 1 to 254 printable characters; None makes them.
        text: The column of the texts, or a `Template` that is filled from the row; None if there is none.
        ttl: How long the vendor may try to deliver a message, in seconds, or the `Column` that tells; an
            empty value there is none.
        survey_options: The 2 to 5 answers of a survey, the same for all.
        default_region: The ISO 3166 code of the region that phones without a calling code belong to, as `UA`.
        unique_phones: Whether a second row with the same phone is bad. An id is always met only once.

    Raises:
        ConfigurationError: If a parameter is wrong.
    """

    def __init__(
        self,
        *,
        campaign: str,
        from_name: str | Column,
        message_type: MessageType | Column = MessageType.PROMO,
        phone: str = "phone",
        id: str | None = None,  # noqa: A002 - the word of the field
        text: str | Template | None = "text",
        ttl: int | Column | None = None,
        survey_options: Sequence[str] | None = None,
        default_region: str | None = None,
        unique_phones: bool = True,
    ) -> None:
        self._given = (
            *(campaign, from_name, message_type, phone, id, text, ttl),
            *(survey_options, default_region, bool(unique_phones)),
        )
        self._prefix = _id_prefix(campaign)
        self._phone = _column("phone", phone)
        self._id = None if id is None else _column("id", id)
        self._template = text if isinstance(text, Template) else None
        self._text = None if text is None or isinstance(text, Template) else _column("text", text)
        self._from_name = from_name
        self._message_type = message_type
        self._ttl = ttl
        self._options = survey_options
        self._phones = PhoneReader(default_region)
        self._counted: tuple[str, Segments] | None = None
        self.unique_phones = bool(unique_phones)
        self._check_fixed()

    @property
    def digest(self) -> str:
        """What tells these from others: SHA-256, in hexadecimal digits, of all that a message is made of."""
        told = json.dumps([_plain(value) for value in self._given], ensure_ascii=False)
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def phone_column(self) -> str:
        """The column of the phones."""
        return self._phone

    @property
    def id_column(self) -> str | None:
        """The column of the ids; None if they are made of the campaign's name and the line."""
        return self._id

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are needed, each once."""
        named = [self._phone, self._id, self._text, *(self._template.fields if self._template else ())]
        named += [
            given.name
            for given in (self._from_name, self._message_type, self._ttl)
            if isinstance(given, Column)
        ]
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def check_columns(self, columns: Iterable[str], name: str) -> None:
        """Check that a file has the columns that are needed.

        Args:
            columns: Those that it has.
            name: The name of the file, for the error.

        Raises:
            SourceError: If one is missing.
        """
        there = tuple(columns)
        missing = [column for column in self.columns if column not in there]
        if missing:
            raise SourceError(
                f"{name} has no column {', '.join(map(repr, missing))}: it has {', '.join(map(repr, there))}"
            )

    def recipient(self, row: Row) -> Recipient | BadRow:
        """Return the recipient of a row, or what is wrong with it.

        Args:
            row: The row.
        """
        line, fields = row.line, row.fields
        written = fields.get(self._phone, "")
        phone = self._phones.read(written)
        if isinstance(phone, BadPhone):
            masked = mask_written(written) if written.strip() else None
            return BadRow(line, phone.code, phone.reason, self._phone, masked)
        try:
            message = CascadeMessage(
                id=f"{self._prefix}{line}" if self._id is None else fields.get(self._id, "").strip(),
                from_name=_given(self._from_name, fields),
                to_phone=phone,
                message_type=self._kind(fields),
                text=self._template.render(fields) if self._template else self._worded(fields),
                ttl=self._seconds(fields),
                survey_options=self._options,
            )
        except InvalidMessageError as met:
            field, code, reason = met.field, met.code, met.message
        else:
            return Recipient(line, message, self._parts(message.text), country(phone))
        return BadRow(line, code, reason, self._column_of(field))

    def _worded(self, fields: dict[str, str]) -> str | None:
        if self._text is None:
            return None
        text = fields.get(self._text, "")
        # A flashcall has no text, and its cell is empty.
        return text or None

    def _kind(self, fields: dict[str, str]) -> MessageType:
        if not isinstance(self._message_type, Column):
            return self._message_type
        kind = TYPES.get(fields.get(self._message_type.name, "").strip().lower())
        if kind is None:
            raise InvalidMessageError("message_type", "invalid_type", f"must be one of {', '.join(TYPES)}")
        return kind

    def _seconds(self, fields: dict[str, str]) -> int | None:
        if not isinstance(self._ttl, Column):
            return self._ttl
        word = fields.get(self._ttl.name, "").strip()
        if not word:
            return None
        if not word.isdecimal() or len(word) > TTL_DIGITS:
            raise InvalidMessageError("ttl", "invalid_ttl", "must be a whole number of seconds, at least 1")
        return int(word)

    def _parts(self, text: str | None) -> Segments | None:
        """Return how a text goes out by SMS; many campaigns say the same to all."""
        if text is None:
            return None
        if self._counted is None or self._counted[0] != text:
            self._counted = text, segments(text)
        return self._counted[1]

    def _column_of(self, field: str) -> str:
        """Return the column that a field of a message was read from; the field if it was not."""
        columns: dict[str, str | None] = {"id": self._id, "text": self._text}
        for name, given in (
            ("from_name", self._from_name),
            ("message_type", self._message_type),
            ("ttl", self._ttl),
        ):
            columns[name] = given.name if isinstance(given, Column) else None
        return columns.get(field) or field

    def _check_fixed(self) -> None:
        """Check what is the same for all rows now, and not once per row."""
        for field in ("from_name", "message_type", "ttl"):
            given = getattr(self, f"_{field}")
            if isinstance(given, Column):
                _column(field, given.name)
        kind = MessageType.FLASHCALL if isinstance(self._message_type, Column) else self._message_type
        options = None if isinstance(self._message_type, Column) else self._options
        try:
            CascadeMessage(
                id=f"{self._prefix}1",
                from_name="any" if isinstance(self._from_name, Column) else self._from_name,
                to_phone=SAMPLE_PHONE,
                message_type=kind,
                text=None if self._template is None and self._text is None else "any",
                ttl=None if isinstance(self._ttl, Column) else self._ttl,
                survey_options=options,
            )
        except InvalidMessageError as met:
            said = str(met)
        else:
            return
        raise ConfigurationError(said)


TYPES: Final = {str(kind): kind for kind in MessageType}


def _given(given: str | Column, fields: dict[str, str]) -> str:
    return fields.get(given.name, "").strip() if isinstance(given, Column) else given


def _plain(value: Any) -> Any:
    """Return a parameter as JSON tells it from any other."""
    if isinstance(value, Column):
        return {"column": value.name}
    if isinstance(value, Template):
        return {"template": value.text}
    return list(value) if isinstance(value, tuple) else value


def _column(parameter: str, name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{parameter} must name a column")
    return name


def _id_prefix(campaign: object) -> str:
    most = ID_MAXIMUM - LINE_DIGITS - 1
    if not isinstance(campaign, str) or not 1 <= len(campaign) <= most or not campaign.isprintable():
        raise ConfigurationError(f"campaign must be a name of 1 to {most} printable characters")
    return f"{campaign}-"
