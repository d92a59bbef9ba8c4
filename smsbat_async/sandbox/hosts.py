"""By which names the control API may be called."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_LOCAL_NAME: Final = "localhost"


def is_expected_host(header: str, listens_on: str) -> bool:
    """Check a request's `Host`, so that no page elsewhere can reach it by a name that leads here.

    Args:
        header: The header: a name or address, with or without a port.
        listens_on: The configured address.

    Returns:
        Whether it names loopback or the configured address; where that is every address of the machine,
        any address will do, but no other name.
    """
    host = _without_port(header).lower()
    if host in (_LOCAL_NAME, listens_on.lower()):
        return True
    address = _read_address(host)
    if address is None:
        return False
    everywhere = _read_address(listens_on)
    return address.is_loopback or (everywhere is not None and everywhere.is_unspecified)


def _without_port(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
