"""The fields of the configuration, as the command line and scenario files give them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import Field
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin

from smsbat_async.sandbox.config import SandboxConfig

_PLAIN: Final = (bool, int, float, str)


def options() -> tuple["Field[Any]", ...]:
    """List the options.

    Returns:
        The fields of `SandboxConfig`, in their order.
    """
    return dataclasses.fields(SandboxConfig)


def plain_type(option: "Field[Any]") -> type | None:
    """Tell which one value an option takes.

    Args:
        option: A field of `SandboxConfig`.

    Returns:
        `bool`, `int`, `float` or `str`; None for an option that takes several values.
    """
    kind: Any = option.type
    if get_origin(kind) is Literal:
        return str
    if isinstance(kind, UnionType):
        kind = next(member for member in get_args(kind) if member is not NoneType)
    return kind if kind in _PLAIN else None


def item_type(option: "Field[Any]") -> type | None:
    """Tell what an option that takes a list or a set takes in it.

    Args:
        option: A field of `SandboxConfig`.

    Returns:
        `float` or `str`; None for any other option.
    """
    kind: Any = option.type
    if plain_type(option) is not None or get_origin(kind) is Mapping:
        return None
    item = get_args(kind)[0]
    return item if item in _PLAIN else None
