"""`smsbat campaign export`: every message of a campaign, as a table for spreadsheets and programs."""

import asyncio
import contextlib
import csv
import functools
import io
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import sqlalchemy as sa
from cyclopts import Parameter
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign import schema
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, State
from smsbat_async.campaign.rejects import safe_cell
from smsbat_async.cli.exits import Exit
from smsbat_async.cli.options import Output
from smsbat_async.cli.place import Place
from smsbat_async.cli.screen import Screen, only, plural
from smsbat_async.errors import ConfigurationError
from smsbat_async.phones import mask_phone

CHUNKS: Final = 10
"""How many chunks are read at a time; each has at most a thousand messages."""

COLUMNS: Final = (
    schema.recipient.c.line,
    schema.recipient.c.tracking_id,
    schema.recipient.c.phone,
    schema.message.c.state,
    schema.message.c.vendor_id,
    schema.message.c.channel,
    schema.message.c.country,
    schema.message.c.parts,
    schema.message.c.price,
    schema.message.c.cost,
    schema.message.c.error_code,
    schema.message.c.error,
    schema.message.c.accepted_at,
    schema.message.c.ended_at,
)
MOMENTS: Final = frozenset({"accepted_at", "ended_at"})


async def export(
    name: str,
    /,
    *,
    csv_: Annotated[str, Parameter(name="--csv", metavar="FILE", allow_leading_hyphen=True)] = "-",
    state: tuple[State, ...] = (),
    phones: bool = False,
    place: Place = Place(),
    output: Output = Output(),
) -> int:
    """Write every message of a campaign: whose it was, where it is, what it cost, and when.

    Args:
        name: The campaign's name.
        csv_: The file; - is standard output.
        state: Only messages in this state; may be repeated.
        phones: Write whole phone numbers, and not only their beginnings and ends.
        place: Which ledger.
        output: What all commands have.
    """
    screen = output.screen()
    codes = [schema.CODES[one] for one in state]
    async with place.opened() as ledger:
        record = await ledger.campaign(name)
        async with _opened(csv_) as file:
            count = await _write(screen, file, ledger, record, codes, phones=phones)
    if csv_ != "-":
        screen.note(f"{plural(count, 'message')} in {csv_}")
    return Exit.DONE


async def _write(
    screen: Screen,
    file: TextIO,
    ledger: Ledger,
    record: CampaignRecord,
    codes: list[int],
    *,
    phones: bool,
) -> int:
    count = 0
    if not screen.json:
        await _put(file, [[column.name for column in COLUMNS]])
    async for rows in _pages(ledger, record, codes):
        found = [_fields(row, phones=phones) for row in rows]
        if screen.json:
            for fields in found:
                screen.give(**only(fields))
        else:
            await _put(file, [[_cell(value) for value in fields.values()] for fields in found])
        count += len(found)
    return count


async def _put(file: TextIO, rows: list[list[str]]) -> None:
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(rows)

    def write() -> str | None:
        try:
            file.write(made.getvalue())
            file.flush()
        except BrokenPipeError:
            raise
        except OSError as met:
            return met.strerror or type(met).__name__
        return None

    said = await asyncio.to_thread(write)
    if said is not None:
        raise ConfigurationError(f"the export cannot be written: {said}")


async def _pages(
    ledger: Ledger, record: CampaignRecord, codes: list[int]
) -> AsyncIterator[Sequence[sa.RowMapping]]:
    """Give the messages of some chunks at a time, so that memory does not grow with the campaign."""
    page: Sequence[sa.RowMapping] | None
    after = -1
    while True:
        page, after = await ledger.read(functools.partial(_page, record.id, after, codes))
        if page is None:
            return
        yield page


async def _page(
    campaign_id: int, after: int, codes: list[int], connection: AsyncConnection
) -> tuple[Sequence[sa.RowMapping] | None, int]:
    chunks = (
        await connection.scalars(
            sa.select(schema.chunk.c.id)
            .where(schema.chunk.c.campaign_id == campaign_id, schema.chunk.c.id > after)
            .order_by(schema.chunk.c.id)
            .limit(CHUNKS)
        )
    ).all()
    if not chunks:
        return None, after
    ranges = [schema.message.c.id.between(*schema.range_of(chunk)) for chunk in chunks]
    wanted = (
        sa.select(*COLUMNS)
        .join_from(schema.message, schema.recipient, schema.message.c.id == schema.recipient.c.id)
        .where(sa.or_(*ranges))
        .order_by(schema.message.c.id)
    )
    if codes:
        wanted = wanted.where(schema.message.c.state.in_(codes))
    return (await connection.execute(wanted)).mappings().all(), chunks[-1]


def _fields(row: sa.RowMapping, *, phones: bool) -> dict[str, Any]:
    fields = dict(row)
    fields["state"] = schema.STATES[fields["state"]].value
    if not phones:
        fields["phone"] = mask_phone(fields["phone"])
    for name in MOMENTS:
        if fields[name] is not None:
            fields[name] = schema.from_moment(fields[name]).isoformat(timespec="milliseconds")
    return fields


def _cell(value: Any) -> str:
    return "" if value is None else safe_cell(str(value))


@contextlib.asynccontextmanager
async def _opened(where: str) -> AsyncGenerator[TextIO]:
    """Give what is written to; a file has its name only once it is whole."""
    if where == "-":
        yield sys.stdout
        return
    part = Path(f"{where}.part")
    try:
        # The mark tells spreadsheets that it is UTF-8.
        file = await asyncio.to_thread(part.open, "w", encoding="utf-8-sig", newline="")
    except OSError as met:
        said = met.strerror
    else:
        with file:
            yield file
        await asyncio.to_thread(part.replace, where)
        return
    raise ConfigurationError(f"{where} cannot be written: {said}")
