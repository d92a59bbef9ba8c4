"""Bodies: the contents that a vendor should never send."""

import functools
import zlib
from gzip import compress

OK = b'{"status":"ok","note":"a body long enough to be cut"}'
"""A small valid JSON body."""

HTML = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon</body></html>"
"""The page of a proxy in front of the vendor."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf" + OK
"""JSON as older .NET servers write it."""

INVALID_UTF8 = b'{"note":"\xe9t\xe9"}'
"""JSON in Latin-1."""

LONE_SURROGATE = rb'{"note":"half an emoji \ud83d"}'
"""JSON with half of a pair."""


def nested(depth: int = 1_000_000) -> bytes:
    """Build JSON arrays this deep."""
    return b"[" * depth + b"]" * depth


def gzip(body: bytes) -> bytes:
    """Pack a body."""
    return compress(body, mtime=0)


@functools.lru_cache(maxsize=4)
def gzip_bomb(size: int = 64 * 2**20) -> bytes:
    """Pack this many spaces, about a thousandth of them in size; valid to the last byte."""
    packer = zlib.compressobj(6, wbits=31)
    block = b" " * 2**20
    whole, rest = divmod(size, len(block))
    return b"".join(
        [*(packer.compress(block) for _ in range(whole)), packer.compress(block[:rest]), packer.flush()]
    )
