"""How a call ends that is refused: the status, the words and the reason of an error of ours."""

from typing import Any, NoReturn

from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc import StatusCode
from grpc_status import rpc_status  # type: ignore[import-untyped]

from onecard.core.errors import OnecardError
from onecard.grpc.metadata import ROW_METADATA, TAKEN_METADATA
from onecard.grpc.status import DOMAIN, status_of

# Of an error's text: metadata is limited to 8 KiB, and the text is in it twice, once with three
# bytes for each that is not ASCII, and once in base64.
DETAILS_BYTES_MAX = 1000


async def abort(context: Any, error: OnecardError) -> NoReturn:
    """Ends the call with the status that the error's class has on the wire, and its reason."""
    code = status_of(type(error))
    where = f"{error.rows}[{error.row}]" if error.rows and error.row is not None else ""
    said = f"{where}: {error}" if where else str(error)
    text = said.encode()[:DETAILS_BYTES_MAX].decode("utf-8", "ignore")
    trailing = [(ROW_METADATA, where)] if where else []
    if error.taken is not None:
        trailing.append((TAKEN_METADATA, str(error.taken)))
    await context.abort(code, text, (*trailing, *reason_metadata(error, code, text)))
    raise AssertionError("abort() raises")


def reason_metadata(
    error: OnecardError, code: StatusCode, text: str
) -> tuple[tuple[str, bytes], ...]:
    """`grpc-status-details-bin`: the reason, and the row, of which rows and how many were taken
    before it, as far as that is known."""
    info = ErrorInfo(reason=error.reason, domain=DOMAIN)
    if error.rows:
        info.metadata["rows"] = error.rows
    for name, value in (("row", error.row), ("taken", error.taken)):
        if value is not None:
            info.metadata[name] = str(value)
    status = Status(code=code.value[0], message=text)
    status.details.add().Pack(info)
    trailing: tuple[tuple[str, bytes], ...] = rpc_status.to_status(status).trailing_metadata
    return trailing


def let_go(error: BaseException) -> None:
    """Drop the frames that an error came through, and so the message that they hold. gRPC keeps
    the error with the call in a cycle, until memory is next looked through."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            left += [one.__context__, one.__cause__]
            one.__traceback__ = None
