"""Campaigns: a file of recipients, a durable ledger, and what became of each message."""
