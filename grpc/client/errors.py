"""What a client raises where a call fails: the wire's status as one of our errors, in one line."""

from typing import Any

from grpc import StatusCode

from onecard.core.errors import BadInput, LedgerFault, NotFound, OnecardError, Overloaded
from onecard.grpc.metadata import ROW_METADATA, TAKEN_METADATA


class Refused(OnecardError):
    """The server knows who asks, or does not, and says no."""


class Unreachable(OnecardError):
    """There is no server, or it is stopping. What was sent and not answered may be booked."""


class Unanswered(OnecardError):
    """No answer in time. What was sent may be booked: send the same again, or ask its outcome."""


ERRORS: dict[StatusCode, type[OnecardError]] = {
    StatusCode.INVALID_ARGUMENT: BadInput,
    StatusCode.NOT_FOUND: NotFound,
    StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    StatusCode.PERMISSION_DENIED: Refused,
    StatusCode.UNAUTHENTICATED: Refused,
    StatusCode.UNAVAILABLE: Unreachable,
    StatusCode.DEADLINE_EXCEEDED: Unanswered,
    StatusCode.CANCELLED: Unanswered,
    StatusCode.DATA_LOSS: LedgerFault,
}


NOBODY = "expected a server, found nobody who listens there; start one with onecard serve"
NO_HOST = "expected a host that is known, found none by that name; check it"
BROKEN = (
    "the connection broke off; what was sent and not answered may be booked: send the same again, "
    "or ask its outcome"
)
# A server that has more calls than it can look at ends them so, in gRPC's one bare word.
DROPPED = (
    "expected an answer, found that the server dropped the call, as it does where too many come at "
    "once; it may be booked: send the same again, or ask its outcome"
)
# What gRPC says of a connection in words of its own, in lower case; and what a person needs.
UNREACHABLE = (
    ("connection refused", NOBODY),
    ("failed to connect", "expected a server, found no way to it; check the host and the port"),
    ("errors resolving", NO_HOST),
    ("name resolution", NO_HOST),
    ("dns", NO_HOST),
    ("socket closed", BROKEN),
    ("goaway", BROKEN),
    ("connection reset", BROKEN),
    ("broken pipe", BROKEN),
    ("recvmsg", BROKEN),
)


def error_of(address: str, error: Any) -> OnecardError:
    """One line; the row at fault and what was taken before it where the server said so."""
    code = error.code()
    kind = ERRORS.get(code, OnecardError)
    line = " ".join((error.details() or "").split())
    trailing = dict(error.trailing_metadata() or ())
    where = str(trailing.get(ROW_METADATA, ""))
    line = line.removeprefix(f"{where}: ")
    if kind is Unreachable:
        line = next((said for hint, said in UNREACHABLE if hint in line.lower()), line)
    elif code is StatusCode.CANCELLED:
        line = DROPPED
    elif kind is OnecardError:
        line = f"{code.name}: {line}"
    made = kind(f"{address}: {line}" if kind in (Unreachable, Unanswered) else line)
    made.rows, _, row = where.removesuffix("]").partition("[")
    made.row = int(row) if row.isdecimal() else None
    taken = str(trailing.get(TAKEN_METADATA, ""))
    made.taken = int(taken) if taken.isdecimal() else None
    return made
