"""Exit: with which code the program ends, and why."""

import enum
from typing import Final

from smsbat_async.errors import (
    ConfigurationError,
    InvalidMessageError,
    LedgerConflictError,
    LedgerError,
    OutcomeUnknownError,
    SmsBatError,
)


class Exit(enum.IntEnum):
    """The exit codes of `smsbat`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNKNOWN = 3
    STOPPED = 4
    PAUSED = 5
    LEDGER = 6
    STOPPED_AT_ONCE = 130


MEANING: Final = {
    Exit.DONE: "Done. Also after SIGTERM, once everything under way has been recorded.",
    Exit.FAILED: (
        "Something failed: a message was refused or not delivered, a status is not known, "
        "a request did not get through, or you answered no."
    ),
    Exit.USAGE: (
        "Wrong usage, configuration or file; nothing was sent. Also a campaign that is not there, or that "
        "this cannot be done with."
    ),
    Exit.UNKNOWN: (
        "Done, but what became of some messages is not known: UNKNOWN rows are to be settled, or the time "
        "was over."
    ),
    Exit.STOPPED: "A rule of the campaign, its budget or the vendor stopped it; the reason is shown.",
    Exit.PAUSED: (
        "Paused by Ctrl-C or a closed terminal; nothing is in flight, and `campaign resume` goes on."
    ),
    Exit.LEDGER: "The ledger is in use, full, damaged or out of reach; nothing unrecorded was sent.",
    Exit.STOPPED_AT_ONCE: "Stopped at once, by a second Ctrl-C; what was in flight is UNKNOWN.",
}
"""What each code means, for people."""


def of_error(error: SmsBatError) -> Exit:
    """Return the code for an error that ended a command.

    Args:
        error: The error.
    """
    if isinstance(error, OutcomeUnknownError):
        return Exit.UNKNOWN
    if isinstance(error, ConfigurationError | InvalidMessageError | LedgerConflictError):
        return Exit.USAGE
    return Exit.LEDGER if isinstance(error, LedgerError) else Exit.FAILED
