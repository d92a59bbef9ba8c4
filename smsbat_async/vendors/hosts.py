"""Base URLs: where a vendor is."""

import ipaddress
from urllib.parse import urlsplit

from smsbat_async.credentials import VISIBLE_ASCII
from smsbat_async.errors import ConfigurationError


def check_base_url(base_url: object, *, allow_http: bool) -> str:
    """Return a base URL without a slash at its end.

    Args:
        base_url: `https://host`, maybe with a port and a path; `http://` for loopback only.
        allow_http: Whether `http://` is allowed for any host.

    Raises:
        ConfigurationError: If it is anything else.
    """
    wrong = ConfigurationError("base_url must look like https://host, maybe with a port and a path")
    if not isinstance(base_url, str) or VISIBLE_ASCII.fullmatch(base_url) is None:
        raise wrong
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in {"http", "https"}:
        raise wrong
    if "?" in base_url or "#" in base_url or "@" in parts.netloc:
        raise wrong
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigurationError(
            "base_url must begin with https://, since it carries credentials; allow_http=True lifts that"
        )
    return base_url.rstrip("/")


def check_path(field: str, path: object) -> str:
    """Return a path that keeps a request on its host, and what follows it out of a fragment.

    Raises:
        ConfigurationError: If it is anything else.
    """
    if not isinstance(path, str) or VISIBLE_ASCII.fullmatch(path) is None or path[0] != "/" or "#" in path:
        raise ConfigurationError(f"{field} must begin with / and be visible ASCII without #")
    return path


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(base_url: str) -> str:
    """Return scheme, host and port of a base URL: what a connection belongs to."""
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"
