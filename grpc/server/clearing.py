"""Clearing: taps in, decisions out. The stream moves bytes and never looks into them."""

import asyncio
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc

from onecard.core.errors import (
    BadInput,
    OnecardError,
    Overloaded,
    Reclaimed,
    Stopped,
    Unread,
)
from onecard.ext.shape.numbers import Flag
from onecard.grpc.server.access import principal
from onecard.grpc.server.bridge import STOPPING, Bridge
from onecard.grpc.server.directory import Directory
from onecard.grpc.server.receiving import is_end
from onecard.grpc.server.seats import Seat, Seats
from onecard.grpc.server.unread import Answers
from onecard.v1 import tap_pb2

SERVICE = "onecard.v1.Clearing"
# Every column of a TapBatch that clients have always had, with one row: tag, length, value.
TO_KIND, AMOUNT, FROM_FLAGS = "<2BQ 2BI 2BI 2BI 2Bq 2BB", " 2Bq", " 2BB 2BI 2BQ 2BI 2BI"
ONE_ROW = struct.Struct(TO_KIND + AMOUNT + FROM_FLAGS)
AMOUNT_AT = struct.calcsize(TO_KIND)
AMOUNT_END = struct.calcsize(TO_KIND + AMOUNT)
# Those that came later; they are left out where they are 0.
LATER = (
    *("line", "scene", "face_fen", "chip_before_fen", "chip_counter", "chip_loads", "caused_by"),
    *("sponsor", "programme", "ends_us"),
)
LATER_BYTES = ("rider_class", "media")  # a byte a row
BYTE_MAX = 255
KIND_BEYOND = 255  # what no kind is ever numbered: a value that does not fit in a byte

EMPTY = (
    "a message of this stream: expected a TapBatch in a frame with flag 0 or 1, found no bytes or "
    "another flag"
)

Token = Callable[[str], int]


class ClearingService:
    """Authorize and AuthorizeOne over one node.

    A stream's answers come in the order of its messages. Up to `pipelined_max` of them are in
    flight; a client that does not read its answers stops being read, and after a while its stream
    is cut. One with nothing in flight ends where another needs its place.
    """

    def __init__(
        self,
        bridge: Bridge,
        directory: Directory,
        token: Token,
        seats: Seats,
        answers: Answers,
        taps_max: int,
        pipelined_max: int,
    ) -> None:
        self.bridge = bridge
        self.directory = directory
        self.token = token
        self.seats = seats  # of streams
        self.answers = answers
        self.taps_max = taps_max  # of a message
        self.pipelined_max = pipelined_max
        self.streams: set[asyncio.Task[None]] = set()  # the reader of each open one
        self.stopping = False
        self.batches: Counter[str] = Counter(answered=0, refused=0, malformed=0, cancelled=0)
        self.in_flight_bytes = 0

    def handlers(self) -> dict[str, Any]:
        """In place of the generated ones: Authorize takes and gives raw bytes."""
        return {
            "Authorize": grpc.stream_stream_rpc_method_handler(self.authorize),
            "AuthorizeOne": grpc.unary_unary_rpc_method_handler(
                self.authorize_one,
                tap_pb2.Tap.FromString,
                tap_pb2.Decision.SerializeToString,
            ),
        }

    async def authorize(self, call: Seat, context: Any) -> None:
        """One stream: a task reads and submits, this one waits for each answer and writes it."""
        if self.stopping:
            raise _stopped()
        seat = Seat(context, None)
        self.seats.take(seat)
        answers: asyncio.Queue[asyncio.Future[bytes] | None] = asyncio.Queue(self.pipelined_max)
        seat.task = reader = asyncio.create_task(self._take(seat, answers))
        self.streams.add(reader)
        try:
            await self._answer(seat, answers)
        finally:
            self.seats.leave(seat)
            self.streams.discard(reader)
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
            self._forget(answers)

    async def _take(
        self, seat: Seat, answers: "asyncio.Queue[asyncio.Future[bytes] | None]"
    ) -> None:
        """Reads and submits until the client is done, is refused, or the server stops."""
        stream, who = object(), principal()
        last: asyncio.Future[bytes] | None = None
        seat.idle_since_s = self.bridge.loop.time()
        try:
            while not is_end(message := await seat.context.read()):
                seat.in_flight += 1
                seat.idle_since_s = 0.0
                future, done = self.bridge.expect()
                if not message:
                    # gRPC's library also gives no bytes for a frame whose flags are none.
                    raise BadInput(EMPTY)
                # Into the queue first: were it the other way round, a stop between the two would
                # take a batch and lose its answer.
                await answers.put(future)
                await self._submit_stream(who, stream, message, future, done)
                if future.done():  # refused at the door; nothing after it is taken
                    return
        except asyncio.CancelledError:
            if seat.reason is not None:
                last = self._failed(seat.reason)
            elif self.stopping:
                last = self._failed(_stopped())
            else:
                raise
        except Exception as error:
            last = self._failed(error)
        await answers.put(last)

    async def _submit_stream(
        self,
        who: int,
        stream: object,
        message: bytes,
        future: asyncio.Future[bytes],
        done: Callable[[object], None],
    ) -> None:
        """As `_submit`; for what takes long to read the next of the stream waits."""
        try:
            message = await self.bridge.regular(message, self.taps_max)
        except OnecardError as error:
            future.set_exception(error)
            return
        self._submit(who, stream, message, future, done)

    def _submit(
        self,
        who: int,
        stream: object,
        message: bytes,
        future: asyncio.Future[bytes],
        done: Callable[[object], None],
    ) -> None:
        size = len(message)
        self.in_flight_bytes += size

        def settled(_: object) -> None:
            self.in_flight_bytes -= size

        future.add_done_callback(settled)
        try:
            self.bridge.node.taps(who, stream, message, done)
        except Exception as error:
            future.set_exception(error)

    async def _answer(
        self, seat: Seat, answers: "asyncio.Queue[asyncio.Future[bytes] | None]"
    ) -> None:
        answered = 0
        while (future := await answers.get()) is not None:
            try:
                message = await future
            except (Stopped, Reclaimed):
                raise
            except OnecardError as error:
                self.batches["refused" if isinstance(error, Overloaded) else "malformed"] += 1
                raise type(error)(f"message {answered + 1} of this stream: {error}") from None
            try:
                await self.answers.write(seat.context, message)
            except Unread as error:
                self.batches["refused"] += 1
                raise Unread(f"answer {answered + 1} of this stream: {error}") from None
            answered += 1
            self.batches["answered"] += 1
            seat.in_flight -= 1
            if seat.in_flight == 0:
                seat.idle_since_s = self.bridge.loop.time()

    def _forget(self, answers: "asyncio.Queue[asyncio.Future[bytes] | None]") -> None:
        """What nobody waits for any more; it is decided and journalled all the same."""
        while not answers.empty():
            future = answers.get_nowait()
            if future is not None and not future.cancel():
                with suppress(Exception):
                    future.exception()  # seen, so that asyncio does not complain
            self.batches["cancelled"] += future is not None

    def _failed(self, error: Exception) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = self.bridge.loop.create_future()
        future.set_exception(error)
        return future

    def stop(self) -> None:
        """Takes nothing more; each stream ends with UNAVAILABLE after its answers in flight."""
        self.stopping = True
        for reader in self.streams:
            reader.cancel()

    async def authorize_one(self, tap: tap_pb2.Tap, _: Any) -> tap_pb2.Decision:
        """One row, the very same way: a batch of one."""
        if self.stopping:
            raise _stopped()
        card = self.token(tap.card_number) if tap.HasField("card_number") else tap.card
        terminal: int | None = tap.terminal
        if tap.HasField("terminal_number"):
            # Unknown is 0, which is never issued: the judge answers TERMINAL_UNKNOWN.
            terminal = await self.directory.terminal(tap.terminal_number)
        future, done = self.bridge.expect()
        # No stream: calls of one row have no order among each other.
        self._submit(principal(), None, one_row(tap, card, terminal or 0), future, done)
        answer = tap_pb2.Decisions.FromString(await future)
        self.batches["answered"] += 1
        return tap_pb2.Decision(
            outcome=answer.outcome[0],  # type: ignore[arg-type]  # an open enum
            sequence=answer.sequence[0],
            amount_fen=answer.amount_fen[0],
            balance_fen=answer.balance_fen[0],
            repeated=bool(answer.repeated[0]),
        )


def one_row(tap: tap_pb2.Tap, card: int, terminal: int) -> bytes:
    """A TapBatch of one row, its request_id 0. An amount that is not said stays out. BadInput."""
    kind = int(tap.kind)
    row = ONE_ROW.pack(
        *(2 << 3 | 2, 8, card),
        *(3 << 3 | 2, 4, terminal),
        *(4 << 3 | 2, 4, tap.terminal_seq),
        *(5 << 3 | 2, 4, tap.epoch),
        *(6 << 3 | 2, 8, tap.tapped_at_us),
        *(7 << 3 | 2, 1, kind if 0 <= kind <= KIND_BEYOND else KIND_BEYOND),
        *(8 << 3 | 2, 8, tap.amount_fen),
        *(9 << 3 | 2, 1, tap.offline * Flag.OFFLINE | tap.gate_rated * Flag.RATED),
        *(10 << 3 | 2, 4, tap.place),
        *(11 << 3 | 2, 8, tap.about),
        *(12 << 3 | 2, 4, tap.about_epoch),
        *(13 << 3 | 2, 4, tap.about_seq),
    )
    if not tap.HasField("amount_fen"):
        row = row[:AMOUNT_AT] + row[AMOUNT_END:]
    columns: dict[str, Any] = {name: [said] for name in LATER if (said := getattr(tap, name))}
    columns |= {name: _byte(name, said) for name in LATER_BYTES if (said := getattr(tap, name))}
    return row + tap_pb2.TapBatch(**columns).SerializeToString() if columns else row


def _byte(name: str, said: int) -> bytes:
    """A column of one row, whose values are bytes; BadInput."""
    if said > BYTE_MAX:
        raise BadInput(f"{name}: expected 0 to {BYTE_MAX}, found {said}; send the tap with its own")
    return bytes([said])


def _stopped() -> Stopped:
    return Stopped(STOPPING)
