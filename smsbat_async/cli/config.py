"""`smsbat config check`: which credentials count, and whether a request gets through."""

import uuid

from smsbat_async.cli.exits import Exit
from smsbat_async.cli.options import Common, Vendor, transport
from smsbat_async.cli.profile import Profile, config_path
from smsbat_async.cli.screen import Screen, printable, table
from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import ConfigurationError, NotFoundError, SmsBatError
from smsbat_async.policies import RetryPolicy

ONCE = RetryPolicy(attempts=1)

TITLES = {"smsbat": "SMSBAT", "zns": "Goby ZNS"}


async def check(*, vendor: Vendor | None = None, offline: bool = False, common: Common = Common()) -> int:
    """Show which credentials count and where they come from, and ask the vendor for a message nobody has.

    Secrets are never shown, and nothing is sent.

    Args:
        vendor: Which vendor to check; both, as far as there are credentials, unless given.
        offline: Make no request.
        common: What all such commands have.
    """
    screen = common.screen()
    profile = await common.credentials()
    vendors = profile.vendors if vendor is None else (vendor,)
    if not screen.json:
        screen.say(f"Credentials are from {profile.origin}.")
        screen.say(f"Profiles are in {config_path()}; HTTP is spoken by {transport(common.transport)}.")
    worst = Exit.DONE
    for one in vendors:
        code = await _check(screen, common, profile, one, offline=offline)
        worst = max(worst, code)
    return worst


async def _check(screen: Screen, common: Common, profile: Profile, vendor: str, *, offline: bool) -> Exit:
    code, said = Exit.DONE, "left out (--offline)"
    async with common.pool() as pool:
        client: SmsBatClient | ZnsClient
        make = profile.zns if vendor == "zns" else profile.smsbat
        async with make(pool=pool, retry=ONCE) as client:
            if not offline:
                code, said = await _ask(client)
    if screen.json:
        screen.give(
            vendor=vendor,
            origin=profile.origin,
            values=profile.shown(vendor),
            request=said,
            ok=code is Exit.DONE,
        )
        return code
    screen.result("")
    screen.result(TITLES[vendor])
    for line in table([*profile.shown(vendor).items(), ("request", said)]):
        screen.result(line)
    return code


async def _ask(client: SmsBatClient | ZnsClient) -> tuple[Exit, str]:
    try:
        await client.status(str(uuid.uuid4()))
    except NotFoundError:
        pass  # nobody has a message of this id, and the vendor knew us well enough to say so
    except ConfigurationError as error:
        return Exit.USAGE, f"not made: {error}"
    except SmsBatError as error:
        return Exit.FAILED, f"failed: {printable(str(error))}"
    return Exit.DONE, "ok: the vendor answered"
