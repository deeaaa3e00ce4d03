"""Every call passes here: who calls, what it may hold open, and what an error is on the wire.

Handlers are wrapped when they are registered. Each is given to gRPC as one that takes a stream of
raw messages, which on the wire is the same: so a call is counted before anything of it is read, and
nothing is read but in its turn.
"""

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, NoReturn
from urllib.parse import unquote

import grpc
from grpc import StatusCode

from onecard.core.config import Settings
from onecard.core.errors import BadInput, LedgerFault, NotFound, OnecardError, Overloaded, Stopped
from onecard.core.watch.log import Log
from onecard.grpc.metadata import METADATA, ROW_METADATA, TAKEN_METADATA
from onecard.grpc.server.directory import Directory
from onecard.grpc.server.receiving import Receiving, TooSlow, is_end
from onecard.grpc.server.seats import Seat, Seats
from onecard.grpc.server.unread import Answers, Unread

ALL = 0  # the ledger's own operator: no participant, may do everything
OURS = "/onecard.v1."
DETAILS_BYTES_MAX = 1000  # of an error's text: metadata is limited to 8 KiB
ASIDES_MAX = 128  # health and reflection, apart from ours: they answer also when calls are many
# What waits so long for its client alone is idle, where there are too many calls: a message that is
# on its way, or of a load that goes on, is there before.
IDLE_S = 0.5
# Its answer is a few bytes, so it goes out in one with the status: nothing of it can be unread.
BRIEF = frozenset({"/onecard.v1.Clearing/AuthorizeOne"})
# Messages of no bytes say nothing here, and are refused: gRPC's library also gives one for a frame
# whose flags are none.
NEVER_EMPTY = frozenset(
    {
        "/onecard.v1.Clearing/AuthorizeOne",
        "/onecard.v1.Ledger/GetBalance",
        "/onecard.v1.Ledger/GetEntry",
        "/onecard.v1.Ledger/GetOutcome",
        "/onecard.v1.Ledger/ListTrail",
        "/onecard.v1.Registry/Declare",
        "/onecard.v1.Registry/GetCard",
        "/onecard.v1.Registry/PutCard",
        "/onecard.v1.Registry/PutParticipant",
        "/onecard.v1.Registry/PutTerminal",
    }
)
# For whoever runs the ledger alone: asked before anything of a message is read or parsed.
OPERATORS_OWN = frozenset(
    {
        "/onecard.v1.Ledger/StreamJournal",
        "/onecard.v1.Registry/ConfirmClock",
        "/onecard.v1.Registry/Load",
        "/onecard.v1.Registry/PutCard",
        "/onecard.v1.Registry/PutParticipant",
        "/onecard.v1.Registry/PutRules",
        "/onecard.v1.Registry/PutTariff",
        "/onecard.v1.Registry/PutTerminal",
        "/onecard.v1.Settlement/CloseWindow",
    }
)
# Of a message that is parsed: one row, or one question. An empty field of two bytes becomes some
# twenty in memory, so a message may not be larger than what it is for.
MESSAGE_BYTES_MAX = 65_536
# What is larger by its nature; None is what the server takes of any.
BYTES_MAX: dict[str, int | None] = {
    "/onecard.v1.Registry/Load": None,
    "/onecard.v1.Registry/PutTariff": None,  # a fare from every station to every station
    "/onecard.v1.Registry/TokensOf": 393_216,  # 5,000 numbers of the longest, 66 bytes each
}
Work = Callable[[Seat, Any], Awaitable[Any]]  # what a call does, once it has its seat

_principal: ContextVar[int] = ContextVar("principal")


class Forbidden(OnecardError):
    """This participant may not do that."""


class Unauthenticated(OnecardError):
    """Nobody known is calling."""


CODES: tuple[tuple[type[OnecardError], StatusCode], ...] = (
    (BadInput, StatusCode.INVALID_ARGUMENT),
    (NotFound, StatusCode.NOT_FOUND),
    (Overloaded, StatusCode.RESOURCE_EXHAUSTED),
    (TooSlow, StatusCode.DEADLINE_EXCEEDED),
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


class Door(grpc.GenericRpcHandler):
    """In place of the server for what registers handlers, and the one handler of the server."""

    def __init__(
        self,
        directory: Directory,
        loopback: bool,
        log: Log,
        settings: Settings,
        answers: Answers,
        cuts: Counter[str],
    ) -> None:
        self.directory = directory
        self.loopback = loopback
        self.log = log
        self.settings = settings
        self.answers = answers
        self.receiving = Receiving(settings.receiving_max, cuts)
        advice = "send more taps a message on fewer calls"
        self.calls = Seats("calls", settings.calls_max, IDLE_S, advice, cuts)
        advice = "ask less often, on fewer connections"
        self.asides = Seats("calls of health and reflection", ASIDES_MAX, IDLE_S, advice, cuts)
        self.handlers: dict[str, Any] = {}

    # ---- registering ------------------------------------------------------------------------

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Generated code says each handler twice; the other way is taken."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Called by generated code, or with handlers made by hand. One whose messages are not
        parsed is given its seat and gRPC's context and reads for itself."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            brief = method in BRIEF
            guarded = self._guarded(method, self._work(method, handler, brief))
            if brief:
                build, serialize = grpc.stream_unary_rpc_method_handler, handler.response_serializer
            else:
                build, serialize = grpc.stream_stream_rpc_method_handler, None
            self.handlers[method] = build(guarded, None, serialize)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a method; None where there is none."""
        return self.handlers.get(handler_call_details.method)

    def _work(self, method: str, handler: Any, brief: bool) -> Work:
        parse, serialize = handler.request_deserializer, handler.response_serializer
        behaviour = (
            handler.unary_unary
            or handler.unary_stream
            or handler.stream_unary
            or handler.stream_stream
        )
        if parse is None:
            return behaviour  # type: ignore[no-any-return]
        ours = method.startswith(OURS)
        never_empty = method in NEVER_EMPTY
        bytes_max = BYTES_MAX.get(method, MESSAGE_BYTES_MAX) or self.settings.message_bytes_max
        wait_s = self.settings.between_s if handler.request_streaming else self.settings.receive_s

        def parsed(message: bytes) -> Any:
            if len(message) > bytes_max:
                raise BadInput(
                    f"{method}: expected a message of at most {bytes_max} bytes, found "
                    f"{len(message)}; send less in one"
                )
            # What it may be is said by its type; the library says no more than that it is not it.
            try:
                if not message and never_empty:
                    raise ValueError
                return parse(message)
            except Exception:
                found = "bytes that are none, or text that is not UTF-8" if message else "no bytes"
                raise BadInput(
                    f"{method}: expected the message of its .proto, found {found}; "
                    "generate the client anew from it"
                ) from None

        async def requests(seat: Seat) -> AsyncIterator[Any]:
            while not is_end(message := await self.receiving.read(seat, wait_s)):
                yield parsed(message)

        async def one(seat: Seat) -> Any:
            message = await self.receiving.read(seat, wait_s)
            if is_end(message):
                raise BadInput(f"{method}: expected one whole message, found none")
            return parsed(message)

        async def answer(seat: Seat, context: Any) -> Any:
            asked = requests(seat) if handler.request_streaming else await one(seat)
            if inspect.isasyncgenfunction(behaviour):
                async for message in behaviour(asked, context):
                    await self.answers.write_counted(context, serialize(message))
            elif handler.response_streaming:
                writing = Writing(self.answers, context, serialize, seat)
                await (behaviour(asked, writing) if ours else latest(behaviour, asked, writing))
            elif brief:
                return await behaviour(asked, context)
            else:
                response = await behaviour(asked, context)
                await self.answers.write_counted(context, serialize(response))
            return None

        return answer

    # ---- a call -----------------------------------------------------------------------------

    def _guarded(self, method: str, work: Work) -> Any:
        ours = method.startswith(OURS)
        operators_own = method in OPERATORS_OWN
        name = method.removeprefix(OURS).replace("/", ".")
        seats = self.calls if ours else self.asides

        async def guarded(_: Any, context: Any) -> Any:
            seat = Seat(context, asyncio.current_task())
            try:
                seats.take(seat)
                if ours:
                    _principal.set(await self._identify(context))
                if operators_own:
                    only_operator(name)
                return await work(seat, context)
            except OnecardError as error:
                let_go(error)
                await self._end(context, error)
            except asyncio.CancelledError as error:
                # The seat was taken away; or the client is gone, and there is nobody to tell.
                if not isinstance(seat.reason, OnecardError) or context.cancelled():
                    raise
                let_go(error)
                await self._end(context, seat.reason)
            except (grpc.aio.AbortError, grpc.aio.UsageError):
                raise
            except Exception as error:
                # The text may hold what the caller sent, so only its type is logged and sent.
                self.log.error("call_failed", method=method, error=type(error).__name__)
                let_go(error)
                await context.abort(
                    StatusCode.INTERNAL, f"{method}: the server failed; its log has the event"
                )
            finally:
                seats.leave(seat)

        return guarded

    async def _end(self, context: Any, error: OnecardError) -> NoReturn:
        if not isinstance(error, Unread):
            await abort(context, error)
        # Its status waits behind the answer that is not read.
        ending = asyncio.ensure_future(abort(context, error))
        ending.add_done_callback(lambda done: done.cancelled() or done.exception())
        await self.answers.end(context, ending)
        raise AssertionError("abort() raises")

    def busy(self) -> frozenset[str]:
        """Connections that carry a call."""
        taken = (*self.calls.taken, *self.asides.taken)
        return frozenset(seat.connection for seat in taken)

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


class Writing:
    """gRPC's context for a handler that writes its answers itself, and its seat.

    It is idle from its last answer on, and while that is not read.
    """

    def __init__(
        self, answers: Answers, context: Any, serialize: Callable[[Any], bytes], seat: Seat
    ) -> None:
        self.answers = answers
        self.context = context
        self.serialize = serialize
        self.seat = seat

    async def write(self, message: Any) -> None:
        """Unread where the client does not take it."""
        await self.write_bytes(self.serialize(message))

    async def write_bytes(self, message: bytes) -> None:
        """The same of what is serialized already."""
        self.seat.idle_since_s = asyncio.get_running_loop().time()
        await self.answers.write_counted(self.context, message)
        self.seat.idle_since_s = asyncio.get_running_loop().time()


class Latest:
    """gRPC's context for the watcher of health, which writes while it holds what tells the others:
    what is written waits here, and only the latest of it."""

    def __init__(self) -> None:
        self.message: Any = None
        self.changed = asyncio.Event()

    async def write(self, message: Any) -> None:
        """Returns at once."""
        self.message = message
        self.changed.set()


async def latest(behaviour: Callable[[Any, Any], Any], asked: Any, writing: Writing) -> None:
    """Writes what `behaviour` last wrote, until it ends."""
    latest = Latest()
    watching = asyncio.ensure_future(behaviour(asked, latest))
    watching.add_done_callback(lambda _: latest.changed.set())
    try:
        while not watching.done():
            await latest.changed.wait()
            latest.changed.clear()
            if latest.message is not None:
                await writing.write(latest.message)
        await watching
    finally:
        watching.cancel()


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
