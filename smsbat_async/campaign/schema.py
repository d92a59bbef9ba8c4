"""The ledger's tables, one schema for SQLite and PostgreSQL, and how an older one becomes this one."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from smsbat_async.campaign.records import State
from smsbat_async.errors import LedgerFormatError
from smsbat_async.statuses import Outcome

CHUNK_MAXIMUM = 1_000
"""How many messages a chunk may have.

Message 12000345 is the 345th of chunk 12000: a chunk is a range of keys that needs no index and no column,
its messages lie side by side, and nobody has to hand out numbers to those who import at the same time.
"""

CODES: dict[State, int] = {
    State.PENDING: 0,
    State.SUBMITTING: 1,
    State.ACCEPTED: 2,
    State.DELIVERED: 3,
    State.UNDELIVERABLE: 4,
    State.PERMANENT_ERROR: 5,
    State.NOT_FOUND: 6,
    State.TIMED_OUT: 7,
    State.REJECTED: 8,
    State.NOT_SENT: 9,
    State.UNKNOWN: 10,
}
"""How states are written. These numbers are in files: add to them, change none."""

STATES = {code: state for state, code in CODES.items()}
OUTCOMES: dict[Outcome, int] = {
    Outcome.DELIVERED: CODES[State.DELIVERED],
    Outcome.UNDELIVERABLE: CODES[State.UNDELIVERABLE],
    Outcome.PERMANENT_ERROR: CODES[State.PERMANENT_ERROR],
    Outcome.NOT_FOUND: CODES[State.NOT_FOUND],
    Outcome.TIMED_OUT: CODES[State.TIMED_OUT],
}
"""The states that outcomes lead to."""

# SQLite makes the key of a table of its own rows of this type alone.
Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.BigInteger
"""Milliseconds since 1970, UTC."""
Amount = sa.Text
"""Money as decimal text: SQLite has no exact fractions, and no scale loses nothing."""

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

campaign = sa.Table(
    "campaign",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("common", sa.Text),
    sa.Column("chunk_size", sa.Integer, nullable=False),
    sa.Column("imported_line", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("sealed_at", Moment),
)
"""`common` is what all messages share that do not say otherwise: the sender's name, the type, and so on."""

chunk = sa.Table(
    "chunk",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("campaign_id", sa.ForeignKey("campaign.id"), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("claimed_at", Moment),
    sa.Column("not_before", Moment),
    sa.Column("due_at", Moment),
    sa.Column("accepted_at", Moment),
    sa.Column("asked", sa.BigInteger, nullable=False, server_default="0"),
    *(sa.Column(state.value, sa.Integer, nullable=False, server_default="0") for state in CODES),
    sa.CheckConstraint(
        " + ".join(state.value for state in CODES) + " = size", name="every_message_has_a_state"
    ),
    sa.CheckConstraint(" AND ".join(f"{state.value} >= 0" for state in CODES), name="no_state_is_owed"),
)
"""It counts its messages by state: who may be claimed, who is due, and every sum of messages is read here.

`asked` counts the status requests about its messages that brought no end; the others are the messages' polls.
"""

COUNTED = {code: chunk.c[state.value] for code, state in STATES.items()}
"""The column that counts the messages of a state, by its code."""

for _state in (State.PENDING, State.SUBMITTING, State.UNKNOWN, State.NOT_SENT):
    _some = chunk.c[_state.value] > 0
    sa.Index(
        f"chunk_{_state.value}", chunk.c.campaign_id, chunk.c.id, sqlite_where=_some, postgresql_where=_some
    )
_open = chunk.c.accepted > 0
sa.Index("chunk_due", chunk.c.campaign_id, chunk.c.due_at, sqlite_where=_open, postgresql_where=_open)
sa.Index("chunk_campaign", chunk.c.campaign_id)

recipient = sa.Table(
    "recipient",
    metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=False),
    sa.Column("line", sa.BigInteger, nullable=False),
    sa.Column("tracking_id", sa.Text, nullable=False),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("options", sa.Text),
)
"""Who is to get what. It never changes, and lies apart from what does, so that changes touch few pages."""

message = sa.Table(
    "message",
    metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("parts", sa.Integer),
    sa.Column("country", sa.Text),
    sa.Column("price", Amount),
    sa.Column("vendor_id", sa.Text),
    sa.Column("accepted_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("polls", sa.Integer),
    sa.Column("channel", sa.Text),
    sa.Column("cost", Amount),
    sa.Column("error_code", sa.Text),
    sa.Column("error", sa.Text),
    # PostgreSQL writes a changed row anew; in a page with room it need not touch the index.
    postgresql_with={"fillfactor": 50},
)
"""What became of it. Only the key is indexed: a random vendor's id would cost more than all the rest."""

news = sa.Table(
    "news",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("vendor_id", sa.Text, nullable=False, index=True),
    sa.Column("tracking_id", sa.Text),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("channel", sa.Text),
    sa.Column("cost", Amount),
    sa.Column("at", Moment, nullable=False),
)
"""What webhooks told of ids that nobody had in memory, until it is merged."""
_named = news.c.tracking_id.is_not(None)
sa.Index("news_tracking_id", news.c.tracking_id, sqlite_where=_named, postgresql_where=_named)

settlement = sa.Table(
    "settlement",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("campaign_id", sa.ForeignKey("campaign.id"), nullable=False, index=True),
    sa.Column("message_id", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("vendor_id", sa.Text),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
)
"""Who said what of a message whose fate was not known."""

Migration = Callable[[sa.Connection], None]

MIGRATIONS: Sequence[Migration] = ()
"""The first makes version 2 of version 1, and so on. A new ledger is made as the tables above say."""


def create(connection: sa.Connection, now: int) -> None:
    """Make the tables of a new ledger.

    Args:
        connection: A connection within a transaction.
        now: The time, in milliseconds since 1970.
    """
    metadata.create_all(connection)
    connection.execute(meta.insert().values(version=1 + len(MIGRATIONS), created_at=now))


def version(connection: sa.Connection) -> int | None:
    """Return the version of the schema, or None where there is no ledger yet."""
    if not sa.inspect(connection).has_table(meta.name):
        return None
    found: int = connection.execute(sa.select(meta.c.version)).scalar_one()
    return found


def migrate(connection: sa.Connection, steps: Sequence[Migration] = MIGRATIONS) -> bool:
    """Take the schema one version forward; call it again, each time in a transaction, until it is done.

    Args:
        connection: A connection within a transaction.
        steps: What to do, from version 1 on.

    Returns:
        Whether there was anything to do.

    Raises:
        LedgerFormatError: If the schema is of a version that this release does not know.
    """
    found = connection.execute(sa.select(meta.c.version)).scalar_one()
    check_version(found, 1 + len(steps))
    if found == 1 + len(steps):
        return False
    steps[found - 1](connection)
    connection.execute(meta.update().values(version=found + 1))
    return True


def check_version(found: Any, newest: int = 1 + len(MIGRATIONS)) -> None:
    """Check that this release knows a version of the schema.

    Raises:
        LedgerFormatError: If it does not.
    """
    if not isinstance(found, int) or not 1 <= found <= newest:
        raise LedgerFormatError(
            f"the ledger has version {found!r} and this release knows versions 1 to {newest}: "
            "use the release that wrote it, or a newer one; nothing was changed"
        )


def range_of(chunk_id: int) -> tuple[int, int]:
    """Return the first and the last number that a message of a chunk may have."""
    return chunk_id * CHUNK_MAXIMUM, (chunk_id + 1) * CHUNK_MAXIMUM - 1


def chunk_of(message_id: int) -> int:
    """Return the chunk that a message belongs to."""
    return message_id // CHUNK_MAXIMUM


def of_campaign(table: sa.Table, campaign_id: int) -> sa.Join:
    """Return the rows of a table of messages that belong to a campaign, joined with their chunks."""
    first = chunk.c.id * CHUNK_MAXIMUM
    within = table.c.id.between(first, first + CHUNK_MAXIMUM - 1)
    return chunk.join(table, sa.and_(chunk.c.campaign_id == campaign_id, within))


def to_moment(moment: dt.datetime) -> int:
    """Return how the ledger writes an aware datetime."""
    return round(moment.timestamp() * 1000)


def from_moment(written: int) -> dt.datetime:
    """Return the datetime, UTC, that the ledger wrote."""
    return dt.datetime.fromtimestamp(written / 1000, dt.UTC)
