"""`smsbat campaign run`: a file of recipients, from the first row to the last delivery."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from cyclopts import Group, Parameter

from smsbat_async.campaign.preflight import Preflight
from smsbat_async.campaign.prices import PriceTable
from smsbat_async.campaign.recipients import Column, Recipients
from smsbat_async.campaign.runner import Campaign
from smsbat_async.campaign.settings import CampaignSettings
from smsbat_async.campaign.sources import CsvSource, JsonLinesSource
from smsbat_async.campaign.template import Template
from smsbat_async.cli.exits import Exit
from smsbat_async.cli.jsonl import preflight_fields
from smsbat_async.cli.options import Common, no_option
from smsbat_async.cli.place import Place
from smsbat_async.cli.questions import Questions
from smsbat_async.cli.screen import Screen
from smsbat_async.cli.sending import PACE, Sending
from smsbat_async.cli.stdin import read_block
from smsbat_async.errors import ConfigurationError
from smsbat_async.messages import MessageType
from smsbat_async.policies import Rate

MESSAGES: Final = Group("What is sent, and to whom", sort_key=1)
BEFORE: Final = Group("Before it is sent", sort_key=2)

STDIN: Final = "-"
LINES: Final = frozenset({".jsonl", ".ndjson"})

Format = Literal["csv", "jsonl"]


async def run(
    name: str,
    file: Annotated[Path, Parameter(allow_leading_hyphen=True, validator=no_option)],
    /,
    *,
    from_name: Annotated[str | None, Parameter(name="--from", group=MESSAGES, metavar="SENDER")] = None,
    from_column: Annotated[str | None, Parameter(group=MESSAGES, metavar="COLUMN")] = None,
    text: Annotated[str | None, Parameter(group=MESSAGES, allow_leading_hyphen=True)] = None,
    text_column: Annotated[str | None, Parameter(group=MESSAGES, metavar="COLUMN")] = None,
    phone_column: Annotated[str, Parameter(group=MESSAGES, metavar="COLUMN")] = "phone",
    id_column: Annotated[str | None, Parameter(group=MESSAGES, metavar="COLUMN")] = None,
    type: Annotated[MessageType, Parameter(group=MESSAGES)] = MessageType.PROMO,  # noqa: A002
    ttl: Annotated[int | None, Parameter(group=MESSAGES, metavar="SECONDS")] = None,
    region: Annotated[str | None, Parameter(group=MESSAGES, metavar="CODE")] = None,
    repeated_phones: Annotated[bool, Parameter(group=MESSAGES)] = False,
    format: Annotated[Format | None, Parameter(group=MESSAGES)] = None,  # noqa: A002
    encoding: Annotated[str, Parameter(group=MESSAGES)] = "utf-8",
    delimiter: Annotated[str | None, Parameter(group=MESSAGES, metavar="CHARACTER")] = None,
    prices: Annotated[Path | None, Parameter(group=MESSAGES, metavar="FILE")] = None,
    rejects: Annotated[Path | None, Parameter(group=BEFORE, metavar="FILE")] = None,
    accept_bad: Annotated[bool, Parameter(group=BEFORE)] = False,
    test_to: Annotated[tuple[str, ...], Parameter(group=BEFORE, metavar="PHONE")] = (),
    dry_run: Annotated[bool, Parameter(group=BEFORE)] = False,
    yes: Annotated[bool, Parameter(group=BEFORE)] = False,
    chunk_size: Annotated[int | None, Parameter(group=PACE, metavar="N")] = None,
    sending: Sending = Sending(),
    place: Place = Place(),
    common: Common = Common(),
) -> int:
    """Send a message to each recipient in a file, and follow each to its end.

    The file is checked first, and you are asked before anything is sent. Whatever breaks it off, the same
    command goes on where it was, and sends nothing twice.

    Args:
        name: The campaign's name; ids are made of it and the line.
        file: CSV with a header, or JSON Lines; - is standard input.
        from_name: The sender's name as the vendor registered it.
        from_column: The column of the sender's name, instead of --from.
        text: What it says; {name} stands for the column of that name.
        text_column: The column of the texts (text), instead of --text.
        phone_column: The column of the phones.
        id_column: The column of your own ids.
        type: What kind of messages they are.
        ttl: How long the vendor may try to deliver a message.
        region: Where phones without a country code belong, as UA.
        repeated_phones: Let a phone have several messages; otherwise later rows with it are bad.
        format: What the file is; told by its name unless given: .jsonl is JSON Lines.
        encoding: The encoding of the file.
        delimiter: What stands between two values; found in the header unless given.
        prices: What a part costs, by the beginning of the number: a TOML file.
        rejects: Write every bad row to this file, as CSV.
        accept_bad: Send to the good rows though there are bad ones.
        test_to: Send the first good row's message to this phone first; may be repeated.
        dry_run: Check the file, and send nothing.
        yes: Send without asking.
        chunk_size: Messages in one request, 1 to 1,000 (500).
        sending: How it is sent.
        place: Which ledger.
        common: What all such commands have.
    """
    screen = common.screen()
    async with _file(file) as path:
        source = _source(path, format, encoding, delimiter)
        recipients = Recipients(
            campaign=name,
            from_name=_from(from_name, from_column),
            message_type=type,
            phone=phone_column,
            id=id_column,
            text=_text(text, text_column, type),
            ttl=ttl,
            default_region=region,
            unique_phones=not repeated_phones,
        )
        table = None if prices is None else await asyncio.to_thread(PriceTable.from_toml, prices)
        defaults = CampaignSettings() if chunk_size is None else CampaignSettings(chunk_size=chunk_size)
        rate = sending.client_options("http://localhost")["limits"].send
        if dry_run:
            settings = msgspec.structs.replace(sending.settings(defaults), accept_bad_rows=accept_bad)
            return await _check(screen, source, recipients, table, rate, settings, rejects)
        profile = await common.credentials()
        options = sending.client_options(profile.base_url_of("smsbat"))
        async with (
            common.pool() as pool,
            profile.smsbat(pool=pool, **options) as client,
            place.opened(new=True) as ledger,
        ):
            questions = Questions(
                screen,
                place,
                ledger,
                name,
                yes=yes,
                rejects=rejects,
                rate=rate,
                test_to=test_to,
                source="standard input" if str(file) == STDIN else None,
            )
            record = await questions.known()
            kept = defaults if record is None else CampaignSettings.read(record.settings.get("campaign"))
            settings = msgspec.structs.replace(sending.settings(kept), accept_bad_rows=accept_bad)
            campaign = Campaign(
                name, source, ledger=ledger, recipients=recipients, prices=table, settings=settings
            )
            return await questions.go(campaign, client, record, accept_bad=accept_bad)


async def _check(
    screen: Screen,
    source: CsvSource | JsonLinesSource,
    recipients: Recipients,
    prices: PriceTable | None,
    rate: Rate | None,
    settings: CampaignSettings,
    rejects: Path | None,
) -> int:
    """Check a file, and send nothing."""
    found = await Preflight.of(
        source, recipients, prices=prices, rate=rate, chunk_size=settings.chunk_size, rejects=rejects
    )
    if screen.json:
        screen.give(event="prepared", **preflight_fields(found))
    else:
        screen.result(str(found))
    return Exit.USAGE if not found.good or (found.bad and not settings.accept_bad_rows) else Exit.DONE


def _source(
    path: Path, kind: Format | None, encoding: str, delimiter: str | None
) -> CsvSource | JsonLinesSource:
    if kind == "jsonl" or (kind is None and path.suffix.lower() in LINES):
        if delimiter is not None:
            raise ConfigurationError("--delimiter goes with CSV only")
        return JsonLinesSource(path, encoding=encoding)
    return CsvSource(path, encoding=encoding, delimiter=delimiter)


def _from(name: str | None, column: str | None) -> str | Column:
    if (name is None) == (column is None):
        raise ConfigurationError("give the sender's name with --from, or its column with --from-column")
    return Column(column) if column is not None else str(name)


def _text(text: str | None, column: str | None, kind: MessageType) -> str | Template | None:
    if text is not None and column is not None:
        raise ConfigurationError("give the text with --text, or its column with --text-column")
    if text is not None:
        return Template(text)
    return column or (None if kind is MessageType.FLASHCALL else "text")


@contextlib.asynccontextmanager
async def _file(file: Path) -> AsyncGenerator[Path]:
    """Give the file; what comes on standard input is saved first, since it is read more than once."""
    if str(file) != STDIN:
        yield file
        return
    descriptor, name = await asyncio.to_thread(tempfile.mkstemp, ".recipients", "smsbat-")
    try:
        with os.fdopen(descriptor, "wb") as kept:
            while block := await read_block():
                await asyncio.to_thread(kept.write, block)
        yield Path(name)
    finally:
        await asyncio.to_thread(os.unlink, name)
