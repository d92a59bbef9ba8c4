"""Which path is what."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that the vendors' APIs do.

    Args:
        name: Its key in the counters.
        method: The HTTP method that it takes.
        vendor: Whose it is.
        kind: Whether it sends or asks.
    """

    name: str
    method: Literal["GET", "POST"]
    vendor: Literal["smsbat", "zns"]
    kind: Literal["send", "status"]


_STATUS = Endpoint("status", "GET", "smsbat", "status")
_STATUS_PREFIX = "/bat/message/"
_FIXED = {
    "/api/CascadeMessage/send_message/async": Endpoint("send", "POST", "smsbat", "send"),
    "/api/CascadeMessage/send_message/tg-viber/async": Endpoint("send_tg_viber", "POST", "smsbat", "send"),
    "/api/message/status": Endpoint("zns_status", "GET", "zns", "status"),
    "/api/message/send": Endpoint("zns_send", "POST", "zns", "send"),
}


def find_endpoint(raw_path: str) -> tuple[Endpoint, str] | None:
    """Find what a path asks for.

    Args:
        raw_path: The request target's path, not decoded, without the query.

    Returns:
        The endpoint and the message id in the path, which is empty for all but SMSBAT's status; None for
        a path that neither vendor has.
    """
    if raw_path.startswith(_STATUS_PREFIX):
        # One segment: a slash in an id must come as %2F, else it is another path.
        segment = raw_path.removeprefix(_STATUS_PREFIX)
        return None if not segment or "/" in segment else (_STATUS, unquote(segment))
    endpoint = _FIXED.get(raw_path)
    return None if endpoint is None else (endpoint, "")
