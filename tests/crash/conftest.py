"""PostgreSQL for these tests: as the tests of the ledger have it."""

from tests.campaign.conftest import driver_may_look_for_files, path, postgres, server, where

__all__ = ["driver_may_look_for_files", "path", "postgres", "server", "where"]
