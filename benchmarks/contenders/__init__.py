"""The ways to ask for the statuses of many ids: the SDK, what a user could take instead, and the ceiling.

There is a file for each client. Those of the extra `bench` may be missing: `peers()` gives the ones that are
there.
"""

import functools
import importlib
from typing import NamedTuple

from benchmarks.contenders.aiohttp import Naive, Tuned
from benchmarks.contenders.base import API_KEY, Answer, Contender, Seen
from benchmarks.contenders.ceiling import Ceiling, CeilingFound, CeilingParsed
from benchmarks.contenders.sdk import Sdk, SdkOnWire, pool_size

__all__ = [
    "API_KEY",
    "BASE",
    "CEILING",
    "OWN",
    "Answer",
    "Ceiling",
    "CeilingFound",
    "CeilingParsed",
    "Contender",
    "Naive",
    "Peers",
    "Sdk",
    "SdkOnWire",
    "Seen",
    "Tuned",
    "everyone",
    "peers",
    "pool_size",
]

OWN: tuple[type[Contender], ...] = (Tuned, Naive, Sdk, SdkOnWire, CeilingParsed, CeilingFound)
"""Those that need no more than the SDK itself and its extra `fast`."""

BASE = Tuned
"""To whom the others are compared."""

CEILING = CeilingFound
"""Of whose speed the others reach a part."""

PEERS = {
    "requests": "Requests",
    "httpx": "Httpx",
    "niquests": "Niquests",
    "aiosonic": "Aiosonic",
    "blacksheep": "Blacksheep",
    "pyreqwest": "Pyreqwest",
    "wreq": "Wreq",
}
"""Module and class of each peer."""


class Peers(NamedTuple):
    """The clients that a user could take instead.

    Args:
        installed: The ones that are there.
        missing: Why the others are not, by name.
    """

    installed: tuple[type[Contender], ...]
    missing: dict[str, str]


@functools.cache
def peers() -> Peers:
    """Import the clients that a user could take instead."""
    installed: list[type[Contender]] = []
    missing: dict[str, str] = {}
    for module, kind in PEERS.items():
        try:
            installed.append(getattr(importlib.import_module(f"benchmarks.contenders.{module}"), kind))
        except ImportError as error:
            missing[module] = str(error)
    return Peers(tuple(installed), missing)


def everyone() -> tuple[type[Contender], ...]:
    """Return every contender that can take part, the base first."""
    return BASE, *(kind for kind in (*peers().installed, *OWN) if kind is not BASE)
