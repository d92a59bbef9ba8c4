"""`smsbat campaign report`: what became of a campaign, as a page or as figures."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from smsbat_async.cli.exits import Exit
from smsbat_async.cli.options import Output
from smsbat_async.cli.place import Place
from smsbat_async.errors import ConfigurationError


async def report(
    name: str,
    /,
    *,
    html: Annotated[Path | None, Parameter(metavar="FILE", allow_leading_hyphen=True)] = None,
    place: Place = Place(),
    output: Output = Output(),
) -> int:
    """Write the report of a campaign: a page for people (--html), figures for programs (--json), or both.

    Args:
        name: The campaign's name.
        html: Write the page to this file; - is standard output.
        place: Which ledger.
        output: What all commands have.
    """
    from smsbat_async.campaign.report.report import Report

    screen = output.screen()
    if html is None and not screen.json:
        raise ConfigurationError("say --html FILE for the page, or --json for the figures")
    async with place.opened() as ledger:
        record = await ledger.campaign(name)
        found = await Report.of(ledger, name, currency=record.settings.get("currency"))
    if screen.json:
        screen.result(found.to_json().decode())
    if html is not None:
        from smsbat_async.campaign.report.page import page

        made = await asyncio.to_thread(page, found)
        if str(html) == "-":
            screen.result(made)
        else:
            await asyncio.to_thread(_write, html, made)
            screen.note(f"The report is in {html}")
    return Exit.DONE


def _write(path: Path, text: str) -> None:
    """Write a file, which has its name only once it is whole."""
    part = Path(f"{path}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as met:
        said = met.strerror
    else:
        return
    raise ConfigurationError(f"{path} cannot be written: {said}")
