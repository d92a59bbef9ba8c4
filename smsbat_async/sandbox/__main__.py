"""`python -m smsbat_async.sandbox`: the sandbox as a program."""

import argparse
import asyncio
import dataclasses
import signal
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from types import FrameType
from typing import Any, cast

from smsbat_async.sandbox.channels import Channel
from smsbat_async.sandbox.config import Outcome, SandboxConfig
from smsbat_async.sandbox.server import Sandbox

_PORT = 8025
_ROUTES = ("standard_route", "tg_viber_route", "flashcall_route", "zns_route")
_REPEATED = {
    "outcomes": ("--outcome", "PHONE=WORD"),
    "channels": ("--channel", "NAME=SHARE,DELAY,COST"),
    "refused_senders": ("--refused-sender", "NAME"),
    "refused_phones": ("--refused-phone", "PHONE"),
}


def build_parser() -> argparse.ArgumentParser:
    """Make the command line from the fields of `SandboxConfig`.

    Returns:
        The parser; an option that is not given is not in its result.
    """
    parser = argparse.ArgumentParser(
        prog="python -m smsbat_async.sandbox",
        description="A local server that speaks the SMSBAT cascade and Goby ZNS APIs and sends nothing.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for option in dataclasses.fields(SandboxConfig):
        about = str(option.metadata["about"])
        flag = "--" + option.name.replace("_", "-")
        default: Any = _PORT if option.name == "port" else option.default
        if option.name in _REPEATED:
            flag, shape = _REPEATED[option.name]
            parser.add_argument(
                flag, dest=option.name, action="append", metavar=shape, help=f"{about}; may be repeated"
            )
        elif option.name in _ROUTES:
            shown = ",".join(default)
            parser.add_argument(flag, dest=option.name, metavar="NAME,...", help=f"{about} ({shown})")
        elif isinstance(default, bool):
            parser.add_argument(flag, dest=option.name, action="store_true", help=about)
        else:
            kind = _kind(default)
            parser.add_argument(
                flag, dest=option.name, type=kind, metavar=kind.__name__.upper(), help=f"{about} ({default})"
            )
    return parser


def build_config(given: dict[str, Any]) -> SandboxConfig:
    """Make the options from what the command line said.

    Args:
        given: Field name to value, as `build_parser` reads them.

    Returns:
        The options.

    Raises:
        ValueError: If a value is out of its range or its shape.
    """
    values: dict[str, Any] = {"port": _PORT, **given}
    for name in _ROUTES:
        if name in values:
            values[name] = tuple(values[name].split(","))
    for name in ("refused_senders", "refused_phones"):
        if name in values:
            values[name] = frozenset(values[name])
    if "outcomes" in values:
        values["outcomes"] = dict(_read_outcome(text) for text in values["outcomes"])
    if "channels" in values:
        channels = {channel.name: channel for channel in SandboxConfig().channels}
        channels.update((channel.name, channel) for channel in map(_read_channel, values["channels"]))
        values["channels"] = tuple(channels.values())
    return SandboxConfig(**values)


async def run(config: SandboxConfig, write: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: The options.
        write: Takes the one line that says where it listens and with which credentials.

    Raises:
        OSError: If it cannot listen there.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopped.set)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        async with Sandbox(config) as sandbox:
            write(_describe(sandbox))
            await stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(argv: Sequence[str] | None = None, *, write: Callable[[str], object] | None = None) -> int:
    """Run the program.

    Args:
        argv: Its arguments; None takes the process's own.
        write: Takes the line that it prints; None prints it.

    Returns:
        0 after a signal, 1 if it cannot listen.

    Raises:
        SystemExit: With 2 if an argument is wrong.
    """
    parser = build_parser()
    given = vars(parser.parse_args(argv))
    try:
        config = build_config(given)
    except ValueError as error:
        parser.error(str(error))
    try:
        asyncio.run(run(config, _print if write is None else write))
    except OSError as error:
        sys.stderr.write(f"cannot listen on {config.host}:{config.port}: {error.strerror}\n")
        return 1
    return 0


def _kind(default: object) -> type[int] | type[float] | type[str]:
    if default is None or isinstance(default, int):
        return int
    return float if isinstance(default, float) else str


def _describe(sandbox: Sandbox) -> str:
    config = sandbox.config
    return (
        f"Listening on {sandbox.url} | X-Authorization-Key: {config.api_key}"
        f" | Basic {config.username}:{config.password} | X-Viber-Auth-Token: {config.viber_token}"
        f" | X-Tg-Bot-Key: {config.telegram_key} | ZNS {config.zns_header}: {config.zns_key}"
    )


def _read_outcome(text: str) -> tuple[str, Outcome]:
    phone, equals, word = text.partition("=")
    if not equals:
        raise ValueError(f"outcomes: write PHONE=WORD, not {text}")
    return phone, cast("Outcome", word)


def _read_channel(text: str) -> Channel:
    name, _, rest = text.partition("=")
    try:
        share, delay, cost = rest.split(",")
        return Channel(name=name, share=float(share), delay=float(delay), cost=Decimal(cost))
    except InvalidOperation:
        raise ValueError(f"channels: the cost in {text} must be a number") from None
    except ValueError as error:
        raise ValueError(f"channels: write NAME=SHARE,DELAY,COST, not {text} ({error})") from None


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
