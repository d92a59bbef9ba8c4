"""Secrets: what a sender has to know."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

from smsbat_async.credentials import Secret
from smsbat_async.errors import ConfigurationError

LEAST: Final = 16
"""The shortest secret, in characters."""

SAFE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Secrets:
    """Secrets of the user's choice, of which a sender has to know one.

    Args:
        secrets: The secrets; they have to be fit for a path and for a header.

    Raises:
        ConfigurationError: If one is not; the error does not show it.
    """

    __slots__ = ("_digests",)

    def __init__(self, secrets: Iterable[str | Secret]) -> None:
        self._digests = [_digest(secret) for secret in _checked(secrets)]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def know(self, *given: str | None) -> bool:
        """Return whether one of the texts is one of the secrets, in a time that does not tell which."""
        known = False
        for one in given:
            digest = _digest(one or "")
            for secret in self._digests:
                known |= hmac.compare_digest(digest, secret)
        return known


def _checked(secrets: object) -> list[str]:
    given = [secrets] if isinstance(secrets, str | Secret) else secrets
    if not isinstance(given, Iterable):
        raise ConfigurationError("secrets must be texts")
    found = [one.reveal() if isinstance(one, Secret) else one for one in given]
    for one in found:
        if not isinstance(one, str) or len(one) < LEAST or SAFE.fullmatch(one) is None:
            raise ConfigurationError(
                f"secrets must be texts of at least {LEAST} letters, digits, - and _:"
                " secrets.token_urlsafe() makes one"
            )
    return found


def _digest(secret: str) -> bytes:
    # Of one length, and bytes: what is compared in constant time must tell nothing, and never raise.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
