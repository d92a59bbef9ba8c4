"""Who may call: the credentials of both vendors."""

import base64
import binascii
from collections.abc import Mapping

from smsbat_async.sandbox.config import SandboxConfig


def may_ask_status(headers: Mapping[str, str], config: SandboxConfig) -> bool:
    """Check the credentials of a status request (SMSBAT, Check Message Status, Authentication).

    Args:
        headers: Request headers, by any case of their names.
        config: The accepted values.

    Returns:
        Whether the key, the login, or user `@` with the key is right.
    """
    if headers.get("X-Authorization-Key") == config.api_key:
        return True
    login = _basic(headers.get("Authorization", ""))
    return login in ((config.username, config.password), ("@", config.api_key))


def may_send(headers: Mapping[str, str], config: SandboxConfig) -> bool:
    """Check the credentials of a cascade (SMSBAT, Send Cascade Messages, Authentication).

    Args:
        headers: Request headers, by any case of their names.
        config: The accepted values.

    Returns:
        Whether at least one of the three headers is right.
    """
    return (
        headers.get("X-Authorization-Key") == config.api_key
        or headers.get("X-Viber-Auth-Token") == config.viber_token
        or headers.get("X-Tg-Bot-Key") == config.telegram_key
    )


def may_use_zns(headers: Mapping[str, str], config: SandboxConfig) -> bool:
    """Check the key of a ZNS request; the vendor's page leaves the header's name blank.

    Args:
        headers: Request headers, by any case of their names.
        config: The header's name and the accepted key.

    Returns:
        Whether the key is right.
    """
    return headers.get(config.zns_header) == config.zns_key


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
