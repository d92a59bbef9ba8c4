"""Keys that never show."""

import base64
import hashlib
import re
from typing import NoReturn

from smsbat_async.errors import ConfigurationError

VISIBLE_ASCII = re.compile(r"[!-~]+", re.ASCII)
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)


class Secret:
    """A text that is shown to nobody: not by repr, str or format, and it cannot be pickled.

    Args:
        value: The text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


def header_secret(field: str, value: object) -> Secret:
    """Return a key as a secret that is fit for an HTTP header.

    Args:
        field: The name of the parameter, for the error.
        value: The key.

    Raises:
        ConfigurationError: If it is not visible ASCII; the error does not show it.
    """
    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str) or VISIBLE_ASCII.fullmatch(value) is None:
        raise ConfigurationError(f"{field} must be a text of visible ASCII characters without spaces")
    return Secret(value)


def header_name(field: str, value: object) -> str:
    """Return a header name if it is one.

    Raises:
        ConfigurationError: If it is not.
    """
    if not isinstance(value, str) or HEADER_NAME.fullmatch(value) is None:
        raise ConfigurationError(f"{field} must be the name of an HTTP header")
    return value


def basic_auth(username: object, password: object) -> Secret:
    """Return the value of an `Authorization` header for HTTP Basic.

    Args:
        username: Without a colon; `@` with an API key as the password is SMSBAT's third way.
        password: Any text.

    Raises:
        ConfigurationError: If one is missing or unfit; the error shows neither.
    """
    if username is None:
        raise ConfigurationError("username is missing: it goes with password")
    if not isinstance(username, str) or not username or ":" in username or not username.isprintable():
        raise ConfigurationError("username must be a printable text without a colon")
    if isinstance(password, Secret):
        password = password.reveal()
    if password is None:
        raise ConfigurationError("password is missing: it goes with username")
    if not isinstance(password, str) or not password or not password.isprintable():
        raise ConfigurationError("password must be a printable text")
    return Secret("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode())


def fingerprint(*secrets: Secret | None) -> str:
    """Return a text that is the same for the same credentials and tells nothing about them."""
    digest = hashlib.sha256()
    for secret in secrets:
        digest.update(b"\0" if secret is None else b"\1" + secret.reveal().encode())
    return digest.hexdigest()[:16]
