"""Options that commands share, and how their values are read."""

import asyncio
import dataclasses
import importlib.util
import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from cyclopts import Group, Parameter

from smsbat_async.cli.profile import Profile
from smsbat_async.cli.screen import Screen
from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import ConfigurationError
from smsbat_async.policies import MINIMUM_POLL_GAP, PollPolicy
from smsbat_async.pool import SessionPool

COMMON = Group("Common options", sort_key=99)
"""Shown last, since every command has them."""

Transport = Literal["auto", "aiohttp", "wire"]
Vendor = Literal["smsbat", "zns"]

UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([smhd]?)", re.ASCII)


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Output:
    """What commands that ask no vendor share."""

    json: Annotated[bool, Parameter(group=COMMON)] = False
    """Write results as one JSON object per line."""

    def screen(self) -> Screen:
        """Return where the command writes."""
        return Screen(json=self.json)


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Common(Output):
    """What commands that ask a vendor share."""

    profile: Annotated[str | None, Parameter(group=COMMON)] = None
    """Take the credentials from this profile of the configuration file, whatever the environment says."""

    transport: Annotated[Transport, Parameter(group=COMMON)] = "auto"
    """How HTTP is spoken; auto takes wire where the extra fast is installed."""

    async def credentials(self) -> Profile:
        """Return the credentials that count.

        Raises:
            ConfigurationError: If there are none, or they are wrong.
        """
        return await asyncio.to_thread(Profile.find, self.profile)

    def pool(self) -> SessionPool:
        """Return a pool for the one client of a command; who makes it closes it."""
        return SessionPool(transport=transport(self.transport))

    async def client(
        self, vendor: Vendor, pool: SessionPool, *, poll: float | None = None, **options: Any
    ) -> SmsBatClient | ZnsClient:
        """Return a client of a vendor.

        Args:
            vendor: The vendor.
            pool: Its pool.
            poll: When a message is first asked after, in seconds; None for the usual.
            options: What else it is to be made with.

        Raises:
            ConfigurationError: If the credentials do not make one.
        """
        profile = await self.credentials()
        policy = polling(poll, profile.base_url_of(vendor))
        if policy is not None:
            options["polling"] = policy
        return profile.zns(pool=pool, **options) if vendor == "zns" else profile.smsbat(pool=pool, **options)


def transport(wanted: Transport) -> Literal["aiohttp", "wire"]:
    """Return the transport to use.

    Args:
        wanted: What was asked for.
    """
    if wanted != "auto":
        return wanted
    there = all(importlib.util.find_spec(name) is not None for name in ("httptools", "aiohappyeyeballs"))
    return "wire" if there else "aiohttp"


def seconds(_type: Any, tokens: Any) -> float:
    """Read a time: `90`, `90s`, `15m`, `4h`, `1d`.

    Args:
        _type: What the parameter is to be.
        tokens: What was written.

    Raises:
        ValueError: If it is none.
    """
    written = tokens[0].value
    found = DURATION.fullmatch(written)
    if found is None:
        raise ValueError(f"must be a time, as 90s, 15m, 4h or 1d, not {written!r}")
    return float(found[1]) * UNITS[found[2] or "s"]


def polling(first: float | None, base_url: str | None) -> PollPolicy | None:
    """Return when messages are asked after, if that was said.

    Args:
        first: How old a message is when it is first asked after, in seconds.
        base_url: Where the vendor is, if that was said.

    Raises:
        ConfigurationError: If that is too often for a vendor that is not on this machine.
    """
    if first is None:
        return None
    fast = first < MINIMUM_POLL_GAP
    host = urlsplit(base_url or "").hostname or ""
    if fast and not (host in {"localhost", "::1"} or host.startswith("127.")):
        raise ConfigurationError("--poll must be at least 1s, except with a vendor on this machine")
    return PollPolicy(initial=first, maximum=max(30.0, first), allow_fast=fast)


def no_option(_type: Any, value: Any) -> None:
    """Refuse a misspelled option in the place of an argument; `-` alone is standard input.

    Args:
        _type: What the parameter is to be.
        value: What was read.

    Raises:
        ValueError: If it looks like an option.
    """
    for word in value if isinstance(value, tuple | list) else (value,):
        if str(word).startswith("-") and str(word) != "-":
            raise ValueError(f"there is no option {word}")


def needed(what: str, given: Any) -> None:
    """Check that an argument that may be left out in other cases was given.

    Raises:
        ConfigurationError: If it was not.
    """
    if not given:
        raise ConfigurationError(f"{what} is missing")


def shown_default(default: Any) -> str | None:
    """Return how help shows a default; None where there is nothing to say."""
    if default is None or default is False or default == ():
        return None
    return str(default)


def shown_seconds(default: float | None) -> str | None:
    """Return a time as one would write it."""
    if default is None:
        return None
    unit = next((unit for unit in ("h", "m") if default and default % UNITS[unit] == 0), "s")
    return f"{default / UNITS[unit]:g}{unit}"


Seconds = Annotated[float, Parameter(converter=seconds, metavar="TIME", show_default=shown_seconds)]
"""A time: a number of seconds, or one with s, m, h or d."""

Id = Annotated[str, Parameter(allow_leading_hyphen=True, validator=no_option, metavar="ID")]
"""An id, or `-` for those on standard input."""
