"""Importer: brings the recipients of a source into the ledger, checked on the way."""

import os
from collections.abc import Callable, Generator
from decimal import Decimal

from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.preflight import Preflight
from smsbat_async.campaign.prices import EXACT, PriceTable
from smsbat_async.campaign.reading import BATCH_MAXIMUM, Batches
from smsbat_async.campaign.recipients import Recipient, Recipients
from smsbat_async.campaign.records import CampaignRecord, NewMessage
from smsbat_async.campaign.rows import BadRow, Fingerprint, Source
from smsbat_async.campaign.tally import Tally, counted
from smsbat_async.errors import SourceError
from smsbat_async.policies import Rate

Told = Callable[[Tally], None]


class Importer:
    """Reads a source once, and keeps what is good in the ledger while it is counted.

    Args:
        source: Where the rows are.
        recipients: How they become messages.
        prices: What a part costs.
    """

    def __init__(self, source: Source, recipients: Recipients, prices: PriceTable | None) -> None:
        self._source = source
        self._recipients = recipients
        self._prices = prices
        self._tally = Tally(prices)

    async def run(
        self,
        ledger: Ledger,
        record: CampaignRecord,
        fingerprint: Fingerprint,
        *,
        rejects: str | os.PathLike[str] | None,
        rate: Rate | None,
        told: Told,
    ) -> Preflight:
        """Bring in what is not there yet; nothing is sealed.

        Args:
            ledger: Where to.
            record: The campaign; rows up to its `imported_line` are there.
            fingerprint: What the source was known by when the campaign was begun.
            rejects: Where to write every bad row, as CSV.
            rate: How many requests may start.
            told: Is told of every batch.

        Raises:
            SourceError: If the source cannot be read, or changed while it was.
            LedgerError: If its messages cannot be kept.
        """
        tally = self._tally
        # A transaction holds whole chunks.
        size = max(BATCH_MAXIMUM // record.chunk_size, 1) * record.chunk_size
        fresh: list[NewMessage] = []
        last = record.imported_line
        rows = self._rows(rejects, record.imported_line)
        async with Batches(rows, may_hang=not self._source.rereadable) as batches:
            async for batch in batches:
                for line, message in batch:
                    last = max(last, line)
                    if message is not None:
                        fresh.append(message)
                whole = len(fresh) // size * size
                if whole:
                    await ledger.add(record, fresh[:whole])
                    del fresh[:whole]
                told(tally)
        if tally.fingerprint != fingerprint:
            raise SourceError(f"{self._source.name} changed while it was read: nothing is sent; run it again")
        await ledger.add(record, fresh, read_to=last)
        return Preflight.tallied(
            tally,
            self._source.name,
            fingerprint,
            rate=rate,
            chunk_size=record.chunk_size,
            rejects=rejects,
        )

    def _rows(
        self, rejects: str | os.PathLike[str] | None, imported: int
    ) -> Generator[tuple[int, NewMessage | None], None, None]:
        """Return the line of every row, and its message if it is good and new; for a thread."""
        prices = self._prices
        for found in counted(self._source, self._recipients, self._tally, rejects):
            if isinstance(found, BadRow) or found.line <= imported:
                yield found.line, None
            else:
                yield found.line, _message(found, prices)


def _message(found: Recipient, prices: PriceTable | None) -> NewMessage:
    parts = None if found.parts is None else found.parts.parts
    price: Decimal | None = None
    if prices is not None and (part := prices.price(found.message.to_phone)) is not None:
        price = EXACT.multiply(part, Decimal(parts or 1))
    return NewMessage(found.line, found.message, parts, found.country, price)
