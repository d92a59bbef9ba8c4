"""Watcher: who shows a campaign while it runs."""

from typing import Protocol

from smsbat_async.campaign.events import CampaignEvent


class Watcher(Protocol):
    """Shows a campaign while its file is read, and while it runs."""

    def start(self, campaign: str) -> None:
        """Begin to show it.

        Args:
            campaign: Its name.
        """
        ...

    def tell(self, event: CampaignEvent) -> None:
        """Show what happened.

        Args:
            event: What did.
        """
        ...

    def pausing(self, hint: str) -> None:
        """Show that it is being paused.

        Args:
            hint: What that means, and what else can be done.
        """
        ...

    def stop(self) -> None:
        """Show it no longer; it may be started again."""
        ...
