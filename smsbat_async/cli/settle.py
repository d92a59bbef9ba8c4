"""`smsbat campaign settle`: what became of messages that may or may not have gone out."""

import contextlib
import getpass
from collections.abc import AsyncIterator
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignRecord, CampaignState, Settlement, State, UnknownMessage
from smsbat_async.cli.exits import Exit
from smsbat_async.cli.options import Id, Output
from smsbat_async.cli.place import Place
from smsbat_async.cli.screen import Screen, plural, printable
from smsbat_async.cli.stdin import read_lines
from smsbat_async.errors import ConfigurationError, LedgerLockedError
from smsbat_async.phones import mask_phone

PAGE: Final = 1_000

Word = Literal["sent", "delivered", "undeliverable", "permanent-error", "rejected", "not-found", "timed-out"]

STATES: Final[dict[Word, State]] = {
    "sent": State.ACCEPTED,
    "delivered": State.DELIVERED,
    "undeliverable": State.UNDELIVERABLE,
    "permanent-error": State.PERMANENT_ERROR,
    "rejected": State.REJECTED,
    "not-found": State.NOT_FOUND,
    "timed-out": State.TIMED_OUT,
}


async def settle(
    name: str,
    /,
    *ids: Id,
    as_: Annotated[Word | None, Parameter(name="--as")] = None,
    resend: bool = False,
    list_: Annotated[bool, Parameter(name="--list")] = False,
    all_: Annotated[bool, Parameter(name="--all")] = False,
    vendor_id: str | None = None,
    why: str | None = None,
    phones: bool = False,
    place: Place = Place(),
    output: Output = Output(),
) -> int:
    """List messages that may or may not have gone out, or say what became of them.

    Nothing is settled by itself. Who said what and why is kept. With --resend people may get a message twice.

    Args:
        name: The campaign's name.
        ids: Your ids of the messages; - reads them from standard input, one a line.
        as_: What became of them; of sent ones no end is known.
        resend: They did not go out: send them again with the next `resume`.
        list_: List them; nothing is changed.
        all_: All of them, instead of ids.
        vendor_id: The vendor's id, by which a message that was sent can be asked after; goes with one id.
        why: On what grounds.
        phones: Show whole phone numbers.
        place: Which ledger.
        output: What all commands have.
    """
    screen = output.screen()
    _check(ids, as_, resend=resend, list_=list_, all_=all_, vendor_id=vendor_id)
    async with place.opened() as ledger:
        record = await ledger.campaign(name)
        if record.state is CampaignState.RUNNING:
            # Whoever ran it is no more: the ledger would not let us write otherwise.
            with contextlib.suppress(*((LedgerLockedError,) if list_ else ())):
                await ledger.recover(record)
        if list_:
            return await _list(screen, place, ledger, record, phones=phones)
        state = State.PENDING if resend or as_ is None else STATES[as_]
        who, grounds = _who(), why or "the operator's word"
        if all_:
            settled, wanted = await ledger.settle_all(record, state, who=who, why=grounds), None
        else:
            named = [one async for one in _named(ids)]
            said = [Settlement(one, state, vendor_id) for one in named]
            settled = await ledger.settle(record, said, who=who, why=grounds)
            wanted = len(set(named))
    if screen.json:
        screen.give(campaign=name, settled=settled, state=state)
    else:
        resent = resend and settled
        screen.result(
            f"{plural(settled, 'message')} {'will be sent again' if resent else f'settled as {state}'}."
        )
        if resent:
            screen.note("To send them:")
            screen.note(f"  {place.command('resume', name)}")
    if wanted is not None and settled < wanted:
        screen.error(f"{plural(wanted - settled, 'id')} named no message of {name} that is UNKNOWN")
        return Exit.FAILED
    return Exit.DONE


def _check(
    ids: tuple[str, ...], as_: Word | None, *, resend: bool, list_: bool, all_: bool, vendor_id: str | None
) -> None:
    if (as_ is not None) + resend + list_ != 1:
        raise ConfigurationError("say one of --list, --as WORD and --resend")
    if not list_ and bool(ids) == all_:
        raise ConfigurationError("name the messages by your ids, or say --all")
    if list_ and (ids or all_):
        raise ConfigurationError("--list lists all that are UNKNOWN: leave out ids and --all")
    if vendor_id is not None and (as_ != "sent" or len(ids) != 1 or "-" in ids):
        raise ConfigurationError("--vendor-id goes with one id and --as sent")


async def _list(screen: Screen, place: Place, ledger: Ledger, record: CampaignRecord, *, phones: bool) -> int:
    count = 0
    async for one in _unknown(ledger, record):
        phone = one.phone if phones else mask_phone(one.phone)
        if screen.json:
            screen.give(
                tracking_id=one.tracking_id,
                line=one.line,
                phone=phone,
                attempt=one.attempt,
                claimed_at=one.claimed_at,
            )
        else:
            if not count:
                screen.note(f"{'your id':<32}  {'line':>9}  {'phone':<16}  sent, or not, at")
            moment = f"{one.claimed_at.astimezone():%Y-%m-%d %H:%M:%S}"
            screen.result(f"{printable(one.tracking_id):<32}  {one.line:>9}  {phone:<16}  {moment}")
        count += 1
    if not screen.json:
        screen.note(f"{plural(count, 'message')} of {printable(record.name)} may or may not have gone out.")
        if count:
            screen.note("Once you know:")
            screen.note(f"  {place.command('settle', record.name, '--as', 'sent', 'ID...')}")
            screen.note(f"  {place.command('settle', record.name, '--resend', 'ID...')}")
    return Exit.DONE


async def _unknown(ledger: Ledger, record: CampaignRecord) -> AsyncIterator[UnknownMessage]:
    after = 0
    while page := await ledger.unknown(record, after=after, limit=PAGE):
        for one in page:
            yield one
        after = page[-1].id


async def _named(ids: tuple[str, ...]) -> AsyncIterator[str]:
    for one in ids:
        if one != "-":
            yield one
            continue
        async for line in read_lines():
            yield line


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in a container
        return "unknown"
