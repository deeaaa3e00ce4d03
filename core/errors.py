"""What callers may catch. Each message is one line: what was expected and found, and what to do."""


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
