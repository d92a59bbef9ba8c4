"""`smsbat status`: where messages are now."""

from collections.abc import AsyncIterator
from typing import Any

from rich.table import Table

from smsbat_async.cli.exits import Exit
from smsbat_async.cli.lines import status_cells, status_fields
from smsbat_async.cli.options import Common, Id, Vendor
from smsbat_async.cli.screen import Screen
from smsbat_async.cli.stdin import read_lines
from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import ConfigurationError
from smsbat_async.statuses import StatusResult

TABLED = 50
"""Up to how many rows are shown as a table; more are lines, each as it comes."""


async def status(*ids: Id, vendor: Vendor = "smsbat", common: Common = Common()) -> int:
    """Ask once where messages are.

    Args:
        ids: The vendor's ids; - reads them from standard input, one a line.
        vendor: Whose messages they are.
        common: What all such commands have.
    """
    screen = common.screen()
    wanted = chosen(ids)
    async with common.pool() as pool, await common.client(vendor, pool) as client:
        return await _tell(screen, client, wanted)


async def _tell(screen: Screen, client: SmsBatClient | ZnsClient, ids: AsyncIterator[str]) -> int:
    rows: list[tuple[str, str, str, str]] = []
    failed = False
    tabled = screen.out_is_terminal and not screen.json
    async with client.statuses(ids) as results:
        result: StatusResult[Any]
        async for result in results:
            failed = failed or result.error is not None
            if screen.json:
                screen.give(**status_fields(result))
            elif tabled and len(rows) < TABLED:
                rows.append(status_cells(result))
            else:
                tabled = _flush(screen, rows)
                screen.result("\t".join(status_cells(result)))
    if rows:
        table = Table("Message", "Status", "Channel", "Cost", box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*row)
        screen.console(results=True).print(table)
    return Exit.FAILED if failed else Exit.DONE


def _flush(screen: Screen, rows: list[tuple[str, str, str, str]]) -> bool:
    """Write the rows that were kept for a table as lines: they have become too many."""
    for row in rows:
        screen.result("\t".join(row))
    rows.clear()
    return False


def chosen(ids: tuple[str, ...]) -> AsyncIterator[str]:
    """Return the ids that were named, those on standard input among them.

    Args:
        ids: What was named.

    Raises:
        ConfigurationError: If nothing was.
    """
    if not ids:
        raise ConfigurationError("name the ids of messages, or - for those on standard input")
    return _named(ids)


async def _named(ids: tuple[str, ...]) -> AsyncIterator[str]:
    for one in ids:
        if one != "-":
            yield one
            continue
        async for line in read_lines():
            yield line
