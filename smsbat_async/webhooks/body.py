"""Reading a body that may be of any length and come as slowly as its sender likes."""

import asyncio
import logging
from collections.abc import AsyncIterable, Mapping
from typing import Final

from smsbat_async.webhooks.reply import BODY_MAXIMUM, BROKEN_OFF, ENCODED, TOO_LARGE, TOO_SLOW, Reply

READ_TIMEOUT: Final = 5.0
"""How long a body may take to come, in seconds."""

LENGTH_DIGITS: Final = 12

logger = logging.getLogger("smsbat_async.webhooks")


async def read_body(
    headers: Mapping[str, str], body: bytes | AsyncIterable[bytes], timeout: float = READ_TIMEOUT
) -> bytes | Reply:
    """Return the body, or the answer to one that is not read to its end.

    Args:
        headers: The headers, names in lower case.
        body: The body, piece by piece as it comes, or whole.
        timeout: How long it may take to come, in seconds.
    """
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        return ENCODED
    length = headers.get("content-length", "")
    # Digits alone: a length of a thousand digits is a number that takes long to make.
    if length.isascii() and length.isdigit() and (len(length) > LENGTH_DIGITS or int(length) > BODY_MAXIMUM):
        return TOO_LARGE
    if isinstance(body, bytes):
        return body if len(body) <= BODY_MAXIMUM else TOO_LARGE
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout):
            async for piece in body:
                size += len(piece)
                if size > BODY_MAXIMUM:
                    return TOO_LARGE
                pieces.append(piece)
    except TimeoutError:
        return TOO_SLOW
    except Exception as error:  # noqa: BLE001 - a sender that went away is each framework's own exception
        logger.debug("a body broke off: %s", type(error).__name__)
        return BROKEN_OFF
    return b"".join(pieces)
