"""What callers may catch. Each message is one line: what was expected and found, and what to do.

    OnecardError            FAILED
      BadInput              BAD_INPUT
      NotFound              NOT_FOUND
      Overloaded            OVERLOADED
        DiskLow             DISK_LOW
        ClockDoubtful       CLOCK_DOUBTFUL
        Reclaimed           RECLAIMED
        Unread              UNREAD
        SweepsDue           SWEEPS_DUE
      CalendarEnds          CALENDAR_ENDS
      Refused               REFUSED
        Forbidden           FORBIDDEN
        Unauthenticated     UNAUTHENTICATED
      Unreachable           UNREACHABLE
        Stopped             STOPPED
      Unanswered            UNANSWERED
        TooSlow             TOO_SLOW
      LedgerMissing         LEDGER_MISSING
      LedgerInUse           LEDGER_IN_USE
      LedgerForeign         LEDGER_FOREIGN
        LedgerOld           LEDGER_OLD
      LedgerFault           LEDGER_FAULT
      MapFull               MAP_FULL
      WriteFailed           WRITE_FAILED

Beside each class is its reason, which a program may go by: it is sent with every refusal and stays
as it is for ever, while the words are for people and may change. docs/errors.md says of each what
it means and what to do.
"""

import errno
from collections.abc import Iterator

# What a person does about the usual ones; the others are said as the system says them.
OS_HINTS = {
    errno.EACCES: "; run it as the user who owns it",
    errno.EPERM: "; run it as the user who owns it",
    errno.ENOSPC: "; make room there and run it again",
    errno.EDQUOT: "; make room there and run it again",
    errno.EROFS: "; it lies on a file system that is only read",
    errno.EEXIST: "; expected a folder or nothing of that name",
    errno.ENOTDIR: "; expected a folder, and found a file on the way",
    errno.EMFILE: "; raise the limit of open files (ulimit -n)",
}


def os_words(error: OSError) -> str:
    """One line of an error of the operating system: which file, what happened, what to do.

    A write that fails does not say to what; it is standard output then, or a file that was asked
    for.
    """
    where = error.filename
    if isinstance(where, bytes):
        where = where.decode("utf-8", "replace")
    said = error.strerror or str(error) or type(error).__name__
    if where is None:
        where = "what was to be written (standard output, or a file that was asked for)"
    return f"{where}: {said}{OS_HINTS.get(error.errno or 0, '')}"


def quoted(found: object, most: int = 60) -> str:
    """What was found, as part of one line: of characters that show, and at most `most` of them."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(found)).split())
    return text if len(text) <= most else f"{text[:most]}..."


class OnecardError(Exception):
    """Everything below; the command line prints its message and nothing else.

    `reason` is that of the class, or what a server said where this side does not know it. Of an act
    or a request of many rows: `row` is the one at fault, counted from 0, None where it is none in
    particular; `rows` says of which rows; `taken` how many rows before it were taken, None where
    that is not known.
    """

    reason: str = "FAILED"
    row: int | None = None
    rows: str = ""
    taken: int | None = None


class BadInput(OnecardError):
    """The caller sent something that is not what it says."""

    reason = "BAD_INPUT"


class NotFound(OnecardError):
    """There is no such card, entry, window or file."""

    reason = "NOT_FOUND"


class Overloaded(OnecardError):
    """A named limit is reached; nothing was taken, send again later."""

    reason = "OVERLOADED"


class DiskLow(Overloaded):
    """There is no room to make an answer durable; reads are still served."""

    reason = "DISK_LOW"


class ClockDoubtful(Overloaded):
    """The wall clock is not to be believed, so nothing is booked; reads are still served."""

    reason = "CLOCK_DOUBTFUL"


class Reclaimed(Overloaded):
    """Ended while it was idle, for something new to be taken."""

    reason = "RECLAIMED"


class Unread(Overloaded):
    """The client does not read what it asked for."""

    reason = "UNREAD"


class SweepsDue(Overloaded):
    """What was due on the day of a window is not done yet: in a moment, by itself."""

    reason = "SWEEPS_DUE"


class CalendarEnds(OnecardError):
    """The calendar has no such day yet: load the days that are missing."""

    reason = "CALENDAR_ENDS"


class Refused(OnecardError):
    """The server knows who asks, or does not, and says no."""

    reason = "REFUSED"


class Forbidden(Refused):
    """This participant or actor may not do that."""

    reason = "FORBIDDEN"


class Unauthenticated(Refused):
    """Nobody known is calling."""

    reason = "UNAUTHENTICATED"


class Unreachable(OnecardError):
    """There is no server, or it is stopping. What was sent and not answered may be booked."""

    reason = "UNREACHABLE"


class Stopped(Unreachable):
    """The engine stopped; nothing more is answered by this process."""

    reason = "STOPPED"


class Unanswered(OnecardError):
    """No answer in time. What was sent may be booked: send the same again, or ask its outcome."""

    reason = "UNANSWERED"


class TooSlow(Unanswered):
    """A message did not come whole in its time, so nothing of it was taken."""

    reason = "TOO_SLOW"


class LedgerMissing(OnecardError):
    """There is no ledger in that folder."""

    reason = "LEDGER_MISSING"


class LedgerInUse(OnecardError):
    """Another process writes this ledger."""

    reason = "LEDGER_IN_USE"


class LedgerForeign(OnecardError):
    """The file is not a ledger of this format, version or id."""

    reason = "LEDGER_FOREIGN"


class LedgerOld(LedgerForeign):
    """The ledger is of an older format, which is read and not written any more."""

    reason = "LEDGER_OLD"


class LedgerFault(OnecardError):
    """What is stored contradicts itself; names the first block at fault."""

    reason = "LEDGER_FAULT"


class MapFull(OnecardError):
    """The map has no room for this transaction; nothing of it was written."""

    reason = "MAP_FULL"


class WriteFailed(OnecardError):
    """A write or a sync failed: what is on disk is unknown, so this process may not go on."""

    reason = "WRITE_FAILED"


def tree(kind: type[OnecardError] = OnecardError) -> Iterator[type[OnecardError]]:
    """A class and all below it, each before those below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


# Taken here, so that only what this page holds is met: what is internal elsewhere has no reason.
REASONS: dict[str, type[OnecardError]] = {kind.reason: kind for kind in tree()}
