"""Reading standard input without stopping the loop, and without holding up the end of the program."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator

BLOCK = 65_536
"""How many bytes are read at a time."""


async def read_block(descriptor: int | None = None) -> bytes:
    """Return the next bytes of a stream, nothing at its end.

    Args:
        descriptor: Its file descriptor; None takes standard input.
    """
    source = sys.stdin.fileno() if descriptor is None else descriptor
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bytes] = loop.create_future()

    def give(block: bytes | None, error: OSError | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(block or b"")

    def read() -> None:
        block, error = None, None
        try:
            block = os.read(source, BLOCK)
        except OSError as met:
            error = met
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(give, block, error)

    # A daemon: a read that never ends must not hold up Ctrl-C, as the threads of an executor would.
    threading.Thread(target=read, name="smsbat-stdin", daemon=True).start()
    return await done


async def read_lines(descriptor: int | None = None) -> AsyncIterator[str]:
    """Give the lines of a stream, without what surrounds them; empty ones are passed over.

    Args:
        descriptor: Its file descriptor; None takes standard input.
    """
    rest = b""
    while block := await read_block(descriptor):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if word := line.decode(errors="replace").strip():
                yield word
    if word := rest.decode(errors="replace").strip():
        yield word
