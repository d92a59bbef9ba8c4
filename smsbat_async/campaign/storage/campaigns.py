"""Campaigns: begun, found, and taken from state to state."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from smsbat_async.campaign.records import CampaignRecord, CampaignState
from smsbat_async.campaign.schema import campaign, from_moment
from smsbat_async.errors import ConfigurationError, LedgerConflictError

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


async def begin(
    connection: AsyncConnection,
    name: str,
    *,
    fingerprint: str,
    settings: dict[str, Any],
    chunk_size: int,
    now: int,
) -> CampaignRecord:
    """Make a campaign, or find the one of that name and source."""
    found = await _named(connection, name)
    if found is None:
        new = {
            "name": name,
            "state": CampaignState.IMPORTING.value,
            "fingerprint": fingerprint,
            "settings": written(settings),
            "chunk_size": chunk_size,
            "imported_line": 0,
            "size": 0,
            "created_at": now,
        }
        await connection.execute(campaign.insert(), new)
        return await get(connection, name)
    if found.fingerprint != fingerprint:
        raise LedgerConflictError(
            f"fingerprint: campaign {name!r} was begun with another source: give it that one to go on, "
            "or begin a campaign of another name"
        )
    return found


async def get(connection: AsyncConnection, name: str) -> CampaignRecord:
    """Return the campaign of a name."""
    found = await _named(connection, name)
    if found is None:
        raise LedgerConflictError(f"name: the ledger has no campaign {name!r}")
    return found


async def everyone(connection: AsyncConnection) -> list[CampaignRecord]:
    """Return all campaigns, the oldest first."""
    rows = await connection.execute(sa.select(campaign).order_by(campaign.c.id))
    return [_record(row) for row in rows]


async def change(connection: AsyncConnection, campaign_id: int, **values: Any) -> CampaignRecord:
    """Change columns of a campaign, and return it as it is then."""
    await connection.execute(campaign.update().where(campaign.c.id == campaign_id).values(**values))
    return await by_id(connection, campaign_id)


async def by_id(connection: AsyncConnection, campaign_id: int) -> CampaignRecord:
    """Return a campaign by its number."""
    row = (await connection.execute(sa.select(campaign).where(campaign.c.id == campaign_id))).one_or_none()
    if row is None:
        raise LedgerConflictError(f"campaign: the ledger has no campaign {campaign_id}")
    return _record(row)


def written(settings: dict[str, Any]) -> str:
    """Return settings as JSON.

    Raises:
        ConfigurationError: If they cannot be JSON.
    """
    problem = ""
    try:
        return _encode(settings).decode()
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        problem = type(error).__name__
    raise ConfigurationError(f"settings: must be what JSON can hold ({problem})")


async def _named(connection: AsyncConnection, name: str) -> CampaignRecord | None:
    row = (await connection.execute(sa.select(campaign).where(campaign.c.name == name))).one_or_none()
    return None if row is None else _record(row)


def _record(row: sa.Row[Any]) -> CampaignRecord:
    return CampaignRecord(
        id=row.id,
        name=row.name,
        state=CampaignState(row.state),
        reason=row.reason,
        fingerprint=row.fingerprint,
        settings=_decode(row.settings),
        chunk_size=row.chunk_size,
        imported_line=row.imported_line,
        size=row.size,
        created_at=from_moment(row.created_at),
        sealed_at=None if row.sealed_at is None else from_moment(row.sealed_at),
    )
