"""How the ledger keeps what it is told; only the ledger uses it."""
