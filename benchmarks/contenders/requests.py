"""requests, as the vendor's own sample uses it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import requests

from benchmarks.contenders.base import HEADERS, PATH, Contender, Seen, authorities


class Requests(Contender):
    """One by one, each on a connection of its own, waiting for each: the sample of "Check Message Status"."""

    name = "requests, the vendor's sample"

    async def open(self) -> None:
        """Open nothing; look up whom to trust once."""
        self._verify = str(authorities()) if self._url.startswith("https") else True

    def _get(self, message_id: str) -> Any:
        answer = requests.get(f"{self._url}{PATH}{message_id}", headers=HEADERS, verify=self._verify)
        answer.raise_for_status()
        return answer.json()

    async def one(self, message_id: str) -> Any:
        """Return the answer as a dict; the event loop waits for it."""
        return self._get(message_id)

    async def check(self, ids: Sequence[str]) -> Sequence[Any]:
        """Return the answers as dicts; the event loop waits for all of them."""
        return [self._get(message_id) for message_id in ids]

    @staticmethod
    def seen(answer: Any) -> Seen:
        """Return what an answer says."""
        return Seen(answer["messageId"], answer["deliverystatus"], Decimal(str(answer["cost"])))
