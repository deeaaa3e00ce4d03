"""What a client raises where a call fails: one of our errors, in one line.

The class is that of the reason which the server sent; of a server that sends none, of one that
contradicts its own status, and of a reason that is not known here, it is that of the status.
"""

from typing import Any

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]
from grpc import StatusCode
from grpc_status import rpc_status  # type: ignore[import-untyped]

from onecard.core.errors import REASONS, OnecardError, Refused, Unanswered, Unreachable
from onecard.grpc.metadata import ROW_METADATA, TAKEN_METADATA
from onecard.grpc.status import DOMAIN, STATUS

__all__ = ["Refused", "Unanswered", "Unreachable", "error_of", "reason_of"]

# A call that gRPC ends by itself is one that nobody answered.
ERRORS = {StatusCode.CANCELLED: Unanswered} | {code: kind for kind, code in STATUS.items()}

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
    reason = reason_of(error)
    known = REASONS.get(reason, kind)
    told = f"{address}: {line}" if kind in (Unreachable, Unanswered) else line
    made = known(told) if issubclass(known, kind) else kind(told)
    made.reason = reason or made.reason
    made.rows, _, row = where.removesuffix("]").partition("[")
    made.row = int(row) if row.isdecimal() else None
    taken = str(trailing.get(TAKEN_METADATA, ""))
    made.taken = int(taken) if taken.isdecimal() else None
    return made


def reason_of(error: Any) -> str:
    """The reason that our server sent beside the status; empty where it sent none."""
    info = ErrorInfo()
    try:
        status = rpc_status.from_call(error)
        for detail in () if status is None else status.details:
            if detail.Is(ErrorInfo.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN:
                return str(info.reason)
    except (ValueError, DecodeError):  # it is not what it says, so the status is believed alone
        pass
    return ""
