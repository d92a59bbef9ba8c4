"""WebhookEvent: what a vendor tells by itself, and how it is known to be the vendor."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Generic

import msgspec

from smsbat_async.statuses import S
from smsbat_async.vendors.answers import UNDECODABLE, exact, logger

Verify = Callable[[Mapping[str, str], bytes], bool]
"""Says whether a webhook is genuine: takes the headers (names in lower case) and the body as it came."""

ID_MAXIMUM = 254
"""The longest id that is taken for one, in characters."""


class WebhookError(ValueError):
    """The body of a webhook is not what its vendor sends."""


class WebhookEvent(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """What a vendor told by itself.

    Args:
        name: What happened: `delivery_status` or `incoming_message` of SMSBAT, or the `event_name` of Zalo.
        status: Where the message is, exactly as a poll would have told; None where it tells of something
            else.
        tracking_id: Your own id of the message, if the vendor named it.
        occurred_at: When the vendor says it happened, UTC.
        body: The body as it came. It may hold a phone number or a text, so `repr` does not show it.
    """

    name: str
    status: S | None = None
    tracking_id: str | None = None
    occurred_at: dt.datetime | None = None
    body: bytes = b""

    def __repr__(self) -> str:
        shown = f", {self.status!r}" if self.status is not None else ""
        return f"WebhookEvent({self.name}{shown}, {len(self.body)} bytes)"

    def payload(self) -> dict[str, Any]:
        """Return the body as plain Python values: whatever else the vendor told.

        Returns:
            The object; a number with a fraction or an exponent is an exact `Decimal`.

        Raises:
            WebhookError: If a part that nothing was read from is not JSON.
        """
        return read_object(self.body)


def read_object(body: bytes) -> dict[str, Any]:
    """Return the body of a webhook as a dict.

    Raises:
        WebhookError: If it is not a JSON object.
    """
    try:
        parsed = _objects.decode(body)
    except UNDECODABLE:
        parsed = None
    if parsed is None:
        raise WebhookError("the body must be a JSON object")
    return parsed


def checked_id(key: str, value: object) -> str | None:
    """Return an id, which vendors write as text or as a number, or None where there is none.

    Raises:
        WebhookError: If it is something else, or longer than any id.
    """
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > ID_MAXIMUM or not value.isprintable():
        raise WebhookError(f"{key} must be a printable text of at most {ID_MAXIMUM} characters")
    return value


def tracking_id_in(key: str, value: object) -> str | None:
    """Return your own id of a message, or None where there is none, or none that makes sense.

    A vendor's news of a message counts without it: that the field is odd must not cost us the news.
    """
    try:
        return checked_id(key, value)
    except WebhookError:
        logger.warning("dropped field %r of a webhook: a %s that is no id", key, type(value).__name__)
        return None


_objects = msgspec.json.Decoder(dict[str, Any], float_hook=exact)
