"""Stops: what Ctrl-C, SIGTERM and a closed terminal do to a campaign: they pause it, and twice stop it."""

import asyncio
import functools
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

WORDS: Final = {signal.SIGINT: "by Ctrl-C", signal.SIGTERM: "by SIGTERM"}
"""The signals that are taken, and what the ledger says of who paused a campaign."""

LOST: Final = "since the terminal was closed"

if sys.platform != "win32":
    WORDS[signal.SIGHUP] = LOST


class Stops:
    """Takes signals while a campaign runs; to be entered in the task that runs it.

    Args:
        pause: Is told why when the first signal comes.
    """

    def __init__(self, pause: Callable[[str], None]) -> None:
        self._pause = pause
        self._undo: list[Callable[[], Any]] = []
        self._task: asyncio.Task[Any] | None = None
        self.first: signal.Signals | None = None
        self.at_once = False

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        for number in WORDS:
            before = signal.getsignal(number)
            if before is signal.SIG_IGN:
                continue  # as `nohup` has it: a closed terminal ends nothing
            if self._take(number):
                # asyncio puts the default in the place of a handler that is removed, and not what was there.
                self._undo.append(functools.partial(signal.signal, number, before))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    def stop(self) -> None:
        """Stop at once: break off what is under way."""
        if self.at_once:
            return
        self.at_once = True
        self._let_go()  # whoever presses a third time does not want to wait for anything
        if self._task is not None:
            self._task.cancel()

    def _take(self, number: signal.Signals) -> bool:
        """Take a signal, and return whether that can be done here."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(number, self._hear, number)
        except NotImplementedError:  # Windows
            signal.signal(number, functools.partial(self._heard, loop))
        except (RuntimeError, ValueError):
            return False  # a loop of another thread than the main one
        else:
            self._undo.append(functools.partial(loop.remove_signal_handler, number))
        return True

    def _heard(self, loop: asyncio.AbstractEventLoop, number: int, _: FrameType | None) -> None:
        loop.call_soon_threadsafe(self._hear, number)

    def _hear(self, number: int) -> None:
        if self.first is not None:
            self.stop()
            return
        self.first = signal.Signals(number)
        self._pause(WORDS[self.first])

    def _let_go(self) -> None:
        undo, self._undo = self._undo, []
        for each in undo:
            each()
