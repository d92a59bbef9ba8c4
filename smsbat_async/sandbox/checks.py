"""What a value may be; every failure is a ValueError that names the field."""

import math
from urllib.parse import urlsplit


def check_text(name: str, value: str) -> None:
    """Check a text that travels in a header or in JSON.

    Args:
        name: What the error calls it.
        value: Must be one or more printable ASCII characters.

    Raises:
        ValueError: If it is not.
    """
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError(f"{name} must be one or more printable ASCII characters")


def check_share(name: str, value: float) -> None:
    """Check a share.

    Args:
        name: What the error calls it.
        value: Must be 0 to 1.

    Raises:
        ValueError: If it is not.
    """
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be 0 to 1, not {value}")


def check_seconds(name: str, value: float) -> None:
    """Check a number that is neither negative nor endless.

    Args:
        name: What the error calls it.
        value: Must be 0 or more and finite.

    Raises:
        ValueError: If it is not.
    """
    if not (value >= 0.0 and math.isfinite(value)):
        raise ValueError(f"{name} must be 0 or more and finite, not {value}")


def check_url(name: str, url: str | None) -> None:
    """Check where something is sent.

    Args:
        name: What the error calls it.
        url: Must be an http or https URL with a host, or None.

    Raises:
        ValueError: If it is not.
    """
    if url is None:
        return
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{name} must be a URL that begins with http:// or https://")


def check_rate(group: str, rate: float, burst: int) -> None:
    """Check a rate with its burst.

    Args:
        group: What they limit: the fields are `<group>_rate` and `<group>_burst`.
        rate: Requests per second; must be 0 or more and finite.
        burst: Must be 1 or more unless the rate is 0.

    Raises:
        ValueError: If it is not.
    """
    check_seconds(f"{group}_rate", rate)
    if rate and burst < 1:
        raise ValueError(f"{group}_burst must be 1 or more while {group}_rate is set, not {burst}")
