"""Message ids on their way into a URL."""

import re

from smsbat_async.errors import InvalidMessageError

MESSAGE_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}", re.ASCII)
"""Characters that mean themselves anywhere in a URL, and no leading dot: no such id is a path of its own."""


def check_message_id(message_id: object) -> str:
    """Return a vendor's message id if it is fit for a URL.

    Args:
        message_id: 1 to 128 of the characters `A-Z a-z 0-9 - _ ~ .`, not beginning with a dot.

    Raises:
        InvalidMessageError: If it is not.
    """
    if isinstance(message_id, str) and MESSAGE_ID.fullmatch(message_id) is not None:
        return message_id
    raise InvalidMessageError(
        "message_id", "invalid_id", "must be 1 to 128 of A-Z a-z 0-9 - _ ~ . and not begin with a dot"
    )
