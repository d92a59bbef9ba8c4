"""Native messages of a shape that the other kinds do not have."""

from collections.abc import Mapping
from typing import Any

import msgspec

from smsbat_async.errors import InvalidMessageError
from smsbat_async.messages import check_text, is_unicode
from smsbat_async.native.message import FallbackMessage


class CustomMessage(FallbackMessage, frozen=True, kw_only=True):
    """A native message of any type, with a `messageData` of your own making.

    For the shapes in which the vendor's pages contradict each other, and for types yet to come.

    Args:
        id: As for every `NativeMessage`; so are `from_name`, `to_phone`, `ttl` and `fallback`.
        type: The vendor's word for the type: `viber_otp`.
        text: What it says, may be empty.
        message_data: What goes out as `messageData`, as it is; anything that JSON can hold. A
            copy of it is kept.

    Raises:
        InvalidMessageError: If a field is wrong.
    """

    type: str
    text: str | None = None
    message_data: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_text("type", self.type)
        text: object = self.text
        if text is not None and not (isinstance(text, str) and is_unicode(text)):
            raise InvalidMessageError("text", "invalid_text", "must be a text, which may be empty, or None")
        if self.message_data is not None:
            msgspec.structs.force_setattr(self, "message_data", _checked_data(self.message_data))


def _checked_data(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        data = dict(value)
        try:
            msgspec.json.encode(data)
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
            pass
        else:
            return data
    wanted = "must be a mapping that can be written as JSON"
    raise InvalidMessageError("message_data", "invalid_message_data", wanted)
