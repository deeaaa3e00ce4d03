"""What an error of ours is on the wire, said once for both ways: its status, and its reason beside.

The reason goes as google.rpc.ErrorInfo in `grpc-status-details-bin`, where every language's library
for rich errors finds it.
"""

from grpc import StatusCode

from onecard.core.errors import (
    BadInput,
    LedgerFault,
    NotFound,
    OnecardError,
    Overloaded,
    Refused,
    Unanswered,
    Unauthenticated,
    Unreachable,
)

DOMAIN = "onecard"  # of an ErrorInfo: whose reasons they are
# A class that is not here has that of the class above it.
STATUS: dict[type[OnecardError], StatusCode] = {
    OnecardError: StatusCode.FAILED_PRECONDITION,
    BadInput: StatusCode.INVALID_ARGUMENT,
    NotFound: StatusCode.NOT_FOUND,
    Overloaded: StatusCode.RESOURCE_EXHAUSTED,
    Refused: StatusCode.PERMISSION_DENIED,
    Unauthenticated: StatusCode.UNAUTHENTICATED,
    Unreachable: StatusCode.UNAVAILABLE,
    Unanswered: StatusCode.DEADLINE_EXCEEDED,
    LedgerFault: StatusCode.DATA_LOSS,
}


def status_of(kind: type[OnecardError]) -> StatusCode:
    """The status that a class has on the wire."""
    return next(STATUS[above] for above in kind.__mro__ if above in STATUS)
