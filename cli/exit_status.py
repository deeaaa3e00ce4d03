"""What the number means that a command ends with: said once, here and in the README."""

from enum import IntEnum

from onecard.core.errors import LedgerFault, OnecardError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
PIPE_CLOSED = 141  # 128 + SIGPIPE: whoever read our output stopped reading


class Exit(IntEnum):
    """A script may go by it; the words beside it are for people."""

    DONE = 0
    DIFFERS = 1  # the command's own "no": breaks, declarations that differ, rows left out
    REFUSED = 2  # a wrong call, a refused file, no server; nothing beyond what was said is done
    FAULT = 3  # the ledger contradicts itself: onecard verify names where


def of_error(error: OnecardError) -> Exit:
    """The status of a command that an error ended."""
    return Exit.FAULT if isinstance(error, LedgerFault) else Exit.REFUSED
