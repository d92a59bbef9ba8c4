"""Which path is what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import unquote

from smsbat_async.sandbox.answers import Answer
from smsbat_async.sandbox.faults import Fault
from smsbat_async.sandbox.messages import Message


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that the vendors' APIs do.

    Args:
        name: Its key in the counters and in the desk's table of handlers.
        method: The HTTP method that it takes.
        vendor: Whose it is.
        kind: Whether it sends or asks: by this its credentials, its rate and its faults are chosen.
        has_receipts: Whether its answer names several messages, which may then be shuffled or left out.
        takes_login: Whether its credentials are those of a status request, whatever its kind.
    """

    name: str
    method: Literal["GET", "POST"]
    vendor: Literal["smsbat", "zns"]
    kind: Literal["send", "status"]
    has_receipts: bool = False
    takes_login: bool = False


class Query(NamedTuple):
    """What an endpoint's handler is given.

    Args:
        argument: The id in the path; empty for a path without one.
        parameters: The query's names and values.
        body: The body; empty for a GET.
        fault: What goes wrong with the answer.
    """

    argument: str
    parameters: Mapping[str, str]
    body: bytes
    fault: Fault


class Served(NamedTuple):
    """What an endpoint's handler gives back.

    Args:
        answer: The answer.
        named: The messages that it names.
    """

    answer: Answer
    named: list[Message]


Handler = Callable[[Query], Served]
"""Answers one endpoint; raises `RefusedError` for what it will not take."""

_STATUS = Endpoint("status", "GET", "smsbat", "status")
_STATUS_PREFIX = "/bat/message/"
_FIXED = {
    "/api/CascadeMessage/send_message/async": Endpoint("send", "POST", "smsbat", "send", has_receipts=True),
    "/api/CascadeMessage/send_message/tg-viber/async": Endpoint(
        "send_tg_viber", "POST", "smsbat", "send", has_receipts=True
    ),
    "/bat/messagelist": Endpoint(
        "messagelist", "POST", "smsbat", "send", has_receipts=True, takes_login=True
    ),
    "/api/items": Endpoint("variables", "POST", "smsbat", "send"),
    "/api/message/status": Endpoint("zns_status", "GET", "zns", "status"),
    "/api/message/send": Endpoint("zns_send", "POST", "zns", "send"),
    "/api/message/quota": Endpoint("zns_quota", "GET", "zns", "status"),
    "/api/template/all": Endpoint("zns_templates", "GET", "zns", "status"),
}


def endpoint_names() -> list[str]:
    """List the endpoints.

    Returns:
        Their names, each of which has a handler.
    """
    return [_STATUS.name, *(endpoint.name for endpoint in _FIXED.values())]


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
