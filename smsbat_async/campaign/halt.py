"""Halt: the word to stop, and waiting that ends with it."""

import asyncio
import contextlib
from collections.abc import Generator

import anyio

from smsbat_async.campaign.records import CampaignState


class Halt:
    """The word to stop a run, said by a person, a rule, or an error; the first that says it counts.

    Attributes:
        state: Where the campaign is to be then, or None while nobody said anything.
        reason: Why.
        error: What the run is to raise, if anything.
        sending: Whether anything new may be sent.
        following: Whether messages are still to be asked after.
    """

    def __init__(self) -> None:
        self.state: CampaignState | None = None
        self.reason: str | None = None
        self.error: BaseException | None = None
        self.sending = True
        self.following = True
        self._changed = asyncio.Event()
        self._scopes: dict[anyio.CancelScope, bool] = {}

    def say(self, state: CampaignState, reason: str | None, *, follow: bool = False) -> None:
        """Say that nothing more is to be sent.

        Args:
            state: Where the campaign is to be then.
            reason: Why.
            follow: Whether what was sent is still followed.
        """
        if self.state is None:
            self.state, self.reason = state, reason
        self.sending = False
        self.following = self.following and follow
        self.nudge()

    def fail(self, error: BaseException) -> None:
        """Say that the run cannot go on, and why."""
        if self.error is None:
            self.error = error
        self.sending = self.following = False
        self.nudge()

    def nudge(self) -> None:
        """Let everybody who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()
        for scope, follows in tuple(self._scopes.items()):
            self._break_off(scope, follows=follows)

    @contextlib.contextmanager
    def breaking_off(self, *, follows: bool = False) -> Generator[anyio.CancelScope, None, None]:
        """Break the block off at the word to stop: for waiting that may take long.

        Args:
            follows: Whether it is about following, and not about sending.
        """
        with anyio.CancelScope() as scope:
            self._scopes[scope] = follows
            self._break_off(scope, follows=follows)
            try:
                yield scope
            finally:
                self._scopes.pop(scope, None)

    def _break_off(self, scope: anyio.CancelScope, *, follows: bool) -> None:
        if not (self.following if follows else self.sending):
            scope.cancel()

    def spare(self, scope: anyio.CancelScope) -> None:
        """Let a block go on to its end after all."""
        self._scopes.pop(scope, None)

    async def change(self, seconds: float) -> None:
        """Wait until somebody nudges or says the word, at most so many seconds."""
        changed = self._changed
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await changed.wait()
        except TimeoutError:
            pass
