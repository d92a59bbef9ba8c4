"""A scenario: the sandbox's options and its first faults in a TOML file."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from smsbat_async.sandbox.channels import DEFAULT_CHANNELS, Channel
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.faults import Injected
from smsbat_async.sandbox.options import item_type, options, plain_type

_WORDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}
_FAULT: Final[Mapping[str, type]] = {"fault": str, "on": str, "times": int, "seconds": float}
_CHANNEL: Final = ("share", "delay", "cost")


class Scenario(NamedTuple):
    """What a file says.

    Args:
        options: Names and values of fields of `SandboxConfig`.
        faults: What the first requests meet.
    """

    options: dict[str, Any]
    faults: tuple[Injected, ...]


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Args:
        path: A TOML file: options by their names, and the tables `channels`, `outcomes` and `faults`.

    Returns:
        What it says, all of it checked.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no TOML, or a key or value is wrong; the text names the file and the key.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        faults = tuple(_read_faults(values.pop("faults", [])))
        scenario = Scenario(_read_options(values), faults)
        SandboxConfig(**scenario.options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return scenario


def _read_options(values: Mapping[str, Any]) -> dict[str, Any]:
    known = {option.name: option for option in options()}
    _check_names("", values, known)
    read: dict[str, Any] = {}
    for name, value in values.items():
        option = known[name]
        if name == "channels":
            read[name] = _read_channels(_table(name, value))
        elif name == "outcomes":
            table = _table(name, value)
            read[name] = {phone: _convert(f"{name}.{phone}", word, str) for phone, word in table.items()}
        elif (kind := plain_type(option)) is not None:
            read[name] = _convert(name, value, kind)
        elif (kind := item_type(option)) is not None:
            if not isinstance(value, list):
                raise ValueError(f"{name} must be an array")
            items: list[Any] = value
            read[name] = tuple(_convert(f"{name}[{index}]", item, kind) for index, item in enumerate(items))
            if isinstance(option.default, frozenset):
                read[name] = frozenset(read[name])
    return read


def _read_channels(tables: Mapping[str, Any]) -> tuple[Channel, ...]:
    channels = {channel.name: channel for channel in DEFAULT_CHANNELS}
    for name, value in tables.items():
        where = f"channels.{name}"
        table = _table(where, value)
        _check_names(f"{where}.", table, _CHANNEL)
        given: dict[str, Any] = {
            # Money is decimal, and never passes through a float.
            key: _convert(f"{where}.{key}", item, Decimal if key == "cost" else float)
            for key, item in table.items()
        }
        if name in channels:
            channels[name] = replace(channels[name], **given)
            continue
        if missing := [key for key in _CHANNEL if key not in given]:
            raise ValueError(f"{where} is a new channel and must have {', '.join(missing)}")
        channels[name] = Channel(name=name, **given)
    return tuple(channels.values())


def _read_faults(values: Any) -> Iterable[Injected]:
    if not isinstance(values, list):
        raise ValueError("faults must be an array of tables: write [[faults]]")  # noqa: TRY004
    tables: list[Any] = values
    for index, value in enumerate(tables):
        where = f"faults[{index}]"
        table = _table(where, value)
        _check_names(f"{where}.", table, _FAULT)
        if "fault" not in table:
            raise ValueError(f"{where}.fault must be given")
        given = {key: _convert(f"{where}.{key}", item, _FAULT[key]) for key, item in table.items()}
        try:
            yield Injected(**given)
        except ValueError as error:
            raise ValueError(f"{where}.{error}") from None


def _table(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be a table")  # noqa: TRY004
    return value


def _check_names(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            advice = f"did you mean {near[0]}?" if near else f"must be one of {', '.join(names)}"
            raise ValueError(f"{where}{name} is unknown: {advice}")


def _convert(where: str, value: Any, kind: type) -> Any:
    if kind is float and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return float(value)
    if kind is Decimal and isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} must be {_WORDS.get(kind, 'a number')}, not {value}")
    return value
