"""The one interceptor: who calls, and what an error is called on the wire."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, NoReturn
from urllib.parse import unquote

import grpc
from grpc import StatusCode

from onecard.core.errors import BadInput, LedgerFault, NotFound, OnecardError, Overloaded, Stopped
from onecard.core.log import Log
from onecard.grpc.directory import Directory

METADATA = "onecard-participant"  # id of a participant, or its name percent-encoded (RFC 3986)
# Of a call of many rows that was refused: the one at fault, such as terminals[17], and how many
# rows of the call were taken before it.
ROW_METADATA = "onecard-row"
TAKEN_METADATA = "onecard-taken"
ALL = 0  # the ledger's own operator: no participant, may do everything
OURS = "/onecard.v1."
DETAILS_BYTES_MAX = 1000  # of an error's text: metadata is limited to 8 KiB

_principal: ContextVar[int] = ContextVar("principal")


class Forbidden(OnecardError):
    """This participant may not do that."""


class Unauthenticated(OnecardError):
    """Nobody known is calling."""


CODES: tuple[tuple[type[OnecardError], StatusCode], ...] = (
    (BadInput, StatusCode.INVALID_ARGUMENT),
    (NotFound, StatusCode.NOT_FOUND),
    (Overloaded, StatusCode.RESOURCE_EXHAUSTED),
    (Stopped, StatusCode.UNAVAILABLE),
    (Forbidden, StatusCode.PERMISSION_DENIED),
    (Unauthenticated, StatusCode.UNAUTHENTICATED),
    (LedgerFault, StatusCode.DATA_LOSS),
    (OnecardError, StatusCode.FAILED_PRECONDITION),
)


def principal() -> int:
    """Who calls, inside a handler: a participant's id, or ALL. Authorization reads this alone."""
    return _principal.get()


def only_operator(what: str) -> None:
    """Forbidden for a participant: this is for whoever runs the ledger."""
    if principal() != ALL:
        raise Forbidden(
            f"{what}: expected the ledger's own operator, found participant {principal()}"
        )


def only_party(what: str, *parties: int) -> None:
    """Forbidden unless the caller runs the ledger or is one of `parties`."""
    if principal() != ALL and principal() not in parties:
        raise Forbidden(f"{what}: it is not of participant {principal()}; ask for what is")


class Door(grpc.aio.ServerInterceptor):
    """Every call of ours passes here; health and reflection do not."""

    def __init__(self, directory: Directory, loopback: bool, log: Log, calls_max: int) -> None:
        self.calls = 0  # now, streams included
        self.calls_max = calls_max
        self.directory = directory
        self.loopback = loopback
        self.log = log

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(OURS):
            return handler
        for behaviour, build in (
            (handler.unary_unary, grpc.unary_unary_rpc_method_handler),
            (handler.unary_stream, grpc.unary_stream_rpc_method_handler),
            (handler.stream_unary, grpc.stream_unary_rpc_method_handler),
            (handler.stream_stream, grpc.stream_stream_rpc_method_handler),
        ):
            if behaviour is not None:
                guarded = self._guarded(behaviour, method)
                return build(guarded, handler.request_deserializer, handler.response_serializer)
        return handler

    def _guarded(self, behaviour: Callable[..., Awaitable[Any]], method: str) -> Any:
        async def guarded(request: Any, context: Any) -> Any:
            self.calls += 1
            try:
                if self.calls > self.calls_max:
                    raise Overloaded(
                        f"calls: {self.calls} are open, the limit is {self.calls_max}; "
                        "send more taps a message on fewer calls"
                    )
                _principal.set(await self._identify(context))
                return await behaviour(request, context)
            except OnecardError as error:
                await abort(context, error)
            except (grpc.aio.AbortError, grpc.aio.UsageError):
                raise
            except Exception as error:
                # The text may hold what the caller sent, so only its type is logged and sent.
                self.log.error("call_failed", method=method, error=type(error).__name__)
                await context.abort(
                    StatusCode.INTERNAL, f"{method}: the server failed; its log has the event"
                )
            finally:
                self.calls -= 1

        return guarded

    async def _identify(self, context: Any) -> int:
        for name, value in context.invocation_metadata() or ():
            if name == METADATA:
                return await self._named(unquote(str(value)))
        if not self.loopback:
            raise Unauthenticated(
                f"expected metadata {METADATA} (a participant's id or name), found none"
            )
        return ALL

    async def _named(self, value: str) -> int:
        found = await self.directory.participant(value)
        if found is None:
            raise Unauthenticated(
                f"metadata {METADATA}: expected a participant's id or name, found {value[:88]!r}"
            )
        return found


async def abort(context: Any, error: OnecardError) -> NoReturn:
    """Ends the call with the status that the error's class has on the wire."""
    code = next(code for kind, code in CODES if isinstance(error, kind))
    where = f"{error.rows}[{error.row}]" if error.rows and error.row is not None else ""
    said = f"{where}: {error}" if where else str(error)
    text = said.encode()[:DETAILS_BYTES_MAX].decode("utf-8", "ignore")
    trailing = [(ROW_METADATA, where)] if where else []
    if error.taken is not None:
        trailing.append((TAKEN_METADATA, str(error.taken)))
    await context.abort(code, text, tuple(trailing))
    raise AssertionError("abort() raises")
