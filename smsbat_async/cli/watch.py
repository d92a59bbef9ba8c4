"""`smsbat watch`: messages, followed to their ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from rich.live import Live
from rich.table import Table
from rich.text import Text

from smsbat_async.cli.lines import delivery_cells, delivery_fields, delivery_line, of_deliveries, word
from smsbat_async.cli.options import Common, Id, Seconds, Vendor
from smsbat_async.cli.screen import Screen, duration, plural
from smsbat_async.cli.status import chosen
from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.hooks import PollDone
from smsbat_async.statuses import AnyStatus, Delivery, Outcome

SHOWN = 15
"""Up to how many messages have a row of their own on a terminal."""

REDRAWN = 4
"""How often per second the table is drawn."""

SEEN = frozenset({Outcome.DELIVERED})


class Board:
    """The rows of the messages that are watched, drawn anew a few times per second.

    Args:
        ids: The messages, in their order.
        now: What tells the time, in seconds.
    """

    def __init__(self, ids: list[str], now: float) -> None:
        self._rows: dict[str, tuple[str, ...]] = {one: (one, "", "", "", "") for one in ids}
        self._ended: set[str] = set()
        self._started = now

    def poll(self, message_id: str, status: AnyStatus | None) -> None:
        """Note what a poll told."""
        if status is not None and message_id in self._rows and message_id not in self._ended:
            self._rows[message_id] = (message_id, word(status), "", "", "")

    def end(self, delivery: Delivery[Any]) -> None:
        """Note how a message ended."""
        self._rows[delivery.message_id] = delivery_cells(delivery)
        self._ended.add(delivery.message_id)

    def table(self, now: float) -> Table:
        """Return the rows as a table.

        Args:
            now: The time, in seconds.
        """
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("Message", "Status", "Channel"):
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        table.add_column("Cost", justify="right", no_wrap=True)
        table.add_column("Time", justify="right", no_wrap=True, min_width=5)
        for message_id, cells in self._rows.items():
            ended = message_id in self._ended
            clock = cells[4] if ended else duration(now - self._started)
            state = Text(cells[1] or "asked soon", style=_style(cells[1], ended))
            table.add_row(cells[0], state, cells[2], cells[3], Text(clock, style="" if ended else "dim"))
        return table


async def watch(
    *ids: Id,
    vendor: Vendor = "smsbat",
    timeout: Seconds = 600.0,
    poll: Seconds | None = None,
    common: Common = Common(),
) -> int:
    """Follow messages to their ends, and tell each as it ends.

    Args:
        ids: The vendor's ids; - reads them from standard input, one a line.
        vendor: Whose messages they are.
        timeout: For how long each is followed, as 90s, 15m or 4h.
        poll: When to ask first, as 2s (5s); then ever later.
        common: What all such commands have.
    """
    screen = common.screen()
    wanted = chosen(ids)
    listeners: list[Any] = []

    def hook(event: object) -> None:
        for listener in listeners:
            listener(event)

    async with common.pool() as pool, await common.client(vendor, pool, poll=poll, hooks=(hook,)) as client:
        if screen.out_is_terminal and not screen.json and "-" not in ids and len(set(ids)) <= SHOWN:
            return await _draw(screen, client, list(dict.fromkeys(ids)), timeout, listeners)
        return await _tell(screen, client, wanted, timeout)


async def _tell(
    screen: Screen, client: SmsBatClient | ZnsClient, ids: AsyncIterator[str], timeout: float
) -> int:
    outcomes: dict[Outcome, int] = {}
    async with client.deliveries(ids, timeout=timeout) as deliveries:
        delivery: Delivery[Any]
        async for delivery in deliveries:
            outcomes[delivery.outcome] = outcomes.get(delivery.outcome, 0) + 1
            if screen.json:
                screen.give(**delivery_fields(delivery))
            else:
                screen.result(delivery_line(delivery))
    if not screen.json:
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
        screen.note(f"{plural(sum(outcomes.values()), 'message')}: {told or 'none'}")
    return of_deliveries(outcomes)


async def _draw(
    screen: Screen, client: SmsBatClient | ZnsClient, ids: list[str], timeout: float, listeners: list[Any]
) -> int:
    clock = asyncio.get_running_loop().time
    board = Board(ids, clock())
    outcomes: list[Outcome] = []

    def listen(event: object) -> None:
        if isinstance(event, PollDone):
            board.poll(event.message_id, event.status)

    listeners.append(listen)
    with Live(console=screen.console(results=True), auto_refresh=False) as live:
        redrawing = asyncio.create_task(_redraw(live, board))
        try:
            async with client.deliveries(ids, timeout=timeout) as deliveries:
                async for delivery in deliveries:
                    board.end(delivery)
                    outcomes.append(delivery.outcome)
        finally:
            redrawing.cancel()
            live.update(board.table(clock()), refresh=True)
    return of_deliveries(outcomes)


async def _redraw(live: Live, board: Board) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        live.update(board.table(clock()), refresh=True)
        await asyncio.sleep(1 / REDRAWN)


def _style(state: str, ended: bool) -> str:
    if not ended:
        return "dim"
    return "green" if state in SEEN else "yellow" if state == Outcome.TIMED_OUT else "red"
