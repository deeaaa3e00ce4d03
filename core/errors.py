"""What callers may catch. Each message is one line: what was expected and found, and what to do."""

import errno

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

    Of an act or a request of many rows: `row` is the one at fault, counted from 0, None where it
    is none in particular; `rows` says of which rows; `taken` how many rows before it were taken,
    None where that is not known.
    """

    row: int | None = None
    rows: str = ""
    taken: int | None = None


class BadInput(OnecardError):
    """The caller sent something that is not what it says."""


class NotFound(OnecardError):
    """There is no such card, entry, window or file."""


class Overloaded(OnecardError):
    """A named limit is reached; nothing was taken, send again later."""


class DiskLow(Overloaded):
    """There is no room to make an answer durable; reads are still served."""


class ClockDoubtful(Overloaded):
    """The wall clock is not to be believed, so nothing is booked; reads are still served."""


class LedgerMissing(OnecardError):
    """There is no ledger in that folder."""


class LedgerInUse(OnecardError):
    """Another process writes this ledger."""


class LedgerForeign(OnecardError):
    """The file is not a ledger of this format, version or id."""


class LedgerFault(OnecardError):
    """What is stored contradicts itself; names the first block at fault."""


class Stopped(OnecardError):
    """The engine stopped; nothing more is answered by this process."""
