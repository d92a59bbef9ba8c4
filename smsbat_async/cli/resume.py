"""`smsbat campaign resume`: a campaign that is in the ledger goes on."""

from smsbat_async.campaign.records import CampaignState
from smsbat_async.campaign.runner import Campaign
from smsbat_async.campaign.settings import CampaignSettings
from smsbat_async.cli.drive import drive
from smsbat_async.cli.options import Common
from smsbat_async.cli.place import Place
from smsbat_async.cli.sending import Sending
from smsbat_async.errors import CampaignStateError


async def resume(
    name: str, /, *, sending: Sending = Sending(), place: Place = Place(), common: Common = Common()
) -> int:
    """Go on with a campaign, also after it was paused or stopped; its file is not needed.

    Args:
        name: The campaign's name.
        sending: How it is sent.
        place: Which ledger.
        common: What all such commands have.
    """
    screen = common.screen()
    profile = await common.credentials()
    async with common.pool() as pool:
        options = sending.client_options(profile.base_url_of("smsbat"))
        async with profile.smsbat(pool=pool, **options) as client, place.opened() as ledger:
            record = await ledger.campaign(name)
            if record.state in {CampaignState.IMPORTING, CampaignState.READY}:
                raise CampaignStateError(
                    f"{name} is {record.state}, and nobody has said yet that it is to be sent: "
                    "run it with its file"
                )
            settings = sending.settings(CampaignSettings.read(record.settings.get("campaign")))
            campaign = Campaign(name, ledger=ledger, settings=settings)
            return await drive(
                campaign,
                lambda tell: campaign.resume(client, on_event=tell),
                screen=screen,
                place=place,
                ledger=ledger.place,
            )
