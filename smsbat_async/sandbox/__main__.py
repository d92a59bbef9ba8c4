"""`smsbat-sandbox`, or `python -m smsbat_async.sandbox`: the sandbox as a program."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from typing import Any, Final, cast

from smsbat_async.sandbox.channels import DEFAULT_CHANNELS, Channel
from smsbat_async.sandbox.config import Outcome, SandboxConfig
from smsbat_async.sandbox.faults import Injected
from smsbat_async.sandbox.options import item_type, options, plain_type
from smsbat_async.sandbox.reachability import Reachability
from smsbat_async.sandbox.sandbox import Sandbox
from smsbat_async.sandbox.scenario import Scenario, read_scenario

_PORT: Final = 8025
_REPEATED: Final = {
    "outcomes": ("--outcome", "PHONE=WORD"),
    "channels": ("--channel", "NAME=SHARE,DELAY,COST"),
    "refused_senders": ("--refused-sender", "NAME"),
    "refused_phones": ("--refused-phone", "PHONE"),
}
_NOTHING: Final = Scenario({}, ())


def build_parser() -> argparse.ArgumentParser:
    """Make the command line from the fields of `SandboxConfig`.

    Returns:
        The parser; an option that is not given is not in its result.
    """
    parser = argparse.ArgumentParser(
        prog="smsbat-sandbox",
        description=(
            "A local server that speaks the SMSBAT cascade and Goby ZNS APIs and sends nothing. "
            "Its address, opened in a browser, shows what would be on the phones."
        ),
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("--scenario", metavar="FILE", help="a TOML file of options and faults; flags win")
    for option in options():
        about = str(option.metadata["about"])
        flag = "--" + option.name.replace("_", "-")
        default: Any = _PORT if option.name == "port" else option.default
        kind, item = plain_type(option), item_type(option)
        if option.name in _REPEATED:
            flag, shape = _REPEATED[option.name]
            parser.add_argument(
                flag, dest=option.name, action="append", metavar=shape, help=f"{about}; may be repeated"
            )
        elif kind is bool:
            parser.add_argument(flag, dest=option.name, action="store_true", help=about)
        elif kind is not None:
            shown = "none" if default is None else default
            parser.add_argument(
                flag, dest=option.name, type=kind, metavar=kind.__name__.upper(), help=f"{about} ({shown})"
            )
        elif item is not None:
            shown = ",".join(map(str, default))
            shape = "SECONDS,..." if item is float else "NAME,..."
            parser.add_argument(flag, dest=option.name, metavar=shape, help=f"{about} ({shown})")
    return parser


def build_config(given: Mapping[str, Any], scenario: Scenario = _NOTHING) -> SandboxConfig:
    """Make the options from what the command line and a scenario said.

    Args:
        given: Field name to value, as `build_parser` reads them; they win.
        scenario: What the file said.

    Returns:
        The options.

    Raises:
        ValueError: If a value is out of its range or its shape.
    """
    values: dict[str, Any] = {"port": _PORT, **scenario.options, **given}
    values.pop("scenario", None)
    for option in options():
        name = option.name
        if name not in given:
            continue
        if name == "outcomes":
            before = scenario.options.get(name, {})
            values[name] = {**before, **dict(_read_outcome(text) for text in given[name])}
        elif name == "channels":
            channels = {item.name: item for item in scenario.options.get(name, DEFAULT_CHANNELS)}
            channels.update((channel.name, channel) for channel in map(_read_channel, given[name]))
            values[name] = tuple(channels.values())
        elif name in _REPEATED:
            values[name] = frozenset(given[name])
        elif item_type(option) is str:
            values[name] = tuple(given[name].split(","))
        elif item_type(option) is float:
            values[name] = _read_seconds(name, given[name])
    return SandboxConfig(**values)


async def run(
    config: SandboxConfig,
    write: Callable[[str], object],
    faults: Iterable[Injected] = (),
    *,
    warn: Callable[[str], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: The options.
        write: Takes the one line that says where it listens and with which credentials.
        faults: What the first requests meet.
        warn: Takes a line when webhooks begin to be refused, and when they are taken again; None writes it
            to stderr.

    Raises:
        OSError: If it cannot listen there.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopped.set)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        reachability = Reachability(_warn if warn is None else warn, now=loop.time)
        sandbox = Sandbox(config, on_webhook=reachability.note)
        for fault in faults:
            sandbox.inject(fault.fault, on=fault.on, times=fault.times, seconds=fault.seconds)
        async with sandbox:
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
        SystemExit: With 2 if an argument or the scenario is wrong.
    """
    parser = build_parser()
    given = vars(parser.parse_args(argv))
    try:
        scenario = read_scenario(Path(given["scenario"])) if "scenario" in given else _NOTHING
        config = build_config(given, scenario)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"cannot read {given['scenario']}: {error.strerror}")
    try:
        asyncio.run(run(config, _print if write is None else write, scenario.faults))
    except OSError as error:
        sys.stderr.write(f"cannot listen on {config.host}:{config.port}: {error.strerror}\n")
        return 1
    return 0


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


def _read_seconds(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part)
    except ValueError:
        raise ValueError(f"{name}: write SECONDS,SECONDS,..., not {text}") from None


def _warn(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
