"""Questions: what is asked before a campaign is sent, and what has to be so."""

import asyncio
from pathlib import Path

import msgspec

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.preflight import Preflight
from smsbat_async.campaign.records import CampaignRecord, CampaignState
from smsbat_async.campaign.runner import Campaign
from smsbat_async.cli.ask import ask, can_ask
from smsbat_async.cli.drive import drive, watcher
from smsbat_async.cli.exits import Exit
from smsbat_async.cli.place import Place
from smsbat_async.cli.screen import Screen, plural, printable
from smsbat_async.cli.stops import WORDS, Stops
from smsbat_async.client import SmsBatClient
from smsbat_async.errors import CampaignStateError, ConfigurationError, SourceError
from smsbat_async.messages import SendOutcome
from smsbat_async.phones import mask_phone
from smsbat_async.policies import Rate


class Questions:
    """What comes before a campaign is sent.

    Args:
        screen: Where to write.
        place: Which ledger.
        ledger: That ledger, open.
        name: The campaign's name.
        yes: Whether all questions are answered already.
        rejects: Where bad rows go.
        rate: How many requests may start.
        test_to: Who gets the first message before the others.
        source: What the file is called; None for its own name.
    """

    def __init__(
        self,
        screen: Screen,
        place: Place,
        ledger: Ledger,
        name: str,
        *,
        yes: bool,
        rejects: Path | None,
        rate: Rate | None,
        test_to: tuple[str, ...],
        source: str | None = None,
    ) -> None:
        self._screen = screen
        self._place = place
        self._ledger = ledger
        self._name = name
        self._yes = yes
        self._rejects = rejects
        self._rate = rate
        self._test_to = test_to
        self._source = source

    async def known(self) -> CampaignRecord | None:
        """Return the campaign if the ledger has it, and check that it may be run.

        Raises:
            CampaignStateError: If somebody has to say that it is to go on.
            ConfigurationError: If there is nobody to ask.
        """
        records = {record.name: record for record in await self._ledger.campaigns()}
        record = records.get(self._name)
        if record is not None and _is_held(record):
            why = f" ({record.reason})" if record.reason else ""
            raise CampaignStateError(
                f"{self._name} is {record.state}{why}. To go on: {self._place.command('resume', self._name)}"
            )
        if _is_new(record) and not self._yes and not can_ask(self._screen):
            raise ConfigurationError(
                "there is no terminal to ask on: --yes sends without asking, --dry-run only checks the file"
            )
        return record

    async def go(
        self, campaign: Campaign, client: SmsBatClient, record: CampaignRecord | None, *, accept_bad: bool
    ) -> int:
        """Ask what is to be asked, and send.

        Returns:
            The exit code.
        """
        if _is_new(record):
            try:
                # Nothing is under way that could be drained: the first signal ends it.
                with Stops(lambda _: stops.stop()) as stops:
                    agreed = await self._agreed(campaign, client, accept_bad=accept_bad)
            except asyncio.CancelledError:
                self._screen.note()
                self._screen.note("Stopped. The same command goes on.")
                return Exit.STOPPED_AT_ONCE
            if not agreed:
                return Exit.FAILED
        paused = record is not None and record.state is CampaignState.PAUSED
        start = campaign.resume if paused else campaign.run
        return await drive(
            campaign,
            lambda tell: start(client, on_event=tell),
            screen=self._screen,
            place=self._place,
            ledger=self._ledger.place,
        )

    async def _agreed(self, campaign: Campaign, client: SmsBatClient, *, accept_bad: bool) -> bool:
        preflight = await self._prepared(campaign)
        if not self._screen.json:
            named = (
                preflight if self._source is None else msgspec.structs.replace(preflight, source=self._source)
            )
            self._screen.note(str(named))
            self._screen.note()
        if preflight.bad and not accept_bad:
            await campaign.discard()
            told = plural(preflight.bad, "row is", "rows are")
            raise SourceError(f"{told} bad: mend them, or send to the others with --accept-bad")
        if not preflight.good:
            await campaign.discard()
            raise SourceError("there is no row that a message can be sent to")
        if self._test_to and not await self._tested(campaign, client):
            return False
        if self._yes or await ask(self._screen, f"Send {plural(preflight.good, 'message')}?"):
            return True
        await campaign.discard()
        self._screen.note("Nothing was sent." if not self._test_to else "Nothing more was sent.")
        return False

    async def _prepared(self, campaign: Campaign) -> Preflight:
        shown = watcher(self._screen)
        shown.start(self._name)
        try:
            return await campaign.prepare(rejects=self._rejects, rate=self._rate, on_event=shown.tell)
        finally:
            shown.stop()

    async def _tested(self, campaign: Campaign, client: SmsBatClient) -> bool:
        good = True
        for result in await campaign.test(client, self._test_to):
            good = good and result.outcome is SendOutcome.ACCEPTED
            phone = mask_phone(result.message.to_phone)
            if self._screen.json:
                self._screen.give(event="test", campaign=self._name, phone=phone, outcome=result.outcome)
            else:
                why = "" if result.error is None else f" ({printable(str(result.error))})"
                self._screen.note(f"Test to {phone}: {result.outcome}{why}")
        if not good:
            self._screen.error("a test was not accepted, and nothing else was sent")
        return good


def _is_new(record: CampaignRecord | None) -> bool:
    """Return whether nobody has said yet that a campaign is to be sent."""
    return record is None or record.state in {CampaignState.IMPORTING, CampaignState.READY}


def _is_held(record: CampaignRecord) -> bool:
    """Return whether a campaign goes on only when somebody says `resume`.

    One that was paused by a signal does not: that was about the process, and not about the campaign.
    """
    if record.state is CampaignState.PAUSED:
        return record.reason not in WORDS.values()
    return record.state in {CampaignState.STOPPED, CampaignState.CANCELLED}
