"""Profile: the credentials of the command line, from the environment or a TOML file, never from arguments."""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.credentials import Secret
from smsbat_async.errors import ConfigurationError

SECRETS: Final = frozenset({"api_key", "password", "viber_token", "telegram_key", "zns_api_key"})
TEXTS: Final = frozenset(
    {"username", "base_url", "status_path", "zns_auth_header", "zns_base_url", "zns_status_path"}
)
SWITCHES: Final = frozenset({"allow_http"})
KNOWN: Final = SECRETS | TEXTS | SWITCHES
ZNS: Final = "zns_"

ENVIRONMENT: Final = {
    "api_key": "SMSBAT_API_KEY",
    "username": "SMSBAT_USERNAME",
    "password": "SMSBAT_PASSWORD",
    "viber_token": "SMSBAT_VIBER_TOKEN",
    "telegram_key": "SMSBAT_TELEGRAM_KEY",
    "base_url": "SMSBAT_BASE_URL",
    "zns_api_key": "ZNS_API_KEY",
    "zns_auth_header": "ZNS_AUTH_HEADER",
    "zns_base_url": "ZNS_BASE_URL",
}
"""Where a value stands in the environment; the variables that `from_env` reads."""

OTHERS_MAY: Final = stat.S_IRWXG | stat.S_IRWXO

Value = str | bool | Secret


class Profile:
    """A set of credentials, and where it was found.

    Args:
        origin: Where, for people.
        values: The values by their names.
    """

    def __init__(self, origin: str, values: Mapping[str, Value]) -> None:
        self.origin = origin
        self._values = dict(values)

    def __repr__(self) -> str:
        return f"Profile({self.origin!r})"

    @classmethod
    def find(cls, name: str | None, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the profile that counts: the one that is named, else the environment, else `default`.

        Args:
            name: Its name in the file; None for whatever counts.
            environ: The environment.

        Raises:
            ConfigurationError: If there is none, or the file is wrong or may be read by others.
        """
        if name is None:
            found = {
                field: Secret(value) if field in SECRETS else value
                for field, variable in ENVIRONMENT.items()
                if (value := environ.get(variable))
            }
            if found:
                return cls("the environment", found)
        path = config_path(environ)
        wanted = "default" if name is None else name
        profiles = _read(path)
        if profiles is None and name is None:
            raise ConfigurationError(
                f"credentials are missing: set SMSBAT_API_KEY, or write [profile.default] into {path}"
            )
        table = (profiles or {}).get(wanted)
        if table is None:
            known = ", ".join(sorted(profiles or {})) or "none"
            raise ConfigurationError(f"there is no [profile.{wanted}] in {path} (there: {known})")
        return cls(f"profile {wanted!r} in {path}", _checked(table, f"{path}, [profile.{wanted}]"))

    @property
    def vendors(self) -> tuple[str, ...]:
        """The vendors that it has something for."""
        zns = any(name.startswith(ZNS) for name in self._values)
        smsbat = any(not name.startswith(ZNS) and name != "allow_http" for name in self._values)
        return (*(("smsbat",) if smsbat else ()), *(("zns",) if zns else ()))

    def base_url_of(self, vendor: str) -> str | None:
        """Return where a vendor is, if that was said.

        Args:
            vendor: `smsbat` or `zns`.
        """
        found = self._arguments(vendor).get("base_url")
        return found if isinstance(found, str) else None

    def shown(self, vendor: str) -> dict[str, str]:
        """Return what may be shown of the values of a vendor: of a secret that it is set, and no more.

        Args:
            vendor: `smsbat` or `zns`.
        """
        return {
            name: "set (not shown)" if isinstance(value, Secret) else str(value)
            for name, value in sorted(self._arguments(vendor).items())
        }

    def smsbat(self, **options: Any) -> SmsBatClient:
        """Return a client of SMSBAT.

        Args:
            options: What else it is to be made with.

        Raises:
            ConfigurationError: If the values do not make one.
        """
        arguments = self._arguments("smsbat")
        if "api_key" in arguments:  # as `from_env` has it: a key makes them superfluous
            arguments = {name: arguments[name] for name in arguments.keys() - {"username", "password"}}
        if not arguments.keys() & (SECRETS | {"username"}):
            raise ConfigurationError(
                f"credentials of SMSBAT are missing in {self.origin}: set SMSBAT_API_KEY"
            )
        return SmsBatClient(**arguments, **options)

    def zns(self, **options: Any) -> ZnsClient:
        """Return a client of ZNS.

        Args:
            options: What else it is to be made with.

        Raises:
            ConfigurationError: If the values do not make one.
        """
        arguments = self._arguments("zns")
        if "api_key" not in arguments:
            raise ConfigurationError(f"the key of ZNS is missing in {self.origin}: set ZNS_API_KEY")
        return ZnsClient(**arguments, **options)

    def _arguments(self, vendor: str) -> dict[str, Any]:
        is_zns = vendor == "zns"
        return {
            name.removeprefix(ZNS): value
            for name, value in self._values.items()
            if name.startswith(ZNS) == is_zns or name in SWITCHES
        }


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the file of profiles is, or would be.

    Args:
        environ: The environment.
    """
    if named := environ.get("SMSBAT_CONFIG"):
        return Path(named)
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "smsbat" / "config.toml"


def _read(path: Path) -> dict[str, Any] | None:
    """Return the profiles in a file, or None where there is no file."""
    try:
        with path.open("rb") as file:
            # Of the file that was opened, so that nobody can put another in its place in between.
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & OTHERS_MAY:
                said = f"may be read by others, and holds credentials: chmod 600 {path}"
            else:
                return _profiles(tomllib.load(file), path)
    except FileNotFoundError:
        return None
    except OSError as met:
        said = f"cannot be read: {met.strerror}"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        said = "is no TOML"  # what is wrong with it is not shown: it would be a line with a key
    raise ConfigurationError(f"{path} {said}")


def _profiles(found: dict[str, Any], path: Path) -> dict[str, Any]:
    unknown = sorted(found.keys() - {"profile"})
    if unknown:
        raise ConfigurationError(f"{path}: {unknown[0]!r} is not known: write [profile.default]")
    profiles = found.get("profile", {})
    if not isinstance(profiles, dict) or not all(isinstance(table, dict) for table in profiles.values()):
        raise ConfigurationError(f"{path}: profile must hold tables: write [profile.default]")
    return profiles


def _checked(table: Mapping[str, Any], where: str) -> dict[str, Value]:
    checked: dict[str, Value] = {}
    for name, value in table.items():
        if name not in KNOWN:
            raise ConfigurationError(f"{where}: {name} is not known: one of {', '.join(sorted(KNOWN))}")
        if name in SWITCHES:
            if not isinstance(value, bool):
                raise ConfigurationError(f"{where}: {name} must be true or false")
            checked[name] = value
        elif not isinstance(value, str) or not value:
            raise ConfigurationError(f"{where}: {name} must be a text that is not empty")
        else:
            checked[name] = Secret(value) if name in SECRETS else value
    return checked
