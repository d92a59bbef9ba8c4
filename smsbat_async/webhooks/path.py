"""Where webhooks come, and what logs may show of it."""

import re
from typing import Final

from smsbat_async.errors import ConfigurationError

PATH: Final = "/webhooks/{vendor}"
"""Where webhooks come unless you say otherwise."""

PLAIN: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+", re.ASCII)


def checked_path(path: object, vendor: str) -> str:
    """Return a path if secrets can stand behind it.

    Args:
        path: The path; None takes the vendor's own.
        vendor: Whose webhooks come there.

    Raises:
        ConfigurationError: If not.
    """
    if path is None:
        return PATH.format(vendor=vendor)
    if not isinstance(path, str) or PLAIN.fullmatch(path) is None:
        raise ConfigurationError(
            "path must be like /webhooks/smsbat: slashes, each with letters, digits, - . _ ~"
        )
    return path


def hidden_path(path: str) -> str:
    """Return a path with its last part, the secret, hidden."""
    return f"{path.rpartition('/')[0]}/hidden"
