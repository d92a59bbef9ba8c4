"""What is done to many rows at a time, at the speed of the driver."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_encode = msgspec.json.Encoder().encode


class Bulk:
    """A statement that is executed once per row, where a row is a tuple.

    It is compiled once per kind of database. Given rows as dicts, SQLAlchemy takes as much time to sort each
    into place as the database takes to write it.

    Args:
        statement: The statement, with named parameters.
        names: The parameters, in the order in which the statement has them.
    """

    def __init__(self, statement: sa.Update | sa.Delete, *names: str) -> None:
        self._statement = statement
        self._names = names
        self._texts: dict[str, str] = {}

    async def run(self, connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Execute it for some rows, if there are any."""
        if rows:
            await connection.exec_driver_sql(self._text(connection.dialect), list(rows))

    def _text(self, dialect: sa.Dialect) -> str:
        text = self._texts.get(dialect.name)
        if text is None:
            compiled = self._statement.compile(dialect=dialect)
            assert compiled.positiontup == list(self._names), compiled.positiontup
            text = self._texts[dialect.name] = str(compiled)
        return text


def within(
    connection: AsyncConnection, column: sa.ColumnElement[int], numbers: Iterable[int]
) -> sa.ColumnElement[bool]:
    """Return the condition that a column is one of many numbers, which go as one parameter."""
    wanted = sorted(set(numbers))
    if connection.dialect.name == "sqlite":
        listed = sa.func.json_each(_encode(wanted).decode()).table_valued("value")
        return column.in_(sa.select(listed.c.value))
    return column == sa.any_(sa.literal(wanted, sa.ARRAY(sa.BigInteger)))
