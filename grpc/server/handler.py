"""Every call passes here: it is given a seat, its caller is named, its messages read and parsed.

Handlers are wrapped when they are registered. Each is given to gRPC as one that takes a stream of
raw messages, which on the wire is the same: so a call is counted before anything of it is read, and
nothing is read but in its turn.
"""

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc
from grpc import StatusCode

from onecard.core.config import Settings
from onecard.core.errors import BadInput, OnecardError, Refused, Stopped, Unread
from onecard.core.watch.log import Log
from onecard.grpc.server.access import admit, identify
from onecard.grpc.server.bridge import STOPPING
from onecard.grpc.server.directory import Directory
from onecard.grpc.server.methods import BRIEF, NEVER_EMPTY, OURS, bytes_max
from onecard.grpc.server.receiving import Receiving, is_end
from onecard.grpc.server.refusal import abort, let_go
from onecard.grpc.server.refusals import Refusals
from onecard.grpc.server.seats import Seat, Seats
from onecard.grpc.server.unread import Answers
from onecard.grpc.server.writing import Writing, latest

ASIDES_MAX = 128  # health and reflection, apart from ours: they answer also when calls are many
# What waits so long for its client alone is idle, where there are too many calls: a message that is
# on its way, or of a load that goes on, is there before.
IDLE_S = 0.5
Work = Callable[[Seat, Any], Awaitable[Any]]  # what a call does, once it has its seat


class Handlers(grpc.GenericRpcHandler):
    """In place of the server for what registers handlers, and the one handler of the server."""

    def __init__(
        self,
        directory: Directory,
        loopback: bool,
        log: Log,
        settings: Settings,
        answers: Answers,
        cuts: Counter[str],
        refusals: Refusals,
    ) -> None:
        self.refusals = refusals
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
        self.stopping = False  # nothing of ours is taken any more; health answers until the end

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
        size_max = bytes_max(method, self.settings.message_bytes_max)
        wait_s = self.settings.between_s if handler.request_streaming else self.settings.receive_s

        def parsed(message: bytes) -> Any:
            if len(message) > size_max:
                raise BadInput(
                    f"{method}: expected a message of at most {size_max} bytes, found "
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
        seats = self.calls if ours else self.asides

        async def guarded(_: Any, context: Any) -> Any:
            seat = Seat(context, asyncio.current_task())
            try:
                seats.take(seat)
                if ours and self.stopping:
                    raise Stopped(STOPPING)
                if ours:
                    found = await identify(context, self.directory, self.loopback, method)
                    admit(method, found)
                return await work(seat, context)
            except OnecardError as error:
                let_go(error)
                if isinstance(error, Refused):
                    await self.refusals.note(method, error)
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
