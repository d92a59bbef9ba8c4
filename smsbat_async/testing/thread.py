"""SandboxThread: a sandbox that listens, on an event loop and in a thread of its own."""

import asyncio
import threading
from concurrent.futures import Future
from typing import Final

from smsbat_async.sandbox.sandbox import Sandbox

PATIENCE: Final = 10.0
"""How long it may take to begin and to end, in seconds."""


class SandboxThread:
    """Runs a sandbox for applications that bring their own event loop, or none, or are other programs.

    Args:
        sandbox: The sandbox; nothing else touches it while this runs, but on `start()`'s loop.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="smsbat-sandbox", daemon=True)

    def start(self) -> asyncio.AbstractEventLoop:
        """Begin to listen.

        Returns:
            The loop that it runs on.

        Raises:
            OSError: If it cannot listen.
        """
        self._thread.start()
        return self._started.result(PATIENCE)

    def stop(self) -> None:
        """Stop listening, and wait until it has."""
        loop = self._started.result(0)
        loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        try:
            await self._sandbox.__aenter__()
        except BaseException as error:  # noqa: BLE001 - raised where start() waits for it
            self._started.set_exception(error)
            return
        try:
            self._started.set_result(asyncio.get_running_loop())
            await self._over.wait()
        finally:
            await self._sandbox.aclose()
