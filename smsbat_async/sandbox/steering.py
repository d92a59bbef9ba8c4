"""What a test, or somebody at the inbox, does to the sandbox by hand."""

import math
from datetime import UTC, datetime
from typing import Final

from smsbat_async.sandbox.agenda import Agenda
from smsbat_async.sandbox.checks import check_url
from smsbat_async.sandbox.clock import Clock
from smsbat_async.sandbox.config import Outcome
from smsbat_async.sandbox.decisions import decide
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.store import Store
from smsbat_async.sandbox.timeline import Timeline
from smsbat_async.sandbox.webhooks import Webhooks

# What comes later has to have a date as well, and dates end with the year 9999.
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC).timestamp()


class Steering:
    """Decides fates, moves the clock and clears the messages, so that everybody hears of it.

    Args:
        store: The messages.
        clock: The time.
        agenda: What is to happen.
        timeline: Who is told.
        webhooks: How others are told.
    """

    def __init__(
        self, *, store: Store, clock: Clock, agenda: Agenda, timeline: Timeline, webhooks: Webhooks
    ) -> None:
        self._store = store
        self._clock = clock
        self._agenda = agenda
        self._timeline = timeline
        self._webhooks = webhooks

    def decide(self, message_id: str, outcome: Outcome, channel: str | None = None) -> Message:
        """End a message now, or have it never end.

        Args:
            message_id: The id that the vendor gave it.
            outcome: How it ends.
            channel: The last channel that is tried; None takes the one that is tried now.

        Returns:
            The message.

        Raises:
            KeyError: If there is none with that id.
            ValueError: If it has ended, or cannot end so.
        """
        message = self._store.get(message_id)
        if message is None:
            raise KeyError(message_id)
        decide(message, outcome, self._clock.now(), channel)
        self._timeline.decided(message)
        return message

    def advance(self, seconds: float) -> float:
        """Move the clock forward.

        Args:
            seconds: How far; 0 or more.

        Returns:
            The calendar time that it is then, in seconds since 1970.

        Raises:
            ValueError: If that is not 0 or more, or leads past the year 8999.
        """
        if not (seconds >= 0 and math.isfinite(seconds)):
            raise ValueError(f"seconds must be 0 or more and finite, not {seconds}")
        if self._clock.epoch() + seconds > _LATEST:
            raise ValueError(f"seconds must not lead past the year 8999, as {seconds} would")
        self._clock.advance(seconds)
        self._agenda.rearm()
        return self._clock.epoch()

    def clear(self) -> None:
        """Forget every message."""
        self._store.clear()
        self._timeline.cleared()

    def send_webhooks(self, *, smsbat_url: str | None, zns_url: str | None) -> None:
        """Say where webhooks are sent from now on.

        Args:
            smsbat_url: Where SMSBAT's; None sends none.
            zns_url: Where ZNS's; None sends none.

        Raises:
            ValueError: If one is no http or https URL.
        """
        check_url("smsbat_url", smsbat_url)
        check_url("zns_url", zns_url)
        if smsbat_url is not None or zns_url is not None:
            self._timeline.take_up()
        self._webhooks.send_to(smsbat_url=smsbat_url, zns_url=zns_url)
