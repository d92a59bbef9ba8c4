"""Reply: what is answered to a webhook."""

from typing import Final, NamedTuple

BODY_MAXIMUM: Final = 256 * 1024
"""The largest body that is read, in bytes."""


class Reply(NamedTuple):
    """What is answered: a status and a short text.

    Args:
        status: The HTTP status.
        text: Plain ASCII.
    """

    status: int
    text: str


OK: Final = Reply(200, "ok")
BROKEN_OFF: Final = Reply(400, "the body broke off")
UNAUTHORIZED: Final = Reply(401, "unauthorized")
TOO_SLOW: Final = Reply(408, "the body came too slowly")
TOO_LARGE: Final = Reply(413, f"the body has more than {BODY_MAXIMUM} bytes")
ENCODED: Final = Reply(415, "the body must not be compressed")
NOT_NOW: Final = Reply(503, "try again later")

UNREAD: Final = frozenset({401, 408, 413, 415})
"""The statuses that are answered before the body has come to its end: the connection ends with them."""
